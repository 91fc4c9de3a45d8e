package io.modscan.metrics.effect;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import io.modscan.core.site.Unit;
import io.modscan.metrics.selectivity.SelectivityMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The effects of changing units, each prompt's by itself, and what they come to for each label: a row a target and label. Results over the same
 * targets and other prompts {@linkplain #merge merge}. Immutable; safe for use by many threads.
 */
public final class EffectMap {

    /** Effects up to this share of an outcome, or of 1, are rounding. */
    public static final double ROUNDING = 2e-6;

    private final String outcome;
    private final List<Target> targets;
    /** The random sets of each target, as indices behind those of the targets. */
    private final List<int[]> matched;

    private final List<String> ids;
    private final List<String> ofPrompts;
    private final Labels labels;
    private final float[] untouched;
    private final float[][] effects;
    private final List<UnitEffect> rows;

    EffectMap(
            String outcome,
            List<Target> targets,
            List<int[]> matched,
            List<String> ids,
            List<String> ofPrompts,
            float[] untouched,
            float[][] effects) {
        this.outcome = outcome;
        this.targets = List.copyOf(targets);
        this.matched = List.copyOf(matched);
        this.ids = List.copyOf(ids);
        this.ofPrompts = List.copyOf(ofPrompts);
        this.labels = Labels.of(ofPrompts);
        this.untouched = untouched;
        this.effects = effects;
        this.rows = new EffectRows(targets, matched, labels, ofPrompts, untouched, effects).all();
    }

    /**
     * Effects that were measured by other means.
     *
     * @param outcome   what was looked at, such as {@code "loss (nats a token)"}
     * @param targets   what was changed, each of a name of its own
     * @param ids       the prompts' ids
     * @param ofPrompts the prompts' labels, in this order
     * @param untouched each prompt's outcome with nothing changed
     * @param effects   how much each target changes it, [targets][prompts]
     * @return a map of these, without random sets
     * @throws IllegalArgumentException if there are not as many ids, labels, outcomes and effects as prompts, or not as many effects as targets
     */
    public static EffectMap of(
            String outcome,
            List<Target> targets,
            List<String> ids,
            List<String> ofPrompts,
            float[] untouched,
            float[][] effects) {
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
        return new EffectMap(
                outcome,
                targets,
                targets.stream().map(target -> new int[0]).toList(),
                ids,
                ofPrompts,
                untouched.clone(),
                copy);
    }

    /**
     * What was looked at.
     *
     * @return the outcome's name
     */
    public String outcome() {
        return outcome;
    }

    /**
     * What was changed.
     *
     * @return the targets, in the order in which they were asked for
     */
    public List<Target> targets() {
        return targets;
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
        return IntStream.range(0, targets.size()).mapToObj(target -> rows.get(target * labels.size() + index));
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
     * @param unit  the unit; that of a site's magnitudes stands for the units that they are of, and the other way round
     * @param label one of the labels
     * @return the row
     * @throws ModscanException if it was not changed alone, or there is no such label
     */
    public UnitEffect get(Unit unit, String label) {
        int index = labels.index(label);
        return rows(label)
                .filter(row -> row.units() == 1 && row.unit().equals(unit))
                .findFirst()
                .orElseThrow(() -> new ModscanException(unit + " was not changed alone; changed were " + some()
                        + " (label " + labels.names().get(index) + ")"));
    }

    private int index(String target) {
        for (int i = 0; i < targets.size(); i++) {
            if (targets.get(i).name().equals(target)) {
                return i;
            }
        }
        throw new ModscanException("'" + target + "' was not changed; changed were " + some());
    }

    private List<String> some() {
        return targets.stream().map(Target::name).limit(8).toList();
    }

    /**
     * The targets that a label needs most, and more than others do.
     *
     * @param label one of the labels
     * @param n     how many are wanted
     * @return at most n rows that {@linkplain UnitEffect#isNeeded are needed}, largest {@code selective} first
     * @throws ModscanException if there is no such label; the message lists them
     */
    public List<UnitEffect> top(String label, int n) {
        return rows(label)
                .filter(UnitEffect::isNeeded)
                .sorted(Comparator.comparingDouble(row -> -row.selective()))
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
     * These results and those of other prompts: as if all had been run together. Random sets count only where both had the same.
     *
     * @param other a result of the same outcome and the same targets, in the same order
     * @return both
     * @throws ModscanException if it is of another outcome or other targets, or has a prompt that is here, too
     */
    public EffectMap merge(EffectMap other) {
        boolean fits = outcome.equals(other.outcome)
                && targets.equals(other.targets)
                && effects.length == other.effects.length;
        Optional<String> twice = other.ids.stream().filter(ids::contains).findFirst();
        if (!fits || twice.isPresent()) {
            throw new ModscanException("effects of the same outcome, targets and random sets on other prompts merge; "
                    + twice.map(id -> "prompt '" + id + "' is in both").orElse("these are " + this + " and " + other));
        }
        float[][] both = new float[effects.length][];
        for (int i = 0; i < both.length; i++) {
            both[i] = joined(effects[i], other.effects[i]);
        }
        List<String> allIds = new ArrayList<>(ids);
        allIds.addAll(other.ids);
        List<String> allLabels = new ArrayList<>(ofPrompts);
        allLabels.addAll(other.ofPrompts);
        return new EffectMap(outcome, targets, matched, allIds, allLabels, joined(untouched, other.untouched), both);
    }

    private static float[] joined(float[] one, float[] other) {
        float[] both = Arrays.copyOf(one, one.length + other.length);
        System.arraycopy(other, 0, both, one.length, other.length);
        return both;
    }

    @Override
    public String toString() {
        return "EffectMap[" + outcome + ", " + targets.size() + " targets, " + ids.size() + " prompts, labels "
                + labels() + "]";
    }
}
