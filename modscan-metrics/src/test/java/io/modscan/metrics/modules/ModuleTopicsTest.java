package io.modscan.metrics.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.Golden;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ModuleTopicsTest {

    private static final Site SITE = MadeMaps.site("site", 20_000);

    private final List<UnitModule> modules = new ArrayList<>();
    private final Set<Unit> lit = new HashSet<>();
    private int used;

    /** The next units, of which the first light up. */
    private List<Unit> units(int size, int responding) {
        List<Unit> units = MadeMaps.units(SITE, IntStream.range(used, used + size));
        used += size;
        lit.addAll(units.subList(0, responding));
        return units;
    }

    private List<ModuleTopics> topics(List<Unit> outside, BiPredicate<Unit, String> responds, String... labels) {
        return ModuleTopics.of(modules, outside, List.of(labels), responds);
    }

    private ModuleTopics topics(int size, int responding, int others, int othersResponding) {
        modules.add(MadeMaps.module(units(size, responding)));
        return topics(units(others, othersResponding), (unit, label) -> lit.contains(unit), "law")
                .get(0);
    }

    static Stream<Map<String, Object>> cases() {
        return Golden.cases("comparison.json", "topics");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithScipy(Map<String, Object> golden) {
        for (Object module : Golden.list(golden.get("modules"))) {
            double[] counts = Golden.doubles(module);
            modules.add(MadeMaps.module(units((int) counts[0], (int) counts[1])));
        }
        double[] others = Golden.doubles(golden.get("others"));
        List<ModuleTopics> topics =
                topics(units((int) others[0], (int) others[1]), (unit, label) -> lit.contains(unit), "law");
        for (int i = 0; i < topics.size(); i++) {
            ModuleTopics.Share share = topics.get(i).share("law");
            assertThat(share.p()).isCloseTo(Golden.doubles(golden.get("p"))[i], Percentage.withPercentage(1e-7));
            assertThat(share.q()).isCloseTo(Golden.doubles(golden.get("q"))[i], Percentage.withPercentage(1e-7));
            assertThat(share.base()).isCloseTo((double) lit.size() / used, within(1e-15));
        }
    }

    @Test
    void oneMemberOfSixteenNamesNothing() {
        ModuleTopics topics = topics(16, 1, 984, 9);
        assertThat(topics.topic()).isEmpty();
        assertThat(topics.topicShare()).isEmpty();
        assertThat(topics.strongest()).isEmpty();
        assertThat(topics.share("law").share()).isEqualTo(1 / 16.0);
        assertThat(topics.share("law").base()).isEqualTo(0.01);
        assertThat(topics.share("law").lift()).isCloseTo(6.25, within(1e-12));
        assertThat(topics).hasToString("ModuleTopics[16 units, no label]");
        assertThatThrownBy(() -> topics.share("lore"))
                .isInstanceOf(ModscanException.class)
                .hasMessage("there is no label 'lore'; the labels are [law]");
    }

    @Test
    void aLabelOfMostMembersThatIsRareElsewhereNames() {
        ModuleTopics topics = topics(16, 12, 984, 28);
        assertThat(topics.topic()).hasValue("law");
        assertThat(topics.topicShare()).map(ModuleTopics.Share::share).hasValue(0.75);
        assertThat(topics.topicShare()).map(ModuleTopics.Share::base).hasValue(0.04);
        assertThat(topics.topicShare().orElseThrow().q()).isLessThan(1e-10);
        assertThat(topics.toString())
                .startsWith("ModuleTopics[16 units, law: 75 % of members, 4 % of all units, q ")
                .hasSizeLessThan(100);
    }

    @Test
    void whatMostMembersDontRespondToIsReportedAndNamesNothing() {
        ModuleTopics topics = topics(900, 54, 9100, 246);
        assertThat(topics.topic()).isEmpty();
        assertThat(topics.strongest()).map(ModuleTopics.Share::label).hasValue("law");
        assertThat(topics.strongest().orElseThrow().holds()).isTrue();
        assertThat(topics.toString()).contains("no label, the nearest is law: 6 % of members, 3 % of all units");
        modules.clear();
        assertThat(topics(10, 5, 1000, 0).topic()).hasValue("law");
        modules.clear();
        assertThat(topics(1000, 499, 1000, 0).topic()).isEmpty();
    }

    @Test
    void aLabelThatAllUnitsRespondToNamesNothing() {
        assertThat(topics(20, 20, 200, 200).topic()).isEmpty();
        modules.clear();
        // Nor if most do: 19 of 20, where 190 of 200 are to be expected.
        assertThat(topics(20, 19, 200, 190).topic()).isEmpty();
        modules.clear();
        // A module of all units has nothing to be held against.
        lit.clear();
        used = 0;
        ModuleTopics whole = topics(20, 15, 0, 0);
        assertThat(whole.topic()).isEmpty();
        assertThat(whole.share("law").p()).isEqualTo(1);
    }

    @Test
    void whereNothingRespondsNothingNames() {
        ModuleTopics topics = topics(20, 0, 200, 0);
        assertThat(topics.topic()).isEmpty();
        assertThat(topics.share("law").lift()).isNaN();
        assertThat(topics.share("law").q()).isEqualTo(1);
        modules.clear();
        assertThat(topics(units(5, 5), (unit, label) -> true, "law")).isEmpty();
    }

    @Test
    void twoUnitsAreFewButRareOnesName() {
        assertThat(topics(2, 2, 998, 300).topic()).isEmpty();
        modules.clear();
        lit.clear();
        used = 0;
        assertThat(topics(2, 2, 998, 1).topic()).hasValue("law");
    }

    @Test
    void manyModulesAndLabelsAreCorrectedFor() {
        // One of 200 modules has 3 of 4 members in a label of 10 %: p is 0.004, and such a module is to be expected.
        for (int i = 0; i < 200; i++) {
            modules.add(MadeMaps.module(units(4, i == 0 ? 3 : 0)));
        }
        List<Unit> others = units(200, 97);
        List<ModuleTopics> topics = topics(others, (unit, label) -> lit.contains(unit), "law");
        assertThat(topics.get(0).share("law").p()).isBetween(0.003, 0.005);
        assertThat(topics.get(0).topic()).isEmpty();
    }

    @Test
    void amongEqualSharesTheFirstLabelNames() {
        modules.add(MadeMaps.module(units(10, 10)));
        List<ModuleTopics> topics = topics(units(500, 0), (unit, label) -> lit.contains(unit), "x", "b", "c");
        assertThat(topics.get(0).topic()).hasValue("b");
        assertThat(topics.get(0).shares().keySet()).containsExactly("b", "c", "x");
    }
}
