/** Matrix products by oneDNN inside ONNX Runtime's sessions. */
@NullMarked
package io.modscan.onednn;

import org.jspecify.annotations.NullMarked;
