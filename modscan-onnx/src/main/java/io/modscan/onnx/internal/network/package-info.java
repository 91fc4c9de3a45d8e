/**
 * The parts that a family's network is put together from, told names and sizes by it; what a plan makes of a network's sites;
 * and the session that runs it. Not for users; may change at any time.
 */
@NullMarked
package io.modscan.onnx.internal.network;

import org.jspecify.annotations.NullMarked;
