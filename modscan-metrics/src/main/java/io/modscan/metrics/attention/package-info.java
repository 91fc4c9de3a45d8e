/** What attention heads look at. */
@NullMarked
package io.modscan.metrics.attention;

import org.jspecify.annotations.NullMarked;
