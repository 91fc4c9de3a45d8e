/** The door to models that ONNX Runtime runs, of whichever kind. */
@NullMarked
package io.modscan.onnx;

import org.jspecify.annotations.NullMarked;
