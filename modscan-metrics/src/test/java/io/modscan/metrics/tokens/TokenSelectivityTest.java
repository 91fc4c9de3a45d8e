package io.modscan.metrics.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.MetricContract;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;
import io.modscan.core.token.Span;
import io.modscan.metrics.PlantedModel;
import io.modscan.metrics.internal.rank.SignedRank;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TokenSelectivityTest {

    private static final Site SITE = PlantedModel.units("blocks.0.mlp.hook_post", 3);
    private static final int BOS = 9;
    private static final TokenSelectivity SPANS = TokenSelectivity.by(TokenLabels.spans());

    /** Prompts to be, token by token. */
    private static final class Made {
        private final List<Prompt> prompts = new ArrayList<>();
        private final List<PromptTokens> tokens = new ArrayList<>();
        private final List<float[]> rows = new ArrayList<>();
        private Map<String, String> facts = Map.of();

        Made add(PromptTokens run, float... row) {
            prompts.add(Prompt.ofTokens("p" + prompts.size(), 1));
            tokens.add(run);
            rows.add(row);
            return this;
        }

        Made bos() {
            facts = Map.of("model.bos_token_id", String.valueOf(BOS));
            return this;
        }

        Activations at(Site site, Pooling pooling) {
            return Activations.builder(Prompts.of(prompts))
                    .tokens(tokens)
                    .site(site, pooling, rows.toArray(float[][]::new))
                    .provenance(facts)
                    .build();
        }

        Activations activations() {
            return at(SITE, Pooling.none());
        }
    }

    private static PromptTokens run(int size, Span... spans) {
        return PromptTokens.of(new int[size], List.of(spans));
    }

    private static Span span(String label, int at) {
        return new Span(label, at, at + 1);
    }

    /** Normal values, two labels, of which the second unit answers one; the third is often zero. */
    private static Made random(long seed, int prompts) {
        Random random = new Random(seed);
        Made made = new Made();
        for (int prompt = 0; prompt < prompts; prompt++) {
            int size = 5 + random.nextInt(30);
            int a = random.nextInt(size);
            int b = random.nextInt(size);
            float[] row = new float[size * 3];
            for (int at = 0; at < size; at++) {
                row[3 * at] = (float) random.nextGaussian();
                row[3 * at + 1] = (float) random.nextGaussian() + (at == a ? 3 : 0);
                row[3 * at + 2] = (float) Math.max(0, random.nextGaussian() - 2);
            }
            made.add(prompt % 7 == 6 ? run(size) : run(size, span("a", a), span("b", b)), row);
        }
        return made;
    }

    private static boolean alike(TokenSelectivityMap a, TokenSelectivityMap b) {
        List<UnitTokenSelectivity> ours = a.rows().toList();
        List<UnitTokenSelectivity> theirs = b.rows().toList();
        return ours.size() == theirs.size()
                && IntStream.range(0, ours.size()).allMatch(i -> alike(ours.get(i), theirs.get(i)));
    }

    /** Means of values are the same up to rounding, all else to the last bit. */
    private static boolean alike(UnitTokenSelectivity a, UnitTokenSelectivity b) {
        return close(a.meanDifference(), b.meanDifference())
                && close(a.dz(), b.dz())
                && new UnitTokenSelectivity(
                                a.unit(),
                                a.label(),
                                a.prompts(),
                                a.active(),
                                0,
                                0,
                                a.auroc(),
                                a.rankBiserial(),
                                a.p(),
                                a.q())
                        .equals(new UnitTokenSelectivity(
                                b.unit(),
                                b.label(),
                                b.prompts(),
                                b.active(),
                                0,
                                0,
                                b.auroc(),
                                b.rankBiserial(),
                                b.p(),
                                b.q()));
    }

    private static boolean close(double a, double b) {
        return Double.compare(a, b) == 0 || Math.abs(a - b) <= 1e-9 * (Math.abs(a) + 1);
    }

    @Test
    void keepsTheContract() {
        for (TokenSelectivity metric : List.of(SPANS, SPANS.withPositionLeftIn())) {
            MetricContract.of(metric, random(1, 24).activations())
                    .comparing(TokenSelectivityTest::alike)
                    .onNaN(map -> assertThat(map.get(Unit.of(SITE, 0), "a").isMeasured())
                            .isFalse())
                    .onNaN(map -> assertThat(map.get(Unit.of(SITE, 1), "a").isMeasured())
                            .isTrue())
                    .verify();
        }
    }

    @Test
    void findsTheUnitThatAnswersALabel() {
        TokenSelectivityMap map = random(2, 60).activations().measure(SPANS);
        UnitTokenSelectivity first = map.top("a", 1).get(0);
        assertThat(first.unit()).isEqualTo(Unit.of(SITE, 1));
        assertThat(first.q()).isLessThan(1e-5);
        assertThat(first.auroc()).isBetween(0.9, 1.0);
        assertThat(first.meanDifference()).isCloseTo(3, within(0.4));
        assertThat(first.dz()).isGreaterThan(2);
        assertThat(map.count(row -> row.q() <= 0.05)).isEqualTo(1);
        assertThat(map.count("b", row -> row.q() <= 0.05)).isZero();
        assertThat(map.labels()).containsExactly("a", "b");
        assertThat(map.prompts("a")).isEqualTo(52);
        assertThat(map.size()).isEqualTo(6);
        assertThat(map.bottom("a", 3)).last().isEqualTo(first);
        assertThatThrownBy(() -> map.top("c", 1))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("[a, b]");
    }

    /** Without the control, all numbers by hand. */
    @Test
    void numbersAreThoseOfTheirDefinitions() {
        Activations activations = new Made()
                .add(run(4, span("a", 1)), 1, 0, 0, 5, 0, 0, 2, 0, 0, 3, 0, 0)
                .add(run(3, new Span("a", 0, 2)), 4, 0, 0, 1, 0, 0, 2, 0, 0)
                .add(run(2, new Span("a", 0, 2)), 9, 0, 0, 1, 0, 0)
                .add(run(5, span("a", 4)), 1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0, 3.5f, 1, 0)
                .activations();
        TokenSelectivityMap map = activations.measure(SPANS.withPositionLeftIn());
        UnitTokenSelectivity row = map.get(Unit.of(SITE, 0), "a");
        // The third prompt has no other tokens.
        assertThat(row.prompts()).isEqualTo(3);
        assertThat(row.active()).isEqualTo(3);
        // 5 − 2, 2.5 − 2, 3.5 − 2.5
        assertThat(row.meanDifference()).isCloseTo(1.5, within(1e-6));
        double deviation = Math.sqrt((1.5 * 1.5 + 1 + 0.25) / 2);
        assertThat(row.dz()).isCloseTo(1.5 / deviation, within(1e-6));
        double[] numbers = {0.5, 0, 0.25};
        assertThat(row.auroc()).isCloseTo(0.5 + 0.75 / 3, within(1e-6));
        assertThat(row.rankBiserial()).isEqualTo(1);
        assertThat(row.p()).isEqualTo(SignedRank.twoSided(numbers));
        // One prompt is active, and the others count half.
        UnitTokenSelectivity sparse = map.get(Unit.of(SITE, 1), "a");
        assertThat(sparse.prompts()).isEqualTo(3);
        assertThat(sparse.active()).isEqualTo(1);
        assertThat(sparse.auroc()).isCloseTo(0.5 + 0.5 / 3, within(1e-6));
        // A unit that is always silent was measured, and nothing was found.
        UnitTokenSelectivity silent = map.get(Unit.of(SITE, 2), "a");
        assertThat(silent.active()).isZero();
        assertThat(silent.p()).isEqualTo(1);
        assertThat(silent.auroc()).isEqualTo(0.5);
        assertThat(silent.rankBiserial()).isZero();
        assertThat(silent.dz()).isZero();
    }

    @Test
    void whatPositionTellsIsNotMeasured() {
        Random random = new Random(4);
        Made always = new Made();
        for (int prompt = 0; prompt < 40; prompt++) {
            float[] row = new float[30];
            for (int i = 0; i < row.length; i++) {
                row[i] = (float) random.nextGaussian() + (i < 3 ? 5 : 0);
            }
            always.add(run(10, span("first", 0), span("any", random.nextInt(10))), row);
        }
        TokenSelectivityMap map = always.activations().measure(SPANS);
        assertThat(map.notMeasured("first")).isEqualTo(3);
        assertThat(map.notMeasured("any")).isZero();
        assertThat(map.get(Unit.of(SITE, 0), "first").auroc()).isNaN();
        assertThat(map.get(Unit.of(SITE, 0), "first").q()).isNaN();
        assertThat(map.top("first", 3)).isEmpty();
        assertThat(map.get(Unit.of(SITE, 0), "first"))
                .hasToString("blocks.0.mlp.hook_post unit 0, first: not measured");
        TokenSelectivityMap leftIn = always.activations().measure(SPANS.withPositionLeftIn());
        assertThat(leftIn.get(Unit.of(SITE, 0), "first").q()).isLessThan(1e-4);
        TokenSelectivityMap byPosition = always.activations().measure(TokenSelectivity.by(TokenLabels.position(2)));
        assertThat(byPosition.get(Unit.of(SITE, 0), "position 1").q()).isLessThan(1e-4);
        assertThat(byPosition.notMeasured("position 2")).isZero();
    }

    @Test
    void theDifferenceIsWithoutWhatPositionGives() {
        Random random = new Random(6);
        Made made = new Made();
        for (int prompt = 0; prompt < 50; prompt++) {
            int size = 5 + random.nextInt(20);
            int at = random.nextInt(prompt % 2 == 0 ? 3 : size);
            float[] row = new float[size * 3];
            for (int token = 0; token < size; token++) {
                row[3 * token] = (float) (prompt + 5 * Math.exp(-token) + (token == at ? 2 : 0));
            }
            made.add(run(size, span("a", at)), row);
        }
        Unit unit = Unit.of(SITE, 0);
        assertThat(made.activations().measure(SPANS).get(unit, "a").meanDifference())
                .isCloseTo(2, within(1e-4));
        assertThat(made.activations()
                        .measure(SPANS.withPositionLeftIn())
                        .get(unit, "a")
                        .meanDifference())
                .isGreaterThan(2.5);
    }

    @Test
    void bosIsLeftOutWhereItIsKnown() {
        Random random = new Random(5);
        Made with = new Made().bos();
        Made without = new Made();
        for (int prompt = 0; prompt < 12; prompt++) {
            int size = 6 + random.nextInt(4);
            float[] row = new float[size * 3];
            for (int i = 0; i < row.length; i++) {
                row[i] = (float) random.nextGaussian();
            }
            float[] after = new float[row.length + 3];
            after[0] = 1000;
            System.arraycopy(row, 0, after, 3, row.length);
            int[] ids = new int[size + 1];
            ids[0] = BOS;
            int at = random.nextInt(size);
            with.add(PromptTokens.of(ids, List.of(span("a", at + 1))), after);
            without.add(run(size, span("a", at)), row);
        }
        TokenSelectivityMap expected = without.activations().measure(SPANS);
        assertThat(with.activations().measure(SPANS).rows())
                .isEqualTo(expected.rows().toList());
        assertThat(with.activations()
                        .measure(SPANS.through(Activations::withoutBos))
                        .rows())
                .isEqualTo(expected.rows().toList());
    }

    @Test
    void ofSomePositionsThoseCount() {
        Made some = new Made()
                .add(run(6, new Span("a", 1, 3)).keeping(2, 3, 5), 7, 0, 0, 1, 0, 0, 2, 0, 0)
                .add(run(6, span("a", 0)).keeping(1, 2), 7, 0, 0, 1, 0, 0);
        UnitTokenSelectivity row = some.at(SITE, Pooling.none().over(Positions.parse("where:some")))
                .measure(SPANS.withPositionLeftIn())
                .get(Unit.of(SITE, 0), "a");
        assertThat(row.prompts()).isEqualTo(1);
        assertThat(row.meanDifference()).isCloseTo(5.5, within(1e-6));
    }

    @Test
    void headsHaveARowEach() {
        Site magnitudes = new Site(
                "blocks.0.attn.hook_z.magnitude", OptionalInt.of(0), List.of(Axis.POSITION, Axis.heads(3)), false);
        TokenSelectivityMap map = random(2, 60).at(magnitudes, Pooling.none()).measure(SPANS);
        assertThat(map.top("a", 1).get(0).unit().head()).hasValue(1);
        assertThat(map.sites()).containsExactly(magnitudes);
    }

    /** Numbers of a constant unit are exactly zero, whatever the number of tokens, so that no rounding is a finding. */
    @Test
    void aConstantUnitIsSilent() {
        Made made = new Made();
        for (int prompt = 0; prompt < 30; prompt++) {
            float[] row = new float[3 * (7 + prompt)];
            Arrays.fill(row, 0.1f + prompt % 3);
            made.add(run(7 + prompt, span("a", prompt % 5)), row);
        }
        assertThat(made.activations().measure(SPANS).rows()).allSatisfy(row -> {
            assertThat(row.active()).isZero();
            assertThat(row.p()).isEqualTo(1);
            assertThat(row.meanDifference()).isZero();
        });
    }

    @Test
    void saysWhatItCannotMeasure() {
        Made made = random(3, 5);
        assertThatThrownBy(() -> made.activations().pooled(Pooling.mean()).measure(SPANS))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("pooling 'mean'");
        assertThatThrownBy(() ->
                        made.activations().measure(TokenSelectivity.by(TokenLabels.of("none", tokens -> Map.of()))))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("no token of the 5 prompts has a label");
        assertThatThrownBy(() -> made.activations()
                        .measure(TokenSelectivity.by(TokenLabels.of("far", tokens -> Map.of("x", new int[] {999})))))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("label 'x'");
        Activations unknown = Activations.builder(Prompts.of(List.of(Prompt.of("t", "text"))))
                .site(SITE, Pooling.none(), new float[6])
                .build();
        assertThatThrownBy(() -> unknown.measure(SPANS))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("tokens of the prompt 't' are not known");
        Metric.Accumulator<TokenSelectivityMap> twice = SPANS.start();
        twice.add(made.activations());
        twice.add(made.activations());
        assertThatThrownBy(twice::finish).isInstanceOf(ModscanException.class).hasMessageContaining("'p0'");
    }
}
