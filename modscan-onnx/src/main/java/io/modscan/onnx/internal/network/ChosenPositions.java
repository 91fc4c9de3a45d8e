package io.modscan.onnx.internal.network;

import ai.onnxruntime.OnnxJavaType;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.token.Positions;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.runtime.OrtRuntime.Bound;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The positions that a plan chooses prompt by prompt, as inputs of its graph: a mask for each choice that is pooled over, and the
 * columns that are kept. So nothing leaves the graph that was not asked for.
 *
 * @param choices those of the plan
 * @param keeps   the choice of the sites that keep positions; all of them if there is none
 */
record ChosenPositions(List<Positions> choices, Positions keeps) {

    /** What the axis of kept positions is called. */
    static final String KEPT_AXIS = "kept";

    private static final String COUNTED = "positions/";
    private static final String KEPT = "kept_positions";

    static ChosenPositions of(CapturePlan plan) {
        return new ChosenPositions(plan.chosen(), plan.kept());
    }

    private String name(Positions positions) {
        return COUNTED + choices.indexOf(positions);
    }

    /** [batch, sequence]: whether a position counts. */
    String counted(GraphBuilder graph, Positions positions) {
        String name = name(positions);
        return graph.has(name) ? name : graph.optionalInput(name, DType.BOOL, "batch", "sequence");
    }

    /** [batch, kept, 1]: the columns of what is kept. */
    String kept(GraphBuilder graph) {
        return graph.has(KEPT) ? KEPT : graph.optionalInput(KEPT, DType.I64, "batch", KEPT_AXIS, "1");
    }

    /** What a run gives the inputs that a graph's outputs need. */
    List<Bound> bound(Set<String> needed, TokenBatch batch) {
        List<Bound> inputs = new ArrayList<>();
        for (Positions positions : choices) {
            if (needed.contains(name(positions))) {
                inputs.add(new Bound(
                        name(positions), mask(positions, batch), OnnxJavaType.BOOL, List.of((long) batch.rows(), (long)
                                batch.columns())));
            }
        }
        if (needed.contains(KEPT)) {
            int most = mostKept(batch);
            inputs.add(new Bound(
                    KEPT, columns(batch, most), OnnxJavaType.INT64, List.of((long) batch.rows(), (long) most, 1L)));
        }
        return inputs;
    }

    private static ByteBuffer mask(Positions positions, TokenBatch batch) {
        ByteBuffer mask =
                ByteBuffer.allocateDirect(batch.rows() * batch.columns()).order(ByteOrder.nativeOrder());
        for (int row = 0; row < batch.rows(); row++) {
            int first = batch.first(row);
            for (int position : batch.chosen(positions, row)) {
                mask.put(row * batch.columns() + first + position, (byte) 1);
            }
        }
        return mask;
    }

    /** An output of no position would be none. */
    private int mostKept(TokenBatch batch) {
        int most = 1;
        for (int row = 0; row < batch.rows(); row++) {
            most = Math.max(most, batch.chosen(keeps, row).length);
        }
        return most;
    }

    /** Behind a row's own it is the first column again. */
    private ByteBuffer columns(TokenBatch batch, int most) {
        ByteBuffer columns =
                ByteBuffer.allocateDirect(batch.rows() * most * Long.BYTES).order(ByteOrder.nativeOrder());
        for (int row = 0; row < batch.rows(); row++) {
            int first = batch.first(row);
            int[] kept = batch.chosen(keeps, row);
            for (int i = 0; i < kept.length; i++) {
                columns.putLong((row * most + i) * Long.BYTES, first + kept[i]);
            }
        }
        return columns;
    }
}
