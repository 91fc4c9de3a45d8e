package io.modscan.onnx.opt;

import static io.modscan.onnx.internal.graph.GraphBuilder.attribute;

import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.graph.GraphBuilder.Output;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * An OPT network as an ONNX graph, tensor by tensor as transformers' OPTForCausalLM with eager attention computes it, in
 * float32. The tensor of each site carries the site's name. Between the sites of a plan, nodes may be fused, as far as the
 * {@link Dialect} has such nodes; a site's values stay the same beyond float rounding. What a plan pools is
 * computed behind the network, in the same graph. Weights in half precision are cast in the graph; ONNX Runtime folds the cast once.
 */
final class OptGraph {

    static final String LOGITS = "logits";
    static final String LOSS = "loss";

    private static final String INPUT_IDS = "input_ids";
    private static final String ATTENTION_MASK = "attention_mask";

    /** transformers masks with the least finite float32, so that a row without a visible key stays finite. */
    private static final float MASKED = -Float.MAX_VALUE;

    /** PyTorch's default, which OPT never sets otherwise. */
    private static final float NORM_EPSILON = 1e-5f;

    private final OptConfig config;
    private final Checkpoint checkpoint;
    private final Dialect dialect;
    /** The tensors that a plan reads. */
    private final Set<String> planned;
    /** Those and all before them, in order of computation. */
    private final Set<String> reached;

    private final GraphBuilder graph = new GraphBuilder("opt");
    private final List<Output> outputs = new ArrayList<>();

    // Tensors that many nodes read.
    private final String ordinal;
    private final String visible;
    private final String headShape;
    private final String flatShape;

    /** The operators that a graph may use. */
    enum Dialect {
        /** ONNX's own. */
        ONNX,
        /**
         * Also ONNX Runtime's product with the transpose of a matrix. A Transpose of a weight would be folded, and cost a
         * copy of all weights while a session is made.
         */
        ONNX_RUNTIME,
        /**
         * Also its operators that do in one what takes several of ONNX's, for what lies between the sites that are planned:
         * the inside of an attention, and a sum on the residual stream with the LayerNorm behind it. Its kernels for the CPU
         * take half the time there, and a quarter; those for CUDA have not been tried.
         */
        ONNX_RUNTIME_CPU
    }

    /** The residual stream between two halves of blocks, and what of it the next half reads. */
    private record Residual(String sum, String read) {}

    /** A LayerNorm by its site and its weights. */
    private record Norm(String site, String weights) {}

    /** What is added to the residual stream: a product, and a bias that is still to be added to it, or an empty name. */
    private record Addend(String site, String product, String bias) {}

    private OptGraph(OptConfig config, Checkpoint checkpoint, Dialect dialect, Set<String> planned) {
        this.config = config;
        this.checkpoint = checkpoint;
        this.dialect = dialect;
        this.planned = planned;
        List<String> sites = OptSites.of(config).stream().map(Site::name).toList();
        this.reached = Set.copyOf(
                sites.subList(0, planned.stream().mapToInt(sites::indexOf).max().orElse(-1) + 1));
        graph.input(INPUT_IDS, DType.I64, "batch", "sequence");
        graph.input(ATTENTION_MASK, DType.I64, "batch", "sequence");
        // 1 at a row's first real token, 2 at its second, …; 0 at padding, on whichever side.
        String counted = op("CumSum", "mask_cumsum", ATTENTION_MASK, graph.scalar("axis_1", 1));
        this.ordinal = op("Mul", "position_ordinal", counted, ATTENTION_MASK);
        this.visible = visibility();
        this.headShape = graph.longs("shape_heads", 0, 0, config.heads(), config.dHead());
        this.flatShape = graph.longs("shape_flat", 0, 0, -1);
        network();
    }

    /** The network with what a plan asks for as its outputs. */
    static OptGraph of(OptConfig config, Checkpoint checkpoint, CapturePlan plan, Dialect dialect) {
        OptGraph opt = new OptGraph(
                config,
                checkpoint,
                dialect,
                plan.readings().stream()
                        .map(reading -> reading.site().tensorName())
                        .collect(Collectors.toUnmodifiableSet()));
        plan.readings().forEach(opt::read);
        return opt;
    }

    /** The sites that can be computed from the weights that are there. */
    static List<Site> sites(OptConfig config, Checkpoint checkpoint) {
        GraphBuilder graph = new OptGraph(config, checkpoint, Dialect.ONNX, Set.of()).graph;
        return OptSites.of(config).stream()
                .filter(site -> graph.canCompute(site.name()))
                .toList();
    }

    /** The names of the graph's outputs, in order of the plan's readings. */
    List<String> outputNames() {
        return outputs.stream().map(Output::tensor).toList();
    }

    List<StoredTensor> weights() {
        return graph.weightsFor(outputs);
    }

    /** Whether the outputs need the language-model head, and it is more than a fifth of all weights that they need. */
    boolean headDominates() {
        long all = weights().stream().mapToLong(OptGraph::elements).sum();
        return graph.needs(outputs, LOGITS)
                && checkpoint.tensor(checkpoint.head()).map(OptGraph::elements).orElse(0L) > all / 5;
    }

    /**
     * About how much memory a run takes beside its inputs and outputs: attention's squares of positions, the widest vectors
     * that are there at one time, and, where the plan needs them, the logits.
     */
    long workingBytes(long rows, long columns) {
        long squares = 3L * config.heads() * columns * columns;
        long vectors = columns * (8L * config.dModel() + 2L * config.dMlp());
        long logits = graph.needs(outputs, LOGITS) ? 2 * columns * config.vocabulary() : 0;
        return Float.BYTES * rows * (squares + vectors + logits);
    }

    private static long elements(StoredTensor tensor) {
        return tensor.length() / tensor.dtype().bytes();
    }

    byte[] serialise(GraphBuilder.WeightLocation location, Map<String, String> metadata, String version) {
        return graph.build(outputs, location, metadata, version);
    }

    // ---- the network ----

    private void network() {
        Residual stream = embeddings();
        for (int layer = 0; layer < config.layers(); layer++) {
            stream = block(layer, stream);
        }
        String last = stream.read();
        if (config.dEmbed() != config.dModel()) {
            last = matMul("project_out", last, "project_out.weight");
        }
        String logits = matMul(LOGITS, last, checkpoint.head());
        loss(logits);
    }

    private Residual embeddings() {
        boolean projected = config.dEmbed() != config.dModel();
        String tokens = lookUp(projected ? "embed_tokens" : "hook_embed", checkpoint.embedding(), INPUT_IDS);
        if (projected) {
            tokens = matMul("hook_embed", tokens, "project_in.weight");
        }
        // Ordinal 1 is position 0, which is row 2; padding gets row 1, as in transformers.
        String rows =
                op("Add", "position_rows", ordinal, graph.scalar("position_offset", OptConfig.POSITION_OFFSET - 1L));
        String positions = lookUp("hook_pos_embed", "embed_positions.weight", rows);
        String sum = "blocks.0.hook_resid_pre";
        return join(sum, sum, tokens, new Addend("hook_pos_embed", positions, ""), normBefore(0));
    }

    /** The LayerNorm that a pre-norm block begins with; behind the last block, that of the whole network. */
    private Optional<Norm> normBefore(int layer) {
        if (layer == config.layers()) {
            return config.finalNorm()
                    ? Optional.of(new Norm("ln_final.hook_normalized", "final_layer_norm"))
                    : Optional.empty();
        }
        return config.preNorm()
                ? Optional.of(new Norm(
                        "blocks." + layer + ".ln1.hook_normalized", "layers." + layer + ".self_attn_layer_norm"))
                : Optional.empty();
    }

    /** [batch, 1, query, key]: whether a query may see a key, which is real and not behind it. */
    private String visibility() {
        String columns = columns();
        String causal = op(
                "GreaterOrEqual",
                "mask_causal",
                unsqueeze("mask_queries", columns, 1),
                unsqueeze("mask_keys", columns, 0));
        String real = op("Greater", "mask_real", ATTENTION_MASK, graph.scalar("zero", 0));
        return op("And", "mask_visible", unsqueeze("mask_real_keys", real, 1, 2), causal);
    }

    /** [sequence]: 0, 1, … */
    private String columns() {
        String length =
                op("Gather", "sequence_length", op("Shape", "input_shape", INPUT_IDS), graph.scalar("axis_1", 1));
        return op("Range", "columns", graph.scalar("zero", 0), length, graph.scalar("one", 1));
    }

    private Residual block(int layer, Residual given) {
        String block = "blocks." + layer + ".";
        String weights = "layers." + layer + ".";
        String residPre = block + "hook_resid_pre";
        if (!given.sum().equals(residPre)) {
            op("Identity", residPre, given.sum());
        }
        String z = attention(block + "attn.", weights + "self_attn.", given.read());
        Residual mid = join(
                block + "hook_resid_mid",
                block + "attn_sum",
                given.sum(),
                addend(block + "hook_attn_out", z, weights + "self_attn.out_proj"),
                Optional.of(
                        config.preNorm()
                                ? new Norm(block + "ln2.hook_normalized", weights + "final_layer_norm")
                                : new Norm(block + "ln1.hook_normalized", weights + "self_attn_layer_norm")));

        String pre = linear(block + "mlp.hook_pre", mid.read(), weights + "fc1");
        String post = config.activation()
                .build(
                        new Activation.Nodes(
                                graph, block + "mlp.hook_post", name -> weight(weights + "activation_fn." + name)),
                        pre);
        return join(
                block + "hook_resid_post",
                block + "mlp_sum",
                mid.sum(),
                addend(block + "hook_mlp_out", post, weights + "fc2"),
                config.preNorm()
                        ? normBefore(layer + 1)
                        : Optional.of(new Norm(block + "ln2.hook_normalized", weights + "final_layer_norm")));
    }

    /**
     * Adds to the residual stream, and normalizes what the next half reads of the sum (pre-norm) or the stream itself
     * (post-norm).
     *
     * @param result the site of the stream behind this
     * @param summed the name of the sum, which is the result itself unless the stream is normalized
     */
    private Residual join(String result, String summed, String given, Addend added, Optional<Norm> norm) {
        if (norm.isEmpty()) {
            return new Residual(op("Add", result, given, whole(added)), result);
        }
        String normSite = norm.get().site();
        String normWeights = norm.get().weights();
        boolean fused = dialect == Dialect.ONNX_RUNTIME_CPU && reached.contains(normSite);
        if (config.preNorm()) {
            if (fused) {
                fusedNorm(normSite, result, given, added, normWeights);
            } else {
                layerNorm(normSite, op("Add", result, given, whole(added)), normWeights);
            }
            return new Residual(result, normSite);
        }
        if (fused) {
            fusedNorm(result, "", given, added, normWeights);
        } else {
            layerNorm(result, op("Add", summed, given, whole(added)), normWeights);
        }
        op("Identity", normSite, result);
        return new Residual(result, result);
    }

    /** A sum and its LayerNorm in one; the sum has an empty name where nothing else reads it. */
    private void fusedNorm(String normalized, String sum, String given, Addend added, String weights) {
        graph.runtimeOp(
                "SkipLayerNormalization",
                List.of(normalized, "", "", sum),
                List.of(
                        given,
                        added.product(),
                        normScale(weights),
                        config.affineNorm() ? weight(weights + ".bias") : "",
                        added.bias()),
                attribute("epsilon", NORM_EPSILON));
    }

    /** Adds the sites of an attention up to z, and yields z with its heads side by side: [batch, sequence, D]. */
    private String attention(String attn, String weights, String input) {
        boolean seen = Stream.of("hook_attn_scores", "hook_pattern", "hook_result")
                .anyMatch(site -> planned.contains(attn + site));
        return dialect == Dialect.ONNX_RUNTIME_CPU && !seen
                ? fusedAttention(attn, weights, input)
                : openAttention(attn, weights, input);
    }

    /** An attention whose scores and pattern stay inside one node, which adds the biases too unless a plan reads q, k or v. */
    private String fusedAttention(String attn, String weights, String input) {
        boolean apart = !config.bias()
                || Stream.of("hook_q", "hook_k", "hook_v").anyMatch(site -> planned.contains(attn + site));
        List<String> inputs = new ArrayList<>();
        List<String> biases = new ArrayList<>();
        for (String name : List.of("q", "k", "v")) {
            String site = attn + "hook_" + name;
            String projection = weights + name + "_proj";
            String flat = site + "_flat";
            if (apart) {
                heads(site, input, projection);
            } else {
                flat = matMul(flat + "_unbiased", input, projection + ".weight");
                biases.add(weight(projection + ".bias"));
            }
            inputs.add(flat);
        }
        inputs.add(apart ? "" : graph.op("Concat", attn + "bias", biases, attribute("axis", 0L)));
        String mask = "attention_mask_int32";
        inputs.add(
                graph.has(mask) ? mask : graph.op("Cast", mask, List.of(ATTENTION_MASK), GraphBuilder.to(DType.I32)));
        String z = graph.runtimeOp(
                "MultiHeadAttention",
                List.of(attn + "z_flat"),
                inputs,
                attribute("num_heads", (long) config.heads()),
                attribute("unidirectional", 1L),
                attribute("scale", scale()),
                attribute("mask_filter_value", MASKED));
        op("Reshape", attn + "hook_z", z, headShape);
        return z;
    }

    private float scale() {
        return (float) Math.pow(config.dHead(), -0.5);
    }

    /** An attention in which every site is a tensor. */
    private String openAttention(String attn, String weights, String input) {
        String q = heads(attn + "hook_q", input, weights + "q_proj");
        String k = heads(attn + "hook_k", input, weights + "k_proj");
        String v = heads(attn + "hook_v", input, weights + "v_proj");
        String scaled = op("Mul", attn + "q_scaled", q, graph.scalar("scale", scale()));
        String raw = op(
                "MatMul",
                attn + "scores_raw",
                transpose(attn + "q_by_head", scaled, 0, 2, 1, 3),
                transpose(attn + "k_by_head", k, 0, 2, 3, 1));
        String scores = op("Where", attn + "hook_attn_scores", visible, raw, graph.scalar("masked", MASKED));
        String pattern = graph.op("Softmax", attn + "hook_pattern", List.of(scores), attribute("axis", -1L));
        String byHead = op("MatMul", attn + "z_by_head", pattern, transpose(attn + "v_by_head", v, 0, 2, 1, 3));
        String z = transpose(attn + "hook_z", byHead, 0, 2, 1, 3);

        String perHead = op(
                "Reshape",
                attn + "w_o_by_head",
                transposed(weights + "out_proj.weight"),
                graph.longs("shape_w_o", config.heads(), config.dHead(), config.dModel()));
        transpose(attn + "hook_result", op("MatMul", attn + "result_by_head", byHead, perHead), 0, 2, 1, 3);

        return op("Reshape", attn + "z_flat", z, flatShape);
    }

    /** [batch, sequence, head, unit] */
    private String heads(String name, String input, String weights) {
        return op("Reshape", name, linear(name + "_flat", input, weights), headShape);
    }

    /**
     * [batch, sequence]: the negative log likelihood of each token given those before it; NaN at each row's first and at
     * padding.
     */
    private void loss(String logits) {
        // Position t's logits tell token t + 1, so the ids are shifted left, and the result right.
        String last = graph.longs("minus_one", -1);
        String first = graph.longs("first_column", 0);
        String second = graph.longs("second_column", 1);
        String columnAxis = graph.longs("column_axis", 1);
        String end = graph.longs("end_column", Long.MAX_VALUE);
        String next = graph.op(
                "Concat",
                "next_ids",
                List.of(
                        op("Slice", "ids_behind_first", INPUT_IDS, second, end, columnAxis),
                        op("Slice", "ids_first", INPUT_IDS, first, second, columnAxis)),
                attribute("axis", 1L));
        String told = graph.op(
                "GatherElements",
                "logit_of_next",
                List.of(logits, op("Unsqueeze", "next_ids_column", next, last)),
                attribute("axis", -1L));
        String total = graph.op(
                "ReduceLogSumExp",
                "logits_lse",
                List.of(logits),
                attribute("axes", new long[] {-1}),
                attribute("keepdims", 1L));
        String nll = graph.op(
                "Reshape",
                "nll_of_next",
                List.of(op("Sub", "nll_column", total, told), graph.longs("shape_rows", 0, -1)));
        String shifted = graph.op(
                "Concat",
                "nll_shifted",
                List.of(
                        op("Slice", "nll_last", nll, last, end, columnAxis),
                        op("Slice", "nll_before_last", nll, first, last, columnAxis)),
                attribute("axis", 1L));
        String predicted = op("Greater", "has_predecessor", ordinal, graph.scalar("one", 1));
        op("Where", LOSS, predicted, shifted, graph.scalar("nan", Float.NaN));
    }

    // ---- what a plan makes of a site ----

    private void read(Reading reading) {
        Site site = reading.site();
        String tensor = site.tensorName();
        if (site.magnitudeOf().isPresent() && !graph.has(site.name())) {
            graph.op(
                    "ReduceL2",
                    site.name(),
                    List.of(tensor),
                    attribute("axes", new long[] {-1}),
                    attribute("keepdims", 0L));
        }
        List<String> shape = new ArrayList<>(List.of("batch"));
        for (Axis axis : site.axes()) {
            if (axis.size() > 0) {
                shape.add(Integer.toString(axis.size()));
            } else if (!reading.pooling().isPooled()) {
                shape.add("sequence");
            }
        }
        outputs.add(new Output(pool(reading), shape));
    }

    private String pool(Reading reading) {
        Site site = reading.site();
        String name = site.name();
        Pooling pooling = reading.pooling();
        if (!pooling.isPooled()) {
            return name;
        }
        // The loss of a row's first token is not a number, so it never counts.
        boolean skipFirst = name.equals(LOSS);
        String counted = counted(pooling.skipBos(), skipFirst);
        String pooled = name + "_" + pooling.kind().name().toLowerCase(Locale.ROOT);
        return switch (pooling.kind()) {
            case NONE -> throw new IllegalStateException("nothing to pool");
            case LAST -> graph.op("GatherND", pooled, List.of(name, lastColumn(counted)), attribute("batch_dims", 1L));
            case MAX -> max(pooled, site, counted);
            case MEAN -> mean(pooled, site, counted);
        };
    }

    private String max(String pooled, Site site, String counted) {
        String least = graph.scalar("minus_infinity", Float.NEGATIVE_INFINITY);
        boolean mayHaveNone = site.name().equals(LOSS);
        String largest = graph.op(
                "ReduceMax",
                mayHaveNone ? pooled + "_if_any" : pooled,
                List.of(op("Where", pooled + "_counted", overValues(counted, site), site.name(), least)),
                attribute("axes", new long[] {1}),
                attribute("keepdims", 0L));
        if (!mayHaveNone) {
            return largest;
        }
        // As in the other poolings, there is no number for a row of one token.
        String any = op("Greater", pooled + "_any", largest, least);
        return op("Where", pooled, any, largest, graph.scalar("nan", Float.NaN));
    }

    /** The mean as a product with a row of weights, which needs no masked copy of the whole tensor. */
    private String mean(String pooled, Site site, String counted) {
        String share = counted + "_share";
        if (!graph.has(share)) {
            String ones = graph.op("Cast", counted + "_float", List.of(counted), GraphBuilder.to(DType.F32));
            String sum = graph.op(
                    "ReduceSum",
                    counted + "_sum",
                    List.of(ones, graph.longs("column_axis", 1)),
                    attribute("keepdims", 1L));
            unsqueeze(share, op("Div", counted + "_weight", ones, sum), 1);
        }
        String values = site.name();
        if (values.equals(LOSS)) {
            values = op("Where", pooled + "_counted", counted, values, graph.scalar("zero_float", 0f));
        }
        String flat = op("Reshape", pooled + "_flat", values, flatShape);
        String product = op("MatMul", pooled + "_product", share, flat);
        long[] shape = new long
                [(int) site.axes().stream().filter(axis -> axis.size() > 0).count() + 1];
        int at = 0;
        shape[at++] = -1;
        for (Axis axis : site.axes()) {
            if (axis.size() > 0) {
                shape[at++] = axis.size();
            }
        }
        return op("Reshape", pooled, product, graph.longs(pooled + "_shape", shape));
    }

    /** [batch, sequence]: whether a position counts in a pooling. */
    private String counted(boolean skipBos, boolean skipFirst) {
        if (skipFirst) {
            return "has_predecessor";
        }
        if (!skipBos) {
            return "mask_real";
        }
        String name = "mask_without_bos";
        if (!graph.has(name)) {
            String first = op("Equal", "is_first", ordinal, graph.scalar("one", 1));
            String bos = op("Equal", "is_bos", INPUT_IDS, graph.scalar("bos", config.bosTokenId()));
            op("And", name, "mask_real", op("Not", "is_not_leading_bos", op("And", "is_leading_bos", first, bos)));
        }
        return name;
    }

    /** [batch, 1]: the index of the last column that counts. */
    private String lastColumn(String counted) {
        String name = counted + "_last";
        if (!graph.has(name)) {
            String number = graph.op("Cast", counted + "_long", List.of(counted), GraphBuilder.to(DType.I64));
            graph.op(
                    "ReduceMax",
                    name,
                    List.of(op("Mul", counted + "_columns", number, "columns")),
                    attribute("axes", new long[] {1}),
                    attribute("keepdims", 1L));
        }
        return name;
    }

    /** A mask [batch, sequence] with as many axes as the site's tensor. */
    private String overValues(String counted, Site site) {
        int rank = site.axes().size();
        if (rank == 1) {
            return counted;
        }
        String name = counted + "_rank" + (rank + 1);
        if (!graph.has(name)) {
            long[] axes = new long[rank - 1];
            for (int i = 0; i < axes.length; i++) {
                axes[i] = i + 2L;
            }
            unsqueeze(name, counted, axes);
        }
        return name;
    }

    // ---- pieces ----

    private String op(String type, String output, String... inputs) {
        return graph.op(type, output, List.of(inputs));
    }

    private String unsqueeze(String output, String input, long... axes) {
        StringBuilder name = new StringBuilder("axes");
        for (long axis : axes) {
            name.append('_').append(axis);
        }
        return op("Unsqueeze", output, input, graph.longs(name.toString(), axes));
    }

    private String transpose(String output, String input, long... permutation) {
        return graph.op("Transpose", output, List.of(input), attribute("perm", permutation));
    }

    /** A weight in float32. */
    private String weight(String name) {
        String stored = stored(name);
        String cast = name + ".float";
        if (isFloat(name)) {
            return stored;
        }
        return graph.has(cast) ? cast : graph.op("Cast", cast, List.of(stored), GraphBuilder.to(DType.F32));
    }

    private String stored(String name) {
        return checkpoint.tensor(name).map(graph::weight).orElseGet(() -> graph.absentWeight(name));
    }

    private boolean isFloat(String name) {
        return checkpoint
                .tensor(name)
                .filter(tensor -> tensor.dtype() != DType.F32)
                .isEmpty();
    }

    private String transposed(String name) {
        String transposed = name + ".transposed";
        return graph.has(transposed) ? transposed : transpose(transposed, weight(name), 1, 0);
    }

    /** Rows of a table, cast after they are picked, so that the table stays in half precision. */
    private String lookUp(String output, String table, String indices) {
        String stored = stored(table);
        if (isFloat(table)) {
            return op("Gather", output, stored, indices);
        }
        String picked = op("Gather", output + "_stored", stored, indices);
        return graph.op("Cast", output, List.of(picked), GraphBuilder.to(DType.F32));
    }

    private String matMul(String output, String input, String weight) {
        return dialect == Dialect.ONNX
                ? op("MatMul", output, input, transposed(weight))
                : graph.runtimeOp(
                        "FusedMatMul", List.of(output), List.of(input, weight(weight)), attribute("transB", 1L));
    }

    private String linear(String output, String input, String weights) {
        return whole(product(output, input, weights));
    }

    /** A linear map whose bias waits for the sum on the stream, unless the plan reads the map itself. */
    private Addend addend(String site, String input, String weights) {
        Addend product = product(site, input, weights);
        return planned.contains(site) ? new Addend(site, whole(product), "") : product;
    }

    private Addend product(String site, String input, String weights) {
        return config.bias()
                ? new Addend(site, matMul(site + "_unbiased", input, weights + ".weight"), weight(weights + ".bias"))
                : new Addend(site, matMul(site, input, weights + ".weight"), "");
    }

    private String whole(Addend addend) {
        return addend.bias().isEmpty() ? addend.product() : op("Add", addend.site(), addend.product(), addend.bias());
    }

    private String layerNorm(String output, String input, String weights) {
        List<String> inputs = new ArrayList<>(List.of(input, normScale(weights)));
        if (config.affineNorm()) {
            inputs.add(weight(weights + ".bias"));
        }
        return graph.op(
                "LayerNormalization", output, inputs, attribute("axis", -1L), attribute("epsilon", NORM_EPSILON));
    }

    private String normScale(String weights) {
        return config.affineNorm() ? weight(weights + ".weight") : graph.filled("norm_scale", config.dModel(), 1f);
    }
}
