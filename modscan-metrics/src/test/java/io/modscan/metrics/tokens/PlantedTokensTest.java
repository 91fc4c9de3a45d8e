package io.modscan.metrics.tokens;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.site.Unit;
import io.modscan.metrics.PlantedTruthTest;
import io.modscan.metrics.internal.rank.MannWhitney;
import io.modscan.metrics.internal.rank.Midranks;
import io.modscan.metrics.internal.rank.SignedRank;
import io.modscan.metrics.statistics.BenjaminiHochberg;
import io.modscan.metrics.tokens.PlantedTokens.Kind;
import java.util.DoubleSummaryStatistics;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Whether units that respond to a label of tokens are found, and those not that respond to position, topic or length, over as
 * many seeds as the system property {@code modscan.seeds} says: a few unless set. The figures go to standard output.
 *
 * <p>A claim is a row with q ≤ 0.05, over both labels. It is true of a unit that responds, for the label {@code subject}, if it says that the unit is higher there.
 * The false discovery proportion is that of Benjamini and Hochberg: other claims over all claims.
 */
class PlantedTokensTest {

    private static final int SEEDS = Integer.getInteger("modscan.seeds", 3);
    private static final double LEVEL = 0.05;
    private static final TokenSelectivity METRIC = TokenSelectivity.by(TokenLabels.spans());

    /** What one way to test claims, over all seeds. */
    private static final class Claims {
        private final DoubleSummaryStatistics recall = new DoubleSummaryStatistics();
        private final DoubleSummaryStatistics falseProportion = new DoubleSummaryStatistics();
        private final Map<Kind, int[]> byKind = new EnumMap<>(Kind.class);
        private int scansThatClaim;
        private int right;
        private int claimed;

        /** Counts a row of the scan at hand. */
        void add(int unit, String label, boolean claim, boolean higher) {
            Kind kind = PlantedTokens.KINDS.get(unit);
            if (label.equals("subject")) {
                int[] counts = byKind.computeIfAbsent(kind, k -> new int[2]);
                counts[0] += claim ? 1 : 0;
                counts[1]++;
            }
            claimed += claim ? 1 : 0;
            right += claim && higher && kind.responds() && label.equals("subject") ? 1 : 0;
        }

        void endOfScan() {
            recall.accept((double) right
                    / PlantedTokens.KINDS.stream().filter(Kind::responds).count());
            falseProportion.accept(claimed == 0 ? 0 : (double) (claimed - right) / claimed);
            scansThatClaim += claimed > 0 ? 1 : 0;
            right = 0;
            claimed = 0;
        }

        void print(String what) {
            System.out.printf(
                    Locale.ROOT,
                    "%n%s, %d seeds: recall %.4f (least %.4f), false discovery proportion %.4f (most %.4f)%n",
                    what,
                    SEEDS,
                    recall.getAverage(),
                    recall.getMin(),
                    falseProportion.getAverage(),
                    falseProportion.getMax());
            byKind.forEach((kind, counts) -> System.out.printf(
                    Locale.ROOT, "  %-16s claimed to respond to the subject: %.4f%n", kind, share(kind)));
        }

        double share(Kind kind) {
            int[] counts = byKind.getOrDefault(kind, new int[2]);
            return (double) counts[0] / counts[1];
        }
    }

    private static void scan(Activations activations, TokenSelectivity metric, Claims claims) {
        activations
                .measure(metric)
                .rows()
                .forEach(row -> claims.add(row.unit().inSite(), row.label(), row.q() <= LEVEL, row.auroc() > 0.5));
        claims.endOfScan();
    }

    /** What is usual, and wrong: a rank-sum test of all tokens with the label against all without, each token for itself. */
    private static void naive(PlantedTokens planted, Claims claims) {
        List<String> labels = List.of("subject", "other");
        int units = PlantedTokens.KINDS.size();
        double[] p = new double[units * labels.size()];
        boolean[] higher = new boolean[p.length];
        for (int unit = 0; unit < units; unit++) {
            float[] values = planted.allValues(unit);
            Midranks ranks = new Midranks(values.length);
            ranks.rank(values, 0);
            for (int label = 0; label < labels.size(); label++) {
                boolean[] has = planted.allLabels(labels.get(label));
                long in = 0;
                double rankSum = 0;
                for (int place = 0; place < values.length; place++) {
                    if (has[ranks.index(place)]) {
                        in++;
                        rankSum += ranks.rank(place);
                    }
                }
                double u = rankSum - in * (in + 1) / 2.0;
                p[unit * labels.size() + label] = new MannWhitney(in, values.length - in).twoSided(u, ranks.ties());
                higher[unit * labels.size() + label] = u > in * (values.length - in) / 2.0;
            }
        }
        double[] q = BenjaminiHochberg.adjust(p);
        for (int row = 0; row < q.length; row++) {
            claims.add(row / labels.size(), labels.get(row % labels.size()), q[row] <= LEVEL, higher[row]);
        }
        claims.endOfScan();
    }

    @Test
    void unitsAreFoundThatRespondToALabelAndNoneThatRespondToSomethingBesideIt() {
        Claims within = new Claims();
        Claims leftIn = new Claims();
        Claims naive = new Claims();
        for (int seed = 0; seed < SEEDS; seed++) {
            PlantedTokens planted = new PlantedTokens(seed);
            scan(planted.activations(), METRIC, within);
            scan(planted.activations(), METRIC.withPositionLeftIn(), leftIn);
            naive(planted, naive);
        }
        within.print("Within prompts");
        leftIn.print("Within prompts, position left in");
        naive.print("Naive, over tokens");
        assertThat(within.recall.getAverage()).isGreaterThanOrEqualTo(0.95);
        // The rate bounds the expectation, and one scan's proportion has a standard deviation of some 0.04.
        assertThat(within.falseProportion.getAverage()).isLessThan(LEVEL + 3 * 0.04 / Math.sqrt(SEEDS));
        assertThat(leftIn.share(Kind.POSITION)).isGreaterThan(0.9);
        assertThat(naive.falseProportion.getAverage()).isGreaterThan(0.5);
        assertThat(naive.share(Kind.POSITION)).isGreaterThan(0.9);
        assertThat(naive.share(Kind.TOPIC)).isGreaterThan(0.9);
        assertThat(naive.share(Kind.LENGTH)).isGreaterThan(0.9);
    }

    /** Why the numbers are made of ranks: of skewed values, differences of means are not symmetric if there is nothing to be found. */
    @Test
    void differencesOfMeansWouldMislead() {
        int rows = 0;
        int means = 0;
        int ranks = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            PlantedTokens planted = new PlantedTokens(seed);
            TokenSelectivityMap map = planted.activations().measure(METRIC);
            for (int unit = 0; unit < PlantedTokens.KINDS.size(); unit++) {
                if (PlantedTokens.KINDS.get(unit) == Kind.SPARSE_NOISE) {
                    rows++;
                    means += SignedRank.twoSided(planted.differences(unit, "subject")) <= LEVEL ? 1 : 0;
                    ranks += map.get(Unit.of(PlantedTokens.SITE, unit), "subject")
                                            .p()
                                    <= LEVEL
                            ? 1
                            : 0;
                }
            }
        }
        System.out.printf(
                Locale.ROOT,
                "%nUnits that respond to nothing and are mostly zero, p <= 0.05: %.4f by differences of means, %.4f by ranks%n",
                (double) means / rows,
                (double) ranks / rows);
        assertThat((double) means / rows).isGreaterThan(0.3);
        assertThat(ranks).isLessThanOrEqualTo(PlantedTruthTest.mostByChance(rows, LEVEL, 0.001));
    }

    @Test
    void permutedLabelsClaimNothingBeyondTheRate() {
        Claims claims = new Claims();
        for (int seed = 0; seed < SEEDS; seed++) {
            scan(new PlantedTokens(seed).permuted(), METRIC, claims);
        }
        claims.print("Permuted labels");
        System.out.println("  scans that claim anything: " + claims.scansThatClaim);
        // Where every row is null, the false discovery rate is the probability of any claim at all, so at most 0.05.
        assertThat(claims.scansThatClaim).isLessThanOrEqualTo(PlantedTruthTest.mostByChance(SEEDS, LEVEL, 0.001));
    }
}
