package io.modscan.metrics.subspace;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
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
 * nearly everything overlaps more. The second baseline answers that: labels are shuffled among the prompts, with as many
 * prompts for each label as before, and the subspaces are computed anew. It also takes in that subspaces of few prompts are
 * uncertain, and overlap less for that alone. For a pair of labels, only their own prompts are shuffled, so that a third label
 * has no say; for the mean over all pairs, all are.
 *
 * <p>Labels that only have different means would seem to vary in different directions, if vectors were shuffled as they are:
 * shuffled groups would be mixtures, which all vary in the direction from one mean to the other. So each label's centre is
 * taken off first, and the groups are centred anew after each shuffle. The centre taken off is the spatial median
 * ({@code argmin Σ|x − m|}; Vardi and Zhang, "The multivariate L1-median and associated data depth", 2000,
 * <a href="https://doi.org/10.1073/pnas.97.4.1423">doi:10.1073/pnas.97.4.1423</a>), not the mean: differences from a mean sum
 * to zero, which ties shuffled groups to each other, and one outlying prompt would shift all others. P-values are approximate
 * all the same. In simulations of labels that vary alike ({@code tools/subspace_calibration.py}; 8 to 20 prompts a label, 100
 * and 768 dimensions), 2 to 7 of 100 were below 0.05 for normal vectors, and 1 to 10 for vectors with heavy tails; but 7 to 34
 * for heavy tails with the same variance in each of 768 directions. That holds <em>as long as k is at most half of the number
 * of prompts a label</em>: with k near that number half of them were, or all, so take a smaller k.
 *
 * <p>A large p is no proof that labels vary alike. Shuffled groups vary in the directions of both labels, of which k are kept,
 * and now these, now those; so where labels share half of their directions, a shuffled overlap is often no larger.
 *
 * <p>It is itself the metric, of one site whose values are [prompts, …] with no positions left; combine it with
 * {@link Metric#perSite()} or {@link Metric#perHead()}. A label of one prompt, or of equal ones, has a subspace of dimension 0 and
 * no overlap (NaN); one of fewer than k + 1 prompts has fewer than k dimensions.
 *
 * <p>Keeps all vectors, 4 bytes a value, and 24 bytes a value while it computes. Takes O(n·d·m) time for n prompts of d
 * values with m prompts a label, and for each shuffle and pair of labels two SVDs of m vectors in at most 2m dimensions,
 * O(m²·min(m, d)). With 20 prompts for each of 10 labels, 200 shuffles took about two seconds at a site, whatever its
 * width; with 200 for each, at a width of 768, one shuffle took four, so ask for fewer there. The result does not depend on
 * the order of prompts or pieces, to the last bit: prompts are taken by their ids. Immutable; safe for use by many threads.
 *
 * <p>Finishing throws a {@link io.modscan.core.error.ModscanException} if a value is NaN or infinite, which names the prompt, if
 * there are fewer than two labels, if a prompt has no label for the key, or if there is not exactly one site, pooled.
 */
public final class SubspaceOverlap implements Metric<LabelOverlaps> {

    private final String key;
    private final int k;
    private final int shuffles;
    private final long seed;

    private SubspaceOverlap(String key, int k, int shuffles, long seed) {
        this.key = Objects.requireNonNull(key, "key");
        this.k = k;
        this.shuffles = shuffles;
        this.seed = seed;
    }

    /**
     * The overlap of labels' subspaces, with 200 shuffles.
     *
     * @param key what the labels are of, such as {@code topic}
     * @param k   the dimension of the subspaces, at least 1
     * @return a metric
     * @throws IllegalArgumentException if k is below 1
     */
    public static SubspaceOverlap by(String key, int k) {
        Subspace.checkDimension(k);
        return new SubspaceOverlap(key, k, 200, 0);
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
        return new SubspaceOverlap(key, k, count, seed);
    }

    /**
     * The same with another seed.
     *
     * @param other any number, 0 unless set; the same one gives the same shuffles
     * @return a metric
     */
    public SubspaceOverlap withSeed(long other) {
        return new SubspaceOverlap(key, k, shuffles, other);
    }

    @Override
    public Accumulator<LabelOverlaps> start() {
        return Metric.whole(this::measure).start();
    }

    private LabelOverlaps measure(Activations activations) {
        Labels labels = Labels.of(activations.prompts().labels(key)).atLeastTwo(key);
        List<double[][]> byLabel = byLabel(activations.inOrderOfIds(), labels);
        List<Subspace> subspaces =
                byLabel.stream().map(rows -> Subspace.leading(rows, k)).toList();
        SplittableRandom random = new SplittableRandom(seed);
        List<LabelOverlap> pairs = new ArrayList<>();
        for (int a = 0; a < labels.size(); a++) {
            for (int b = a + 1; b < labels.size(); b++) {
                AgainstShuffles overlap =
                        new LabelShuffle(List.of(byLabel.get(a), byLabel.get(b)), k).overlaps(shuffles, random.split());
                pairs.add(pair(
                        labels.names().get(a), subspaces.get(a), labels.names().get(b), subspaces.get(b), overlap));
            }
        }
        return new LabelOverlaps(
                labels, subspaces, pairs, new LabelShuffle(byLabel, k).overlaps(shuffles, random.split()));
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
                shuffled.mean(),
                shuffled.sd(),
                shuffled.p());
    }
}
