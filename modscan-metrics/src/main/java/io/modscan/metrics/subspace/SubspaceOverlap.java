package io.modscan.metrics.subspace;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import io.modscan.metrics.statistics.AgainstShuffles;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Whether the prompts of different labels vary in different directions of a site: the overlap of their subspaces, pair by
 * pair, against two baselines.
 *
 * <p>A label's subspace is that of the k leading principal directions of its prompts around their own mean
 * ({@link Subspace#leading}). It says in which directions prompts of the label differ from each other, not where the label's
 * mean is: for that see {@link Subspace#ofLabelMeans}.
 *
 * <p>The first baseline is the overlap of two subspaces of random orientation, k/d. Activations fill their space unevenly, so
 * nearly everything overlaps more. The second baseline answers that: labels are shuffled, and subspaces are computed anew. It also takes
 * in that subspaces of few prompts are uncertain, and overlap less for that alone. For a pair of labels, only their own prompts
 * are shuffled, so that a third label has no say; for the mean over all pairs, all are.
 *
 * <p>What is shuffled is not the prompts. Labels that only have different means would then seem to vary in different directions, since
 * shuffled groups are mixtures, which all vary from one mean to the other; and what a mean (or a median) leaves when it is taken
 * off sums to about zero, which ties the members of a group to each other, and heavy tails make that worse. So the prompts of each label
 * are paired at random, and the second is taken from the first: a difference has no centre. Each is divided by its length, so that
 * no outlier, and no label that spreads more widely than another, has more weight. Of these directions, n/2 of n prompts, none
 * shares a prompt with another, and those of labels that vary alike are drawn independently from one distribution: the test is exact. The
 * subspaces that are compared are the k leading ones of such directions around the origin ({@link LabelOverlap#paired}), and their overlap
 * is tested against that of shuffled directions. Leading directions of directions between pairs are the principal ones,
 * in the same order, of every elliptical distribution (Visuri, Koivunen and Oja, "Sign and rank covariance matrices", 2000,
 * <a href="https://doi.org/10.1016/S0378-3758(00)00199-3">doi:10.1016/S0378-3758(00)00199-3</a>). Which prompts are paired follows
 * from the seed; of few prompts, look at more than one, and do not pick the smallest p among them.
 *
 * <p>So p holds its level where labels vary alike up to their means and how widely they spread, whatever the tails, for any number of prompts
 * a label: of 21,600 simulated pairs of labels, 300 for each of 72 cases with normal, Student t, Cauchy and
 * lognormal values, 4.2 % were at 0.05 or below ({@code SubspaceCalibrationTest}). What it costs is power: half as many directions as prompts see less. The dimension k may be at most half
 * of the number of prompts of each label, or there is no room for a difference between them; more is refused unless {@link #withShuffles
 * withShuffles(0)} asks for no p.
 *
 * <p>A large p is no proof that labels vary alike. Shuffled groups vary in the directions of both labels, of which k are kept,
 * and now these, now those; so where labels share half of their directions, a shuffled overlap is often no larger.
 *
 * <p>It is itself the metric, of one site whose values are [prompts, …] with no positions left; combine it with
 * {@link Metric#perSite()} or {@link Metric#perHead()}. A label of one prompt, or of equal ones, has a subspace of dimension 0 and
 * no overlap (NaN); one of fewer than k + 1 prompts has fewer than k dimensions.
 *
 * <p>Keeps all vectors, 4 bytes a value, and while it computes 24 bytes a value and up to 100 MB besides. Takes O(n·d·m) time for n prompts of d
 * values with m prompts a label, O(n²·d) for the products of all directions with each other, and for each shuffle and pair of labels the
 * eigenvectors of two matrices of m/2 × m/2 such products, O(m³), by all processors. Directions of which some hardly add to the span of others, and
 * more than 4,096 of them, are decomposed themselves instead, which takes some ten times as long. {@link #withoutTestsOfPairs} leaves out most
 * of the work. The result does not depend on
 * the order of prompts or pieces, to the last bit: prompts are taken by their ids. Immutable; safe for use by many threads.
 *
 * <p>Finishing throws a {@link io.modscan.core.error.ModscanException} if a value is NaN or infinite, which names the prompt, if
 * there are shuffles and a label has two prompts or more, but fewer than 2k, if there are fewer than two labels, if a prompt has no label for the key, or if there is not exactly one site, pooled.
 */
public final class SubspaceOverlap implements Metric<LabelOverlaps> {

    private final String key;
    private final int k;
    private final int shuffles;
    /** Whether labels are shuffled within each pair, too. */
    private final boolean testsPairs;

    private final long seed;

    private SubspaceOverlap(String key, int k, int shuffles, boolean testsPairs, long seed) {
        this.key = Objects.requireNonNull(key, "key");
        this.k = k;
        this.shuffles = shuffles;
        this.testsPairs = testsPairs;
        this.seed = seed;
    }

    /**
     * The overlap of labels' subspaces, with 200 shuffles.
     *
     * @param key what the labels are of, such as {@code topic}
     * @param k   the dimension of the subspaces, at least 1 and, for a p, at most half of the number of prompts of each label
     * @return a metric
     * @throws IllegalArgumentException if k is below 1
     */
    public static SubspaceOverlap by(String key, int k) {
        Subspace.checkDimension(k);
        return new SubspaceOverlap(key, k, 200, true, 0);
    }

    /**
     * The same with another number of shuffles.
     *
     * @param count how often labels are shuffled; the smallest p-value is 1 / (count + 1). With 0 there is none
     * @return a metric
     * @throws IllegalArgumentException if the number is negative
     */
    public SubspaceOverlap withShuffles(int count) {
        if (count < 0) {
            throw new IllegalArgumentException("labels cannot be shuffled " + count + " times");
        }
        return new SubspaceOverlap(key, k, count, testsPairs, seed);
    }

    /**
     * The same with a p for all labels together only, as {@link LabelOverlaps#p} tells it: those of pairs, which take most of the time, are
     * NaN, as without shuffles. All other numbers stay what they are.
     *
     * @return a metric
     */
    public SubspaceOverlap withoutTestsOfPairs() {
        return new SubspaceOverlap(key, k, shuffles, false, seed);
    }

    /**
     * The same with another seed.
     *
     * @param other any number, 0 unless set; the same one gives the same pairs and the same shuffles
     * @return a metric
     */
    public SubspaceOverlap withSeed(long other) {
        return new SubspaceOverlap(key, k, shuffles, testsPairs, other);
    }

    @Override
    public Accumulator<LabelOverlaps> start() {
        return Metric.whole(this::measure).start();
    }

    private LabelOverlaps measure(Activations activations) {
        Labels labels = Labels.of(activations.prompts().labels(key)).atLeastTwo(key);
        checkCounts(labels);
        List<double[][]> byLabel = byLabel(activations.inOrderOfIds(), labels);
        List<Subspace> subspaces =
                byLabel.stream().map(rows -> Subspace.leading(rows, k)).toList();
        SplittableRandom random = new SplittableRandom(seed);
        List<double[][]> directions = new ArrayList<>();
        byLabel.forEach(rows -> directions.add(LabelShuffle.differences(rows, random)));
        LabelShuffle all = new LabelShuffle(directions, k);
        List<LabelOverlap> pairs = new ArrayList<>();
        for (int a = 0; a < labels.size(); a++) {
            for (int b = a + 1; b < labels.size(); b++) {
                AgainstShuffles overlap = all.of(a, b).overlaps(testsPairs ? shuffles : 0, random.split());
                pairs.add(pair(
                        labels.names().get(a), subspaces.get(a), labels.names().get(b), subspaces.get(b), overlap));
            }
        }
        return new LabelOverlaps(labels, subspaces, pairs, all.overlaps(shuffles, random.split()));
    }

    /** With fewer prompts a p-value would say little, and with k near their number nothing: all shuffles would overlap alike. */
    private void checkCounts(Labels labels) {
        for (int i = 0; i < labels.size() && shuffles > 0; i++) {
            long prompts = labels.count(i);
            if (prompts > 1 && prompts < 2L * k) {
                throw new ModscanException("the " + key + " '" + labels.names().get(i) + "' has " + prompts
                        + " prompts, too few to test subspaces of " + k
                        + " dimensions, which takes two prompts for each: ask for "
                        + prompts / 2 + " or fewer, leave the label out with activations.where(…), or ask for no p by"
                        + " withShuffles(0)");
            }
        }
    }

    private List<double[][]> byLabel(Activations activations, Labels labels) {
        double[][] vectors = Vectors.of(activations);
        int[] ofPrompt = labels.indices(activations.prompts().labels(key));
        return IntStream.range(0, labels.size())
                .mapToObj(label -> IntStream.range(0, vectors.length)
                        .filter(i -> ofPrompt[i] == label)
                        .mapToObj(i -> vectors[i])
                        .toArray(double[][]::new))
                .toList();
    }

    private static LabelOverlap pair(String nameA, Subspace a, String nameB, Subspace b, AgainstShuffles shuffled) {
        return new LabelOverlap(
                nameA,
                nameB,
                a.dimension(),
                b.dimension(),
                a.overlap(b),
                Arrays.stream(a.anglesTo(b)).boxed().toList(),
                a.expectedOverlap(b),
                shuffled.observed(),
                shuffled.mean(),
                shuffled.sd(),
                shuffled.p());
    }
}
