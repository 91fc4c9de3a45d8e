/** ONNX's graphs, whoever's they are: building them, pieces of their messages, their types, weights and files. Not for users; may change at any time. */
@NullMarked
package io.modscan.onnx.internal.graph;

import org.jspecify.annotations.NullMarked;
