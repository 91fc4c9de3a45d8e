/** Graphs of weighted links between units, and the communities of such a graph. */
@NullMarked
package io.modscan.metrics.internal.graph;

import org.jspecify.annotations.NullMarked;
