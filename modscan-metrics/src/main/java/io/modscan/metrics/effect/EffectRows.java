package io.modscan.metrics.effect;

import io.modscan.core.prompt.Labels;
import io.modscan.metrics.internal.rank.MannWhitney;
import io.modscan.metrics.internal.rank.Midranks;
import io.modscan.metrics.internal.rank.SignedRank;
import io.modscan.metrics.internal.rank.StudentT;
import io.modscan.metrics.internal.rank.TiedMannWhitney;
import io.modscan.metrics.internal.thread.Interrupt;
import io.modscan.metrics.statistics.AgainstShuffles;
import io.modscan.metrics.statistics.BenjaminiHochberg;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;

/** Makes the rows of a map of effects. For one thread. */
final class EffectRows {

    private final Outcome.Sense sense;
    private final List<Target> targets;
    private final float[][][] random;
    private final Labels labels;
    private final int[] labelOf;
    private final float[] untouched;
    private final float[][] effects;
    private final MannWhitney[] rankTests;
    private final TiedMannWhitney tiedTests;
    private final Map<Long, Double> quantiles = new ConcurrentHashMap<>();

    EffectRows(
            Study study,
            Labels labels,
            List<String> ofPrompts,
            float[] untouched,
            float[][] effects,
            float[][][] random) {
        this.sense = study.sense();
        this.targets = study.targets();
        this.random = random;
        this.labels = labels;
        this.labelOf = labels.indices(ofPrompts);
        this.untouched = untouched;
        this.effects = effects;
        this.rankTests = IntStream.range(0, labels.size())
                .mapToObj(label -> new MannWhitney(labels.count(label), labelOf.length - labels.count(label)))
                .toArray(MannWhitney[]::new);
        this.tiedTests = new TiedMannWhitney(labels, labelOf.length);
    }

    /** In order of targets, then labels. */
    List<UnitEffect> all() {
        Interrupt interrupt = Interrupt.ofThisThread();
        List<UnitEffect> plain = IntStream.range(0, targets.size())
                .parallel()
                .mapToObj(target -> {
                    interrupt.check();
                    return of(target);
                })
                .flatMap(List::stream)
                .toList();
        double[] q = BenjaminiHochberg.adjust(
                plain.stream().mapToDouble(UnitEffect::p).toArray());
        double[] selectiveQ = BenjaminiHochberg.adjust(
                plain.stream().mapToDouble(UnitEffect::selectiveP).toArray());
        List<UnitEffect> rows = new ArrayList<>();
        for (int i = 0; i < q.length; i++) {
            rows.add(plain.get(i).corrected(q[i], selectiveQ[i]));
        }
        return Collections.unmodifiableList(rows);
    }

    private List<UnitEffect> of(int target) {
        float[] tested = tested(effects[target]);
        double[] selectiveP = selectiveP(tested);
        double[] sums = sums(effects[target]);
        double all = Arrays.stream(sums).sum();
        double[] outcomes = sums(untouched);
        double[] squares = squares(effects[target], sums);
        double[][] sets = Arrays.stream(random[target]).map(this::sums).toArray(double[][]::new);
        Target changed = targets.get(target);
        List<UnitEffect> rows = new ArrayList<>();
        for (int label = 0; label < sums.length; label++) {
            int of = label;
            long count = labels.count(label);
            double mean = sums[label] / count;
            double others = (all - sums[label]) / (labelOf.length - count);
            double variance = squares[label] / (count - 1) / count;
            double half = quantile((double) count - 1) * Math.sqrt(variance);
            double selectiveHalf = welch(effects[target], sums, squares, all, label, variance);
            AgainstShuffles against = AgainstShuffles.of(
                    sense.harm(mean),
                    Arrays.stream(sets)
                            .mapToDouble(set -> sense.harm(set[of] / count))
                            .toArray());
            rows.add(new UnitEffect(
                    changed.units().get(0),
                    changed.name(),
                    changed.units().size(),
                    labels.names().get(label),
                    count,
                    sense,
                    outcomes[label] / count,
                    mean,
                    mean - half,
                    mean + half,
                    sense == Outcome.Sense.DISTANCE ? Double.NaN : SignedRank.twoSided(of(tested, label)),
                    Double.NaN,
                    others,
                    mean - others,
                    mean - others - selectiveHalf,
                    mean - others + selectiveHalf,
                    selectiveP[label],
                    Double.NaN,
                    sets.length,
                    sets.length == 0 ? Double.NaN : sense.harm(against.mean()),
                    against.p()));
        }
        return rows;
    }

    /** Without what only rounding has done: it has a sign as well, and might be taken for an effect. */
    private float[] tested(float[] effect) {
        float[] tested = effect.clone();
        for (int prompt = 0; prompt < tested.length; prompt++) {
            // Of estimates, the outcome itself is not known.
            double size = Float.isNaN(untouched[prompt]) ? 1 : Math.max(1, Math.abs(untouched[prompt]));
            if (Math.abs(tested[prompt]) <= sense.rounding() * size) {
                tested[prompt] = 0;
            }
        }
        return tested;
    }

    private double[] sums(float[] values) {
        double[] sums = new double[labels.size()];
        for (int prompt = 0; prompt < values.length; prompt++) {
            sums[labelOf[prompt]] += values[prompt];
        }
        return sums;
    }

    private double[] of(float[] values, int label) {
        return IntStream.range(0, values.length)
                .filter(prompt -> labelOf[prompt] == label)
                .mapToDouble(prompt -> values[prompt])
                .toArray();
    }

    /** Each label's sum of squares about its mean. */
    private double[] squares(float[] values, double[] sums) {
        double[] squares = new double[labels.size()];
        for (int prompt = 0; prompt < values.length; prompt++) {
            int label = labelOf[prompt];
            double apart = values[prompt] - sums[label] / labels.count(label);
            squares[label] += apart * apart;
        }
        return squares;
    }

    /** Half of Welch's interval for the difference to all others; his degrees of freedom rounded down, which errs towards a wider one. */
    private double welch(float[] values, double[] sums, double[] squares, double all, int label, double variance) {
        double count = labels.count(label);
        double others = values.length - count;
        double mean = (all - sums[label]) / others;
        double rest = 0;
        for (int other = 0; other < sums.length; other++) {
            if (other != label) {
                double apart = sums[other] / labels.count(other) - mean;
                rest += squares[other] + labels.count(other) * apart * apart;
            }
        }
        double otherVariance = rest / (others - 1) / others;
        double sum = variance + otherVariance;
        double degrees = sum * sum / (variance * variance / (count - 1) + otherVariance * otherVariance / (others - 1));
        return sum == 0 ? 0 : quantile(Math.floor(degrees)) * Math.sqrt(sum);
    }

    /** Of Student's t, at 97.5 %; NaN for less than one degree of freedom. */
    private double quantile(double degrees) {
        return degrees >= 1
                ? quantiles.computeIfAbsent((long) degrees, of -> StudentT.quantile(0.975, of))
                : Double.NaN;
    }

    /** Each label's p-value against all others; NaN where one of the effects is no number. */
    private double[] selectiveP(float[] tested) {
        double[] p = new double[labels.size()];
        Midranks ranks = new Midranks(tested.length);
        if (!ranks.rank(tested, 0)) {
            Arrays.fill(p, Double.NaN);
            return p;
        }
        double[] rankSums = new double[p.length];
        for (int place = 0; place < tested.length; place++) {
            rankSums[labelOf[ranks.index(place)]] += ranks.rank(place);
        }
        for (int label = 0; label < p.length; label++) {
            double in = labels.count(label);
            p[label] = rankTests[label].twoSided(rankSums[label] - in * (in + 1) / 2, ranks.ties());
        }
        if (ranks.ties() > 0) {
            tiedTests.replace(ranks, rankSums, p, 0);
        }
        return p;
    }
}
