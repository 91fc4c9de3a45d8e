package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.internal.recording.MappedWindows;
import io.modscan.core.internal.recording.SiteJson;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.ModscanVersion;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.core.token.Positions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.ReadOnlyBufferException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class RecordingTest {

    private static final int BOS = FakeModel.BOS;

    private static final List<int[]> IDS = List.of(
            new int[] {BOS, 11, 12, 13},
            new int[] {21, 22},
            new int[] {31},
            new int[] {BOS, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51},
            new int[] {21, BOS},
            new int[] {99, 0, 99});

    private static final String EMBED = "{\"name\":\"hook_embed\",\"axes\":[\"position\",\"unit 4\"]%s}";
    private static final String Z =
            "{\"name\":\"blocks.0.attn.hook_z\",\"layer\":0,\"axes\":[\"position\",\"head 3\",\"unit 2\"]%s}";
    private static final String PATTERN =
            "{\"name\":\"blocks.0.attn.hook_pattern\",\"layer\":0,\"axes\":[\"head 3\",\"query\",\"key\"]%s}";
    private static final String MAP = "{\"name\":\"blocks.1.map\",\"layer\":1,\"axes\":[\"query\",\"key\"]%s}";
    private static final String POOLER = "{\"name\":\"pooler\",\"axes\":[\"head 3\",\"unit 4\"]%s}";
    private static final String LOSS = "{\"name\":\"loss\",\"axes\":[\"position\"]%s}";
    private static final String Z_MAGNITUDE =
            "{\"name\":\"blocks.0.attn.hook_z.magnitude\",\"layer\":0,\"axes\":[\"position\",\"head 3\"],"
                    + "\"on_demand\":true,\"magnitude_of\":"
                    + String.format(Z, "") + "%s}";

    private static final List<Reading> MIXED = List.of(
            new Reading(FakeModel.EMBED, Pooling.mean().withoutBos()),
            new Reading(FakeModel.Z, Pooling.none()),
            new Reading(FakeModel.PATTERN, Pooling.none()),
            new Reading(FakeModel.MAP, Pooling.none()),
            new Reading(FakeModel.POOLER, Pooling.none()),
            new Reading(FakeModel.LOSS, Pooling.none()));
    private static final String MIXED_JSON = list(
            pooled(EMBED, "mean without BOS"),
            pooled(Z, "none"),
            pooled(PATTERN, "none"),
            pooled(MAP, "none"),
            pooled(POOLER, "none"),
            pooled(LOSS, "none"));

    @TempDir
    Path folder;

    private static String pooled(String site, String pooling) {
        return String.format(site, ",\"pooling\":\"" + pooling + "\"");
    }

    private static String list(String... sites) {
        return "[" + String.join(",", sites) + "]";
    }

    private static Prompts prompts(List<int[]> ids) {
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < ids.size(); i++) {
            Prompt prompt = Prompt.ofTokens("p" + i, ids.get(i)).withLabel("topic", i % 2 == 0 ? "even" : "odd");
            prompts.add(i == 1 ? prompt.withLabel("language", "français") : prompt);
        }
        return Prompts.of(prompts);
    }

    private static RecordedCapture mixed(List<int[]> ids) {
        return new RecordedCapture(prompts(ids), MIXED_JSON, MIXED);
    }

    private Path file() {
        return folder.resolve("acts.safetensors");
    }

    private Recording record(List<int[]> ids, String json, Reading... readings) {
        return Recording.open(new RecordedCapture(prompts(ids), json, List.of(readings)).writeTo(file()));
    }

    private Recording mixed() {
        return Recording.open(mixed(IDS).writeTo(file()));
    }

    private static float[] floats(FloatBuffer buffer) {
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    private static void assertRecorded(Activations activations, List<Reading> readings, List<int[]> ids) {
        assertThat(activations.sites()).extracting(SiteActivations::reading).isEqualTo(readings);
        for (SiteActivations site : activations.sites()) {
            assertThat(site.size()).isEqualTo(ids.size());
            for (int i = 0; i < ids.size(); i++) {
                assertThat(floats(site.row(i)))
                        .as("%s of prompt %d", site, i)
                        .containsExactly(FakeModel.expected(site.site(), site.pooling(), ids.get(i)));
                assertThat(activations.tokenIds(i)).containsExactly(ids.get(i));
            }
        }
    }

    @Nested
    class TheActivations {

        @Test
        void areWhatWasCaptured() {
            Recording recording = mixed();
            assertRecorded(recording.activations(), MIXED, IDS);
            assertThat(recording.prompts())
                    .isEqualTo(prompts(IDS))
                    .isSameAs(recording.activations().prompts());
            assertThat(recording.prompts().get(1).labels())
                    .containsExactly(Map.entry("topic", "odd"), Map.entry("language", "français"));
            assertThat(recording.prompts().get(0).text()).isEmpty();
            assertThat(recording).asString().contains("acts.safetensors", "6 prompts", "hook_embed");
        }

        @Test
        void tellTheProvenance() {
            Recording recording = mixed();
            assertThat(recording.provenance())
                    .isEqualTo(Map.of(
                            "model.fingerprint",
                            "fake",
                            Keys.BOS_TOKEN_ID,
                            "2",
                            Keys.MAX_TOKENS,
                            "12",
                            Keys.VOCABULARY_SIZE,
                            "100",
                            Keys.VERSION,
                            "0",
                            Keys.PROMPT_COUNT,
                            "6",
                            Keys.TOKENS_SHA256,
                            "of 0"))
                    .isEqualTo(recording.activations().provenance())
                    .isUnmodifiable();
        }

        @Test
        void areReadOnly() {
            Activations activations = mixed().activations();
            FloatBuffer row = activations.at("loss").row(0);
            assertThatExceptionOfType(ReadOnlyBufferException.class).isThrownBy(() -> row.put(0, 1));
            activations.tokenIds(0)[0] = 77;
            assertThat(activations.tokenIds(0)).containsExactly(IDS.get(0));
        }

        @ParameterizedTest
        @ValueSource(ints = {-1, 6})
        void areOnlyOfPromptsThatThereAre(int prompt) {
            Activations activations = mixed().activations();
            assertThatExceptionOfType(IndexOutOfBoundsException.class)
                    .isThrownBy(() -> activations.at("loss").row(prompt));
            assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> activations.tokenIds(prompt));
        }

        @Test
        void canBeSlicedAndCutToSitesAndHeads() {
            Activations activations = mixed().activations();
            assertRecorded(activations.slice(2, 5), MIXED, IDS.subList(2, 5));
            assertRecorded(activations.only(Sites.loss()), List.of(MIXED.get(5)), IDS);
            assertThat(activations.at(FakeModel.Z).head(1).vector(3, 2))
                    .containsExactly(
                            FakeModel.value(FakeModel.Z, 42, 1, 2, 0), FakeModel.value(FakeModel.Z, 42, 1, 2, 1));
            assertThat(activations.at(FakeModel.POOLER).vector(1))
                    .containsExactly(FakeModel.expected(FakeModel.POOLER, Pooling.none(), IDS.get(1)));
        }

        @Test
        void canBeSavedAgain() {
            Path again = folder.resolve("again.safetensors");
            mixed().activations().save(again);
            var saved = io.modscan.core.safetensors.SafetensorsFile.open(again);
            var first = io.modscan.core.safetensors.SafetensorsFile.open(file());
            assertThat(saved.tensors().keySet()).isEqualTo(first.tensors().keySet());
            for (String name : first.tensors().keySet()) {
                assertThat(saved.map(name)).as(name).isEqualTo(first.map(name));
            }
        }

        @Test
        void outliveTheFilesName() throws Exception {
            Activations activations = mixed().activations();
            activations.tokenIds(0);
            Files.delete(file());
            assertRecorded(activations, MIXED, IDS);
        }

        @Test
        void areRefusedOnceTheFileIsAnotherThanWasOpened() throws Exception {
            Path file = file();
            MappedWindows windows = new MappedWindows(mixed(IDS).writeTo(file));
            Path other = mixed(IDS.subList(0, 3)).writeTo(folder.resolve("other.safetensors"));
            Files.move(other, file, StandardCopyOption.REPLACE_EXISTING);
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> windows.view(0, 8))
                    .withMessageContainingAll("acts.safetensors", "changed since it was opened", "open it again");
        }
    }

    @Nested
    class AsAModel {

        @Test
        void tellsWhatTheFileTells() {
            Recording recording = mixed();
            assertThat(recording.sites())
                    .isEqualTo(MIXED.stream().map(Reading::site).toList());
            assertThat(recording.maxTokens()).hasValue(12);
            assertThat(recording.vocabularySize()).hasValue(100);
            assertThat(recording.bosTokenId()).hasValue(2);
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(recording::tokenizer)
                    .withMessageContainingAll("acts.safetensors", "no tokenizer", "ready ids");
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(recording::weights)
                    .withMessageContainingAll("acts.safetensors", "no weights");
        }

        @ParameterizedTest
        @ValueSource(ints = {1, 8, 24, 4096})
        void givesWhatWasRecorded(int tokenBudget) {
            Recording recording = mixed();
            try (Probe probe = Probe.builder(recording)
                    .sites(Sites.z(), Sites.pattern(), Sites.glob("blocks.1.map"), Sites.glob("pooler"), Sites.loss())
                    .sites(Pooling.mean().withoutBos(), Sites.embed())
                    .tokenBudget(tokenBudget)
                    .build()) {
                Activations captured = probe.capture(recording.prompts());
                assertRecorded(captured, MIXED, IDS);
                assertThat(captured.prompts()).isEqualTo(recording.prompts());
                assertThat(captured.provenance())
                        .containsEntry("model.fingerprint", "fake")
                        .containsEntry(Keys.VERSION, ModscanVersion.current());
            }
        }

        @Test
        void takesItsPromptsInAnyOrderAndNumber() {
            List<int[]> ids = new ArrayList<>(IDS.subList(1, 5));
            ids.add(IDS.get(1));
            Collections.reverse(ids);
            try (Probe probe = Probe.builder(mixed()).sites(Sites.z()).build()) {
                assertRecorded(probe.capture(prompts(ids)), List.of(MIXED.get(1)), ids);
            }
        }

        @ParameterizedTest
        @CsvSource({"last, false", "mean, false", "max, false", "last, true", "mean, true", "max, true"})
        void poolsWhatWasRecordedPerToken(String kind, boolean withoutBos) {
            Pooling pooling = new Pooling(
                    Pooling.Kind.valueOf(kind.toUpperCase(Locale.ROOT)),
                    withoutBos ? Positions.withoutBos() : Positions.all());
            Recording recording = record(
                    IDS,
                    list(pooled(EMBED, "none"), pooled(Z, "none"), pooled(LOSS, "none")),
                    new Reading(FakeModel.EMBED, Pooling.none()),
                    new Reading(FakeModel.Z, Pooling.none()),
                    new Reading(FakeModel.LOSS, Pooling.none()));
            try (Probe probe = Probe.builder(recording)
                    .sites(Sites.all(), Sites.z().magnitude(), Sites.embed().magnitude())
                    .pooling(pooling)
                    .tokenBudget(24)
                    .build()) {
                assertRecorded(
                        probe.capture(recording.prompts()),
                        Stream.of(
                                        FakeModel.EMBED,
                                        FakeModel.EMBED.magnitude(),
                                        FakeModel.Z,
                                        FakeModel.Z.magnitude(),
                                        FakeModel.LOSS)
                                .map(site -> new Reading(site, pooling))
                                .toList(),
                        IDS);
            }
        }

        @Test
        void takesMagnitudesPerToken() {
            Recording recording = mixed();
            try (Probe probe =
                    Probe.builder(recording).sites(Sites.z().magnitude()).build()) {
                assertRecorded(
                        probe.capture(recording.prompts()),
                        List.of(new Reading(FakeModel.Z.magnitude(), Pooling.none())),
                        IDS);
            }
        }

        @Test
        void takesMagnitudesOfWhatTheModelPooledItself() {
            Recording recording = mixed();
            try (Probe probe = Probe.builder(recording)
                    .sites(Sites.glob("pooler").magnitude())
                    .build()) {
                float[] vector = FakeModel.expected(FakeModel.POOLER, Pooling.none(), IDS.get(3));
                double squares = 0;
                for (int unit = 0; unit < 4; unit++) {
                    squares += Math.pow(vector[4 + unit], 2);
                }
                assertThat(probe.capture(recording.prompts())
                                .at("pooler.magnitude")
                                .vector(3)[1])
                        .isEqualTo((float) Math.sqrt(squares));
            }
        }

        @ParameterizedTest
        @CsvSource({
            "none, none",
            "none, mean",
            "none, max without BOS",
            "mean, mean",
            "last without BOS, last without BOS"
        })
        void givesMagnitudesThatWereRecordedWithoutTheirSite(String recorded, String asked) {
            Pooling pooling = pooling(asked);
            Recording recording = record(
                    IDS, list(pooled(Z_MAGNITUDE, recorded)), new Reading(FakeModel.Z.magnitude(), pooling(recorded)));
            assertThat(recording.sites()).containsExactly(FakeModel.Z.magnitude());
            for (SiteSelector selector : List.of(Sites.z().magnitude(), Sites.glob("hook_z.magnitude"))) {
                try (Probe probe =
                        Probe.builder(recording).sites(pooling, selector).build()) {
                    assertRecorded(
                            probe.capture(recording.prompts()),
                            List.of(new Reading(FakeModel.Z.magnitude(), pooling)),
                            IDS);
                }
            }
        }

        private Pooling pooling(String text) {
            return SiteJson.read(Path.of("x"), list(pooled(LOSS, text))).get(0).pooling();
        }

        @ParameterizedTest
        @CsvSource({"none, none", "mean, mean", "mean, none"})
        void givesMagnitudesThatWereRecordedBesideTheirSite(String ofSite, String ofMagnitude) {
            Recording recording = record(
                    IDS,
                    list(pooled(Z, ofSite), pooled(Z_MAGNITUDE, ofMagnitude)),
                    new Reading(FakeModel.Z, pooling(ofSite)),
                    new Reading(FakeModel.Z.magnitude(), pooling(ofMagnitude)));
            assertThat(recording.sites()).containsExactly(FakeModel.Z);
            try (Probe probe = Probe.builder(recording)
                    .sites(Pooling.mean(), Sites.z(), Sites.z().magnitude())
                    .build()) {
                assertRecorded(
                        probe.capture(recording.prompts()),
                        List.of(
                                new Reading(FakeModel.Z, Pooling.mean()),
                                new Reading(FakeModel.Z.magnitude(), Pooling.mean())),
                        IDS);
            }
        }

        @Test
        void derivesMagnitudesAnewWhereThoseRecordedArePooledOtherwise() {
            Recording recording = record(
                    IDS,
                    list(pooled(Z, "none"), pooled(Z_MAGNITUDE, "mean")),
                    new Reading(FakeModel.Z, Pooling.none()),
                    new Reading(FakeModel.Z.magnitude(), Pooling.mean()));
            try (Probe probe = Probe.builder(recording)
                    .sites(Pooling.max(), Sites.z().magnitude())
                    .build()) {
                assertRecorded(
                        probe.capture(recording.prompts()),
                        List.of(new Reading(FakeModel.Z.magnitude(), Pooling.max())),
                        IDS);
            }
        }

        @Test
        void givesWhatIsOnDemandOnlyWhereItIsNamed() {
            Site result = new Site("hook_result", OptionalInt.empty(), FakeModel.EMBED.axes(), true);
            Recording recording = Recording.open(new RecordedCapture(
                            prompts(IDS),
                            "[{\"name\":\"hook_result\",\"axes\":[\"position\",\"unit 4\"],\"on_demand\":true,"
                                    + "\"pooling\":\"none\"}]",
                            List.of(new Reading(result, Pooling.none())))
                    .values((reading, ids) -> FakeModel.expected(FakeModel.EMBED, Pooling.none(), ids))
                    .writeTo(file()));
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> Probe.builder(recording).build());
            try (Probe probe = Probe.builder(recording)
                    .sites("hook_result")
                    .pooling(Pooling.last())
                    .build()) {
                assertThat(probe.capture(recording.prompts()).at(result).vector(0))
                        .containsExactly(FakeModel.expected(FakeModel.EMBED, Pooling.last(), IDS.get(0)));
            }
        }
    }

    @Nested
    class WhatCannotBeGiven {

        private void refuses(Recording recording, Site site, Pooling pooling, String... message) {
            CapturePlan plan = new CapturePlan(List.of(new Reading(site, pooling)));
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> recording.open(plan))
                    .withMessageContaining("acts.safetensors: cannot give " + site + " with the pooling '" + pooling)
                    .withMessageContainingAll(message);
        }

        @Test
        void isASiteThatWasNotRecorded() {
            refuses(
                    mixed(),
                    FakeModel.POST,
                    Pooling.mean(),
                    "it was not recorded; recorded were hook_embed (mean without BOS), blocks.0.attn.hook_z (none)");
        }

        @Test
        void isAPooledSiteOtherwise() {
            for (Pooling pooling :
                    List.of(Pooling.mean(), Pooling.none(), Pooling.last().withoutBos())) {
                refuses(
                        mixed(),
                        FakeModel.EMBED,
                        pooling,
                        "it was recorded with 'mean without BOS'",
                        "record the model");
            }
        }

        @Test
        void areTheMagnitudesOfWhatWasPooled() {
            refuses(
                    mixed(),
                    FakeModel.EMBED.magnitude(),
                    Pooling.mean().withoutBos(),
                    "not recorded, and hook_embed was with 'mean without BOS'");
        }

        @Test
        void areMagnitudesThatWereThemselvesPooledOtherwise() {
            Recording recording = record(
                    IDS, list(pooled(Z_MAGNITUDE, "mean")), new Reading(FakeModel.Z.magnitude(), Pooling.mean()));
            refuses(recording, FakeModel.Z.magnitude(), Pooling.max(), "it was recorded with 'mean'");
            refuses(
                    recording,
                    FakeModel.Z,
                    Pooling.mean(),
                    "not recorded; recorded were blocks.0.attn.hook_z.magnitude");
        }

        @Test
        void isASiteOfThatNameWithOtherAxes() {
            Site other = new Site("loss", OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(2)), false);
            refuses(mixed(), other, Pooling.mean(), "recorded with the axes", "size=2");
        }

        @ParameterizedTest
        @MethodSource("io.modscan.core.RecordingTest#strangers")
        void isAPromptThatWasNotRecorded(int[] ids) {
            try (Probe probe = Probe.builder(mixed()).sites(Sites.z()).build()) {
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> probe.capture(prompts(List.of(IDS.get(0), ids))))
                        .withMessageContainingAll(
                                "acts.safetensors",
                                ids.length + " tokens",
                                "none of the 6 recorded prompts",
                                "prompts()");
            }
        }
    }

    static Stream<Arguments> strangers() {
        return Stream.of(
                Arguments.of(new int[] {BOS, 11, 12}),
                Arguments.of(new int[] {11, 12, 13}),
                Arguments.of(new int[] {BOS, 11, 12, 14}),
                Arguments.of(new int[] {22, 21}),
                Arguments.of(new int[] {BOS}),
                Arguments.of(new int[] {BOS, 11, 12, 13, 1, 1, 1, 1, 1, 1}));
    }

    @Nested
    class TheSource {

        private static final int PAD = 1;

        /** A batch with this many columns of padding before each row's tokens, and the rest behind. */
        private TokenBatch batch(int columns, List<int[]> ids, int... before) {
            LongBuffer inputs = longs(ids.size() * columns);
            LongBuffer mask = longs(ids.size() * columns);
            for (int row = 0; row < ids.size(); row++) {
                for (int column = 0; column < columns; column++) {
                    int at = column - before[row];
                    boolean real = at >= 0 && at < ids.get(row).length;
                    inputs.put(row * columns + column, real ? ids.get(row)[at] : PAD);
                    mask.put(row * columns + column, real ? 1 : 0);
                }
            }
            return new TokenBatch(ids.size(), columns, inputs, mask);
        }

        private LongBuffer longs(int count) {
            return ByteBuffer.allocateDirect(count * Long.BYTES)
                    .order(ByteOrder.nativeOrder())
                    .asLongBuffer();
        }

        private FloatBuffer direct(long count) {
            return ByteBuffer.allocateDirect((int) count * Float.BYTES)
                    .order(ByteOrder.nativeOrder())
                    .asFloatBuffer();
        }

        private FloatBuffer run(ActivationSource source, TokenBatch batch) {
            Reading reading = source.plan().readings().get(0);
            FloatBuffer output = direct(batch.rows() * reading.values(batch.columns()));
            source.run(batch, List.of(output));
            return output;
        }

        private ActivationSource open(Recording recording, Site site, Pooling pooling) {
            return recording.open(new CapturePlan(List.of(new Reading(site, pooling))));
        }

        @Test
        void takesPaddingOnEitherSide() {
            List<int[]> ids = List.of(IDS.get(0), IDS.get(1), IDS.get(2));
            TokenBatch batch = batch(6, ids, 2, 4, 3);
            try (ActivationSource source = open(mixed(), FakeModel.Z, Pooling.none())) {
                FloatBuffer output = run(source, batch);
                assertThat(floats(output.slice(2 * 6, 4 * 6)))
                        .containsExactly(FakeModel.expected(FakeModel.Z, Pooling.none(), IDS.get(0)));
                assertThat(floats(output.slice(6 * 6 + 4 * 6, 2 * 6)))
                        .containsExactly(FakeModel.expected(FakeModel.Z, Pooling.none(), IDS.get(1)));
                assertThat(floats(output.slice(2 * 6 * 6 + 3 * 6, 6)))
                        .containsExactly(FakeModel.expected(FakeModel.Z, Pooling.none(), IDS.get(2)));
            }
            try (ActivationSource source =
                    open(mixed(), FakeModel.Z, Pooling.max().withoutBos())) {
                FloatBuffer output = run(source, batch);
                for (int row = 0; row < 3; row++) {
                    assertThat(floats(output.slice(row * 6, 6)))
                            .containsExactly(FakeModel.expected(
                                    FakeModel.Z, Pooling.max().withoutBos(), ids.get(row)));
                }
            }
            try (ActivationSource source = open(mixed(), FakeModel.PATTERN, Pooling.none())) {
                FloatBuffer output = run(source, batch);
                float[] expected = FakeModel.expected(FakeModel.PATTERN, Pooling.none(), IDS.get(1));
                for (int head = 0; head < 3; head++) {
                    for (int query = 0; query < 2; query++) {
                        for (int key = 0; key < 2; key++) {
                            assertThat(output.get(3 * 36 + (head * 6 + 4 + query) * 6 + 4 + key))
                                    .isEqualTo(expected[(head * 2 + query) * 2 + key]);
                        }
                    }
                }
            }
        }

        @Test
        void refusesPaddingBetweenTokensAndRowsWithoutTokens() {
            try (ActivationSource source = open(mixed(), FakeModel.Z, Pooling.none())) {
                TokenBatch torn = batch(4, List.of(IDS.get(0)), 0);
                torn.attentionMask().put(2, 0);
                assertThatExceptionOfType(IllegalArgumentException.class)
                        .isThrownBy(() -> run(source, torn))
                        .withMessageContaining("padding at column 2, between its tokens");
                TokenBatch empty = batch(4, List.of(new int[0]), 0);
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> run(source, empty))
                        .withMessageContaining("0 tokens");
            }
        }

        @Test
        void neverCountsTheLossOfAFirstToken() {
            Recording recording = Recording.open(new RecordedCapture(
                            prompts(List.of(new int[] {BOS, 11, 12}, new int[] {21, 22, 23}, new int[] {31})),
                            list(pooled(LOSS, "none")),
                            List.of(new Reading(FakeModel.LOSS, Pooling.none())))
                    .values((reading, ids) ->
                            ids.length == 1 ? new float[] {Float.NaN} : new float[] {Float.NaN, 3, ids[1]})
                    .writeTo(file()));
            for (boolean withoutBos : new boolean[] {false, true}) {
                for (Pooling.Kind kind : List.of(Pooling.Kind.LAST, Pooling.Kind.MEAN, Pooling.Kind.MAX)) {
                    try (Probe probe = Probe.builder(recording)
                            .pooling(new Pooling(kind, withoutBos ? Positions.withoutBos() : Positions.all()))
                            .build()) {
                        SiteActivations loss =
                                probe.capture(recording.prompts()).at("loss");
                        boolean mean = kind == Pooling.Kind.MEAN;
                        assertThat(loss.vector(0)).containsExactly(mean ? 7 : 11);
                        assertThat(loss.vector(1)).containsExactly(mean ? 12.5f : 22);
                        assertThat(loss.vector(2)).containsExactly(Float.NaN);
                    }
                }
            }
        }

        @Test
        void countsNothingOfALoneBosThatIsLeftOut() {
            Recording recording = record(
                    List.of(new int[] {BOS}),
                    list(pooled(EMBED, "none")),
                    new Reading(FakeModel.EMBED, Pooling.none()));
            try (ActivationSource source =
                    open(recording, FakeModel.EMBED, Pooling.mean().withoutBos())) {
                assertThat(floats(run(source, batch(1, List.of(new int[] {BOS}), 0))))
                        .containsOnly(Float.NaN);
            }
        }

        @Test
        void letsOtherThanANumberShow() {
            Recording recording = Recording.open(new RecordedCapture(
                            prompts(List.of(new int[] {11, 12, 13})),
                            list(pooled(EMBED, "none")),
                            List.of(new Reading(FakeModel.EMBED, Pooling.none())))
                    .values((reading, ids) -> new float[] {
                        Float.NaN,
                        Float.NEGATIVE_INFINITY,
                        1e38f,
                        1,
                        1,
                        Float.NEGATIVE_INFINITY,
                        3e38f,
                        2,
                        1,
                        Float.NEGATIVE_INFINITY,
                        3e38f,
                        4
                    })
                    .writeTo(file()));
            TokenBatch batch = batch(3, List.of(new int[] {11, 12, 13}), 0);
            assertThat(floats(run(open(recording, FakeModel.EMBED, Pooling.max()), batch)))
                    .containsExactly(Float.NaN, Float.NEGATIVE_INFINITY, 3e38f, 4);
            assertThat(floats(run(open(recording, FakeModel.EMBED, Pooling.mean()), batch)))
                    .containsExactly(Float.NaN, Float.NEGATIVE_INFINITY, (float) (7e38 / 3), 7 / 3f);
        }

        @Test
        void isUsedNoMoreOnceItIsClosed() {
            ActivationSource source = open(mixed(), FakeModel.Z, Pooling.none());
            source.close();
            source.close();
            assertThatExceptionOfType(IllegalStateException.class)
                    .isThrownBy(() -> run(source, batch(4, List.of(IDS.get(0)), 0)))
                    .withMessageContaining("closed");
        }

        @Test
        void refusesBuffersThatDoNotFit() {
            TokenBatch batch = batch(4, List.of(IDS.get(0)), 0);
            try (ActivationSource source = open(mixed(), FakeModel.Z, Pooling.none())) {
                for (List<FloatBuffer> outputs : List.of(
                        List.<FloatBuffer>of(),
                        List.of(direct(24), direct(24)),
                        List.of(direct(23)),
                        List.of(direct(24).asReadOnlyBuffer()),
                        List.of(FloatBuffer.allocate(24)))) {
                    assertThatExceptionOfType(IllegalArgumentException.class)
                            .isThrownBy(() -> source.run(batch, outputs));
                }
            }
        }

        @Test
        void servesManyThreads() throws Exception {
            List<int[]> ids = IntStream.range(0, 200)
                    .mapToObj(i -> IntStream.range(0, 1 + i % 11)
                            .map(t -> (i * 7 + t * (1 + i / 50)) % 100)
                            .toArray())
                    .toList();
            Recording recording = record(
                    ids,
                    list(pooled(Z, "none"), pooled(PATTERN, "none")),
                    new Reading(FakeModel.Z, Pooling.none()),
                    new Reading(FakeModel.PATTERN, Pooling.none()));
            ExecutorService threads = Executors.newFixedThreadPool(8);
            try {
                List<Future<?>> runs = new ArrayList<>();
                for (int i = 0; i < 16; i++) {
                    int budget = 1 + i * 8;
                    runs.add(threads.submit(() -> {
                        try (Probe probe = Probe.builder(recording)
                                .sites(Sites.z(), Sites.pattern())
                                .tokenBudget(budget)
                                .build()) {
                            assertRecorded(
                                    probe.capture(recording.prompts()),
                                    probe.plan().readings(),
                                    ids);
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
    }

    @Nested
    class InShards {

        private final List<int[]> many = IntStream.range(0, 25)
                .mapToObj(i -> IntStream.range(0, 1 + i % 5).map(t -> i + t * 3).toArray())
                .toList();

        private Path shards() {
            return mixed(many).writeShards(file(), 1, 2, 10, 12, 25);
        }

        @Test
        void isReadAsOne() {
            Recording recording = Recording.open(shards());
            assertRecorded(recording.activations(), MIXED, many);
            assertThat(recording.prompts()).isEqualTo(prompts(many));
            assertThat(recording.provenance())
                    .containsEntry(Keys.PROMPT_COUNT, "25")
                    .containsEntry(Keys.TOKENS_SHA256, "of all")
                    .containsEntry("model.fingerprint", "fake")
                    .hasSize(7);
            assertRecorded(recording.activations().slice(1, 11), MIXED, many.subList(1, 11));
        }

        @Test
        void isOpenedByItsIndexToo() {
            shards();
            Recording recording = Recording.open(folder.resolve("acts.safetensors.index.json"));
            assertRecorded(recording.activations(), MIXED, many);
        }

        @Test
        void isAModelToo() {
            Recording recording = Recording.open(shards());
            try (Probe probe = Probe.builder(recording)
                    .sites(Sites.z().magnitude(), Sites.loss())
                    .pooling(Pooling.mean())
                    .build()) {
                assertRecorded(
                        probe.capture(recording.prompts()),
                        List.of(
                                new Reading(FakeModel.Z.magnitude(), Pooling.mean()),
                                new Reading(FakeModel.LOSS, Pooling.mean())),
                        many);
            }
        }

        @Test
        void mayBeOne() {
            Recording recording = Recording.open(mixed(many).writeShards(file(), 25));
            assertRecorded(recording.activations(), MIXED, many);
        }

        @Test
        void comesSecondToOneFile() {
            shards();
            assertThat(mixed().prompts().size()).isEqualTo(IDS.size());
        }
    }

    /** A hundred thousand prompts, most of them alike: opening and finding them takes well under a second each. */
    @Test
    void manyPromptsAreOpenedAndFoundInLinearTime() {
        List<int[]> ids = IntStream.range(0, 100_000)
                .mapToObj(i -> i % 2 == 0 ? new int[] {1, 2, 3} : new int[] {i % 100, i / 100 % 100, i / 10_000})
                .toList();
        Recording recording = record(ids, list(pooled(LOSS, "none")), new Reading(FakeModel.LOSS, Pooling.none()));
        try (Probe probe = Probe.builder(recording).pooling(Pooling.last()).build()) {
            SiteActivations loss = probe.capture(recording.prompts()).at("loss");
            assertThat(loss.vector(99_999)).containsExactly(FakeModel.value(FakeModel.LOSS, 9, 0, 2, 0));
            assertThat(loss.vector(99_998)).containsExactly(FakeModel.value(FakeModel.LOSS, 3, 0, 2, 0));
        }
    }
}
