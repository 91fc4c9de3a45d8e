/** Output files that appear whole or not at all. */
@NullMarked
package io.modscan.core.file;

import org.jspecify.annotations.NullMarked;
