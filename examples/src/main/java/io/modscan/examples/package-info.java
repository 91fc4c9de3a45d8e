/** Small programs that use the library. */
@NullMarked
package io.modscan.examples;

import org.jspecify.annotations.NullMarked;
