package io.modscan.metrics.similarity;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.SiteActivations;
import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.linear.EjmlAlgebra;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Large sets, by matrix products, beside small ones, pair by pair. */
class ComparisonTest {

    private static final int N = 150;
    private static final int WIDTH = 768;

    private static double reference(Measure measure, float[][] vectors, int i, int j, double longest) {
        float[] a = vectors[i];
        float[] b = vectors[j];
        double dot = 0;
        double distance = 0;
        double squareA = 0;
        double squareB = 0;
        for (int k = 0; k < a.length; k++) {
            dot += (double) a[k] * b[k];
            distance += ((double) a[k] - b[k]) * ((double) a[k] - b[k]);
            squareA += (double) a[k] * a[k];
            squareB += (double) b[k] * b[k];
        }
        return switch (measure) {
            case COSINE -> dot / Math.sqrt(squareA) / Math.sqrt(squareB);
            case SCALED_COSINE -> dot / longest;
            case CLOSENESS -> 1 - distance / (2 * longest);
        };
    }

    private static double longest(float[][] vectors) {
        return Arrays.stream(vectors)
                .mapToDouble(vector -> Dot.of(vector, vector))
                .max()
                .orElseThrow();
    }

    /** Vectors with a common direction, some outlier dimensions, and lengths that differ, as those of a residual stream. */
    private static float[][] vectors(int n, int width) {
        Random random = new Random(23);
        float[][] vectors = Vectors.normal(random, n, width);
        for (float[] vector : vectors) {
            double factor = Math.exp(random.nextGaussian());
            vector[3] += 40;
            vector[5] -= 15;
            for (int k = 0; k < width; k++) {
                vector[k] = (float) ((vector[k] + 0.5) * factor);
            }
        }
        return vectors;
    }

    private static void assertBoundedAndSymmetric(Pairs pairs, int i, int j) {
        // Not by AssertJ: there are many pairs.
        if (Math.abs(pairs.get(i, j)) > 1 || pairs.get(i, j) != pairs.get(j, i)) {
            throw new AssertionError(i + ", " + j + ": " + pairs.get(i, j) + ", " + pairs.get(j, i));
        }
    }

    @ParameterizedTest
    @EnumSource
    void productsAgreeWithTheDefinition(Measure measure) {
        float[][] vectors = vectors(N, WIDTH);
        double longest = longest(vectors);
        SiteActivations site = Vectors.unlabelled(vectors).onlySite();
        for (LinearAlgebra product : List.of(LinearAlgebra.installed(), new FloatSums())) {
            for (int blockSize : new int[] {1, 64, N - 1, 1024}) {
                Comparison comparison = new Comparison(measure, site);
                Pairs exact = comparison.byProduct(Precision.DOUBLE, product, blockSize);
                Pairs single = comparison.byProduct(Precision.SINGLE, product, blockSize);
                double error = 0;
                double singleError = 0;
                for (int i = 0; i < N; i++) {
                    for (int j = 0; j < N; j++) {
                        double expected = reference(measure, vectors, i, j, longest);
                        error = Math.max(error, Math.abs(exact.get(i, j) - expected));
                        singleError = Math.max(singleError, Math.abs(single.get(i, j) - expected));
                        assertBoundedAndSymmetric(exact, i, j);
                        assertBoundedAndSymmetric(single, i, j);
                    }
                    if (measure != Measure.SCALED_COSINE) {
                        assertThat(exact.get(i, i)).isEqualTo(1);
                        assertThat(single.get(i, i)).isEqualTo(1);
                    }
                }
                assertThat(error).isLessThan(1e-14);
                // EJML sums in double precision, so that only the vectors and the result were rounded.
                assertThat(singleError).isLessThan(product instanceof EjmlAlgebra ? 2e-7 : 5e-7);
            }
        }
    }

    /** Half of the prompts point one way, half the other: there is no common direction to take off. */
    @Test
    void singlePrecisionOfOppositeClusters() {
        float[][] vectors = vectors(N, WIDTH);
        for (int i = 0; i < N; i += 2) {
            for (int k = 0; k < WIDTH; k++) {
                vectors[i][k] = -vectors[i][k];
            }
        }
        Pairs single = new Comparison(
                        Measure.COSINE, Vectors.unlabelled(vectors).onlySite())
                .byProduct(Precision.SINGLE, new FloatSums(), N);
        double error = 0;
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < N; j++) {
                error = Math.max(error, Math.abs(single.get(i, j) - reference(Measure.COSINE, vectors, i, j, 1)));
            }
        }
        assertThat(error).isLessThan(4e-6);
    }

    /** 600² · 20 multiplications are enough for {@link Cosine} and the others to take products. */
    @ParameterizedTest
    @EnumSource
    void aLargeSetIsAsPairByPair(Measure measure) {
        int n = 600;
        float[][] vectors = vectors(n, 20);
        double longest = longest(vectors);
        for (Precision precision : Precision.values()) {
            SimilarityMatrix matrix = Vectors.matrix(measure.pairwise(precision), vectors);
            assertThat(matrix.size()).isEqualTo(n);
            assertThat(matrix.ids().get(599)).isEqualTo("p599");
            double error = 0;
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    error = Math.max(error, Math.abs(matrix.get(i, j) - reference(measure, vectors, i, j, longest)));
                }
            }
            assertThat(error).isLessThan(precision == Precision.DOUBLE ? 1e-14 : 2e-7);
            // The same each time, to the last bit.
            assertThat(Vectors.difference(matrix, Vectors.matrix(measure.pairwise(precision), vectors)))
                    .isZero();
        }
    }

    @Test
    void whatHasNoDirectionIsNanInALargeSet() {
        int n = 600;
        float[][] vectors = vectors(n, 20);
        Arrays.fill(vectors[0], 0);
        vectors[300][19] = Float.NaN;
        vectors[599][0] = Float.NEGATIVE_INFINITY;
        for (Precision precision : Precision.values()) {
            SimilarityMatrix cosine = Vectors.matrix(Cosine.pairwise(precision), vectors);
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    boolean none = i % 300 == 0 || i == 599 || j % 300 == 0 || j == 599;
                    if (Double.isNaN(cosine.get(i, j)) != none) {
                        throw new AssertionError(i + ", " + j + ": " + cosine.get(i, j));
                    }
                }
            }
            for (Measure measure : List.of(Measure.SCALED_COSINE, Measure.CLOSENESS)) {
                SimilarityMatrix all = Vectors.matrix(measure.pairwise(precision), vectors);
                assertThat(all.get(1, 2)).isNaN();
                assertThat(all.get(1, 1)).isNaN();
            }
        }
    }

    @Test
    void magnitudesDoNoHarmInALargeSet() {
        int n = 600;
        float[][] vectors = vectors(n, 20);
        double longest = longest(vectors);
        for (float factor : new float[] {1e-30f, 1e30f}) {
            float[][] scaled = new float[n][20];
            for (int i = 0; i < n; i++) {
                for (int k = 0; k < 20; k++) {
                    scaled[i][k] = vectors[i][k] * factor;
                }
            }
            for (Measure measure : Measure.values()) {
                for (Precision precision : Precision.values()) {
                    SimilarityMatrix matrix = Vectors.matrix(measure.pairwise(precision), scaled);
                    for (int i = 0; i < n; i += 7) {
                        for (int j = 0; j < n; j += 5) {
                            // The factor rounded each value to float32.
                            assertThat(Math.abs(matrix.get(i, j) - reference(measure, vectors, i, j, longest)))
                                    .isLessThan(4e-7);
                        }
                    }
                }
            }
        }
    }

    @Test
    void allZeroInALargeSet() {
        float[][] zeros = new float[600][20];
        for (Precision precision : Precision.values()) {
            assertThat(Vectors.matrix(Closeness.pairwise(precision), zeros).get(599, 2))
                    .isEqualTo(1);
            assertThat(Vectors.matrix(ScaledCosine.pairwise(precision), zeros).get(599, 2))
                    .isNaN();
        }
    }

    @Test
    void blocksAreEvenAndBounded() {
        assertThat(ProductPairs.sizeFor(1, 768)).isEqualTo(1);
        assertThat(ProductPairs.sizeFor(1024, 768)).isEqualTo(1024);
        assertThat(ProductPairs.sizeFor(1025, 768)).isEqualTo(513);
        assertThat(ProductPairs.sizeFor(10_000, 768)).isEqualTo(1000);
        assertThat(ProductPairs.sizeFor(10_000, 50_272)).isEqualTo(164);
        assertThat(ProductPairs.sizeFor(10, 1 << 30)).isEqualTo(1);
    }
}
