/** Units grouped by how they respond together. */
@NullMarked
package io.modscan.metrics.modules;

import org.jspecify.annotations.NullMarked;
