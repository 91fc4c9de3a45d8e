/** Subspaces of a site's coordinates: the angles between them, and which of a model's matrices read from them or write to them. */
@NullMarked
package io.modscan.metrics.subspace;

import org.jspecify.annotations.NullMarked;
