package io.modscan.metrics.subspace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.metrics.internal.linear.Svd;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Leading directions by products of rows are those of the SVD, or there are none. */
class LeadingByGramTest {

    /** Rows of which each coordinate varies less than the one before. */
    private static double[][] rows(int n, int d, double decay, double scale) {
        Random random = new Random(n);
        double[][] rows = new double[n][d];
        for (double[] row : rows) {
            for (int j = 0; j < d; j++) {
                row[j] = scale * Math.pow(decay, j) * random.nextGaussian();
            }
        }
        return rows;
    }

    @Test
    void theyAreThoseOfTheDecomposition() {
        for (double scale : new double[] {1, 1e-160, 1e160}) {
            assertAsDecomposed(rows(12, 40, 0.7, scale));
        }
    }

    @Test
    void ofManyRowsTheyAreToo() {
        for (double scale : new double[] {1, 1e-160, 1e160}) {
            assertAsDecomposed(rows(300, 100, 0.7, scale));
            assertAsDecomposed(rows(70, 130, 0.7, scale));
        }
        assertThat(LeadingByGram.directions(rows(300, 100, 0.01, 1), 5, 0)).isEmpty();
        assertThat(LeadingByGram.directions(rows(300, 100, 0.7, 1), 5, 100)).isEmpty();
    }

    private static void assertAsDecomposed(double[][] rows) {
        int d = rows[0].length;
        double[][] actual = LeadingByGram.directions(rows, 5, 0).orElseThrow();
        double[][] expected = Svd.leading(rows, 5, 0, 1e-6);
        assertThat(actual).hasDimensions(5, d);
        for (int i = 0; i < 5; i++) {
            assertThat(actual[i]).containsExactly(expected[i], within(1e-9));
        }
        assertThat(new Subspace(actual, d).overlap(new Subspace(expected, d))).isCloseTo(1, within(1e-14));
    }

    @Test
    void whereRoundingWouldTellThereIsNoAnswer() {
        // The fifth singular value is some 10^-8 of the first.
        assertThat(LeadingByGram.directions(rows(12, 40, 0.01, 1), 5, 0)).isEmpty();
        // Of values up to a limit that count as zero.
        assertThat(LeadingByGram.directions(rows(12, 40, 0.7, 1), 5, 10)).isEmpty();
        double[][] equal = new double[6][20];
        assertThat(LeadingByGram.directions(equal, 2, 0)).isEmpty();
        equal[0][3] = 1;
        assertThat(LeadingByGram.directions(equal, 2, 0)).isEmpty();
        assertThat(LeadingByGram.directions(equal, 1, 0)).isPresent();
    }

    @Test
    void smallMatricesAreLeftToTheDecomposition() {
        assertThat(LeadingByGram.directions(rows(30, 40, 0.7, 1), 3, 0)).isEqualTo(Optional.empty());
    }
}
