package io.modscan.metrics.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.metrics.internal.linear.Columns;
import io.modscan.metrics.internal.rank.ChanceLevel;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Modules over halves of the prompts. */
class HalvesTest {

    private static final Modules MODULES =
            Modules.byCoActivation().withStarts(3).withResolutions().withShuffles(0);

    /** Two modules of eight units, and eight units of noise. */
    private static float[][] vectors(int prompts, double noise) {
        Random random = new Random(5);
        float[][] vectors = new float[prompts][24];
        for (float[] vector : vectors) {
            double[] courses = {random.nextGaussian(), random.nextGaussian(), 0};
            for (int i = 0; i < vector.length; i++) {
                vector[i] = (float) (courses[i / 8] + noise * random.nextGaussian());
            }
        }
        return vectors;
    }

    private static Activations activations(int prompts) {
        return LinksTest.activations(vectors(prompts, 0.4));
    }

    @Test
    void crispModulesAreFoundAgain() {
        ModuleMap map = activations(80).measure(MODULES.withSplits(5));
        assertThat(map.modules()).hasSize(2).allMatch(module -> module.size() == 8);
        assertThat(map.halves().splits()).isEqualTo(5);
        assertThat(map.halves().mean()).isGreaterThan(0.9);
        assertThat(map.halves().planted()).isGreaterThan(0.9);
        assertThat(map.halves().least()).isLessThanOrEqualTo(map.halves().mean());
        assertThat(map.halves().most()).isGreaterThanOrEqualTo(map.halves().mean());
        assertThat(map.modules()).allSatisfy(module -> {
            assertThat(module.stability()).isBetween(0.9, 1.0);
            assertThat(module.members()).allMatch(member -> member.stability() >= 0.9 && member.stability() <= 1);
            assertThat(module.core(0.5)).hasSize(8);
        });
        assertThat(map.resolutions())
                .singleElement()
                .satisfies(
                        step -> assertThat(step.halves()).isEqualTo(map.halves().mean()));
    }

    @Test
    void aUnitThatAlwaysStaysHasAStabilityOfOne() {
        // Twenty times a twentieth is a little more than one, if added up.
        ModuleMap map = activations(200).measure(MODULES.withSplits(10));
        assertThat(map.modules().get(0).members()).extracting(Member::stability).containsOnly(1.0);
    }

    @Test
    void aUnitThatOneHalfHasNothingOfIsNoFault() {
        float[][] vectors = vectors(40, 0.4);
        for (int i = 0; i < vectors.length; i++) {
            // One prompt only: constant in one of the two halves.
            vectors[i][20] = i == 7 ? 1 : 0;
            vectors[i][21] = 0.1f + (i == 9 ? 3 : 0);
        }
        ModuleMap map = LinksTest.activations(vectors).measure(MODULES.withSplits(4));
        assertThat(map.modules()).hasSize(2);
        assertThat(map.leftOut()).isEmpty();
        assertThat(map.halves().mean()).isBetween(0.8, 1.0);
        Columns half = Columns.of(LinksTest.activations(vectors)).over(new int[] {0, 1, 2, 3, 4, 5, 6, 8});
        assertThat(half.standardised(20)).containsOnly(0);
        assertThat(half.standardised(21)).containsOnly(0);
        assertThat(new Course(half, java.util.List.of(20, 21), false).correlation(0))
                .isZero();
    }

    @Test
    void ofLessThanSixPromptsThereAreNoHalves() {
        ModuleMap map = LinksTest.activations(vectors(5, 0.001)).measure(MODULES);
        assertThat(map.halves()).isEqualTo(HalvesAgreement.none());
        assertThat(map.modules()).isNotEmpty().allSatisfy(module -> {
            assertThat(module.stability()).isNaN();
            assertThat(module.members()).allMatch(member -> Double.isNaN(member.stability()));
        });
        assertThat(activations(6).measure(MODULES).halves().splits()).isEqualTo(10);
    }

    @Test
    void splitsDoNotChangeModules() {
        Activations activations = activations(30);
        ModuleMap none = activations.measure(MODULES.withSplits(0));
        ModuleMap some = activations.measure(MODULES.withSplits(3));
        assertThat(some.modules())
                .extracting(UnitModule::units)
                .isEqualTo(none.modules().stream().map(UnitModule::units).toList());
        assertThat(none.halves().mean()).isNaN();
        assertThat(none.modules()).allMatch(module -> Double.isNaN(module.stability()));
    }

    @Test
    void aHalfsThresholdIsAsRareAsThatOfAllPrompts() {
        double half = ChanceLevel.asRare(0.4, 100, 50);
        assertThat(half).isGreaterThan(0.5);
        assertThat(ChanceLevel.share(half, 50)).isCloseTo(ChanceLevel.share(0.4, 100), within(1e-10));
        assertThat(ChanceLevel.asRare(0.4, 100, 100)).isCloseTo(0.4, within(1e-9));
    }
}
