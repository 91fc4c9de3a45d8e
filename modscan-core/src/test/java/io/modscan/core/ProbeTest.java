package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.modscan.core.FakeModel.Batch;
import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProbeTest {

    /** Of lengths that are neither sorted nor equal; every one begins with BOS, except "plain". */
    private static final Prompts PROMPTS = Prompts.of(List.of(
            Prompt.ofTokens("long", FakeModel.BOS, 11, 12, 13, 14, 15, 16),
            Prompt.ofTokens("short", FakeModel.BOS, 21),
            Prompt.ofTokens("plain", 31, 32, 33),
            Prompt.ofTokens("longest", FakeModel.BOS, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 99),
            Prompt.ofTokens("middle", FakeModel.BOS, 51, 52, 0)));

    private final FakeModel model = new FakeModel();

    private static int[] ids(Prompt prompt) {
        return prompt.tokenIds().orElseThrow();
    }

    private static float[] floats(FloatBuffer buffer) {
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    private static Prompts random(int count, long seed) {
        Random random = new Random(seed);
        return Prompts.of(IntStream.range(0, count)
                .mapToObj(i -> Prompt.ofTokens(
                        "p" + i,
                        random.ints(1 + random.nextInt(FakeModel.MAX_TOKENS), 3, FakeModel.VOCABULARY)
                                .toArray()))
                .toList());
    }

    /** That every value of every site and prompt is the one that its place calls for. */
    private static void assertEveryValue(Activations activations) {
        assertThat(activations.sites()).isNotEmpty();
        for (SiteActivations site : activations.sites()) {
            assertThat(site.size()).isEqualTo(activations.prompts().size());
            for (int prompt = 0; prompt < site.size(); prompt++) {
                assertThat(floats(site.row(prompt)))
                        .as("%s of prompt %s", site, prompt)
                        .containsExactly(FakeModel.expected(
                                site.site(),
                                site.pooling(),
                                ids(activations.prompts().get(prompt))));
            }
        }
    }

    @Nested
    class Values {

        @ParameterizedTest
        @ValueSource(ints = {1, 7, 16, 24, 4096})
        void areInTheirPlacesForEveryLayoutWhateverTheBatches(int budget) {
            try (Probe probe = Probe.builder(model).tokenBudget(budget).build()) {
                assertEveryValue(probe.capture(PROMPTS));
                assertThat(probe.plan().readings()).extracting(Reading::site).isEqualTo(model.sites());
            }
        }

        static Stream<Pooling> poolings() {
            return Stream.of(Pooling.last(), Pooling.mean(), Pooling.max())
                    .flatMap(pooling -> Stream.of(pooling, pooling.withoutBos()));
        }

        @ParameterizedTest
        @MethodSource("poolings")
        void areInTheirPlacesWhenPooled(Pooling pooling) {
            try (Probe probe =
                    Probe.builder(model).pooling(pooling).tokenBudget(16).build()) {
                Activations activations = probe.capture(PROMPTS);
                assertThat(activations.sites()).hasSize(5);
                assertEveryValue(activations);
            }
        }

        @ParameterizedTest
        @MethodSource("poolings")
        void ofMagnitudesAreInTheirPlaces(Pooling pooling) {
            try (Probe probe = Probe.builder(model)
                    .sites(Sites.z().magnitude())
                    .sites(pooling, Sites.mlpPost().magnitude(), Sites.mlpPost())
                    .build()) {
                Activations activations = probe.capture(PROMPTS);
                assertThat(activations.sites()).hasSize(4);
                assertEveryValue(activations);
            }
        }

        @Test
        void ofManyPromptsAreInTheCallersOrder() {
            try (Probe probe = Probe.builder(model).tokenBudget(50).build()) {
                Prompts prompts = random(200, 3);
                Activations activations = probe.capture(prompts);
                assertThat(activations.prompts()).isEqualTo(prompts);
                assertEveryValue(activations);
            }
        }

        @Test
        void doNotChangeWithTheNextCapture() {
            try (Probe probe = Probe.builder(model).build()) {
                Activations first = probe.capture(random(20, 1));
                probe.capture(random(20, 2));
                assertEveryValue(first);
            }
        }

        @Test
        void outliveTheProbe() {
            Probe probe = Probe.builder(model).sites(Sites.z()).build();
            Activations activations = probe.capture(PROMPTS);
            probe.close();
            assertEveryValue(activations);
        }
    }

    @Nested
    class Batches {

        @ParameterizedTest
        @ValueSource(ints = {12, 13, 30, 100, 1000})
        void keepToTheTokenBudgetPaddingIncluded(int budget) {
            try (Probe probe =
                    Probe.builder(model).sites(Sites.loss()).tokenBudget(budget).build()) {
                probe.capture(random(150, 5));
            }
            assertThat(model.batches)
                    .allSatisfy(
                            batch -> assertThat(batch.rows() * batch.columns()).isLessThanOrEqualTo(budget));
            assertThat(model.batches.stream().mapToInt(Batch::rows).sum()).isEqualTo(150);
        }

        @Test
        void areAsFewAsTheBudgetAllows() {
            try (Probe probe =
                    Probe.builder(model).sites(Sites.loss()).tokenBudget(12).build()) {
                probe.capture(PROMPTS);
            }
            // 12 alone; 7 alone, since with 4 it would go beyond 12; then 4, 3, 2.
            assertThat(model.batches).containsExactly(new Batch(1, 12), new Batch(1, 7), new Batch(3, 4));
        }

        @Test
        void areOfSimilarLengthSoThatLittleIsPadded() {
            Prompts prompts = random(1000, 6);
            try (Probe probe =
                    Probe.builder(model).sites(Sites.loss()).tokenBudget(300).build()) {
                probe.capture(prompts);
            }
            int tokens = prompts.stream().mapToInt(prompt -> ids(prompt).length).sum();
            int run = model.batches.stream()
                    .mapToInt(batch -> batch.rows() * batch.columns())
                    .sum();
            assertThat(run).isLessThan((int) (tokens * 1.05));
        }

        @Test
        void ofAPromptLongerThanTheBudgetHoldItAlone() {
            try (Probe probe =
                    Probe.builder(model).sites(Sites.loss()).tokenBudget(3).build()) {
                probe.capture(PROMPTS);
            }
            assertThat(model.batches)
                    .containsExactly(
                            new Batch(1, 12), new Batch(1, 7), new Batch(1, 4), new Batch(1, 3), new Batch(1, 2));
        }

        @Test
        void areSmallerWhereTheOutputsAreLarge() {
            Site wide = new Site("wide", OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(1 << 22)), false);
            FakeModel wideModel = new FakeModel(List.of(wide), false);
            try (Probe probe = Probe.builder(wideModel).build()) {
                // A token's values take 16 MiB.
                Prompts prompts = Prompts.of(IntStream.range(0, 10)
                        .mapToObj(i -> Prompt.ofTokens("p" + i, 5, 6))
                        .toList());
                assertThat(probe.capture(prompts).at(wide).size()).isEqualTo(10);
            }
            assertThat(wideModel.batches)
                    .hasSize(2)
                    .allSatisfy(batch -> assertThat(batch.rows()).isLessThanOrEqualTo(8));
        }

        @Test
        void ofOnePromptThatNoBufferHoldsAreRefused() {
            Site huge = new Site("huge", OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(1 << 30)), false);
            try (Probe probe =
                    Probe.builder(new FakeModel(List.of(huge), false)).build()) {
                Prompts prompts = Prompts.of(List.of(Prompt.ofTokens("a", 5, 6, 7)));
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> probe.capture(prompts))
                        .withMessageContainingAll("'a'", "huge", "12884901888", "shorter prompts");
            }
        }

        @Test
        void areSmallerWhereTheyNeedMuchMemoryToBeRun() {
            model.workingBytesAToken = 1 << 20;
            try (Probe probe = Probe.builder(model)
                    .sites(Sites.loss())
                    .memoryLimit(24L << 20)
                    .build()) {
                assertEveryValue(probe.capture(PROMPTS));
            }
            assertThat(model.batches)
                    .allSatisfy(
                            batch -> assertThat(batch.rows() * batch.columns()).isLessThan(24));
        }

        @Test
        void areRunOneByOneWhereEvenAPromptIsBeyondTheLimit() {
            try (Probe probe = Probe.builder(model).memoryLimit(1).build()) {
                assertEveryValue(probe.capture(PROMPTS));
            }
            assertThat(model.batches).hasSize(5);
        }

        @Test
        void ofPromptsOfManyWindowsAreTheSameEachTime() {
            Prompts prompts = random(20_000, 8);
            for (int i = 0; i < 2; i++) {
                try (Probe probe = Probe.builder(model).sites(Sites.loss()).build()) {
                    assertEveryValue(probe.capture(prompts));
                }
            }
            int half = model.batches.size() / 2;
            assertThat(model.batches.subList(0, half)).isEqualTo(model.batches.subList(half, 2 * half));
        }

        @Test
        void ofMoreThanTheHeapHoldsAreRefusedBeforehand() {
            Site wide = new Site("wide", OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(1 << 26)), false);
            int[] ids = IntStream.range(0, 7).toArray();
            List<Prompt> many = IntStream.range(0, 1000)
                    .mapToObj(i -> Prompt.ofTokens("p" + i, ids))
                    .toList();
            try (Probe probe =
                    Probe.builder(new FakeModel(List.of(wide), false)).build()) {
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> probe.capture(Prompts.of(many)))
                        .withMessageContainingAll("1 prompts", "1792 MiB", "into a file", "-Xmx");
                assertThat(model.batches).isEmpty();
            }
        }

        @ParameterizedTest
        @ValueSource(ints = {0, -1, Integer.MIN_VALUE})
        void ofNoTokensAreRefused(int budget) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Probe.builder(model).tokenBudget(budget))
                    .withMessageContainingAll(Integer.toString(budget), "at least 1");
        }

        @Test
        void ofAnUnlimitedBudgetHoldEverything() {
            try (Probe probe = Probe.builder(model)
                    .sites(Sites.loss())
                    .tokenBudget(Integer.MAX_VALUE)
                    .build()) {
                assertEveryValue(probe.capture(PROMPTS));
            }
            assertThat(model.batches).containsExactly(new Batch(5, 12));
        }
    }

    @Nested
    class Tokens {

        @Test
        void ofReadyIdsAreRunAndReadBackAsTheyAre() {
            try (Probe probe =
                    Probe.builder(new FakeModel(List.of(FakeModel.LOSS), false)).build()) {
                Activations activations = probe.capture(PROMPTS);
                for (int i = 0; i < PROMPTS.size(); i++) {
                    assertThat(activations.tokenIds(i)).isEqualTo(ids(PROMPTS.get(i)));
                }
            }
        }

        @Test
        void ofTextsComeFromTheModelsTokenizer() {
            try (Probe probe = Probe.builder(model).sites(Sites.z()).build()) {
                Activations activations = probe.capture(Prompts.of("cab", ""));
                assertThat(activations.tokenIds(0)).containsExactly(FakeModel.BOS, 12, 10, 11);
                assertThat(activations.tokenIds(1)).containsExactly(FakeModel.BOS);
                assertThat(floats(activations.at(FakeModel.Z).row(0)))
                        .containsExactly(FakeModel.expected(FakeModel.Z, Pooling.none(), FakeModel.BOS, 12, 10, 11));
            }
        }

        @Test
        void ofTextsAndReadyIdsMayBeMixed() {
            try (Probe probe = Probe.builder(model).sites(Sites.loss()).build()) {
                Activations activations =
                        probe.capture(Prompts.of(List.of(Prompt.ofTokens("ids", 7, 8), Prompt.of("text", "a"))));
                assertThat(activations.tokenIds(0)).containsExactly(7, 8);
                assertThat(activations.tokenIds(1)).containsExactly(FakeModel.BOS, 10);
            }
        }

        @Test
        void ofTextsNeedATokenizer() {
            try (Probe probe =
                    Probe.builder(new FakeModel(List.of(FakeModel.LOSS), false)).build()) {
                Prompts texts = Prompts.of("abc");
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> probe.capture(texts))
                        .withMessageContaining("without a tokenizer");
            }
        }

        @Test
        void areNotChangedThroughWhatIsReadBack() {
            try (Probe probe = Probe.builder(model).sites(Sites.loss()).build()) {
                Activations activations = probe.capture(PROMPTS);
                activations.tokenIds(0)[0] = 77;
                assertThat(activations.tokenIds(0)).isEqualTo(ids(PROMPTS.get(0)));
            }
        }

        @Test
        void inAnyNumberUpToTheModelsAreTaken() {
            try (Probe probe = Probe.builder(model).sites(Sites.loss()).build()) {
                assertThat(probe.capture(Prompts.of("a".repeat(FakeModel.MAX_TOKENS - 1)))
                                .tokenIds(0))
                        .hasSize(FakeModel.MAX_TOKENS);
            }
        }

        @Test
        void beyondTheModelsLengthAreRefusedWithTheIdAndBothLengths() {
            try (Probe probe = Probe.builder(model).sites(Sites.loss()).build()) {
                Prompts prompts = Prompts.of(List.of(Prompt.of("ok", "a"), Prompt.of("novel", "a".repeat(12))));
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> probe.capture(prompts))
                        .withMessageContainingAll("'novel'", "13", "12", "cutOverlong");
                assertThat(model.batches).isEmpty();
            }
        }

        @Test
        void beyondTheModelsLengthAreCutIfAskedFor() {
            try (Probe probe =
                    Probe.builder(model).sites(Sites.z()).cutOverlong().build()) {
                Activations activations = probe.capture(Prompts.of("abcdefghijklmnop", "a"));
                int[] cut = {FakeModel.BOS, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
                assertThat(activations.tokenIds(0)).containsExactly(cut);
                assertThat(activations.tokenIds(1)).containsExactly(FakeModel.BOS, 10);
                assertThat(floats(activations.at(FakeModel.Z).row(0)))
                        .containsExactly(FakeModel.expected(FakeModel.Z, Pooling.none(), cut));
            }
        }

        @ParameterizedTest
        @ValueSource(ints = {FakeModel.VOCABULARY, -1, Integer.MAX_VALUE, Integer.MIN_VALUE})
        void outsideTheVocabularyAreRefusedWithTheRange(int id) {
            try (Probe probe = Probe.builder(model).sites(Sites.loss()).build()) {
                Prompts prompts = Prompts.of(List.of(Prompt.ofTokens("odd", 5, id)));
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> probe.capture(prompts))
                        .withMessageContainingAll("'odd'", Integer.toString(id), "0 to 99");
            }
        }

        @Test
        void thatAreOnlyBosCannotBePooledWithoutIt() {
            try (Probe probe = Probe.builder(model)
                    .sites(Sites.z())
                    .pooling(Pooling.mean().withoutBos())
                    .build()) {
                Prompts prompts = Prompts.of(List.of(Prompt.of("ok", "a"), Prompt.of("blank", "")));
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> probe.capture(prompts))
                        .withMessageContainingAll("'blank'", "BOS", "blocks.0.attn.hook_z");
            }
        }

        @Test
        void thatAreOnlyBosCanBePooledWithIt() {
            try (Probe probe = Probe.builder(model).pooling(Pooling.mean()).build()) {
                assertEveryValue(probe.capture(Prompts.of(List.of(Prompt.ofTokens("blank", FakeModel.BOS)))));
            }
        }

        @Test
        void thatAreOneOtherTokenCanBePooledWithoutBos() {
            try (Probe probe =
                    Probe.builder(model).pooling(Pooling.max().withoutBos()).build()) {
                assertEveryValue(probe.capture(Prompts.of(List.of(Prompt.ofTokens("one", 7)))));
            }
        }
    }

    @Nested
    class Building {

        @Test
        void withoutSitesReadsEverySiteUnpooled() {
            try (Probe probe = Probe.builder(model).build()) {
                assertThat(probe.plan().readings())
                        .hasSize(8)
                        .allSatisfy(reading -> assertThat(reading.pooling()).isEqualTo(Pooling.none()));
            }
        }

        @Test
        void takesGlobsAndSelectorsTogether() {
            try (Probe probe = Probe.builder(model)
                    .sites("loss", "blocks.1.*_z")
                    .sites(Sites.embed())
                    .build()) {
                assertThat(probe.plan().readings())
                        .extracting(reading -> reading.site().name())
                        .containsExactly("hook_embed", "blocks.1.attn.hook_z", "loss");
            }
        }

        @Test
        void appliesThePoolingToWhatHasNoneOfItsOwnWheneverItIsSet() {
            try (Probe probe = Probe.builder(model)
                    .sites(Sites.embed())
                    .pooling(Pooling.max())
                    .sites(Pooling.last(), Sites.loss())
                    .sites(Sites.mlpPost())
                    .build()) {
                assertThat(probe.plan().readings())
                        .extracting(Reading::pooling)
                        .containsExactly(Pooling.max(), Pooling.max(), Pooling.last());
            }
        }

        @Test
        void opensNothingWhenASiteIsUnknown() {
            Probe.Builder builder = Probe.builder(model).sites("hook_zz");
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(builder::build)
                    .withMessageContainingAll("hook_zz", "blocks.0.attn.hook_z");
            assertThat(model.sources).isEmpty();
        }

        @Test
        void canBeDoneTwice() {
            Probe.Builder builder = Probe.builder(model).sites(Sites.loss());
            try (Probe first = builder.build();
                    Probe second = builder.sites(Sites.embed()).build()) {
                assertThat(first.plan().readings()).hasSize(1);
                assertThat(second.plan().readings()).hasSize(2);
            }
        }
    }

    @Nested
    class Closing {

        @Test
        void closesTheSource() {
            Probe.builder(model).build().close();
            assertThat(model.sources)
                    .singleElement()
                    .satisfies(source -> assertThat(source.isClosed()).isTrue());
        }

        @Test
        void twiceDoesNothingMore() {
            Probe probe = Probe.builder(model).build();
            probe.close();
            probe.close();
            assertThat(model.sources).hasSize(1);
        }

        @Test
        void isToldWhenTheProbeIsUsedAfterwards() {
            Probe probe = Probe.builder(model).build();
            probe.close();
            assertThatIllegalStateException()
                    .isThrownBy(() -> probe.capture(PROMPTS))
                    .withMessageContainingAll("closed", "build another");
        }

        @Test
        void leavesThePlanReadable() {
            Probe probe = Probe.builder(model).sites(Sites.loss()).build();
            probe.close();
            assertThat(probe.plan().readings()).hasSize(1);
        }
    }

    @Nested
    class Threads {

        @Test
        void eightOnOneProbeGetWhatOneGets() throws InterruptedException, ExecutionException {
            ExecutorService pool = Executors.newFixedThreadPool(8);
            try (Probe probe = Probe.builder(model).tokenBudget(40).build()) {
                List<Future<Activations>> futures = new ArrayList<>();
                for (int i = 0; i < 64; i++) {
                    Prompts prompts = random(10, i);
                    futures.add(pool.submit(() -> probe.capture(prompts)));
                }
                for (Future<Activations> future : futures) {
                    assertEveryValue(future.get());
                }
            } finally {
                pool.shutdownNow();
            }
        }
    }

    @Nested
    class Provenance {

        @Test
        void tellsModelPlanPromptsAndVersion() {
            try (Probe probe = Probe.builder(model)
                    .sites(Sites.z().inLayers(0))
                    .pooling(Pooling.mean().withoutBos())
                    .build()) {
                assertThat(probe.capture(PROMPTS).provenance())
                        .containsEntry("model.fingerprint", "fake")
                        .containsEntry(Keys.PROMPT_COUNT, "5")
                        .hasEntrySatisfying(
                                Keys.PLAN,
                                plan -> assertThat(plan).contains("blocks.0.attn.hook_z", "mean without BOS"))
                        .containsKeys(Keys.VERSION, Keys.TOKENS_SHA256);
            }
        }

        @Test
        void tellsOneSetOfTokensFromAnother() {
            try (Probe probe = Probe.builder(model).sites(Sites.loss()).build()) {
                String hash = hash(probe, new int[] {11, 12}, new int[] {13});
                assertThat(hash).matches("[0-9a-f]{64}").isEqualTo(hash(probe, new int[] {11, 12}, new int[] {13}));
                assertThat(hash(probe, new int[] {11}, new int[] {12, 13})).isNotEqualTo(hash);
                assertThat(hash(probe, new int[] {13}, new int[] {11, 12})).isNotEqualTo(hash);
            }
        }

        private String hash(Probe probe, int[]... ids) {
            Prompts prompts = Prompts.of(Arrays.stream(ids)
                    .map(each -> Prompt.ofTokens(Arrays.toString(each), each))
                    .toList());
            return String.valueOf(probe.capture(prompts).provenance().get(Keys.TOKENS_SHA256));
        }
    }

    @SuppressWarnings("unused") // by name
    private static final List<Site> LAYOUTS = List.of(FakeModel.Z, FakeModel.PATTERN);

    @ParameterizedTest
    @FieldSource("LAYOUTS")
    void aPromptsValuesDoNotDependOnItsNeighbours(Site site) {
        try (Probe probe = Probe.builder(model).sites(site.name()).build()) {
            float[] among = floats(probe.capture(PROMPTS).at(site).row(2));
            float[] alone = floats(probe.capture(PROMPTS.slice(2, 3)).at(site).row(0));
            assertThat(among).containsExactly(alone);
        }
    }
}
