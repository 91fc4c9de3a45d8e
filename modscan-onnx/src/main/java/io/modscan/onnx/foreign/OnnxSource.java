package io.modscan.onnx.foreign;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OrtException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.token.Positions;
import io.modscan.onnx.foreign.OnnxPlan.Output;
import io.modscan.onnx.internal.runtime.OrtRuntime;
import io.modscan.onnx.internal.runtime.OrtRuntime.Bound;
import io.modscan.onnx.runtime.ProductPrecision;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A session of ONNX Runtime for the graph of one plan over somebody's model. */
final class OnnxSource implements ActivationSource {

    private static final Logger LOG = LoggerFactory.getLogger(OnnxSource.class);

    private final CapturePlan plan;
    private final OnnxPlan graph;
    private final OnnxInputs inputs;
    private final OnnxFeed feed;
    private final Path name;
    private final boolean readsPadding;
    private final Consumer<CapturePlan> checkPast;
    private final RuntimeOptions options;
    private final OrtRuntime runtime;

    OnnxSource(
            CapturePlan plan,
            OnnxPlan graph,
            OnnxInputs inputs,
            OnnxFile file,
            OptionalInt bosTokenId,
            RuntimeOptions options,
            Consumer<CapturePlan> checkPast) {
        if (options.precision() == ProductPrecision.BFLOAT16) {
            throw new ModscanException(
                    file.path() + ": products in bfloat16 were asked for, and a graph of others is run as"
                            + " it is; leave RuntimeOptions.bfloat16 out");
        }
        this.plan = plan;
        this.graph = graph;
        this.inputs = inputs;
        this.feed = new OnnxFeed(inputs, graph.inputNames(), plan, bosTokenId, graph::neededFor);
        this.name = file.path();
        this.readsPadding = inputs.hasMask()
                && inputs.length() > 0
                && inputs.fixedPositions().isEmpty()
                && graph.outputs().stream()
                        .anyMatch(output -> output.axes().sizes().contains(inputs.length()));
        this.checkPast = checkPast;
        this.options = options;
        graph.whyAlone()
                .map(ModscanException::printable)
                .ifPresent(why -> LOG.info("{}: prompts are run one at a time, unpadded: {}", name, why));
        this.runtime = new OrtRuntime(
                graph.model().toByteArray(),
                file.root(),
                true,
                options,
                file.ends(),
                OnnxBounds.largestFolded(file),
                Optional.empty());
    }

    @Override
    public CapturePlan plan() {
        return plan;
    }

    /** Where prompts are run one at a time, batches of one save what would be moved about. */
    @Override
    public int usualTokens() {
        return graph.alone() ? 1 : OrtRuntime.usualTokens(options);
    }

    @Override
    public long workingBytes(int rows, int columns) {
        return graph.workingBytes(graph.alone() ? 1 : rows, columns);
    }

    @Override
    public Map<String, String> provenance() {
        return OrtRuntime.provenance(options);
    }

    @Override
    public boolean writesAll() {
        return true;
    }

    @Override
    public void run(TokenBatch batch, List<FloatBuffer> outputs) {
        ActivationSource.checkOutputs(plan, batch, outputs);
        boolean tokens = batch.tensors().isEmpty();
        if (tokens) {
            feed.checkTokens();
            rows(batch, true).forEach(this::checkFilled);
        } else if (batch.tensors().stream().anyMatch(inputs::bringsPast)) {
            checkPast.accept(plan);
        }
        boolean together = tokens ? !graph.alone() : !graph.alone() && alike(batch.tensors());
        if (!together) {
            for (int row = 0; row < batch.rows(); row++) {
                runAlone(batch, row, outputs);
            }
            return;
        }
        int columns = Math.max(batch.columns(), inputs.length());
        List<Bound> given = new ArrayList<>(
                tokens
                        ? feed.tokens(rows(batch, false), rows(batch, true), columns, batch.chosen())
                        : feed.ready(batch.tensors(), batch.columns(), batch.chosen()));
        given.addAll(changes(rows(batch, true), columns, batch.interventions()));
        List<Bound> pinned = new ArrayList<>();
        for (int i = 0; i < outputs.size(); i++) {
            Output output = graph.outputs().get(i);
            pinned.add(new Bound(
                    output.name(),
                    outputs.get(i),
                    OnnxJavaType.FLOAT,
                    output.axes()
                            .shape(batch.rows(), batch.columns(plan.readings().get(i)))));
        }
        run(batch.rows(), batch.columns(), given, pinned);
    }

    private void run(int rows, int columns, List<Bound> given, List<Bound> pinned) {
        try {
            runtime.run("a batch of " + rows + " × " + columns + " tokens of " + name, given, pinned);
        } catch (ModscanException e) {
            if (!(e.getCause() instanceof OrtException)) {
                throw e;
            }
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
                .mapToObj(row -> row(batch, row, mask))
                .toList();
    }

    private static int[] row(TokenBatch batch, int row, boolean mask) {
        return IntStream.range(row * batch.columns(), (row + 1) * batch.columns())
                .map(at -> (int) (mask ? batch.attentionMask() : batch.inputIds()).get(at))
                .toArray();
    }

    /** Runs a prompt without the padding that the batch gives it. */
    private void runAlone(TokenBatch batch, int row, List<FloatBuffer> outputs) {
        int first = batch.first(row);
        int length = batch.length(row);
        int[] ids = Arrays.copyOfRange(row(batch, row, false), first, first + length);
        List<Map<Positions, int[]>> chosen =
                batch.chosen().isEmpty() ? List.of() : List.of(batch.chosen().get(row));
        List<Bound> given = new ArrayList<>(
                batch.tensors().isEmpty()
                        ? alone(ids, chosen)
                        : feed.ready(List.of(batch.tensors().get(row)), length, chosen));
        int[] mask = new int[length];
        Arrays.fill(mask, 1);
        given.addAll(changes(List.of(mask), Math.max(length, inputs.length()), List.of(batch.intervention(row))));
        List<Bound> pinned = new ArrayList<>();
        for (int i = 0; i < outputs.size(); i++) {
            Output output = graph.outputs().get(i);
            Reading reading = plan.readings().get(i);
            boolean keepsSome = reading.isPerToken() && reading.choosesPositions();
            int positions = keepsSome ? Math.max(1, batch.chosen(plan.kept(), row).length) : length;
            List<Long> shape = output.axes().shape(1, positions);
            int count = Math.toIntExact(shape.stream().reduce(1L, Math::multiplyExact));
            FloatBuffer target = target(batch, row, outputs, i);
            int begin =
                    reading.isPerToken() && !keepsSome ? first * reading.site().width() : 0;
            // Shorter patterns have to be spread; all else lies in its place at once.
            boolean spreads = isPairs(i) && length < batch.columns();
            pinned.add(new Bound(
                    output.name(),
                    spreads
                            ? OnnxFeed.allocate((long) count * Float.BYTES).asFloatBuffer()
                            : target.slice(begin, count),
                    OnnxJavaType.FLOAT,
                    shape));
        }
        run(1, length, given, pinned);
        for (int i = 0; i < outputs.size(); i++) {
            if (isPairs(i) && length < batch.columns()) {
                spread(
                        plan.readings().get(i).site(),
                        (FloatBuffer) pinned.get(i).values(),
                        length,
                        target(batch, row, outputs, i),
                        batch.columns(),
                        first);
            }
        }
    }

    /**
     * What the rows' interventions put into the graph.
     *
     * @param mask    1 at each real token
     * @param columns how many tokens the graph is given, at least as many
     */
    private List<Bound> changes(List<int[]> mask, int columns, List<Optional<Intervention>> interventions) {
        if (graph.changes().isEmpty()) {
            return List.of();
        }
        LongBuffer real =
                OnnxFeed.allocate((long) mask.size() * columns * Long.BYTES).asLongBuffer();
        for (int row = 0; row < mask.size(); row++) {
            for (int column = 0; column < mask.get(row).length; column++) {
                real.put(row * columns + column, mask.get(row)[column]);
            }
        }
        return graph.changes().given(new TokenBatch(mask.size(), columns, real, real, List.of(), interventions));
    }

    private FloatBuffer target(TokenBatch batch, int row, List<FloatBuffer> outputs, int output) {
        Reading reading = plan.readings().get(output);
        int stride = Math.toIntExact(reading.values(batch.columns(reading)));
        return outputs.get(output).slice(row * stride, stride);
    }

    private boolean isPairs(int output) {
        return plan.readings().get(output).site().isPairwise();
    }

    /** Of a model of fixed length, padding would be read as if it were the prompt's. */
    private void checkFilled(int[] mask) {
        long tokens = Arrays.stream(mask).filter(real -> real != 0).count();
        if (readsPadding && tokens < inputs.length()) {
            throw new ModscanException("a prompt has " + tokens + " tokens, and " + name + " is fixed to "
                    + inputs.length() + "; say that these are positions (OnnxModel.withPositions(\"" + inputs.length()
                    + "\")), so that no padding is read, or give as many tokens");
        }
    }

    /** A model that is fixed to one length is given padding up to it. */
    private List<Bound> alone(int[] ids, List<Map<Positions, int[]>> chosen) {
        int columns = inputs.length() == 0 ? ids.length : inputs.length();
        if (ids.length > columns || (ids.length < columns && !inputs.hasMask())) {
            throw new ModscanException("a prompt has " + ids.length + " tokens, and the model takes "
                    + (inputs.hasMask() ? "at most " : "no mask and exactly ") + columns);
        }
        int[] mask = new int[ids.length];
        Arrays.fill(mask, 1);
        return feed.tokens(List.of(ids), List.of(mask), columns, chosen);
    }

    /** Puts a prompt's patterns where they are in a padded batch. */
    private static void spread(Site site, FloatBuffer values, int length, FloatBuffer target, int columns, int first) {
        for (int square = 0; square < Math.max(1, site.heads()); square++) {
            for (int query = 0; query < length; query++) {
                int place = (square * columns + first + query) * columns + first;
                target.put(place, values, (square * length + query) * length, length);
            }
        }
    }

    @Override
    public void close() {
        runtime.close();
    }
}
