/** Benchmarks on checkpoints that they make themselves. */
@NullMarked
package io.modscan.benchmarks;

import org.jspecify.annotations.NullMarked;
