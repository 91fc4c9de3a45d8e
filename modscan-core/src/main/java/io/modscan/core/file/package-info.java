/** Output files that appear whole or not at all, and input files that nobody vouches for. */
@NullMarked
package io.modscan.core.file;

import org.jspecify.annotations.NullMarked;
