package io.modscan.onnx.runtime;

/** In what type the matrix products of a network are computed. */
public enum ProductPrecision {
    /** Factors and sums in float32, as transformers computes a network in float32. */
    FLOAT32,
    /**
     * Factors rounded to bfloat16, which has 8 bits of mantissa, and sums in float32. What lies between products stays in
     * float32. Processors with units for it are several times as fast; values are off by some thousandths of their size.
     */
    BFLOAT16
}
