/** The OPT family: its checkpoints as models, and their export as ONNX files. */
@NullMarked
package io.modscan.onnx.opt;

import org.jspecify.annotations.NullMarked;
