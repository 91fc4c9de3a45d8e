package io.modscan.onnx.internal.mixing;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import io.modscan.onnx.internal.graph.Inferred;
import io.modscan.onnx.internal.graph.OnnxGraph;
import io.modscan.onnx.internal.mixing.Kept.Held;
import io.modscan.onnx.internal.mixing.Kept.Length;
import io.modscan.onnx.internal.mixing.MixingRules.Known;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Finds what hangs on more than a prompt itself: tensors of which one row hangs on others in its batch, or a real token on
 * padding. It follows where the rows, and the positions, are in each tensor, from the inputs on. An operator keeps them
 * apart only where {@link MixingRules} know that it does; all else is taken as mixing them: other operators, those with
 * attributes that aren't known, functions of the file, and what has bodies, If, Loop and Scan.
 *
 * <p>Attention sees all positions, and heeds a mask: a Softmax along positions is taken to leave out padding where something
 * computed of the mask alone is added to the scores, or chosen instead of them, unless what it is there is known and not low.
 * What the model makes of padding is taken to be finite there.
 */
public final class Mixing {

    /** Operators of which no two runs are alike. */
    private static final Set<String> RANDOM = Set.of(
            "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial");

    /** Operators that only move places' numbers about. */
    private static final Set<String> MOVING =
            Set.of("Cast", "Identity", "Unsqueeze", "Squeeze", "Reshape", "Expand", "Transpose", "Concat", "Slice");

    /** Operators that look up by their second input. */
    private static final Set<String> LOOKING_UP = Set.of("Gather", "GatherND", "ScatterND");

    private static final MixingRules RULES = new MixingRules();

    private final GraphProto graph;
    private final long opset;
    private final Given given;
    private final Map<String, Inferred> inferred;
    private final Map<String, List<String>> initializers = new HashMap<>();
    private final Map<String, Kept> constants = new HashMap<>();
    private final Set<String> functions;
    /** What is computed of masks, and of nothing else that is given. */
    private final Set<String> ofMasks;

    private final Map<String, Kept> rows;
    private final Map<String, Kept> positions;

    /**
     * Follows rows and positions through a graph.
     *
     * @param opset    the version of ONNX's own operators
     * @param inferred the type and axes of each tensor, as far as they are known
     */
    public Mixing(ModelProto model, long opset, Given given, Map<String, Inferred> inferred) {
        this.graph = model.getGraph();
        this.opset = opset;
        this.given = given;
        this.inferred = inferred;
        this.functions = model.getFunctionsList().stream()
                .map(function -> name(function.getDomain(), function.getName()))
                .collect(Collectors.toSet());
        for (TensorProto initializer : graph.getInitializerList()) {
            initializers.put(
                    initializer.getName(),
                    initializer.getDimsList().stream().map(String::valueOf).toList());
            constants.put(initializer.getName(), ConstantRules.of(initializer));
        }
        OnnxGraph read = new OnnxGraph(graph);
        Set<String> masks = given.masks().keySet();
        Set<String> others = new HashSet<>(given.inputs().keySet());
        others.removeAll(masks);
        this.ofMasks = new HashSet<>(read.dependents(masks, Mixing::looksAtValues));
        ofMasks.removeAll(read.dependents(others, Mixing::looksAtValues));
        this.rows = given.batch().map(symbol -> walk(question(symbol, false))).orElse(Map.of());
        this.positions =
                given.padded().map(symbol -> walk(question(symbol, true))).orElse(Map.of());
    }

    private static String name(String domain, String operator) {
        return (domain.equals("ai.onnx") ? "" : domain) + ":" + operator;
    }

    private static boolean looksAtValues(String operator) {
        return !operator.equals("Shape") && !operator.equals("Size");
    }

    private static Question question(String symbol, boolean positions) {
        return new Question(symbol, positions, new LinkedHashMap<>());
    }

    /** Why a prompt's values of a tensor may hang on others in its batch, or on padding; empty if they can't. */
    public Optional<String> why(String tensor) {
        return why(rows.get(tensor), false).or(() -> why(positions.get(tensor), true));
    }

    private Optional<String> why(@Nullable Kept kept, boolean isPositions) {
        if (kept == null || kept.isFree()) {
            return Optional.empty();
        }
        if (kept.isMixed()) {
            return Optional.of(kept.why());
        }
        if (kept.isLength() || (!isPositions && kept.isNumbered())) {
            return Optional.of("it tells of the batch, not of a prompt");
        }
        return isPositions || (kept.axes().size() == 1 && kept.axes().get(0).isPure())
                ? Optional.empty()
                : Optional.of("its rows are not along one axis");
    }

    private Map<String, Kept> walk(Question question) {
        Map<String, Kept> all = new HashMap<>(constants);
        given.inputs().forEach((name, axes) -> all.put(name, given(name, axes, question)));
        for (NodeProto node : graph.getNodeList()) {
            List<Kept> outputs = known(node, question, all);
            for (int output = 0; output < node.getOutputCount(); output++) {
                if (!node.getOutput(output).isEmpty()) {
                    all.put(node.getOutput(output), checked(node, output, outputs.get(output), question, all));
                }
            }
        }
        return all;
    }

    private Kept given(String input, List<String> axes, Question question) {
        Padding padding = question.positions() ? given.masks().getOrDefault(input, Padding.ANYTHING) : Padding.ANYTHING;
        return Kept.held(IntStream.range(0, axes.size())
                .filter(axis -> question.isIt(axes.get(axis)))
                .mapToObj(axis -> Held.at(axis, padding))
                .toList());
    }

    /** No axis whose length hangs on what is asked after is lost sight of. */
    private Kept checked(NodeProto node, int output, Kept kept, Question question, Map<String, Kept> all) {
        if (kept.isMixed()) {
            return kept.why().isEmpty() ? mixed(node, question, all) : kept;
        }
        if (kept.isLength()) {
            return kept;
        }
        Optional<List<String>> axes = axes(node.getOutput(output));
        boolean held = axes.isPresent()
                && IntStream.range(0, axes.get().size())
                        .allMatch(axis -> kept.holds(axis)
                                || axes.get().get(axis).equals("?")
                                || !question.hangs(axes.get().get(axis)))
                && kept.axes().stream()
                        .allMatch(axis -> axis.place() < axes.get().size()
                                && (!axis.isPure() || question.isIt(axes.get().get(axis.place()))))
                && (question.positions() || kept.axes().size() < 2);
        return held || (kept.isFree() && !hasHeld(node, all)) ? kept : mixed(node, question, all);
    }

    private static boolean hasHeld(NodeProto node, Map<String, Kept> all) {
        return OnnxGraph.reads(node).stream().map(all::get).anyMatch(kept -> kept != null && !kept.isFree());
    }

    private Kept mixed(NodeProto node, Question question, Map<String, Kept> all) {
        String of = OnnxGraph.reads(node).stream()
                .filter(tensor -> Optional.ofNullable(all.get(tensor))
                        .filter(Kept::isHeld)
                        .isPresent())
                .findFirst()
                .map(tensor -> " (axis "
                        + Objects.requireNonNull(all.get(tensor)).axes().stream()
                                .map(axis -> String.valueOf(axis.place()))
                                .collect(Collectors.joining(" and "))
                        + " of '" + tensor + "')")
                .orElse("");
        return Kept.mixed("node " + OnnxGraph.describe(node)
                + (question.positions()
                        ? " is not known to keep padding from real tokens"
                        : " is not known to keep the rows of a batch apart")
                + of);
    }

    private List<Kept> known(NodeProto node, Question question, Map<String, Kept> all) {
        try {
            return outputs(node, question, all);
        } catch (ArithmeticException e) {
            // It speaks of an axis, or a length, that no tensor has.
            return Collections.nCopies(node.getOutputCount(), MixingNode.MIXED);
        }
    }

    private List<Kept> outputs(NodeProto node, Question question, Map<String, Kept> all) {
        List<Optional<Kept>> kept = node.getInputList().stream()
                .map(input -> Optional.of(input)
                        .filter(name -> !name.isEmpty())
                        .map(name -> all.getOrDefault(name, Kept.free())))
                .toList();
        MixingNode seen = new MixingNode(
                node,
                opset(node),
                question,
                kept,
                node.getInputList().stream().map(this::axes).toList(),
                node.getOutputList().stream().map(this::axes).toList(),
                node.getInputList().stream()
                        .map(input -> Optional.ofNullable(inferred.get(input))
                                .map(Inferred::type)
                                .orElse(""))
                        .toList(),
                node.getOutputList().stream().allMatch(ofMasks::contains));
        String operator = OnnxGraph.operator(node);
        boolean own = functions.contains(name(node.getDomain(), node.getOpType()));
        if (!own && (operator.equals("Shape") || operator.equals("Size"))) {
            return seen.all(lengths(seen, question));
        }
        if (RANDOM.contains(operator)) {
            return seen.all(MixingNode.MIXED);
        }
        Optional<Kept> before = OnnxGraph.reads(node).stream()
                .flatMap(tensor -> Optional.ofNullable(all.get(tensor)).stream())
                .filter(Kept::isMixed)
                .findFirst();
        if (before.isPresent()) {
            return seen.all(before.get());
        }
        boolean computed = !own
                && kept.stream()
                        .flatMap(Optional::stream)
                        .anyMatch(one -> !one.lengths().isEmpty());
        if (!hasHeld(node, all) && !computed) {
            return seen.all(own ? Kept.free() : ConstantRules.of(operator, node, seen));
        }
        boolean inBody = !OnnxGraph.subgraphs(node).isEmpty();
        if (kept.stream().flatMap(Optional::stream).noneMatch(Kept::isHeld) && !inBody) {
            return own ? seen.all(Kept.lengths(List.of())) : LengthRules.of(operator, seen);
        }
        Optional<Known> known = own || inBody ? Optional.empty() : RULES.of(operator);
        if (known.isEmpty() || !fits(node, seen, known.get())) {
            return seen.all(MixingNode.MIXED);
        }
        List<Kept> outputs = known.get().rule().of(seen);
        return !question.positions() && kept.stream().flatMap(Optional::stream).anyMatch(Kept::isNumbered)
                ? numbered(operator, seen, outputs)
                : outputs;
    }

    private boolean fits(NodeProto node, MixingNode seen, Known known) {
        boolean attributes =
                node.getAttributeList().stream().map(AttributeProto::getName).allMatch(known.attributes()::contains);
        boolean shapes = IntStream.range(0, seen.inputs())
                .filter(seen::has)
                .allMatch(input -> !seen.kept(input).isLength() || known.sizes().contains(input));
        return attributes
                && shapes
                && node.getOutputList().stream()
                        .allMatch(output -> output.isEmpty() || axes(output).isPresent());
    }

    /** A row's number says which it is among others; it may only look up the row's own. */
    private static List<Kept> numbered(String operator, MixingNode seen, List<Kept> outputs) {
        if (MOVING.contains(operator)) {
            Kept from = seen.kept(0);
            boolean still = outputs.get(0).isNumbered() || outputs.get(0).isMixed();
            return still
                    ? outputs
                    : operator.equals("Cast") || operator.equals("Identity")
                            ? seen.all(from)
                            : seen.all(MixingNode.MIXED);
        }
        boolean ownIndex = LOOKING_UP.contains(operator)
                && IntStream.range(0, seen.inputs())
                        .allMatch(input -> input == 1 || !seen.kept(input).isNumbered());
        return ownIndex ? outputs : seen.all(MixingNode.MIXED);
    }

    private static Kept lengths(MixingNode seen, Question question) {
        List<String> axes = seen.axes(0);
        if (axes.isEmpty()) {
            return seen.kept(0).isFree() ? Kept.free() : Kept.lengths(List.of());
        }
        if (seen.operator().equals("Size")) {
            return Kept.lengths(List.of(Length.unknown(axes.stream().anyMatch(question::hangs))));
        }
        int start = Math.toIntExact(seen.integer("start", 0));
        int end = Math.toIntExact(seen.integer("end", axes.size()));
        int from = Math.max(0, start < 0 ? start + axes.size() : start);
        int to = Math.min(axes.size(), end < 0 ? end + axes.size() : end);
        List<Length> all = axes.stream().map(question::computed).toList();
        return Kept.lengths(from < to ? all.subList(from, to) : List.of());
    }

    private long opset(NodeProto node) {
        return node.getDomain().isEmpty() || node.getDomain().equals("ai.onnx") ? opset : 1;
    }

    private Optional<List<String>> axes(String tensor) {
        List<String> known = initializers.get(tensor);
        return known != null
                ? Optional.of(known)
                : Optional.ofNullable(inferred.get(tensor)).flatMap(Inferred::axes);
    }
}
