package io.modscan.onnx.runtime;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * How ONNX Runtime runs a model. Immutable.
 *
 * @param cudaDevice the CUDA device to run on, or empty for the CPU
 * @param threads    threads that one operator may use on the CPU, or empty for one a physical core, as far as Java may
 *                   use them
 * @param operators  shared libraries of operators that ONNX Runtime doesn't have itself
 * @param loading    how much of a network is in memory at a time
 * @param weightMemory bytes that weights may take, on the device if there is one; or empty for what the machine has, see
 *                   {@link #withWeightMemory}
 * @param precision the type that matrix products are computed in, see {@link #bfloat16}
 */
public record RuntimeOptions(
        OptionalInt cudaDevice,
        OptionalInt threads,
        List<Path> operators,
        Loading loading,
        OptionalLong weightMemory,
        ProductPrecision precision) {

    /**
     * Checks the numbers.
     *
     * @param cudaDevice see above
     * @param threads    see above
     * @param operators  see above
     * @param loading    see above
     * @param weightMemory see above
     * @param precision  see above
     * @throws IllegalArgumentException if the device is negative, the number of threads or of bytes not positive, or bfloat16 asked for
     *                                  on a device
     */
    public RuntimeOptions {
        operators = List.copyOf(operators);
        if (cudaDevice.isPresent() && cudaDevice.getAsInt() < 0) {
            throw new IllegalArgumentException(
                    "CUDA devices count from 0, so there is no device " + cudaDevice.getAsInt());
        }
        if (threads.isPresent() && threads.getAsInt() < 1) {
            throw new IllegalArgumentException(threads.getAsInt() + " threads run nothing; give at least 1");
        }
        Objects.requireNonNull(loading, "loading");
        if (precision == ProductPrecision.BFLOAT16 && cudaDevice.isPresent()) {
            throw new IllegalArgumentException(
                    "products in bfloat16 are for the CPU; a CUDA device computes in float32 here");
        }
        if (weightMemory.isPresent() && weightMemory.getAsLong() < 1) {
            throw new IllegalArgumentException(
                    weightMemory.getAsLong() + " bytes hold no weights; give as many as there is memory for");
        }
    }

    /**
     * On the CPU.
     *
     * @return the options
     */
    public static RuntimeOptions cpu() {
        return new RuntimeOptions(
                OptionalInt.empty(),
                OptionalInt.empty(),
                List.of(),
                Loading.AUTOMATIC,
                OptionalLong.empty(),
                ProductPrecision.FLOAT32);
    }

    /**
     * On a CUDA device. This needs the dependency {@code com.microsoft.onnxruntime:onnxruntime_gpu} in place of
     * {@code onnxruntime}, and CUDA with cuDNN on the machine.
     *
     * @param device the device, from 0
     * @return the options
     * @throws IllegalArgumentException if the device is negative
     */
    public static RuntimeOptions cuda(int device) {
        return new RuntimeOptions(
                OptionalInt.of(device),
                OptionalInt.empty(),
                List.of(),
                Loading.AUTOMATIC,
                OptionalLong.empty(),
                ProductPrecision.FLOAT32);
    }

    /**
     * The same with a number of threads.
     *
     * @param count threads that one operator may use on the CPU
     * @return the options
     * @throws IllegalArgumentException if the number is not positive
     */
    public RuntimeOptions withThreads(int count) {
        return new RuntimeOptions(cudaDevice, OptionalInt.of(count), operators, loading, weightMemory, precision);
    }

    /**
     * The same with a library of custom operators, as ONNX Runtime registers them. It is native code, which may do in this
     * process whatever it likes: take it from where you would take a program.
     *
     * @param library the shared library, such as {@code libcustom_ops.so}
     * @return the options
     */
    public RuntimeOptions withOperators(Path library) {
        List<Path> all = new ArrayList<>(operators);
        all.add(library);
        return new RuntimeOptions(cudaDevice, threads, all, loading, weightMemory, precision);
    }

    /**
     * The same with a network loaded otherwise.
     *
     * @param how whole, in a chain, or as fits, which is what is done unless told
     * @return the options
     */
    public RuntimeOptions withLoading(Loading how) {
        return new RuntimeOptions(cudaDevice, threads, operators, how, weightMemory, precision);
    }

    /**
     * The same with a limit to the memory for weights, in the type they are computed in, float32. Unless it is set, there
     * is for them what the machine or the container has, less Java's heap and what Java allows beside it (half of {@code -Xmx}
     * again), less 1.5 GiB for what is computed and the process itself, but a quarter of it in any case. What other programs take is
     * not counted, nor what other probes do, each of which reckons for itself: set it where there are several, or where a probe's
     * {@code memoryLimit} is above 1 GiB.
     *
     * @param bytes at most as many as weights may take; in a chain, two links are there at a time, one that computes and one that is
     *              read, where there is room
     * @return the options
     * @throws IllegalArgumentException if not positive
     */
    public RuntimeOptions withWeightMemory(long bytes) {
        return new RuntimeOptions(cudaDevice, threads, operators, loading, OptionalLong.of(bytes), precision);
    }

    /**
     * The same with the matrix products of a network computed in bfloat16, on the CPU: factors are rounded to 8 bits of mantissa, sums
     * are taken in float32, and what lies between products (residual stream, LayerNorm, softmax, poolings) stays in float32. It needs {@code
     * modscan-onednn} on the class path and is for models that modscan builds; a processor with units for it (AMX, or AVX-512 with
     * bfloat16) is several times as fast, one without is told of in the log, and one that has not even AVX-512 is refused when a session is opened, as it is without that module. Values are then off by some thousandths of their size: fit
     * for looking, and to be said beside a result, as a capture's provenance does ({@code runtime.precision}).
     *
     * @return the options
     * @throws IllegalArgumentException if these are for a CUDA device
     */
    public RuntimeOptions bfloat16() {
        return new RuntimeOptions(cudaDevice, threads, operators, loading, weightMemory, ProductPrecision.BFLOAT16);
    }
}
