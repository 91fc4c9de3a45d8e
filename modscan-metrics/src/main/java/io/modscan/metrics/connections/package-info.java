/** How units write to and read from each other through the residual stream, and modules by that. */
@NullMarked
package io.modscan.metrics.connections;

import org.jspecify.annotations.NullMarked;
