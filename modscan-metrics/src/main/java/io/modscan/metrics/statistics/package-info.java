/** What a claim needs, of modscan's metrics or of one's own: p-values by shuffling, and adjusting many of them. */
@NullMarked
package io.modscan.metrics.statistics;

import org.jspecify.annotations.NullMarked;
