package io.modscan.benchmarks;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * The speeds of {@link CaptureSpeed} on any machine, as a table to keep and to send: with each number of threads, and on a GPU if
 * ONNX Runtime has one here, each in a process of its own. Beside them stands what the machine is.
 */
final class SpeedTable {

    private static final String USAGE = "usage: SpeedTable [--out FOLDER] [--threads N,N,…] [--rounds N] [--few true]"
            + " [--shape opt-125m|demo|tiny] [--prompts N] [--python PROGRAM]";

    /** What CaptureSpeed is told as it is. */
    private static final List<String> PASSED = List.of("--rounds", "--few", "--shape", "--prompts");

    private final Map<String, String> settings;
    private final Path out;

    /** A device with a number of threads, and the tokens a second of each round of each row. */
    private record Column(String device, int threads, Map<String, double[]> rows) {
        String name() {
            return (device.equals("cpu") ? "" : device + ", ") + threads + (threads == 1 ? " thread" : " threads");
        }
    }

    private SpeedTable(Map<String, String> settings) {
        this.settings = settings;
        this.out = Path.of(settings.getOrDefault("--out", "speed-table"));
    }

    /**
     * Measures, and writes {@code speed.md} and {@code speed.csv}.
     *
     * @param args {@code --out FOLDER} (speed-table), {@code --threads N,N,…} (1, 2, 4, … and all that Java may use); the
     *             others go to {@link CaptureSpeed}, {@code --python} on the CPU only
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        Map<String, String> settings = new LinkedHashMap<>();
        for (int i = 0; i < args.length; i += 2) {
            boolean known = PASSED.contains(args[i])
                    || List.of("--out", "--threads", "--python").contains(args[i]);
            if (!known || i + 1 == args.length) {
                System.err.println(USAGE);
                System.exit(2);
            }
            settings.put(args[i], args[i + 1]);
        }
        new SpeedTable(settings).measure();
    }

    private void measure() throws IOException, InterruptedException {
        List<Integer> threads = settings.containsKey("--threads")
                ? Arrays.stream(settings.getOrDefault("--threads", "").split(","))
                        .map(each -> Integer.valueOf(each.strip()))
                        .toList()
                : threads(Runtime.getRuntime().availableProcessors());
        Map<String, String> machine = Machine.facts();
        Files.createDirectories(out);
        List<Column> columns = new ArrayList<>();
        for (int count : threads) {
            columns.add(column("cpu", count));
            write(machine, columns);
        }
        if (OrtEnvironment.getAvailableProviders().contains(OrtProvider.CUDA)) {
            columns.add(column("cuda:0", threads.get(threads.size() - 1)));
            write(machine, columns);
        }
        System.out.print(Files.readString(out.resolve("speed.md")));
        System.err.println("written: " + out.resolve("speed.md") + ", " + out.resolve("speed.csv"));
    }

    /** 1, 2, 4 and so on, and all. */
    static List<Integer> threads(int all) {
        Set<Integer> counts = new TreeSet<>();
        for (int count = 1; count < all; count *= 2) {
            counts.add(count);
        }
        counts.add(all);
        return List.copyOf(counts);
    }

    private Column column(String device, int threads) throws IOException, InterruptedException {
        Path csv = Files.createTempFile("modscan-speed", ".csv");
        try {
            List<String> command = new ArrayList<>(List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-cp",
                    System.getProperty("java.class.path"),
                    CaptureSpeed.class.getName(),
                    "--device",
                    device,
                    "--threads",
                    Integer.toString(threads),
                    "--csv",
                    csv.toString()));
            settings.forEach((option, value) -> {
                if (PASSED.contains(option) || (option.equals("--python") && device.equals("cpu"))) {
                    command.addAll(List.of(option, value));
                }
            });
            System.err.println(device + ", " + threads + " threads");
            Process process = new ProcessBuilder(command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            int status = process.waitFor();
            if (status != 0) {
                throw new IOException("CaptureSpeed on " + device + " with " + threads + " threads ended with status "
                        + status + "; why, is above. What was measured before is in " + out);
            }
            return new Column(device, threads, read(Files.readAllLines(csv)));
        } finally {
            Files.delete(csv);
        }
    }

    private static Map<String, double[]> read(List<String> csv) {
        Map<String, List<Double>> rows = new LinkedHashMap<>();
        for (String line : csv.subList(1, csv.size())) {
            int end = line.lastIndexOf('"');
            rows.computeIfAbsent(line.substring(1, end), name -> new ArrayList<>())
                    .add(Double.valueOf(line.substring(line.lastIndexOf(',') + 1)));
        }
        Map<String, double[]> speeds = new LinkedHashMap<>();
        rows.forEach((name, rounds) -> speeds.put(
                name, rounds.stream().mapToDouble(Double::doubleValue).toArray()));
        return speeds;
    }

    /** Anew after each column, so that what is done is kept. */
    private void write(Map<String, String> machine, List<Column> columns) throws IOException {
        List<String> csv = new ArrayList<>(List.of("device,threads,row,round,tokens_per_second"));
        for (Column column : columns) {
            column.rows().forEach((name, rounds) -> {
                for (int round = 0; round < rounds.length; round++) {
                    csv.add(column.device() + ',' + column.threads() + ",\"" + name + "\"," + (round + 1) + ','
                            + String.format(Locale.ROOT, "%.1f", rounds[round]));
                }
            });
        }
        Files.write(out.resolve("speed.csv"), csv);
        Files.write(out.resolve("speed.md"), markdown(machine, columns));
    }

    private List<String> markdown(Map<String, String> machine, List<Column> columns) {
        List<String> lines = new ArrayList<>(List.of("| machine | |", "| --- | --- |"));
        machine.forEach((name, fact) -> lines.add("| " + name + " | " + fact + " |"));
        lines.add("| measured by | " + command() + " |");
        int rounds = columns.get(0).rows().values().iterator().next().length;
        lines.addAll(List.of(
                "",
                "Real tokens a second: the median of " + rounds
                        + (rounds == 1 ? " round" : " rounds, in brackets the least and the largest")
                        + "; after the stroke its ratio to the products alone in the same round, likewise.",
                ""));
        StringBuilder head = new StringBuilder("| |");
        StringBuilder rule = new StringBuilder("| --- |");
        for (Column column : columns) {
            head.append(' ').append(column.name()).append(" |");
            rule.append(" --- |");
        }
        lines.add(head.toString());
        lines.add(rule.toString());
        Set<String> names = new LinkedHashSet<>();
        columns.forEach(column -> names.addAll(column.rows().keySet()));
        for (String name : names) {
            StringBuilder line = new StringBuilder("| " + name + " |");
            for (Column column : columns) {
                line.append(' ').append(cell(column.rows(), name)).append(" |");
            }
            lines.add(line.toString());
        }
        return lines;
    }

    /** What else than the folder was asked for; of a Python only that there was one. */
    private String command() {
        StringBuilder command = new StringBuilder("SpeedTable");
        settings.forEach((option, value) -> {
            if (!option.equals("--out")) {
                command.append(' ').append(option).append(' ').append(option.equals("--python") ? "PYTHON" : value);
            }
        });
        return command.toString();
    }

    private static String cell(Map<String, double[]> rows, String name) {
        double[] speeds = rows.get(name);
        if (speeds == null) {
            return "not run";
        }
        String told = spread(speeds, "%,.0f");
        double[] ceiling = rows.get(CaptureSpeed.CEILING);
        return ceiling == null || name.equals(CaptureSpeed.CEILING)
                ? told
                : told + " / "
                        + spread(
                                IntStream.range(0, speeds.length)
                                        .mapToDouble(round -> speeds[round] / ceiling[round])
                                        .toArray(),
                                "%.2f");
    }

    private static String spread(double[] values, String format) {
        String median = String.format(Locale.ROOT, format, CaptureSpeed.median(values));
        return values.length == 1
                ? median
                : median + " ("
                        + String.format(
                                Locale.ROOT,
                                format + " to " + format,
                                Arrays.stream(values).min().orElseThrow(),
                                Arrays.stream(values).max().orElseThrow())
                        + ")";
    }
}
