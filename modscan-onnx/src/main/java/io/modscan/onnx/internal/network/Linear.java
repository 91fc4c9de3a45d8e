package io.modscan.onnx.internal.network;

/**
 * The tensors of a linear map.
 *
 * @param weight the matrix [out, in]
 * @param bias   the name of the bias [out], or empty if there is none
 */
public record Linear(String weight, String bias) {}
