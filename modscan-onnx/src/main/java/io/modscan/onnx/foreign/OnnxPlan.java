package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.token.Positions;
import io.modscan.onnx.foreign.OnnxSites.Recipe;
import io.modscan.onnx.internal.graph.OnnxGraph;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import io.modscan.onnx.internal.graph.OutputAxes;
import io.modscan.onnx.internal.runtime.WeightRoom;
import io.modscan.onnx.runtime.Loading;
import io.modscan.onnx.runtime.PlanMemory;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The graph that computes what a plan asks for: somebody's graph, cut off behind the planned tensors, with nodes behind it
 * that cast, rearrange and pool. Which positions count is worked out outside, from the token ids, and given as inputs.
 */
final class OnnxPlan {

    /** How many rows and positions are run, int64 [2]. */
    static final String SIZES = "modscan.sizes";

    /** Which positions count, bool [batch, positions, 1]. */
    static final String COUNTED = "modscan.counted";

    /** The row of each among all rows' positions, one behind the last for those that don't count, int64 [batch, positions]. */
    static final String PLACE = "modscan.place";

    /** 1 for each that counts in a sum, float32 [batch, 1, positions]. */
    static final String ONES = "modscan.ones";

    /** The share of each in a mean, float32 [batch, 1, positions]. */
    static final String SHARE = "modscan.share";

    /** The index of the last that counts, among all rows' positions, int64 [batch]. */
    static final String LAST = "modscan.last";

    /** Behind a name: without the BOS token. */
    static final String WITHOUT_BOS = ".without_bos";

    /** Behind a name: at the positions of a choice of the plan's, by its number. */
    static final String CHOSEN = ".chosen_";

    /** The indices of those that are kept, among all rows' positions, int64 [batch, kept]. */
    static final String KEPT = "modscan.kept";

    /** An output of the graph. */
    record Output(String name, OutputAxes axes) {}

    private final OnnxEdit edit;
    private final OnnxInputs inputs;
    private final Optional<String> alone;
    private final OnnxDequantizer dequantizer;
    private final OnnxChanges changes;
    private final List<Recipe> planned;
    /** The sites whose tensors are computed. */
    private final List<Site> run;

    private final List<Positions> choices;
    private final List<Output> outputs = new ArrayList<>();
    private final ModelProto model;

    OnnxPlan(OnnxFile file, OnnxInputs inputs, CapturePlan plan, Map<String, Recipe> recipes, boolean dequantized) {
        this.choices = plan.chosen();
        this.edit = new OnnxEdit(file);
        this.dequantizer = new OnnxDequantizer(file, edit, dequantized);
        this.planned = plan.readings().stream()
                .map(reading ->
                        Objects.requireNonNull(recipes.get(reading.site().tensorName()), "planned of this model"))
                .toList();
        this.inputs = inputs;
        Set<String> needed = new OnnxGraph(file.graph())
                .needed(planned.stream().map(recipe -> recipe.tensor().name()).toList());
        List<Recipe> changing = plan.changing().stream()
                .map(site -> Objects.requireNonNull(recipes.get(site.name()), "planned of this model"))
                .filter(recipe -> needed.contains(recipe.tensor().name()))
                .toList();
        this.changes = new OnnxChanges(inputs, changing);
        changes.into(edit);
        this.alone = inputs.alone(needed)
                ? Optional.of(whyAlone(inputs, needed))
                : why(Stream.concat(planned.stream(), changing.stream()).toList());
        for (int i = 0; i < planned.size(); i++) {
            outputs.add(read(plan.readings().get(i), planned.get(i)));
        }
        dequantizer.sayWhatIsLeft();
        outputs.forEach(output -> edit.output(output.name()));
        this.model = OnnxGuard.forRunning(edit.build(), file.opset());
        this.run = run(recipes.values());
    }

    private static String whyAlone(OnnxInputs inputs, Set<String> needed) {
        return inputs.inputs().values().stream()
                .filter(input -> needed.contains(input.name()) && inputs.batchAxis(input) != 0)
                .findFirst()
                .map(input -> "the first axis of input '" + input.name() + "' is no batch that can vary")
                .orElse("it has no input for a mask of padding");
    }

    private static Optional<String> why(List<Recipe> planned) {
        return planned.stream()
                .flatMap(recipe ->
                        recipe.alone().map(why -> "of '" + recipe.tensor().name() + "', " + why).stream())
                .findFirst();
    }

    ModelProto model() {
        return model;
    }

    /** What interventions put into the graph. */
    OnnxChanges changes() {
        return changes;
    }

    /** About how much a run takes: what is there at one time is about the four largest tensors, and what changes others. */
    long workingBytes(int rows, int columns) {
        return changes.bytes(rows, columns)
                + run.stream()
                        .map(site -> (long) rows * Float.BYTES * new Reading(site, Pooling.none()).values(columns))
                        .sorted(Comparator.reverseOrder())
                        .limit(4)
                        .mapToLong(Long::longValue)
                        .sum();
    }

    PlanMemory memory(CapturePlan plan, Path path, RuntimeOptions options, int rows, int columns) {
        long weights = weightBytes(path);
        long room = WeightRoom.of(options).bytes();
        return new PlanMemory(
                weights,
                weights,
                weights,
                plan.bytes(rows, columns),
                workingBytes(rows, columns),
                room,
                weights <= room ? 1 : 0);
    }

    /** As they are in the file; ONNX Runtime may keep some in another type. */
    private long weightBytes(Path path) {
        return model.getGraph().getInitializerList().stream()
                .mapToLong(weight -> OnnxTypes.bytes(path, weight))
                .sum();
    }

    /** Says before anything is loaded that it won't fit. */
    void checkRoom(Path path, RuntimeOptions options) {
        if (options.loading() == Loading.CHAIN) {
            throw new ModscanException(
                    path + ": is no family of models that modscan can divide into blocks, so it is run by one"
                            + " session: take Loading.CHAIN back (Loading.AUTOMATIC)");
        }
        WeightRoom room = WeightRoom.of(options);
        long weights = weightBytes(path);
        if (weights > room.bytes()) {
            throw new ModscanException(path + ": this plan takes " + PlanMemory.inWords(weights)
                    + " of memory for weights, and there is room for " + room + "; " + room.waysOut()
                    + "; or read earlier tensors only, so that the rest is cut off");
        }
    }

    private List<Site> run(Collection<Recipe> recipes) {
        Set<String> computed = model.getGraph().getNodeList().stream()
                .flatMap(node -> node.getOutputList().stream())
                .collect(Collectors.toSet());
        return recipes.stream()
                .map(Recipe::site)
                .filter(site -> computed.contains(site.name()))
                .toList();
    }

    /** The graph's outputs, in order of the plan's readings. */
    List<Output> outputs() {
        return outputs;
    }

    /** Whether it is to be run with one prompt at a time. */
    boolean alone() {
        return alone.isPresent();
    }

    /** Why it is, if so. */
    Optional<String> whyAlone() {
        return alone;
    }

    /** An output that an input is needed for. */
    String neededFor(String input) {
        OnnxGraph cut = new OnnxGraph(model.getGraph());
        return planned.stream()
                .map(recipe -> recipe.tensor().name())
                .filter(tensor -> cut.needed(List.of(tensor)).contains(input))
                .findFirst()
                .orElse(input);
    }

    /** The names of the inputs that it takes. */
    Set<String> inputNames() {
        return model.getGraph().getInputList().stream()
                .map(ValueInfoProto::getName)
                .collect(Collectors.toSet());
    }

    private Output read(Reading reading, Recipe recipe) {
        Site site = reading.site();
        String values = arranged(recipe, site);
        boolean magnitude = site.magnitudeOf().isPresent();
        if (magnitude) {
            values = magnitude(values, site.magnitudeOf().orElseThrow(), recipe.batched());
        }
        if (reading.pooling().isPooled()) {
            return pooled(values, site, reading.pooling());
        }
        if (reading.choosesPositions()) {
            return kept(values, site);
        }
        if (magnitude) {
            return new Output(values, new OutputAxes(recipe.batched(), sizes(site)));
        }
        // Axes in the site's order, but heads and units apart or together as they are in the graph.
        List<Integer> sizes = new ArrayList<>(recipe.order().stream()
                .skip(recipe.batched() ? 1 : 0)
                .map(recipe.axes()::get)
                .map(axis -> inputs.isPosition(axis) ? 0 : Integer.parseInt(axis))
                .toList());
        site.picked().ifPresent(picked -> sizes.set(sizes.size() - 1, site.units()));
        return new Output(unique(values), new OutputAxes(recipe.batched(), sizes));
    }

    /** Two readings of one tensor have outputs of their own. */
    private String unique(String values) {
        return outputs.stream().anyMatch(output -> output.name().equals(values))
                ? edit.op("Identity", List.of(values))
                : values;
    }

    private static List<Integer> sizes(Site site) {
        return site.axes().stream().map(Axis::size).toList();
    }

    /** The tensor as float32, its axes in the site's order; of picked units, these alone. */
    private String arranged(Recipe recipe, Site site) {
        String values = recipe.tensor().name();
        Optional<String> real = dequantizer.dequantized(values);
        if (real.isEmpty()) {
            dequantizer.leave(recipe.tensor());
        }
        values = picked(real.orElse(values), recipe, site);
        if (real.isEmpty() && !recipe.tensor().type().equals("float32")) {
            values = edit.op("Cast", List.of(values), OnnxProtos.attribute("to", (long) DataType.FLOAT_VALUE));
        }
        if (inputs.length() > 0) {
            values = withoutPadding(values, recipe);
        }
        boolean inOrder = IntStream.range(0, recipe.order().size())
                .allMatch(axis -> recipe.order().get(axis) == axis);
        return inOrder
                ? values
                : edit.op(
                        "Transpose",
                        List.of(values),
                        OnnxProtos.attribute(
                                "perm",
                                recipe.order().stream()
                                        .mapToLong(Integer::longValue)
                                        .toArray()));
    }

    /** The picked ones of the units, which are along the last axis of the site's order. */
    private String picked(String values, Recipe recipe, Site site) {
        return site.picked()
                .map(picked -> edit.op(
                        "Gather",
                        List.of(
                                values,
                                edit.longs(picked.units().stream()
                                        .map(Integer::longValue)
                                        .toList())),
                        OnnxProtos.attribute(
                                "axis",
                                recipe.order().get(recipe.order().size() - 1).longValue())))
                .orElse(values);
    }

    /** Of a model that is fixed to a length, the positions of the prompts that are run. */
    private String withoutPadding(String values, Recipe recipe) {
        String cut = values;
        for (int axis = 0; axis < recipe.axes().size(); axis++) {
            if (inputs.isPosition(recipe.axes().get(axis))) {
                String sizes = edit.input(SIZES, OnnxTypes.INT64, List.of("2"));
                String columns =
                        edit.op("Gather", List.of(sizes, edit.longs(List.of(1L))), OnnxProtos.attribute("axis", 0L));
                cut = edit.slice(cut, columns, axis);
            }
        }
        return cut;
    }

    /** The L2 norm over a site's units, [batch, positions, heads, 1] with the axes that there are. */
    private String magnitude(String values, Site site, boolean batched) {
        List<Long> shape = new ArrayList<>();
        if (batched) {
            shape.add(0L);
        }
        if (site.hasPositions()) {
            // One that is copied has to stand where it stood.
            shape.add(batched ? 0L : -1L);
        }
        if (site.heads() > 0) {
            shape.add((long) site.heads());
        }
        shape.add((long) site.units());
        String split = edit.op("Reshape", List.of(values, edit.longs(shape)));
        String squares = edit.op("Mul", List.of(split, split));
        String norms = edit.op("Sqrt", List.of(edit.reduce("ReduceSum", squares, shape.size() - 1)));
        List<Long> flat = new ArrayList<>(shape.subList(0, shape.size() - 1));
        return edit.op("Reshape", List.of(norms, edit.longs(flat)));
    }

    /** [batch, width], or with a 1 between. */
    private Output pooled(String values, Site site, Pooling pooling) {
        String behind = behind(pooling.positions());
        int width = site.width();
        String flat = flat(values, width);
        if (pooling.kind() == Pooling.Kind.LAST) {
            String rows = edit.op("Reshape", List.of(flat, edit.longs(List.of(-1L, (long) width))));
            String last = edit.input(LAST + behind, OnnxTypes.INT64, List.of("modscan_batch"));
            return new Output(
                    edit.op("Gather", List.of(rows, last), OnnxProtos.attribute("axis", 0L)),
                    new OutputAxes(true, List.of(width)));
        }
        boolean max = pooling.kind() == Pooling.Kind.MAX;
        String seen = counted(flat, width, max ? Float.NEGATIVE_INFINITY : 0f, behind);
        if (max) {
            return new Output(edit.reduce("ReduceMax", seen, 1), new OutputAxes(true, List.of(1, width)));
        }
        String share = edit.input(
                (pooling.kind() == Pooling.Kind.SUM ? ONES : SHARE) + behind,
                OnnxTypes.FLOAT,
                List.of("modscan_batch", "1", "modscan_positions"));
        return new Output(edit.op("MatMul", List.of(share, seen)), new OutputAxes(true, List.of(1, width)));
    }

    /** [batch, positions, width] */
    private String flat(String values, int width) {
        // One prompt at a time may come without a batch axis. A tensor of other sizes than were inferred fails here.
        String sizes = edit.op(
                "Concat",
                List.of(edit.input(SIZES, OnnxTypes.INT64, List.of("2")), edit.longs(List.of((long) width))),
                OnnxProtos.attribute("axis", 0L));
        return edit.op("Reshape", List.of(values, sizes));
    }

    /** [batch, kept, width] */
    private Output kept(String values, Site site) {
        int width = site.width();
        String rows = edit.op("Reshape", List.of(flat(values, width), edit.longs(List.of(-1L, (long) width))));
        String kept = edit.input(KEPT, OnnxTypes.INT64, List.of("modscan_batch", "modscan_kept"));
        return new Output(
                edit.op("Gather", List.of(rows, kept), OnnxProtos.attribute("axis", 0L)),
                new OutputAxes(true, List.of(0, width)));
    }

    private String behind(Positions positions) {
        return positions.isAll() ? "" : positions.isWithoutBos() ? WITHOUT_BOS : CHOSEN + choices.indexOf(positions);
    }

    /**
     * The values at positions that count, [batch, positions, width]. What is elsewhere may be infinite or no number at all,
     * and must not come in with weight 0.
     */
    private String counted(String values, int width, float elsewhere, String behind) {
        if (!edit.hasWhere()) {
            String rows = edit.op("Reshape", List.of(values, edit.longs(List.of(-1L, (long) width))));
            String more =
                    edit.op("Concat", List.of(rows, edit.row(width, elsewhere)), OnnxProtos.attribute("axis", 0L));
            String place = edit.input(PLACE + behind, OnnxTypes.INT64, List.of("modscan_batch", "modscan_positions"));
            return edit.op("Gather", List.of(more, place), OnnxProtos.attribute("axis", 0L));
        }
        String counted =
                edit.input(COUNTED + behind, DataType.BOOL_VALUE, List.of("modscan_batch", "modscan_positions", "1"));
        return edit.op("Where", List.of(counted, values, edit.scalar(elsewhere)));
    }
}
