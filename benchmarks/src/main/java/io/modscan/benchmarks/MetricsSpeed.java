package io.modscan.benchmarks;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Runs {@link MetricsBenchmark} and {@code tools/metrics_speed.py} in turns, and compares them round by round. */
final class MetricsSpeed {

    /** What is compared: a benchmark, and all that does the same in Python. */
    private static final Map<String, List<String>> PAIRS = new LinkedHashMap<>();

    static {
        PAIRS.put("cosine", List.of("cosine_numpy_double", "cosine_numpy_single", "cosine_sklearn"));
        PAIRS.put("singleCosine", List.of("cosine_numpy_single", "cosine_sklearn"));
        PAIRS.put("selectivity", List.of("auroc_scipy", "mannwhitney_scipy"));
        PAIRS.put("pca", List.of("pca_numpy_double", "pca_numpy_single", "pca_sklearn"));
        PAIRS.put("topComponents", List.of("top_sklearn_randomized", "top_sklearn_covariance", "top_scipy"));
        PAIRS.put("whitened", List.of("whitened_numpy_double", "whitened_sklearn"));
        PAIRS.put("alignment", List.of("alignment_numpy"));
        PAIRS.put("subspace", List.of("subspace_numpy", "subspace_sklearn"));
    }

    private final BufferedReader answers;
    private final BufferedWriter questions;
    /** Seconds by name, one a round. */
    private final Map<String, List<Double>> seconds = new LinkedHashMap<>();

    /** Plain Java takes minutes, and is not among them unless it is asked for. */
    private final String[] algebras;

    private MetricsSpeed(Process python, String[] algebras) throws IOException {
        this.algebras = algebras;
        this.answers = python.inputReader(StandardCharsets.UTF_8);
        this.questions = python.outputWriter(StandardCharsets.UTF_8);
        String line = answers.readLine();
        for (; line != null && !line.equals("ready"); line = answers.readLine()) {
            System.out.println(line);
        }
        if (line == null) {
            throw new IOException("the program ended; why, is above");
        }
    }

    /**
     * Measures.
     *
     * @param args a Python with NumPy, SciPy and scikit-learn, how many rounds (5), and what multiplies and decomposes, one behind the
     *     other with commas (OpenBlasAlgebra,OrtProduct: with modscan-openblas and without); run where tools/ is
     */
    public static void main(String[] args) throws IOException, RunnerException {
        if (args.length < 1 || args.length > 3) {
            System.err.println("usage: MetricsSpeed PYTHON [ROUNDS [ALGEBRA,…]]");
            System.exit(2);
        }
        Process python = new ProcessBuilder(args[0], "tools/metrics_speed.py")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            MetricsSpeed speed = new MetricsSpeed(
                    python, args.length > 2 ? args[2].split(",") : new String[] {"OpenBlasAlgebra", "OrtProduct"});
            int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 5;
            for (int i = 0; i < rounds; i++) {
                speed.round();
                System.out.printf(Locale.ROOT, "round %d of %d%n", i + 1, rounds);
            }
            speed.report();
        } finally {
            python.destroy();
        }
    }

    private void round() throws IOException, RunnerException {
        for (Map.Entry<String, List<String>> pair : PAIRS.entrySet()) {
            for (RunResult result : new Runner(new OptionsBuilder()
                            .include(MetricsBenchmark.class.getSimpleName() + "\\." + pair.getKey() + "$")
                            .param("algebra", algebras)
                            .verbosity(VerboseMode.SILENT)
                            .build())
                    .run()) {
                String algebra = result.getParams().getParam("algebra");
                // The least, as Python's: what else the machine does only adds.
                add(
                        pair.getKey() + (algebra == null ? "" : " " + algebra),
                        result.getPrimaryResult().getStatistics().getMin());
            }
            for (String name : pair.getValue()) {
                questions.write(name + "\n");
                questions.flush();
                String answer = answers.readLine();
                if (answer == null) {
                    throw new IOException(name + ": the program ended; why, is above");
                }
                add(name, Double.parseDouble(answer));
            }
        }
    }

    private void add(String name, double value) {
        seconds.computeIfAbsent(name, n -> new ArrayList<>()).add(value);
        System.out.printf(Locale.ROOT, "%-24s %.3f s%n", name, value);
    }

    private void report() {
        PAIRS.forEach((benchmark, references) -> seconds.forEach((name, ours) -> {
            if (name.startsWith(benchmark + " ") || name.equals(benchmark)) {
                System.out.printf(Locale.ROOT, "%n%-24s %.3f s%n", name, median(ours));
                for (String reference : references) {
                    List<Double> theirs = seconds.getOrDefault(reference, List.of());
                    List<Double> ratios = new ArrayList<>();
                    for (int i = 0; i < ours.size(); i++) {
                        ratios.add(theirs.get(i) / ours.get(i));
                    }
                    System.out.printf(
                            Locale.ROOT,
                            "  %-22s %.3f s, %.2f times ours (%.2f to %.2f)%n",
                            reference,
                            median(theirs),
                            median(ratios),
                            ratios.stream().min(Double::compare).orElseThrow(),
                            ratios.stream().max(Double::compare).orElseThrow());
                }
            }
        }));
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        return (sorted.get((sorted.size() - 1) / 2) + sorted.get(sorted.size() / 2)) / 2;
    }
}
