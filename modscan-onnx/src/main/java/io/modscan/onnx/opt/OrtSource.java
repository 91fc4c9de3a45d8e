package io.modscan.onnx.opt;

import ai.onnxruntime.OnnxJavaType;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Reading;
import io.modscan.onnx.internal.runtime.OrtRuntime;
import io.modscan.onnx.internal.runtime.OrtRuntime.Bound;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A session of ONNX Runtime for the graph of one plan. Outputs are written straight into the caller's buffers. */
final class OrtSource implements ActivationSource {

    private final CapturePlan plan;
    private final OptGraph graph;
    private final List<String> outputNames;
    private final OrtRuntime runtime;

    OrtSource(CapturePlan plan, OptGraph graph, byte[] model, Path weightsFolder, RuntimeOptions options) {
        this.plan = plan;
        this.graph = graph;
        this.outputNames = graph.outputNames();
        this.runtime = new OrtRuntime(model, weightsFolder, !graph.headDominates(), options);
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
                    shape(plan.readings().get(i), batch)));
        }
        runtime.run(
                "a batch of " + batch.rows() + " × " + batch.columns() + " tokens",
                List.of(
                        new Bound("input_ids", batch.inputIds(), OnnxJavaType.INT64, shape),
                        new Bound("attention_mask", batch.attentionMask(), OnnxJavaType.INT64, shape)),
                pinned);
    }

    private static List<Long> shape(Reading reading, TokenBatch batch) {
        List<Long> shape = new ArrayList<>();
        shape.add((long) batch.rows());
        for (Axis axis : reading.site().axes()) {
            if (axis.size() > 0) {
                shape.add((long) axis.size());
            } else if (!reading.pooling().isPooled()) {
                shape.add((long) batch.columns());
            }
        }
        return shape;
    }

    @Override
    public void close() {
        runtime.close();
    }
}
