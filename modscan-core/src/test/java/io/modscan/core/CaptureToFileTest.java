package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.internal.recording.PartFile;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link Probe#capture(Iterable, Path)}: what is written, and what becomes of it when the run ends early. */
class CaptureToFileTest {

    @TempDir
    Path folder;

    private Path file = Path.of("");

    @BeforeEach
    void nameTheFile() {
        file = folder.resolve("acts.safetensors");
    }

    private static Prompts prompts(int count) {
        Random random = new Random(7);
        return Prompts.of(IntStream.range(0, count)
                .mapToObj(i -> Prompt.ofTokens(
                                "p" + i,
                                random.ints(1 + random.nextInt(FakeModel.MAX_TOKENS), 3, FakeModel.VOCABULARY)
                                        .toArray())
                        .withLabel("topic", "t" + i % 3))
                .toList());
    }

    private static Probe.Builder probe(FakeModel model) {
        return Probe.builder(model)
                .sites("blocks.*", "hook_embed", "pooler")
                .sites(Pooling.mean(), Sites.loss())
                .tokenBudget(24);
    }

    private static void capture(FakeModel model, Iterable<Prompt> prompts, Path file) {
        try (Probe probe = probe(model).build()) {
            probe.capture(prompts, file);
        }
    }

    private static void captureInParts(FakeModel model, Iterable<Prompt> prompts, Path file) {
        try (Probe probe = probe(model).fileSize(40_000).build()) {
            probe.capture(prompts, file);
        }
    }

    /** What is in a folder, by name. */
    private static Map<String, ByteBuffer> content(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            Map<String, ByteBuffer> content = new TreeMap<>();
            for (Path path : files.toList()) {
                content.put(path.getFileName().toString(), ByteBuffer.wrap(Files.readAllBytes(path)));
            }
            return content;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path fresh(String name) throws IOException {
        return Files.createDirectory(folder.resolve(name)).resolve("acts.safetensors");
    }

    @Nested
    class WhatIsWritten {

        @Test
        void isWhatSavingFromMemoryWrites() throws IOException {
            Prompts prompts = prompts(60);
            Path saved = folder.resolve("saved.safetensors");
            try (Probe probe = probe(new FakeModel()).build()) {
                probe.capture(prompts).save(saved);
                probe.capture(prompts, file);
            }
            assertThat(file).hasSameBinaryContentAs(saved);
            assertThat(content(folder)).containsOnlyKeys("acts.safetensors", "saved.safetensors");
        }

        @Test
        void isTheSameFromAStreamThatCanBeReadOnce() throws IOException {
            Prompts prompts = prompts(60);
            Path other = fresh("other");
            capture(new FakeModel(), prompts, file);
            try (Probe probe = probe(new FakeModel()).build()) {
                probe.capture(prompts.stream(), other);
            }
            assertThat(other).hasSameBinaryContentAs(file);
        }

        @Test
        void isInSeveralFilesWithAnIndexWhereOneWouldBeTooLarge() throws IOException {
            Prompts prompts = prompts(60);
            captureInParts(new FakeModel(), prompts, file);
            Map<String, ByteBuffer> content = content(folder);
            assertThat(content).hasSizeGreaterThan(3).containsKey("acts.safetensors.index.json");
            content.remove("acts.safetensors.index.json");
            assertThat(content.keySet())
                    .containsExactlyElementsOf(IntStream.rangeClosed(1, content.size())
                            .mapToObj("acts-%05d.safetensors"::formatted)
                            .toList());
            assertThat(content.values())
                    .allSatisfy(bytes -> assertThat(bytes.remaining()).isLessThanOrEqualTo(40_000));

            Map<String, Object> index = JSON.std.mapFrom(
                    folder.resolve("acts.safetensors.index.json").toFile());
            Map<?, ?> weightMap = (Map<?, ?>) index.get("weight_map");
            Map<String, String> expected = new TreeMap<>();
            long size = 0;
            int next = 0;
            for (String name : content.keySet()) {
                SafetensorsFile part = SafetensorsFile.open(folder.resolve(name));
                String[] range = String.valueOf(part.metadata().get(Keys.SHARD)).split("-", -1);
                assertThat(range).hasSize(2);
                assertThat(Integer.parseInt(range[0])).isEqualTo(next);
                next = Integer.parseInt(range[1]);
                assertThat(part.tensors())
                        .containsKeys(
                                "input_ids/" + range[0] + "-" + range[1],
                                "hook_embed/" + range[0] + "-" + range[1],
                                "blocks.0.attn.hook_pattern/" + range[0]);
                part.tensors().keySet().forEach(tensor -> expected.put(tensor, name));
                size += part.tensors().values().stream()
                        .mapToLong(tensor -> tensor.length())
                        .sum();
            }
            assertThat(next).isEqualTo(60);
            assertThat(weightMap).isEqualTo(expected);
            Map<?, ?> metadata = (Map<?, ?>) Objects.requireNonNull(index.get("metadata"));
            assertThat(metadata.get("total_size")).isEqualTo((int) size);
            assertThat(metadata.get(Keys.PROMPT_COUNT)).isEqualTo("60");
        }

        @ParameterizedTest
        @ValueSource(longs = {40_000, 1L << 30})
        void isWhatARecordingOpens(long fileSize) {
            Prompts prompts = prompts(60);
            Activations expected;
            try (Probe probe = probe(new FakeModel()).fileSize(fileSize).build()) {
                probe.capture(prompts, file);
                expected = probe.capture(prompts);
            }
            Recording recording = Recording.open(file);
            assertThat(recording.prompts()).isEqualTo(prompts);
            assertThat(recording.provenance()).isEqualTo(expected.provenance());
            assertSame(recording.activations(), expected);
            try (Probe again = probe(new FakeModel()).build();
                    Probe recorded = Probe.builder(recording)
                            .sites("blocks.*", "hook_embed", "pooler")
                            .sites(Pooling.mean(), Sites.loss())
                            .build()) {
                assertThat(recorded.plan().readings())
                        .containsExactlyElementsOf(again.plan().readings());
                assertSame(recorded.capture(recording.prompts()), expected);
            }
        }

        private void assertSame(Activations activations, Activations expected) {
            assertThat(activations.sites())
                    .extracting(SiteActivations::reading)
                    .containsExactlyElementsOf(expected.sites().stream()
                            .map(SiteActivations::reading)
                            .toList());
            for (SiteActivations site : expected.sites()) {
                for (int i = 0; i < site.size(); i++) {
                    assertThat(activations.at(site.site()).row(i)).isEqualTo(site.row(i));
                }
            }
        }

        @Test
        void isNotMadeASecondTime() {
            FakeModel model = new FakeModel();
            capture(model, prompts(20), file);
            int batches = model.batches.size();
            capture(model, prompts(20), file);
            assertThat(model.batches).hasSize(batches);
            captureInParts(model, prompts(60), folder.resolve("more.safetensors"));
            int more = model.batches.size();
            captureInParts(model, prompts(60), folder.resolve("more.safetensors"));
            assertThat(model.batches).hasSize(more);
        }

        @Test
        void replacesAnotherCaptureOnceItIsComplete() throws IOException {
            capture(new FakeModel(), prompts(20), file);
            byte[] before = Files.readAllBytes(file);
            FakeModel failing = failingAt(3);
            assertThatExceptionOfType(IllegalStateException.class)
                    .isThrownBy(() -> capture(failing, prompts(30), file));
            assertThat(file).hasBinaryContent(before);
            capture(new FakeModel(), prompts(30), file);
            assertThat(SafetensorsFile.open(file).metadata()).containsEntry(Keys.PROMPT_COUNT, "30");
        }

        @Test
        void neverMixesWithACaptureInAnotherNumberOfFiles() {
            captureInParts(new FakeModel(), prompts(60), file);
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> capture(new FakeModel(), prompts(10), file))
                    .withMessageContainingAll("acts.safetensors.index.json", "several files", "another name");
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> captureInParts(new FakeModel(), prompts(61), file))
                    .withMessageContainingAll("acts-0000", "another capture", "another name");
            Path other = folder.resolve("other.safetensors");
            capture(new FakeModel(), prompts(10), other);
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> captureInParts(new FakeModel(), prompts(60), other))
                    .withMessageContainingAll("other.safetensors", "one file", "another name");
        }

        @Test
        void hasPromptsOfIdsOfTheirOwn() {
            Set<Prompt> distinct = Set.of(Prompt.ofTokens("a", 5), Prompt.ofTokens("a", 7));
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> capture(new FakeModel(), distinct, file))
                    .withMessageContainingAll("'a'", "unique");
            List<Prompt> twice = List.of(Prompt.ofTokens("a", 5), Prompt.ofTokens("b", 6), Prompt.ofTokens("a", 7));
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> capture(new FakeModel(), twice, file))
                    .withMessageContainingAll("'a'", "unique");
        }

        @Test
        void isNothingWhereThePromptsFail() {
            Stream<Prompt> failing = Stream.of(1, 2, 3).map(i -> i < 3 ? Prompt.ofTokens("p" + i, i) : broken());
            try (Probe probe = probe(new FakeModel()).build()) {
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> probe.capture(failing, file))
                        .withMessageContaining("the line broke")
                        .withCauseInstanceOf(IOException.class);
            }
            assertThat(content(folder)).isEmpty();
        }

        private static Prompt broken() {
            throw CaptureToFileTest.<RuntimeException>sneaky(new IOException("the line broke"));
        }

        @Test
        void isNothingWithoutPrompts() {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> capture(new FakeModel(), List.of(), file))
                    .withMessageContaining("at least one");
            assertThat(content(folder)).isEmpty();
        }
    }

    private static FakeModel failingAt(int batch) {
        FakeModel model = new FakeModel();
        model.onRun = tokens -> {
            if (model.batches.size() == batch) {
                throw new IllegalStateException("failed, as told");
            }
        };
        return model;
    }

    @Nested
    class AfterAFailure {

        @Test
        void inAnyBatchTheSameCallGoesOnAndTheFileIsTheSame() throws IOException {
            Prompts prompts = prompts(60);
            FakeModel undisturbed = new FakeModel();
            Path whole = fresh("whole");
            capture(undisturbed, prompts, whole);
            int batches = undisturbed.batches.size();
            assertThat(batches).isGreaterThan(10);
            for (int i = 0; i < batches; i++) {
                Path broken = fresh("broken" + i);
                FakeModel failing = failingAt(i);
                assertThatExceptionOfType(IllegalStateException.class)
                        .isThrownBy(() -> capture(failing, prompts, broken));
                // Where no batch was done, nothing is left that would be in the way of another call.
                assertThat(content(broken.resolveSibling(".")).keySet())
                        .containsExactlyElementsOf(i == 0 ? Set.of() : Set.of("acts.safetensors.part"));
                FakeModel again = new FakeModel();
                capture(again, prompts, broken);
                assertThat(again.batches).hasSize(batches - i);
                assertThat(broken).hasSameBinaryContentAs(whole);
                assertThat(content(broken.resolveSibling("."))).containsOnlyKeys("acts.safetensors");
            }
        }

        @Test
        void inAnyBatchOfSeveralFilesTheSameCallGoesOn() throws IOException {
            Prompts prompts = prompts(60);
            FakeModel undisturbed = new FakeModel();
            Path whole = fresh("whole");
            captureInParts(undisturbed, prompts, whole);
            int batches = undisturbed.batches.size();
            for (int i = 0; i < batches; i++) {
                Path broken = fresh("broken" + i);
                FakeModel failing = failingAt(i);
                assertThatExceptionOfType(IllegalStateException.class)
                        .isThrownBy(() -> captureInParts(failing, prompts, broken));
                FakeModel again = new FakeModel();
                captureInParts(again, prompts, broken);
                assertThat(again.batches).hasSize(batches - i);
                assertThat(content(broken.resolveSibling("."))).isEqualTo(content(whole.resolveSibling(".")));
            }
        }

        @Test
        void whatIsNotAsItWasWrittenIsDoneAgain() throws IOException {
            Prompts prompts = prompts(60);
            Path whole = fresh("whole");
            capture(new FakeModel(), prompts, whole);
            FakeModel failing = failingAt(6);
            assertThatExceptionOfType(IllegalStateException.class).isThrownBy(() -> capture(failing, prompts, file));
            Path part = PartFile.of(file);
            SafetensorsFile finished = SafetensorsFile.open(whole);
            long header = finished.tensors().values().stream()
                    .mapToLong(tensor -> tensor.offset())
                    .min()
                    .orElseThrow();
            try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
                // As after the loss of power: what the file says to be there is not.
                channel.write(
                        ByteBuffer.allocate((int) (Files.size(whole) - header) / 4),
                        header + (Files.size(whole) - header) / 2);
            }
            FakeModel again = new FakeModel();
            capture(again, prompts, file);
            assertThat(again.batches.size()).isGreaterThan(failing.batches.size() - 6);
            assertThat(file).hasSameBinaryContentAs(whole);
        }

        @Test
        void tokensThatWereNotWrittenAreWrittenAgain() throws IOException {
            Prompts prompts = prompts(60);
            Path whole = fresh("whole");
            capture(new FakeModel(), prompts, whole);
            FakeModel failing = failingAt(6);
            assertThatExceptionOfType(IllegalStateException.class).isThrownBy(() -> capture(failing, prompts, file));
            StoredTensor ids =
                    Objects.requireNonNull(SafetensorsFile.open(whole).tensors().get("input_ids"));
            try (FileChannel channel = FileChannel.open(PartFile.of(file), StandardOpenOption.WRITE)) {
                channel.write(ByteBuffer.allocate((int) ids.length()), ids.offset());
            }
            capture(new FakeModel(), prompts, file);
            assertThat(file).hasSameBinaryContentAs(whole);
        }

        @Test
        void anotherCaptureDoesNotGoOnFromIt() throws IOException {
            FakeModel failing = failingAt(3);
            assertThatExceptionOfType(IllegalStateException.class)
                    .isThrownBy(() -> capture(failing, prompts(60), file));
            byte[] before = Files.readAllBytes(PartFile.of(file));
            for (Prompts others : List.of(prompts(59), prompts(61), prompts(60).slice(1, 60))) {
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> capture(new FakeModel(), others, file))
                        .withMessageContainingAll("acts.safetensors.part", "another capture", "delete");
            }
            assertThat(PartFile.of(file)).hasBinaryContent(before);
        }

        @Test
        void whatWasLeftBeforeAnythingWasDoneIsNoHindrance() throws IOException {
            Prompts prompts = prompts(60);
            Path whole = fresh("whole");
            capture(new FakeModel(), prompts, whole);
            for (int length : new int[] {0, 3, 8, 100, 100_000}) {
                Path left = fresh("left" + length);
                Files.write(PartFile.of(left), new byte[length]);
                Files.createFile(left.resolveSibling("acts.safetensors.lock"));
                capture(new FakeModel(), prompts, left);
                assertThat(content(left.resolveSibling("."))).isEqualTo(content(whole.resolveSibling(".")));
            }
        }

        @Test
        void betweenTheLastBatchAndTheNameTheSameCallGivesTheName() throws IOException {
            Prompts prompts = prompts(60);
            capture(new FakeModel(), prompts, file);
            byte[] whole = Files.readAllBytes(file);
            Files.move(file, PartFile.of(file));
            FakeModel again = new FakeModel();
            capture(again, prompts, file);
            assertThat(again.batches).isEmpty();
            assertThat(file).hasBinaryContent(whole);
        }
    }

    /** Somebody else's hands in the file, while it is written or later. */
    @Nested
    class Meddling {

        /** Does something to the unfinished file before a batch is run. */
        private FakeModel meddlingAt(int batch, Meddler meddler) {
            FakeModel model = new FakeModel();
            model.onRun = tokens -> {
                if (model.batches.size() == batch) {
                    try {
                        meddler.accept(PartFile.of(file));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            };
            return model;
        }

        private void truncate(Path path, long size) throws IOException {
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
                channel.truncate(Math.min(size, channel.size()));
            }
        }

        private void grow(Path path, long size) throws IOException {
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
                channel.write(ByteBuffer.allocate(1), size - 1);
            }
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "cut",
                    "cut to nothing",
                    "cut behind the header",
                    "cut where values end",
                    "cut and grown",
                    "deleted",
                    "replaced",
                    "longer"
                })
        void whileItIsWrittenIsNoticedAndTheSameCallGoesOn(String how) throws IOException {
            Prompts prompts = prompts(60);
            Path whole = fresh("whole");
            FakeModel undisturbed = new FakeModel();
            capture(undisturbed, prompts, whole);
            for (int at : new int[] {1, 5, undisturbed.batches.size() - 1}) {
                FakeModel model = meddlingAt(at, part -> {
                    long size = Files.size(part);
                    switch (how) {
                        case "cut" -> truncate(part, 1000);
                        case "cut to nothing" -> truncate(part, 0);
                        case "cut behind the header" -> truncate(part, size / 2);
                        case "cut where values end" -> truncate(part, Files.size(whole));
                        case "cut and grown" -> {
                            truncate(part, 1000);
                            grow(part, size);
                        }
                        case "deleted" -> Files.delete(part);
                        case "replaced" -> {
                            Files.copy(part, part.resolveSibling("copy"));
                            Files.move(part.resolveSibling("copy"), part, StandardCopyOption.REPLACE_EXISTING);
                        }
                        default -> grow(part, size + 1);
                    }
                });
                assertThatExceptionOfType(ModscanException.class)
                        .as("%s at batch %s", how, at)
                        .isThrownBy(() -> capture(model, prompts, file))
                        .withMessageContainingAll("acts.safetensors.part", "while it was written")
                        .satisfies(
                                e -> assertThat(String.valueOf(e.getMessage()).contains("is kept in"))
                                        .isEqualTo(!how.equals("deleted")));
                assertThat(file).doesNotExist();
                capture(new FakeModel(), prompts, file);
                assertThat(file).hasSameBinaryContentAs(whole);
                Files.delete(file);
            }
        }

        @ParameterizedTest
        @ValueSource(longs = {0, 3, 8, 20, 500, 1000, -1})
        void whatWasFinishedAndIsCutShortIsMadeAgain(long size) throws IOException {
            Prompts prompts = prompts(60);
            Path whole = fresh("whole");
            capture(new FakeModel(), prompts, whole);
            for (boolean grown : new boolean[] {false, true}) {
                Files.copy(whole, file, StandardCopyOption.REPLACE_EXISTING);
                truncate(file, size < 0 ? Files.size(whole) - 1 : size);
                if (grown) {
                    grow(file, Files.size(whole) + 7);
                }
                capture(new FakeModel(), prompts, file);
                assertThat(file).hasSameBinaryContentAs(whole);
            }
        }

        @Test
        void oneOfSeveralFilesThatIsCutShortIsMadeAgain() throws IOException {
            Prompts prompts = prompts(60);
            captureInParts(new FakeModel(), prompts, file);
            Map<String, ByteBuffer> whole = content(folder);
            truncate(folder.resolve("acts-00002.safetensors"), 1000);
            captureInParts(new FakeModel(), prompts, file);
            assertThat(content(folder)).isEqualTo(whole);
        }

        @Test
        void savingReplacesWhatIsLeftOfTheSame() throws IOException {
            try (Probe probe = probe(new FakeModel()).build()) {
                Activations activations = probe.capture(prompts(30));
                activations.save(file);
                byte[] whole = Files.readAllBytes(file);
                truncate(file, 1000);
                activations.save(file);
                assertThat(file).hasBinaryContent(whole);
            }
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "notes",
                    "{\"__metadata__\":{\"format\":\"pt\"}}",
                    "12345678{\"__metadata__\":{\"format\":\"pt\"}}"
                })
        void whatIsNoCaptureIsLeftAlone(String content) throws IOException {
            Files.writeString(file, content);
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> capture(new FakeModel(), prompts(20), file))
                    .withMessageContaining("is no capture");
            assertThat(file).hasContent(content);
            assertThat(content(folder)).containsOnlyKeys("acts.safetensors");
        }

        @Test
        void aCallThatFailsBeforeItsFirstBatchIsNotInTheWayOfAnother() {
            assertThatExceptionOfType(IllegalStateException.class)
                    .isThrownBy(() -> capture(failingAt(0), prompts(20), file));
            captureInParts(new FakeModel(), prompts(60), file);
        }
    }

    /** Does something to a file. */
    @FunctionalInterface
    private interface Meddler {
        void accept(Path file) throws IOException;
    }

    @Nested
    class AnInterruption {

        @Test
        void endsTheRunAndKeepsWhatIsDone() throws IOException {
            Prompts prompts = prompts(60);
            Path whole = fresh("whole");
            capture(new FakeModel(), prompts, whole);
            FakeModel model = new FakeModel();
            model.onRun = tokens -> {
                if (model.batches.size() == 4) {
                    Thread.currentThread().interrupt();
                }
            };
            assertThatExceptionOfType(CancellationException.class)
                    .isThrownBy(() -> capture(model, prompts, file))
                    .withMessageContainingAll("interrupted", "the same call goes on");
            assertThat(Thread.interrupted()).isTrue();
            assertThat(PartFile.of(file)).exists();
            assertThat(file).doesNotExist();
            FakeModel again = new FakeModel();
            capture(again, prompts, file);
            assertThat(again.batches).hasSizeLessThan(model.batches.size() + again.batches.size());
            assertThat(file).hasSameBinaryContentAs(whole);
        }

        @Test
        void isACancellationAlsoWhereNothingIsLeftToRun() {
            captureInParts(new FakeModel(), prompts(60), file);
            Thread.currentThread().interrupt();
            assertThatExceptionOfType(CancellationException.class)
                    .isThrownBy(() -> captureInParts(new FakeModel(), prompts(60), file));
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    /** Throws a checked exception where none is declared, as other languages do. */
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <T extends Throwable> RuntimeException sneaky(Throwable e) throws T {
        throw (T) e;
    }

    @Nested
    class ASecondWriter {

        @Test
        void isRefusedWhileTheFirstIsAtWork() throws Exception {
            CountDownLatch atWork = new CountDownLatch(1);
            CountDownLatch goOn = new CountDownLatch(1);
            FakeModel model = new FakeModel();
            model.onRun = tokens -> {
                atWork.countDown();
                try {
                    assertThat(goOn.await(60, TimeUnit.SECONDS)).isTrue();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            };
            try (Probe probe = probe(model).build()) {
                CompletableFuture<List<String>> first = probe.async(p -> {
                    p.capture(prompts(20), file);
                    return new ArrayList<>(content(folder).keySet());
                });
                assertThat(atWork.await(60, TimeUnit.SECONDS)).isTrue();
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> capture(new FakeModel(), prompts(20), file))
                        .withMessageContainingAll("acts.safetensors", "another capture is being written");
                goOn.countDown();
                assertThat(first.get(60, TimeUnit.SECONDS)).containsExactly("acts.safetensors");
            }
        }
    }
}
