package io.modscan.metrics.modules;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.error.ModscanException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.SplittableRandom;

/**
 * Units grouped by how they respond: which light up for the same prompts. A metric; the methods that return a
 * {@code Modules} give the same with one setting changed.
 *
 * <pre>{@code
 * ModuleMap map = activations.measure(Modules.byCoActivation());
 * ModuleMap inBasis = activations.measure(Modules.byCoActivation().seed(7).through(basis));
 * }</pre>
 *
 * <p>Every coordinate of every measured site is a unit; the sites have values [prompts, …] with no positions left.
 * <ol>
 * <li>Co-activation is Pearson's correlation r of two units over prompts. Units that are constant, or have a value that is
 * NaN or infinite, have none; they are left out, and {@linkplain ModuleMap#leftOut() listed}.
 * <li>In a graph of units, each is linked to its {@linkplain #neighbours(int) nearest}, 20 unless set, as far as r is positive and
 * reaches a {@linkplain #threshold(double) threshold}; a pair is linked if either is among the other's nearest (of equally near
 * ones those that come first). A link's weight is r, rounded to a multiple of 2⁻²⁴. Unless set, the threshold is the r that,
 * were all values independent and normal, would be reached by any pair with a probability of at most 0.05 (Bonferroni's bound
 * over all pairs): 0.41 for 10,000 units and 200 prompts. Values that are not normal, such as those of units which fire for few
 * prompts, reach it by chance more often; what that comes to, the shuffles below tell.
 * <li>Modules are the communities of the partition with the largest modularity found,
 * Q = Σ<sub>c</sub> [w<sub>c</sub> / w − γ (s<sub>c</sub> / 2w)²], with w the weight of all links, w<sub>c</sub> of those inside of
 * community c, s<sub>c</sub> the sum over its units of the weight of all their links, and γ the {@linkplain #resolution(double) resolution},
 * 1 unless set: Newman, "Modularity and community structure in networks", 2006
 * (<a href="https://doi.org/10.1073/pnas.0601602103">doi:10.1073/pnas.0601602103</a>). Q is in [−γ/2, 1) for γ ≤ 1, and NaN without a link. The search is the
 * Leiden algorithm, by Traag, Waltman and van Eck, "From Louvain to Leiden: guaranteeing well-connected communities", 2019
 * (<a href="https://doi.org/10.1038/s41598-019-41695-z">doi:10.1038/s41598-019-41695-z</a>), in their implementation, from
 * {@linkplain #starts(int) several starts}, each until nothing changes. The largest Q that there is may be larger. Units without a link are in no module.
 * <li>The same is done after each unit's values were shuffled over prompts, each unit by itself, {@linkplain #shuffles(int) 19 times}
 * unless set. That keeps how each unit is distributed and nothing that they have in common.
 * {@link ModuleMap#modularity()} and {@link ModuleMap#excess()} are set against it, and the latter is the one to go by if there is a threshold: shuffled
 * values then leave a few scattered links, and the Q of such a graph is near 1 and says nothing. (Guimerà, Sales-Pardo and Amaral, "Modularity from
 * fluctuations in random graphs and complex networks", 2004,
 * <a href="https://doi.org/10.1103/PhysRevE.70.025101">doi:10.1103/PhysRevE.70.025101</a>, tell how modular random graphs are.)
 * </ol>
 *
 * <p>Where the sign of a unit means nothing, as in a basis, whose vectors may as well point the other way, go by {@link #absolute()} correlation.
 *
 * <p>Finishing throws a {@link ModscanException} without activations, with fewer than three prompts (two make every correlation 1 or −1), or if two
 * prompts have the same id; adding does if a site was not pooled, or the sites are others than before.
 *
 * <p>Keeps all values, 8 bytes each, and at most 16 bytes for each unit and neighbour; a matrix of all pairs is never held. For u units and n
 * prompts each graph takes u² n / 2 multiplications (by {@link io.modscan.core.product.MatrixProduct}, in double precision, in tiles) and O(u²) comparisons; there is one for each shuffle
 * and one more. The result does not depend on the order of prompts or pieces, since prompts are taken in order of their ids; it is the same each time
 * for the same seed and the same implementation of the product (another may round differently, which can turn a tie). Immutable and safe for use by many threads.
 */
public final class Modules implements Metric<ModuleMap> {

    private static final int NEIGHBOURS = 20;
    private static final int STARTS = 3;
    private static final int SHUFFLES = 19;
    private static final int FEWEST_PROMPTS = 3;

    private final int neighbours;
    private final OptionalDouble threshold;
    private final boolean absolute;
    private final Leiden leiden;
    private final int shuffles;
    private final long seed;
    private final Metric<ModuleMap> metric;

    private Modules(
            int neighbours, OptionalDouble threshold, boolean absolute, Leiden leiden, int shuffles, long seed) {
        this.neighbours = neighbours;
        this.threshold = threshold;
        this.absolute = absolute;
        this.leiden = leiden;
        this.shuffles = shuffles;
        this.seed = seed;
        this.metric = Metric.whole(this::find);
    }

    /**
     * Modules by co-activation over prompts, with the settings that are named above.
     *
     * @return a metric
     */
    public static Modules byCoActivation() {
        return new Modules(NEIGHBOURS, OptionalDouble.empty(), false, new Leiden(1, STARTS), SHUFFLES, 0);
    }

    /**
     * Sets how many links a unit keeps.
     *
     * @param most at least 1; a large number, such as {@link Integer#MAX_VALUE}, keeps all that reach the threshold, which
     *             may be units × units
     * @return a metric
     * @throws IllegalArgumentException if it is less than 1
     */
    public Modules neighbours(int most) {
        check(most >= 1, "a unit keeps at least 1 neighbour, not " + most);
        return new Modules(most, threshold, absolute, leiden, shuffles, seed);
    }

    /**
     * Sets which correlation makes a link.
     *
     * @param least in [0, 1]; 0 links each unit to its nearest as far as they correlate positively at all, so that shuffled
     *              values make about as many links
     * @return a metric
     * @throws IllegalArgumentException if it is not in that range
     */
    public Modules threshold(double least) {
        check(least >= 0 && least <= 1, "a correlation that makes a link is in [0, 1], not " + least);
        return new Modules(neighbours, OptionalDouble.of(least), absolute, leiden, shuffles, seed);
    }

    /**
     * Goes by |r| in place of r, so that units which respond alike with opposite signs belong together.
     *
     * @return a metric
     */
    public Modules absolute() {
        return new Modules(neighbours, threshold, true, leiden, shuffles, seed);
    }

    /**
     * Sets the resolution γ.
     *
     * @param gamma more than 1 for smaller modules, less for larger ones
     * @return a metric
     * @throws IllegalArgumentException if it is not positive and finite
     */
    public Modules resolution(double gamma) {
        check(gamma > 0 && gamma < Double.POSITIVE_INFINITY, "a resolution is positive and finite, not " + gamma);
        return new Modules(neighbours, threshold, absolute, new Leiden(gamma, leiden.starts()), shuffles, seed);
    }

    /**
     * Sets how often the search begins anew; the best partition is taken. 3 unless set.
     *
     * @param number at least 1
     * @return a metric
     * @throws IllegalArgumentException if it is less than 1
     */
    public Modules starts(int number) {
        check(number >= 1, "the search starts at least once, not " + number + " times");
        return new Modules(neighbours, threshold, absolute, new Leiden(leiden.resolution(), number), shuffles, seed);
    }

    /**
     * Sets how often shuffled values are measured. The modules don't depend on it.
     *
     * @param number 0 for not at all; the smallest p-value that there can be is 1 / (1 + number)
     * @return a metric
     * @throws IllegalArgumentException if it is negative
     */
    public Modules shuffles(int number) {
        check(number >= 0, "values are shuffled 0 times or more, not " + number);
        return new Modules(neighbours, threshold, absolute, leiden, number, seed);
    }

    /**
     * Sets the seed of search and shuffles, 0 unless set.
     *
     * @param number any number
     * @return a metric
     */
    public Modules seed(long number) {
        return new Modules(neighbours, threshold, absolute, leiden, shuffles, number);
    }

    private static void check(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }

    @Override
    public Accumulator<ModuleMap> start() {
        return metric.start();
    }

    private ModuleMap find(Activations activations) {
        Columns columns = Columns.of(activations);
        int units = columns.units().size();
        if (columns.prompts() < FEWEST_PROMPTS) {
            throw new ModscanException("over " + columns.prompts() + " prompts every correlation is 1, −1 or none;"
                    + " modules take at least " + FEWEST_PROMPTS + " prompts, and many more to mean something");
        }
        double least = threshold.orElseGet(() -> ChanceLevel.of(columns.prompts(), units, absolute));
        Random random = new Random(seed);
        Links links = Links.of(columns, least, neighbours, absolute);
        Partition partition = leiden.partition(links, random);
        List<UnitModule> modules = new ArrayList<>();
        List<Unit> singletons = new ArrayList<>();
        for (List<Integer> members : partition.members()) {
            if (members.size() == 1) {
                singletons.add(columns.units().get(members.get(0)));
            } else {
                modules.add(module(columns, members));
            }
        }
        modules.sort(Comparator.comparingInt((UnitModule module) -> -module.size()));
        double[] modularities = new double[shuffles];
        double[] excesses = new double[shuffles];
        SplittableRandom shuffling = new SplittableRandom(seed);
        for (int i = 0; i < shuffles; i++) {
            columns.shuffle(shuffling);
            Partition ofShuffled = leiden.partition(Links.of(columns, least, neighbours, absolute), random);
            modularities[i] = ofShuffled.modularity();
            excesses[i] = ofShuffled.excess();
        }
        return new ModuleMap(
                modules,
                singletons,
                columns.leftOut(),
                least,
                links.pairs(),
                AgainstShuffles.of(partition.modularity(), modularities),
                AgainstShuffles.of(partition.excess(), excesses));
    }

    private UnitModule module(Columns columns, List<Integer> members) {
        PairMean mean = new PairMean(absolute);
        Correlations.ofPairs(columns, members.stream().mapToInt(i -> i).toArray(), mean);
        return new UnitModule(members.stream().map(columns.units()::get).toList(), mean.get());
    }
}
