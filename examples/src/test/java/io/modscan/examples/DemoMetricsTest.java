package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.basis.BrightDimensions;
import io.modscan.metrics.selectivity.Importance;
import io.modscan.metrics.selectivity.ImportanceMap;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitImportance;
import io.modscan.metrics.selectivity.UnitSelectivity;
import io.modscan.metrics.similarity.Closeness;
import io.modscan.metrics.similarity.Cosine;
import io.modscan.metrics.similarity.LabelSeparation;
import io.modscan.metrics.similarity.LinearCka;
import io.modscan.metrics.similarity.ScaledCosine;
import io.modscan.metrics.similarity.Separation;
import io.modscan.metrics.similarity.SimilarityMatrix;
import io.modscan.metrics.similarity.SiteSimilarity;
import io.modscan.metrics.subspace.Subspace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Metrics of the activations that transformers gave for the demo's prompts, as NumPy, SciPy and scikit-learn see them. */
class DemoMetricsTest {

    private static final int LAYERS = 6;

    private final Map<String, Object> golden = golden();
    private final SafetensorsFile pooled =
            SafetensorsFile.open(ReferenceActivations.resource("demo").resolve("pooled.safetensors"));
    private final Prompts prompts = DemoModel.prompts();

    private static Map<String, Object> golden() {
        try {
            return JSON.std.mapFrom(
                    Files.readString(ReferenceActivations.resource("demo").resolve("metrics.json")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A stored tensor's first units as a site. */
    private Activations.Builder add(Activations.Builder activations, String name, String tensor, int units) {
        FloatBuffer values = pooled.map(tensor).asFloatBuffer();
        int width = values.capacity() / prompts.size();
        float[][] rows = new float[prompts.size()][units];
        for (int i = 0; i < rows.length; i++) {
            values.get(i * width, rows[i]);
        }
        Site site = new Site(name, OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(units)), false);
        return activations.site(site, Pooling.last(), rows);
    }

    private Activations stream() {
        Activations.Builder all = Activations.builder(prompts);
        for (int layer = 0; layer < LAYERS; layer++) {
            add(all, "layer" + layer, "blocks." + layer + ".hook_resid_post.last", 256);
        }
        return all.build();
    }

    private static Offset<Double> close(double expected) {
        return within(1e-9 * Math.abs(expected) + 1e-300);
    }

    private static void assertClose(double actual, @Nullable Object expected) {
        double number = ((Number) Objects.requireNonNull(expected)).doubleValue();
        assertThat(actual).isCloseTo(number, close(number));
    }

    private List<?> list(String key) {
        return (List<?>) Objects.requireNonNull(golden.get(key));
    }

    @Test
    void labelsAreAsFarApart() {
        Map<String, Metric<SimilarityMatrix>> similarities = Map.of(
                "cosine", Cosine.pairwise(),
                "scaled cosine", ScaledCosine.pairwise(),
                "closeness", Closeness.pairwise());
        Activations stream = stream();
        assertThat(list("separations")).hasSize(LAYERS * 3).allSatisfy(entry -> {
            Map<?, ?> expected = (Map<?, ?>) entry;
            Metric<SimilarityMatrix> similarity = Objects.requireNonNull(similarities.get(expected.get("similarity")));
            LabelSeparation actual =
                    stream.at("layer" + expected.get("layer")).measure(Separation.by("topic", similarity));
            assertClose(actual.within(), expected.get("within"));
            assertClose(actual.between(), expected.get("between"));
            assertClose(actual.silhouette(), expected.get("silhouette"));
            assertClose(actual.accuracy(), expected.get("accuracy"));
        });
    }

    @Test
    void layersAreAsAlike() {
        SiteSimilarity cka = stream().measure(LinearCka.pairwise());
        for (int i = 0; i < LAYERS; i++) {
            for (int j = 0; j < LAYERS; j++) {
                assertClose(cka.get(i, j), ((List<?>) list("cka").get(i)).get(j));
            }
        }
    }

    @Test
    void unitsAreAsSelective() {
        SelectivityMap map = add(Activations.builder(prompts), "units", "blocks.5.hook_resid_post.last", 24)
                .build()
                .measure(Selectivity.by("topic"));
        List<UnitSelectivity> rows = map.rows().toList();
        assertThat(rows).hasSameSizeAs(list("selectivity"));
        for (int i = 0; i < rows.size(); i++) {
            List<?> expected = (List<?>) list("selectivity").get(i);
            assertClose(rows.get(i).meanIn(), expected.get(0));
            assertClose(rows.get(i).meanOut(), expected.get(1));
            assertClose(rows.get(i).hedgesG(), expected.get(2));
            assertClose(rows.get(i).auroc(), expected.get(3));
            assertClose(rows.get(i).kruskalP(), expected.get(4));
        }
    }

    @Test
    void neuronsAreAsImportant() {
        ImportanceMap map = add(Activations.builder(prompts), "neurons", "blocks.2.mlp.hook_post.mean", 64)
                .build()
                .measure(Importance.by("topic"));
        List<UnitImportance> rows = map.rows().toList();
        assertThat(rows).hasSameSizeAs(list("importance"));
        for (int i = 0; i < rows.size(); i++) {
            List<?> expected = (List<?>) list("importance").get(i);
            assertClose(rows.get(i).in().shareActive(), expected.get(0));
            assertClose(rows.get(i).in().meanAbsolute(), expected.get(1));
            assertClose(rows.get(i).in().rms(), expected.get(2));
            assertClose(rows.get(i).in().deviation(), expected.get(3));
        }
    }

    @Test
    void basesAndDimensionsAreTheSame() {
        Activations last = stream().at("layer5").alone();
        Basis basis = last.measure(Basis.centred());
        for (int i = 0; i < list("variances").size(); i++) {
            assertClose(basis.variance(i), list("variances").get(i));
        }
        assertClose(basis.effectiveRank(), golden.get("effectiveRank"));
        BrightDimensions bright = last.measure(BrightDimensions.find());
        for (int i = 0; i < list("normShares").size(); i++) {
            assertClose(bright.top(10).get(i).normShare(), list("normShares").get(i));
        }
    }

    @Test
    void subspacesHaveTheSameAngles() {
        Map<String, Subspace> byTopic =
                stream().at("layer5").measure(Subspace.leading(3).byLabel("topic"));
        double[] angles =
                Objects.requireNonNull(byTopic.get("law")).anglesTo(Objects.requireNonNull(byTopic.get("medicine")));
        for (int i = 0; i < angles.length; i++) {
            assertClose(angles[i], list("angles").get(i));
        }
    }
}
