package io.modscan.metrics.effect;

import io.modscan.core.Activations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import io.modscan.core.site.Unit;
import io.modscan.metrics.selectivity.SelectivityMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The effects of changing units, each prompt's by itself, and what they come to for each label: a row a target and label. Results over the same
 * targets and other prompts {@linkplain #merge merge}. Immutable; safe for use by many threads.
 */
public final class EffectMap {

    private final Study study;
    private final List<String> ids;
    private final List<String> ofPrompts;
    private final Labels labels;
    private final float[] untouched;
    private final float[][] effects;
    /** Of the random sets, [target][set][prompt]. */
    private final float[][][] random;

    private final List<UnitEffect> rows;

    EffectMap(
            Study study,
            List<String> ids,
            List<String> ofPrompts,
            float[] untouched,
            float[][] effects,
            float[][][] random) {
        this.study = study;
        this.ids = List.copyOf(ids);
        this.ofPrompts = List.copyOf(ofPrompts);
        this.labels = Labels.of(ofPrompts);
        this.untouched = untouched;
        this.effects = effects;
        this.random = random;
        this.rows = new EffectRows(study, labels, ofPrompts, untouched, effects, random).all();
    }

    /**
     * Effects that were measured by other means.
     *
     * @param outcome   what was looked at, such as {@code "loss (nats a token)"}: something of which more is worse
     * @param targets   what was changed, each of a name of its own
     * @param ids       the prompts' ids
     * @param ofPrompts the prompts' labels, in this order
     * @param untouched each prompt's outcome with nothing changed
     * @param effects   how much each target changes it, [targets][prompts]
     * @return a map of these, without random sets
     * @throws IllegalArgumentException if two targets have the same name or two prompts the same id, if there are not as many ids, labels, outcomes and effects as prompts, or not as many effects as targets
     */
    public static EffectMap of(
            String outcome,
            List<Target> targets,
            List<String> ids,
            List<String> ofPrompts,
            float[] untouched,
            float[][] effects) {
        return of(outcome, Outcome.Sense.COST, targets, ids, ofPrompts, untouched, effects);
    }

    /**
     * Effects that were measured by other means, on an outcome of any sense.
     *
     * @param outcome   what was looked at
     * @param sense     which way it goes when a prompt loses what it needs
     * @param targets   what was changed, each of a name of its own
     * @param ids       the prompts' ids
     * @param ofPrompts the prompts' labels, in this order
     * @param untouched each prompt's outcome with nothing changed
     * @param effects   how much each target changes it, [targets][prompts]
     * @return a map of these, without random sets
     * @throws IllegalArgumentException as {@link #of(String, List, List, List, float[], float[][])}
     */
    public static EffectMap of(
            String outcome,
            Outcome.Sense sense,
            List<Target> targets,
            List<String> ids,
            List<String> ofPrompts,
            float[] untouched,
            float[][] effects) {
        boolean apart = new HashSet<>(ids).size() == ids.size()
                && targets.stream().map(Target::name).distinct().count() == targets.size();
        if (!apart) {
            throw new IllegalArgumentException(
                    "two targets have the same name, or two prompts the same id; each has its own");
        }
        boolean fits = effects.length == targets.size()
                && ids.size() == untouched.length
                && ofPrompts.size() == untouched.length
                && Arrays.stream(effects).allMatch(each -> each.length == untouched.length);
        if (!fits) {
            throw new IllegalArgumentException("of " + targets.size() + " targets and " + ids.size()
                    + " prompts there are as many effects, labels and untouched outcomes; these are "
                    + Arrays.stream(effects).map(each -> each.length).toList() + " effects, " + ofPrompts.size()
                    + " labels, " + untouched.length + " outcomes");
        }
        float[][] copy = Arrays.stream(effects).map(float[]::clone).toArray(float[][]::new);
        Study study = new Study(outcome, sense, targets, List.of(), Map.of()).withoutSets();
        return new EffectMap(study, ids, ofPrompts, untouched.clone(), copy, new float[copy.length][0][]);
    }

    /**
     * Effects as attributions estimate them, of each head and each unit alone.
     *
     * @param attributions what {@link Attribution#run} gives, or a probe of {@code .attribution} sites pooled by {@link io.modscan.core.site.Pooling#sum()}
     * @param key          what labels are of, such as {@code topic}
     * @return a map with the rows that an {@link Ablation} of these units has; a head is named by {@code hook_z.magnitude}, as there. What the untouched outcome
     *     is, is not known, so it is NaN. The outcome is a cost if attributions are of the loss, else a score
     * @throws ModscanException if there are no attributions, some are pooled in another way, or a prompt has no such label
     */
    public static EffectMap estimated(Activations attributions, String key) {
        return EstimatedEffects.of(attributions, key, EstimatedEffects.each(attributions));
    }

    /**
     * The same of several units together, such as modules: to first order, what units do adds up.
     *
     * @param attributions see above
     * @param key          see above
     * @param targets      of units whose attributions are there: whole heads, single units of sites without heads
     * @return a map with a row for each target and label
     * @throws ModscanException as above, or if the attributions of a unit are not there
     */
    public static EffectMap estimated(Activations attributions, String key, Collection<Target> targets) {
        return EstimatedEffects.of(attributions, key, targets);
    }

    /** What was estimated, beside what it is of. */
    static EffectMap of(Study study, List<String> ids, List<String> ofPrompts, float[] untouched, float[][] effects) {
        return new EffectMap(study.withoutSets(), ids, ofPrompts, untouched, effects, new float[effects.length][0][]);
    }

    /**
     * What was looked at.
     *
     * @return the outcome's name
     */
    public String outcome() {
        return study.outcome();
    }

    /**
     * Which way the outcome goes when a prompt loses what it needs.
     *
     * @return the sense of the outcome
     */
    public Outcome.Sense sense() {
        return study.sense();
    }

    /**
     * Which model it is of, and what replaced units.
     *
     * @return facts by key: the model's, and {@code effect.replacement}; none of effects that were measured by other means. Unmodifiable
     */
    public Map<String, String> provenance() {
        return study.facts();
    }

    /**
     * The smallest p-value of an effect that a label's prompts can give, however large it is: 2 / 2ⁿ for n prompts. Where it is far from small
     * enough for so many targets and labels, that nothing is found means nothing.
     *
     * @param label one of the labels
     * @return the smallest p of the signed-rank test
     * @throws ModscanException if there is no such label; the message lists them
     */
    public double leastP(String label) {
        return Math.min(1, Math.pow(2, 1 - (double) labels.count(labels.index(label))));
    }

    /**
     * Where an effect is NaN or infinite, as where a loss overflows: the target's rows are then not measured, which is not the same as nothing found.
     *
     * @return ids of prompts by the names of targets; empty if all effects are finite
     */
    public Map<String, List<String>> nonFinite() {
        Map<String, List<String>> found = new LinkedHashMap<>();
        for (int target = 0; target < effects.length; target++) {
            float[] values = effects[target];
            List<String> of = IntStream.range(0, values.length)
                    .filter(prompt -> !Float.isFinite(values[prompt]))
                    .mapToObj(ids::get)
                    .toList();
            if (!of.isEmpty()) {
                found.put(targets().get(target).name(), of);
            }
        }
        return Collections.unmodifiableMap(found);
    }

    /**
     * What was changed.
     *
     * @return the targets, in the order in which they were asked for
     */
    public List<Target> targets() {
        return study.targets();
    }

    /**
     * The labels.
     *
     * @return their names, in natural order
     */
    public List<String> labels() {
        return labels.names();
    }

    /**
     * The prompts.
     *
     * @return their ids
     */
    public List<String> prompts() {
        return ids;
    }

    /**
     * All rows.
     *
     * @return a stream in order of targets, then labels
     */
    public Stream<UnitEffect> rows() {
        return rows.stream();
    }

    /**
     * The rows of a label.
     *
     * @param label one of the labels
     * @return its rows, in order of targets
     * @throws ModscanException if there is no such label; the message lists them
     */
    public Stream<UnitEffect> rows(String label) {
        int index = labels.index(label);
        return IntStream.range(0, targets().size()).mapToObj(target -> rows.get(target * labels.size() + index));
    }

    /**
     * One row.
     *
     * @param target the name of a target
     * @param label  one of the labels
     * @return the row
     * @throws ModscanException if there is no such target or label; the message lists some
     */
    public UnitEffect get(String target, String label) {
        return rows.get(index(target) * labels.size() + labels.index(label));
    }

    /**
     * The row of a unit that was changed alone.
     *
     * @param unit  the unit, as it was named: a head by {@code hook_z.magnitude}
     * @param label one of the labels
     * @return the row
     * @throws ModscanException if it was not changed alone, or there is no such label
     */
    public UnitEffect get(Unit unit, String label) {
        return rows(label)
                .filter(row -> row.units() == 1 && row.unit().equals(unit))
                .findFirst()
                .orElseThrow(() -> new ModscanException(unit + " was not changed alone; changed were " + some()));
    }

    private int index(String target) {
        for (int i = 0; i < targets().size(); i++) {
            if (targets().get(i).name().equals(target)) {
                return i;
            }
        }
        throw new ModscanException("'" + target + "' was not changed; changed were " + some());
    }

    private List<String> some() {
        return targets().stream().map(Target::name).limit(8).toList();
    }

    /**
     * The targets that a label needs most, and more than others do.
     *
     * @param label one of the labels
     * @param n     how many are wanted
     * @return at most n rows that {@linkplain UnitEffect#isNeeded are needed}, those that do most more harm to it than to others first
     * @throws ModscanException if there is no such label; the message lists them
     */
    public List<UnitEffect> top(String label, int n) {
        return rows(label)
                .filter(UnitEffect::isNeeded)
                .sorted(Comparator.comparingDouble(row -> -row.sense().harm(row.selective())))
                .limit(n)
                .toList();
    }

    /**
     * Whether what lights up for a label is what the label needs: Spearman's rank correlation, over units that were changed alone and labels,
     * between the AUROC and an effect. No test comes with it, since labels of one unit, and units of one layer, are not independent.
     *
     * @param lights how units respond; those that it does not have, or could not measure, are left out, and so are labels
     * @param of     the effect: {@code UnitEffect::selective} compares labels as the AUROC does, {@code UnitEffect::effect} is the label's alone
     * @return from −1 to 1; NaN where fewer than two pairs are left, or all are alike
     */
    public double rankCorrelation(SelectivityMap lights, ToDoubleFunction<? super UnitEffect> of) {
        return LightsAndEffects.correlation(this, lights, of);
    }

    /**
     * Whether effects put targets and labels in the same order as others do, such as estimated ones: Spearman's rank correlation, over the targets and labels that both have.
     *
     * @param others effects of targets by the same names
     * @param of     the effect, such as {@code UnitEffect::effect}; where it is not finite, a row is left out
     * @return from −1 to 1; NaN where fewer than two pairs are left, or all are alike
     */
    public double rankCorrelation(EffectMap others, ToDoubleFunction<? super UnitEffect> of) {
        return LightsAndEffects.correlation(this, others, of);
    }

    /**
     * The effects of a target, one a prompt.
     *
     * @param target its name
     * @return a copy, in the order of {@link #prompts()}
     * @throws ModscanException if there is no such target; the message lists some
     */
    public float[] effects(String target) {
        return effects[index(target)].clone();
    }

    /**
     * These results and those of other prompts: as if all had been run together, but for this: where units were replaced by the mean over the prompts of a
     * study, each part's mean is of its own prompts. Random sets are there only if both had the same.
     *
     * @param other a result of the same model, outcome and replacement and the same targets, in the same order
     * @return both
     * @throws ModscanException if it is another study's, or has a prompt that is here, too
     */
    public EffectMap merge(EffectMap other) {
        Set<String> here = new HashSet<>(ids);
        Optional<String> twice = other.ids.stream().filter(here::contains).findFirst();
        if (!study.isLike(other.study) || twice.isPresent()) {
            throw new ModscanException(
                    "effects of the same model, outcome, replacement and targets on other prompts merge; "
                            + twice.map(id -> "prompt '" + id + "' is in both")
                                    .orElseGet(() -> "these are " + described() + " and " + other.described()));
        }
        boolean sameSets = study.sets().equals(other.study.sets());
        float[][] both = new float[effects.length][];
        float[][][] bothRandom = new float[effects.length][][];
        for (int i = 0; i < both.length; i++) {
            both[i] = joined(effects[i], other.effects[i]);
            bothRandom[i] = new float[sameSets ? random[i].length : 0][];
            for (int set = 0; set < bothRandom[i].length; set++) {
                bothRandom[i][set] = joined(random[i][set], other.random[i][set]);
            }
        }
        List<String> allIds = new ArrayList<>(ids);
        allIds.addAll(other.ids);
        List<String> allLabels = new ArrayList<>(ofPrompts);
        allLabels.addAll(other.ofPrompts);
        return new EffectMap(
                sameSets ? study : study.withoutSets(),
                allIds,
                allLabels,
                joined(untouched, other.untouched),
                both,
                bothRandom);
    }

    private String described() {
        return this + " by " + study.facts().getOrDefault(Study.REPLACEMENT, "other means");
    }

    private static float[] joined(float[] one, float[] other) {
        float[] both = Arrays.copyOf(one, one.length + other.length);
        System.arraycopy(other, 0, both, one.length, other.length);
        return both;
    }

    @Override
    public String toString() {
        return "EffectMap[" + outcome() + ", " + targets().size() + " targets, " + ids.size() + " prompts, labels "
                + labels() + "]";
    }
}
