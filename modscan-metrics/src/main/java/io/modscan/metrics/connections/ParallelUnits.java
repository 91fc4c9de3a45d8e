package io.modscan.metrics.connections;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Weights;
import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.linear.Circle;
import io.modscan.metrics.internal.rank.ChanceLevel;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedSet;
import java.util.SplittableRandom;
import java.util.TreeSet;

/**
 * Units that carry nearly one feature, as it is or with the opposite sign: which count twice where one counts units, or cancel
 * where one adds up weights. A metric; the methods that return {@code ParallelUnits} give the same with one setting changed.
 *
 * <pre>{@code
 * ParallelMap map = activations.measure(ParallelUnits.find().withWeights(model.weights()));
 * map.pairs().stream().filter(pair -> pair.written() < -0.8).forEach(System.out::println);   // what cancels
 * }</pre>
 *
 * <p>Every coordinate of every measured site is a unit, and a function over the data: over prompts where positions were pooled,
 * over the tokens of all prompts where none was. All sites are the one or the other. Which sites are compared is what is
 * measured: {@code activations.only(…)}; {@code perSite()} compares within each only. A neuron before and after its ReLU are
 * two units, and often a pair: measure one of both.
 *
 * <ol>
 * <li>Two units are a pair by the size of Pearson's correlation r of their functions. Beside it stands their cosine,
 * E[f g] / √(E[f²] E[g²]). It is r that decides: functions that are never negative, as those behind a ReLU and magnitudes, have a
 * cosine near 1 with many that have nothing in common but a mean; and a mean is no feature, since a bias takes it up. A pair that
 * is f and a·f has |r| = 1 and a cosine of size 1. Functions that are never negative are seldom opposites, since what a ReLU leaves
 * of f and of −f is two halves of it; they cancel by opposite outputs, which {@link UnitPair#written()} tells.
 * <li>|r| has to be 0.9 or more, unless {@linkplain #withLeast(double) set}: then the one explains 81 % of what the other does,
 * and of two that cancel 5 % of the variance is left that they would have together. Where this is not safely beyond
 * {@linkplain ParallelMap#chance() chance}, as for fewer than some 30 prompts, it is more: that which independent normal values
 * have for any pair at all with a probability of at most 0.05, by Bonferroni's bound: for 1,000 prompts and 36,864 units that is
 * 0.20. The tokens of a prompt count as one here, since they are not
 * independent.
 * <li>It has to be so <em>without any one prompt</em>, too. One odd prompt in which hundreds of units fire, or the only one in which two
 * sparse units do, would make pairs of them all. How many are dropped for that {@link ParallelMap#byOnePrompt()} tells.
 * <li>The same is counted after each unit's values were shuffled by itself, {@linkplain #withShuffles(int) once} unless set: that is how
 * many pairs units of this kind have by chance, {@link ParallelMap#byChance()}. Units that fire for two or three prompts make some. Values
 * of tokens are turned round by a random number of places instead, so that neighbours stay neighbours; of n tokens, about one of n true
 * pairs is turned alike and counted, too.
 * <li>Where {@linkplain #withWeights(Weights) weights} are given, a neuron's output weights are its row of W_out and its input
 * weights its column of W_in, for {@code mlp.hook_pre} and {@code mlp.hook_post}; those of a head's dimension are its row of W_O
 * and its column of W_V, for {@code attn.hook_v} and {@code attn.hook_z}. They are as the checkpoint has them: a LayerNorm's scale, which
 * stands before what is read, is left out. Other sites, such as magnitudes and bases, have none.
 * <li>Groups are made of pairs by complete linkage: each two of a group are a pair. So no chain makes a group of units whose ends have
 * little in common, and since |r| is more than 0.5 the signs of all fit together. A unit that is a pair with some
 * of a group only is left to another group, or to none; {@link ParallelMap#pairs()} still has it.
 * </ol>
 *
 * <p>BOS is an outlier in many models, by which all units go together: of tokens, measure {@code through(Activations::withoutBos)}.
 *
 * <p>Adding activations throws a {@link ModscanException} if the sites are others than in the pieces before; finishing does
 * without activations, with fewer than four prompts, if a site has a value for each pair of positions, if some sites were pooled and
 * others not, if two prompts have the same id, if weights do not fit, or if the coordinates of a site
 * {@linkplain io.modscan.core.SiteActivations#inFit() were fitted} to any of the prompts, as those of a basis are, over which none is
 * a pair by construction. Units that are constant, or have a value that is NaN or infinite,
 * are left out and {@linkplain ParallelMap#leftOut() listed}.
 *
 * <p>Keeps all values, 8 bytes each and half as much again for a shuffle, and the weights of units in pairs. For u units of n values it takes u² n / 2 multiplications (by
 * {@link io.modscan.core.model.LinearAlgebra}, in double precision, in tiles), as often again for each shuffle, and n steps for each
 * pair that is near. Correlations are summed anew, so the result does not depend on who multiplies, nor on the order of
 * prompts or pieces: prompts are taken in order of their ids. Immutable and, as far as the weights are, safe for use by many threads.
 */
public final class ParallelUnits implements Metric<ParallelMap> {

    private static final double LEAST = 0.9;
    /** Above it, if two units have a sign to a third, they have the product of both to each other. */
    private static final double SIGNS_FIT = 0.5;

    private static final int MOST_PAIRS = 100_000;
    private static final int SHUFFLES = 1;
    private static final int FEWEST_PROMPTS = 4;
    /** So that copies have a correlation of 1. */
    private static final double ROUNDING = 1e-12;

    private final OptionalDouble least;
    private final int most;
    private final int shuffles;
    private final long seed;
    private final Optional<Weights> weights;
    private final Metric<ParallelMap> metric;

    private ParallelUnits(OptionalDouble least, int most, int shuffles, long seed, Optional<Weights> weights) {
        this.least = least;
        this.most = most;
        this.shuffles = shuffles;
        this.seed = seed;
        this.weights = weights;
        this.metric = Metric.whole(this::find);
    }

    /**
     * Pairs and groups, with the settings that are named above, and without weights.
     *
     * @return a metric
     */
    public static ParallelUnits find() {
        return new ParallelUnits(OptionalDouble.empty(), MOST_PAIRS, SHUFFLES, 0, Optional.empty());
    }

    /**
     * The same with the cosines of what units write and read, and with what groups write together.
     *
     * @param of the weights of the model that was captured
     * @return a metric
     */
    public ParallelUnits withWeights(Weights of) {
        return new ParallelUnits(least, most, shuffles, seed, Optional.of(Objects.requireNonNull(of, "weights")));
    }

    /**
     * The same with another size of the correlation that makes a pair.
     *
     * @param size more than 0.5, where signs in a group are sure to fit, and at most 1
     * @return a metric
     * @throws IllegalArgumentException if it is not in that range
     */
    public ParallelUnits withLeast(double size) {
        check(
                size > SIGNS_FIT && size <= 1,
                "a correlation that makes a pair is more than 0.5 and at most 1, not " + size);
        return new ParallelUnits(OptionalDouble.of(size), most, shuffles, seed, weights);
    }

    /**
     * The same with another number of pairs that are kept, 100,000 unless set: the strongest. How many there are is counted all
     * the same.
     *
     * @param number at least 1; each takes some hundred bytes, and with weights those of two units
     * @return a metric
     * @throws IllegalArgumentException if it is less than 1
     */
    public ParallelUnits withPairs(int number) {
        check(number >= 1, "at least 1 pair is kept, not " + number);
        return new ParallelUnits(least, number, shuffles, seed, weights);
    }

    /**
     * The same with another number of shuffles by which it is counted what chance makes, 1 unless set.
     *
     * @param number 0 for not at all; each takes about as long as the search itself
     * @return a metric
     * @throws IllegalArgumentException if it is negative
     */
    public ParallelUnits withShuffles(int number) {
        check(number >= 0, "values are shuffled 0 times or more, not " + number);
        return new ParallelUnits(least, most, number, seed, weights);
    }

    /**
     * The same with another seed of shuffles, 0 unless set. Nothing else is random.
     *
     * @param number any number
     * @return a metric
     */
    public ParallelUnits withSeed(long number) {
        return new ParallelUnits(least, most, shuffles, number, weights);
    }

    private static void check(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }

    @Override
    public Accumulator<ParallelMap> start() {
        return metric.start();
    }

    private ParallelMap find(Activations activations) {
        Circle.refuse(activations);
        UnitFunctions functions = UnitFunctions.of(activations);
        if (functions.prompts() < FEWEST_PROMPTS) {
            throw new ModscanException(
                    "over " + functions.prompts() + " prompts many units go together by chance; parallel"
                            + " units take at least " + FEWEST_PROMPTS + " prompts, and many more to mean something");
        }
        double units = functions.units().size();
        double chance = ChanceLevel.of(functions.prompts(), units * (units - 1) / 2, true);
        double size = least.orElse(Math.max(LEAST, chance));
        ParallelSearch search = ParallelSearch.of(functions, size - ROUNDING, most);
        List<ParallelSearch.Found> kept = search.kept();
        UnitWeights ofUnits = weights.map(all -> UnitWeights.of(all, functions.units(), unitsOf(kept)))
                .orElseGet(UnitWeights::none);
        List<UnitPair> pairs = new ArrayList<>();
        for (ParallelSearch.Found pair : kept) {
            Interrupt.checkThisThread();
            pairs.add(row(pair, functions, ofUnits));
        }
        List<UnitGroup> groups = groups(kept, functions, ofUnits);
        double byChance = byChance(functions, size);
        return new ParallelMap(
                pairs, groups, functions.leftOut(), size, chance, search.found(), search.byOnePrompt(), byChance);
    }

    private static SortedSet<Integer> unitsOf(List<ParallelSearch.Found> pairs) {
        SortedSet<Integer> units = new TreeSet<>();
        for (ParallelSearch.Found pair : pairs) {
            units.add(pair.unit());
            units.add(pair.other());
        }
        return units;
    }

    private static UnitPair row(ParallelSearch.Found pair, UnitFunctions functions, UnitWeights weights) {
        return new UnitPair(
                functions.units().get(pair.unit()),
                functions.units().get(pair.other()),
                pair.correlation(),
                Math.copySign(pair.least(), pair.correlation()),
                functions.cosine(pair.unit(), pair.other()),
                weights.outputCosine(pair.unit(), pair.other()),
                weights.inputCosine(pair.unit(), pair.other()));
    }

    private static List<UnitGroup> groups(
            List<ParallelSearch.Found> pairs, UnitFunctions functions, UnitWeights weights) {
        List<List<Integer>> groups = ParallelGroups.of(pairs);
        Map<Integer, Integer> groupOf = new HashMap<>();
        Map<Integer, Integer> signs = new HashMap<>();
        for (int group = 0; group < groups.size(); group++) {
            for (int member : groups.get(group)) {
                groupOf.put(member, group);
                signs.put(member, 1);
            }
        }
        double[] weakest = new double[groups.size()];
        for (ParallelSearch.Found pair : pairs) {
            int group = groupOf.getOrDefault(pair.unit(), -1);
            if (group >= 0 && group == groupOf.getOrDefault(pair.other(), -1)) {
                // Pairs come in falling strength.
                weakest[group] = Math.abs(pair.correlation());
                if (pair.unit() == groups.get(group).get(0)) {
                    signs.put(pair.other(), pair.correlation() < 0 ? -1 : 1);
                }
            }
        }
        List<UnitGroup> named = new ArrayList<>();
        for (int group = 0; group < weakest.length; group++) {
            Interrupt.checkThisThread();
            List<Integer> members = groups.get(group);
            double[] factors = members.stream()
                    .mapToDouble(member -> signs.getOrDefault(member, 1) * functions.deviation(member))
                    .toArray();
            named.add(new UnitGroup(
                    members.stream().<Unit>map(functions.units()::get).toList(),
                    members.stream()
                            .map(member -> signs.getOrDefault(member, 1))
                            .toList(),
                    weakest[group],
                    weights.netOutput(members, factors),
                    weights.grossOutput(members, factors)));
        }
        return named;
    }

    private double byChance(UnitFunctions functions, double size) {
        SplittableRandom random = new SplittableRandom(seed);
        double sum = 0;
        for (int i = 0; i < shuffles; i++) {
            sum += ParallelSearch.of(functions.shuffled(random), size - ROUNDING, 0)
                    .found();
        }
        return sum / shuffles;
    }
}
