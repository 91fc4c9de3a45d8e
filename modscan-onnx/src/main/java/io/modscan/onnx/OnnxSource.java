package io.modscan.onnx;

import ai.onnxruntime.OnnxJavaType;
import io.modscan.core.ActivationSource;
import io.modscan.core.TokenBatch;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Reading;
import io.modscan.core.site.Site;
import io.modscan.onnx.OnnxPlan.Output;
import io.modscan.onnx.OrtRuntime.Bound;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** A session of ONNX Runtime for the graph of one plan over somebody's model. */
final class OnnxSource implements ActivationSource {

    private final CapturePlan plan;
    private final OnnxPlan graph;
    private final OnnxInputs inputs;
    private final OnnxFeed feed;
    private final WorkingMemory memory;
    private final Path name;
    private final OrtRuntime runtime;

    /** About how many bytes a batch takes while it is run. */
    interface WorkingMemory {
        long bytes(int rows, int columns);
    }

    OnnxSource(
            CapturePlan plan,
            OnnxPlan graph,
            OnnxInputs inputs,
            OnnxFile file,
            int bosTokenId,
            WorkingMemory memory,
            RuntimeOptions options) {
        this.plan = plan;
        this.graph = graph;
        this.inputs = inputs;
        this.feed = new OnnxFeed(inputs, graph.inputNames(), bosTokenId);
        this.memory = memory;
        this.name = file.path();
        this.runtime = new OrtRuntime(graph.model().toByteArray(), file.root(), true, options);
    }

    @Override
    public CapturePlan plan() {
        return plan;
    }

    /** Where prompts are run one at a time, batches of one save what would be moved about. */
    @Override
    public int usualTokens() {
        return graph.alone() ? 1 : runtime.usualTokens();
    }

    @Override
    public long workingBytes(int rows, int columns) {
        return memory.bytes(graph.alone() ? 1 : rows, columns);
    }

    @Override
    public Map<String, String> provenance() {
        return runtime.provenance();
    }

    @Override
    public void run(TokenBatch batch, List<FloatBuffer> outputs) {
        ActivationSource.checkOutputs(plan, batch, outputs);
        boolean tokens = batch.tensors().isEmpty();
        boolean together = tokens ? !graph.alone() : !graph.alone() && alike(batch.tensors());
        if (!together) {
            for (int row = 0; row < batch.rows(); row++) {
                runAlone(batch, row, outputs);
            }
            return;
        }
        List<Bound> given = tokens
                ? feed.tokens(rows(batch, false), rows(batch, true), Math.max(batch.columns(), inputs.length()))
                : feed.ready(batch.tensors(), batch.columns());
        List<Bound> pinned = new ArrayList<>();
        for (int i = 0; i < outputs.size(); i++) {
            Output output = graph.outputs().get(i);
            pinned.add(new Bound(
                    output.name(), outputs.get(i), OnnxJavaType.FLOAT, output.shape(batch.rows(), batch.columns())));
        }
        run(batch.rows(), batch.columns(), given, pinned);
    }

    private void run(int rows, int columns, List<Bound> given, List<Bound> pinned) {
        try {
            runtime.run("a batch of " + rows + " × " + columns + " tokens of " + name, given, pinned);
        } catch (ModscanException e) {
            throw new ModscanException(
                    e.getMessage()
                            + ". Is a prompt longer than the model takes (say so: OnnxModel.withMaxTokens), or a value or"
                            + " an id one that it doesn't know?",
                    e);
        }
    }

    private static boolean alike(List<Map<String, InputTensor>> samples) {
        return samples.stream()
                        .map(sample -> sample.entrySet().stream()
                                .map(entry -> entry.getKey() + entry.getValue().shape())
                                .sorted()
                                .toList())
                        .distinct()
                        .count()
                == 1;
    }

    private static List<int[]> rows(TokenBatch batch, boolean mask) {
        return IntStream.range(0, batch.rows())
                .mapToObj(row -> IntStream.range(0, batch.columns())
                        .map(column -> (int)
                                (mask ? batch.attentionMask() : batch.inputIds()).get(row * batch.columns() + column))
                        .toArray())
                .toList();
    }

    /** Runs a prompt without the padding that the batch gives it. */
    private void runAlone(TokenBatch batch, int row, List<FloatBuffer> outputs) {
        int[] mask = rows(batch, true).get(row);
        int[] all = rows(batch, false).get(row);
        int[] ids = IntStream.range(0, all.length)
                .filter(column -> mask[column] != 0)
                .map(column -> all[column])
                .toArray();
        int length = ids.length;
        List<Bound> given = batch.tensors().isEmpty()
                ? alone(ids)
                : feed.ready(List.of(batch.tensors().get(row)), length);
        List<FloatBuffer> values = new ArrayList<>();
        List<Bound> pinned = new ArrayList<>();
        for (Output output : graph.outputs()) {
            List<Long> shape = output.shape(1, length);
            long count = shape.stream().reduce(1L, Math::multiplyExact);
            FloatBuffer own = OnnxFeed.allocate(count * Float.BYTES).asFloatBuffer();
            values.add(own);
            pinned.add(new Bound(output.name(), own, OnnxJavaType.FLOAT, shape));
        }
        run(1, length, given, pinned);
        for (int i = 0; i < values.size(); i++) {
            Reading reading = plan.readings().get(i);
            int stride = Math.toIntExact(reading.values(batch.columns()));
            FloatBuffer target = outputs.get(i).slice(row * stride, stride);
            spread(reading.site(), values.get(i), length, target, batch.columns());
        }
    }

    /** A model that is fixed to one length is given padding up to it. */
    private List<Bound> alone(int[] ids) {
        int columns = inputs.length() == 0 ? ids.length : inputs.length();
        if (ids.length > columns || (ids.length < columns && !inputs.hasMask())) {
            throw new ModscanException("a prompt has " + ids.length + " tokens, and the model takes "
                    + (inputs.hasMask() ? "at most " : "no mask and exactly ") + columns);
        }
        int[] mask = new int[ids.length];
        Arrays.fill(mask, 1);
        return feed.tokens(List.of(ids), List.of(mask), columns);
    }

    /** Puts a prompt's values where they are in a padded batch. */
    private static void spread(Site site, FloatBuffer values, int length, FloatBuffer target, int columns) {
        boolean pairs = site.axes().stream().anyMatch(axis -> axis.role() == io.modscan.core.site.Axis.Role.QUERY);
        if (!pairs) {
            target.put(0, values, 0, values.capacity());
            return;
        }
        for (int square = 0; square < Math.max(1, site.heads()); square++) {
            for (int query = 0; query < length; query++) {
                target.put((square * columns + query) * columns, values, (square * length + query) * length, length);
            }
        }
    }

    @Override
    public void close() {
        runtime.close();
    }
}
