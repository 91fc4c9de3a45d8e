package io.modscan.metrics.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.Golden;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.data.Percentage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ModuleComparisonTest {

    private static final Site SITE = MadeMaps.site("blocks.0.mlp.hook_post", 6);

    static Stream<Map<String, Object>> cases() {
        return Golden.cases("comparison.json", "comparisons");
    }

    private static ModuleMap map(@Nullable Object golden) {
        int[] places = Golden.list(golden).stream().mapToInt(Golden::integer).toArray();
        return MadeMaps.map(MadeMaps.site("site", places.length), places);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithScikitLearn(Map<String, Object> golden) {
        ModuleMap one = map(golden.get("one"));
        ModuleMap other = map(golden.get("other"));
        ModuleComparison comparison = ModuleComparison.of(one, other);
        agree(comparison.all(), Golden.object(golden.get("all")));
        agree(comparison.inModules(), Golden.object(golden.get("inModules")));
        List<?> overlaps = Golden.list(golden.get("overlaps"));
        assertThat(comparison.overlaps()).hasSameSizeAs(overlaps);
        for (int i = 0; i < overlaps.size(); i++) {
            ModuleComparison.Overlap overlap = comparison.overlaps().get(i);
            Map<String, Object> expected = Golden.object(overlaps.get(i));
            assertThat(overlap.one()).isEqualTo(Golden.integer(expected.get("one")));
            assertThat(overlap.other()).isEqualTo(Golden.integer(expected.get("other")));
            assertThat(overlap.shared()).isEqualTo(Golden.integer(expected.get("shared")));
            assertThat(overlap.jaccard()).isCloseTo(Golden.number(expected.get("jaccard")), within(1e-12));
            assertThat(overlap.expected()).isCloseTo(Golden.number(expected.get("expected")), within(1e-9));
            assertThat(overlap.p()).isCloseTo(Golden.number(expected.get("p")), Percentage.withPercentage(1e-7));
            assertThat(overlap.q()).isCloseTo(Golden.number(expected.get("q")), Percentage.withPercentage(1e-7));
        }
        ModuleComparison turned = ModuleComparison.of(other, one);
        same(turned.all().adjustedRand(), Golden.object(golden.get("all")).get("adjustedRand"));
        assertThat(turned.all().variationOfInformation())
                .isCloseTo(comparison.all().variationOfInformation(), within(1e-12));
        assertThat(turned.counterpartsOfOne())
                .extracting(found -> found.map(ModuleComparison.Overlap::jaccard))
                .isEqualTo(comparison.counterpartsOfOther().stream()
                        .map(found -> found.map(ModuleComparison.Overlap::jaccard))
                        .toList());
    }

    private static void agree(ModuleComparison.Agreement agreement, Map<String, Object> golden) {
        assertThat(agreement.units()).isEqualTo(Golden.integer(golden.get("units")));
        same(agreement.adjustedRand(), golden.get("adjustedRand"));
        same(agreement.variationOfInformation(), golden.get("variationOfInformation"));
        same(agreement.normalised(), golden.get("normalised"));
    }

    private static void same(double actual, @Nullable Object golden) {
        if (golden == null) {
            assertThat(actual).isNaN();
        } else {
            assertThat(actual).isCloseTo(Golden.number(golden), within(1e-12));
        }
    }

    @Test
    void aMapIsTheSameAsItself() {
        ModuleMap map = MadeMaps.map(SITE, 0, 0, 1, 1, 1, -1);
        ModuleComparison comparison = ModuleComparison.of(map, map);
        assertThat(comparison.all()).isEqualTo(new ModuleComparison.Agreement(6, 1, 0));
        assertThat(comparison.inModules()).isEqualTo(new ModuleComparison.Agreement(5, 1, 0));
        assertThat(comparison.overlaps())
                .extracting(ModuleComparison.Overlap::jaccard)
                .containsExactly(1.0, 1.0);
        assertThat(comparison.toString())
                .isEqualTo("ModuleComparison[2 and 2 modules; all: 6 units, adjusted Rand index 1.000, variation of"
                        + " information 0.000 nats; in modules of both: 5 units, adjusted Rand index 1.000, variation of"
                        + " information 0.000 nats; 0 units only in the first, 0 only in the second]");
    }

    @Test
    void unitsOfOneMapOnlyAreListedAndNotCompared() {
        Site narrow = MadeMaps.site("blocks.0.mlp.hook_post", 5);
        Site head = new Site("blocks.0.hook_z", OptionalInt.of(0), List.of(Axis.heads(2), Axis.units(2)), false);
        ModuleMap one = MadeMaps.map(
                List.of(MadeMaps.module(MadeMaps.units(SITE, IntStream.of(0, 1, 5)))),
                MadeMaps.units(SITE, IntStream.of(2, 3)),
                MadeMaps.units(SITE, IntStream.of(4)));
        ModuleMap other = MadeMaps.map(
                List.of(
                        MadeMaps.module(MadeMaps.units(narrow, IntStream.of(0, 1, 4))),
                        MadeMaps.module(MadeMaps.units(head, IntStream.of(0, 3)))),
                MadeMaps.units(narrow, IntStream.of(3)),
                MadeMaps.units(narrow, IntStream.of(2)));
        ModuleComparison comparison = ModuleComparison.of(one, other);
        assertThat(comparison.all().units()).isEqualTo(3);
        // 5 is no unit of the narrow site, 2 was left out there.
        assertThat(comparison.onlyInOne()).extracting(Unit::inSite).containsExactly(2, 5);
        // 4 was left out of the first.
        assertThat(comparison.onlyInOther())
                .extracting(Unit::toString)
                .containsExactly(
                        "blocks.0.hook_z head 0 unit 0",
                        "blocks.0.hook_z head 1 unit 1",
                        "blocks.0.mlp.hook_post unit 4");
        assertThat(comparison.overlaps()).hasSize(1);
        assertThat(comparison.overlaps().get(0).jaccard()).isEqualTo(1);
        assertThat(comparison.counterpartsOfOther().get(1)).isEmpty();
        // The pair that has nothing in common counts for q.
        assertThat(comparison.overlaps().get(0).p()).isCloseTo(1 / 3.0, within(1e-12));
        assertThat(comparison.overlaps().get(0).q()).isCloseTo(2 / 3.0, within(1e-12));
    }

    @Test
    void axesMayDifferAndNamesMayNot() {
        Site tokens = new Site(SITE.name(), SITE.layer(), List.of(Axis.POSITION, Axis.units(6)), true);
        ModuleMap one = MadeMaps.map(SITE, 0, 0, 1, 1, -1, -1);
        assertThat(ModuleComparison.of(one, MadeMaps.map(tokens, 0, 0, 1, 1, -1, -1))
                        .all())
                .isEqualTo(new ModuleComparison.Agreement(6, 1, 0));
        // A head's unit is not the site's unit of the same number.
        Site heads = new Site(SITE.name(), SITE.layer(), List.of(Axis.heads(1), Axis.units(6)), false);
        assertThatThrownBy(() -> ModuleComparison.of(one, MadeMaps.map(heads, 0, 0, 1, 1, -1, -1)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("no unit in common")
                .hasMessageContaining("6 such as 'blocks.0.mlp.hook_post unit 0'")
                .hasMessageContaining("6 such as 'blocks.0.mlp.hook_post head 0 unit 0'");
        ModuleMap empty = MadeMaps.map(List.of(), List.of(), MadeMaps.units(SITE, IntStream.range(0, 6)));
        assertThatThrownBy(() -> ModuleComparison.of(empty, one))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining(
                        "the first has none but 6 that are constant or not finite, and left out, the second 6 such as");
        Site named = new Site(SITE.name(), SITE.layer(), List.of(Axis.units(List.of("mass", "distance"))), false);
        assertThatThrownBy(() -> ModuleComparison.of(one, MadeMaps.map(named, 0, 0)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'blocks.0.mlp.hook_post mass'");
    }

    @Test
    void aUnitThatIsThereTwiceIsRefused() {
        ModuleMap map = MadeMaps.map(SITE, 0, 0, 1, 1, -1, -1);
        ModuleMap twice = MadeMaps.map(map.modules(), MadeMaps.units(SITE, IntStream.of(3)), List.of());
        assertThatThrownBy(() -> ModuleComparison.of(map, twice))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("the second map has 'blocks.0.mlp.hook_post unit 3' twice");
    }

    @Test
    void theBestCounterpartIsTheLargestShareOfBoth() {
        ModuleComparison comparison =
                ModuleComparison.of(MadeMaps.map(SITE, 0, 0, 0, 1, 1, -1), MadeMaps.map(SITE, 0, 1, 1, -1, -1, 1));
        assertThat(comparison.counterpartsOfOne().get(0))
                .map(ModuleComparison.Overlap::other)
                .hasValue(1);
        assertThat(comparison.counterpartsOfOne().get(0))
                .map(ModuleComparison.Overlap::jaccard)
                .hasValue(0.5);
        assertThat(comparison.counterpartsOfOne().get(1)).isEqualTo(Optional.empty());
        assertThat(comparison.counterpartsOfOther().get(0))
                .map(ModuleComparison.Overlap::one)
                .hasValue(0);
    }

    @Test
    void countsOfPairsAreExactOfAllNeuronsOfALargeModel() {
        // Of 200,000 units sums of pairs go beyond what a double holds exactly, and products of them beyond a long.
        int[] one = IntStream.range(0, 200_000).map(i -> i / 100_000).toArray();
        int[] other = IntStream.range(0, 200_000).map(i -> i < 100_001 ? 0 : 1).toArray();
        Contingency counts = new Contingency(one, other);
        assertThat(counts.adjustedRand()).isCloseTo(1 - 2e-5, within(1e-9)).isLessThan(1);
        int[] crossed = IntStream.range(0, 200_000).map(i -> i % 2).toArray();
        assertThat(new Contingency(one, crossed).adjustedRand()).isCloseTo(-5.00005e-6, within(1e-11));
        assertThat(new Contingency(one, crossed).variationOfInformation()).isCloseTo(2 * Math.log(2), within(1e-12));
        assertThat(new Contingency(one, one).adjustedRand()).isEqualTo(1);
    }
}
