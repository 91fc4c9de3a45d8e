package io.modscan.metrics.subspace;

/**
 * One side of a matrix between the residual stream and a head or an MLP: what it reads from the stream, or what it writes to
 * it. Matrices multiply from the right, x·W, in the shapes of {@link io.modscan.core.model.Weights}.
 *
 * <p>A LayerNorm stands between the stream and what is read. So for a side that reads, the subspace has to be one of
 * {@code ln1.hook_normalized} (heads) or {@code ln2.hook_normalized} (MLP) of the same layer; in blocks with the LayerNorm
 * behind (350m), of {@code hook_resid_pre} and {@code hook_resid_mid}. For a side that writes it is one of
 * {@code hook_attn_out}, {@code hook_mlp_out}, or the stream itself, {@code hook_resid_…}, of the same layer or of one behind.
 */
public enum WeightSide {
    /** What a head's queries are made of: W_Q [D, d]. */
    W_Q("W_Q", true),
    /** What a head's keys are made of: W_K [D, d]. */
    W_K("W_K", true),
    /** What a head's values are made of: W_V [D, d]. */
    W_V("W_V", true),
    /** The query's side of W_QK = W_Q·W_Kᵀ [D, D]: what at the attending position decides how much it attends. */
    W_QK_QUERY("W_QK", true),
    /** The key's side of W_QK = W_Q·W_Kᵀ [D, D]: what at the position attended to decides that. */
    W_QK_KEY("W_QK", true),
    /** What a head reads to write something: the left side of W_OV = W_V·W_O [D, D]. */
    W_OV_READ("W_OV", true),
    /** What a head writes of what it reads: the right side of W_OV = W_V·W_O [D, D]. */
    W_OV_WRITE("W_OV", false),
    /** What a head can write: W_O [d, D]. */
    W_O("W_O", false),
    /** What neurons are made of: W_in [D, F]. */
    W_IN("W_in", true),
    /** What neurons write: W_out [F, D]. */
    W_OUT("W_out", false);

    private final String matrix;
    private final boolean reads;

    WeightSide(String matrix, boolean reads) {
        this.matrix = matrix;
        this.reads = reads;
    }

    /**
     * The name of the matrix.
     *
     * @return for example {@code W_OV}
     */
    public String matrix() {
        return matrix;
    }

    /**
     * Whether it is the side that reads from the residual stream.
     *
     * @return false for a side that writes to it
     */
    public boolean reads() {
        return reads;
    }

    /** Whether each head has one, rather than each layer. */
    boolean ofHead() {
        return this != W_IN && this != W_OUT;
    }
}
