package io.modscan.onnx.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Files that are almost valid, by the thousand, given to every reader: no exception but those documented, no error, no hang,
 * and the process lives. How many is the system property {@code modscan.fuzz}, a few unless set; {@code modscan.seed} is the
 * number of the first. Each runs in a process of 512 MB, so that its end is a failed test. What was found is left in {@code target/fuzz}.
 */
class MutationFuzzTest {

    private static final long CASES = Long.getLong("modscan.fuzz", 3_000);
    private static final long FIRST = Long.getLong("modscan.seed", 1);

    /** So many ends of a process tell enough. */
    private static final int MOST_ENDS = 20;

    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource
    void noReaderFails(Reader reader) throws IOException, InterruptedException {
        long shares = Arrays.stream(Reader.values()).mapToLong(Reader::share).sum();
        long end = FIRST + Math.max(1, CASES * reader.share() / shares);
        Map<Long, String> finds = finds(reader, FIRST, end);
        keep(reader, finds);
        assertThat(finds)
                .as("what %s did of cases %d to %d", reader, FIRST, end - 1)
                .isEmpty();
    }

    /** Each find of such a run has become a file. */
    @ParameterizedTest
    @EnumSource
    void whatWasFoundBeforeStaysMended(Reader reader) throws IOException, InterruptedException {
        assertThat(finds(reader, -reader.regressions().size(), 0)).isEmpty();
    }

    private Map<Long, String> finds(Reader reader, long first, long end) throws IOException, InterruptedException {
        Map<Long, String> finds = new TreeMap<>();
        long next = first;
        int ends = 0;
        while (next < end && ends < MOST_ENDS) {
            int status = run(reader, next, end);
            if (status == 0) {
                break;
            }
            long at = ByteBuffer.wrap(Files.readAllBytes(folder.resolve("now"))).getLong();
            finds.put(at, ended(status));
            next = at + 1;
            ends++;
        }
        Path told = folder.resolve("finds");
        if (Files.exists(told)) {
            for (String line : Files.readAllLines(told, StandardCharsets.UTF_8)) {
                int tab = line.indexOf('\t');
                finds.putIfAbsent(Long.parseLong(line.substring(0, tab)), line.substring(tab + 1));
            }
        }
        return finds;
    }

    private int run(Reader reader, long first, long end) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:TieredStopAtLevel=1",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
                "-XX:ErrorFile=" + folder.resolve("hs_err.log"),
                "-cp",
                System.getProperty("java.class.path"),
                FuzzProcess.class.getName(),
                reader.name(),
                Long.toString(first),
                Long.toString(end),
                folder.toString()));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        try {
            long seconds = 120 + 10 * (end - first);
            if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
                throw new AssertionError(reader + " has not ended after " + seconds + " s");
            }
            return process.exitValue();
        } finally {
            process.destroyForcibly();
        }
    }

    private String ended(int status) throws IOException {
        String log = Files.readString(folder.resolve("log"), StandardCharsets.ISO_8859_1);
        return (status == FuzzProcess.HUNG ? "hung" : "ended with status " + status) + ": "
                + log.substring(Math.max(0, log.length() - 3000));
    }

    /** The files of the first case of each kind. */
    private void keep(Reader reader, Map<Long, String> finds) throws IOException {
        Map<String, Long> kinds = new TreeMap<>();
        finds.forEach((number, what) -> kinds.putIfAbsent(what.replaceAll("\\d+", "0"), number));
        if (kinds.isEmpty()) {
            return;
        }
        List<Map<String, byte[]>> valid = reader.valid(Files.createTempDirectory(folder, "valid"));
        for (long number : kinds.values()) {
            Path kept = Path.of("target", "fuzz", reader + "-" + number);
            FuzzProcess.write(FuzzCase.of(valid, number), kept);
            Files.writeString(kept.resolve("FOUND"), finds.get(number));
        }
    }
}
