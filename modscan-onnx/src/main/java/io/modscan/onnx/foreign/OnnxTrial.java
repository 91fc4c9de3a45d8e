package io.modscan.onnx.foreign;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import io.modscan.core.error.ModscanException;
import io.modscan.onnx.foreign.TrialRun.Filled;
import io.modscan.onnx.internal.graph.WeightBytes;
import io.modscan.onnx.internal.runtime.OrtRuntime;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Opens sessions of a graph in a process of its own before they are opened in this one. What ends that process, or takes
 * longer or more memory than it may, is refused. The process is no sandbox: what runs there may do what this one may.
 *
 * @param atMost how long the process may run
 * @param memory bytes that it may take beside files that it maps; watched on Linux only
 */
record OnnxTrial(Duration atMost, long memory) {

    /** Printed by the process when it is about to begin: what goes wrong before is not the graph's. */
    private static final String READY = "modscan: ready for a trial";

    /** What the process needs to run; it gets no tokens and the like. */
    private static final Set<String> ENVIRONMENT = Set.of(
            "DYLD_LIBRARY_PATH",
            "HOME",
            "LANG",
            "LC_ALL",
            "LD_LIBRARY_PATH",
            "PATH",
            "SystemRoot",
            "TEMP",
            "TMP",
            "USERPROFILE");

    private static final long MILLIS_BETWEEN_LOOKS = 20;

    /** What the process may print. */
    private static final long MAX_LOG = 16L << 20;

    /** Behind a message: the end of what the process has printed. */
    private static final int LOG_SHOWN = 600;

    /** Two minutes and two gigabytes, and more for weights, which a session may hold in several forms for a moment. */
    static OnnxTrial usual(OnnxFile file) {
        long weights = weights(file);
        return new OnnxTrial(Duration.ofSeconds(120 + weights / 20_000_000), (2L << 30) + 3 * weights);
    }

    private static long weights(OnnxFile file) {
        return file.weights().stream().mapToLong(WeightBytes::length).sum();
    }

    /** What is opened, and how. */
    private enum Kind {
        SHAPES,
        CAPTURE,
        RUN
    }

    /** Tries what {@link OnnxShapes} does. */
    void infer(OnnxFile file, RuntimeOptions options, List<byte[]> graphs) {
        run(file, options, Kind.SHAPES, graphs, List.of());
    }

    /** Tries what {@link OnnxSource} does when it is opened. */
    void open(OnnxFile file, RuntimeOptions options, byte[] graph) {
        run(file, options, Kind.CAPTURE, List.of(graph), List.of());
    }

    /** Tries what {@link TrialRun} does. */
    void run(OnnxFile file, RuntimeOptions options, byte[] graph, List<List<Filled>> feeds) {
        run(file, options, Kind.RUN, List.of(graph), feeds);
    }

    private void run(OnnxFile file, RuntimeOptions options, Kind kind, List<byte[]> graphs, List<List<Filled>> feeds) {
        try {
            Path folder = Files.createTempDirectory("modscan-trial");
            try {
                Path request = folder.resolve("request");
                try (DataOutputStream out = new DataOutputStream(Files.newOutputStream(request))) {
                    out.writeUTF(file.root().toString());
                    out.writeInt(options.operators().size());
                    for (Path library : options.operators()) {
                        out.writeUTF(library.toAbsolutePath().toString());
                    }
                    out.writeUTF(kind.name());
                    out.writeLong(OnnxBounds.largestFolded(file));
                    out.writeInt(graphs.size());
                    for (byte[] graph : graphs) {
                        out.writeInt(graph.length);
                        out.write(graph);
                    }
                    out.writeInt(feeds.size());
                    for (List<Filled> feed : feeds) {
                        out.writeInt(feed.size());
                        for (Filled filled : feed) {
                            filled.write(out);
                        }
                    }
                }
                watch(file.path(), folder, request);
            } finally {
                delete(folder);
            }
        } catch (IOException e) {
            throw cannotBeTried(file.path(), e.toString());
        }
    }

    private void watch(Path model, Path folder, Path request) throws IOException {
        File log = folder.resolve("log").toFile();
        ProcessBuilder builder = new ProcessBuilder(command(model, folder, request))
                .redirectErrorStream(true)
                .redirectOutput(log);
        builder.environment().keySet().retainAll(ENVIRONMENT);
        Process process = builder.start();
        long begin = System.nanoTime();
        String excess = "";
        try {
            while (excess.isEmpty() && !process.waitFor(MILLIS_BETWEEN_LOOKS, TimeUnit.MILLISECONDS)) {
                if (System.nanoTime() - begin > atMost.toNanos()) {
                    excess = "more than " + atMost.toSeconds() + " s";
                } else if (taken(process) > memory) {
                    excess = "more than " + (memory >> 20) + " MiB of memory";
                } else if (log.length() > MAX_LOG) {
                    excess = "more than " + (MAX_LOG >> 20) + " MiB of messages";
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while " + model + " was tried in a process of its own");
        } finally {
            process.destroyForcibly().onExit().join();
        }
        if (!excess.isEmpty()) {
            throw new ModscanException(
                    model + ": took " + excess
                            + " to be opened in a process of its own, and was ended; open it without a trial only if you trust it");
        }
        if (process.exitValue() != 0) {
            String printed = Files.readString(log.toPath(), StandardCharsets.ISO_8859_1);
            String end = printed.substring(Math.max(0, printed.length() - LOG_SHOWN))
                    .replace(READY, "")
                    .replaceAll("\\s+", " ")
                    .strip();
            if (!printed.contains(READY)) {
                throw cannotBeTried(model, "the process ended with status " + process.exitValue() + ": " + end);
            }
            throw new ModscanException(
                    model + ": ended the process in which it was tried (status " + process.exitValue()
                            + "), as it would have ended this one; ONNX Runtime does not bear it, by mistake or by intent"
                            + (end.isEmpty() ? "" : ". It printed: " + end));
        }
    }

    private static ModscanException cannotBeTried(Path model, String why) {
        return new ModscanException(model + ": cannot be tried in a process of its own: " + why
                + ". If you trust the file, open it without a trial (OnnxOpening.usual; --trust on the command line)");
    }

    private static List<String> command(Path model, Path folder, Path request) {
        Path bin = Path.of(System.getProperty("java.home"), "bin");
        Path java = Stream.of("java", "java.exe")
                .map(bin::resolve)
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> cannotBeTried(model, "there is no java in " + bin));
        List<String> command = new ArrayList<>(List.of(
                java.toString(),
                "-Xmx" + (256 + request.toFile().length() / (256 << 10)) + "m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:+SuppressFatalErrorMessage",
                "-XX:-CreateCoredumpOnCrash",
                // ONNX Runtime's Java unpacks its library there, and a process that is ended leaves it.
                "-Djava.io.tmpdir=" + folder));
        System.getProperties().stringPropertyNames().stream()
                .filter(name -> name.startsWith("onnxruntime."))
                .forEach(name -> command.add("-D" + name + "=" + System.getProperty(name)));
        Module module = OnnxTrial.class.getModule();
        String target = module.isNamed() ? "io.modscan.onnx" : "ALL-UNNAMED";
        if (Runtime.version().feature() >= 22) {
            command.add("--enable-native-access=" + target);
        }
        String modules = System.getProperty("jdk.module.path", "");
        String classes = System.getProperty("java.class.path", "");
        if (!classes.isEmpty()) {
            command.addAll(List.of("-cp", classes));
        }
        if (module.isNamed()) {
            if (!modules.isEmpty()) {
                command.addAll(List.of("-p", modules));
            }
            command.addAll(List.of("-m", module.getName() + "/" + OnnxTrial.class.getName()));
        } else {
            command.add(OnnxTrial.class.getName());
        }
        command.add(request.toString());
        return command;
    }

    /** What Linux says that a process takes, files that it maps left aside; 0 where it can't be told. */
    private static long taken(Process process) {
        try (Stream<String> lines = Files.lines(Path.of("/proc", Long.toString(process.pid()), "status"))) {
            return lines.filter(line -> line.startsWith("RssAnon:") || line.startsWith("RssShmem:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                    .sum();
        } catch (IOException | UncheckedIOException | NumberFormatException e) {
            // Another system, or the process has just ended.
            return 0;
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }

    /**
     * The process: opens the graphs of a request one after the other. That one can't be opened is no failure here; who asked
     * will see it for himself.
     */
    public static void main(String[] arguments) throws IOException {
        Thread watcher = new Thread(OnnxTrial::endWithParent, "modscan-parent-watch");
        watcher.setDaemon(true);
        watcher.start();
        OrtEnvironment.getEnvironment();
        System.out.println(READY);
        try (DataInputStream in = new DataInputStream(Files.newInputStream(Path.of(arguments[0])))) {
            Path root = Path.of(in.readUTF());
            RuntimeOptions options = RuntimeOptions.cpu();
            for (int libraries = in.readInt(); libraries > 0; libraries--) {
                options = options.withOperators(Path.of(in.readUTF()));
            }
            Kind kind = Kind.valueOf(in.readUTF());
            long largestFolded = in.readLong();
            List<byte[]> graphs = new ArrayList<>();
            for (int count = in.readInt(); count > 0; count--) {
                graphs.add(in.readNBytes(in.readInt()));
            }
            List<List<Filled>> feeds = new ArrayList<>();
            for (int count = in.readInt(); count > 0; count--) {
                List<Filled> feed = new ArrayList<>();
                for (int inputs = in.readInt(); inputs > 0; inputs--) {
                    feed.add(Filled.read(in));
                }
                feeds.add(feed);
            }
            for (byte[] graph : graphs) {
                open(kind, graph, root, options, largestFolded, feeds);
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private static void open(
            Kind kind, byte[] graph, Path root, RuntimeOptions options, long largestFolded, List<List<Filled>> feeds) {
        try {
            switch (kind) {
                case SHAPES -> OnnxShapes.outputs(graph, root, options);
                case CAPTURE ->
                    new OrtRuntime(graph, root, true, options, Map.of(), largestFolded, Optional.empty()).close();
                case RUN -> TrialRun.shapes(graph, root, options, feeds);
            }
        } catch (OrtException | RuntimeException e) {
            System.out.println("refused: " + e.getMessage());
        }
    }

    /** The parent holds the other end of standard input as long as it lives. */
    private static void endWithParent() {
        try {
            while (System.in.read() >= 0) {
                // Nothing is ever written.
            }
        } catch (IOException e) {
            // As its end.
        }
        Runtime.getRuntime().halt(1);
    }
}
