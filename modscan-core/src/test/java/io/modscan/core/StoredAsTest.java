package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.GoldenHalves;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.internal.recording.PartFile;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.SafetensorsWriter;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link Probe.Builder#storeAs}: values as halves in files, and what comes back of them. */
class StoredAsTest {

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
                        random.ints(1 + random.nextInt(FakeModel.MAX_TOKENS), 2, FakeModel.VOCABULARY)
                                .toArray()))
                .toList());
    }

    private static Probe.Builder probe(FakeModel model) {
        return Probe.builder(model)
                .sites("blocks.*", "hook_embed", "pooler")
                .sites(Pooling.mean(), Sites.loss())
                .tokenBudget(24);
    }

    private static void capture(FakeModel model, DType type, Iterable<Prompt> prompts, Path file) {
        try (Probe probe = probe(model).storeAs(type).build()) {
            probe.capture(prompts, file);
        }
    }

    private static void captureInParts(FakeModel model, DType type, Iterable<Prompt> prompts, Path file) {
        try (Probe probe = probe(model).storeAs(type).fileSize(30_000).build()) {
            probe.capture(prompts, file);
        }
    }

    private static Activations inMemory(Prompts prompts) {
        try (Probe probe = probe(new FakeModel()).build()) {
            return probe.capture(prompts);
        }
    }

    /** By another way than the library's: as decimal digits that have no more bits than the type. */
    private static float rounded(DType type, float value) {
        if (value == 0 || !Float.isFinite(value)) {
            return value;
        }
        int digits = type == DType.F16 ? 11 : 8;
        int exponent = Math.max(Math.getExponent(value), type == DType.F16 ? -14 : -126);
        double rounded =
                Math.scalb(Math.rint(Math.scalb((double) value, digits - 1 - exponent)), exponent - digits + 1);
        return Math.abs(rounded) > (type == DType.F16 ? 65504 : Float.MAX_VALUE)
                ? (float) (rounded * Double.POSITIVE_INFINITY)
                : (float) rounded;
    }

    private static void assertRounded(DType type, FloatBuffer actual, FloatBuffer expected) {
        assertThat(actual.capacity()).isEqualTo(expected.capacity());
        for (int i = 0; i < actual.capacity(); i++) {
            assertThat(actual.get(i)).isEqualTo(rounded(type, expected.get(i)));
        }
    }

    private static void assertRounded(DType type, Activations actual, Activations expected) {
        assertThat(actual.sites())
                .extracting(SiteActivations::reading)
                .containsExactlyElementsOf(
                        expected.sites().stream().map(SiteActivations::reading).toList());
        for (SiteActivations site : expected.sites()) {
            for (int i = 0; i < site.size(); i++) {
                assertRounded(type, actual.at(site.site()).row(i), site.row(i));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void theFileHoldsWhatTorchMakesOfTheValues(DType type) {
        List<GoldenHalves.Line> lines = GoldenHalves.lines();
        Site site = new Site("values", OptionalInt.empty(), List.of(Axis.units(lines.size())), false);
        float[] values = new float[lines.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = Float.intBitsToFloat(lines.get(i).bits());
        }
        Activations.builder(Prompts.of(List.of(Prompt.ofTokens("p", 5))))
                .site(site, Pooling.none(), values)
                .build()
                .save(file, type);
        ByteBuffer stored = SafetensorsFile.open(file).map("values");
        FloatBuffer back = Recording.open(file).activations().at("values").row(0);
        for (int i = 0; i < values.length; i++) {
            int half = type == DType.F16 ? lines.get(i).float16() : lines.get(i).bfloat16();
            assertThat(stored.getShort(2 * i) & 0xffff).as("%s", values[i]).isEqualTo(half);
            assertThat(back.get(i)).isEqualTo(rounded(type, values[i]));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void aCaptureIsHalfAsLargeAndGivesTheRoundedValues(DType type) throws IOException {
        Prompts prompts = prompts(60);
        Activations exact = inMemory(prompts);
        capture(new FakeModel(), type, prompts, file);
        Path saved = folder.resolve("saved.safetensors");
        exact.save(saved, type);
        assertThat(file).hasSameBinaryContentAs(saved);

        SafetensorsFile header = SafetensorsFile.open(file);
        long bytes = 0;
        for (StoredTensor tensor : header.tensors().values()) {
            boolean tokens = List.of("input_ids", "prompt_offsets").contains(tensor.name());
            assertThat(tensor.dtype()).as(tensor.name()).isEqualTo(tokens ? DType.I64 : type);
            bytes += tokens ? 0 : tensor.length();
        }
        assertThat(bytes)
                .isEqualTo(exact.sites().stream()
                        .mapToLong(site -> IntStream.range(0, site.size())
                                .mapToLong(i -> 2L * site.row(i).capacity())
                                .sum())
                        .sum());

        Recording recording = Recording.open(file);
        assertThat(recording.prompts()).isEqualTo(prompts);
        assertThat(recording.provenance())
                .containsAllEntriesOf(exact.provenance())
                .containsEntry(Keys.ROUNDED_TO, type == DType.F16 ? "float16" : "bfloat16")
                .hasSize(exact.provenance().size() + 1);
        assertRounded(type, recording.activations(), exact);
        // The model's values go beyond float16, not beyond bfloat16.
        assertThat(recording.activations().nonFinite().isEmpty()).isEqualTo(type == DType.BF16);
    }

    @Test
    void float32IsAsWithoutAsking() throws IOException {
        capture(new FakeModel(), DType.F32, prompts(20), file);
        Path other = folder.resolve("other.safetensors");
        inMemory(prompts(20)).save(other);
        assertThat(file).hasSameBinaryContentAs(other);
        assertThat(Recording.open(file).provenance()).doesNotContainKey(Keys.ROUNDED_TO);
    }

    @Test
    void seenThroughViewsItIsTheSame() {
        Prompts prompts = prompts(40);
        Activations exact = inMemory(prompts).only(Sites.glob("blocks.0.attn.hook_z"), Sites.glob("hook_embed"));
        capture(new FakeModel(), DType.BF16, prompts, file);
        Activations recorded =
                Recording.open(file).activations().only(Sites.glob("blocks.0.attn.hook_z"), Sites.glob("hook_embed"));
        assertRounded(DType.BF16, recorded.slice(3, 30), exact.slice(3, 30));
        assertRounded(
                DType.BF16,
                recorded.slice(3, 30).slice(2, 9).withoutBos(),
                exact.slice(5, 12).withoutBos());
        assertRounded(
                DType.BF16,
                recorded.withoutBos().inOrderOfIds(),
                exact.withoutBos().inOrderOfIds());
        for (Activations[] both : List.of(new Activations[] {recorded, exact}, new Activations[] {
            recorded.withoutBos().slice(1, 40), exact.withoutBos().slice(1, 40)
        })) {
            SiteActivations site = both[0].at("blocks.0.attn.hook_z");
            SiteActivations of = both[1].at("blocks.0.attn.hook_z");
            for (int prompt = 0; prompt < site.size(); prompt++) {
                int positions = of.row(prompt).capacity() / 6;
                for (int position = 0; position < positions; position++) {
                    assertRounded(
                            DType.BF16,
                            FloatBuffer.wrap(site.vector(prompt, position)),
                            FloatBuffer.wrap(of.vector(prompt, position)));
                }
                int at = prompt;
                assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> site.vector(at, positions));
                assertThatExceptionOfType(IndexOutOfBoundsException.class)
                        .isThrownBy(() -> site.read(at, 6 * positions, new float[1]));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void itStandsInForTheModel(DType type) {
        Prompts prompts = prompts(60);
        captureInParts(new FakeModel(), type, prompts, file);
        assertThat(folder.resolve("acts-00003.safetensors")).exists();
        Recording recording = Recording.open(file);
        assertRounded(type, recording.activations(), inMemory(prompts));
        Activations recorded = recording.activations().only(Sites.glob("hook_embed"), Sites.glob("*.hook_z"));
        try (Probe probe = Probe.builder(recording)
                .sites("hook_embed", "*.hook_z")
                .pooling(Pooling.mean())
                .build()) {
            Activations pooled = probe.capture(recording.prompts());
            Activations expected = recorded.pooled(Pooling.mean());
            for (SiteActivations site : expected.sites()) {
                for (int i = 0; i < site.size(); i++) {
                    assertThat(pooled.at(site.site()).vector(i)).isEqualTo(site.vector(i));
                }
            }
            assertThat(pooled.provenance()).containsKey(Keys.ROUNDED_TO);
        }
    }

    /** It is known that values were rounded, whatever they are stored as later. */
    @Test
    void whatWasRoundedOnceStaysKnownToBe() throws IOException {
        inMemory(prompts(20)).save(file, DType.F16);
        Activations once = Recording.open(file).activations();
        Path other = folder.resolve("other.safetensors");
        once.save(other, DType.F16);
        assertThat(other).hasSameBinaryContentAs(file);
        once.save(other);
        assertThat(Recording.open(other).provenance()).containsEntry(Keys.ROUNDED_TO, "float16");
        assertThat(Recording.open(other).activations().at("hook_embed").row(3))
                .isEqualTo(once.at("hook_embed").row(3));
        once.save(other, DType.BF16);
        assertThat(Recording.open(other).provenance()).containsEntry(Keys.ROUNDED_TO, "float16, bfloat16");
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

    @Test
    void afterAFailureTheSameCallGoesOnAndAnotherTypeIsRefused() throws IOException {
        Prompts prompts = prompts(60);
        Path whole = folder.resolve("whole.safetensors");
        FakeModel undisturbed = new FakeModel();
        capture(undisturbed, DType.F16, prompts, whole);
        for (int batch : new int[] {1, 5, undisturbed.batches.size() - 1}) {
            assertThatExceptionOfType(IllegalStateException.class)
                    .isThrownBy(() -> capture(failingAt(batch), DType.F16, prompts, file));
            byte[] before = Files.readAllBytes(PartFile.of(file));
            for (DType other : List.of(DType.F32, DType.BF16)) {
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> capture(new FakeModel(), other, prompts, file))
                        .withMessageContainingAll(
                                "acts.safetensors.part",
                                "another capture (the same, but stored as float16, not as "
                                        + (other == DType.F32 ? "float32)" : "bfloat16)"),
                                "the call that began it");
            }
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> capture(new FakeModel(), DType.F32, prompts(59), file))
                    .withMessageContaining("another capture (of other prompts");
            assertThat(PartFile.of(file)).hasBinaryContent(before);
            FakeModel again = new FakeModel();
            capture(again, DType.F16, prompts, file);
            assertThat(again.batches).hasSize(undisturbed.batches.size() - batch);
            assertThat(file).hasSameBinaryContentAs(whole);
            Files.delete(file);
        }
    }

    @Test
    void filesOfAnotherTypeAreNotGoneOnWith() {
        captureInParts(new FakeModel(), DType.BF16, prompts(60), file);
        try (Probe probe =
                probe(new FakeModel()).fileSize(30_000).storeAs(DType.F16).build()) {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> probe.capture(prompts(60), file))
                    .withMessageContainingAll("acts-00001", "the same, but stored as bfloat16, not as float16");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hook_embed", "blocks.1.map/3"})
    void aFileOfMixedOrOtherTypesIsRefused(String name) throws IOException {
        inMemory(prompts(20)).save(file, DType.F16);
        SafetensorsFile header = SafetensorsFile.open(file);
        SafetensorsWriter writer = new SafetensorsWriter();
        header.metadata().forEach(writer::metadata);
        for (StoredTensor tensor : header.tensors().values()) {
            DType type = tensor.name().equals(name) ? DType.I16 : tensor.dtype();
            writer.add(tensor.name(), type, tensor.shape(), channel -> channel.write(header.map(tensor.name())));
        }
        Path mixed = folder.resolve("mixed.safetensors");
        writer.write(mixed);
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> Recording.open(mixed))
                .withMessageContainingAll("tensor '" + name + "' is I16", "it must be F");
    }

    @Test
    void onlyFloatsOf16And32BitsAreTaken() {
        for (DType type : List.of(DType.F64, DType.I16, DType.F8_E4M3)) {
            assertThatExceptionOfType(IllegalArgumentException.class)
                    .isThrownBy(() -> Probe.builder(new FakeModel()).storeAs(type))
                    .withMessageContainingAll("F32, F16, BF16", "not as " + type);
        }
    }
}
