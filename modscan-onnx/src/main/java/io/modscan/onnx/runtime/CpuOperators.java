package io.modscan.onnx.runtime;

import java.util.Optional;

/**
 * Operators for ONNX Runtime's CPU provider that another library computes: the matrix products of a network, and what goes with them. An
 * implementation is a service ({@link java.util.ServiceLoader}) and is picked up when it is on the class path; {@code
 * modscan-onednn} is one. Graphs that modscan builds then use these operators in place of ONNX Runtime's; foreign models run as they
 * are.
 *
 * <p>All are of the domain {@link #DOMAIN}, version 1. Values are float32; matrices of weights may also be float16 or bfloat16, as a
 * checkpoint has them. An input in brackets may be left out. [.., K] has any axes before the last.
 *
 * <table>
 * <caption>The operators</caption>
 * <tr><th>operator</th><th>inputs</th><th>output</th></tr>
 * <tr><td>{@code Product}</td>
 *   <td>x [.., K]; weights, [N, K] if the attribute {@code transB} is 1, or else [K, N]; (bias [N]); (residual [.., N])</td>
 *   <td>[.., N]: x times the weights, plus the bias; the positive part of that if the attribute {@code relu} is 1; plus the residual</td></tr>
 * <tr><td>{@code LayerNorm}</td><td>x [.., K]; scale [K]; (shift [K])</td>
 *   <td>x, normalized along its last axis; the attribute {@code epsilon} is added to the variance</td></tr>
 * <tr><td>{@code Attention}</td>
 *   <td>q, k, v, each [batch, sequence, heads × units]; mask [batch, 1, sequence, sequence], added to the scores</td>
 *   <td>z [batch, sequence, heads × units]; scores are multiplied by the attribute {@code scale}; {@code num_heads} counts heads</td></tr>
 * <tr><td>{@code SelfAttention}</td>
 *   <td>x [batch, sequence, K]; the weights of q, k and v, each [heads × units, K]; their biases; the mask</td>
 *   <td>the z of the attention of these q, k and v</td></tr>
 * </table>
 *
 * <p>Implementations are public, have a public constructor without parameters that throws where the library can't be used, and are
 * safe for use by many threads.
 */
public interface CpuOperators {

    /** The domain of the operators. */
    String DOMAIN = "io.modscan";

    /**
     * What computes, for provenance and messages.
     *
     * @return the library's name and version, and the instructions of the processor that it uses
     */
    String describe();

    /**
     * Whether products can be computed in a type on this processor.
     *
     * @param precision the type
     * @return whether they can; in float32 always
     */
    boolean computes(ProductPrecision precision);

    /**
     * Whether the processor has units for a type, so that it is worth its rounding. Where it can compute in that type without them, it is
     * not faster than in float32.
     *
     * @param precision the type
     * @return whether it has
     */
    boolean isFast(ProductPrecision precision);

    /**
     * Lets a session use the operators. They are kept as long as the process lives.
     *
     * @param api       the address of ONNX Runtime's C API, a {@code struct OrtApi}
     * @param settings  the address of the settings of the session that is about to be opened, {@code OrtSessionOptions}
     * @param precision the type that products are computed in
     * @param threads   how many threads an operator may use, of its own for each thread that runs the session
     * @throws IllegalStateException if ONNX Runtime refuses the operators, with what it says
     */
    void addTo(long api, long settings, ProductPrecision precision, int threads);

    /**
     * Those that can be used here: the service that is on the class path and loads, looked for once. While the system property {@code
     * modscan.operators} is {@code onnxruntime}, there are none; what is open already stays as it is.
     *
     * @return the operators, or empty if there are none
     */
    static Optional<CpuOperators> installed() {
        return InstalledOperators.get();
    }
}
