package io.modscan.metrics.modules;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.error.ModscanException;
import io.modscan.metrics.internal.linear.Circle;
import io.modscan.metrics.internal.linear.Columns;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.function.Consumer;

/**
 * Units grouped by how they respond: which go up and down together over prompts. A metric; the methods that return a
 * {@code Modules} give the same with one setting changed.
 *
 * <pre>{@code
 * ModuleMap map = activations.measure(Modules.byCoActivation());
 * ModuleMap inBasis = activations.measure(Modules.byCoActivation().absolute().withSeed(7).through(basis));
 * }</pre>
 *
 * <p>Every coordinate of every measured site is a unit; the sites have values [prompts, …] with no positions left.
 *
 * <ol>
 * <li>Co-activation is Pearson's correlation r of two units over prompts. Units that are constant, or have a value that is
 * NaN or infinite, have none; they are left out and {@linkplain ModuleMap#leftOut() listed}.
 * <li>In a graph of units, each keeps a link to its {@linkplain #withNeighbours(int) nearest}, 20 unless set (of equally near
 * ones those that come first), as far as r is positive and reaches a {@linkplain #withThreshold(double) threshold}; a pair is
 * linked if either of the two keeps the link. A link's weight is r, rounded to a multiple of 2<sup>−24</sup>. Unless set,
 * the threshold is the least r such that, were all values independent and normal, a twentieth of the pairs that reach it would do so
 * by chance: the rule of Benjamini and Hochberg, "Controlling the false discovery rate", 1995 (<a
 * href="https://doi.org/10.1111/j.2517-6161.1995.tb02031.x">doi:10.1111/j.2517-6161.1995.tb02031.x</a>), over all pairs. Units that are not normal, such
 * as those that fire for few prompts, reach it by chance more often; what comes of that, the shuffles below tell.
 * <li>Groups are the communities of the partition that has the largest modularity found, Q = Σ<sub>c</sub> [w<sub>c</sub>
 * / w − γ (s<sub>c</sub> / 2w)²], with w the weight of all links, w<sub>c</sub> of those inside of community c,
 * s<sub>c</sub> the sum over its units of the weights of all their links, and γ the {@linkplain #withResolution(double)
 * resolution}, 1 unless set: Newman, "Modularity and community structure in networks", 2006 (<a
 * href="https://doi.org/10.1073/pnas.0601602103">doi:10.1073/pnas.0601602103</a>). Q is at most 1, and NaN without a link. What comes
 * out at {@linkplain #withResolutions(double...) other resolutions} is {@linkplain ModuleMap#resolutions() told beside it}.
 * <li>The landscape of Q is rugged: one search by the Leiden algorithm (Traag, Waltman and van Eck, "From Louvain to Leiden:
 * guaranteeing well-connected communities", 2019, <a
 * href="https://doi.org/10.1038/s41598-019-41695-z">doi:10.1038/s41598-019-41695-z</a>) ends somewhere
 * else each time, at about as good a place. So this one begins from twenty such partitions, takes for granted what all of them agree on, and goes on
 * with those core groups until nothing improves (Ovelgönne and Geyer-Schulz, "An ensemble learning strategy for graph clustering",
 * 2012); it does so {@linkplain #withStarts(int) ten times} unless set, independently, and once more from what all ten agree on. A unit that
 * is in its group in less than 0.8 of the ten is {@linkplain ModuleMap#border() on the border}: no measurement tells where it
 * belongs ({@link Member#certainty()}). That is a consensus as in Lancichinetti and Fortunato, "Consensus clustering in complex networks", 2012
 * (<a href="https://doi.org/10.1038/srep00336">doi:10.1038/srep00336</a>), with the best partition in place of a clustering of
 * how often two units are together.
 * <li>One link by chance is enough to be dealt into a group. So a member has to follow the group: its correlation with the mean course of the
 * others, each centred and of length 1, has to reach a level that, were values independent and normal, a hundredth as many units would
 * reach with any group as there are members (or, with few members, any unit at all with a probability of at most 0.05). The
 * others are on the border. Groups of which two or more members are left are the modules; units without a link are alone.
 * <li>{@linkplain #withSplits(int) Ten times} unless set the prompts are split in two halves at random, and all that is done in each half by
 * itself, with a threshold that chance reaches as rarely there. It gives the stability of each {@linkplain UnitModule#stability()
 * module} and each {@linkplain Member#stability() unit}, and {@linkplain ModuleMap#halves() how far halves agree}, beside the agreement where just
 * these modules are planted in noise.
 * <li>The same is done after each unit's values were shuffled over prompts, each unit by itself, {@linkplain #withShuffles(int)
 * 39 times} unless set, with one short search each. That keeps how each unit is distributed and nothing that they have in common. The
 * {@linkplain ModuleMap#modularity() modularity} is set against it, and so is each {@linkplain UnitModule#p() module}. A graph of
 * scattered links has a Q near 1 by itself, however few they are (Guimerà, Sales-Pardo and Amaral, "Modularity from
 * fluctuations in random graphs and complex networks", 2004, <a
 * href="https://doi.org/10.1103/PhysRevE.70.025101">doi:10.1103/PhysRevE.70.025101</a>), so a shuffled graph's Q counts by
 * the weight of its links.
 * </ol>
 *
 * <p>Members and order of the sites don't depend on the order in which sites were captured: units are in order of layers, then names.
 *
 * <p>Where the sign of a unit means nothing, as in a basis, whose vectors may as well point the other way, go by {@linkplain
 * #absolute() |r|}. Over the prompts that a basis was fitted to, its coordinates are uncorrelated by construction: these are refused, and
 * {@link io.modscan.metrics.basis.Basis#heldOut(io.modscan.metrics.basis.Basis.Kind, Activations) Basis.heldOut} gives others.
 *
 * <p>Adding activations throws a {@link ModscanException} if the sites are others than in the pieces before; finishing does
 * without activations, with fewer than three prompts (over two every correlation is 1 or −1), if a site was not pooled, if
 * the coordinates of a site {@linkplain io.modscan.core.SiteActivations#inFit() were fitted} to any of the prompts, or if two prompts have the same id.
 *
 * <p>Keeps all values, 8 bytes each and as much again meanwhile, and up to 32 bytes for each unit and neighbour, of three graphs at
 * a time; the correlations of all pairs are never held. For u units and n prompts, a graph takes u² n / 2 multiplications (by {@link
 * io.modscan.core.model.LinearAlgebra}, in tiles, in single precision; pairs that may be linked are summed in double precision, so that links
 * don't hang on it), and the threshold as many again in double precision; there is one graph of all prompts, one for each shuffle, and one more for each
 * split, of which 3 are done for planted values, too. An interrupt ends it with a {@link java.util.concurrent.CancellationException}; {@link
 * #withProgress} tells how far it is. The
 * result does not depend on the order of prompts, sites or pieces, since prompts are taken in order of their ids, nor on the number of processors. It is the same
 * each time for the same seed and implementation of the product; another may round differently, which can move the threshold by a ten-thousandth. Immutable and safe for use by many threads.
 */
public final class Modules implements Metric<ModuleMap> {

    private static final int FEWEST_PROMPTS = 3;

    private final ModuleSettings settings;
    private final Metric<ModuleMap> metric;

    private Modules(ModuleSettings settings) {
        this.settings = settings;
        this.metric = Metric.whole(this::find);
    }

    /**
     * Modules by co-activation over prompts, with the settings that are named above.
     *
     * @return a metric
     */
    public static Modules byCoActivation() {
        return new Modules(new ModuleSettings());
    }

    /**
     * The same with another number of links that a unit keeps, 20 unless set.
     *
     * @param most at least 1; a large number, such as {@link Integer#MAX_VALUE}, keeps all that reach the threshold, which
     *             may be units × units
     * @return a metric
     * @throws IllegalArgumentException if it is less than 1
     */
    public Modules withNeighbours(int most) {
        check(most >= 1, "a unit keeps at least 1 neighbour, not " + most);
        return new Modules(settings.with(other -> other.neighbours = most));
    }

    /**
     * The same with another correlation that makes a link.
     *
     * @param least in [0, 1]; 0 links each unit to its nearest as far as they correlate positively at all, so that shuffled
     *              values make about as many links
     * @return a metric
     * @throws IllegalArgumentException if it is not in that range
     */
    public Modules withThreshold(double least) {
        check(least >= 0 && least <= 1, "a correlation that makes a link is in [0, 1], not " + least);
        return new Modules(settings.with(other -> other.threshold = OptionalDouble.of(least)));
    }

    /**
     * The same by |r| in place of r, so that units which respond alike with opposite signs belong together.
     *
     * @return a metric
     */
    public Modules absolute() {
        return new Modules(settings.with(other -> other.absolute = true));
    }

    /**
     * The same with another resolution γ, 1 unless set.
     *
     * @param gamma more than 1 for smaller modules, less for larger ones
     * @return a metric
     * @throws IllegalArgumentException if it is not positive and finite
     */
    public Modules withResolution(double gamma) {
        checkResolution(gamma);
        return new Modules(settings.with(other -> other.resolution = gamma));
    }

    /**
     * The same with another number of searches, 10 unless set: the more there are, the finer is {@link Member#certainty()}; with one, all places count as certain.
     *
     * @param number at least 1
     * @return a metric
     * @throws IllegalArgumentException if it is less than 1
     */
    public Modules withStarts(int number) {
        check(number >= 1, "the search starts at least once, not " + number + " times");
        return new Modules(settings.with(other -> other.starts = number));
    }

    /**
     * The same with other resolutions that are looked at beside the one that modules are of, 0.5, 1, 2 and 4 unless set: {@link
     * ModuleMap#resolutions()}.
     *
     * @param gammas any number of them, also none
     * @return a metric
     * @throws IllegalArgumentException if one is not positive and finite
     */
    public Modules withResolutions(double... gammas) {
        for (double gamma : gammas) {
            checkResolution(gamma);
        }
        List<Double> all = Arrays.stream(gammas).boxed().toList();
        return new Modules(settings.with(other -> other.resolutions = all));
    }

    /**
     * The same with another number of splits of the prompts in two halves, 10 unless set.
     *
     * @param number 0 for not at all, which leaves stabilities NaN and does not change the modules; so do less than 6 prompts
     * @return a metric
     * @throws IllegalArgumentException if it is negative
     */
    public Modules withSplits(int number) {
        check(number >= 0, "prompts are split in halves 0 times or more, not " + number);
        return new Modules(settings.with(other -> other.splits = number));
    }

    /**
     * The same with another number of shuffles, 39 unless set. The modules don't depend on it.
     *
     * @param number 0 for not at all; the smallest p-value that there can be is 1 / (1 + number)
     * @return a metric
     * @throws IllegalArgumentException if it is negative
     */
    public Modules withShuffles(int number) {
        check(number >= 0, "values are shuffled 0 times or more, not " + number);
        return new Modules(settings.with(other -> other.shuffles = number));
    }

    /**
     * The same with another seed of search and shuffles, 0 unless set.
     *
     * @param number any number
     * @return a metric
     */
    public Modules withSeed(long number) {
        return new Modules(settings.with(other -> other.seed = number));
    }

    /**
     * The same with someone who is told how far the search has come, after each of its steps, on the thread that measures.
     *
     * @param listener is told
     * @return a metric
     */
    public Modules withProgress(Consumer<ModuleProgress> listener) {
        Objects.requireNonNull(listener, "listener");
        return new Modules(settings.with(other -> other.progress = listener));
    }

    private static void checkResolution(double gamma) {
        check(gamma > 0 && gamma < Double.POSITIVE_INFINITY, "a resolution is positive and finite, not " + gamma);
    }

    private static void check(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }

    ModuleSettings settings() {
        return settings;
    }

    @Override
    public Accumulator<ModuleMap> start() {
        return metric.start();
    }

    private ModuleMap find(Activations activations) {
        Circle.refuse(activations);
        int prompts = activations.prompts().size();
        if (prompts < FEWEST_PROMPTS) {
            throw new ModscanException("over " + prompts + " prompts every correlation is 1, −1 or none;"
                    + " modules take at least " + FEWEST_PROMPTS + " prompts, and many more to mean something");
        }
        // Of a site that was not pooled it says so, and what to do.
        activations.sites().forEach(site -> site.vector(0));
        return new ModuleSearch(new OverPrompts(Columns.of(activations)), settings).run();
    }
}
