/** OPT checkpoints as ONNX graphs in which every tensor can be an output, run by ONNX Runtime. */
@NullMarked
package io.modscan.onnx;

import org.jspecify.annotations.NullMarked;
