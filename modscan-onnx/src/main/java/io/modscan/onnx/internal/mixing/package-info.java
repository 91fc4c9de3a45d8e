/** What a tensor of a graph hangs on beside a prompt's own: others in its batch, or padding. Not for users; may change at any time. */
@NullMarked
package io.modscan.onnx.internal.mixing;

import org.jspecify.annotations.NullMarked;
