/** Sessions of ONNX Runtime, their runs and products. Not for users; may change at any time. */
@NullMarked
package io.modscan.onnx.internal.runtime;

import org.jspecify.annotations.NullMarked;
