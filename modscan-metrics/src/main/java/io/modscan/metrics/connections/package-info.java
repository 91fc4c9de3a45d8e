/** How units are connected through the residual stream, and which carry the same feature. */
@NullMarked
package io.modscan.metrics.connections;

import org.jspecify.annotations.NullMarked;
