package io.modscan.metrics.selectivity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.MetricContract;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.PlantedModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SelectivitySketchTest {

    /** How a unit's values are spread; 2 and 7 respond to "a". */
    private static float value(Random random, int unit, boolean a) {
        double normal = random.nextGaussian();
        return (float)
                switch (unit) {
                    case 0 -> normal;
                    case 1 -> Math.max(normal, 0);
                    case 2 -> normal + (a ? 0.5 : 0);
                    case 3 -> Math.exp(3 * normal);
                    case 4 -> 1000 + normal;
                    case 5 -> 1e-30 * normal;
                    case 6 -> random.nextInt(3) - 1.0;
                    case 7 -> Math.exp(normal + (a ? 0.3 : 0)) * (random.nextBoolean() ? 1e30 : -1e-30);
                    default -> normal / (random.nextDouble() + 1e-3);
                };
    }

    private static Activations sample(int n, long seed) {
        Random random = new Random(seed);
        List<String> labels = new ArrayList<>();
        float[][] values = new float[n][9];
        for (int i = 0; i < n; i++) {
            labels.add(i % 10 < 3 ? "a" : i % 10 < 9 ? "b" : "c");
            for (int unit = 0; unit < 9; unit++) {
                values[i][unit] = value(random, unit, i % 10 < 3);
            }
        }
        return PlantedModel.of(labels, values);
    }

    private static Map<Double, Activations> samples() {
        return Map.of(0.01, sample(10_000, 1), 0.05, sample(3000, 2), 0.3, sample(40, 3));
    }

    static List<Map.Entry<Double, Activations>> cases() {
        return List.copyOf(samples().entrySet());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theErrorIsAsStated(Map.Entry<Double, Activations> accuracyAndSample) {
        double accuracy = accuracyAndSample.getKey();
        List<UnitSelectivity> exact = accuracyAndSample
                .getValue()
                .measure(Selectivity.by("topic"))
                .rows()
                .toList();
        List<UnitSelectivity> rows = accuracyAndSample
                .getValue()
                .measure(Selectivity.by("topic").sketched(accuracy))
                .rows()
                .toList();
        assertThat(rows).hasSameSizeAs(exact);
        for (int i = 0; i < rows.size(); i++) {
            UnitSelectivity row = rows.get(i);
            int unit = row.unit().unit().orElseThrow();
            assertThat(Math.abs(row.auroc() - exact.get(i).auroc())).isLessThanOrEqualTo(row.aurocError() + 1e-13);
            double size = 0;
            for (float[] vector : accuracyAndSample.getValue().onlySite().vectors()) {
                size = Math.max(size, Math.abs(vector[unit]));
            }
            assertThat(row.meanIn()).isCloseTo(exact.get(i).meanIn(), within(1e-13 * size));
            assertThat(row.meanOut()).isCloseTo(exact.get(i).meanOut(), within(1e-13 * size));
            assertThat(row.hedgesG()).isCloseTo(exact.get(i).hedgesG(), within(1e-10));
            if (unit == 0 || unit == 3 || unit == 5) {
                assertThat(row.aurocError()).isBetween(accuracy / 50, accuracy / 2);
            }
            if (unit == 4) {
                // 1000 ± 4 lies in one bin or two.
                assertThat(row.aurocError()).isGreaterThan(0.2);
            }
            if (unit == 6) {
                // The bins hold one value each, so that all but the bound is exact.
                assertThat(row.auroc()).isEqualTo(exact.get(i).auroc());
                if (accuracyAndSample.getValue().prompts().size() > 40) {
                    // Of small samples, p is exact otherwise, but of sketches the approximation all the same.
                    assertThat(row.p()).isEqualTo(exact.get(i).p());
                }
                assertThat(row.kruskalP()).isEqualTo(exact.get(i).kruskalP());
            }
        }
    }

    @Test
    void pIsNearTheExactOne() {
        Activations sample = sample(10_000, 4);
        SelectivityMap exact = sample.measure(Selectivity.by("topic"));
        SelectivityMap sketched = sample.measure(Selectivity.by("topic").sketched(0.01));
        Site site = exact.sites().get(0);
        for (int unit : List.of(0, 1, 2, 3, 5, 7, 8)) {
            UnitSelectivity row = sketched.get(Unit.of(site, unit), "a");
            assertThat(Math.log(row.p()))
                    .isCloseTo(Math.log(exact.get(Unit.of(site, unit), "a").p()), within(0.5));
        }
        assertThat(sketched.get(Unit.of(site, 2), "a"))
                .matches(Criterion.standard().anyEffect()::lightsUp)
                .matches(row -> !Criterion.standard().lightsUp(row));
        assertThat(sketched.get(Unit.of(site, 0), "a"))
                .matches(row -> !Criterion.standard().anyEffect().lightsUp(row));
    }

    @Test
    void fewDifferentPromptsAreTestedExactly() {
        Activations sample = PlantedModel.of(
                List.of("a", "a", "a", "b", "b", "b"),
                new float[] {-5},
                new float[] {8},
                new float[] {9},
                new float[] {1},
                new float[] {-2},
                new float[] {0});
        UnitSelectivity exact =
                sample.measure(Selectivity.by("topic")).rows().findFirst().orElseThrow();
        UnitSelectivity row = sample.measure(Selectivity.by("topic").sketched(0.02))
                .rows()
                .findFirst()
                .orElseThrow();
        assertThat(row.aurocError()).isZero();
        assertThat(row.auroc()).isEqualTo(exact.auroc());
        assertThat(row.p()).isEqualTo(exact.p());
        assertThat(row.kruskalP()).isEqualTo(exact.kruskalP());
    }

    private static boolean alike(SelectivityMap a, SelectivityMap b) {
        List<UnitSelectivity> first = a.rows().toList();
        List<UnitSelectivity> second = b.rows().toList();
        for (int i = 0; i < first.size(); i++) {
            UnitSelectivity one = first.get(i);
            UnitSelectivity other = second.get(i);
            // Bins are the same to the last bit, moments up to rounding.
            boolean same = Double.compare(one.auroc(), other.auroc()) == 0
                    && Double.compare(one.aurocError(), other.aurocError()) == 0
                    && Double.compare(one.p(), other.p()) == 0
                    && Double.compare(one.q(), other.q()) == 0
                    && Double.compare(one.kruskalP(), other.kruskalP()) == 0
                    && Double.compare(one.kruskalQ(), other.kruskalQ()) == 0;
            if (!same
                    || Math.abs(one.meanIn() - other.meanIn()) > 1e-11 * Math.abs(one.meanIn())
                    || Math.abs(one.hedgesG() - other.hedgesG()) > 1e-11) {
                return false;
            }
        }
        return true;
    }

    @Test
    void keepsTheContract() {
        MetricContract.of(Selectivity.by("topic").sketched(0.05), sample(60, 5))
                .comparing(SelectivitySketchTest::alike)
                .onNaN(map -> {
                    UnitSelectivity row = map.get(Unit.of(map.sites().get(0), 0), "b");
                    assertThat(new double[] {
                                row.meanIn(),
                                row.meanOut(),
                                row.hedgesG(),
                                row.auroc(),
                                row.aurocError(),
                                row.p(),
                                row.q(),
                                row.kruskalP(),
                                row.kruskalQ()
                            })
                            .containsOnly(Double.NaN);
                    assertThat(map.get(Unit.of(map.sites().get(0), 1), "a").q()).isFinite();
                })
                .verify();
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void aUnitWithoutNumbers(float value) {
        SelectivityMap map = PlantedModel.of(
                        List.of("a", "b", "b"), new float[] {1, 1}, new float[] {value, 2}, new float[] {3, 3})
                .measure(Selectivity.by("topic").sketched(0.01));
        assertThat(map.rows().map(UnitSelectivity::auroc)).containsExactly(Double.NaN, Double.NaN, 0.0, 1.0);
    }

    @Test
    void severalSitesAreKeptApart() {
        Activations sample = sample(50, 6);
        float[][] doubled = new float[50][];
        for (int i = 0; i < 50; i++) {
            float[] vector = sample.sites().get(0).vector(i);
            doubled[i] = new float[] {vector[3], vector[0]};
        }
        Site site = PlantedModel.units("other", 2);
        SelectivityMap both = new PlantedModel()
                .with(site, doubled)
                .with(PlantedModel.units("site", 9), sample.sites().get(0).vectors())
                .capture(sample.prompts().labels("topic"))
                .measure(Selectivity.by("topic").sketched(0.01));
        Site first =
                both.sites().stream().filter(s -> s.units() == 9).findFirst().orElseThrow();
        assertThat(both.get(Unit.of(site, 0), "a").auroc())
                .isEqualTo(both.get(Unit.of(first, 3), "a").auroc());
        assertThat(both.get(Unit.of(site, 1), "c").hedgesG())
                .isEqualTo(both.get(Unit.of(first, 0), "c").hedgesG());
    }

    @Test
    void memoryIsSetByTheSpreadOfValuesAndNotByTheirNumber() {
        SelectivitySketch sketch = new SelectivitySketch("topic", 0.01);
        long[] bins = new long[3];
        int added = 0;
        for (int power = 3; power <= 5; power++) {
            for (int upTo = (int) Math.pow(10, power); added < upTo; added += 1000) {
                sketch.add(sample(1000, added));
            }
            bins[power - 3] = sketch.bins();
        }
        // Ten times the prompts reach out to values that are ten times rarer: some bins more at either end, no more.
        assertThat(bins[1]).isLessThan(bins[0] * 3 / 2);
        assertThat(bins[2] - bins[1]).isLessThan(bins[0] / 2);
        assertThat(bins[2]).isLessThan(9L * 3 * 2 * 1200);
        assertThat(sketch.finish().prompts("b")).isEqualTo(60_000);
    }

    @Test
    void saysWhatIsWrong() {
        Activations all = PlantedModel.of(List.of("a", "b"), new float[] {1}, new float[] {2});
        Metric<SelectivityMap> metric = Selectivity.by("topic").sketched(0.01);
        assertThatThrownBy(() -> all.slice(0, 1).measure(metric))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("at least two are needed");
        assertThatThrownBy(() -> all.measure(Selectivity.by("language").sketched(0.01)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'language'");
        for (double accuracy : new double[] {0, 1e-5, 0.51, Double.NaN}) {
            assertThatThrownBy(() -> Selectivity.by("topic").sketched(accuracy))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(accuracy + " is out of range");
        }
    }
}
