package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.core.site.Unit;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is NaN or infinite is counted, and an own source's unwritten value is NaN. */
class NonFiniteTest {

    private static final Site UNITS =
            new Site("units", OptionalInt.of(0), List.of(Axis.POSITION, Axis.units(3)), false);
    private static final Site LOSS = new Site("loss", OptionalInt.empty(), List.of(Axis.POSITION), false);
    private static final Site SCORES =
            new Site("scores", OptionalInt.of(0), List.of(Axis.heads(2), Axis.QUERY, Axis.KEY), false);

    private static final float NAN = Float.NaN;
    private static final float INF = Float.POSITIVE_INFINITY;

    private static Prompts prompts(int... lengths) {
        return Prompts.of(IntStream.range(0, lengths.length)
                .mapToObj(i -> Prompt.ofTokens("p" + i, new int[lengths[i]]))
                .toList());
    }

    @Test
    void isALineThatSteersNothing() {
        Prompts steering = Prompts.of(
                List.of(Prompt.ofTokens("p\u001b[31m\n\u202e", 1), Prompt.ofTokens("q" + "x".repeat(2000), 1)));
        Activations activations = Activations.builder(steering)
                .site(UNITS, Pooling.none(), new float[] {1, NAN, 3}, new float[] {INF, 2, 3})
                .build();
        assertThat(activations.nonFinite().get(0).toString())
                .contains("2 values", "p\\u001B[31m\\n\\u202E")
                .doesNotContainPattern("[\\p{Cc}\\p{Cf}]")
                .hasSizeLessThanOrEqualTo(800);
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void countsValuesUnitsAndPrompts(float broken) {
        Activations activations = Activations.builder(prompts(2, 1, 2))
                .site(UNITS, Pooling.none(), new float[] {1, 2, 3, 4, 5, 6}, new float[] {1, broken, 3}, new float[] {
                    0, broken, broken, 1, broken, 0
                })
                .build();
        NonFinite found = activations.nonFinite().get(0);
        assertThat(activations.nonFinite()).containsExactly(found);
        assertThat(found.site()).isEqualTo(UNITS);
        assertThat(found.values()).isEqualTo(4);
        assertThat(found.units()).isEqualTo(2);
        assertThat(found.prompts()).isEqualTo(2);
        assertThat(found.firstPrompts()).containsExactly("p1", "p2");
        assertThat(IntStream.range(0, 3).map(unit -> found.prompts(Unit.of(UNITS, unit))))
                .containsExactly(0, 2, 1);
        assertThat(found)
                .hasToString("units: 4 values NaN or infinite, of 2 of 3 units, in 2 prompts: p1, p2")
                .hasSameHashCodeAs(activations.nonFinite().get(0));
        assertThatThrownBy(() -> found.prompts(Unit.of(LOSS, 0))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void largeAndSmallNumbersAreFinite() {
        float[] row = new float[3 * 5000];
        Arrays.fill(row, Float.MAX_VALUE);
        row[1] = -Float.MAX_VALUE;
        row[2] = Float.MIN_VALUE;
        row[3] = -0f;
        Activations activations = Activations.builder(prompts(5000))
                .site(UNITS, Pooling.none(), row)
                .build();
        assertThat(activations.nonFinite()).isEmpty();
        for (int at : new int[] {0, 1, 2, 1023, 1024, 14_998, 14_999}) {
            float[] broken = row.clone();
            broken[at] = NAN;
            assertThat(Activations.builder(prompts(5000))
                            .site(UNITS, Pooling.none(), broken)
                            .build()
                            .nonFinite())
                    .as("at %d", at)
                    .singleElement()
                    .matches(found -> found.values() == 1 && found.prompts(Unit.of(UNITS, at % 3)) == 1);
        }
    }

    @Test
    void namesTheFirstFiveOfManyWhateverTheirOrder() {
        float[][] rows = new float[9][];
        Arrays.setAll(rows, i -> new float[] {NAN, 0, INF});
        NonFinite found = Activations.builder(prompts(new int[] {1, 1, 1, 1, 1, 1, 1, 1, 1}))
                .site(UNITS, Pooling.none(), rows)
                .build()
                .nonFinite()
                .get(0);
        assertThat(found.firstPrompts()).containsExactly("p0", "p1", "p2", "p3", "p4");
        assertThat(found.toString()).endsWith("in 9 prompts: p0, p1, p2, p3, p4, …");
    }

    /** The first token follows none, and a pooling over it alone has nothing to take a mean of. */
    @Test
    void lossOfTheFirstTokenDoesNotCount() {
        assertThat(Activations.builder(prompts(3, 1))
                        .site(LOSS, Pooling.none(), new float[] {NAN, 1, 2}, new float[] {NAN})
                        .build()
                        .nonFinite())
                .isEmpty();
        assertThat(Activations.builder(prompts(3, 1))
                        .site(LOSS, Pooling.mean(), new float[] {1}, new float[] {NAN})
                        .build()
                        .nonFinite())
                .isEmpty();
        assertThat(Activations.builder(prompts(3, 2))
                        .site(LOSS, Pooling.none(), new float[] {NAN, NAN, 2}, new float[] {INF, 1})
                        .build()
                        .nonFinite())
                .singleElement()
                .matches(found -> found.values() == 2 && found.prompts() == 2);
        assertThat(Activations.builder(prompts(3, 2))
                        .site(LOSS, Pooling.mean(), new float[] {1}, new float[] {NAN})
                        .build()
                        .nonFinite())
                .singleElement()
                .matches(found -> found.firstPrompts().equals(List.of("p1")));
    }

    @Test
    void withoutBosTheSecondTokensLossCounts() {
        Activations activations = Activations.builder(prompts(3))
                .site(LOSS, Pooling.none(), new float[] {NAN, NAN, 2})
                .provenance(Map.of("model.bos_token_id", "0"))
                .build();
        assertThat(activations.nonFinite()).singleElement().matches(found -> found.values() == 1);
        assertThat(activations.withoutBos().nonFinite()).singleElement().matches(found -> found.values() == 1);
    }

    /** Where a query may not look, scores are minus infinity; all else is told by head. */
    @Test
    void maskedScoresDoNotCount() {
        float masked = Float.NEGATIVE_INFINITY;
        float[] row = {0, masked, 1, 2, 0, masked, 3, NAN};
        NonFinite found = Activations.builder(prompts(2))
                .site(SCORES, Pooling.none(), row)
                .build()
                .nonFinite()
                .get(0);
        assertThat(found.values()).isEqualTo(1);
        assertThat(found.units()).isEqualTo(1);
        assertThat(found.prompts(Unit.of(SCORES, 1))).isEqualTo(1);
        row[7] = 0;
        assertThat(Activations.builder(prompts(2))
                        .site(SCORES, Pooling.none(), row)
                        .build()
                        .nonFinite())
                .isEmpty();
    }

    @Test
    void countsInPiecesOfAnyOrder() {
        float[][] rows = new float[8][];
        Arrays.setAll(rows, i -> new float[] {i, i % 3 == 0 ? NAN : 1, i == 5 ? INF : 0});
        Activations sample = Activations.builder(prompts(1, 1, 1, 1, 1, 1, 1, 1))
                .site(UNITS, Pooling.mean(), rows)
                .build();
        MetricContract.of(NonFinite.count(), sample)
                .onNaN(found -> assertThat(found).singleElement().matches(each -> each.units() == 3))
                .verify();
        assertThat(sample.where(prompt -> prompt.id().equals("p1")).nonFinite()).isEmpty();
    }

    /** A source that writes its first batch only. */
    private static final class Once implements Model {

        @Override
        public List<Site> sites() {
            return List.of(UNITS);
        }

        @Override
        public OptionalInt maxTokens() {
            return OptionalInt.of(16);
        }

        @Override
        public OptionalInt vocabularySize() {
            return OptionalInt.of(256);
        }

        @Override
        public OptionalInt bosTokenId() {
            return OptionalInt.empty();
        }

        @Override
        public Map<String, String> provenance() {
            return Map.of();
        }

        @Override
        public Tokenizer tokenizer() {
            throw new UnsupportedOperationException("ids only");
        }

        @Override
        public ActivationSource open(CapturePlan plan) {
            return new ActivationSource() {
                private boolean written;

                @Override
                public CapturePlan plan() {
                    return plan;
                }

                @Override
                public void run(TokenBatch batch, List<FloatBuffer> outputs) {
                    if (!written) {
                        outputs.forEach(
                                output -> IntStream.range(0, output.capacity()).forEach(at -> output.put(at, 42)));
                    }
                    written = true;
                }

                @Override
                public void close() {}
            };
        }
    }

    private static Probe probe(Pooling pooling) {
        // A prompt a batch.
        return Probe.builder(new Once())
                .sites(pooling, Sites.all())
                .tokenBudget(3)
                .build();
    }

    @Test
    void whatASourceLeavesUnwrittenIsNaN(@TempDir Path folder) {
        for (Pooling pooling : List.of(Pooling.none(), Pooling.mean())) {
            try (Probe probe = probe(pooling)) {
                check(probe.capture(prompts(3, 3, 3)));
            }
            try (Probe probe = probe(pooling)) {
                Path file = folder.resolve(pooling + ".safetensors");
                probe.capture(prompts(3, 3, 3), file);
                check(Recording.open(file).activations());
            }
            try (Probe probe = probe(pooling)) {
                assertThat(probe.measure(prompts(3, 3, 3), NonFinite.count()))
                        .singleElement()
                        .matches(found -> found.prompts() == 2);
            }
        }
    }

    private static void check(Activations activations) {
        assertThat(activations.nonFinite())
                .singleElement()
                .matches(found -> found.prompts() == 2 && found.units() == 3);
        long written = IntStream.range(0, 3)
                .filter(prompt -> activations.onlySite().row(prompt).get(0) == 42)
                .count();
        assertThat(written).isEqualTo(1);
    }
}
