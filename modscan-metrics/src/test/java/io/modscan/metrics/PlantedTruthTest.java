package io.modscan.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.site.Unit;
import io.modscan.metrics.PlantedTruth.Known;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.Modules;
import io.modscan.metrics.modules.UnitModule;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/**
 * Whether what was planted is found, and nothing else, over as many seeds as the system property {@code modscan.seeds}
 * says: a few unless set. The figures go to standard output.
 *
 * <p>A claim is a row with q ≤ 0.05. A row of a planted unit and its topic is true, and found if the claim has the right
 * sign. Rows of units that respond to no topic are null: their values in and out have one distribution. The other rows of a
 * planted unit are neither: its shift is part of "out" there, so that it really is lower for this topic than for the rest,
 * but that is not what was planted. The false discovery proportion is that of Benjamini and Hochberg, claims on null rows
 * over all claims; a second figure has no such rows in the denominator either, which is stricter than what they guarantee.
 *
 * <p>Units that are mostly zero are scanned a second time together with the others, and both scans are held to the rate. The
 * normal approximation to the rank-sum test would fail here: with 13 values other than zero among 200 prompts, of which 20 have
 * the topic, it gives a p-value of 1e-5 some 40 times as often as it should.
 *
 * <p>Modules are compared on their members and on the noise, each unit of which is a class of its own; dead units are left
 * out, and so are those that respond to a topic, since these do go together.
 */
public class PlantedTruthTest {

    private static final int SEEDS = Integer.getInteger("modscan.seeds", 5);
    private static final double LEVEL = 0.05;

    /** What p takes; stability is not looked at here. */
    private static final Modules MODULES =
            Modules.byCoActivation().withResolutions().withSplits(0);

    private static final List<String> TABLE = new ArrayList<>();

    @AfterAll
    static void print() {
        System.out.printf(Locale.ROOT, "%nPlanted truth, %d seeds%n", SEEDS);
        TABLE.forEach(System.out::println);
    }

    private static void line(String what, DoubleSummaryStatistics over) {
        TABLE.add(String.format(
                Locale.ROOT,
                "%-72s mean %.4f   least %.4f   most %.4f",
                what,
                over.getAverage(),
                over.getMin(),
                over.getMax()));
    }

    /** What one scan claims. */
    private static final class Claims {
        private final Map<String, int[]> found = new TreeMap<>();
        private int trueClaims;
        private int falseClaims;
        private int all;

        Claims(PlantedTruth truth, SelectivityMap map) {
            map.rows().forEach(row -> add(truth, row));
        }

        private void add(PlantedTruth truth, UnitSelectivity row) {
            int unit = row.unit().head().orElse(0) + row.unit().unit().orElse(0);
            Known known = truth.known(row.unit().site(), unit);
            boolean claimed = row.q() <= LEVEL;
            all += claimed ? 1 : 0;
            if (known.topic().isEmpty()) {
                falseClaims += claimed ? 1 : 0;
            } else if (row.label().equals(PlantedTruth.label(known.topic().getAsInt()))) {
                boolean right = claimed && (row.auroc() > 0.5) == (known.shift() > 0);
                trueClaims += right ? 1 : 0;
                // A claim with the wrong sign would be as false as one on a null row.
                falseClaims += claimed && !right ? 1 : 0;
                int[] ofThese = found.computeIfAbsent(kind(row, known), k -> new int[2]);
                ofThese[0] += right ? 1 : 0;
                ofThese[1]++;
            }
        }

        private static String kind(UnitSelectivity row, Known known) {
            return String.format(
                    Locale.ROOT,
                    "%s, shift %.1f SD",
                    row.unit().site().equals(PlantedTruth.HEADS) ? "heads" : "neurons",
                    known.shift());
        }

        double recall() {
            return (double) found.values().stream()
                            .mapToInt(counts -> counts[0])
                            .sum()
                    / found.values().stream().mapToInt(counts -> counts[1]).sum();
        }

        double falseDiscoveryProportion() {
            return all == 0 ? 0 : (double) falseClaims / all;
        }

        double strictProportion() {
            return falseClaims == 0 ? 0 : (double) falseClaims / (falseClaims + trueClaims);
        }
    }

    private static SelectivityMap scan(Activations activations, boolean mostlyZeroToo) {
        return activations
                .only(site -> mostlyZeroToo || !site.equals(PlantedTruth.MOSTLY_ZERO))
                .measure(Selectivity.by("topic"));
    }

    @Test
    void findsSelectiveUnitsAtTheRateThatWasAskedFor() {
        SortedMap<String, DoubleSummaryStatistics> byKind = new TreeMap<>();
        DoubleSummaryStatistics recall = new DoubleSummaryStatistics();
        DoubleSummaryStatistics proportion = new DoubleSummaryStatistics();
        DoubleSummaryStatistics strict = new DoubleSummaryStatistics();
        DoubleSummaryStatistics withMostlyZero = new DoubleSummaryStatistics();
        for (int seed = 0; seed < SEEDS; seed++) {
            PlantedTruth truth = new PlantedTruth(seed);
            Claims claims = new Claims(truth, scan(truth.activations(), false));
            claims.found.forEach((kind, counts) -> byKind.computeIfAbsent(kind, k -> new DoubleSummaryStatistics())
                    .accept((double) counts[0] / counts[1]));
            recall.accept(claims.recall());
            proportion.accept(claims.falseDiscoveryProportion());
            strict.accept(claims.strictProportion());
            withMostlyZero.accept(new Claims(truth, scan(truth.activations(), true)).falseDiscoveryProportion());
        }
        line("recall at q <= 0.05", recall);
        byKind.forEach((kind, over) -> line("  of " + kind, over));
        line("false discovery proportion at q <= 0.05", proportion);
        line("  without claims on a planted unit's other topics", strict);
        line("  with units that are mostly zero", withMostlyZero);
        assertThat(recall.getAverage()).isGreaterThan(0.85);
        assertThat(Objects.requireNonNull(byKind.get("neurons, shift 2.0 SD")).getAverage())
                .isGreaterThan(0.97);
        assertThat(Objects.requireNonNull(byKind.get("heads, shift 2.0 SD")).getAverage())
                .isGreaterThan(0.97);
        // The rate bounds the expectation, and one scan's proportion has a standard deviation of some 0.03.
        assertThat(proportion.getAverage()).isLessThan(LEVEL + 3 * 0.03 / Math.sqrt(SEEDS));
        assertThat(withMostlyZero.getAverage()).isLessThan(LEVEL + 3 * 0.03 / Math.sqrt(SEEDS));
    }

    @Test
    void claimsNextToNothingWhereTopicsAreDealtOutAtRandom() {
        int scansThatClaim = 0;
        int withMostlyZero = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            Activations permuted = new PlantedTruth(seed).permuted();
            scansThatClaim += scan(permuted, false).count(row -> row.q() <= LEVEL) > 0 ? 1 : 0;
            withMostlyZero += scan(permuted, true).count(row -> row.q() <= LEVEL) > 0 ? 1 : 0;
        }
        // Where every row is null, the false discovery rate is the probability of any claim at all, so at most 0.05.
        int bound = mostByChance(SEEDS, LEVEL, 0.001);
        TABLE.add(String.format(
                Locale.ROOT,
                "%-72s %d of %d (more than %d with a probability of 0.001 at most)",
                "permuted topics: scans that claim anything",
                scansThatClaim,
                SEEDS,
                bound));
        TABLE.add(String.format(
                Locale.ROOT, "%-72s %d of %d", "  with units that are mostly zero", withMostlyZero, SEEDS));
        assertThat(scansThatClaim).isLessThanOrEqualTo(bound);
        assertThat(withMostlyZero).isLessThanOrEqualTo(bound);
    }

    /** The smallest number that a binomial count exceeds with at most the given probability. */
    public static int mostByChance(int n, double p, double probability) {
        double term = Math.pow(1 - p, n);
        double below = term;
        int most = 0;
        while (1 - below > probability) {
            term *= (double) (n - most) / (most + 1) * p / (1 - p);
            below += term;
            most++;
        }
        return most;
    }

    @Test
    void boundsOfBinomialCounts() {
        // scipy.stats.binom.ppf(0.999, n, 0.05)
        assertThat(mostByChance(5, 0.05, 0.001)).isEqualTo(3);
        assertThat(mostByChance(20, 0.05, 0.001)).isEqualTo(5);
        assertThat(mostByChance(100, 0.05, 0.001)).isEqualTo(13);
    }

    @Test
    void recoversModules() {
        DoubleSummaryStatistics index = new DoubleSummaryStatistics();
        DoubleSummaryStatistics ofSignificant = new DoubleSummaryStatistics();
        DoubleSummaryStatistics foundAsPlanted = new DoubleSummaryStatistics();
        DoubleSummaryStatistics ofNoise = new DoubleSummaryStatistics();
        DoubleSummaryStatistics modular = new DoubleSummaryStatistics();
        for (int seed = 0; seed < SEEDS; seed++) {
            PlantedTruth truth = new PlantedTruth(seed);
            ModuleMap map = truth.activations().measure(MODULES.withSeed(seed));
            List<UnitModule> significant =
                    map.modules().stream().filter(module -> module.p() <= LEVEL).toList();
            index.accept(adjustedRand(truth, map, map.modules()));
            ofSignificant.accept(adjustedRand(truth, map, significant));
            foundAsPlanted.accept(significant.stream()
                            .filter(module -> module.size() == 20
                                    && module.units().stream()
                                            .allMatch(unit -> truth.known(unit.site(), unit.inSite())
                                                    .module()
                                                    .isPresent()))
                            .count()
                    * 1.0);
            boolean anyOfNoise = significant.stream()
                    .anyMatch(module -> module.units().stream()
                            .allMatch(unit ->
                                    truth.known(unit.site(), unit.inSite()).equals(Known.NOISE)));
            ofNoise.accept(anyOfNoise ? 1 : 0);
            modular.accept(map.modularity().p() <= LEVEL ? 1 : 0);
        }
        line("modules: adjusted Rand index", index);
        line("  units in modules with p > 0.05 counted as alone", ofSignificant);
        line("  modules with p <= 0.05 found exactly as planted, of 2", foundAsPlanted);
        line("  scans with a module of noise alone that has p <= 0.05", ofNoise);
        line("  scans whose modularity has p <= 0.05", modular);
        assertThat(index.getAverage()).isGreaterThan(0.85);
        assertThat(ofSignificant.getAverage()).isGreaterThan(0.95);
        assertThat(modular.getMin()).isEqualTo(1);
        assertThat(ofNoise.getSum()).isLessThanOrEqualTo(mostByChance(SEEDS, LEVEL, 0.001));
    }

    private static double adjustedRand(PlantedTruth truth, ModuleMap map, List<UnitModule> counted) {
        List<Integer> planted = new ArrayList<>();
        List<Integer> recovered = new ArrayList<>();
        Map<Unit, Integer> found = new HashMap<>();
        for (int i = 0; i < counted.size(); i++) {
            for (Unit unit : counted.get(i).units()) {
                found.put(unit, i);
            }
        }
        int alone = 0;
        for (Unit unit : Stream.concat(
                        map.modules().stream().flatMap(module -> module.units().stream()), map.outside().stream())
                .toList()) {
            Known known = truth.known(unit.site(), unit.inSite());
            if (known.topic().isEmpty()) {
                alone--;
                planted.add(known.module().orElse(alone));
                recovered.add(found.getOrDefault(unit, alone));
            }
        }
        return AdjustedRand.index(planted, recovered);
    }
}
