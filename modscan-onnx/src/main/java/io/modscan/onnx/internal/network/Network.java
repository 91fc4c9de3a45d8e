package io.modscan.onnx.internal.network;

import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.Site;
import io.modscan.onnx.internal.graph.GraphBuilder;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * A network that is being put together as an ONNX graph, tensor by tensor, in float32. The tensor of each site carries the
 * site's name. Between the sites of a plan, nodes may be fused, as far as the {@link Dialect} has such nodes; a site's values
 * stay the same beyond float rounding. Weights in half precision are cast in the graph; ONNX Runtime folds the cast once.
 */
public final class Network {

    private static final String CAST = ".float";

    private final GraphBuilder graph;
    private final Function<String, Optional<StoredTensor>> stored;
    private final Dialect dialect;
    private final DecoderInputs inputs;
    private final Changes changes;
    /** The tensors that a plan reads. */
    private final Set<String> planned;
    /** The sites up to the last of those, in order of computation. */
    private final Set<String> reached;

    /** What is added to the residual stream: a product, and a bias that is still to be added to it, or an empty name. */
    record Addend(String site, String product, String bias) {}

    /**
     * Begins a network with its inputs.
     *
     * @param name    of the family
     * @param sites   all of the network, in order of computation
     * @param planned the tensors that a plan reads
     * @param changing the sites that it lets be changed
     * @param stored  yields a weight by its name, unless it is nowhere
     */
    public Network(
            String name,
            List<Site> sites,
            Set<String> planned,
            List<Site> changing,
            Dialect dialect,
            Function<String, Optional<StoredTensor>> stored) {
        this.graph = new GraphBuilder(name);
        this.planned = planned;
        this.dialect = dialect;
        this.stored = stored;
        List<String> names = sites.stream().map(Site::name).toList();
        this.reached = Set.copyOf(
                // One that is not among them is behind all.
                planned.stream().allMatch(names::contains)
                        ? names.subList(
                                0,
                                planned.stream().mapToInt(names::indexOf).max().orElse(-1) + 1)
                        : names);
        this.inputs = DecoderInputs.declare(graph);
        this.changes = new Changes(graph, changing);
    }

    public GraphBuilder graph() {
        return graph;
    }

    public DecoderInputs inputs() {
        return inputs;
    }

    public Changes changes() {
        return changes;
    }

    /** Whether a plan reads one of these. */
    public boolean isPlanned(String... sites) {
        return Stream.of(sites).anyMatch(planned::contains);
    }

    /** Whether a site is needed, or lies before one that is. */
    boolean isReached(String site) {
        return reached.contains(site);
    }

    /** Whether a LayerNorm's weights are there, as they may not be in what was cut off behind a site. */
    boolean isThere(LayerNorm norm) {
        return Stream.of(norm.scale(), norm.shift())
                .allMatch(name -> name.isEmpty() || stored.apply(name).isPresent());
    }

    /** Whether nodes may do in one what takes several of ONNX's. */
    boolean fuses() {
        return dialect == Dialect.ONNX_RUNTIME_CPU;
    }

    /** What a weight is called that was cast. */
    static String cast(StoredTensor weight) {
        return weight.name() + CAST;
    }

    /** A weight in float32. */
    public String weight(String name) {
        String weight = stored(name);
        String cast = weight + CAST;
        if (isFloat(name)) {
            return weight;
        }
        return graph.has(cast) ? cast : graph.cast(cast, weight, DType.F32);
    }

    private String stored(String name) {
        return stored.apply(name).map(graph::weight).orElseGet(() -> graph.absentWeight(name));
    }

    private boolean isFloat(String name) {
        return stored.apply(name).filter(tensor -> tensor.dtype() != DType.F32).isEmpty();
    }

    /** A matrix's transpose. */
    String transposed(String name) {
        String transposed = name + ".transposed";
        return graph.has(transposed) ? transposed : graph.transpose(transposed, weight(name), 1, 0);
    }

    /** Rows of a table, cast after they are picked, so that the table stays in half precision. */
    public String lookUp(String output, String table, String indices) {
        String rows = stored(table);
        if (isFloat(table)) {
            return graph.op("Gather", output, rows, indices);
        }
        return graph.cast(output, graph.op("Gather", output + "_stored", rows, indices), DType.F32);
    }

    /** A product with the transpose of a matrix [out, in], which is how linear maps are stored. */
    public String matMul(String output, String input, String weight) {
        return dialect == Dialect.ONNX
                ? graph.op("MatMul", output, input, transposed(weight))
                : graph.runtimeOp(
                        "FusedMatMul", List.of(output), List.of(input, weight(weight)), attribute("transB", 1L));
    }

    public String linear(String output, String input, Linear map) {
        return whole(product(output, input, map));
    }

    /** A linear map whose bias waits for the sum on the stream, unless the plan reads the map itself. */
    Addend addend(String site, String input, Linear map) {
        Addend product = product(changes.before(site), input, map);
        if (changes.at(site)) {
            whole(product);
            return new Addend(site, changes.apply(site), "");
        }
        return isPlanned(site) ? new Addend(site, whole(product), "") : product;
    }

    private Addend product(String site, String input, Linear map) {
        return map.bias().isEmpty()
                ? new Addend(site, matMul(site, input, map.weight()), "")
                : new Addend(site, matMul(site + "_unbiased", input, map.weight()), weight(map.bias()));
    }

    String whole(Addend addend) {
        return addend.bias().isEmpty()
                ? addend.product()
                : graph.op("Add", addend.site(), addend.product(), addend.bias());
    }
}
