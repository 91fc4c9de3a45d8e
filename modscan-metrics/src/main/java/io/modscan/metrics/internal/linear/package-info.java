/** Linear algebra that several families of metrics need. Not for users; may change at any time. */
@NullMarked
package io.modscan.metrics.internal.linear;

import org.jspecify.annotations.NullMarked;
