package io.modscan.metrics.similarity;

import io.modscan.core.prompt.Labels;
import io.modscan.metrics.internal.linear.FisherYates;
import io.modscan.metrics.internal.thread.Interrupt;
import io.modscan.metrics.statistics.AgainstShuffles;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * The separation of labels under one labelling after another, in each of which labels have as many prompts as in the first. A
 * labelling is an order of prompts: those of the first label come first, and so on.
 */
final class Relabelling {

    /** What differs by less, relative to the largest similarity, differs by rounding. */
    private static final double ROUNDING = 1e-12;

    /** Sums kept at a time: 32 MB. */
    private static final int MOST_SUMS = 1 << 22;

    /** Values in one stretch of all rows: 1 MB, which a core's cache holds. */
    private static final int STRETCHES = 1 << 17;

    /** Shorter loops would hardly be worth their beginning and end. */
    private static final int LEAST_STRETCH = 256;

    /** Labellings at a time: the matrix is read once for all of them. */
    private static final int MOST_ORDERS = 64;

    private record Statistics(double within, double between, double silhouette, int hits) {
        double gap() {
            return within - between;
        }
    }

    /** Similarities to other prompts; those to themselves are apart, and 0 here. */
    private final double[][] rows;

    private final double[] self;

    /** Where in an order each label's prompts begin, and where the last one's end. */
    private final int[] starts;

    private final double largest;
    private final boolean bounded;
    private final Interrupt interrupt = Interrupt.ofThisThread();

    /**
     * Gathers the similarities.
     *
     * @param matrix of these and perhaps further prompts
     * @param kept   the indices of the prompts
     * @param labels theirs
     */
    Relabelling(SimilarityMatrix matrix, int[] kept, Labels labels) {
        int n = kept.length;
        this.rows = new double[n][];
        Arrays.parallelSetAll(rows, i -> {
            interrupt.check();
            double[] row = new double[n];
            for (int j = 0; j < n; j++) {
                row[j] = j == i ? 0 : (matrix.get(kept[i], kept[j]) + matrix.get(kept[j], kept[i])) / 2;
            }
            return row;
        });
        this.self = Arrays.stream(kept).mapToDouble(i -> matrix.get(i, i)).toArray();
        this.starts = new int[labels.size() + 1];
        for (int label = 0; label < labels.size(); label++) {
            starts[label + 1] = starts[label] + (int) labels.count(label);
        }
        double[] largestOfRows = Arrays.stream(rows)
                .parallel()
                .mapToDouble(row -> Arrays.stream(row).map(Math::abs).max().orElse(0))
                .toArray();
        this.largest = Math.max(
                Arrays.stream(largestOfRows).max().orElse(0),
                Arrays.stream(self).map(Math::abs).max().orElse(0));
        this.bounded = Arrays.stream(rows)
                .parallel()
                .allMatch(row -> Arrays.stream(row).allMatch(s -> s <= 1 + ROUNDING));
    }

    /** Whether there is no NaN and no infinite similarity. */
    boolean isFinite() {
        return largest < Double.POSITIVE_INFINITY;
    }

    LabelSeparation test(int[] labels, int permutations, long seed, long leftOut) {
        int n = rows.length;
        int[] order = IntStream.range(0, n)
                .boxed()
                .sorted(Comparator.comparing(i -> labels[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        Statistics observed = measure(new int[][] {order}).get(0);
        List<Statistics> without = withoutEach(order);
        SplittableRandom random = new SplittableRandom(seed);
        int most = Math.max(1, Math.min(MOST_ORDERS, MOST_SUMS / Math.multiplyExact(n, starts.length - 1)));
        List<Statistics> shuffled = new ArrayList<>();
        for (int done = 0; done < permutations; done += most) {
            int[][] orders = new int[Math.min(most, permutations - done)][];
            for (int i = 0; i < orders.length; i++) {
                FisherYates.shuffle(n, random, (one, other) -> swap(order, one, other));
                orders[i] = order.clone();
            }
            shuffled.addAll(measure(orders));
        }
        return new LabelSeparation(
                n,
                leftOut,
                observed.within(),
                observed.between(),
                observed.gap(),
                error(without, Statistics::gap),
                p(shuffled, Statistics::gap, observed.gap(), ROUNDING * largest),
                bounded ? observed.silhouette() : Double.NaN,
                bounded ? error(without, Statistics::silhouette) : Double.NaN,
                bounded ? p(shuffled, Statistics::silhouette, observed.silhouette(), ROUNDING) : Double.NaN,
                (double) observed.hits() / n,
                error(without, statistics -> (double) statistics.hits() / (n - 1)),
                p(shuffled, Statistics::hits, observed.hits(), 0));
    }

    /** The p-value of a number as large, as far as rounding lets one tell. */
    private static double p(
            List<Statistics> shuffled, ToDoubleFunction<Statistics> statistic, double observed, double rounding) {
        double[] values = shuffled.stream().mapToDouble(statistic).toArray();
        return AgainstShuffles.of(observed, values, value -> value >= observed - rounding)
                .p();
    }

    private static void swap(int[] order, int one, int other) {
        int swapped = order[one];
        order[one] = order[other];
        order[other] = swapped;
    }

    /** The statistics with each prompt left out in turn, but for one that is the only one of its label. */
    private List<Statistics> withoutEach(int[] order) {
        int n = rows.length;
        int k = starts.length - 1;
        double[] sums = sums(new int[][] {order})[0];
        return IntStream.range(0, order.length)
                .parallel()
                .filter(place -> starts[label(place) + 1] - starts[label(place)] > 1)
                .mapToObj(place -> {
                    interrupt.check();
                    int label = label(place);
                    double[] less = sums.clone();
                    double[] row = rows[order[place]];
                    for (int i = 0; i < n; i++) {
                        less[label * n + i] -= row[i];
                    }
                    int[] others = IntStream.range(0, order.length)
                            .filter(other -> other != place)
                            .map(other -> order[other])
                            .toArray();
                    int[] earlier = starts.clone();
                    for (int later = label + 1; later <= k; later++) {
                        earlier[later]--;
                    }
                    return statistics(others, earlier, less);
                })
                .toList();
    }

    private int label(int place) {
        int label = 0;
        while (starts[label + 1] <= place) {
            label++;
        }
        return label;
    }

    /** √((m − 1) / m · Σ (θ − mean θ)²) over the m values with a prompt left out. */
    private static double error(List<Statistics> without, ToDoubleFunction<Statistics> statistic) {
        double mean = without.stream().mapToDouble(statistic).average().orElse(Double.NaN);
        double squares = without.stream()
                .mapToDouble(statistic)
                .map(value -> (value - mean) * (value - mean))
                .sum();
        return without.size() < 2 ? Double.NaN : Math.sqrt(squares * (without.size() - 1) / without.size());
    }

    private List<Statistics> measure(int[][] orders) {
        double[][] sums = sums(orders);
        return IntStream.range(0, orders.length)
                .parallel()
                .mapToObj(o -> {
                    interrupt.check();
                    return statistics(orders[o], starts, sums[o]);
                })
                .toList();
    }

    /**
     * For each order, label and prompt, [label · n + prompt], the sum of similarities to the other prompts of the label. A label's sums are those
     * of its prompts' rows, the matrix being symmetric; they are added stretch by stretch, so that a stretch of all rows stays in a cache
     * for all orders.
     */
    private double[][] sums(int[][] orders) {
        int n = rows.length;
        int k = starts.length - 1;
        double[][] sums = new double[orders.length][n * k];
        int stretch = Math.max(LEAST_STRETCH, STRETCHES / n);
        IntStream.range(0, (n + stretch - 1) / stretch).parallel().forEach(part -> {
            int from = part * stretch;
            int to = Math.min(n, from + stretch);
            for (int o = 0; o < orders.length; o++) {
                interrupt.check();
                for (int label = 0; label < k; label++) {
                    add(orders[o], starts[label], starts[label + 1], sums[o], label * n, from, to);
                }
            }
        });
        return sums;
    }

    /** Adds a stretch of some prompts' rows. */
    private void add(int[] order, int first, int end, double[] sums, int at, int from, int to) {
        int i = first;
        // Several rows at a time, since sums are read and written each time.
        for (; i < end - 7; i += 8) {
            double[] a = rows[order[i]];
            double[] b = rows[order[i + 1]];
            double[] c = rows[order[i + 2]];
            double[] d = rows[order[i + 3]];
            double[] e = rows[order[i + 4]];
            double[] f = rows[order[i + 5]];
            double[] g = rows[order[i + 6]];
            double[] h = rows[order[i + 7]];
            for (int j = from; j < to; j++) {
                sums[at + j] += (a[j] + b[j] + (c[j] + d[j])) + (e[j] + f[j] + (g[j] + h[j]));
            }
        }
        for (; i < end; i++) {
            double[] row = rows[order[i]];
            for (int j = from; j < to; j++) {
                sums[at + j] += row[j];
            }
        }
    }

    private Statistics statistics(int[] order, int[] starts, double[] sums) {
        int k = starts.length - 1;
        int n = rows.length;
        double[] totals = totals(order, starts, sums);
        // Of each prompt the mean similarity to the label that it is most similar to, and the squared distance of the
        // nearest centroid less
        // its similarity to itself; both of other labels than its own. Label by label, so that sums are read one behind
        // the other.
        double[] closest = new double[n];
        double[] nearest = new double[n];
        Arrays.fill(closest, Double.NEGATIVE_INFINITY);
        Arrays.fill(nearest, Double.POSITIVE_INFINITY);
        int[] labelOf = new int[n];
        // One may be left out.
        Arrays.fill(labelOf, -1);
        for (int label = 0; label < k; label++) {
            for (int place = starts[label]; place < starts[label + 1]; place++) {
                labelOf[order[place]] = label;
            }
        }
        double between = 0;
        for (int other = 0; other < k; other++) {
            double share = 1.0 / (starts[other + 1] - starts[other]);
            double spread = totals[other] * share * share;
            for (int i = 0; i < n; i++) {
                double sum = sums[other * n + i];
                if (labelOf[i] != other) {
                    between += labelOf[i] < 0 ? 0 : sum;
                    double mean = sum * share;
                    closest[i] = Math.max(closest[i], mean);
                    nearest[i] = Math.min(nearest[i], spread - 2 * mean);
                }
            }
        }
        double within = 0;
        double withinPairs = 0;
        double betweenPairs = 0;
        double silhouettes = 0;
        int hits = 0;
        for (int label = 0; label < k; label++) {
            int others = starts[label + 1] - starts[label] - 1;
            withinPairs += (others + 1.0) * others;
            betweenPairs += (others + 1.0) * (order.length - others - 1);
            for (int place = starts[label]; place < starts[label + 1]; place++) {
                int i = order[place];
                double own = sums[label * n + i];
                within += own;
                if (others > 0) {
                    silhouettes += silhouette(1 - own / others, 1 - closest[i]);
                    // The centroid of the label's others: the total without row and column i. The prompt's
                    // similarity to itself is in all distances, and left away.
                    double rest = totals[label] - 2 * own - self[i];
                    double distance = rest / ((double) others * others) - 2 * own / others;
                    hits += distance < nearest[i] - ROUNDING * largest ? 1 : 0;
                }
            }
        }
        return new Statistics(within / withinPairs, between / betweenPairs, silhouettes / order.length, hits);
    }

    /** For each label the sum of similarities over all ordered pairs of its prompts, those with themselves included. */
    private double[] totals(int[] order, int[] starts, double[] sums) {
        int n = rows.length;
        int k = starts.length - 1;
        double[] totals = new double[k];
        for (int label = 0; label < k; label++) {
            for (int place = starts[label]; place < starts[label + 1]; place++) {
                int i = order[place];
                totals[label] += sums[label * n + i] + self[i];
            }
        }
        return totals;
    }

    private static double silhouette(double own, double other) {
        double larger = Math.max(own, other);
        return larger <= ROUNDING ? 0 : (other - own) / larger;
    }
}
