package io.modscan.metrics.modules;

import io.modscan.core.Activations;
import io.modscan.metrics.AdjustedRand;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Activations whose modules are known. Each module has a course over prompts, and a member's values are s λ c + √(1 − λ²) ε: c
 * the course, λ the member's loading, s its sign, ε noise of its own, all of variance 1. So two members of one sign correlate
 * at the product of their loadings. A unit that is in no module is noise alone. Values may then fall silent below some level,
 * and each unit has a scale (and, where it does not fall silent, a mean) of its own. Units come in random order.
 */
final class PlantedModules {

    /** In no module. */
    static final int ALONE = -1;

    /** The loading of both members of a module of two: they carry nearly one feature. */
    static final double OF_PAIRS = 0.97;

    /** How closely a member follows its twin. */
    static final double OF_TWINS = 0.97;

    private static final double BRIGHTNESS = 1000;
    private static final double OF_THE_BRIGHT_ONE = 0.2;
    private static final double FOR_38_PERCENT = 0.3;
    private static final double FOR_7_PERCENT = 1.4758;

    /** How noise and courses are distributed: with variance 1. */
    enum Law {
        NORMAL,
        STUDENT_3;

        double draw(Random random) {
            double normal = random.nextGaussian();
            if (this == NORMAL) {
                return normal;
            }
            double square = 0;
            for (int i = 0; i < 3; i++) {
                double other = random.nextGaussian();
                square += other * other;
            }
            // Student's variance at 3 degrees of freedom is 3, and the mean of the squares a third of their sum.
            return normal / Math.sqrt(square);
        }
    }

    /**
     * What is planted.
     *
     * @param sizes     of the modules
     * @param noise     how many units are in none
     * @param weakest   the least loading of members of modules of three and more
     * @param strongest the largest; loadings are uniform in between
     * @param groups    how many groups the modules are dealt out to; 0 for none
     * @param shared    the correlation of two courses of one group
     * @param silent    the level below which values are 0, and above which they count from it
     * @param signed    whether the second to fifth of each eight members have the opposite sign
     * @param twins     whether every second member is nearly a copy of the one before, or of its opposite
     * @param bright    whether two units that are in no module are a thousand times as large as others; one of them follows the
     *                  first module's course by a loading of 0.2
     */
    record Plan(
            int prompts,
            List<Integer> sizes,
            int noise,
            double weakest,
            double strongest,
            int groups,
            double shared,
            Law law,
            double silent,
            boolean signed,
            boolean twins,
            boolean bright) {

        static Plan of(int prompts, int noise, double weakest, double strongest, Integer... sizes) {
            return new Plan(
                    prompts,
                    List.of(sizes),
                    noise,
                    weakest,
                    strongest,
                    0,
                    0,
                    Law.NORMAL,
                    Double.NEGATIVE_INFINITY,
                    false,
                    false,
                    false);
        }

        static Plan nothing(int prompts, int units) {
            return of(prompts, units, 0, 0);
        }

        Plan prompts(int number) {
            return new Plan(
                    number, sizes, noise, weakest, strongest, groups, shared, law, silent, signed, twins, bright);
        }

        Plan noise(int units) {
            return new Plan(
                    prompts, sizes, units, weakest, strongest, groups, shared, law, silent, signed, twins, bright);
        }

        Plan grouped(int number, double correlation) {
            return new Plan(
                    prompts, sizes, noise, weakest, strongest, number, correlation, law, silent, signed, twins, bright);
        }

        Plan heavy() {
            return new Plan(
                    prompts,
                    sizes,
                    noise,
                    weakest,
                    strongest,
                    groups,
                    shared,
                    Law.STUDENT_3,
                    silent,
                    signed,
                    twins,
                    bright);
        }

        Plan silentBelow(double level) {
            return new Plan(
                    prompts, sizes, noise, weakest, strongest, groups, shared, law, level, signed, twins, bright);
        }

        Plan withSigns() {
            return new Plan(
                    prompts, sizes, noise, weakest, strongest, groups, shared, law, silent, true, twins, bright);
        }

        Plan withTwins() {
            return new Plan(
                    prompts, sizes, noise, weakest, strongest, groups, shared, law, silent, signed, true, bright);
        }

        Plan withBrightUnits() {
            return new Plan(
                    prompts, sizes, noise, weakest, strongest, groups, shared, law, silent, signed, twins, true);
        }

        int units() {
            return sizes.stream().mapToInt(i -> i).sum() + noise;
        }

        /** The least loading that a member of a module can have. */
        double weakest(int module) {
            return sizes.get(module) == 2 ? OF_PAIRS : twins ? OF_TWINS * weakest : weakest;
        }

        /** The largest. */
        double strongest(int module) {
            return sizes.get(module) == 2 ? OF_PAIRS : strongest;
        }
    }

    /** Plans that are worth a try. */
    enum Kind {
        EQUAL(Plan.of(100, 150, 0.7, 0.7, 30, 30, 30, 30, 30)),
        UNEQUAL(Plan.of(120, 150, 0.7, 0.7, 200, 80, 40, 20, 13, 8, 5)),
        OVERLAPPING_STRENGTHS(Plan.of(150, 150, 0.3, 0.9, 60, 40, 40, 30, 20)),
        WEAK(Plan.of(160, 150, 0.5, 0.5, 50, 40, 40, 30, 30)),
        /** The oracle, too, is wrong about some. */
        WEAKER(Plan.of(120, 150, 0.38, 0.38, 50, 40, 40, 30, 30)),
        FEW_PROMPTS(Plan.of(60, 150, 0.75, 0.75, 50, 40, 30, 20, 10)),
        /** Three groups of three modules: members of one correlate at 0.64, those of one group at 0.32. */
        HIERARCHICAL(
                Plan.of(150, 120, 0.8, 0.8, 30, 30, 30, 30, 30, 30, 30, 30, 30).grouped(3, 0.5)),
        /** Near-copies within modules, and modules of two. */
        PARALLEL(Plan.of(120, 150, 0.6, 0.8, 40, 40, 30, 30, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2)
                .withTwins()),
        /** The same with signs. */
        OPPOSITE(Plan.of(120, 150, 0.6, 0.8, 40, 40, 30, 30, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2)
                .withTwins()
                .withSigns()),
        BRIGHT(Plan.of(100, 150, 0.7, 0.7, 40, 40, 30, 30, 20).withBrightUnits()),
        CORRELATED_COURSES(Plan.of(120, 150, 0.7, 0.7, 40, 40, 30, 30, 20).grouped(1, 0.3)),
        BEHIND_RELU(Plan.of(150, 150, 0.75, 0.75, 40, 40, 30, 30, 20).silentBelow(FOR_38_PERCENT)),
        HEAVY_TAILED(Plan.of(120, 150, 0.7, 0.7, 40, 40, 30, 30, 20).heavy()),
        /** Silent for 93 prompts of 100. */
        SPARSE(Plan.of(200, 150, 0.9, 0.9, 40, 40, 30, 30, 20).silentBelow(FOR_7_PERCENT)),
        NOTHING(Plan.nothing(100, 400)),
        NOTHING_OF_FEW_PROMPTS(Plan.nothing(60, 300)),
        NOTHING_HEAVY_TAILED(Plan.nothing(100, 400).heavy()),
        NOTHING_BEHIND_RELU(Plan.nothing(100, 400).silentBelow(FOR_38_PERCENT)),
        NOTHING_SPARSE(Plan.nothing(200, 400).silentBelow(FOR_7_PERCENT)),
        NOTHING_BRIGHT(Plan.nothing(100, 400).heavy().withBrightUnits());

        @SuppressWarnings("ImmutableEnumChecker") // its list is a copy that cannot be changed
        private final Plan plan;

        Kind(Plan plan) {
            this.plan = plan;
        }

        Plan plan() {
            return plan;
        }

        boolean hasModules() {
            return !plan.sizes.isEmpty();
        }

        /** Whether members have signs, so that modules show by the size of correlations only. */
        boolean signed() {
            return plan.signed;
        }
    }

    private PlantedModules() {}

    static Planted of(Kind kind, long seed) {
        return of(kind.plan, seed);
    }

    static Planted of(Plan plan, long seed) {
        return new Planted(plan, new Random(seed));
    }

    /**
     * How alike two assignments of units to modules are, by the adjusted Rand index over all units, each of those that are alone
     * being a class of its own.
     */
    static double agreement(int[] one, int[] other) {
        return AdjustedRand.index(classes(one), classes(other));
    }

    private static List<Integer> classes(int[] modules) {
        return IntStream.range(0, modules.length)
                .mapToObj(i -> modules[i] == ALONE ? -1 - i : modules[i])
                .toList();
    }

    /** What was planted, and what came of it. */
    static final class Planted {

        private final Plan plan;
        private final double[][] courses;
        private final List<double[]> latent = new ArrayList<>();
        private final List<Integer> modules = new ArrayList<>();
        private final List<Double> scales = new ArrayList<>();
        private final float[][] vectors;

        private Planted(Plan plan, Random random) {
            this.plan = plan;
            this.courses = courses(random);
            for (int module = 0; module < courses.length; module++) {
                addMembers(module, random);
            }
            for (int i = 0; i < plan.noise; i++) {
                boolean follows = plan.bright && i == 1 && courses.length > 0;
                double[] values = follows
                        ? mixed(OF_THE_BRIGHT_ONE, courses[0], random)
                        : mixed(0, new double[plan.prompts], random);
                add(ALONE, values, (plan.bright && i < 2 ? BRIGHTNESS : 1) * Math.exp(random.nextGaussian()));
            }
            shuffle(random.nextLong());
            this.vectors = vectors(random);
        }

        private double[][] courses(Random random) {
            double[][] ofGroups = new double[plan.groups][];
            Arrays.setAll(ofGroups, group -> mixed(0, new double[plan.prompts], random));
            double[][] all = new double[plan.sizes.size()][];
            for (int module = 0; module < all.length; module++) {
                all[module] = plan.groups == 0
                        ? mixed(0, new double[plan.prompts], random)
                        : mixed(Math.sqrt(plan.shared), ofGroups[group(module)], random);
            }
            return all;
        }

        private int group(int module) {
            return plan.groups == 0 ? module : module % plan.groups;
        }

        private void addMembers(int module, Random random) {
            double[] before = courses[module];
            for (int i = 0; i < plan.sizes.get(module); i++) {
                boolean pair = plan.sizes.get(module) == 2;
                boolean twin = plan.twins && !pair && i % 2 == 1;
                double loading = pair ? OF_PAIRS : plan.weakest + random.nextDouble() * (plan.strongest - plan.weakest);
                int sign = plan.signed && i % 8 >= 1 && i % 8 <= 4 ? -1 : 1;
                double[] values = twin ? mixed(OF_TWINS, before, random) : mixed(loading, courses[module], random);
                before = values;
                double[] turned =
                        Arrays.stream(values).map(value -> sign * value).toArray();
                add(module, turned, Math.exp(random.nextGaussian()));
            }
        }

        private double[] mixed(double loading, double[] course, Random random) {
            double rest = Math.sqrt(1 - loading * loading);
            return Arrays.stream(course)
                    .map(value -> loading * value + rest * plan.law.draw(random))
                    .toArray();
        }

        private void add(int module, double[] values, double scale) {
            latent.add(values);
            modules.add(module);
            scales.add(scale);
        }

        private void shuffle(long seed) {
            for (List<?> ofUnits : List.of(latent, modules, scales)) {
                Collections.shuffle(ofUnits, new Random(seed));
            }
        }

        private float[][] vectors(Random random) {
            float[][] all = new float[plan.prompts][latent.size()];
            for (int unit = 0; unit < latent.size(); unit++) {
                double mean = Double.isInfinite(plan.silent) ? 3 * random.nextGaussian() : 0;
                for (int i = 0; i < plan.prompts; i++) {
                    double value = latent.get(unit)[i];
                    double shown = Double.isInfinite(plan.silent) ? value + mean : Math.max(0, value - plan.silent);
                    all[i][unit] = (float) (scales.get(unit) * shown);
                }
            }
            return all;
        }

        Plan plan() {
            return plan;
        }

        Activations activations() {
            return LinksTest.activations(vectors);
        }

        /** The module of each unit, or {@link #ALONE}. */
        int[] truth() {
            return modules.stream().mapToInt(i -> i).toArray();
        }

        /** The group of modules that each unit belongs to; the same as the module where there are no groups. */
        int[] groups() {
            return grouped(truth());
        }

        /** The modules of units that {@link PlantedOracle} tells, who knows the courses: what can be found at best. */
        int[] oracle() {
            return new PlantedOracle(plan, courses).modules(latent);
        }

        /** The groups that the oracle tells. */
        int[] oracleOfGroups() {
            return grouped(oracle());
        }

        private int[] grouped(int[] ofUnits) {
            return Arrays.stream(ofUnits)
                    .map(module -> module == ALONE ? ALONE : group(module))
                    .toArray();
        }
    }
}
