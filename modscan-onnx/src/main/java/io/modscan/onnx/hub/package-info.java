/**
 * Models of a Hugging Face hub: found in the cache that Python's {@code huggingface_hub} keeps, or fetched into it so that
 * Python finds them there too.
 */
@NullMarked
package io.modscan.onnx.hub;

import org.jspecify.annotations.NullMarked;
