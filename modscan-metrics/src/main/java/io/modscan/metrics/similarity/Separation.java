package io.modscan.metrics.similarity;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * How far apart labels are at a site, under any similarity of prompts, with permutation tests. A metric with settings:
 * {@code activations.measure(Separation.by("topic").perSite())}.
 *
 * <p>For n prompts with similarities s(i, j):
 *
 * <ul>
 *   <li><b>Within, between, gap.</b> The mean of s over all pairs of different prompts that share their label; over all that
 *       do not; the difference of the two.
 *   <li><b>Silhouette.</b> With the distance 1 − s, a(i) the mean distance of a prompt to the others of its label, and b(i) the
 *       least of its mean distances to the prompts of another label, the mean over prompts of (b − a) / max(a, b). A prompt that
 *       is the only one of its label scores 0, and so does one for which both distances are below 1e-12. It means something for
 *       similarities up to 1 only, and is NaN if one is larger.
 *   <li><b>Accuracy.</b> Each prompt is given the label whose centroid is nearest, its own label's centroid being that of the
 *       other prompts (leave-one-out). With s taken as a kernel, the squared distance from i to the centroid of some prompts is
 *       s(i, i) − 2 mean<sub>j</sub> s(i, j) + mean<sub>j, k</sub> s(j, k). That is the Euclidean distance of unit vectors under
 *       the {@link Cosine}, and of the vectors themselves (in units of M) under the {@link ScaledCosine} and the
 *       {@link Closeness}. A prompt that is the only one of its label counts as wrong, since nothing is left to know the label
 *       by. A tie counts as wrong too: the own centroid has to be nearer than each other by more than 1e-12 of the largest
 *       |s| (in {@linkplain Precision#SINGLE single precision}, rounding may break a tie). If labels differ in number of prompts, chance is not 1 / labels; the p-value takes care of that.
 *   <li><b>P-values.</b> One-sided: labels are shuffled among prompts, and p = (1 + the number of shuffles that give at least as
 *       much) / (1 + shuffles), equal meaning up to a rounding error of 1e-12. So p is never below 1 / (1 + shuffles), and it
 *       holds for any similarity. Each p is for one statistic at one site; many sites need a correction.
 *   <li><b>Standard errors</b> of gap, silhouette and accuracy by the jackknife over prompts: for the m statistics that each leave
 *       out one prompt, √((m − 1) / m · Σ (θ − mean θ)²). Similarities stay what they
 *       are (M too), and so does a prompt that is the only one of its label. NaN where m is
 *       less than 2.
 * </ul>
 *
 * <p>A prompt that has no similarity to itself (NaN at (i, i); for the cosine, a vector of zeros) is left out and counted. If
 * fewer than two labels remain, or another similarity is NaN or infinite, all numbers are NaN. The gap and its p are NaN if no two
 * prompts share a label. A similarity that is not symmetric is replaced by the mean of s(i, j) and s(j, i).
 *
 * <p>Takes the time of the similarity and O((shuffles + labels) · n²), on all processors: for 1,000 prompts and 999 shuffles, about a
 * second. Needs 8n² bytes beside the similarities. Prompts are sorted by id before they are shuffled: the numbers depend
 * on the seed, and not on the order of prompts or pieces, as far as the similarities don't either.
 *
 * <p>Immutable; safe for use by many threads. Adding activations throws a {@link ModscanException} if a prompt has no label for
 * the key; finishing does if all prompts have the same one; otherwise both throw as the similarity does.
 *
 * <p>Sources: Rousseeuw 1987, <a href="https://doi.org/10.1016/0377-0427(87)90125-7">doi:10.1016/0377-0427(87)90125-7</a>, for the
 * silhouette; Phipson and Smyth 2010, <a href="https://doi.org/10.2202/1544-6115.1585">doi:10.2202/1544-6115.1585</a>, for the
 * p-value; Efron and Stein 1981, <a href="https://doi.org/10.1214/aos/1176345462">doi:10.1214/aos/1176345462</a>, for the
 * standard error.
 */
public final class Separation implements Metric<LabelSeparation> {

    private final String key;
    private final Metric<SimilarityMatrix> similarity;
    private final int shuffles;
    private final long seed;

    private Separation(String key, Metric<SimilarityMatrix> similarity, int shuffles, long seed) {
        this.key = Objects.requireNonNull(key, "key");
        this.similarity = Objects.requireNonNull(similarity, "similarity");
        this.shuffles = shuffles;
        this.seed = seed;
    }

    /**
     * The separation under the {@link Cosine}, with 999 shuffles.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return a metric that takes one site, with one vector a prompt
     */
    public static Separation by(String key) {
        return by(key, Cosine.pairwise());
    }

    /**
     * The separation under a similarity, with 999 shuffles.
     *
     * @param key        what the labels are of, such as {@code topic}
     * @param similarity how alike prompts are, such as {@link Closeness#pairwise()} or {@link Similarity#pairwise}
     * @return a metric that takes what the similarity takes
     */
    public static Separation by(String key, Metric<SimilarityMatrix> similarity) {
        return new Separation(key, similarity, 999, 0);
    }

    /**
     * The same with another number of shuffles.
     *
     * @param count how many; with none, p-values are NaN
     * @return a metric
     * @throws IllegalArgumentException if the number is negative
     */
    public Separation withShuffles(int count) {
        if (count < 0) {
            throw new IllegalArgumentException("labels cannot be shuffled " + count + " times");
        }
        return new Separation(key, similarity, count, seed);
    }

    /**
     * The same with another seed.
     *
     * @param other any number, 0 unless set; the same one gives the same p-values
     * @return a metric
     */
    public Separation withSeed(long other) {
        return new Separation(key, similarity, shuffles, other);
    }

    @Override
    public Accumulator<LabelSeparation> start() {
        Metric<Map<String, String>> labels =
                Metric.of(HashMap<String, String>::new, this::addLabels, Map::putAll, Map::copyOf);
        return similarity.both(labels, this::measure).start();
    }

    private void addLabels(Map<String, String> byId, Activations piece) {
        List<String> labels = piece.prompts().labels(key);
        for (int i = 0; i < labels.size(); i++) {
            byId.put(piece.prompts().get(i).id(), labels.get(i));
        }
    }

    private LabelSeparation measure(SimilarityMatrix matrix, Map<String, String> labels) {
        Labels.of(matrix.ids().stream().map(labels::get).toList()).atLeastTwo(key);
        int[] kept = IntStream.range(0, matrix.size())
                .filter(i -> !Double.isNaN(matrix.get(i, i)))
                .boxed()
                .sorted(Comparator.comparing(i -> matrix.ids().get(i)))
                .mapToInt(Integer::intValue)
                .toArray();
        List<String> ofKept = Arrays.stream(kept)
                .mapToObj(i -> labels.get(matrix.ids().get(i)))
                .toList();
        long leftOut = (long) matrix.size() - kept.length;
        Labels remaining = Labels.of(ofKept);
        Relabelling relabelling = new Relabelling(matrix, kept, remaining);
        if (remaining.size() < 2 || !relabelling.isFinite()) {
            return LabelSeparation.undefined(kept.length, leftOut);
        }
        return relabelling.test(remaining.indices(ofKept), shuffles, seed, leftOut);
    }
}
