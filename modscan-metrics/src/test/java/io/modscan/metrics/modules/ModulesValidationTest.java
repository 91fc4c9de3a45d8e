package io.modscan.metrics.modules;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.metrics.PlantedTruthTest;
import io.modscan.metrics.modules.PlantedModules.Kind;
import io.modscan.metrics.modules.PlantedModules.Planted;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whether planted modules are found, beside what an oracle finds that knows how they were planted, and none where none were, over as
 * many seeds as the system property {@code modscan.seeds} says: a few unless set. The figures go to standard output.
 *
 * <p>A module is real if it has a Jaccard index of at least 0.5 with a planted module, or with a planted group of modules. How well
 * stability tells real ones from others is the probability that, of one of each, the real one has more of it (AUROC).
 */
class ModulesValidationTest {

    private static final int SEEDS = Integer.getInteger("modscan.seeds", 2);

    private static final double LEVEL = 0.05;

    private static final Map<Kind, Row> TABLE = Collections.synchronizedMap(new EnumMap<>(Kind.class));

    /** Where pairs of units, which links go by, tell less than an oracle gets out of courses; the share of the oracle's index. */
    private static final Map<Kind, Double> HARDER = Map.of(Kind.SPARSE, 0.8, Kind.WEAKER, 0.0);

    private record Found(double stability, double p, boolean real) {}

    /** Of a kind, sums over seeds. */
    private static final class Row {
        private final Kind kind;
        private final List<Found> found = new ArrayList<>();
        private double oracle;
        private double all;
        private double significant;
        private double lasting;
        private double cores;
        private int claimed;
        private int claimedLasting;

        Row(Kind kind) {
            this.kind = kind;
            for (int seed = 0; seed < SEEDS; seed++) {
                add(seed);
            }
        }

        private void add(int seed) {
            Planted planted = PlantedModules.of(kind, seed);
            Modules modules =
                    Modules.byCoActivation().withStarts(5).withResolutions().withSeed(seed);
            ModuleMap map = planted.activations().measure(kind.signed() ? modules.absolute() : modules);
            int[] truth = planted.truth();
            Predicate<UnitModule> isSignificant = module -> module.p() <= LEVEL;
            oracle += PlantedModules.agreement(truth, planted.oracle()) / SEEDS;
            all += PlantedModules.agreement(truth, places(map, truth.length, module -> true, 0)) / SEEDS;
            significant += PlantedModules.agreement(truth, places(map, truth.length, isSignificant, 0)) / SEEDS;
            lasting += PlantedModules.agreement(truth, places(map, truth.length, UnitModule::lasts, 0)) / SEEDS;
            cores += PlantedModules.agreement(truth, places(map, truth.length, UnitModule::lasts, 0.5)) / SEEDS;
            claimed += map.modules().stream().anyMatch(isSignificant) ? 1 : 0;
            claimedLasting += map.lasting().isEmpty() ? 0 : 1;
            for (UnitModule module : map.modules()) {
                double jaccard = Math.max(jaccard(module, truth), jaccard(module, planted.groups()));
                found.add(new Found(module.stability(), module.p(), jaccard >= 0.5));
            }
        }

        String line() {
            return kind.hasModules()
                    ? String.format(
                            Locale.ROOT,
                            "%-24s oracle %.3f   all %.3f   p <= 0.05 %.3f   lasting %.3f   their cores %.3f",
                            kind,
                            oracle,
                            all,
                            significant,
                            lasting,
                            cores)
                    : String.format(
                            Locale.ROOT,
                            "%-24s seeds that claim a module of p <= 0.05: %d, one that lasts: %d, of %d",
                            kind,
                            claimed,
                            claimedLasting,
                            SEEDS);
        }
    }

    private static Row row(Kind kind) {
        return TABLE.computeIfAbsent(kind, Row::new);
    }

    /** The module of each unit. */
    private static int[] places(ModuleMap map, int units, Predicate<UnitModule> counted, double stability) {
        int[] places = new int[units];
        Arrays.fill(places, PlantedModules.ALONE);
        List<UnitModule> modules = map.modules().stream().filter(counted).toList();
        for (int i = 0; i < modules.size(); i++) {
            int module = i;
            modules.get(i).core(stability).forEach(unit -> places[unit.inSite()] = module);
        }
        return places;
    }

    /** With that planted module that is most like it. */
    private static double jaccard(UnitModule module, int[] planted) {
        Set<Integer> members =
                Set.copyOf(module.units().stream().map(unit -> unit.inSite()).toList());
        return IntStream.of(planted)
                .filter(number -> number != PlantedModules.ALONE)
                .distinct()
                .mapToDouble(number -> {
                    long size = IntStream.of(planted).filter(i -> i == number).count();
                    long both = members.stream()
                            .filter(unit -> planted[unit] == number)
                            .count();
                    return (double) both / (size + members.size() - both);
                })
                .max()
                .orElse(0);
    }

    /** Of a real and another one the probability that the real one is larger, ties counting half. */
    private static double auroc(List<Double> real, List<Double> others) {
        return real.stream()
                .flatMapToDouble(
                        one -> others.stream().mapToDouble(other -> one > other ? 1 : one.equals(other) ? 0.5 : 0))
                .average()
                .orElse(Double.NaN);
    }

    private static double aurocOfStability(List<Found> found) {
        return auroc(
                found.stream().filter(Found::real).map(Found::stability).toList(),
                found.stream().filter(one -> !one.real()).map(Found::stability).toList());
    }

    @AfterAll
    static void print() {
        System.out.printf(
                Locale.ROOT, "%nPlanted modules, %d seeds: adjusted Rand index with what was planted%n", SEEDS);
        TABLE.values().forEach(row -> System.out.println(row.line()));
        List<Found> found =
                TABLE.values().stream().flatMap(row -> row.found.stream()).toList();
        System.out.printf(
                Locale.ROOT,
                "AUROC of stability for real modules %.4f, of p %.4f, of %d modules, %d of them real%n",
                aurocOfStability(found),
                auroc(
                        found.stream().filter(Found::real).map(one -> -one.p()).toList(),
                        found.stream()
                                .filter(one -> !one.real())
                                .map(one -> -one.p())
                                .toList()),
                found.size(),
                found.stream().filter(Found::real).count());
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_NONE, names = "NOTHING.*")
    void whatAnOracleFindsIsFound(Kind kind) {
        Row row = row(kind);
        double least = HARDER.getOrDefault(kind, 0.95) * row.oracle;
        assertThat(row.all).isGreaterThanOrEqualTo(least - 0.01);
        assertThat(row.lasting).isGreaterThanOrEqualTo(least - 0.03);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ALL, names = "NOTHING.*")
    void whereNothingIsPlantedNothingIsClaimed(Kind kind) {
        int bound = PlantedTruthTest.mostByChance(SEEDS, LEVEL, 0.001);
        assertThat(row(kind).claimed).isLessThanOrEqualTo(bound);
        assertThat(row(kind).claimedLasting).isLessThanOrEqualTo(row(kind).claimed);
    }

    @Test
    void ofAllSeedsWhereNothingIsPlantedFewClaim() {
        List<Row> nulls = Arrays.stream(Kind.values())
                .filter(kind -> !kind.hasModules())
                .map(ModulesValidationTest::row)
                .toList();
        int claimed = nulls.stream().mapToInt(row -> row.claimed).sum();
        assertThat(claimed).isLessThanOrEqualTo(PlantedTruthTest.mostByChance(SEEDS * nulls.size(), LEVEL, 0.001));
    }

    @Test
    void stabilityTellsWhichModulesAreReal() {
        List<Found> found = Arrays.stream(Kind.values())
                .flatMap(kind -> row(kind).found.stream())
                .toList();
        assertThat(found).anyMatch(Found::real).anyMatch(one -> !one.real());
        assertThat(aurocOfStability(found)).isGreaterThanOrEqualTo(0.95);
    }
}
