package io.modscan.metrics.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.Golden;
import io.modscan.metrics.internal.graph.Links;
import io.modscan.metrics.internal.graph.PackedLink;
import io.modscan.metrics.internal.linear.Columns;
import io.modscan.metrics.internal.rank.ChanceLevel;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Correlations, and which of them make links. */
class LinksTest {

    static Activations activations(float[]... vectors) {
        Prompts prompts = Prompts.of(IntStream.range(0, vectors.length)
                .mapToObj(i -> Prompt.of("p%04d".formatted(i), ""))
                .toList());
        Site site = new Site("site", OptionalInt.empty(), List.of(Axis.units(vectors[0].length)), false);
        return Activations.builder(prompts).site(site, Pooling.none(), vectors).build();
    }

    private interface PairConsumer {
        void accept(int first, int second, double correlation);
    }

    private static void forEachPair(Columns columns, int[] chosen, PairConsumer pairs) {
        Correlations.ofPairs(columns, chosen, tile -> {
            for (int i = tile.top(); i < tile.bottom(); i++) {
                for (int j = tile.firstBehind(i); j < tile.right(); j++) {
                    pairs.accept(i, j, tile.get(i, j));
                }
            }
        });
    }

    static Stream<Map<String, Object>> cases() {
        return Golden.cases("modules.json", "links");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithNumPy(Map<String, Object> golden) {
        Columns columns = Columns.of(activations(Golden.vectors(golden.get("values"))));
        int[] units = columns.units().stream().mapToInt(Unit::inSite).toArray();
        assertThat(units)
                .containsExactly(Golden.list(golden.get("units")).stream()
                        .mapToInt(Golden::integer)
                        .toArray());
        double[][] expected = Golden.matrix(golden.get("correlation"));
        int[] pairs = new int[1];
        forEachPair(columns, IntStream.range(0, units.length).toArray(), (i, j, correlation) -> {
            assertThat(i).isLessThan(j);
            assertThat(correlation).isCloseTo(expected[i][j], within(1e-12));
            pairs[0]++;
        });
        assertThat(pairs[0]).isEqualTo(units.length * (units.length - 1) / 2);

        Links links = Correlations.links(
                columns, Golden.number(golden.get("threshold")), Golden.integer(golden.get("neighbours")), (boolean)
                        golden.getOrDefault("absolute", false));
        Map<List<Integer>, Double> found = new TreeMap<>(LinksTest::compare);
        for (int i = 0; i < links.nodes(); i++) {
            for (long link : links.of(i)) {
                int other = PackedLink.other(link);
                found.merge(List.of(units[Math.min(i, other)], units[Math.max(i, other)]), 1.0, (a, b) -> 2.0);
            }
        }
        List<double[]> wanted =
                Golden.list(golden.get("links")).stream().map(Golden::doubles).toList();
        // Each from both of its ends.
        assertThat(found.values()).containsOnly(2.0);
        assertThat(found.keySet())
                .containsExactlyElementsOf(wanted.stream()
                        .map(link -> List.of((int) link[0], (int) link[1]))
                        .toList());
        assertThat(links.pairs()).isEqualTo(wanted.size());
        int at = 0;
        for (int i = 0; i < links.nodes(); i++) {
            for (long link : links.of(i)) {
                if (PackedLink.other(link) > i) {
                    assertThat((double) PackedLink.weight(link)).isCloseTo(wanted.get(at++)[2], within(0x1p-23));
                }
            }
        }
    }

    private static int compare(List<Integer> one, List<Integer> other) {
        return one.get(0).equals(other.get(0)) ? one.get(1) - other.get(1) : one.get(0) - other.get(0);
    }

    @Test
    void tilesTogetherHaveEachPairOnce() {
        // More units than a tile has rows.
        int units = 1500;
        Random random = new Random(1);
        float[][] vectors = new float[4][units];
        for (float[] vector : vectors) {
            for (int i = 0; i < units; i++) {
                vector[i] = (float) random.nextGaussian();
            }
        }
        Columns columns = Columns.of(activations(vectors));
        int[] seen = new int[units * units];
        int[] all = IntStream.range(0, units).toArray();
        double[][] standardised = new double[units][4];
        for (int i = 0; i < units; i++) {
            columns.standardised(all, i, i + 1).get(0, standardised[i]);
        }
        double[] worst = new double[1];
        forEachPair(columns, all, (i, j, correlation) -> {
            seen[i * units + j]++;
            double expected = IntStream.range(0, 4)
                    .mapToDouble(k -> standardised[i][k] * standardised[j][k])
                    .sum();
            worst[0] = Math.max(worst[0], Math.abs(correlation - expected));
        });
        assertThat(worst[0]).isLessThan(1e-14);
        for (int i = 0; i < units; i++) {
            for (int j = 0; j < units; j++) {
                if (seen[i * units + j] != (j > i ? 1 : 0)) {
                    throw new AssertionError("pair " + i + ", " + j + " came " + seen[i * units + j] + " times");
                }
            }
        }
    }

    /** Products in single precision only sort out what is far from a link. */
    @ParameterizedTest
    @CsvSource({"20, 0.3, false", "20, 0.3, true", "1, 0.01, true", "2000, 0.6, false", "20, 0.99, true"})
    void linksAreThoseOfExactProducts(int neighbours, double threshold, boolean absolute) {
        // More units than a tile has rows, and copies, whose links are equally strong.
        int units = 1100;
        Random random = new Random(2);
        float[][] vectors = new float[40][units];
        for (float[] vector : vectors) {
            float course = (float) random.nextGaussian();
            for (int i = 0; i < units; i++) {
                vector[i] = i % 50 == 49 ? vector[i - 1] : (float) random.nextGaussian() + course * (i % 3 - 1);
            }
        }
        Columns columns = Columns.of(activations(vectors));
        double[][] weights = new double[units][units];
        for (int i = 0; i < units; i++) {
            for (int j = 0; j < units; j++) {
                double[] a = columns.standardised(i);
                double[] b = columns.standardised(j);
                double r = IntStream.range(0, a.length)
                        .mapToDouble(k -> a[k] * b[k])
                        .sum();
                weights[i][j] = Math.rint((absolute ? Math.abs(r) : r) * 0x1p24) * 0x1p-24;
            }
        }
        boolean[][] kept = new boolean[units][units];
        for (int i = 0; i < units; i++) {
            double[] own = weights[i];
            int self = i;
            IntStream.range(0, units)
                    .filter(j -> j != self && own[j] >= Math.rint(threshold * 0x1p24) * 0x1p-24)
                    .boxed()
                    .sorted(Comparator.comparingDouble((Integer j) -> -own[j]).thenComparing(j -> j))
                    .limit(neighbours)
                    .forEach(j -> kept[self][j] = true);
        }
        Links links = Correlations.links(columns, threshold, neighbours, absolute);
        for (int i = 0; i < units; i++) {
            int self = i;
            assertThat(Arrays.stream(links.of(i)).mapToInt(PackedLink::other).toArray())
                    .containsExactly(IntStream.range(0, units)
                            .filter(j -> kept[self][j] || kept[j][self])
                            .toArray());
            for (long link : links.of(i)) {
                assertThat((double) PackedLink.weight(link))
                        .isCloseTo(weights[i][PackedLink.other(link)], within(0x1p-23));
            }
        }
    }

    /** Units that are all alike, of which each keeps the first ones, however many there are. */
    @ParameterizedTest
    @ValueSource(ints = {2, 5})
    void ofLinksThatAreAllAsStrongTheFirstAreKept(int neighbours) {
        int units = 1200;
        float[][] vectors = new float[10][units];
        Arrays.fill(vectors[3], 1);
        Links links = Correlations.links(Columns.of(activations(vectors)), 0.5, neighbours, false);
        for (int unit = 0; unit < units; unit++) {
            int self = unit;
            boolean first = unit <= neighbours;
            int[] kept = IntStream.range(0, units)
                    .filter(other -> other != self)
                    .filter(other -> first
                            ? other > neighbours ? self < neighbours : other < neighbours || self < neighbours
                            : other < neighbours)
                    .toArray();
            assertThat(Arrays.stream(links.of(unit)).mapToInt(PackedLink::other).toArray())
                    .containsExactly(kept);
        }
    }

    static Stream<Map<String, Object>> chanceLevels() {
        return Golden.cases("modules.json", "chanceLevels");
    }

    @ParameterizedTest
    @MethodSource("chanceLevels")
    void chanceLevelAgreesWithStudentsT(Map<String, Object> golden) {
        double level = ChanceLevel.of(
                Golden.integer(golden.get("prompts")),
                Golden.integer(golden.get("units")) * (Golden.integer(golden.get("units")) - 1.0) / 2,
                (boolean) golden.getOrDefault("absolute", false));
        assertThat(level).isCloseTo(Golden.number(golden.get("r")), within(1e-9));
    }
}
