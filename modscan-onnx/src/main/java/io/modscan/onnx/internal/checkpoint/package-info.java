/** Checkpoints' files: folders, safetensors, torch's pickles, JSON. Not for users; may change at any time. */
@NullMarked
package io.modscan.onnx.internal.checkpoint;

import org.jspecify.annotations.NullMarked;
