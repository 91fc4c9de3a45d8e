/** What statistics have in common: adjusting many p-values. */
@NullMarked
package io.modscan.metrics.statistics;

import org.jspecify.annotations.NullMarked;
