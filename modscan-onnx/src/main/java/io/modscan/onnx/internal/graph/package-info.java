/** ONNX graphs: building them, their types, their weights. Not for users; may change at any time. */
@NullMarked
package io.modscan.onnx.internal.graph;

import org.jspecify.annotations.NullMarked;
