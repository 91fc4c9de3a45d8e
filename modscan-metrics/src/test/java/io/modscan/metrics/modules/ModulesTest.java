package io.modscan.metrics.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.MetricContract;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Change;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.core.site.Unit;
import io.modscan.metrics.PlantedModel;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import java.util.function.IntToDoubleFunction;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ModulesTest {

    private static final int PROMPTS = 80;
    /** No more effort than to find modules. */
    private static final Modules QUICK = Modules.byCoActivation()
            .withStarts(3)
            .withResolutions()
            .withSplits(0)
            .withShuffles(0);

    private static final Site Z = new Site(
            "blocks.0.attn.hook_z", OptionalInt.of(0), List.of(Axis.POSITION, Axis.heads(2), Axis.units(3)), false);
    private static final Site MLP =
            new Site("blocks.0.mlp.hook_post", OptionalInt.of(0), List.of(Axis.POSITION, Axis.units(60)), false);

    /**
     * Units 0 to 11 of the MLP follow one course, 20 to 29 another, 40 is constant, all others are noise; of the heads'
     * units, those of head 1 follow the first course. The first course is high in topic b.
     */
    private static Activations planted(int prompts, boolean shuffledOrder) {
        Random random = new Random(8);
        List<Integer> order =
                new ArrayList<>(IntStream.range(0, prompts).boxed().toList());
        float[][] z = new float[prompts][6];
        float[][] mlp = new float[prompts][60];
        List<Prompt> all = new ArrayList<>();
        for (int i = 0; i < prompts; i++) {
            double first = random.nextGaussian() + (i % 2 == 0 ? 0 : 3);
            double second = random.nextGaussian();
            for (int unit = 0; unit < 6; unit++) {
                z[i][unit] = (float) ((unit >= 3 ? first : 0) + 0.5 * random.nextGaussian());
            }
            for (int unit = 0; unit < 60; unit++) {
                double course = unit < 12 ? first : unit >= 20 && unit < 30 ? second : 0;
                mlp[i][unit] = unit == 40 ? 7 : (float) (course + 0.5 * random.nextGaussian());
            }
            all.add(Prompt.of("p" + i, "").withLabel("topic", i % 2 == 0 ? "a" : "b"));
        }
        if (shuffledOrder) {
            Collections.shuffle(order, random);
        }
        return Activations.builder(Prompts.of(order.stream().map(all::get).toList()))
                .site(Z, Pooling.mean(), order.stream().map(i -> z[i]).toArray(float[][]::new))
                .site(MLP, Pooling.mean(), order.stream().map(i -> mlp[i]).toArray(float[][]::new))
                .build();
    }

    @Test
    void findsModulesAcrossSites() {
        ModuleMap map = planted(PROMPTS, false).measure(Modules.byCoActivation().withSplits(3));
        assertThat(map.modules()).hasSize(2);
        UnitModule first = map.modules().get(0);
        assertThat(first.size()).isEqualTo(15);
        assertThat(first.units())
                .extracting(Unit::toString)
                .contains(
                        "blocks.0.attn.hook_z head 1 unit 0",
                        "blocks.0.attn.hook_z head 1 unit 2",
                        "blocks.0.mlp.hook_post unit 11");
        assertThat(first.units().subList(0, 4)).extracting(Unit::inSite).containsExactly(3, 4, 5, 0);
        assertThat(first.correlation()).isBetween(0.85, 0.98);
        assertThat(map.modules())
                .allMatch(module -> module.p() == 1 / 40.0 && module.stability() > 0.9 && module.lasts());
        assertThat(map.modules().get(1).units())
                .extracting(Unit::inSite)
                .containsExactlyElementsOf(IntStream.range(20, 30).boxed().toList());
        assertThat(map.modules().get(1).correlation()).isBetween(0.7, 0.9);
        assertThat(map.leftOut()).containsExactly(new Unit(MLP, OptionalInt.empty(), OptionalInt.of(40)));
        // A link of twenty may be by chance; whom it leads to follows no module.
        assertThat(map.outside()).hasSize(66 - 15 - 10 - 1);
        assertThat(map.border()).hasSizeLessThan(15);
        // All pairs of both modules are linked, and of others up to a twentieth or so.
        assertThat(map.links()).isBetween(15L * 14 / 2 + 10 * 9 / 2, 165L);
        assertThat(map.threshold()).isBetween(0.25, 0.35);
        assertThat(map.modularity().observed()).isBetween(0.3, 0.5);
        assertThat(map.modularity().p()).isEqualTo(map.leastP()).isEqualTo(1 / 40.0);
        assertThat(map.modularity().z()).isGreaterThan(10);
        assertThat(map.modularity().observed())
                .isGreaterThan(map.modularity().mean() + 10 * map.modularity().sd());
    }

    /**
     * Units 0 to 11 and the heads' outputs light up together, and 20 to 31 matter together; of each other's, neither does. What they do has both signs.
     */
    private static Activations litAndAttributed() {
        Random random = new Random(21);
        float[][][] rows = new float[4][PROMPTS][];
        for (int i = 0; i < PROMPTS; i++) {
            double lit = random.nextGaussian();
            double matters = random.nextGaussian();
            rows[0][i] = noise(random, 6, unit -> lit);
            rows[1][i] = noise(random, 2, unit -> unit == 1 ? matters : 0);
            rows[2][i] = noise(random, 60, unit -> unit < 12 ? lit : 0);
            rows[3][i] = noise(random, 60, unit -> unit >= 20 && unit < 32 ? matters : 0);
        }
        return Activations.builder(Prompts.of(IntStream.range(0, PROMPTS)
                        .mapToObj(i -> Prompt.of("p" + i, ""))
                        .toList()))
                .site(Z, Pooling.mean(), rows[0])
                .site(Z.attribution(), Pooling.sum(), rows[1])
                .site(MLP, Pooling.mean(), rows[2])
                .site(MLP.attribution(), Pooling.sum(), rows[3])
                .build();
    }

    private static float[] noise(Random random, int units, IntToDoubleFunction course) {
        float[] values = new float[units];
        for (int unit = 0; unit < units; unit++) {
            values[unit] = (float) (course.applyAsDouble(unit) + 0.5 * random.nextGaussian());
        }
        return values;
    }

    /** Two units may be linked by chance; what is more is a group. */
    private static UnitModule onlyGroup(Activations activations) {
        List<UnitModule> groups = activations.measure(QUICK).modules().stream()
                .filter(module -> module.size() > 2)
                .toList();
        assertThat(groups).hasSize(1);
        return groups.get(0);
    }

    @Test
    void whatLightsUpTogetherAndWhatMattersTogetherAreModulesOfTheirOwn() {
        Activations both = litAndAttributed();
        UnitModule lit = onlyGroup(both.only(Sites.z(), Sites.mlpPost()));
        assertThat(lit.units())
                .extracting(Unit::toString)
                .hasSize(18)
                .startsWith("blocks.0.attn.hook_z head 0 unit 0")
                .endsWith("blocks.0.mlp.hook_post unit 11");
        UnitModule matters =
                onlyGroup(both.only(Sites.z().attribution(), Sites.mlpPost().attribution()));
        assertThat(matters.units())
                .extracting(Unit::toString)
                .hasSize(13)
                .startsWith("blocks.0.attn.hook_z.attribution head 1", "blocks.0.mlp.hook_post.attribution unit 20")
                .endsWith("blocks.0.mlp.hook_post.attribution unit 31");
        assertThat(Intervention.of("off", matters.units(), Replacement.zero()).changes())
                .extracting(Change::site)
                .containsExactly(Z.name(), MLP.name());
    }

    @Test
    void withoutAThresholdModularityIsAboveThatOfShuffledValues() {
        ModuleMap map = planted(PROMPTS, false)
                .measure(QUICK.withShuffles(39).withThreshold(0).withNeighbours(8));
        assertThat(map.threshold()).isZero();
        assertThat(map.singletons()).isEmpty();
        assertThat(map.modularity().p()).isEqualTo(1 / 40.0);
        assertThat(map.modularity().z()).isGreaterThan(3);
        assertThat(map.plainModularity().observed()).isEqualTo(map.modularity().observed());
        assertThat(map.plainModularity().p()).isEqualTo(1 / 40.0);
        assertThat(map.plainModularity().z()).isGreaterThan(3);
        assertThat(map.plainModularity().mean()).isBetween(0.1, 0.5);
        assertThat(map.modularity().mean()).isLessThan(map.plainModularity().mean());
        assertThat(map.modules().get(0).size())
                .isGreaterThanOrEqualTo(map.modules().get(1).size());
        // All noise makes one module, which is larger than any of shuffled values, and no closer.
        assertThat(map.modules()).allMatch(module -> module.p() == (module.correlation() > 0.4 ? 1 / 40.0 : 1));
    }

    @Test
    void noiseHasNoMoreThanShuffledNoise() {
        // Under the null hypothesis p is at most 0.05 in one run of twenty: 5 of 30 or more with a probability of
        // 0.015.
        int significant = 0;
        int plain = 0;
        int modules = 0;
        int linked = 0;
        for (int seed = 0; seed < 30; seed++) {
            Random random = new Random(seed);
            float[][] vectors = new float[40][50];
            for (float[] vector : vectors) {
                for (int i = 0; i < vector.length; i++) {
                    vector[i] = (float) random.nextGaussian();
                }
            }
            Activations noise = LinksTest.activations(vectors);
            ModuleMap dense =
                    noise.measure(QUICK.withShuffles(19).withThreshold(0).withSeed(seed));
            significant += dense.modularity().p() <= 0.05 ? 1 : 0;
            plain += dense.plainModularity().p() <= 0.05 ? 1 : 0;
            modules += dense.modules().stream().anyMatch(module -> module.p() <= 0.05) ? 1 : 0;
            linked += noise.measure(QUICK).links() > 0 ? 1 : 0;
        }
        assertThat(significant).isLessThan(5);
        assertThat(plain).isLessThan(5);
        assertThat(modules).isLessThan(5);
        assertThat(linked).isLessThan(5);
    }

    @Test
    void aRotationTakesModulesApart() {
        // In coordinates along and across the courses, each course is one unit, and nothing is left to go together.
        UnaryOperator<Activations> along = activations -> activations
                .only(site -> site.equals(MLP))
                .map(site -> site.derived(site.site(), site.pooling(), prompt -> {
                    float[] vector = site.vector(prompt);
                    turn(vector, 0, 12);
                    turn(vector, 20, 30);
                    return vector;
                }));
        Modules modules = QUICK.withShuffles(3);
        Activations activations = planted(PROMPTS, false);
        ModuleMap raw = activations.at(MLP).measure(modules);
        ModuleMap turned = activations.measure(modules.through(along));
        assertThat(raw.modules()).hasSize(2);
        assertThat(turned.modules()).isEmpty();
        assertThat(turned.singletons()).hasSize(59);
        assertThat(turned.modularity().observed()).isNaN();
        assertThat(turned.modularity().p()).isNaN();
        assertThat(turned.plainModularity().p()).isNaN();
    }

    /** A reflection of some coordinates that takes the direction in which all are equal to the first axis. */
    private static void turn(float[] vector, int from, int to) {
        int n = to - from;
        double[] mirror = new double[n];
        Arrays.fill(mirror, 1 / Math.sqrt(n));
        mirror[0] -= 1;
        double square = Arrays.stream(mirror).map(x -> x * x).sum();
        double dot = IntStream.range(0, n)
                .mapToDouble(i -> mirror[i] * vector[from + i])
                .sum();
        for (int i = 0; i < n; i++) {
            vector[from + i] -= (float) (2 * dot / square * mirror[i]);
        }
    }

    @Test
    void oppositeUnitsGoTogetherByAbsoluteCorrelationOnly() {
        Random random = new Random(4);
        float[][] vectors = new float[60][8];
        for (float[] vector : vectors) {
            double course = random.nextGaussian();
            for (int i = 0; i < 8; i++) {
                vector[i] = (float) ((i % 2 == 0 ? course : -course) + 0.3 * random.nextGaussian());
            }
        }
        Activations activations = LinksTest.activations(vectors);
        ModuleMap signed = activations.measure(QUICK);
        assertThat(signed.modules()).extracting(UnitModule::size).containsExactly(4, 4);
        assertThat(signed.modules().get(0).units()).extracting(Unit::inSite).containsExactly(0, 2, 4, 6);
        ModuleMap absolute = activations.measure(QUICK.absolute());
        assertThat(absolute.modules()).extracting(UnitModule::size).containsExactly(8);
        assertThat(absolute.modules().get(0).correlation()).isGreaterThan(0.8);
    }

    @Test
    void topicsAreNamedByMembers() {
        Activations activations = planted(PROMPTS, false);
        SelectivityMap selectivity = activations.measure(Selectivity.by("topic"));
        ModuleMap map = activations.measure(QUICK);
        List<ModuleTopics> topics = map.topics(selectivity, Criterion.standard());
        assertThat(topics).extracting(ModuleTopics::module).isEqualTo(map.modules());
        assertThat(topics.get(0).topic()).hasValue("b");
        assertThat(topics.get(0).shares().values())
                .extracting(ModuleTopics.Share::share)
                .containsExactly(0.0, 1.0);
        // All that respond are in the one module; the constant unit counts nowhere.
        assertThat(topics.get(0).shares().values())
                .extracting(ModuleTopics.Share::base)
                .containsExactly(0.0, 15 / 65.0);
        assertThat(topics.get(1).topic()).isEmpty();
        assertThat(topics.get(1).shares().values())
                .extracting(ModuleTopics.Share::share)
                .containsExactly(0.0, 0.0);
        assertThat(map.topics(selectivity, new Criterion(0, 0)).get(0).topic()).isEmpty();
        SelectivityMap headsOnly = activations.at(Z).measure(Selectivity.by("topic"));
        assertThatThrownBy(() -> map.topics(headsOnly, Criterion.standard()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'blocks.0.mlp.hook_post' was not measured");
    }

    @Test
    void whereSignsMeanNothingWhatGoesDarkRespondsToo() {
        Random random = new Random(5);
        List<String> labels = new ArrayList<>();
        float[][] vectors = new float[60][8];
        for (float[] vector : vectors) {
            labels.add(labels.size() % 3 == 0 ? "a" : "b");
            double course = labels.get(labels.size() - 1).equals("a") ? 3 : 0;
            for (int i = 0; i < 8; i++) {
                vector[i] = (float) ((i % 4 == 0 ? course : -course) + random.nextGaussian());
            }
        }
        Activations activations = PlantedModel.of(labels, vectors);
        List<ModuleTopics> topics = activations
                .measure(QUICK.absolute())
                .topics(activations.measure(Selectivity.by("topic")), Criterion.standard());
        assertThat(topics).hasSize(1);
        assertThat(topics.get(0).module().size()).isEqualTo(8);
        assertThat(topics.get(0).shares().values())
                .extracting(ModuleTopics.Share::share)
                .containsExactly(1.0, 1.0);
        // All units there are respond, so that this says nothing of the module.
        assertThat(topics.get(0).topic()).isEmpty();
    }

    @Test
    void theSameForTheSameSeedInWhateverOrderOfPrompts() {
        Metric<ModuleMap> dense = QUICK.withThreshold(0)
                .withNeighbours(5)
                .withSplits(2)
                .withShuffles(9)
                .withSeed(3);
        ModuleMap expected = planted(PROMPTS, false).measure(dense);
        assertThat(planted(PROMPTS, false).measure(dense)).isEqualTo(expected);
        assertThat(planted(PROMPTS, true).measure(dense)).isEqualTo(expected);
        ModuleMap more = planted(PROMPTS, false)
                .measure(QUICK.withThreshold(0)
                        .withNeighbours(5)
                        .withSplits(2)
                        .withSeed(3)
                        .withShuffles(25));
        assertThat(more.modules())
                .extracting(UnitModule::members)
                .isEqualTo(expected.modules().stream().map(UnitModule::members).toList());
        ModuleMap other = planted(PROMPTS, false)
                .measure(QUICK.withThreshold(0)
                        .withNeighbours(5)
                        .withSplits(2)
                        .withShuffles(9)
                        .withSeed(4));
        assertThat(other.modularity().mean()).isNotEqualTo(expected.modularity().mean());
    }

    @Test
    void keepsTheContractOfMetrics() {
        MetricContract.of(QUICK.withThreshold(0.1).withSplits(1).withShuffles(3), planted(12, true))
                .onNaN(map -> assertThat(map.leftOut())
                        .extracting(Unit::toString)
                        .containsExactly(
                                "blocks.0.attn.hook_z head 0 unit 0",
                                "blocks.0.mlp.hook_post unit 0",
                                "blocks.0.mlp.hook_post unit 40"))
                .verify();
        assertThat(planted(12, false).measure(QUICK.perSite())).hasSize(2);
    }

    @Test
    void settingsChangeWhatTheySay() {
        Activations activations = planted(PROMPTS, false);
        Modules modules = QUICK;
        ModuleMap all = activations.measure(modules.withThreshold(0.001).withNeighbours(Integer.MAX_VALUE));
        ModuleMap few = activations.measure(modules.withThreshold(0.001).withNeighbours(2));
        assertThat(all.links()).isGreaterThan(600);
        assertThat(few.links()).isBetween(65L, 130L);
        List<ResolutionStep> steps =
                activations.measure(modules.withResolutions(5, 0.1)).resolutions();
        assertThat(steps).extracting(ResolutionStep::resolution).containsExactly(0.1, 1.0, 5.0);
        assertThat(steps.get(1).modules()).isEqualTo(2);
        assertThat(steps.get(1).largest()).isEqualTo(15);
        // At 5, members of modules that have half of all links each are better off alone.
        assertThat(steps.get(2).modules()).isZero();
        assertThat(steps.get(2).largest()).isZero();
        assertThat(steps.get(0).modularity()).isGreaterThan(steps.get(1).modularity());
        ModuleMap coarse = activations.measure(modules.withResolution(0.1));
        assertThat(coarse.resolution()).isEqualTo(0.1);
        assertThat(coarse.resolutions().get(0)).isEqualTo(steps.get(0));
        assertThat(activations.measure(modules).modularity().p()).isNaN();
        assertThat(activations.measure(modules).modularity().mean()).isNaN();
    }

    @Test
    void theOrderOfSitesDoesNotMatter() {
        Activations activations = planted(PROMPTS, false);
        Activations.Builder turned = Activations.builder(activations.prompts());
        for (Site site : List.of(MLP, Z)) {
            float[][] rows = IntStream.range(0, PROMPTS)
                    .mapToObj(i -> activations.at(site).vector(i))
                    .toArray(float[][]::new);
            turned.site(site, Pooling.mean(), rows);
        }
        Modules modules = QUICK.withSplits(2).withShuffles(3);
        assertThat(turned.build().measure(modules)).isEqualTo(activations.measure(modules));
    }

    @Test
    void theNumberOfThreadsDoesNotMatter() throws Exception {
        Activations activations = planted(PROMPTS, false);
        Modules modules = QUICK.withThreshold(0.1).withSplits(2).withShuffles(3);
        ModuleMap expected = activations.measure(modules);
        for (int threads : new int[] {1, 3}) {
            // What a thread of a pool does in parallel, it does on this pool.
            ForkJoinPool pool = new ForkJoinPool(threads);
            try {
                assertThat(pool.submit(() -> activations.measure(modules)).get(60, TimeUnit.SECONDS))
                        .isEqualTo(expected);
            } finally {
                pool.shutdown();
            }
        }
    }

    @Test
    void progressCountsToItsTotal() {
        Activations activations = planted(PROMPTS, false);
        Activations noise = activations
                .at(Z)
                .alone()
                .map(site -> site.derived(site.site(), site.pooling(), prompt -> {
                    Random random = new Random(prompt);
                    float[] vector = new float[6];
                    for (int i = 0; i < vector.length; i++) {
                        vector[i] = (float) random.nextGaussian();
                    }
                    return vector;
                }));
        Modules modules = QUICK.withSplits(4).withShuffles(2);
        assertThat(steps(activations, modules)).hasSize(1 + 8 + 6 + 2);
        assertThat(noise.measure(modules).modules()).isEmpty();
        steps(noise, modules);
        steps(noise, modules.withShuffles(0));
        assertThat(steps(activations, modules.withSplits(1).withShuffles(0))).hasSize(1 + 2 + 2);
        assertThat(steps(activations, modules.withSplits(0).withShuffles(0))).hasSize(1);
        // Of less than six prompts there are no halves.
        assertThat(steps(planted(5, false), modules)).hasSize(1 + 2);
        assertThat(planted(5, false).measure(modules).halves().mean()).isNaN();
        assertThat(steps(planted(6, false), modules).get(0).total()).isEqualTo(1 + 8 + 6 + 2);
    }

    /** Who is told what; all of it, in order. */
    private static List<ModuleProgress> steps(Activations activations, Modules modules) {
        List<ModuleProgress> steps = new ArrayList<>();
        activations.measure(modules.withProgress(steps::add));
        assertThat(steps).extracting(ModuleProgress::done).isSorted().doesNotHaveDuplicates();
        assertThat(steps)
                .extracting(ModuleProgress::total)
                .containsOnly(steps.get(0).total());
        ModuleProgress last = steps.get(steps.size() - 1);
        assertThat(last.done()).isEqualTo(last.total());
        return steps;
    }

    @Test
    void aListenerThatFailsEndsTheSearch() {
        RuntimeException enough = new IllegalStateException("enough");
        assertThatThrownBy(() -> planted(PROMPTS, false).measure(QUICK.withProgress(step -> {
                    throw enough;
                })))
                .isSameAs(enough);
    }

    /** As the topic shares of a module's thousand members once were not. */
    @Test
    void whatPrintsIsALine() {
        ModuleMap map = planted(PROMPTS, false).measure(QUICK.withSplits(1).withShuffles(1));
        assertThat(map.toString()).hasLineCount(1).hasSizeLessThan(350);
        assertThat(planted(PROMPTS, false).measure(QUICK).toString())
                .doesNotContain("halves")
                .doesNotContain("shuffled");
        assertThat(map.modules())
                .allSatisfy(
                        module -> assertThat(module.toString()).hasLineCount(1).hasSizeLessThan(200));
        UnitModule large = MadeMaps.module(MadeMaps.units(MadeMaps.site("many", 5000), IntStream.range(0, 5000)));
        assertThat(large.toString()).contains("5000 units").hasLineCount(1).hasSizeLessThan(200);
    }

    @Test
    void magnitudesDoNotMatter() {
        Activations activations = planted(PROMPTS, false);
        UnaryOperator<Activations> scaled = a -> a.map(site -> site.derived(site.site(), site.pooling(), prompt -> {
            float[] vector = site.vector(prompt);
            for (int i = 0; i < vector.length; i++) {
                vector[i] *= i % 3 == 0 ? 0x1p-100f : i % 3 == 1 ? 0x1p100f : 1;
            }
            return vector;
        }));
        Modules modules = QUICK.withSplits(2).withShuffles(3);
        assertThat(activations.measure(modules.through(scaled))).isEqualTo(activations.measure(modules));
    }

    @Test
    void withoutUnitsThatVaryThereIsNothing() {
        ModuleMap map = LinksTest.activations(new float[5][3]).measure(Modules.byCoActivation());
        assertThat(map.modules()).isEmpty();
        assertThat(map.singletons()).isEmpty();
        assertThat(map.leftOut()).hasSize(3);
        assertThat(map.links()).isZero();
        ModuleMap lone = LinksTest.activations(new float[][] {{1}, {2}, {4}}).measure(Modules.byCoActivation());
        assertThat(lone.singletons()).hasSize(1);
        ModuleMap pair = LinksTest.activations(new float[][] {{1, 2}, {2, 4}, {4, 8}})
                .measure(Modules.byCoActivation().withThreshold(1));
        assertThat(pair.modules()).hasSize(1);
        assertThat(pair.modules().get(0).correlation()).isCloseTo(1, within(1e-15));
        assertThat(pair.modularity().observed()).isZero();
    }

    @Test
    void tooFewPromptsAndWrongSettingsAreRefused() {
        for (int prompts : new int[] {1, 2}) {
            assertThatThrownBy(
                            () -> LinksTest.activations(new float[prompts][3]).measure(Modules.byCoActivation()))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("over " + prompts + " prompts")
                    .hasMessageContaining("at least 3 prompts");
        }
        Modules modules = Modules.byCoActivation();
        assertThatThrownBy(() -> modules.withNeighbours(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> modules.withThreshold(-0.1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> modules.withThreshold(1.1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> modules.withThreshold(Double.NaN)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> modules.withResolution(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> modules.withStarts(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> modules.withShuffles(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void positionsHaveToBePooled() {
        Site perToken = new Site("site", OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(1)), false);
        Activations activations = Activations.builder(Prompts.of("a", "b", "c"))
                .site(perToken, Pooling.none(), new float[2], new float[1], new float[3])
                .build();
        assertThatThrownBy(() -> activations.measure(Modules.byCoActivation()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("Pooling.none()");
    }
}
