/** Tokenizers as the hub keeps them. Not for users; may change at any time. */
@NullMarked
package io.modscan.onnx.internal.tokenizer;

import org.jspecify.annotations.NullMarked;
