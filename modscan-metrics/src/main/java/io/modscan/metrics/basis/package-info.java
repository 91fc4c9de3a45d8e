/** Other coordinates for a site's vectors: orthogonal bases, standardised ones, and those without the dimensions that outshine all others. */
@NullMarked
package io.modscan.metrics.basis;

import org.jspecify.annotations.NullMarked;
