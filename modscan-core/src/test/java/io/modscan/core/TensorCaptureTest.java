package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ready tensors through every way to run prompts. */
class TensorCaptureTest {

    private static final float[][] PIXELS = {{5}, {1, 2, 3}, {4, 6}, {7, 8, 9, 10}, {11, 12, 13}, {14}};

    private static final Prompts PROMPTS = Prompts.of(IntStream.range(0, PIXELS.length)
            .mapToObj(i -> PixelModel.prompt("p" + i, PIXELS[i]))
            .toList());

    @TempDir
    Path folder;

    private final PixelModel model = new PixelModel();

    private Path file() {
        return folder.resolve("acts.safetensors");
    }

    private Probe probe() {
        return builder().build();
    }

    private Probe.Builder builder() {
        return Probe.builder(model).tokenBudget(7);
    }

    private static void check(Activations activations, int first) {
        for (SiteActivations site : activations.sites()) {
            for (int i = 0; i < site.size(); i++) {
                float[] found = new float[site.row(i).capacity()];
                site.row(i).get(found);
                assertThat(found)
                        .as("%s of prompt %s", site.site(), first + i)
                        .containsExactly(PixelModel.expected(site.reading(), PIXELS[first + i]));
            }
        }
    }

    @Test
    void comesInTheOrderOfThePrompts() {
        try (Probe probe = probe()) {
            Activations activations = probe.capture(PROMPTS);
            assertThat(activations.sites()).hasSameSizeAs(PixelModel.SITES);
            check(activations, 0);
            assertThat(activations.tokenIds(1)).containsExactly(-1, -1, -1);
            assertThat(activations.prompts()).isEqualTo(PROMPTS);
        }
        assertThat(model.batches).hasSizeGreaterThan(1);
    }

    @Test
    void positionsArePooled() {
        try (Probe probe = builder()
                .sites(Pooling.mean(), Sites.glob(PixelModel.ENCODED.name()))
                .build()) {
            Activations activations = probe.capture(PROMPTS);
            check(activations, 0);
            assertThat(activations.onlySite().vectors()[1]).hasSize(6);
        }
    }

    @Test
    void goesPieceByPieceAndThroughAMetricAndOnAnotherThread() throws Exception {
        try (Probe probe = builder().memoryLimit(1000).build()) {
            AtomicInteger at = new AtomicInteger();
            AtomicInteger pieces = new AtomicInteger();
            probe.forEach(PROMPTS.stream(), piece -> {
                check(piece, at.getAndAdd(piece.prompts().size()));
                pieces.incrementAndGet();
            });
            assertThat(at).hasValue(PIXELS.length);
            assertThat(pieces).hasValueGreaterThan(1);
            Activations captured = probe.async(p -> p.capture(PROMPTS)).get();
            check(captured, 0);
            int[] ids = probe.measure(PROMPTS, Metric.whole(all -> all.tokenIds(3)));
            assertThat(ids).hasSize(4);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1L << 30, 1500, 1})
    void aFileOrSeveralHoldTheSame(long fileSize) {
        try (Probe probe = builder().fileSize(fileSize).build()) {
            probe.capture(PROMPTS, file());
            Recording recording = Recording.open(file());
            check(recording.activations(), 0);
            assertThat(recording.sites()).containsExactlyElementsOf(PixelModel.SITES);
            assertThat(recording.activations().tokenIds(3)).containsExactly(-1, -1, -1, -1);
            assertThat(recording.prompts()).isEqualTo(PROMPTS);
            assertThat(recording.bosTokenId()).isEmpty();
            assertThat(recording.activations().slice(1, 3).provenance())
                    .containsEntry(
                            Keys.TOKENS_SHA256,
                            probe.capture(PROMPTS.slice(1, 3)).provenance().get(Keys.TOKENS_SHA256));
        }
    }

    @Test
    void whatIsSavedIsTheSameAsWhatIsWritten() throws IOException {
        Path saved = folder.resolve("saved.safetensors");
        try (Probe probe = probe()) {
            probe.capture(PROMPTS, file());
            probe.capture(PROMPTS).save(saved);
        }
        assertThat(Files.mismatch(file(), saved)).isEqualTo(-1);
    }

    @Test
    void lazyTensorsAreGotTwiceAndGiveTheSame() throws IOException {
        AtomicInteger asked = new AtomicInteger();
        List<Prompt> lazy = new ArrayList<>();
        for (Prompt prompt : PROMPTS) {
            lazy.add(Prompt.ofTensors(prompt.id(), prompt.labels(), () -> {
                asked.incrementAndGet();
                return prompt.tensors().orElseThrow();
            }));
        }
        Path other = folder.resolve("lazy.safetensors");
        try (Probe probe = probe()) {
            probe.capture(PROMPTS, file());
            probe.capture(lazy, other);
        }
        assertThat(asked).hasValue(2 * PIXELS.length);
        assertThat(Files.mismatch(file(), other)).isEqualTo(-1);
    }

    @Test
    void goesOnWhereItEndedAndMakesTheSameFile() throws IOException {
        Path whole = folder.resolve("whole.safetensors");
        try (Probe probe = probe()) {
            probe.capture(PROMPTS, whole);
        }
        int all = model.batches.size();
        AtomicInteger left = new AtomicInteger(1);
        model.onRun = batch -> {
            if (left.getAndDecrement() == 0) {
                throw new ModscanException("the plug was pulled");
            }
        };
        try (Probe probe = probe()) {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> probe.capture(PROMPTS, file()))
                    .withMessageContaining("the plug was pulled");
        }
        model.onRun = batch -> {};
        model.batches.clear();
        try (Probe probe = probe()) {
            probe.capture(PROMPTS, file());
        }
        assertThat(model.batches).hasSize(all - 1);
        assertThat(Files.mismatch(file(), whole)).isEqualTo(-1);
    }

    @Test
    void doesNotGoOnWithOtherInputsOfTheSameLengths() {
        AtomicInteger left = new AtomicInteger(1);
        model.onRun = batch -> {
            if (left.getAndDecrement() == 0) {
                throw new ModscanException("the plug was pulled");
            }
        };
        List<Prompt> changed = new ArrayList<>(PROMPTS.stream().toList());
        changed.set(2, PixelModel.prompt("p2", 4, 6.5f));
        try (Probe probe = probe()) {
            assertThatExceptionOfType(ModscanException.class).isThrownBy(() -> probe.capture(PROMPTS, file()));
            model.onRun = batch -> {};
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> probe.capture(changed, file()))
                    .withMessageContaining("beginning of another capture");
            assertThat(probe.capture(Prompts.of(changed)).provenance().get(Keys.TOKENS_SHA256))
                    .isNotEqualTo(probe.capture(PROMPTS).provenance().get(Keys.TOKENS_SHA256));
        }
    }

    @Test
    void promptsThatHoldMuchMakeMoreFiles() {
        float[] pixels = {1, 2, 3, 4, 5, 6, 7, 8};
        List<Prompt> held = IntStream.range(0, 4)
                .mapToObj(i -> PixelModel.prompt("p" + i, pixels))
                .toList();
        List<Prompt> lazy = held.stream()
                .map(prompt -> Prompt.ofTensors(
                        prompt.id(), prompt.labels(), () -> prompt.tensors().orElseThrow()))
                .toList();
        // 32 bytes a prompt, of which an eighth of this limit may be held, or two.
        try (Probe probe = builder()
                .sites(Pooling.mean(), Sites.glob("input_ids/0"))
                .memoryLimit(32 * 2 * 4)
                .build()) {
            probe.capture(held, file());
            probe.capture(lazy, folder.resolve("lazy.safetensors"));
        }
        assertThat(folder.resolve("acts-00002.safetensors")).exists();
        assertThat(folder.resolve("acts-00003.safetensors")).doesNotExist();
        assertThat(folder.resolve("lazy.safetensors")).exists();
        assertThat(Recording.open(file()).prompts()).hasSize(4);
    }

    @Test
    void batchesAreSmallEnoughForTheirInputs() {
        List<Prompt> large = IntStream.range(0, 6)
                .mapToObj(i -> Prompt.ofTensors(
                        "p" + i,
                        Map.of(
                                "pixels", InputTensor.of(new float[] {i}, 1),
                                "ballast", InputTensor.of(new float[1 << 16], 1 << 16))))
                .toList();
        try (Probe probe =
                Probe.builder(model).sites("input_ids/0").memoryLimit(1 << 20).build()) {
            probe.capture(Prompts.of(large));
        }
        assertThat(model.batches).hasSize(6).allMatch(batch -> batch.rows() == 1);
    }

    @Nested
    class Refused {

        private void refused(Probe probe, List<Prompt> prompts, String... message) {
            try (probe) {
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> probe.capture(Prompts.of(prompts)))
                        .withMessageContainingAll(message);
            }
        }

        @Test
        void isASampleThatTheModelDoesNotTake() {
            refused(
                    probe(),
                    List.of(Prompt.ofTensors("odd", Map.of("sound", InputTensor.of(new float[1], 1)))),
                    "'odd'",
                    "'pixels' is missing",
                    "[sound]");
        }

        @Test
        void isASampleWithoutPositions() {
            refused(probe(), List.of(PixelModel.prompt("none")), "'none'", "0 positions");
        }

        @Test
        void isTooLongASampleEvenWhereTokensWouldBeCut() {
            refused(
                    builder().cutOverlong().build(),
                    List.of(PixelModel.prompt("long", new float[10])),
                    "'long' has 10 positions",
                    "at most 9",
                    "never cut");
        }

        @Test
        void isAMixtureOfKinds() {
            refused(
                    probe(),
                    List.of(PROMPTS.get(0), Prompt.ofTokens("ids", 1, 2)),
                    "'ids' is a text or of token ids",
                    "'p0' is of ready tensors",
                    "each kind by itself");
        }

        @Test
        void areReadyTensorsForAModelOfTokens() {
            refused(
                    Probe.builder(new FakeModel()).sites("hook_embed").build(),
                    List.of(PROMPTS.get(0)),
                    "'p0'",
                    "takes token ids, not ready tensors");
        }

        @Test
        void isToLeaveOutBosWhereTheModelHasNone() {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> builder()
                            .sites(Pooling.mean().withoutBos(), Sites.glob("input_ids/0"))
                            .build())
                    .withMessageContainingAll("BOS", "input_ids/0", "mean without BOS", "none is known");
        }

        @Test
        void isToLeaveOutBosOfReadyTensors() {
            PixelModel withBos = new PixelModel(2);
            refused(
                    Probe.builder(withBos)
                            .sites(Pooling.mean().withoutBos(), Sites.glob("input_ids/0"))
                            .build(),
                    List.of(PROMPTS.get(0)),
                    "'p0' is of ready tensors",
                    "BOS");
            try (Probe probe = Probe.builder(withBos).sites("input_ids/0").build()) {
                Activations activations = probe.capture(PROMPTS);
                assertThat(activations.knowsBos(0)).isFalse();
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> activations.beginsWithBos(0))
                        .withMessageContainingAll("'p0'", "ready tensors");
            }
        }

        @Test
        void isToLeaveOutBosAfterwardsWhereTheModelHasNone() {
            try (Probe probe = builder().sites("input_ids/0").build()) {
                Activations activations = probe.capture(PROMPTS);
                assertThat(activations.knowsBos(0)).isFalse();
                String message = "the model has none, or none is known";
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(activations::bosTokenId)
                        .withMessageContaining(message);
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> activations.beginsWithBos(0))
                        .withMessageContaining(message);
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(activations::withoutBos)
                        .withMessageContaining(message);
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> activations.pooled(Pooling.mean().withoutBos()))
                        .withMessageContaining(message);
                check(activations.pooled(Pooling.mean()), 0);
            }
        }

        @Test
        void isToCaptureThemFromARecording() {
            try (Probe probe = probe()) {
                probe.capture(PROMPTS, file());
            }
            Recording recording = Recording.open(file());
            refused(
                    Probe.builder(recording).sites("input_ids/0").build(),
                    recording.prompts().stream().toList(),
                    "'p0'",
                    "a recording holds none",
                    "Recording.activations()");
            refused(
                    Probe.builder(recording).sites("input_ids/0").build(),
                    PROMPTS.stream().toList(),
                    "'p0'",
                    "knows prompts by their token ids",
                    "Recording.activations()");
            try (ActivationSource source =
                    recording.open(new CapturePlan(List.of(new Reading(PixelModel.SITES.get(6), Pooling.none()))))) {
                // Whoever goes past the probe finds no prompt by the ids that all of a length share.
                TokenBatch batch = TokenBatch.padRight(List.of(new int[] {-1}));
                ByteBuffer output = ByteBuffer.allocateDirect(Float.BYTES).order(ByteOrder.nativeOrder());
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> source.run(batch, List.of(output.asFloatBuffer())))
                        .withMessageContaining("none of the 6 recorded prompts");
            }
        }
    }

    @Nested
    class HostileFiles {

        private final Reading reading = new Reading(
                new Site("hook_embed", OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(4)), false),
                Pooling.none());

        private final RecordedCapture capture = new RecordedCapture(
                Prompts.of(List.of(Prompt.ofTokens("a", 3, 4))),
                "[{\"name\":\"hook_embed\",\"axes\":[\"position\",\"unit 4\"],\"pooling\":\"none\"}]",
                List.of(reading));

        @Test
        void aDigestThatIsNoneIsRefused() {
            capture.metadata(Keys.PROMPTS, "[{\"id\":\"a\",\"labels\":{},\"tensors_sha256\":\"f00d\"}]");
            Path file = capture.writeTo(file());
            assertThatExceptionOfType(MalformedFileException.class)
                    .isThrownBy(() -> Recording.open(file))
                    .withMessageContainingAll("entry 0", "tensors_sha256", "f00d", "64 hexadecimal digits");
        }

        @Test
        void idsOfReadyTensorsAreRefused() {
            capture.metadata(
                    Keys.PROMPTS, "[{\"id\":\"a\",\"labels\":{},\"tensors_sha256\":\"" + "0".repeat(64) + "\"}]");
            Recording recording = Recording.open(capture.writeTo(file()));
            assertThatExceptionOfType(MalformedFileException.class)
                    .isThrownBy(() -> recording.activations().tokenIds(0))
                    .withMessageContainingAll("id 3 at position 0 of prompt 0", "it is -1");
        }
    }

    @Test
    void tensorsAreCalledInTheFileWhatNoOtherIsCalled() {
        try (Probe probe = probe()) {
            probe.capture(PROMPTS.slice(0, 2), file());
        }
        assertThat(SafetensorsFile.open(file()).tensors().keySet())
                .containsExactlyInAnyOrder(
                        "input_ids",
                        "prompt_offsets",
                        "/enc/layer.0/Mul_output_0",
                        "a/0",
                        "a/1",
                        "a/0/site",
                        "a/0/site/site",
                        "a/0-2",
                        "input_ids/site",
                        "input_ids/0/site",
                        "input_ids/site/site",
                        "prompt_offsets/site",
                        "prompt_offsets/0-2",
                        "__metadata__/site",
                        "ünï \"q\"\n/7/site");
        assertThat(SafetensorsFile.open(file()).metadata().get(Keys.SITES))
                .contains("{\"name\":\"prompt_offsets\",\"axes\":[\"unit 1\"],\"pooling\":\"none\","
                        + "\"tensor\":\"prompt_offsets/site\"}");
    }
}
