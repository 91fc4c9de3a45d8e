/** ONNX models that somebody else exported. */
@NullMarked
package io.modscan.onnx.foreign;

import org.jspecify.annotations.NullMarked;
