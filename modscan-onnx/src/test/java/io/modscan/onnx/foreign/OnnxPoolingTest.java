package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;
import io.modscan.onnx.foreign.Runs.Padding;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pooling within graphs of all opsets in which its operators differ, where padding is no number. */
class OnnxPoolingTest {

    private static final int BOS = 2;
    /** Each row has one of these, and not at the same place. */
    private static final Positions SOME = Positions.ids(2, 9, 11);

    private static final int[][] ROWS = {{2, 5, 9, 1}, {3, 2}, {2, 11, 4}};

    @TempDir
    Path folder;

    private static float[] expected(int[] ids, Pooling pooling, boolean magnitude) {
        int[] counted = Arrays.stream(
                        pooling.positions().of(PromptTokens.of(ids, List.of()), OptionalInt.of(BOS), id -> ""))
                .map(position -> ids[position])
                .toArray();
        float[][] vectors = Arrays.stream(counted)
                .mapToObj(id -> Arrays.copyOfRange(HandGraph.table(), id * 4, id * 4 + 4))
                .map(vector -> magnitude ? new float[] {norm(vector)} : vector)
                .toArray(float[][]::new);
        float[] pooled = vectors[vectors.length - 1].clone();
        for (int unit = 0; unit < pooled.length; unit++) {
            double sum = 0;
            float max = Float.NEGATIVE_INFINITY;
            for (float[] vector : vectors) {
                sum += vector[unit];
                max = Math.max(max, vector[unit]);
            }
            if (pooling.kind() == Pooling.Kind.MEAN) {
                pooled[unit] = (float) (sum / vectors.length);
            } else if (pooling.kind() == Pooling.Kind.SUM) {
                pooled[unit] = (float) sum;
            } else if (pooling.kind() == Pooling.Kind.MAX) {
                pooled[unit] = max;
            }
        }
        return pooled;
    }

    private static float norm(float[] vector) {
        double squares = 0;
        for (float value : vector) {
            squares += value * value;
        }
        return (float) Math.sqrt(squares);
    }

    private static void check(OnnxModel model, Pooling pooling, boolean magnitude) {
        SiteSelector hidden = Sites.glob("hidden");
        CapturePlan plan =
                CapturePlan.of(model.sites(), List.of(new Selection(magnitude ? hidden.magnitude() : hidden, pooling)));
        int width = magnitude ? 1 : 4;
        try (ActivationSource source = model.open(plan)) {
            for (Padding padding : Padding.values()) {
                TokenBatch batch = Runs.choosing(plan, Runs.batch(padding, 6, ROWS), BOS);
                float[] values = Runs.get(
                        Runs.run(source, batch), plan.readings().get(0).site().name());
                for (int row = 0; row < ROWS.length; row++) {
                    assertThat(Arrays.copyOfRange(values, row * width, (row + 1) * width))
                            .as("%s, row %d, padding %s, magnitude %s", pooling, row, padding, magnitude)
                            .containsExactly(expected(ROWS[row], pooling, magnitude), offset(1e-5f));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {7, 8, 9, 11, 12, 13, 17, 18, 21})
    void poolingIsThatOfTheTokensThatCount(int opset) {
        OnnxModel model = HandGraph.text(opset, true).open(folder).withBosTokenId(BOS);
        for (Pooling.Kind kind : Pooling.Kind.values()) {
            if (kind != Pooling.Kind.NONE) {
                for (boolean magnitude : new boolean[] {false, true}) {
                    check(model, new Pooling(kind, Positions.all()), magnitude);
                    check(model, new Pooling(kind, Positions.withoutBos()), magnitude);
                    check(model, new Pooling(kind, Positions.last(2)), magnitude);
                    check(model, new Pooling(kind, SOME), magnitude);
                }
            }
        }
    }

    /** Only some positions leave the graph. */
    private static void checkKept(OnnxModel model, Positions positions) {
        for (boolean magnitude : new boolean[] {false, true}) {
            SiteSelector hidden = magnitude ? Sites.glob("hidden").magnitude() : Sites.glob("hidden");
            CapturePlan plan = CapturePlan.of(
                    model.sites(), List.of(new Selection(hidden, Pooling.none().over(positions))));
            int width = magnitude ? 1 : 4;
            try (ActivationSource source = model.open(plan)) {
                for (Padding padding : Padding.values()) {
                    TokenBatch batch = Runs.choosing(plan, Runs.batch(padding, 6, ROWS), BOS);
                    float[] values = Runs.get(
                            Runs.run(source, batch),
                            plan.readings().get(0).site().name());
                    int columns = batch.columns(plan.readings().get(0));
                    assertThat(columns).isEqualTo(2);
                    for (int row = 0; row < ROWS.length; row++) {
                        int[] kept = batch.chosen(positions, row);
                        for (int i = 0; i < kept.length; i++) {
                            int from = (row * columns + i) * width;
                            assertThat(Arrays.copyOfRange(values, from, from + width))
                                    .containsExactly(
                                            expected(new int[] {ROWS[row][kept[i]]}, Pooling.last(), magnitude),
                                            offset(1e-5f));
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {7, 8, 9, 11, 12, 13, 17, 18, 21})
    void onlyWhatIsChosenLeavesTheGraph(int opset) {
        OnnxModel model = HandGraph.text(opset, true).open(folder).withBosTokenId(BOS);
        checkKept(model, Positions.last(2));
        checkKept(model, SOME);
    }

    @ParameterizedTest
    @ValueSource(ints = {7, 13, 18})
    void aGraphThatRunsPromptsAlonePoolsTheSame(int opset) {
        OnnxModel model = HandGraph.opset(opset)
                .input("input_ids", DataType.INT64, "batch", "sequence")
                .floats("table", HandGraph.table(), 16, 4)
                .node("Gather", "table input_ids", "hidden")
                .open(folder)
                .withBosTokenId(BOS);
        for (Pooling pooling : List.of(
                Pooling.mean(),
                Pooling.last(),
                new Pooling(Pooling.Kind.MAX, Positions.withoutBos()),
                Pooling.mean().over(SOME))) {
            check(model, pooling, false);
            check(model, pooling, true);
        }
        checkKept(model, Positions.last(2));
        checkKept(model, SOME);
    }
}
