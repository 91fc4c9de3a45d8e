package io.modscan.onnx.internal.network;

import ai.onnxruntime.OnnxJavaType;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.site.CapturePlan;
import io.modscan.onnx.internal.graph.OutputAxes;
import io.modscan.onnx.internal.graph.WeightLocation;
import io.modscan.onnx.internal.runtime.OrtRuntime;
import io.modscan.onnx.internal.runtime.OrtRuntime.Bound;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A session of ONNX Runtime for the graph of one plan. Outputs are written straight into the caller's buffers. */
public final class PlannedSource implements ActivationSource {

    private final CapturePlan plan;
    private final PlannedGraph graph;
    private final List<String> outputNames;
    private final OrtRuntime runtime;

    /**
     * Opens the session.
     *
     * @param root     the folder that all files of weights are in or below
     * @param ends     how long each of these files has to be
     * @param metadata of the model
     */
    public PlannedSource(
            PlannedGraph graph, Path root, Map<Path, Long> ends, Map<String, String> metadata, RuntimeOptions options) {
        this.plan = graph.plan();
        this.graph = graph;
        this.outputNames = graph.outputNames();
        this.runtime = new OrtRuntime(
                graph.serialise(WeightLocation.inPlace(root), metadata),
                root,
                !graph.headDominates(),
                options,
                ends,
                Long.MAX_VALUE);
    }

    @Override
    public CapturePlan plan() {
        return plan;
    }

    @Override
    public int usualTokens() {
        return runtime.usualTokens();
    }

    @Override
    public long workingBytes(int rows, int columns) {
        return graph.workingBytes(rows, columns);
    }

    @Override
    public Map<String, String> provenance() {
        return runtime.provenance();
    }

    @Override
    public boolean writesAll() {
        return true;
    }

    @Override
    public void run(TokenBatch batch, List<FloatBuffer> outputs) {
        // ONNX Runtime would write to a copy of a buffer that it can't use, or behind one that is read-only.
        ActivationSource.checkOutputs(plan, batch, outputs);
        List<Long> shape = List.of((long) batch.rows(), (long) batch.columns());
        List<Bound> pinned = new ArrayList<>();
        for (int i = 0; i < outputNames.size(); i++) {
            pinned.add(new Bound(
                    outputNames.get(i),
                    outputs.get(i),
                    OnnxJavaType.FLOAT,
                    OutputAxes.of(plan.readings().get(i)).shape(batch.rows(), batch.columns())));
        }
        runtime.run(
                "a batch of " + batch.rows() + " × " + batch.columns() + " tokens",
                List.of(
                        new Bound(DecoderInputs.IDS, batch.inputIds(), OnnxJavaType.INT64, shape),
                        new Bound(DecoderInputs.MASK, batch.attentionMask(), OnnxJavaType.INT64, shape)),
                pinned);
    }

    @Override
    public void close() {
        runtime.close();
    }
}
