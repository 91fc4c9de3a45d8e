package io.modscan.onednn;

import io.modscan.onednn.internal.Domain;
import io.modscan.onnx.runtime.CpuOperators;
import io.modscan.onnx.runtime.ProductPrecision;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The {@linkplain CpuOperators operators} by oneDNN, in float32 and bfloat16, on Linux on x86-64. It is a service and is found when this
 * module is on the class path; nobody needs to name it.
 */
public final class OneDnn implements CpuOperators {

    private record Kind(ProductPrecision precision, int threads) {}

    /** ONNX Runtime and its sessions may use them until the process ends. */
    private static final Map<Kind, Domain> DOMAINS = new ConcurrentHashMap<>();

    /**
     * Loads oneDNN.
     *
     * @throws UnsatisfiedLinkError if it can't be loaded on this system
     */
    public OneDnn() {
        Domain.load();
    }

    @Override
    public String describe() {
        return Domain.describe();
    }

    @Override
    public boolean computes(ProductPrecision precision) {
        return precision == ProductPrecision.FLOAT32 || Domain.computesBfloat16();
    }

    @Override
    public boolean isFast(ProductPrecision precision) {
        return precision == ProductPrecision.FLOAT32 || Domain.hasBfloat16();
    }

    @Override
    public void addTo(long api, long settings, ProductPrecision precision, int threads) {
        DOMAINS.computeIfAbsent(
                        new Kind(precision, threads),
                        kind -> new Domain(api, kind.precision() == ProductPrecision.BFLOAT16, kind.threads()))
                .addTo(settings);
    }
}
