package io.modscan.onnx;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.OptionalInt;
import java.util.Set;

/**
 * How ONNX Runtime runs a model. Immutable.
 *
 * @param cudaDevice the CUDA device to run on, or empty for the CPU
 * @param threads    threads that one operator may use on the CPU, or empty for one a physical core, as far as Java may
 *                   use them
 */
public record RuntimeOptions(OptionalInt cudaDevice, OptionalInt threads) {

    /**
     * Checks the numbers.
     *
     * @param cudaDevice see above
     * @param threads    see above
     * @throws IllegalArgumentException if the device is negative or the number of threads not positive
     */
    public RuntimeOptions {
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
        return new RuntimeOptions(OptionalInt.empty(), OptionalInt.empty());
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
        return new RuntimeOptions(OptionalInt.of(device), OptionalInt.empty());
    }

    /**
     * The same with a number of threads.
     *
     * @param count threads that one operator may use on the CPU
     * @return the options
     * @throws IllegalArgumentException if the number is not positive
     */
    public RuntimeOptions withThreads(int count) {
        return new RuntimeOptions(cudaDevice, OptionalInt.of(count));
    }

    /**
     * One a physical core, or as many as this process may use if these are fewer: two threads on one core share the unit
     * that multiplies. ONNX Runtime's own choice would take
     * cores that a container or {@code taskset} keeps from this process, and tie threads to them.
     */
    static int usualThreads() {
        return usualThreads(
                Path.of("/sys/devices/system/cpu"), Runtime.getRuntime().availableProcessors());
    }

    /**
     * The smaller of the processors that Java may use and the cores that Linux tells of.
     *
     * @param processors a folder with one for each logical processor, which names those on the same core
     */
    static int usualThreads(Path processors, int available) {
        Set<String> cores = new HashSet<>();
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(processors, "cpu[0-9]*")) {
            for (Path folder : folders) {
                Path siblings = folder.resolve("topology").resolve("thread_siblings_list");
                // A processor that is switched off has none.
                if (Files.exists(siblings)) {
                    cores.add(Files.readString(siblings));
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            // Another system, or one that hides this.
            return available;
        }
        return cores.isEmpty() ? available : Math.min(cores.size(), available);
    }
}
