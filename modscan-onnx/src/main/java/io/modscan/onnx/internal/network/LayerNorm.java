package io.modscan.onnx.internal.network;

/**
 * A LayerNorm.
 *
 * @param site    the site of its output
 * @param scale   the tensor of its scale, or empty if it has none
 * @param shift   the tensor of its shift, or empty if it has none
 * @param epsilon what is added to the variance
 */
public record LayerNorm(String site, String scale, String shift, float epsilon) {}
