package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import io.modscan.onnx.internal.graph.WeightLocation;
import io.modscan.onnx.internal.network.Dialect;
import io.modscan.onnx.opt.OptSourceTest.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What is fused between the sites of a plan changes none of them: the graph of ONNX's own operators tells what they are. */
class FusedGraphTest {

    /** Of a tensor's largest value. */
    private static final double TOLERANCE = 2e-5;

    static final int COLUMNS = TinyOpt.MAX_POSITIONS;

    static final int[][] ROWS = {
        {2, 5, 9, 11, 30},
        {17},
        {2, 2, 8, 4},
        IntStream.range(0, COLUMNS).map(i -> (i * 7 + 2) % TinyOpt.VOCABULARY).toArray(),
    };

    @TempDir
    private Path folder;

    private static void compare(OptModel model, CapturePlan plan, Padding padding) {
        TokenBatch batch = Runs.batch(padding, COLUMNS, ROWS);
        try (ActivationSource plain = model.open(plan, Dialect.ONNX);
                ActivationSource fused = model.open(plan)) {
            Map<String, float[]> expected = Runs.run(plain, batch);
            Map<String, float[]> actual = Runs.run(fused, batch);
            for (Reading reading : plan.readings()) {
                Site site = reading.site();
                for (int row = 0; row < ROWS.length; row++) {
                    assertClose(
                            reading + " of row " + row,
                            ofRow(reading, Runs.get(actual, site.name()), padding, row),
                            ofRow(reading, Runs.get(expected, site.name()), padding, row));
                }
            }
        }
    }

    private static float[] ofRow(Reading reading, float[] values, Padding padding, int row) {
        int width = reading.site().width();
        return reading.pooling().isPooled()
                ? Arrays.copyOfRange(values, row * width, (row + 1) * width)
                : Runs.unpad(reading.site(), values, padding, COLUMNS, row, ROWS[row].length);
    }

    private static void assertClose(String what, float[] actual, float[] expected) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        double largest = 0;
        for (float value : expected) {
            if (!Float.isNaN(value) && value > -Float.MAX_VALUE) {
                largest = Math.max(largest, Math.abs(value));
            }
        }
        for (int i = 0; i < expected.length; i++) {
            if (Float.isNaN(expected[i])) {
                assertThat(actual[i]).as(what).isNaN();
            } else if (expected[i] <= -Float.MAX_VALUE) {
                assertThat(actual[i]).as(what).isEqualTo(expected[i]);
            } else {
                assertThat((double) actual[i]).as(what).isCloseTo(expected[i], within(TOLERANCE * largest));
            }
        }
    }

    static Stream<Arguments> kindsAndPaddings() {
        return Arrays.stream(Kind.values())
                .flatMap(kind -> Arrays.stream(Padding.values()).map(padding -> Arguments.of(kind, padding)));
    }

    @ParameterizedTest
    @MethodSource("kindsAndPaddings")
    void aSiteReadAloneIsAsInThePlainGraph(Kind kind, Padding padding) {
        OptModel model = kind.load(folder);
        for (Site site : model.sites()) {
            compare(model, new CapturePlan(List.of(new Reading(site, Pooling.none()))), padding);
        }
    }

    @ParameterizedTest
    @MethodSource("kindsAndPaddings")
    void sitesReadTogetherAreAsInThePlainGraph(Kind kind, Padding padding) {
        OptModel model = kind.load(folder);
        Random random = new Random(2026);
        for (int i = 0; i < 30; i++) {
            List<Site> sites = new ArrayList<>(model.sites());
            Collections.shuffle(sites, random);
            List<Reading> readings = new ArrayList<>();
            for (Site site : sites.subList(0, 1 + random.nextInt(6))) {
                boolean pooled = site.hasPositions() && random.nextBoolean();
                Site read = site.units() > 0 && random.nextInt(4) == 0 ? site.magnitude() : site;
                readings.add(new Reading(read, pooled ? Pooling.mean() : Pooling.none()));
            }
            compare(model, new CapturePlan(readings), padding);
        }
    }

    /** The sum of eight sums rounds a few times, whatever the length. */
    @ParameterizedTest
    @EnumSource(Padding.class)
    void meansAreThoseOfDoublePrecisionUpToTheLastBits(Padding padding) {
        OptModel model = Kind.PRE_NORM.load(folder);
        String[] sites = {"blocks.*.attn.hook_z", "blocks.*.mlp.hook_post", "blocks.*.hook_resid_post"};
        TokenBatch batch = Runs.batch(padding, COLUMNS, ROWS);
        CapturePlan none = Runs.plan(model, Pooling.none(), sites);
        Map<String, float[]> whole = Runs.run(model, none, batch);
        Map<String, float[]> means = Runs.run(model, Runs.plan(model, Pooling.mean(), sites), batch);
        for (Reading reading : none.readings()) {
            Site site = reading.site();
            for (int row = 0; row < ROWS.length; row++) {
                int length = ROWS[row].length;
                float[] values = Runs.unpad(site, Runs.get(whole, site.name()), padding, COLUMNS, row, length);
                for (int unit = 0; unit < site.width(); unit++) {
                    double sum = 0;
                    double sizes = 0;
                    for (int i = unit; i < values.length; i += site.width()) {
                        sum += values[i];
                        sizes += Math.abs(values[i]);
                    }
                    assertThat((double) Runs.get(means, site.name())[row * site.width() + unit])
                            .as("%s of unit %d in row %d", site, unit, row)
                            .isCloseTo(sum / length, within(4e-7 * sizes / length + Float.MIN_NORMAL));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kindsAndPaddings")
    void aPatternThatIsReadBesideChangesNoBit(Kind kind, Padding padding) {
        OptModel model = kind.load(folder);
        String[] sites = {"blocks.*.attn.hook_z", "blocks.*.mlp.hook_post"};
        String[] more = {
            sites[0],
            sites[1],
            "blocks.*.attn.hook_attn_scores",
            "blocks.*.attn.hook_pattern",
            "blocks.*.attn.hook_result"
        };
        TokenBatch batch = Runs.batch(padding, COLUMNS, ROWS);
        try (ActivationSource alone = model.open(Runs.plan(model, Pooling.none(), sites));
                ActivationSource beside = model.open(Runs.plan(model, Pooling.none(), more))) {
            Map<String, float[]> expected = Runs.run(alone, batch);
            Map<String, float[]> actual = Runs.run(beside, batch);
            expected.forEach((name, values) ->
                    assertThat(Runs.get(actual, name)).as(name).isEqualTo(values));
        }
    }

    // ---- which nodes there are ----

    private GraphProto graph(OptModel model, Dialect dialect, String... globs) throws IOException {
        CapturePlan plan = Runs.plan(model, Pooling.none(), globs);
        return ModelProto.parseFrom(model.graph(plan, dialect, model.needed(plan))
                        .serialise(WeightLocation.inPlace(folder.toRealPath()), Map.of()))
                .getGraph();
    }

    private static long count(GraphProto graph, String type) {
        return graph.getNodeList().stream()
                .filter(node -> node.getOpType().equals(type))
                .count();
    }

    /**
     * Two layers have two attentions and five LayerNorms, the last one included. A sum that is the last has one, too, so that it is
     * added up by the same kernel.
     */
    @ParameterizedTest
    @CsvSource({
        "logits,                                 2, 5, 0",
        "blocks.*.attn.hook_z|blocks.*.mlp.hook_post, 2, 4, 0",
        "blocks.1.hook_resid_post,               2, 5, 0",
        "blocks.0.hook_resid_mid,                1, 2, 0",
        "blocks.0.hook_resid_pre,                0, 1, 0",
        "blocks.1.attn.hook_q|logits,            2, 5, 0",
        "blocks.0.hook_attn_out|logits,          2, 5, 0",
        "blocks.0.attn.hook_pattern|logits,      2, 5, 1",
        "blocks.1.attn.hook_attn_scores|logits,  2, 5, 0",
        "blocks.*.attn.hook_result|logits,       2, 5, 0",
    })
    void onlyWhatThePlanLooksIntoIsOpen(String sites, int attentions, int norms, int softmaxes) throws IOException {
        GraphProto graph = graph(new TinyOpt().load(folder), Dialect.ONNX_RUNTIME_CPU, sites.split("\\|"));
        assertThat(count(graph, "MultiHeadAttention")).isEqualTo(attentions);
        assertThat(count(graph, "SkipLayerNormalization")).isEqualTo(norms);
        assertThat(count(graph, "Softmax")).isEqualTo(softmaxes);
        assertThat(count(graph, "LayerNormalization")).isZero();
    }

    @Test
    void aSumThatEndsTheGraphNeedsNoNormBehindIt() throws IOException {
        GraphProto graph = graph(new TinyOpt().load(folder), Dialect.ONNX_RUNTIME_CPU, "blocks.0.hook_resid_post");
        assertThat(graph.getInitializerList())
                .extracting(TensorProto::getName)
                .contains("model.decoder.layers.0.fc2.bias")
                .noneMatch(name -> name.contains("layers.1."));
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void otherRuntimesAndCudaGetNoFusedNodes(Kind kind) throws IOException {
        OptModel model = kind.load(folder);
        assertThat(graph(model, Dialect.ONNX, "*").getNodeList())
                .extracting(NodeProto::getDomain)
                .containsOnly("");
        assertThat(graph(model, Dialect.ONNX_RUNTIME, "*").getNodeList().stream()
                        .filter(node -> !node.getDomain().isEmpty())
                        .map(NodeProto::getOpType))
                .containsOnly("FusedMatMul");
    }
}
