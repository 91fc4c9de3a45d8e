package io.modscan.metrics.selectivity;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import java.util.stream.IntStream;

/**
 * How every unit responds to every label in either half of the prompts: one {@linkplain UnitConsistency row} for each pair.
 * Rows are made when asked for. Immutable; safe for use by many threads.
 */
public final class ConsistencyMap extends UnitTable<UnitConsistency> {

    private final SelectivityMap first;
    private final SelectivityMap second;

    ConsistencyMap(Labels labels, SelectivityMap first, SelectivityMap second) {
        super(first.sites(), labels);
        this.first = first;
        this.second = second;
    }

    /**
     * The selectivity in the first half.
     *
     * @return the map of that half's prompts alone, with its own q-values
     */
    public SelectivityMap first() {
        return first;
    }

    /**
     * The selectivity in the second half.
     *
     * @return the map of that half's prompts alone, with its own q-values
     */
    public SelectivityMap second() {
        return second;
    }

    /**
     * How alike the halves are on a label as a whole: the correlation of Pearson between the AUROCs of one half and those of
     * the other, over units.
     *
     * @param label one of the labels
     * @return a number in [−1, 1]: near 1 where the units respond alike in both halves, near 0 where AUROCs are but noise. Units
     *     with NaN in either half are passed over; NaN if all units have the same AUROC in a half, or there are fewer than two
     * @throws ModscanException if there is no such label; the message lists them
     */
    public double correlation(String label) {
        int[] rows = rowsOf(label)
                .filter(row -> !Double.isNaN(first.auroc(row)) && !Double.isNaN(second.auroc(row)))
                .toArray();
        double meanFirst =
                IntStream.of(rows).mapToDouble(first::auroc).average().orElse(Double.NaN);
        double meanSecond =
                IntStream.of(rows).mapToDouble(second::auroc).average().orElse(Double.NaN);
        double squaresFirst = 0;
        double squaresSecond = 0;
        double products = 0;
        for (int row : rows) {
            double x = first.auroc(row) - meanFirst;
            double y = second.auroc(row) - meanSecond;
            squaresFirst += x * x;
            squaresSecond += y * y;
            products += x * y;
        }
        // Equal AUROCs are at most a few roundings from their mean.
        if (isNothing(squaresFirst, rows.length) || isNothing(squaresSecond, rows.length)) {
            return Double.NaN;
        }
        return Math.max(-1, Math.min(1, products / Math.sqrt(squaresFirst * squaresSecond)));
    }

    private static boolean isNothing(double squares, int n) {
        return squares <= n * 1e-28;
    }

    @Override
    UnitConsistency row(int row) {
        UnitSelectivity one = first.row(row);
        UnitSelectivity other = second.row(row);
        return new UnitConsistency(
                one.unit(),
                one.label(),
                one.auroc(),
                other.auroc(),
                one.hedgesG(),
                other.hedgesG(),
                one.p(),
                other.p());
    }
}
