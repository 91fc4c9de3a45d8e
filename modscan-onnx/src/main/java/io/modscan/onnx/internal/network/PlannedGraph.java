package io.modscan.onnx.internal.network;

import io.modscan.core.model.ModscanVersion;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.onnx.internal.graph.FileExport;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.graph.GraphBuilder.Output;
import io.modscan.onnx.internal.graph.WeightBytes;
import io.modscan.onnx.internal.graph.WeightLocation;
import io.modscan.onnx.internal.runtime.OrtRuntime.Bound;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A network of any family, or a {@linkplain Stretch stretch} of one, with what a plan asks for of it as its outputs. Nothing else of
 * a family is run or exported.
 */
public final class PlannedGraph {

    private final GraphBuilder graph;
    private final CapturePlan plan;
    private final ChosenPositions chosen;
    private final List<Integer> readings;
    private final List<Output> outputs;
    private final Set<String> needed;
    private final List<Site> changing;
    private final boolean handsOn;
    private final Sizes sizes;
    private final Optional<StoredTensor> head;

    /**
     * What memory is reckoned by.
     *
     * @param width      of the residual stream
     * @param neurons    of a block
     * @param heads      of a block
     * @param vocabulary token ids
     * @param blocks     whose tensors are kept for a backward pass
     */
    public record Sizes(int width, int neurons, int heads, int vocabulary, int blocks) {}

    /**
     * Adds what a plan asks for to a network.
     *
     * @param readings   those of the plan that this network gives
     * @param handedOn   the tensor that the next stretch is given, if there is one
     * @param head       the language-model head's matrix, if it is anywhere
     * @param bosTokenId the token that a pooling without BOS leaves out where it is a row's first
     */
    public PlannedGraph(
            Network network,
            CapturePlan plan,
            List<Integer> readings,
            Optional<String> handedOn,
            Sizes sizes,
            Optional<StoredTensor> head,
            int bosTokenId) {
        this.chosen = ChosenPositions.of(plan);
        PlanOutputs planned = new PlanOutputs(network, chosen, bosTokenId);
        readings.forEach(reading -> planned.read(plan.readings().get(reading)));
        List<Output> all = new ArrayList<>(planned.outputs());
        handedOn.ifPresent(tensor ->
                all.add(new Output(tensor, List.of("batch", "sequence", Integer.toString(sizes.width())))));
        this.graph = network.graph();
        this.plan = plan;
        this.readings = List.copyOf(readings);
        this.outputs = List.copyOf(all);
        this.needed = graph.neededFor(outputs);
        this.changing = Changes.needed(plan.changing(), needed);
        this.handsOn = handedOn.isPresent();
        this.sizes = sizes;
        this.head = head;
    }

    /** The names of the graph's outputs: those of its readings, and behind them what is handed on. */
    public List<String> outputNames() {
        return outputs.stream().map(Output::tensor).toList();
    }

    /** The indices in the plan of the readings that it gives. */
    List<Integer> readings() {
        return readings;
    }

    /** Values a position that are given to the next stretch; 0 if there is none. */
    int handsOn() {
        return handsOn ? sizes.width() : 0;
    }

    /** That of the residual stream. */
    int width() {
        return sizes.width();
    }

    /** What a run gives the inputs beside tokens and streams. */
    List<Bound> bound(TokenBatch batch) {
        List<Bound> inputs = new ArrayList<>(Changes.bound(changing, needed, batch));
        inputs.addAll(Gradients.bound(plan, needed, batch));
        inputs.addAll(chosen.bound(needed, batch));
        return inputs;
    }

    /** Whether it begins with a residual stream that is given. */
    boolean isGiven() {
        return graph.has(ResidualStream.GIVEN);
    }

    /** Whether it compares with an untouched run's last stream, which has to be given. */
    boolean isCompared() {
        return needed.contains(ResidualStream.UNTOUCHED);
    }

    /** The weights that the outputs need. */
    public List<StoredTensor> weights() {
        return graph.weightsFor(outputs);
    }

    /**
     * The bytes that weights take while they are computed with: in float32, but for tables of which rows are picked, which stay as they
     * are stored.
     */
    public long weightBytes() {
        return weights().stream().mapToLong(this::bytesInMemory).sum();
    }

    private long bytesInMemory(StoredTensor weight) {
        return needed.contains(Network.cast(weight)) ? elements(weight) * Float.BYTES : weight.length();
    }

    /** Whether the outputs need the language-model head, and it is more than a fifth of all weights that they need. */
    public boolean headDominates() {
        long all = weights().stream().mapToLong(PlannedGraph::elements).sum();
        return needed.contains(LanguageHead.LOGITS)
                && head.map(PlannedGraph::elements).orElse(0L) > all / 5;
    }

    /**
     * About how much memory a run takes beside its inputs and outputs: attention's squares of positions, the widest vectors
     * that are there at one time, and, where the plan needs them, the logits.
     */
    public long workingBytes(long rows, long columns) {
        long squares = 3L * sizes.heads() * columns * columns;
        long vectors = columns * (8L * sizes.width() + 2L * sizes.neurons());
        long logits = needed.contains(LanguageHead.LOGITS)
                ? (isCompared() || plan.objective().isPresent() ? 5 : 2) * columns * sizes.vocabulary()
                : 0;
        // Factors and what is added, in case each position has its own.
        long changes = 2
                * Stream.concat(changing.stream(), plan.attributed().stream())
                        .mapToLong(site -> changed(site, columns))
                        .sum();
        // The backward pass reads what each block has computed.
        long kept = plan.objective().isEmpty()
                ? 0
                : sizes.blocks()
                        * (2L * sizes.heads() * columns * columns
                                + columns * (8L * sizes.width() + 2L * sizes.neurons()));
        return Float.BYTES * rows * (squares + vectors + logits + changes + kept);
    }

    private static long changed(Site site, long columns) {
        return site.isPairwise() ? columns * columns * site.heads() : columns * site.width();
    }

    private static long elements(StoredTensor tensor) {
        return tensor.length() / tensor.dtype().bytes();
    }

    /** What an export writes. */
    public FileExport.Content content(Path root, Map<String, String> metadata) {
        return new FileExport.Content() {
            @Override
            public List<Site> sites() {
                return plan.readings().stream().map(Reading::site).toList();
            }

            @Override
            public Path root() {
                return root;
            }

            @Override
            public List<WeightBytes> weights() {
                return PlannedGraph.this.weights().stream().map(WeightBytes::of).toList();
            }

            /** None: an export may be written over the one that it was opened from, which is then to be opened again. */
            @Override
            public Set<Path> kept() {
                return Set.of();
            }

            @Override
            public byte[] serialise(WeightLocation location) {
                return PlannedGraph.this.serialise(location, metadata);
            }
        };
    }

    public byte[] serialise(WeightLocation location, Map<String, String> metadata) {
        return graph.build(outputs, location, metadata, ModscanVersion.current());
    }

    /** The same, to be computed by {@link io.modscan.onnx.runtime.CpuOperators}. */
    public byte[] serialiseFused(WeightLocation location, Map<String, String> metadata) {
        return graph.buildFused(outputs, location, metadata, ModscanVersion.current());
    }
}
