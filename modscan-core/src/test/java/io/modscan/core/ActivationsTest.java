package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ActivationsTest {

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
                .containsEntry("modscan.prompt_count", "2")
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
        assertThat(x.provenance()).containsEntry("modscan.prompt_count", "2");
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
                .withMessageContaining("nothing tells which token is BOS");
        assertThatIllegalArgumentException().isThrownBy(() -> unknown.pooled(Pooling.none()));
    }
}
