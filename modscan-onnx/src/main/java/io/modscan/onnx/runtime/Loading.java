package io.modscan.onnx.runtime;

/**
 * How much of a network is in memory at a time. In a chain, prompts go through some blocks, then through the next ones, whose weights
 * are read meanwhile; the residual stream between them is kept in memory, or in a file where there is much of it. Each weight is
 * read once a window, of at most some 65,000 tokens. Values are the same as in one session.
 */
public enum Loading {
    /**
     * The whole network, if its weights fit into the memory that there is for them, else a chain. On a CUDA device, whose memory is not
     * known, a chain only if {@link RuntimeOptions#withWeightMemory} says how much there is for weights.
     */
    AUTOMATIC,
    /** The whole network in one session. */
    WHOLE,
    /** A chain of sessions, each of one or some blocks. On a CUDA device the memory for weights has to be said. */
    CHAIN
}
