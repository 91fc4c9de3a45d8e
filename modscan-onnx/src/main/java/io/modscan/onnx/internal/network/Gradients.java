package io.modscan.onnx.internal.network;

import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import ai.onnxruntime.OnnxJavaType;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.SiteChange;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Site;
import io.modscan.onnx.internal.graph.Backward;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.runtime.OrtRuntime.Bound;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The backward pass of a network: from what the plan's objective is of to the sites whose gradients it reads, and the attributions made of them. Beside
 * the network's inputs it takes how much each position counts, the tokens that the objective is about, and what attributions put in a value's place.
 */
public final class Gradients {

    /** How much each position counts in the objective, float32 [batch, sequence]. */
    private static final String WEIGHTS = "objective_weights";

    /** The tokens that it is about, int64 [batch, 1 or 2]. */
    private static final String TOKENS = "objective_tokens";

    /** Of a replacement keep · value + fill, keep − 1, as {@link Changes} has keep. */
    private static final String SCALE = "toward_scale/";

    private static final String FILL = "toward_fill/";

    private final Network network;
    private final GraphBuilder graph;
    private final Objective objective;
    private final String head;
    private final String matrix;

    private Gradients(Network network, Objective objective, String head, String matrix) {
        this.network = network;
        this.graph = network.graph();
        this.objective = objective;
        this.head = head;
        this.matrix = matrix;
    }

    /**
     * Adds what a plan reads of gradients and attributions to a network.
     *
     * @param sites    of the network
     * @param backward the pass, told of what only hangs beside the way
     * @param head     what the language-model head reads; empty in a stretch without it
     * @param matrix   the head's, [vocabulary, width]
     * @throws ModscanException if a site has no gradient of the objective, or a direction does not fit its site
     */
    public static void add(
            Network network, CapturePlan plan, List<Site> sites, Backward backward, String head, String matrix) {
        if (plan.objective().isEmpty()) {
            return;
        }
        Gradients gradients = new Gradients(network, plan.objective().get(), head, matrix);
        List<String> wanted = plan.differentiated().stream().map(Site::name).toList();
        List<String> none = gradients.run(backward, sites, wanted);
        if (!none.isEmpty()) {
            throw new ModscanException(
                    "what gradients are of, " + plan.objective().get() + ", does not hang on " + none.get(0)
                            + ", which lies behind it or beside it; read gradients of sites before it");
        }
        plan.attributed().forEach(gradients::attribution);
    }

    private List<String> run(Backward backward, List<Site> sites, List<String> wanted) {
        if (objective.site().isPresent()) {
            Site site = sites.stream()
                    .filter(one -> one.name().equals(objective.site().get()))
                    .findFirst()
                    .orElseThrow();
            return backward.run(site.name(), direction(site), wanted);
        }
        return wanted.contains(LanguageHead.LOGITS)
                ? backward.run(LanguageHead.LOGITS, atLogits(), wanted)
                : backward.run(head, atHead(), wanted);
    }

    /** [batch, sequence, 1, …] */
    private String weights(int axesBehind) {
        graph.optionalInput(WEIGHTS, DType.F32, "batch", "sequence");
        long[] axes = new long[axesBehind];
        for (int i = 0; i < axesBehind; i++) {
            axes[i] = i + 2L;
        }
        return graph.unsqueeze("objective_weights_apart", WEIGHTS, axes);
    }

    private String direction(Site site) {
        float[] direction = objective.direction();
        if (direction.length == 0) {
            throw new ModscanException("of what gradients are to be of, " + objective
                    + ", a recording tells no more than a digest of its numbers; give these");
        }
        if (direction.length != site.width()) {
            throw new ModscanException("what gradients are of, " + objective + ", has " + direction.length
                    + " numbers, and the site's vectors have " + site.width());
        }
        List<Long> shape = site.axes().stream()
                .map(Axis::size)
                .filter(size -> size > 0)
                .map(Integer::longValue)
                .toList();
        return graph.op(
                "Mul",
                "objective_gradient",
                weights(shape.size()),
                graph.floats("objective_direction", shape, direction));
    }

    /** What the head's matrix makes of the gradient at the logits, without that: of a token's logit it is one of the matrix' rows. */
    private String atHead() {
        String rows = switch (objective.kind()) {
            case LOGITS -> difference("objective_rows", network.lookUp("objective_token_rows", matrix, tokens()));
            case LOG_PROB ->
                graph.op("Sub", "objective_rows", network.lookUp("objective_token_rows", matrix, tokens()), expected());
            case LOSS ->
                graph.op(
                        "Sub",
                        "objective_rows",
                        expected(),
                        network.lookUp("objective_token_rows", matrix, LanguageHead.NEXT));
            case DIRECTION -> throw new IllegalStateException("a direction lies before the head");
        };
        return graph.op("Mul", "objective_gradient", rows, weights(1));
    }

    /** What the head's matrix has for the tokens that the model expects: the mean of its rows, weighted by their probabilities. */
    private String expected() {
        return graph.op("MatMul", "objective_expected_rows", probabilities(), network.weight(matrix));
    }

    private String probabilities() {
        return graph.op("Softmax", "objective_probabilities", List.of(LanguageHead.LOGITS), attribute("axis", -1L));
    }

    private String atLogits() {
        String gradient = switch (objective.kind()) {
            case LOGITS -> difference("objective_ones", ones(tokens()));
            case LOG_PROB -> graph.op("Sub", "objective_from_ones", ones(tokens()), probabilities());
            case LOSS -> graph.op("Sub", "objective_from_ones", probabilities(), ones(LanguageHead.NEXT));
            case DIRECTION -> throw new IllegalStateException("a direction is seen to apart");
        };
        return graph.op("Mul", "objective_gradient", gradient, weights(1));
    }

    private String ones(String tokens) {
        String vocabulary = graph.op(
                "Gather", "vocabulary", graph.op("Shape", "logits_shape", LanguageHead.LOGITS), graph.scalar("two", 2));
        return graph.op(
                "OneHot",
                "objective_one_hot",
                tokens,
                vocabulary,
                graph.floats("objective_off_on", List.of(2L), 0f, 1f));
    }

    private String tokens() {
        return graph.optionalInput(TOKENS, DType.I64, "batch", Integer.toString(objective.tokenCount()));
    }

    /** The first token's row, less the second's if there is one, [batch, 1, …]. */
    private String difference(String output, String rows) {
        if (objective.tokenCount() == 1) {
            return rows;
        }
        String answer = graph.op(
                "Gather", output + "_answer", List.of(rows, graph.longs("first_column", 0)), attribute("axis", 1L));
        String foil = graph.op(
                "Gather", output + "_foil", List.of(rows, graph.longs("second_column", 1)), attribute("axis", 1L));
        return graph.op("Sub", output, answer, foil);
    }

    /** (replacement − value) · gradient, summed over a head's units. */
    private void attribution(Site site) {
        String name = site.attribution().name();
        if (site.isPairwise()) {
            String scale = graph.optionalInput(
                    SCALE + site,
                    DType.F32,
                    "batch",
                    Integer.toString(site.heads()),
                    site + "_queries",
                    site + "_keys");
            String change = graph.op("Mul", name + "/change", site.name(), scale);
            graph.op("Mul", name, change, Backward.of(site.name()));
            return;
        }
        boolean byHead = site.heads() > 0;
        String shape = PlanOutputs.flatShape(graph);
        String value = byHead ? graph.op("Reshape", name + "/value", site.name(), shape) : site.name();
        String gradient = byHead
                ? graph.op("Reshape", name + "/gradient", Backward.of(site.name()), shape)
                : Backward.of(site.name());
        String change = graph.op(
                "Add",
                name + "/change",
                graph.op("Mul", name + "/scaled", value, input(SCALE, site)),
                input(FILL, site));
        String products = graph.op("Mul", byHead ? name + "/products" : name, change, gradient);
        if (byHead) {
            String heads =
                    graph.longs("shape_of_" + site.heads() + "_x_" + site.units(), 0, 0, site.heads(), site.units());
            String apart = graph.op("Reshape", name + "/by_head", products, heads);
            graph.op("ReduceSum", name, List.of(apart, graph.longs("minus_one", -1)), attribute("keepdims", 0L));
        }
    }

    private String input(String what, Site site) {
        return graph.optionalInput(
                what + site, DType.F32, "batch", site + "_positions_toward", Integer.toString(site.width()));
    }

    /** What a run gives the inputs that a graph has, because its outputs need them. */
    static List<Bound> bound(CapturePlan plan, Set<String> needed, TokenBatch batch) {
        List<Bound> inputs = new ArrayList<>();
        if (plan.objective().isEmpty()) {
            return inputs;
        }
        Objective objective = plan.objective().get();
        if (needed.contains(WEIGHTS)) {
            inputs.add(new Bound(
                    WEIGHTS, weights(objective, batch), OnnxJavaType.FLOAT, List.of((long) batch.rows(), (long)
                            batch.columns())));
        }
        if (needed.contains(TOKENS)) {
            inputs.add(
                    new Bound(TOKENS, tokens(objective, batch), OnnxJavaType.INT64, List.of((long) batch.rows(), (long)
                            objective.tokenCount())));
        }
        for (Site site : plan.attributed()) {
            SiteChange toward = SiteChange.toward(batch, site);
            FloatBuffer scale = toward.keep();
            for (int i = 0; i < scale.capacity(); i++) {
                scale.put(i, scale.get(i) - 1);
            }
            inputs.add(new Bound(SCALE + site, scale, OnnxJavaType.FLOAT, toward.shape()));
            if (!site.isPairwise()) {
                inputs.add(new Bound(FILL + site, toward.fill(), OnnxJavaType.FLOAT, toward.shape()));
            }
        }
        return inputs;
    }

    private static FloatBuffer weights(Objective objective, TokenBatch batch) {
        FloatBuffer weights = ByteBuffer.allocateDirect(batch.rows() * batch.columns() * Float.BYTES)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
        for (int row = 0; row < batch.rows(); row++) {
            weights.put(row * batch.columns() + batch.first(row), objective.weights(batch.length(row)));
        }
        return weights;
    }

    private static LongBuffer tokens(Objective objective, TokenBatch batch) {
        int count = objective.tokenCount();
        LongBuffer tokens = ByteBuffer.allocateDirect(batch.rows() * count * Long.BYTES)
                .order(ByteOrder.nativeOrder())
                .asLongBuffer();
        for (int row = 0; row < batch.rows(); row++) {
            // A batch of one's own need not say what the objective says for all.
            List<Integer> own = batch.aim(row).tokens();
            List<Integer> ids = own.isEmpty() ? objective.tokens("of row " + row, Map.of()) : own;
            for (int i = 0; i < count; i++) {
                tokens.put(row * count + i, ids.get(i));
            }
        }
        return tokens;
    }
}
