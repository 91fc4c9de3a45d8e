package io.modscan.benchmarks;

import io.modscan.onnx.opt.OptModel;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** Makes the checkpoints, runs the benchmarks that are named, and measures the memory of loading. */
final class Benchmarks {

    private Benchmarks() {}

    /**
     * Runs the benchmarks.
     *
     * @param args JMH's: a pattern of their names, none for all
     */
    public static void main(String[] args)
            throws IOException, RunnerException, CommandLineOptionException, InterruptedException {
        Path folder = Files.createTempDirectory("modscan-benchmarks");
        try {
            Path small = Files.createDirectory(folder.resolve("opt-125m"));
            RandomCheckpoint.OPT_125M.write(small);
            RandomCheckpoint.OPT_13B
                    .writeSparse(Files.createDirectory(folder.resolve("opt-13b")))
                    .close();
            Path export = OptModel.open(small)
                    .export()
                    .to(small.resolve("opened.onnx"))
                    .model();
            new Runner(new OptionsBuilder()
                            .parent(new CommandLineOptions(args))
                            .addProfiler(GCProfiler.class)
                            .jvmArgsAppend("-D" + ExportBenchmark.FOLDER + "=" + folder)
                            .build())
                    .run();
            System.out.printf("The export of OPT-125M has %,d bytes.%n", Files.size(export));
            double weights = 4.0 * RandomCheckpoint.OPT_125M.parameters();
            for (String sites : List.of("blocks.*.attn.hook_z,blocks.*.mlp.hook_post", "logits", "*")) {
                memory(small, sites, weights);
            }
        } finally {
            try (var files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder())
                        .forEach(file -> file.toFile().delete());
            }
        }
    }

    private static void memory(Path checkpoint, String sites, double weights) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        LoadMemory.class.getName(),
                        checkpoint.toString(),
                        sites)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        List<String> peaks;
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            peaks = reader.lines().toList();
        }
        if (process.waitFor() != 0 || peaks.size() != 2) {
            throw new IllegalStateException("a capture of " + sites + " failed; why, is above");
        }
        double before = 1024.0 * Long.parseLong(peaks.get(0));
        double after = 1024.0 * Long.parseLong(peaks.get(1));
        System.out.printf(
                Locale.ROOT,
                "A capture of %s from OPT-125M: the process has at most %.0f MB, of which %.0f before loading;"
                        + " what loading adds is %.2f times the float32 weights (%.0f MB).%n",
                sites,
                after / 1e6,
                before / 1e6,
                (after - before) / weights,
                weights / 1e6);
    }
}
