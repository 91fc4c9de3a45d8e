/** Ranks, rank tests and moments. Not for users; may change at any time. */
@NullMarked
package io.modscan.metrics.internal.rank;

import org.jspecify.annotations.NullMarked;
