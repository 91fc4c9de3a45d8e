/** What all models that ONNX Runtime runs have in common, how it is to run them, and their export. */
@NullMarked
package io.modscan.onnx.runtime;

import org.jspecify.annotations.NullMarked;
