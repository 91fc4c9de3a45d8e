package io.modscan.metrics.similarity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.MetricContract;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Pooling;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LinearCkaTest {

    static Stream<Map<String, Object>> ckas() {
        return Golden.cases("similarity.json", "ckas");
    }

    private static Activations sites(float[][]... sites) {
        PlantedModel model = new PlantedModel();
        for (int i = 0; i < sites.length; i++) {
            model.with(PlantedModel.units("s" + i, sites[i][0].length), sites[i]);
        }
        return model.capture(Vectors.labels(sites[0].length, 1));
    }

    @ParameterizedTest
    @MethodSource("ckas")
    void agreesWithTheFormula(Map<String, Object> golden) {
        Activations activations = sites(
                Golden.list(golden.get("sites")).stream().map(Golden::vectors).toArray(float[][][]::new));
        double[][] expected = Golden.matrix(golden.get("cka"));
        SiteSimilarity cka = activations.measure(LinearCka.pairwise());
        double error = 0;
        for (int tile : new int[] {1, 2, 7, 1000}) {
            SiteSimilarity tiled = new CentredProducts(activations.sites(), tile).cka();
            for (int i = 0; i < expected.length; i++) {
                for (int j = 0; j < expected.length; j++) {
                    error = Math.max(error, Vectors.difference(tiled.get(i, j), expected[i][j]));
                    error = Math.max(error, Vectors.difference(cka.get(i, j), expected[i][j]));
                    assertThat(Double.compare(cka.get(i, j), cka.get(j, i))).isZero();
                }
                if (!Double.isNaN(expected[i][i])) {
                    assertThat(cka.get(i, i)).isEqualTo(1);
                }
            }
        }
        assertThat(error).isLessThanOrEqualTo(1e-12);
    }

    @Test
    void turnedShiftedAndScaledVectorsAreTheSame() {
        float[][] vectors = Vectors.normal(new Random(2), 30, 3);
        float[][] turned = new float[30][];
        for (int i = 0; i < 30; i++) {
            float[] v = vectors[i];
            turned[i] = new float[] {100 - 4 * v[2], 4 * v[0], 4 * v[1] - 7};
        }
        assertThat(sites(vectors, turned).measure(LinearCka.pairwise()).get(0, 1))
                .isCloseTo(1, within(1e-10));
    }

    /** The simple estimate is near 1 here: there are more units than prompts. */
    @Test
    void unrelatedWideSitesAreNotAlikeOnAverage() {
        Random random = new Random(4);
        int tries = 200;
        double sum = 0;
        for (int i = 0; i < tries; i++) {
            double cka = sites(Vectors.normal(random, 10, 60), Vectors.normal(random, 10, 60))
                    .measure(LinearCka.pairwise())
                    .get(0, 1);
            sum += cka;
        }
        // A single one has a standard deviation of √(2 / (n (n − 3))) or so, 0.17.
        assertThat(sum / tries).isCloseTo(0, within(4 * 0.17 / Math.sqrt(tries)));
    }

    @Test
    void equidistantPromptsHaveNoAlignment() {
        float[][] corners = new float[8][8];
        IntStream.range(0, 8).forEach(i -> corners[i][i] = 3);
        SiteSimilarity cka = sites(corners, Vectors.normal(new Random(1), 8, 4)).measure(LinearCka.pairwise());
        assertThat(cka.get(0, 0)).isNaN();
        assertThat(cka.get(0, 1)).isNaN();
        assertThat(cka.get(1, 1)).isEqualTo(1);
    }

    @Test
    void manyPromptsInTilesAreAsInOne() {
        Random random = new Random(9);
        float[][] first = Vectors.normal(random, 1100, 5);
        float[][] second = Vectors.normal(random, 1100, 3);
        IntStream.range(0, 1100).forEach(i -> second[i][1] += first[i][2]);
        Activations activations = sites(first, second);
        double whole = new CentredProducts(activations.sites(), 1100).cka().get(0, 1);
        double tiled = activations.measure(LinearCka.pairwise()).get(0, 1);
        assertThat(whole).isBetween(0.05, 0.5);
        assertThat(tiled).isCloseTo(whole, within(1e-12));
    }

    @Test
    void keepsTheContract() {
        Random random = new Random(6);
        float[][] first = Vectors.normal(random, 12, 5);
        Activations activations = sites(first, Vectors.normal(random, 12, 9), Vectors.normal(random, 12, 1));
        MetricContract.of(LinearCka.pairwise(), activations)
                .comparing((a, b) -> IntStream.range(0, 9)
                        .allMatch(at -> Vectors.difference(a.get(at / 3, at % 3), b.get(at / 3, at % 3)) < 1e-12))
                .onNaN(cka -> assertThat(cka.get(1, 1)).isNaN())
                .verify();
    }

    @Test
    void isKnownBySite() {
        Random random = new Random(6);
        Activations activations = sites(Vectors.normal(random, 12, 5), Vectors.normal(random, 12, 9));
        SiteSimilarity cka = activations.measure(LinearCka.pairwise());
        assertThat(cka).hasToString("SiteSimilarity[linear CKA, [s0, s1]]");
        assertThat(cka.name()).isEqualTo("linear CKA");
        assertThat(cka.sites())
                .isEqualTo(
                        activations.sites().stream().map(SiteActivations::site).toList());
        assertThat(cka.get(cka.sites().get(0), cka.sites().get(1))).isEqualTo(cka.get(0, 1));
        assertThatThrownBy(() -> cka.get(cka.sites().get(0), PlantedModel.units("other", 5)))
                .isInstanceOf(ModscanException.class)
                .hasMessage("'other' was not measured; measured were [s0, s1]");
        assertThatThrownBy(() -> cka.get(0, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        Activations perToken = new PlantedModel()
                .with(PlantedModel.units("site", 1), new float[] {1})
                .capture(Pooling.none(), List.of("a"));
        assertThatThrownBy(() -> perToken.measure(LinearCka.pairwise()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("Pooling.none()");
    }

    @Test
    void wideVectorsMakeSmallTiles() {
        assertThat(CentredProducts.rows(1, 768)).isEqualTo(1024);
        assertThat(CentredProducts.rows(64, 768)).isEqualTo(512);
        assertThat(CentredProducts.rows(2, 300_000)).isEqualTo(27);
        assertThat(CentredProducts.rows(2, 9_000_000)).isEqualTo(1);
        // 1,024 vectors of this width would take more bytes than a buffer can have.
        float[][] vectors = new float[6][300_000];
        for (int i = 0; i < vectors.length; i++) {
            vectors[i][i * i] = i + 1;
            vectors[i][7] = i;
        }
        Activations wide = PlantedModel.of(List.of("a", "b", "a", "b", "a", "b"), vectors);
        assertThat(wide.measure(LinearCka.pairwise()).get(0, 0)).isEqualTo(1);
        assertThat(new CentredProducts(wide.sites(), 2).cka().get(0, 0)).isEqualTo(1);
    }
}
