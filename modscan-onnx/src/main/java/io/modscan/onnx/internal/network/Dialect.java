package io.modscan.onnx.internal.network;

/** The operators that a graph may use. */
public enum Dialect {
    /** ONNX's own. */
    ONNX,
    /**
     * Also ONNX Runtime's product with the transpose of a matrix. A Transpose of a weight would be folded, and cost a
     * copy of all weights while a session is made.
     */
    ONNX_RUNTIME,
    /**
     * Also its operators that do in one what takes several of ONNX's, for what lies between the sites that are planned:
     * the inside of an attention, and a sum on the residual stream with the LayerNorm behind it. Its kernels for the CPU
     * take half the time there, and a quarter; those for CUDA have not been tried.
     */
    ONNX_RUNTIME_CPU
}
