package io.modscan.benchmarks;

import io.modscan.core.Probe;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.onnx.opt.OptModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/** The most memory that a process ever had (Linux: VmHWM), before a model is loaded and after a capture of one prompt. */
final class LoadMemory {

    private LoadMemory() {}

    /**
     * Prints the two, in KiB.
     *
     * @param args a checkpoint's folder, and the sites to capture
     */
    public static void main(String[] args) throws IOException {
        long before = kib("VmHWM");
        try (Probe probe = Probe.builder(OptModel.open(Path.of(args[0])))
                .sites(args[1].split(","))
                .pooling(Pooling.mean())
                .build()) {
            probe.capture(Prompts.of(
                    List.of(Prompt.ofTokens("a", IntStream.range(2, 34).toArray()))));
        }
        System.out.println(before);
        System.out.println(kib("VmHWM"));
    }

    /** What Linux says of this process's memory. */
    static long kib(String fact) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith(fact + ":"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}
