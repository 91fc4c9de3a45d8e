/** How ONNX Runtime is to run a model. */
@NullMarked
package io.modscan.onnx.runtime;

import org.jspecify.annotations.NullMarked;
