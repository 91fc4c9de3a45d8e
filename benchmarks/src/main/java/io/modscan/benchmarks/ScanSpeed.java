package io.modscan.benchmarks;

import io.modscan.core.Probe;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.onnx.opt.OptModel;
import io.modscan.scan.Scan;
import io.modscan.scan.ScanResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * What a scan takes beside a capture of the sites that it reads: OPT-125M's shape, prompts of 32 to 96 tokens and ten topics, each of which has some
 * tokens of its own. Each runs in a JVM of its own, in turns.
 */
final class ScanSpeed {

    private static final RandomCheckpoint SHAPE = RandomCheckpoint.OPT_125M;
    private static final int TOPICS = 10;
    private static final int SHORTEST = 32;
    private static final int LONGEST = 96;
    private static final int BOS = 2;
    private static final int FIRST_WORD = 4;
    private static final int WORDS_OF_TOPIC = 500;

    private ScanSpeed() {}

    /**
     * Measures.
     *
     * @param args {@code --prompts N} (1000), {@code --rounds N} (1), {@code --heap SIZE} (2g), {@code --modules true|false} (true)
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        if (args.length == 3 && args[0].equals("capture")) {
            capture(Path.of(args[1]), prompts(Integer.parseInt(args[2])));
            return;
        }
        if (args.length == 4 && args[0].equals("scan")) {
            scan(Path.of(args[1]), prompts(Integer.parseInt(args[2])), Boolean.parseBoolean(args[3]));
            return;
        }
        Map<String, String> settings = new LinkedHashMap<>();
        for (int i = 0; i < args.length; i += 2) {
            if (!List.of("--prompts", "--rounds", "--heap", "--modules").contains(args[i]) || i + 1 == args.length) {
                System.err.println("usage: ScanSpeed [--prompts N] [--rounds N] [--heap SIZE] [--modules true|false]");
                System.exit(2);
            }
            settings.put(args[i], args[i + 1]);
        }
        String heap = "-Xmx" + settings.getOrDefault("--heap", "2g");
        String count = settings.getOrDefault("--prompts", "1000");
        String modules = settings.getOrDefault("--modules", "true");
        Path folder = Files.createTempDirectory("modscan-scan-speed");
        try {
            SHAPE.write(folder);
            for (int round = 0; round < Integer.parseInt(settings.getOrDefault("--rounds", "1")); round++) {
                double capture = inNewJvm(heap, "capture", folder, count);
                double scan = inNewJvm(heap, "scan", folder, count, modules);
                System.out.printf(
                        Locale.ROOT,
                        "round %d: capture %.1f s, scan %.1f s, %.2f times as long%n",
                        round + 1,
                        capture,
                        scan,
                        scan / capture);
            }
        } finally {
            try (Stream<Path> files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder())
                        .forEach(file -> file.toFile().delete());
            }
        }
    }

    /** Returns the seconds, without the start of the JVM. */
    private static double inNewJvm(String heap, String what, Path folder, String... settings)
            throws IOException, InterruptedException {
        Path seconds = folder.resolve("seconds");
        Files.deleteIfExists(seconds);
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                heap,
                "-cp",
                System.getProperty("java.class.path"),
                ScanSpeed.class.getName(),
                what,
                folder.toString()));
        command.addAll(List.of(settings));
        Process process = new ProcessBuilder(command).inheritIO().start();
        if (process.waitFor() != 0) {
            throw new IllegalStateException(what + " failed; why, is above");
        }
        return Double.parseDouble(Files.readString(seconds));
    }

    static Prompts prompts(int count) {
        SplittableRandom random = new SplittableRandom(1);
        int vocabulary = SHAPE.vocabulary();
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int topic = i % TOPICS;
            int firstOfTopic = FIRST_WORD + topic * WORDS_OF_TOPIC;
            int[] ids = new int[SHORTEST + random.nextInt(LONGEST - SHORTEST + 1)];
            ids[0] = BOS;
            for (int token = 1; token < ids.length; token++) {
                ids[token] = random.nextInt(4) == 0
                        ? firstOfTopic + random.nextInt(WORDS_OF_TOPIC)
                        : FIRST_WORD + random.nextInt(vocabulary - FIRST_WORD);
            }
            prompts.add(Prompt.ofTokens("p" + i, ids).withLabel("topic", "t" + topic));
        }
        return Prompts.of(prompts);
    }

    private static void capture(Path folder, Prompts prompts) throws IOException {
        long begun = System.nanoTime();
        try (Probe probe = Probe.builder(OptModel.open(folder))
                .sites(Sites.z(), Sites.mlpPost(), Sites.residPost())
                .pooling(Pooling.mean())
                .build()) {
            probe.capture(prompts);
        }
        done("capture", folder, begun);
    }

    private static void scan(Path folder, Prompts prompts, boolean modules) throws IOException {
        long begun = System.nanoTime();
        Steps steps = new Steps();
        Scan scan = Scan.of(OptModel.open(folder)).prompts(prompts);
        ScanResult result = (modules ? scan : scan.without(Scan.Part.MODULES))
                .progress(steps::at)
                .moduleProgress((of, step) -> steps.at("modules of " + of + ", " + step.part()))
                .run();
        List<Path> written = result.writeTo(folder.resolve("out"));
        steps.at("");
        for (Path file : written) {
            System.out.printf(Locale.ROOT, "    %s: %.1f MB%n", file.getFileName(), Files.size(file) / 1e6);
        }
        done("scan", folder, begun);
    }

    private static void done(String what, Path folder, long begun) throws IOException {
        double seconds = (System.nanoTime() - begun) / 1e9;
        System.out.printf(
                Locale.ROOT,
                "%s: %.1f s; the process had at most %.0f MB%n",
                what,
                seconds,
                1024e-6 * LoadMemory.kib("VmHWM"));
        Files.writeString(folder.resolve("seconds"), Double.toString(seconds));
    }

    /** Prints how long each step took that took a tenth of a second. */
    private static final class Steps {
        private static final double LEAST = 0.1;

        private String step = "running the prompts";
        private long begun = System.nanoTime();

        /** The search for modules tells what it has done, everything else what it begins. */
        void at(String next) {
            boolean searched = next.startsWith("modules of");
            long now = System.nanoTime();
            double seconds = (now - begun) / 1e9;
            if (seconds >= LEAST) {
                System.out.printf(Locale.ROOT, "    %s: %.1f s%n", searched ? next : step, seconds);
            }
            begun = now;
            step = searched ? "their topics" : next.isEmpty() ? "what is between" : next;
        }
    }
}
