package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import java.nio.FloatBuffer;
import java.nio.ReadOnlyBufferException;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SiteActivationsTest {

    private static final int[] FIRST = {FakeModel.BOS, 11, 12, 13};
    private static final int[] SECOND = {21, 22};
    private static final List<int[]> IDS = List.of(FIRST, SECOND);
    private static final Prompts PROMPTS =
            Prompts.of(List.of(Prompt.ofTokens("first", FIRST), Prompt.ofTokens("second", SECOND)));

    private static SiteActivations capture(Pooling pooling, SiteSelector selector) {
        try (Probe probe =
                Probe.builder(new FakeModel()).sites(pooling, selector).build()) {
            return probe.capture(PROMPTS).sites().get(0);
        }
    }

    private static SiteActivations capture(Pooling pooling, Site site) {
        return capture(pooling, Sites.glob(site.name()));
    }

    private static float[] floats(FloatBuffer buffer) {
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    @Nested
    class Rows {

        @Test
        void tellSitePoolingAndSize() {
            SiteActivations site = capture(Pooling.max(), FakeModel.POST);
            assertThat(site.site()).isEqualTo(FakeModel.POST);
            assertThat(site.pooling()).isEqualTo(Pooling.max());
            assertThat(site.size()).isEqualTo(2);
            assertThat(site).asString().contains("blocks.0.mlp.hook_post", "max", "2 prompts");
        }

        @Test
        void areReadOnly() {
            FloatBuffer row = capture(Pooling.none(), FakeModel.POST).row(0);
            assertThatExceptionOfType(ReadOnlyBufferException.class).isThrownBy(() -> row.put(0, 1));
        }

        @Test
        void canBeReadManyTimes() {
            SiteActivations site = capture(Pooling.none(), FakeModel.POST);
            assertThat(floats(site.row(1))).containsExactly(floats(site.row(1)));
        }

        @ParameterizedTest
        @ValueSource(ints = {-1, 2})
        void areOnlyOfPromptsThatThereAre(int prompt) {
            SiteActivations site = capture(Pooling.last(), FakeModel.POST);
            assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> site.row(prompt));
            assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> site.vector(prompt));
        }
    }

    @Nested
    class Vectors {

        @Test
        void ofAPooledPromptHoldAllHeads() {
            assertThat(capture(Pooling.last(), FakeModel.Z).vector(0))
                    .containsExactly(
                            FakeModel.value(FakeModel.Z, 13, 0, 3, 0),
                            FakeModel.value(FakeModel.Z, 13, 0, 3, 1),
                            FakeModel.value(FakeModel.Z, 13, 1, 3, 0),
                            FakeModel.value(FakeModel.Z, 13, 1, 3, 1),
                            FakeModel.value(FakeModel.Z, 13, 2, 3, 0),
                            FakeModel.value(FakeModel.Z, 13, 2, 3, 1));
        }

        @Test
        void ofAPositionHoldAllUnits() {
            SiteActivations site = capture(Pooling.none(), FakeModel.EMBED);
            assertThat(site.vector(1, 1))
                    .containsExactly(
                            FakeModel.value(FakeModel.EMBED, 22, 0, 1, 0),
                            FakeModel.value(FakeModel.EMBED, 22, 0, 1, 1),
                            FakeModel.value(FakeModel.EMBED, 22, 0, 1, 2),
                            FakeModel.value(FakeModel.EMBED, 22, 0, 1, 3));
        }

        @Test
        void ofAPositionHoldAllHeads() {
            float[] vector = capture(Pooling.none(), FakeModel.Z).vector(0, 2);
            assertThat(vector).hasSize(6);
            assertThat(vector[5]).isEqualTo(FakeModel.value(FakeModel.Z, 12, 2, 2, 1));
        }

        @Test
        void ofASiteWithoutUnitsHoldOneValue() {
            assertThat(capture(Pooling.none(), FakeModel.LOSS).vector(0, 3))
                    .containsExactly(FakeModel.value(FakeModel.LOSS, 13, 0, 3, 0));
            assertThat(capture(Pooling.last(), FakeModel.LOSS).vector(1))
                    .containsExactly(FakeModel.value(FakeModel.LOSS, 22, 0, 1, 0));
        }

        @Test
        void areCopies() {
            SiteActivations site = capture(Pooling.last(), FakeModel.EMBED);
            float[] before = site.vector(0);
            site.vector(0)[0] = -1;
            assertThat(site.vector(0)).containsExactly(before);
        }

        @ParameterizedTest
        @ValueSource(ints = {-1, 2, Integer.MAX_VALUE})
        void areOnlyOfPositionsThatThePromptHas(int position) {
            SiteActivations site = capture(Pooling.none(), FakeModel.EMBED);
            assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> site.vector(1, position));
        }

        @Test
        void withoutPositionAreOnlyOfPooledSites() {
            SiteActivations site = capture(Pooling.none(), FakeModel.EMBED);
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> site.vector(0))
                    .withMessageContainingAll("hook_embed", "vector(prompt, position)");
        }

        @Test
        void withPositionAreOnlyOfSitesThatKeptThem() {
            SiteActivations pooled = capture(Pooling.mean(), FakeModel.EMBED);
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> pooled.vector(0, 0))
                    .withMessageContainingAll("hook_embed", "mean");
        }

        @Test
        void areNotOfPairsOfPositions() {
            SiteActivations pattern = capture(Pooling.none(), FakeModel.PATTERN);
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> pattern.vector(0))
                    .withMessageContainingAll("blocks.0.attn.hook_pattern", "row(prompt)");
            assertThatExceptionOfType(ModscanException.class).isThrownBy(() -> pattern.vector(0, 0));
        }

        @Test
        void ofASiteThatTheModelPooledItselfNeedNoPooling() {
            SiteActivations pooler = capture(Pooling.none(), FakeModel.POOLER);
            assertThat(pooler.vector(1)).containsExactly(FakeModel.expected(FakeModel.POOLER, Pooling.none(), SECOND));
            assertThatExceptionOfType(ModscanException.class).isThrownBy(() -> pooler.vector(1, 0));
        }
    }

    @Nested
    class Heads {

        @Test
        void ofPositionsKeepTheirUnits() {
            SiteActivations head = capture(Pooling.none(), FakeModel.Z).head(1);
            assertThat(floats(head.row(1)))
                    .containsExactly(
                            FakeModel.value(FakeModel.Z, 21, 1, 0, 0),
                            FakeModel.value(FakeModel.Z, 21, 1, 0, 1),
                            FakeModel.value(FakeModel.Z, 22, 1, 1, 0),
                            FakeModel.value(FakeModel.Z, 22, 1, 1, 1));
            assertThat(head.vector(0, 3))
                    .containsExactly(
                            FakeModel.value(FakeModel.Z, 13, 1, 3, 0), FakeModel.value(FakeModel.Z, 13, 1, 3, 1));
        }

        @Test
        void ofAPooledSiteAreAVectorEach() {
            assertThat(capture(Pooling.last(), FakeModel.Z).head(2).vector(1))
                    .containsExactly(
                            FakeModel.value(FakeModel.Z, 22, 2, 1, 0), FakeModel.value(FakeModel.Z, 22, 2, 1, 1));
        }

        @Test
        void ofAttentionKeepQueriesAndKeys() {
            SiteActivations head = capture(Pooling.none(), FakeModel.PATTERN).head(2);
            assertThat(floats(head.row(1)))
                    .containsExactly(
                            FakeModel.value(FakeModel.PATTERN, 21, 2, 0, 0),
                            FakeModel.value(FakeModel.PATTERN, 21, 2, 0, 1),
                            FakeModel.value(FakeModel.PATTERN, 22, 2, 1, 0),
                            FakeModel.value(FakeModel.PATTERN, 22, 2, 1, 1));
            assertThat(head.site().axes()).containsExactly(Axis.QUERY, Axis.KEY);
        }

        @Test
        void ofASiteThatTheModelPooledItselfAreAVectorEach() {
            float[] all = FakeModel.expected(FakeModel.POOLER, Pooling.none(), FIRST);
            assertThat(capture(Pooling.none(), FakeModel.POOLER).head(1).vector(0))
                    .containsExactly(all[4], all[5], all[6], all[7]);
        }

        @Test
        void ofMagnitudesAreOneValueAPosition() {
            SiteActivations magnitudes =
                    capture(Pooling.none(), Sites.z().inLayers(0).magnitude());
            float[] all = FakeModel.expected(FakeModel.Z.magnitude(), Pooling.none(), SECOND);
            assertThat(floats(magnitudes.head(1).row(1))).containsExactly(all[1], all[4]);
        }

        @Test
        void ofPooledMagnitudesAreOneValue() {
            SiteActivations magnitudes =
                    capture(Pooling.max(), Sites.z().inLayers(0).magnitude());
            float[] all = FakeModel.expected(FakeModel.Z.magnitude(), Pooling.max(), SECOND);
            assertThat(magnitudes.head(2).vector(1)).containsExactly(all[2]);
        }

        @Test
        void areNamedWithTheirIndexAndKeepTheLayer() {
            Site head = capture(Pooling.last(), FakeModel.Z1).head(2).site();
            assertThat(head.name()).isEqualTo("blocks.1.attn.hook_z[2]");
            assertThat(head.layer()).hasValue(1);
            assertThat(head.heads()).isZero();
            assertThat(head.units()).isEqualTo(2);
        }

        @Test
        void keepPromptsAndTokens() {
            Activations alone = capture(Pooling.last(), FakeModel.Z).head(0).alone();
            assertThat(alone.prompts()).isEqualTo(PROMPTS);
            for (int i = 0; i < IDS.size(); i++) {
                assertThat(alone.tokenIds(i)).isEqualTo(IDS.get(i));
            }
        }

        @ParameterizedTest
        @ValueSource(ints = {-1, FakeModel.HEADS})
        void areOnlyThoseThatThereAre(int head) {
            SiteActivations site = capture(Pooling.last(), FakeModel.Z);
            assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> site.head(head));
        }

        @Test
        void areOnlyOfSitesWithHeads() {
            SiteActivations site = capture(Pooling.last(), FakeModel.POST);
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> site.head(0))
                    .withMessageContainingAll("blocks.0.mlp.hook_post", "no axis of heads");
        }
    }

    @Test
    void aloneHoldsThisSiteOnly() {
        try (Probe probe = Probe.builder(new FakeModel()).build()) {
            Activations activations = probe.capture(PROMPTS);
            Activations alone = activations.at(FakeModel.POST).alone();
            assertThat(alone.sites()).extracting(SiteActivations::site).containsExactly(FakeModel.POST);
            assertThat(floats(alone.at(FakeModel.POST).row(0)))
                    .containsExactly(floats(activations.at(FakeModel.POST).row(0)));
            assertThat(alone.provenance()).isEqualTo(activations.provenance());
        }
    }
}
