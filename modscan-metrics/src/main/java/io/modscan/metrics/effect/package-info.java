/** Whether units do the work: what becomes of an outcome when they are switched off, with statistics. */
@NullMarked
package io.modscan.metrics.effect;

import org.jspecify.annotations.NullMarked;
