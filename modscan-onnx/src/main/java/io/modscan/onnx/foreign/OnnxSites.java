package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.NodeProto;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.onnx.foreign.OnnxInputs.Input;
import io.modscan.onnx.internal.graph.Inferred;
import io.modscan.onnx.internal.graph.OnnxGraph;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.mixing.Mixing;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Which tensors of a graph are sites, and with which axes. */
final class OnnxSites {

    private static final Pattern LAYER = Pattern.compile(
            "(?:^|[./_])(?:layers?|blocks?|h|layer_module|encoder_layer|decoder_layer|resblocks|stages)[./_](\\d{1,4})(?=[./_]|$)");

    static final Set<String> READABLE = Set.of(
            "float32",
            "float16",
            "bfloat16",
            "float64",
            "int8",
            "uint8",
            "int16",
            "uint16",
            "int32",
            "uint32",
            "int64",
            "uint64",
            "bool");

    /**
     * How a site is read from its tensor.
     *
     * @param site    the site
     * @param tensor  its tensor
     * @param axes    the tensor's, as they are in the graph
     * @param order   the tensor's axes in the order of batch, positions, all others
     * @param batched whether one of them is the batch
     * @param alone   why a prompt's values would hang on others in its batch or on padding, or empty if they would not
     */
    record Recipe(
            Site site,
            GraphTensor tensor,
            List<String> axes,
            List<Integer> order,
            boolean batched,
            Optional<String> alone) {

        Recipe {
            axes = List.copyOf(axes);
            order = List.copyOf(order);
        }
    }

    /** How many heads a tensor is said to have. */
    interface DeclaredHeads {
        OptionalInt of(String tensor, OptionalInt layer);
    }

    private final Path path;
    private final OnnxGraph graph;
    private final OnnxInputs inputs;
    private final DeclaredHeads heads;
    private final Set<String> varying;
    /** What hangs on the inputs' values, not on their shapes alone. */
    private final Set<String> valued;

    private final Mixing mixing;

    private final Set<String> initializers = new LinkedHashSet<>();
    private final Map<String, GraphTensor> tensors = new LinkedHashMap<>();
    private final Map<String, Recipe> recipes = new LinkedHashMap<>();
    /** As many heads as some attention in the graph has. */
    private final Set<String> headCounts = new LinkedHashSet<>();

    /** @param heads how many heads a tensor is declared to have */
    OnnxSites(OnnxFile file, OnnxInputs inputs, Map<String, Inferred> inferred, DeclaredHeads heads) {
        this.path = file.path();
        this.graph = new OnnxGraph(file.graph());
        this.inputs = inputs;
        this.heads = heads;
        Set<String> given = inputs.inputs().keySet();
        this.varying = graph.dependents(given, operator -> true);
        this.valued = graph.dependents(given, operator -> !operator.equals("Shape") && !operator.equals("Size"));
        this.mixing = new Mixing(file.model(), file.opset(), MixingInputs.of(inputs), inferred);
        file.graph().getInitializerList().forEach(initializer -> initializers.add(initializer.getName()));
        inferred.values().stream()
                .flatMap(tensor -> tensor.axes().stream())
                .filter(axes -> positionsIn(axes) == 2)
                .forEach(axes -> IntStream.range(1, axes.size())
                        .filter(axis -> isPosition(axes.get(axis)) && isNumber(axes.get(axis - 1)))
                        .mapToObj(axis -> axes.get(axis - 1))
                        .forEach(headCounts::add));
        inferred.forEach(this::add);
        graph.inner().forEach(this::addInner);
    }

    Map<String, GraphTensor> tensors() {
        return tensors;
    }

    Map<String, Recipe> recipes() {
        return recipes;
    }

    /** Selects by operator, and can say so. */
    record ByOperator(SiteSelector which, String operator) implements SiteSelector {
        @Override
        public boolean selects(Site site) {
            return which.selects(site);
        }

        @Override
        public String toString() {
            return "operator " + operator;
        }
    }

    /** Which tensors a selector means, those that can't be read included. */
    static Predicate<GraphTensor> meant(SiteSelector selector) {
        return tensor -> selector.selects(new Site(tensor.name(), tensor.layer(), List.of(), false));
    }

    /** Says why a selector selects nothing, where the graph tells. */
    void checkSelects(SiteSelector selector) {
        if (recipes.values().stream().map(Recipe::site).anyMatch(selector::selects)) {
            return;
        }
        List<GraphTensor> those =
                tensors.values().stream().filter(meant(selector)).toList();
        if (selector instanceof ByOperator by && those.isEmpty()) {
            throw new ModscanException(path + ": no tensor is of the operator '" + by.operator()
                    + "'; its operators are "
                    + tensors.values().stream()
                            .map(GraphTensor::operator)
                            .filter(name -> !name.isEmpty())
                            .collect(Collectors.toCollection(TreeSet::new)));
        }
        if (recipes.isEmpty() && those.size() > 1 && !unsaid().isEmpty()) {
            throw new ModscanException(path + ": no tensor can be read yet; say first what "
                    + unsaid().stream()
                            .map(axis -> "the axis " + axis + " is: " + choices(axis))
                            .collect(Collectors.joining("; and ")));
        }
        those.stream()
                .filter(tensor -> tensor.refusal().isPresent())
                // What it is given comes first, and is no reason where others are meant too.
                .min(Comparator.comparing(
                        tensor -> inputs.inputs().containsKey(tensor.name()) || !varying.contains(tensor.name())))
                .ifPresent(tensor -> {
                    throw new ModscanException(path + ": '" + tensor.name() + "' can't be read: "
                            + tensor.refusal().orElseThrow());
                });
    }

    private void add(String name, Inferred inferred) {
        Optional<NodeProto> node = graph.producer(name);
        OptionalInt layer = layer(name, node);
        Optional<String> refusal =
                node.isEmpty() ? Optional.of("it is what the model is given") : refusal(name, layer, inferred);
        GraphTensor tensor = new GraphTensor(
                name,
                inferred.type(),
                inferred.axes()
                        .map(axes -> axes.stream().map(FixedPositions::plain).toList()),
                node.map(NodeProto::getName).orElse(""),
                node.map(OnnxGraph::operator).orElse(""),
                layer,
                refusal);
        tensors.put(name, tensor);
        if (refusal.isEmpty()) {
            recipes.put(name, recipe(tensor, inferred.axes().orElseThrow()));
        }
    }

    private void addInner(String name, OnnxGraph.Inner inner) {
        NodeProto node = inner.producer();
        tensors.putIfAbsent(
                name,
                new GraphTensor(
                        name,
                        "unknown",
                        Optional.empty(),
                        node.getName(),
                        OnnxGraph.operator(node),
                        layer(name, Optional.of(node)),
                        Optional.of("it is computed within the body of " + OnnxGraph.describe(inner.around())
                                + ", whose outputs can be read")));
    }

    private OptionalInt layer(String name, Optional<NodeProto> node) {
        return Stream.concat(
                        Stream.of(name),
                        node.stream()
                                .flatMap(producer -> Stream.concat(
                                        Stream.of(producer.getName()),
                                        producer.getInputList().stream().filter(initializers::contains))))
                .map(LAYER::matcher)
                .filter(Matcher::find)
                .mapToInt(found -> Integer.parseInt(found.group(1)))
                .findFirst();
    }

    /** What the axes are for a batch of one: those that were made one with it are apart. */
    private List<String> apart(List<String> axes) {
        if (inputs.batch().isEmpty()) {
            return axes;
        }
        String batch = inputs.batch().get();
        return axes.stream()
                .map(axis -> axis.startsWith(batch + "*")
                        ? axis.substring(batch.length() + 1)
                        : axis.endsWith("*" + batch) ? axis.substring(0, axis.length() - batch.length() - 1) : axis)
                .toList();
    }

    private Optional<String> refusal(String name, OptionalInt layer, Inferred inferred) {
        if (!varying.contains(name)) {
            return Optional.of("it is the same whatever the input");
        }
        if (!READABLE.contains(inferred.type())) {
            return Optional.of("its values are of type " + inferred.type() + ", which are no numbers that can be read");
        }
        if (inferred.axes().isEmpty()) {
            return Optional.of("the number of its axes is not known before it is computed");
        }
        List<String> axes = apart(inferred.axes().get());
        for (int i = 0; i < axes.size(); i++) {
            String axis = axes.get(i);
            if (axis.equals("0") || (!isNumber(axis) && !isBatch(axis) && !isPosition(axis))) {
                return Optional.of("its axis " + i + " is " + FixedPositions.plain(axis) + why(axis));
            }
        }
        if (!isHeld(axes)) {
            return Optional.of("its shape " + axes + " is of more values than Java can hold in one piece");
        }
        if (axes.stream().filter(this::isBatch).count() > 1) {
            return Optional.of("it has two batch axes");
        }
        long positions = positionsIn(axes);
        if (positions > 2) {
            return Optional.of("it has " + positions + " axes of positions; what can be read are one or two");
        }
        OptionalInt declared = heads.of(name, layer);
        return declared.isPresent() && !fitsHeads(axes, declared.getAsInt())
                ? Optional.of("its shape " + axes + " can't be split into the " + declared.getAsInt()
                        + " heads that it is said to have"
                        + (positionsIn(axes) == 0
                                ? "; if one of its axes is of positions, say so first (OnnxModel.withPositions)"
                                : ""))
                : Optional.empty();
    }

    /** Why an axis can't be read. */
    private String why(String axis) {
        if (axis.equals("?")) {
            return ": its length is not known before it is computed" + hint();
        }
        if (axis.equals("0")) {
            return ": there is nothing in it";
        }
        if (axis.startsWith(FixedPositions.UNSURE)) {
            return ", as long as there are positions, and so are others in this graph that are none; say which of its axes are"
                    + " positions (OnnxModel.withPositionAxes)";
        }
        if (axis.contains("*")) {
            return ": two axes in one; read the tensor before or behind it that has them apart";
        }
        return ", which has to be said first: " + choices(axis);
    }

    /** Where the positions are known no others can be said. */
    private String choices(String axis) {
        return "that it is the batch (OnnxModel.withBatch(\"" + axis + "\")), or "
                + (inputs.positions().isPresent()
                        ? ""
                        : "the positions (OnnxModel.withPositions(\"" + axis + "\")), or ")
                + "its length (OnnxModel.withDimension(\"" + axis + "\", N))";
    }

    /** The symbols of the inputs that stand in the way of tensors. */
    private List<String> unsaid() {
        return tensors.values().stream()
                .filter(tensor -> varying.contains(tensor.name()) && READABLE.contains(tensor.type()))
                .flatMap(tensor -> tensor.shape().orElse(List.of()).stream())
                .filter(axis -> OnnxProtos.isSymbol(axis) && !axis.contains("*") && !isBatch(axis) && !isPosition(axis))
                .distinct()
                .toList();
    }

    /** Where lengths are computed from those of the inputs, these may be given. */
    private String hint() {
        List<Input> roleless = inputs.isText()
                ? inputs.inputs().values().stream()
                        .filter(input -> input.role().isEmpty() && input.axes().size() == 2)
                        .toList()
                : List.of();
        List<String> open = inputs.inputs().values().stream()
                .filter(input -> !roleless.contains(input))
                .flatMap(input -> input.axes().stream())
                .filter(axis -> OnnxProtos.isSymbol(axis) && !isBatch(axis))
                .distinct()
                .toList();
        return (roleless.isEmpty()
                        ? ""
                        : ", unless it is said what tokens put into these (OnnxModel.withInput): " + roleless)
                + (open.isEmpty() ? "" : ", unless the inputs' are given (OnnxModel.withDimension): " + open);
    }

    private boolean isHeld(List<String> axes) {
        try {
            long values = 1;
            for (String axis : axes) {
                values = Math.multiplyExact(values, isNumber(axis) ? Long.parseLong(axis) : 1L);
            }
            return values <= Integer.MAX_VALUE;
        } catch (ArithmeticException e) {
            return false;
        }
    }

    private boolean fitsHeads(List<String> axes, int count) {
        List<Integer> others = others(axes);
        return positionsIn(axes) == 2
                ? others.equals(List.of(count))
                : (others.size() == 1 && others.get(0) % count == 0) || (others.size() == 2 && others.get(0) == count);
    }

    private Recipe recipe(GraphTensor tensor, List<String> inferred) {
        List<String> axes = apart(inferred);
        List<Integer> order = new ArrayList<>();
        boolean batched = axes.stream().anyMatch(this::isBatch);
        append(order, axes, this::isBatch);
        if (positionsIn(axes) == 2) {
            append(order, axes, this::isNumber);
            append(order, axes, this::isPosition);
        } else {
            if (hasUnitBatch(axes)) {
                order.add(0);
            }
            append(order, axes, this::isPosition);
            append(order, axes, this::isNumber);
        }
        // Of the batch rather than of a prompt, such as a shape or a row's number; so reading it takes a batch for each
        // prompt.
        boolean onDemand =
                inputs.batch().isPresent() && (!batched || !valued.contains(tensor.name()) || !axes.equals(inferred));
        return new Recipe(
                new Site(
                        tensor.name(),
                        tensor.layer(),
                        siteAxes(heads.of(tensor.name(), tensor.layer()), axes),
                        onDemand),
                tensor,
                axes,
                order,
                batched,
                mixing.why(tensor.name())
                        .or(() -> Optional.of("it tells of the batch, not of a prompt")
                                .filter(any -> !batched || onDemand)));
    }

    private static void append(List<Integer> order, List<String> axes, Predicate<String> which) {
        for (int i = 0; i < axes.size(); i++) {
            if (!order.contains(i) && which.test(axes.get(i))) {
                order.add(i);
            }
        }
    }

    private List<Axis> siteAxes(OptionalInt declared, List<String> axes) {
        List<Integer> others = others(axes);
        List<Axis> site = new ArrayList<>();
        if (positionsIn(axes) == 2) {
            if (!others.isEmpty()) {
                site.add(Axis.heads(others.stream().reduce(1, Math::multiplyExact)));
            }
            site.add(Axis.QUERY);
            site.add(Axis.KEY);
            return site;
        }
        if (positionsIn(axes) == 1) {
            site.add(Axis.POSITION);
        }
        if (declared.isPresent() && others.size() == 1) {
            site.add(Axis.heads(declared.getAsInt()));
            site.add(Axis.units(others.get(0) / declared.getAsInt()));
        } else if (others.size() == 2 && (declared.isPresent() || headCounts.contains(String.valueOf(others.get(0))))) {
            site.add(Axis.heads(others.get(0)));
            site.add(Axis.units(others.get(1)));
        } else {
            others.forEach(size -> site.add(Axis.units(size)));
        }
        return site;
    }

    /** The lengths of the axes that are neither batch nor positions. */
    private List<Integer> others(List<String> axes) {
        List<Integer> others = new ArrayList<>();
        for (int i = hasUnitBatch(axes) ? 1 : 0; i < axes.size(); i++) {
            if (isNumber(axes.get(i))) {
                others.add(Integer.parseInt(Objects.requireNonNull(axes.get(i))));
            }
        }
        return others;
    }

    /** Where a model is fixed to batches of one, a first axis of one stands for it. */
    private boolean hasUnitBatch(List<String> axes) {
        return inputs.batch().isEmpty() && axes.size() > 1 && axes.get(0).equals("1");
    }

    private long positionsIn(List<String> axes) {
        return axes.stream().filter(this::isPosition).count();
    }

    private boolean isBatch(String axis) {
        return inputs.batch().equals(Optional.of(axis));
    }

    private boolean isPosition(String axis) {
        return inputs.isPosition(axis);
    }

    private boolean isNumber(String axis) {
        return Character.isDigit(axis.charAt(0)) && !isPosition(axis);
    }
}
