/** The modscan command line, small programs that use the library, and the embedded demo model. */
@NullMarked
package io.modscan.examples;

import org.jspecify.annotations.NullMarked;
