package io.modscan.onnx.runtime;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * How ONNX Runtime runs a model. Immutable.
 *
 * @param cudaDevice the CUDA device to run on, or empty for the CPU
 * @param threads    threads that one operator may use on the CPU, or empty for one a physical core, as far as Java may
 *                   use them
 * @param operators  shared libraries of operators that ONNX Runtime doesn't have itself
 */
public record RuntimeOptions(OptionalInt cudaDevice, OptionalInt threads, List<Path> operators) {

    /**
     * Checks the numbers.
     *
     * @param cudaDevice see above
     * @param threads    see above
     * @param operators  see above
     * @throws IllegalArgumentException if the device is negative or the number of threads not positive
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
    }

    /**
     * On the CPU.
     *
     * @return the options
     */
    public static RuntimeOptions cpu() {
        return new RuntimeOptions(OptionalInt.empty(), OptionalInt.empty(), List.of());
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
        return new RuntimeOptions(OptionalInt.of(device), OptionalInt.empty(), List.of());
    }

    /**
     * The same with a number of threads.
     *
     * @param count threads that one operator may use on the CPU
     * @return the options
     * @throws IllegalArgumentException if the number is not positive
     */
    public RuntimeOptions withThreads(int count) {
        return new RuntimeOptions(cudaDevice, OptionalInt.of(count), operators);
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
        return new RuntimeOptions(cudaDevice, threads, all);
    }
}
