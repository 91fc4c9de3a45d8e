package io.modscan.onednn.internal;

import io.modscan.onnx.runtime.CpuOperators;
import java.util.List;

/** The operators for one type and number of threads, in a domain for ONNX Runtime. */
public final class Domain {

    private final OrtApi api;
    private final long handle;
    private final List<Operator> operators;

    /**
     * Describes the operators to ONNX Runtime.
     *
     * @param table    the address of its C API
     * @param bfloat16 whether products are computed in bfloat16, or else in float32
     * @param threads  how many threads an operator uses
     */
    public Domain(long table, boolean bfloat16, int threads) {
        this.api = new OrtApi(table);
        Workspaces workspaces = new Workspaces(threads);
        int type = bfloat16 ? Dnnl.BF16 : Dnnl.F32;
        this.operators = List.of(
                new Operator(api, "Product", 4, 2, workspaces, (ort, info) -> new ProductKernel(ort, info, type)),
                new Operator(api, "LayerNorm", 3, 2, workspaces, NormKernel::new),
                new Operator(
                        api, "Attention", 4, 4, workspaces, (ort, info) -> new AttentionKernel(ort, info, type, false)),
                new Operator(
                        api,
                        "SelfAttention",
                        8,
                        8,
                        workspaces,
                        (ort, info) -> new AttentionKernel(ort, info, type, true)));
        this.handle = api.createDomain(CpuOperators.DOMAIN);
        operators.forEach(operator -> api.addOperator(handle, operator.structure()));
    }

    /**
     * Lets a session use them.
     *
     * @param settings the address of its settings
     */
    public void addTo(long settings) {
        api.addDomain(settings, handle);
    }

    /** Loads oneDNN, unless it can't be had. */
    public static void load() {
        DnnlLibrary.get();
    }

    /**
     * The library.
     *
     * @return its name and version, and what it uses of the processor
     */
    public static String describe() {
        DnnlLibrary library = DnnlLibrary.get();
        return "onednn " + library.version() + " (" + library.instructions() + ")";
    }

    /**
     * The processor.
     *
     * @return whether products can be computed in bfloat16
     */
    public static boolean computesBfloat16() {
        return DnnlLibrary.get().computesBfloat16();
    }

    /**
     * The processor.
     *
     * @return whether it has units for bfloat16
     */
    public static boolean hasBfloat16() {
        return DnnlLibrary.get().hasBfloat16();
    }
}
