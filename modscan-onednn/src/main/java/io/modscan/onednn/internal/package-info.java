/** oneDNN's and ONNX Runtime's C APIs, and operators that compute with the one for the other. */
@NullMarked
package io.modscan.onednn.internal;

import org.jspecify.annotations.NullMarked;
