package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtProvider;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import io.modscan.onnx.internal.graph.WeightLocation;
import io.modscan.onnx.internal.network.Dialect;
import io.modscan.onnx.internal.network.Stretch;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class OptSourceTest {

    /** Of a tensor's largest value. */
    private static final double TOLERANCE = 2e-5;

    /** Rows with a BOS in front, without one, with two, of one token, and as long as the model takes. */
    private static final int[][] ROWS = {
        {2, 5, 9, 11, 30},
        {6, 2, 39},
        {2, 2, 8, 4},
        {17},
        IntStream.range(0, TinyOpt.MAX_POSITIONS).map(i -> (i * 7 + 2) % 40).toArray(),
    };

    private static final int COLUMNS = TinyOpt.MAX_POSITIONS;

    @TempDir
    private Path folder;

    /** Kinds of checkpoints that differ in the graph that they become. */
    enum Kind {
        PRE_NORM,
        POST_NORM_PROJECTED,
        PRE_NORM_PROJECTED_HALF,
        BARE,
        POST_NORM_BARE;

        OptModel load(Path folder) {
            TinyOpt opt = new TinyOpt();
            switch (this) {
                case PRE_NORM -> {}
                case POST_NORM_PROJECTED -> opt.postNorm().projection(8);
                case PRE_NORM_PROJECTED_HALF -> opt.projection(6).stored(DType.F16);
                case BARE -> opt.withoutBias().withoutAffineNorm().untiedHead().gelu();
                case POST_NORM_BARE -> opt.postNorm().withoutBias().withoutAffineNorm();
            }
            return opt.load(folder);
        }
    }

    private OptModel model() {
        return new TinyOpt().load(folder);
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
            // NaN, and the masked scores beside which nothing else has a size, are exact.
            boolean exact = Float.isNaN(expected[i]) || expected[i] <= -Float.MAX_VALUE;
            boolean close = exact
                    ? Float.compare(actual[i], expected[i]) == 0
                    : Math.abs((double) actual[i] - expected[i]) <= TOLERANCE * largest;
            if (!close) {
                assertThat(actual[i])
                        .as("%s, value %d of %d", what, i, expected.length)
                        .isEqualTo(expected[i]);
            }
        }
    }

    // ---- padding ----

    static Stream<Arguments> kindsAndPaddings() {
        return Arrays.stream(Kind.values())
                .flatMap(kind -> Arrays.stream(Padding.values()).map(padding -> Arguments.of(kind, padding)));
    }

    @ParameterizedTest
    @MethodSource("kindsAndPaddings")
    void aPaddedRowGivesTheNumbersThatItGivesAlone(Kind kind, Padding padding) {
        OptModel model = kind.load(folder);
        CapturePlan plan = Runs.everything(model);
        try (ActivationSource source = model.open(plan)) {
            Map<String, float[]> padded = Runs.run(source, Runs.batch(padding, COLUMNS, ROWS));
            for (int row = 0; row < ROWS.length; row++) {
                int length = ROWS[row].length;
                Map<String, float[]> alone = Runs.run(source, Runs.batch(padding, length, ROWS[row]));
                for (Reading reading : plan.readings()) {
                    Site site = reading.site();
                    assertClose(
                            site + " of row " + row,
                            Runs.unpad(site, Runs.get(padded, site.name()), padding, COLUMNS, row, length),
                            Runs.get(alone, site.name()));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Padding.class)
    void aBatchMayBePaddedFurtherThanItsLongestRow(Padding padding) {
        OptModel model = model();
        try (ActivationSource source = model.open(Runs.plan(model, Pooling.none(), "logits"))) {
            float[] alone = Runs.get(Runs.run(source, Runs.batch(padding, 5, ROWS[0])), "logits");
            float[] padded = Runs.get(Runs.run(source, Runs.batch(padding, 60, ROWS[0])), "logits");
            assertClose(
                    "logits", Runs.unpad(Runs.site(model, "logits"), padded, padding, 60, 0, ROWS[0].length), alone);
        }
    }

    // ---- what the tensors are to each other ----

    @ParameterizedTest
    @EnumSource(Padding.class)
    void lossIsTheNegativeLogSoftmaxOfTheLogitsBefore(Padding padding) {
        OptModel model = model();
        Map<String, float[]> values =
                Runs.run(model, Runs.plan(model, Pooling.none(), "logits", "loss"), Runs.batch(padding, COLUMNS, ROWS));
        for (int row = 0; row < ROWS.length; row++) {
            int[] ids = ROWS[row];
            float[] logits = Runs.unpad(
                    Runs.site(model, "logits"), Runs.get(values, "logits"), padding, COLUMNS, row, ids.length);
            float[] expected = new float[ids.length];
            expected[0] = Float.NaN;
            for (int position = 1; position < ids.length; position++) {
                int before = (position - 1) * TinyOpt.VOCABULARY;
                double sum = 0;
                for (int token = 0; token < TinyOpt.VOCABULARY; token++) {
                    sum += Math.exp(logits[before + token]);
                }
                expected[position] = (float) (Math.log(sum) - logits[before + ids[position]]);
            }
            assertClose(
                    "loss of row " + row,
                    Runs.unpad(Runs.site(model, "loss"), Runs.get(values, "loss"), padding, COLUMNS, row, ids.length),
                    expected);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theHeadsResultsAndTheBiasAddUpToAttnOut(boolean bias) {
        TinyOpt opt = bias ? new TinyOpt() : new TinyOpt().withoutBias();
        OptModel model = opt.load(folder);
        Map<String, float[]> values = Runs.run(
                model,
                Runs.plan(model, Pooling.none(), "blocks.1.attn.hook_result", "blocks.1.hook_attn_out"),
                Runs.batch(Padding.RIGHT, 5, ROWS[0]));
        float[] results = Runs.get(values, "blocks.1.attn.hook_result");
        float[] expected = new float[5 * 12];
        for (int position = 0; position < 5; position++) {
            for (int unit = 0; unit < 12; unit++) {
                for (int head = 0; head < 3; head++) {
                    expected[position * 12 + unit] += results[(position * 3 + head) * 12 + unit];
                }
            }
        }
        if (bias) {
            FloatBuffer biases = SafetensorsFile.open(folder.resolve("model.safetensors"))
                    .map("model.decoder.layers.1.self_attn.out_proj.bias")
                    .asFloatBuffer();
            for (int i = 0; i < expected.length; i++) {
                expected[i] += biases.get(i % 12);
            }
        }
        assertClose("hook_attn_out", Runs.get(values, "blocks.1.hook_attn_out"), expected);
    }

    @Test
    void magnitudesAreNormsOverUnits() {
        OptModel model = model();
        CapturePlan plan = Runs.everything(model);
        Map<String, float[]> values = Runs.run(model, plan, Runs.batch(Padding.RIGHT, 5, ROWS[0]));
        int compared = 0;
        for (Site site : model.sites()) {
            if (site.units() > 0) {
                float[] tensor = Runs.get(values, site.name());
                float[] expected = new float[tensor.length / site.units()];
                for (int i = 0; i < expected.length; i++) {
                    double sum = 0;
                    for (int unit = 0; unit < site.units(); unit++) {
                        double value = tensor[i * site.units() + unit];
                        sum += value * value;
                    }
                    expected[i] = (float) Math.sqrt(sum);
                }
                assertClose(site + ".magnitude", Runs.get(values, site.name() + ".magnitude"), expected);
                compared++;
            }
        }
        // All but attention scores and patterns of two layers, and the loss.
        assertThat(compared).isEqualTo(model.sites().size() - 5);
    }

    @ParameterizedTest
    @EnumSource(Padding.class)
    void scoresThatAreNotToBeSeenAreTheLeastFloatAndGetNoAttention(Padding padding) {
        OptModel model = model();
        Map<String, float[]> values = Runs.run(
                model,
                Runs.plan(model, Pooling.none(), "blocks.0.attn.hook_attn_scores", "blocks.0.attn.hook_pattern"),
                Runs.batch(padding, COLUMNS, ROWS));
        float[] scores = Runs.get(values, "blocks.0.attn.hook_attn_scores");
        float[] pattern = Runs.get(values, "blocks.0.attn.hook_pattern");
        for (int row = 0; row < ROWS.length; row++) {
            int first = Runs.first(padding, COLUMNS, ROWS[row].length);
            int end = first + ROWS[row].length;
            for (int head = 0; head < 3; head++) {
                for (int query = first; query < end; query++) {
                    double sum = 0;
                    for (int key = 0; key < COLUMNS; key++) {
                        int at = ((row * 3 + head) * COLUMNS + query) * COLUMNS + key;
                        if (key < first || key > query) {
                            assertThat(scores[at]).isEqualTo(-Float.MAX_VALUE);
                            assertThat(pattern[at]).isEqualTo(0f);
                        } else {
                            assertThat(scores[at]).isBetween(-1e3f, 1e3f);
                            assertThat(pattern[at]).isPositive();
                        }
                        sum += pattern[at];
                    }
                    assertThat(sum).isBetween(1 - 1e-6, 1 + 1e-6);
                }
            }
        }
    }

    @Test
    void aSequenceOfOneTokenAttendsToItselfAndHasNoLoss() {
        OptModel model = model();
        Map<String, float[]> values =
                Runs.run(model, Runs.everything(model), Runs.batch(Padding.RIGHT, 1, new int[] {17}));
        assertThat(Runs.get(values, "blocks.0.attn.hook_pattern")).containsExactly(1f, 1f, 1f);
        assertThat(Runs.get(values, "loss")).containsExactly(Float.NaN);
        assertThat(Runs.get(values, "logits")).hasSize(TinyOpt.VOCABULARY).doesNotContain(Float.NaN);
    }

    // ---- pooling ----

    static Stream<Arguments> poolingsAndPaddings() {
        return Stream.of(Pooling.last(), Pooling.mean(), Pooling.max(), Pooling.sum())
                .flatMap(pooling -> Stream.of(pooling, pooling.withoutBos()))
                .flatMap(pooling -> Arrays.stream(Padding.values()).map(padding -> Arguments.of(pooling, padding)));
    }

    @ParameterizedTest
    @MethodSource("poolingsAndPaddings")
    void poolingInTheGraphIsWhatOneWouldComputeFromThePositions(Pooling pooling, Padding padding) {
        OptModel model = model();
        List<Site> sites = Stream.of(
                        Runs.site(model, "hook_embed"),
                        Runs.site(model, "blocks.1.attn.hook_z"),
                        Runs.site(model, "blocks.1.attn.hook_z").magnitude(),
                        Runs.site(model, "blocks.0.attn.hook_result"),
                        Runs.site(model, "blocks.1.mlp.hook_pre"),
                        Runs.site(model, "blocks.1.hook_resid_post"),
                        Runs.site(model, "blocks.1.hook_resid_post").magnitude(),
                        Runs.site(model, "loss"))
                .toList();
        TokenBatch batch = Runs.batch(padding, COLUMNS, ROWS);
        Map<String, float[]> pooled = Runs.run(model, planned(sites, pooling), batch);
        Map<String, float[]> perToken = Runs.run(model, planned(sites, Pooling.none()), batch);
        for (Site site : sites) {
            float[] expected = new float[ROWS.length * site.width()];
            for (int row = 0; row < ROWS.length; row++) {
                float[] values =
                        Runs.unpad(site, Runs.get(perToken, site.name()), padding, COLUMNS, row, ROWS[row].length);
                boolean skipFirst = site.name().equals("loss")
                        || (pooling.positions().isWithoutBos() && ROWS[row][0] == TinyOpt.BOS);
                float[] one = pool(values, site.width(), skipFirst ? 1 : 0, pooling.kind());
                System.arraycopy(one, 0, expected, row * site.width(), site.width());
            }
            assertClose(site + " " + pooling, Runs.get(pooled, site.name()), expected);
        }
    }

    private static CapturePlan planned(List<Site> sites, Pooling pooling) {
        return new CapturePlan(
                sites.stream().map(site -> new Reading(site, pooling)).toList());
    }

    /** What pooling means: not a number where there is nothing to pool. */
    private static float[] pool(float[] values, int width, int from, Pooling.Kind kind) {
        int length = values.length / width;
        float[] pooled = new float[width];
        for (int unit = 0; unit < width; unit++) {
            double sum = 0;
            float max = Float.NEGATIVE_INFINITY;
            for (int position = from; position < length; position++) {
                sum += values[position * width + unit];
                max = Math.max(max, values[position * width + unit]);
            }
            pooled[unit] = from >= length
                    ? Float.NaN
                    : switch (kind) {
                        case LAST -> values[(length - 1) * width + unit];
                        case MEAN -> (float) (sum / (length - from));
                        case MAX -> max;
                        case SUM -> (float) sum;
                        case NONE -> throw new IllegalArgumentException("nothing to pool");
                    };
        }
        return pooled;
    }

    @Test
    void onePlanMayPoolEachSiteInItsOwnWay() {
        OptModel model = model();
        Site z = Runs.site(model, "blocks.0.attn.hook_z");
        Site post = Runs.site(model, "blocks.0.mlp.hook_post");
        CapturePlan plan = new CapturePlan(List.of(
                new Reading(post, Pooling.max().withoutBos()),
                new Reading(z, Pooling.none()),
                new Reading(z.magnitude(), Pooling.mean())));
        Map<String, float[]> values = Runs.run(model, plan, Runs.batch(Padding.LEFT, 5, ROWS[0], ROWS[1]));
        assertThat(Runs.get(values, post.name())).hasSize(2 * 20);
        assertThat(Runs.get(values, z.name())).hasSize(2 * 5 * 12);
        assertThat(Runs.get(values, z.magnitude().name())).hasSize(2 * 3);
    }

    // ---- only what is asked ----

    private GraphProto graph(OptModel model, String... globs) throws IOException {
        return ModelProto.parseFrom(model.graph(
                                Runs.plan(model, Pooling.none(), globs),
                                Dialect.ONNX,
                                Stretch.whole(model.config().layers()))
                        .serialise(WeightLocation.inPlace(folder.toRealPath()), Map.of()))
                .getGraph();
    }

    private static List<String> weights(GraphProto graph) {
        return graph.getInitializerList().stream()
                .filter(tensor -> tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL)
                .map(TensorProto::getName)
                .toList();
    }

    @ParameterizedTest
    @CsvSource({"1, logits, true", "1, loss, true", "1, ln_final.hook_normalized, false", "2, logits, false"})
    void theHeadDominatesWhereItIsComputedAndMuchOfTheModel(int layers, String site, boolean dominates) {
        OptModel model = new TinyOpt().layers(layers).load(folder);
        CapturePlan plan = Runs.plan(model, Pooling.none(), site);
        assertThat(model.graph(
                                plan,
                                Dialect.ONNX_RUNTIME,
                                Stretch.whole(model.config().layers()))
                        .headDominates())
                .isEqualTo(dominates);
    }

    /** Without packing, the numbers are those of a graph that packs. */
    @Test
    void packingOrNotGivesTheSameNumbers() {
        OptModel model = new TinyOpt().layers(1).load(folder);
        TokenBatch batch = Runs.batch(Padding.LEFT, 5, ROWS[0], ROWS[1]);
        String norm = "ln_final.hook_normalized";
        float[] packed = Runs.get(Runs.run(model, Runs.plan(model, Pooling.none(), norm), batch), norm);
        float[] unpacked = Runs.get(Runs.run(model, Runs.plan(model, Pooling.none(), norm, "logits"), batch), norm);
        assertThat(unpacked).hasSameSizeAs(packed);
        for (int i = 0; i < packed.length; i++) {
            assertThat(unpacked[i]).isCloseTo(packed[i], within(2e-5f));
        }
    }

    @Test
    void theGraphOfAnEarlySiteEndsThere() throws IOException {
        OptModel model = new TinyOpt().untiedHead().load(folder);
        GraphProto early = graph(model, "blocks.0.attn.hook_z");
        GraphProto last = graph(model, "blocks.1.hook_resid_post");
        GraphProto logits = graph(model, "logits");
        assertThat(early.getNodeCount()).isLessThan(last.getNodeCount() / 2);
        assertThat(last.getNodeCount()).isLessThan(logits.getNodeCount());
        assertThat(weights(early))
                .contains("model.decoder.layers.0.self_attn.q_proj.weight")
                .doesNotContain("model.decoder.layers.0.fc1.weight", "lm_head.weight");
        assertThat(weights(last)).doesNotContain("lm_head.weight", "model.decoder.final_layer_norm.weight");
        assertThat(weights(logits)).contains("lm_head.weight", "model.decoder.final_layer_norm.weight");
    }

    @Test
    void aTiedHeadIsNotMultipliedUnlessItIsAsked() throws IOException {
        OptModel model = model();
        assertThat(graph(model, "blocks.1.hook_resid_post").getNodeList())
                .extracting(NodeProto::getName)
                .doesNotContain("logits", "loss", "model.decoder.embed_tokens.weight.transposed");
        assertThat(graph(model, "loss").getNodeList())
                .extracting(NodeProto::getName)
                .contains("logits", "loss");
        assertThat(graph(model, "loss").getOutputList()).hasSize(1);
    }

    @Test
    void theEmbeddingsAloneNeedNoBlock() throws IOException {
        OptModel model = model();
        assertThat(graph(model, "hook_embed").getNodeCount()).isEqualTo(1);
        Map<String, float[]> values =
                Runs.run(model, Runs.plan(model, Pooling.none(), "hook_embed"), Runs.batch(Padding.RIGHT, 5, ROWS[0]));
        assertThat(Runs.get(values, "hook_embed")).hasSize(5 * 12);
    }

    // ---- threads, and the end ----

    @Test
    void manyThreadsGetWhatOneGets() throws Exception {
        OptModel model = model();
        CapturePlan plan = Runs.everything(model);
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try (ActivationSource source = model.open(plan)) {
            List<TokenBatch> batches = Arrays.stream(ROWS)
                    .map(row -> Runs.batch(Padding.LEFT, COLUMNS, row, ROWS[0]))
                    .toList();
            List<Map<String, float[]>> alone =
                    batches.stream().map(batch -> Runs.run(source, batch)).toList();
            List<Future<Map<String, float[]>>> together = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                TokenBatch batch = batches.get(i % batches.size());
                together.add(threads.submit(() -> Runs.run(source, batch)));
            }
            for (int i = 0; i < together.size(); i++) {
                Map<String, float[]> expected = alone.get(i % batches.size());
                Map<String, float[]> actual = together.get(i).get();
                for (Map.Entry<String, float[]> entry : expected.entrySet()) {
                    float[] values = Runs.get(actual, entry.getKey());
                    assertThat(Arrays.equals(values, entry.getValue()))
                            .as("%s is bit for bit the same in run %d", entry.getKey(), i)
                            .isTrue();
                }
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void aClosedSourceSaysSo() {
        OptModel model = model();
        ActivationSource source = model.open(Runs.plan(model, Pooling.none(), "hook_embed"));
        TokenBatch batch = Runs.batch(Padding.RIGHT, 5, ROWS[0]);
        List<FloatBuffer> outputs = Runs.outputs(source.plan(), batch);
        source.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> source.run(batch, outputs))
                .withMessageContaining("closed");
    }

    @Test
    void closingTwiceDoesNothing() {
        OptModel model = model();
        ActivationSource source = model.open(Runs.plan(model, Pooling.none(), "hook_embed"));
        source.close();
        assertThatCode(source::close).doesNotThrowAnyException();
    }

    @Test
    void closingWaitsForRunsUnderWay() throws Exception {
        OptModel model = model();
        CapturePlan plan = Runs.everything(model);
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            ActivationSource source = model.open(plan);
            TokenBatch batch = Runs.batch(Padding.RIGHT, COLUMNS, ROWS);
            List<Future<Map<String, float[]>>> runs = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                runs.add(threads.submit(() -> Runs.run(source, batch)));
            }
            runs.get(0).get();
            source.close();
            int refused = 0;
            for (Future<Map<String, float[]>> run : runs) {
                try {
                    assertThat(Runs.get(run.get(), "logits")).doesNotContain(1e30f);
                } catch (ExecutionException e) {
                    assertThat(e.getCause()).isInstanceOf(IllegalStateException.class);
                    refused++;
                }
            }
            assertThat(refused).isLessThan(200);
        } finally {
            threads.shutdownNow();
        }
    }

    // ---- what goes wrong ----

    @Test
    void aHeapBufferIsRefusedSinceNothingWouldArriveInIt() {
        OptModel model = model();
        TokenBatch batch = Runs.batch(Padding.RIGHT, 5, ROWS[0]);
        try (ActivationSource source = model.open(Runs.plan(model, Pooling.none(), "hook_embed"))) {
            List<FloatBuffer> heap = List.of(FloatBuffer.allocate(5 * 12));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> source.run(batch, heap))
                    .withMessageContainingAll("hook_embed", "direct");
        }
    }

    @Test
    void aBufferOfTheOtherByteOrderIsRefused() {
        OptModel model = model();
        TokenBatch batch = Runs.batch(Padding.RIGHT, 5, ROWS[0]);
        ByteOrder other =
                ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
        try (ActivationSource source = model.open(Runs.plan(model, Pooling.none(), "hook_embed"))) {
            List<FloatBuffer> swapped =
                    List.of(ByteBuffer.allocateDirect(5 * 12 * 4).order(other).asFloatBuffer());
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> source.run(batch, swapped))
                    .withMessageContainingAll("hook_embed", "native byte order");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 59, 61})
    void aBufferOfAnotherSizeIsRefused(int size) {
        OptModel model = model();
        TokenBatch batch = Runs.batch(Padding.RIGHT, 5, ROWS[0]);
        try (ActivationSource source = model.open(Runs.plan(model, Pooling.none(), "hook_embed"))) {
            List<FloatBuffer> outputs = List.of(Runs.floats(size));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> source.run(batch, outputs))
                    .withMessageContainingAll("hook_embed", "60", Integer.toString(size));
        }
    }

    @Test
    void anotherNumberOfBuffersIsRefused() {
        OptModel model = model();
        TokenBatch batch = Runs.batch(Padding.RIGHT, 5, ROWS[0]);
        try (ActivationSource source = model.open(Runs.plan(model, Pooling.none(), "hook_embed", "logits"))) {
            List<FloatBuffer> outputs = List.of(Runs.floats(60));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> source.run(batch, outputs))
                    .withMessageContainingAll("2", "1");
        }
    }

    @Test
    void aRowLongerThanTheTableOfPositionsFailsWithTheBatchesSize() {
        OptModel model = model();
        int[] row = new int[TinyOpt.MAX_POSITIONS + 1];
        try (ActivationSource source = model.open(Runs.plan(model, Pooling.none(), "logits"))) {
            TokenBatch batch = Runs.batch(Padding.RIGHT, row.length, row);
            List<FloatBuffer> outputs = Runs.outputs(source.plan(), batch);
            assertThatThrownBy(() -> source.run(batch, outputs))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContainingAll("1 × 25 tokens", "ONNX Runtime");
            assertThat(Runs.run(source, Runs.batch(Padding.RIGHT, 5, ROWS[0]))).hasSize(1);
        }
    }

    @Test
    void weightsThatWentAwaySinceTheyWereCheckedAreMissedWhenTheSourceOpens() throws IOException {
        OptModel model = model();
        Files.delete(folder.resolve("model.safetensors"));
        CapturePlan plan = Runs.plan(model, Pooling.none(), "logits");
        assertThatThrownBy(() -> model.open(plan))
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll("ONNX Runtime", folder.toRealPath().toString(), "model.safetensors");
    }

    // ---- where and how it runs ----

    @Test
    void cudaWithoutItsDependencySaysWhatToAdd() {
        assumeFalse(
                OrtEnvironment.getAvailableProviders().contains(OrtProvider.CUDA),
                "not run: this ONNX Runtime has CUDA");
        OptModel model = model().withRuntime(RuntimeOptions.cuda(0));
        CapturePlan plan = Runs.plan(model, Pooling.none(), "hook_embed");
        assertThatThrownBy(() -> model.open(plan))
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll(
                        "CUDA device 0",
                        "com.microsoft.onnxruntime:onnxruntime_gpu",
                        "in place of com.microsoft.onnxruntime:onnxruntime",
                        "RuntimeOptions.cpu()");
    }

    @Test
    void anyNumberOfThreadsGivesTheSameNumbers() {
        OptModel model = model();
        CapturePlan plan = Runs.plan(model, Pooling.mean(), Sites.all());
        TokenBatch batch = Runs.batch(Padding.RIGHT, COLUMNS, ROWS);
        Map<String, float[]> usual = Runs.run(model, plan, batch);
        for (int threads : new int[] {1, 3}) {
            OptModel threaded = model.withRuntime(RuntimeOptions.cpu().withThreads(threads));
            Map<String, float[]> values = Runs.run(threaded, plan, batch);
            usual.forEach((site, expected) -> assertClose(site, Runs.get(values, site), expected));
        }
    }

    @Test
    void settingsThatRunNothingAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RuntimeOptions.cpu().withThreads(0))
                .withMessageContaining("0 threads");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RuntimeOptions.cuda(-1))
                .withMessageContaining("-1");
    }
}
