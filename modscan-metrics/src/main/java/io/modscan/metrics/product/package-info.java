/** The product of large matrices in plain Java. */
@NullMarked
package io.modscan.metrics.product;

import org.jspecify.annotations.NullMarked;
