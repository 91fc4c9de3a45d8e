package io.modscan.onnx.internal.runtime;

import com.sun.management.OperatingSystemMXBean;
import io.modscan.onnx.runtime.PlanMemory;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The memory that there is for weights. It hangs on what the machine or the container has, not on what is free at the moment, so
 * that the same call is run the same way again.
 *
 * @param bytes how much there is
 * @param given whether a user has said so
 * @param total what the machine, the container or a limit of the process has in all; empty where that is not known
 */
public record WeightRoom(long bytes, boolean given, OptionalLong total) {

    /** For what is computed, which a probe limits to 1 GiB unless told otherwise, and the process itself. */
    private static final long OTHER = (1L << 30) + (1L << 29);

    private static final Pattern ADDRESS_SPACE = Pattern.compile("(?m)^Max address space\\s+(\\d+)\\s");

    /** What there is by a user's word, or else by the machine's. */
    public static WeightRoom of(RuntimeOptions options) {
        if (options.weightMemory().isPresent()) {
            return new WeightRoom(options.weightMemory().getAsLong(), true, OptionalLong.empty());
        }
        if (options.cudaDevice().isPresent()) {
            return new WeightRoom(Long.MAX_VALUE, false, OptionalLong.empty());
        }
        return of(total(Path.of("/proc/self/limits")), Runtime.getRuntime().maxMemory());
    }

    static WeightRoom of(long total, long heap) {
        // Java may be allowed nearly all, and seldom takes it: a part is there in any case.
        return new WeightRoom(Math.max(total / 4, total - heap - heap / 2 - OTHER), false, OptionalLong.of(total));
    }

    /** Java knows of the limits of containers; Linux tells that of the process's addresses ({@code ulimit -v}). */
    static long total(Path limits) {
        long total = ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : Long.MAX_VALUE;
        try {
            Matcher limit = ADDRESS_SPACE.matcher(Files.exists(limits) ? Files.readString(limits) : "");
            return limit.find() ? Math.min(total, Long.parseLong(limit.group(1))) : total;
        } catch (IOException | NumberFormatException e) {
            return total;
        }
    }

    /** What can be done where it is too little. */
    public String waysOut() {
        return String.join(
                "; or ",
                given
                        ? List.of("give weights more (RuntimeOptions.withWeightMemory)")
                        : List.of(
                                "give Java less (-Xmx)",
                                "give the machine or the container more",
                                "say that weights may take more all the same (RuntimeOptions.withWeightMemory)"));
    }

    @Override
    public String toString() {
        if (given) {
            return PlanMemory.inWords(bytes) + " (RuntimeOptions.withWeightMemory)";
        }
        return total.isEmpty()
                ? "as much as the device has"
                : PlanMemory.inWords(bytes) + " (of " + PlanMemory.inWords(total.getAsLong())
                        + ", Java may take half as much again as its heap of "
                        + PlanMemory.inWords(Runtime.getRuntime().maxMemory())
                        + ", and what is computed and the process itself "
                        + PlanMemory.inWords(OTHER) + "; a quarter is for weights in any case)";
    }
}
