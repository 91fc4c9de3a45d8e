/** ONNX models that somebody else exported: every tensor of theirs as a site, and what has to be said of them. */
@NullMarked
package io.modscan.onnx.foreign;

import org.jspecify.annotations.NullMarked;
