package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.core.token.Positions;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ActivationsTest {

    private static final Site PAIR =
            new Site("pair", OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(2)), false);

    private static final Prompts PROMPTS = Prompts.of(List.of(
            Prompt.ofTokens("a", FakeModel.BOS, 11, 12, 13).withLabel("topic", "x"),
            Prompt.ofTokens("b", 21, 22).withLabel("topic", "y"),
            Prompt.ofTokens("c", 31, 32, 33).withLabel("topic", "x")));

    private static Activations capture(Prompts prompts) {
        try (Probe probe = Probe.builder(new FakeModel())
                .sites("hook_embed", "loss")
                .pooling(Pooling.last())
                .build()) {
            return probe.capture(prompts);
        }
    }

    private final Activations activations = capture(PROMPTS);

    @Test
    void sitesAreFoundByNameAndByThemselves() {
        assertThat(activations.at("hook_embed").site()).isEqualTo(FakeModel.EMBED);
        assertThat(activations.at(FakeModel.LOSS).site()).isEqualTo(FakeModel.LOSS);
    }

    @Test
    void sitesComeInThePlansOrder() {
        assertThat(activations.sites())
                .extracting(SiteActivations::site)
                .containsExactly(FakeModel.EMBED, FakeModel.LOSS);
    }

    @Test
    void aSiteThatWasNotCapturedIsNamedBesideThoseThatWere() {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> activations.at("logits"))
                .withMessageContainingAll("'logits'", "hook_embed", "loss");
    }

    @Test
    void onlySomeSitesAreKeptInThePlansOrder() {
        Activations kept = activations.only(Sites.loss(), Sites.glob("hook_e*"), Sites.loss());
        assertThat(kept.sites()).extracting(SiteActivations::site).containsExactly(FakeModel.EMBED, FakeModel.LOSS);
        Activations loss = activations.only(Sites.loss());
        assertThat(loss.sites()).extracting(SiteActivations::site).containsExactly(FakeModel.LOSS);
        assertThat(loss.prompts()).isEqualTo(PROMPTS);
        assertThat(loss.tokenIds(1)).containsExactly(21, 22);
        assertThat(loss.at("loss").vector(2))
                .containsExactly(activations.at("loss").vector(2));
    }

    @Test
    void attributionsAreKeptWithoutWhatTheyAreOf() {
        float[][] rows = {new float[5]};
        Activations both = Activations.builder(Prompts.of("a text"))
                .site(FakeModel.POST, Pooling.mean(), rows)
                .site(FakeModel.POST.attribution(), Pooling.sum(), rows)
                .build();
        for (SiteSelector selector : List.of(Sites.mlpPost().attribution(), Sites.glob("mlp.hook_post.attribution"))) {
            assertThat(both.only(selector).onlySite().site()).isEqualTo(FakeModel.POST.attribution());
        }
        assertThat(both.only(Sites.mlpPost()).onlySite().site()).isEqualTo(FakeModel.POST);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> both.only(Sites.mlpPost().gradient()))
                .withMessageContaining("blocks.0.mlp.hook_post.attribution");
    }

    @Test
    void onlySitesThatWereNotCapturedIsRefusedWithThoseThatWere() {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> activations.only(Sites.z(), Sites.logits()))
                .withMessageContainingAll("blocks.*.attn.hook_z", "logits", "hook_embed", "loss");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 3})
    void tokenIdsAreOnlyOfPromptsThatThereAre(int prompt) {
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> activations.tokenIds(prompt));
    }

    @Test
    void provenanceIsSortedAndCannotBeChanged() {
        Map<String, String> provenance = activations.provenance();
        assertThat(List.copyOf(provenance.keySet())).isSorted();
        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> provenance.put("model.fingerprint", "another"));
    }

    @Test
    void aSliceHoldsWhatItsPromptsHadAlready() {
        Activations slice = activations.slice(1, 3);
        assertThat(slice.prompts()).isEqualTo(PROMPTS.slice(1, 3));
        assertThat(slice.prompts().labels("topic")).containsExactly("y", "x");
        assertThat(slice.tokenIds(0)).containsExactly(21, 22);
        assertThat(slice.at("hook_embed").size()).isEqualTo(2);
        assertThat(slice.at("hook_embed").vector(1))
                .containsExactly(activations.at("hook_embed").vector(2));
    }

    @Test
    void aSlicesProvenanceIsThatOfItsOwnPrompts() {
        assertThat(activations.slice(1, 3).provenance())
                .containsEntry(Keys.PROMPT_COUNT, "2")
                .isEqualTo(capture(PROMPTS.slice(1, 3)).provenance());
    }

    @Test
    void aSliceOfASliceCountsFromTheSlice() {
        Activations slice = activations.slice(1, 3).slice(1, 2);
        assertThat(slice.prompts().get(0).id()).isEqualTo("c");
        assertThat(slice.at("loss").vector(0))
                .containsExactly(activations.at("loss").vector(2));
    }

    @ParameterizedTest
    @CsvSource({"-1, 2", "0, 4", "2, 1"})
    void aSliceOutOfRangeIsRefused(int from, int to) {
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> activations.slice(from, to));
    }

    @Test
    void anEmptySliceIsRefused() {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> activations.slice(1, 1))
                .withMessageContaining("at least one");
    }

    @Test
    void theirTextNamesSitesAndCount() {
        assertThat(activations).hasToString("Activations[3 prompts, [hook_embed, loss]]");
    }

    @Test
    void somePromptsAreAViewOnThem() {
        Activations x = activations.where(prompt -> "x".equals(prompt.labels().get("topic")));
        assertThat(x.prompts()).extracting(Prompt::id).containsExactly("a", "c");
        assertThat(x.tokenIds(1)).containsExactly(31, 32, 33);
        assertThat(x.at("hook_embed").vector(1))
                .isEqualTo(activations.at("hook_embed").vector(2));
        assertThat(x.provenance()).containsEntry(Keys.PROMPT_COUNT, "2");
        assertThatExceptionOfType(ModscanException.class).isThrownBy(() -> activations.where(prompt -> false));
    }

    @Test
    void theOnlySiteIsFoundWithoutItsName() {
        assertThat(activations.only(Sites.loss()).onlySite().site()).isEqualTo(FakeModel.LOSS);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(activations::onlySite)
                .withMessageContainingAll("takes one site and was given 2", "[hook_embed, loss]", "perSite()");
    }

    @Test
    void activationsFromElsewhereAreLikeCapturedOnes(@TempDir Path folder) {
        Activations made = Activations.builder(PROMPTS)
                .site(
                        FakeModel.EMBED,
                        Pooling.last(),
                        activations.at("hook_embed").vectors())
                .site(FakeModel.LOSS, Pooling.last(), activations.at("loss").vectors())
                .provenance(activations.provenance())
                .build();
        assertThat(made.tokenIds(0)).isEqualTo(activations.tokenIds(0));
        assertThat(made.provenance()).isEqualTo(activations.provenance());
        made.save(folder.resolve("made.safetensors"));
        activations.save(folder.resolve("captured.safetensors"));
        assertThat(folder.resolve("made.safetensors")).hasSameBinaryContentAs(folder.resolve("captured.safetensors"));
    }

    @Test
    void rowsOfAnotherLengthAreRefused() {
        Activations.Builder builder = Activations.builder(PROMPTS);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.site(FakeModel.LOSS, Pooling.last(), new float[2][1]))
                .withMessageContaining("2 rows for 3 prompts");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.site(FakeModel.EMBED, Pooling.last(), new float[3][5]))
                .withMessageContaining("prompt 0 has 5 values of hook_embed, whose vectors are of 4");
        assertThatIllegalArgumentException().isThrownBy(() -> builder.tokenIds(List.of()));
        assertThatExceptionOfType(ModscanException.class).isThrownBy(builder::build);
    }

    @Test
    void poolingWithoutBosNeedsToKnowBos() {
        Activations unknown = Activations.builder(PROMPTS)
                .site(FakeModel.LOSS, Pooling.none(), new float[] {1, 2, 3, 4}, new float[] {5, 6}, new float[] {7, 8, 9
                })
                .build();
        assertThat(unknown.pooled(Pooling.mean()).onlySite().vectors())
                .isDeepEqualTo(new float[][] {{2.5f}, {5.5f}, {8}});
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> unknown.pooled(Pooling.mean().withoutBos()))
                .withMessageContaining("the provenance has no 'model.bos_token_id'");
        assertThatIllegalArgumentException().isThrownBy(() -> unknown.pooled(Pooling.none()));
    }

    /** Two values a token: BOS has 100 and more. The first prompt begins with BOS twice, the last is BOS only. */
    private static Activations tokens() {
        return Activations.builder(Prompts.of(List.of(
                        Prompt.ofTokens("double", 2, 2, 5),
                        Prompt.ofTokens("one", 2, 6, 7),
                        Prompt.ofTokens("none", 8, 2),
                        Prompt.ofTokens("only", 2))))
                .site(
                        PAIR,
                        Pooling.none(),
                        new float[] {100, 101, 102, 103, 1, 2},
                        new float[] {100, 101, 3, 4, 5, 6},
                        new float[] {7, 8, 102, 103},
                        new float[] {100, 101})
                .site(
                        FakeModel.LOSS,
                        Pooling.none(),
                        new float[] {Float.NaN, 1, 2},
                        new float[] {Float.NaN, 3, 4},
                        new float[] {Float.NaN, 5},
                        new float[] {Float.NaN})
                .site(FakeModel.EMBED, Pooling.last(), new float[4][4])
                .provenance(Map.of(Keys.BOS_TOKEN_ID, "2", "model.name", "made up"))
                .build();
    }

    private static float[] row(Activations activations, String site, int prompt) {
        FloatBuffer row = activations.at(site).row(prompt);
        float[] values = new float[row.capacity()];
        row.get(0, values);
        return values;
    }

    @Test
    void droppingBosTakesItFromValuesAndIdsAlike() {
        Activations rest = tokens().withoutBos();
        assertThat(rest.tokenIds(0)).containsExactly(2, 5);
        assertThat(rest.tokenIds(1)).containsExactly(6, 7);
        assertThat(rest.tokenIds(2)).containsExactly(8, 2);
        assertThat(rest.tokenIds(3)).isEmpty();
        assertThat(row(rest, "pair", 0)).containsExactly(102, 103, 1, 2);
        assertThat(row(rest, "pair", 1)).containsExactly(3, 4, 5, 6);
        assertThat(row(rest, "pair", 2)).containsExactly(7, 8, 102, 103);
        assertThat(row(rest, "pair", 3)).isEmpty();
        assertThat(rest.at("pair").vector(1, 1)).containsExactly(5, 6);
        assertThat(row(rest, "loss", 1)).containsExactly(3, 4);
        assertThat(rest.at("hook_embed").vector(1)).hasSize(4);
        assertThat(rest.prompts()).isEqualTo(tokens().prompts());
        assertThat(rest.bosTokenId()).isEqualTo(2);
    }

    @Test
    void theProvenanceWithoutBosIsOfTheIdsThatAreLeft() {
        Activations left = Activations.builder(Prompts.of(List.of(
                        Prompt.ofTokens("double", 2, 5), Prompt.ofTokens("one", 6, 7), Prompt.ofTokens("none", 8, 2))))
                .site(FakeModel.LOSS, Pooling.last(), new float[3][1])
                .provenance(Map.of(Keys.BOS_TOKEN_ID, "2", "model.name", "made up"))
                .build();
        Map<String, String> facts = new TreeMap<>(left.provenance());
        facts.put(Keys.BOS, "left out");
        assertThat(tokens().withoutBos().slice(0, 3).provenance()).isEqualTo(facts);
        assertThat(tokens().slice(0, 3).withoutBos().provenance()).isEqualTo(facts);
        assertThat(tokens().withoutBos().provenance())
                .containsEntry(Keys.PROMPT_COUNT, "4")
                .isNotEqualTo(tokens().provenance());
    }

    @Test
    void bosIsDroppedOnce() {
        Activations once = tokens().withoutBos();
        for (Activations twice : List.of(
                once.withoutBos(),
                once.only(Sites.glob("*")).withoutBos(),
                once.where(prompt -> true).withoutBos(),
                once.measure(Metric.<Activations>whole(all -> all).through(Activations::withoutBos)))) {
            for (int prompt = 0; prompt < 4; prompt++) {
                assertThat(twice.tokenIds(prompt)).isEqualTo(once.tokenIds(prompt));
                assertThat(row(twice, "pair", prompt)).isEqualTo(row(once, "pair", prompt));
                assertThat(twice.knowsBos(prompt)).isTrue();
                assertThat(twice.beginsWithBos(prompt)).isFalse();
            }
            assertThat(twice.provenance()).isEqualTo(once.provenance());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"mean", "max", "last"})
    void poolingWithoutBosIsTheSameAfterItWasDropped(String kind) {
        Pooling pooling = new Pooling(Pooling.Kind.valueOf(kind.toUpperCase(Locale.ROOT)), Positions.all());
        Activations pooled = tokens().pooled(pooling.withoutBos());
        Activations after = tokens().withoutBos().pooled(pooling.withoutBos());
        Activations withBos = tokens().withoutBos().pooled(pooling);
        for (String site : List.of("pair", "loss")) {
            String expected = Arrays.deepToString(pooled.at(site).vectors());
            assertThat(Arrays.deepToString(after.at(site).vectors())).isEqualTo(expected);
            assertThat(Arrays.deepToString(withBos.at(site).vectors())).isEqualTo(expected);
            assertThat(after.at(site).vector(3)).containsOnly(Float.NaN);
        }
        assertThat(pooled.withoutBos()).isSameAs(pooled);
    }

    @Test
    void bosIsDroppedFromHeadsAndPiecesToo() {
        Activations heads = Activations.builder(Prompts.of(List.of(Prompt.ofTokens("a", 2, 5))))
                .site(FakeModel.Z, Pooling.none(), heads())
                .provenance(Map.of(Keys.BOS_TOKEN_ID, "2"))
                .build();
        assertThat(row(heads.withoutBos(), FakeModel.Z.name(), 0))
                .containsExactly(Arrays.copyOfRange(heads(), heads().length / 2, heads().length));
        MetricContract.of(
                        Metric.<float[][]>whole(all ->
                                        all.pooled(Pooling.mean()).at("pair").vectors())
                                .map(vectors -> Arrays.deepToString(vectors))
                                .through(Activations::withoutBos),
                        tokens().only(site -> site.hasPositions()))
                .comparing(String::equals)
                .inOrderOfPrompts()
                .verify();
    }

    private static float[] heads() {
        float[] values = new float[2 * FakeModel.Z.width()];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        return values;
    }

    @Test
    void droppingBosRefusesWhatItCannotKnow() {
        Activations all = tokens();
        Activations untold = Activations.builder(all.prompts())
                .site(FakeModel.LOSS, Pooling.none(), new float[3], new float[3], new float[2], new float[1])
                .build();
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(untold::withoutBos)
                .withMessageContaining("the provenance has no 'model.bos_token_id'");
        assertThat(untold.knowsBos(0)).isFalse();
        Activations withoutIds = Activations.builder(Prompts.of("a text"))
                .site(FakeModel.LOSS, Pooling.none(), new float[3])
                .provenance(Map.of(Keys.BOS_TOKEN_ID, "2"))
                .build();
        assertThat(withoutIds.knowsBos(0)).isFalse();
        String id = withoutIds.prompts().get(0).id();
        for (ThrowingCallable use : List.<ThrowingCallable>of(
                withoutIds::withoutBos,
                () -> withoutIds.beginsWithBos(0),
                () -> withoutIds.pooled(Pooling.mean().withoutBos()))) {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(use)
                    .withMessageContaining("the token ids of prompt '" + id + "' are not known");
        }
        assertThat(all.knowsBos(3)).isTrue();
        assertThat(all.beginsWithBos(0)).isTrue();
        assertThat(all.beginsWithBos(2)).isFalse();
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> all.withoutBos().beginsWithBos(4));
    }

    @Test
    void bosIsNotDroppedFromPairsOfPositions() {
        Activations pattern = Activations.builder(Prompts.of(List.of(Prompt.ofTokens("a", 2, 5))))
                .site(FakeModel.MAP, Pooling.none(), new float[FakeModel.MAP.width() * 4])
                .provenance(Map.of(Keys.BOS_TOKEN_ID, "2"))
                .build();
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(pattern::withoutBos)
                .withMessageContainingAll("blocks.1.map", "each pair of positions", "only(");
    }

    @Test
    void promptsCanBePutInOrderOfTheirIds() {
        Activations sorted = tokens().inOrderOfIds();
        assertThat(sorted.prompts()).extracting(Prompt::id).containsExactly("double", "none", "one", "only");
        assertThat(sorted.tokenIds(1)).containsExactly(8, 2);
        assertThat(row(sorted, "pair", 1)).containsExactly(7, 8, 102, 103);
        assertThat(sorted.inOrderOfIds().provenance()).isEqualTo(sorted.provenance());
    }
}
