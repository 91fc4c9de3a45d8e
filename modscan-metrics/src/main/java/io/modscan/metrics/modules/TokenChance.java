package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.PairTile;
import io.modscan.metrics.internal.linear.Columns;
import io.modscan.metrics.internal.rank.ChanceLevel;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * What correlations over tokens are by chance. Neighbouring tokens are not independent, nor do units vary in all prompts alike, so that
 * correlations by chance are larger than over as many independent values: by how much, exchanged courses tell.
 *
 * @param degrees as large as over so many; told by the correlation that a thousandth of pairs reach, or the least share of which
 *                {@value #SEEN} were seen
 * @param tail    of each bin of correlations, and of 1, the share of pairs that reach its lower edge, whatever the sign; none where it
 *                was not counted
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
record TokenChance(int degrees, double[] tail) {

    static final int SEEN = 100;

    private static final double RARE = 1e-3;
    private static final int BINS = 1 << 14;
    private static final int FEWEST_DEGREES = 3;

    private static final int MOST_UNITS = 700;
    private static final int PAIRS = 200_000;
    private static final int MOST_SHUFFLES = 20;

    /**
     * Counts.
     *
     * @param columns  the values
     * @param absolute whether a correlation's size counts
     * @param shuffled gives the values with courses exchanged
     * @param random   says which units are looked at, of many
     */
    static TokenChance of(
            Columns columns, boolean absolute, Function<SplittableRandom, Columns> shuffled, SplittableRandom random) {
        int units = columns.units().size();
        int[] some = units <= MOST_UNITS
                ? IntStream.range(0, units).toArray()
                : random.ints(0, units).distinct().limit(MOST_UNITS).sorted().toArray();
        long pairs = some.length * (some.length - 1L) / 2;
        if (pairs == 0) {
            return new TokenChance(columns.size(), new double[0]);
        }
        int shuffles = (int) Math.max(1, Math.min(MOST_SHUFFLES, PAIRS / pairs));
        long[] counts = new long[BINS + 1];
        for (int i = 0; i < shuffles; i++) {
            Correlations.ofPairs(shuffled.apply(random), some, tile -> count(tile, absolute, counts));
        }
        double[] tail = new double[BINS + 1];
        long reached = 0;
        for (int bin = BINS; bin >= 0; bin--) {
            reached += counts[bin];
            tail[bin] = reached * (absolute ? 1.0 : 2.0) / (pairs * shuffles);
        }
        double share = Math.max(RARE, (double) SEEN / (pairs * shuffles));
        int bin = IntStream.rangeClosed(0, BINS)
                .map(i -> BINS - i)
                .filter(i -> tail[i] >= share)
                .findFirst()
                .orElse(0);
        return new TokenChance(degrees((double) bin / BINS, tail[bin], columns.size()), tail);
    }

    private static void count(PairTile tile, boolean absolute, long[] counts) {
        for (int row = tile.top(); row < tile.bottom(); row++) {
            for (int column = tile.firstBehind(row); column < tile.right(); column++) {
                double r = tile.get(row, column);
                double size = absolute ? Math.abs(r) : r;
                if (size > 0) {
                    counts[(int) (size * BINS)]++;
                }
            }
        }
    }

    /** Over how many independent values a correlation is reached by chance by no smaller a share of pairs. */
    private static int degrees(double correlation, double share, int most) {
        int low = FEWEST_DEGREES;
        int high = Math.max(low, most);
        while (low < high) {
            int middle = (int) (((long) low + high + 1) / 2);
            if (ChanceLevel.share(correlation, middle) >= share) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    /** The share of pairs that reach a correlation by chance, whatever its sign. */
    double share(double correlation) {
        double asNormal = ChanceLevel.share(correlation, degrees);
        return tail.length == 0 ? asNormal : Math.max(asNormal, Math.min(1, tail[(int) (correlation * BINS)]));
    }

    /** Of a share of the tokens. */
    TokenChance part(double ofTokens) {
        return new TokenChance(Math.max(FEWEST_DEGREES, (int) Math.round(degrees * ofTokens)), new double[0]);
    }
}
