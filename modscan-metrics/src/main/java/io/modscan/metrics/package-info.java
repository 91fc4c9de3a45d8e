/** What is measured of activations: {@link io.modscan.metrics.Metrics} lists it. */
@NullMarked
package io.modscan.metrics;

import org.jspecify.annotations.NullMarked;
