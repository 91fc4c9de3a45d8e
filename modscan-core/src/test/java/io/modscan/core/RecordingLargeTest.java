package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.internal.recording.MappedWindows;
import io.modscan.core.site.Pooling;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Captures larger than one mapping. The files are sparse: they have holes and take next to nothing on the disk. */
class RecordingLargeTest {

    private static final long GIB = 1L << 30;

    @TempDir
    Path folder;

    private Path file = Path.of("");

    @BeforeEach
    void nameTheFile() throws IOException {
        file = folder.resolve("large.safetensors");
        // Where there are no sparse files these would fill the disk.
        Path probe = folder.resolve("probe");
        try (FileChannel channel = create(probe)) {
            channel.write(ByteBuffer.allocate(1), 64L << 20);
        }
        assumeTrue(
                Files.getFileStore(folder).getUsableSpace() > 16 * GIB
                        || System.getProperty("os.name").startsWith("Linux"),
                "needs a file system with holes");
        Files.delete(probe);
    }

    private static FileChannel create(Path path) throws IOException {
        return FileChannel.open(
                path, StandardOpenOption.CREATE_NEW, StandardOpenOption.SPARSE, StandardOpenOption.WRITE);
    }

    /**
     * Writes a capture of prompts of one token each at one site of so many units, per token; all values are 0 but the
     * first of each row, which is the prompt's number + 1, and the last, which is its negative.
     *
     * @return where the site's tensor begins
     */
    private long write(int prompts, long units, int maxTokens, long... offsets) throws IOException {
        Map<String, Object> header = new LinkedHashMap<>();
        header.put(
                "__metadata__",
                Map.of(
                        Keys.BOS_TOKEN_ID,
                        "2",
                        Keys.MAX_TOKENS,
                        Integer.toString(maxTokens),
                        Keys.VOCABULARY_SIZE,
                        "100000",
                        Keys.SITES,
                        "[{\"name\":\"wide\",\"axes\":[\"position\",\"unit " + units + "\"],\"pooling\":\"none\"}]",
                        Keys.PROMPTS,
                        JSON.std.asString(IntStream.range(0, prompts)
                                .mapToObj(i -> Map.of("id", "p" + i, "labels", Map.of()))
                                .toList())));
        long tokens = offsets[offsets.length - 1];
        long ids = tokens * Long.BYTES;
        long ends = ids + (prompts + 1L) * Long.BYTES;
        header.put("input_ids", entry("I64", List.of(tokens), 0, ids));
        header.put("prompt_offsets", entry("I64", List.of(prompts + 1L), ids, ends));
        header.put("wide", entry("F32", List.of(tokens, units), ends, ends + tokens * units * Float.BYTES));
        byte[] json = JSON.std.asString(header).getBytes(StandardCharsets.UTF_8);
        // An odd length, as other writers may choose it: nothing is aligned then.
        int length = json.length | 1;
        ByteBuffer begin = ByteBuffer.allocate(8 + length).order(ByteOrder.LITTLE_ENDIAN);
        begin.putLong(length).put(json);
        while (begin.hasRemaining()) {
            begin.put((byte) ' ');
        }
        long data = 8L + length;
        try (FileChannel channel = create(file)) {
            channel.write(begin.flip(), 0);
            ByteBuffer longs = ByteBuffer.allocate((int) ends).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < tokens; i++) {
                longs.putLong(i);
            }
            for (long offset : offsets) {
                longs.putLong(offset);
            }
            channel.write(longs.flip(), data);
            for (int i = 0; i < prompts; i++) {
                channel.write(value(i + 1), data + ends + offsets[i] * units * Float.BYTES);
                channel.write(value(-i - 1), data + ends + (offsets[i + 1] * units - 1) * Float.BYTES);
            }
        }
        return data + ends;
    }

    private static Map<String, Object> entry(String dtype, List<Long> shape, long begin, long end) {
        return Map.of("dtype", dtype, "shape", shape, "data_offsets", List.of(begin, end));
    }

    private static ByteBuffer value(float value) {
        return ByteBuffer.allocate(Float.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(value)
                .flip();
    }

    private static long[] oneEach(int prompts) {
        return IntStream.rangeClosed(0, prompts).asLongStream().toArray();
    }

    private static void assertRow(FloatBuffer row, int prompt, int values) {
        assertThat(row.capacity()).isEqualTo(values);
        assertThat(row.get(0)).isEqualTo(prompt + 1);
        assertThat(row.get(1)).isZero();
        assertThat(row.get(values - 2)).isZero();
        assertThat(row.get(values - 1)).isEqualTo(-prompt - 1);
    }

    @Test
    void rowsAreFoundAcrossTheBordersOfWindows() throws IOException {
        int units = (3 << 20) + 5; // 12 MiB and a bit
        int prompts = 400;
        write(prompts, units, 1, oneEach(prompts));
        assertThat(Files.size(file)).isGreaterThan(4 * GIB + GIB / 2);
        Recording recording = Recording.open(file);
        SiteActivations wide = recording.activations().at("wide");
        for (int prompt = prompts - 1; prompt >= 0; prompt--) {
            assertRow(wide.row(prompt), prompt, units);
            assertThat(recording.activations().tokenIds(prompt)).containsExactly(prompt);
        }
        assertThat(wide.vector(399, 0)).startsWith(400).endsWith(-400).hasSize(units);
    }

    @Test
    void aModelOfThemIsReadByManyThreads() throws Exception {
        int units = (6 << 20) + 5;
        int prompts = 100;
        write(prompts, units, 1, oneEach(prompts));
        Recording recording = Recording.open(file);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<?>> runs = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                int from = i * 25 + 20;
                runs.add(threads.submit(() -> {
                    try (Probe probe = Probe.builder(recording)
                            .pooling(Pooling.last())
                            .sites("wide.magnitude")
                            .build()) {
                        SiteActivations site = probe.capture(recording.prompts().slice(from, from + 5))
                                .sites()
                                .get(0);
                        for (int prompt = 0; prompt < 5; prompt++) {
                            assertThat(site.vector(prompt))
                                    .containsExactly((float) ((from + prompt + 1) * Math.sqrt(2)));
                        }
                    }
                }));
            }
            for (Future<?> run : runs) {
                run.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void rowsLargerThanHalfAWindowAreMappedAlone() throws IOException {
        int units = (300 << 20) + 1; // 1.2 GB
        write(3, units, 1, oneEach(3));
        SiteActivations wide = Recording.open(file).activations().at("wide");
        for (int prompt = 0; prompt < 3; prompt++) {
            assertRow(wide.row(prompt), prompt, units);
        }
    }

    @Test
    void aRowOfAGibibyteAtTheVeryEndOfAStrideLiesInItsWindow() throws IOException {
        int units = 1 << 28;
        long begin = write(3, units, 1, oneEach(3));
        assertThat(begin % 4).isOdd();
        SiteActivations wide = Recording.open(file).activations().at("wide");
        for (int prompt = 0; prompt < 3; prompt++) {
            assertRow(wide.row(prompt), prompt, units);
        }
        MappedWindows windows = new MappedWindows(file);
        assertThat(windows.view(GIB - 1, 1 << 30).capacity()).isEqualTo(1 << 30);
        assertThat(windows.view(Files.size(file) - 1, 1).capacity()).isOne();
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> windows.view(Files.size(file) - 1, 2));
    }

    @Test
    void aRowThatNoBufferHoldsIsRefused() throws IOException {
        write(2, 1 << 27, 4, 0, 1, 5);
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> Recording.open(file))
                .withMessageContainingAll("prompt 1 has 536870912 values of wide", "at most 536870911");
    }

    @Test
    void aFileThatChangesUnderItsRecordingIsRefused() throws IOException {
        write(3, 1 << 28, 1, oneEach(3));
        SiteActivations wide = Recording.open(file).activations().at("wide");
        assertRow(wide.row(0), 0, 1 << 28);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(1), Files.size(file));
        }
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> wide.row(2))
                .withMessageContainingAll("large.safetensors", "replaced or changed since it was opened");
    }
}
