/** What attention heads look at, and where that matters. */
@NullMarked
package io.modscan.metrics.attention;

import org.jspecify.annotations.NullMarked;
