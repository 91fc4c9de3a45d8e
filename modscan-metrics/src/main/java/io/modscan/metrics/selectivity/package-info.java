/** Which units respond to which label, with the statistics that such a claim needs. */
@NullMarked
package io.modscan.metrics.selectivity;

import org.jspecify.annotations.NullMarked;
