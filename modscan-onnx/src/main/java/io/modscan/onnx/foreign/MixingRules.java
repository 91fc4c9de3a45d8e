package io.modscan.onnx.foreign;

import io.modscan.onnx.foreign.Kept.Held;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Which of ONNX's own operators keep rows and positions apart, and when. What is not here is not known to. */
final class MixingRules {

    /** What an operator's outputs hold. */
    interface Rule {
        List<Kept> of(MixingNode node);
    }

    /** As {@link Rule}, where all outputs are alike. */
    interface Alike {
        Kept of(MixingNode node);
    }

    /**
     * An operator.
     *
     * @param attributes those with which the rule holds
     * @param sizes      the inputs that say lengths
     */
    record Known(Set<String> attributes, Set<Integer> sizes, Rule rule) {}

    private static final Kept MIXED = MixingNode.MIXED;

    private final Map<String, Known> known = new HashMap<>();

    MixingRules() {
        elementwise();
        movers();
        lookups();
        alongAxes();
        products();
        images();
        new ContribRules(this).add();
    }

    Optional<Known> of(String operator) {
        return Optional.ofNullable(known.get(operator));
    }

    /** Names and attributes are parted by spaces. */
    void alike(String operators, String attributes, Alike rule) {
        add(operators, attributes, Set.of(), node -> node.all(rule.of(node)));
    }

    void add(String operators, String attributes, Set<Integer> sizes, Rule rule) {
        Set<String> names = new HashSet<>(List.of(attributes.split(" ", -1)));
        for (String operator : operators.split(" ", -1)) {
            known.put(operator, new Known(names, sizes, rule));
        }
    }

    private void elementwise() {
        alike(
                "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid"
                        + " HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink"
                        + " Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu",
                "alpha beta gamma to saturate round_mode approximate detect_negative detect_positive lambd bias",
                node -> node.elementwise(0));
        alike(
                "Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean"
                        + " Min Mod Mul Or PRelu Pow Sub Sum Where Xor",
                "direction fmod",
                node -> node.opset() < 7
                                && Stream.of(0, 1).map(node::axes).distinct().count() > 1
                        ? MIXED // broadcast in other ways
                        : node.elementwise(IntStream.range(0, node.inputs()).toArray()));
        alike("Clip", "min max", node -> node.isFree(1) ? node.elementwise(0) : MIXED);
        alike("CastLike", "saturate round_mode", node -> node.elementwise(0));
        alike(
                "Dropout",
                "ratio seed",
                node -> node.opset() >= 7
                                && node.isFree(1)
                                && (!node.has(2) || node.kept(2).uniform().equals(OptionalDouble.of(0)))
                        ? node.elementwise(0)
                        : MIXED);
        // What is lowest is only low when it is whole numbers.
        alike(
                "QuantizeLinear DequantizeLinear",
                "axis block_size saturate output_dtype precision",
                node -> node.isFree(1) ? kept(node, quantized(node)) : MIXED);
    }

    private static Kept quantized(MixingNode node) {
        Kept from = node.kept(0);
        boolean zeroStays = from.axes().stream().allMatch(axis -> axis.padding().isZero())
                && (!node.has(2) || node.kept(2).uniform().equals(OptionalDouble.of(0)));
        return zeroStays ? from : dropped(from);
    }

    private static Kept dropped(Kept from) {
        return Kept.held(
                from.axes().stream().map(axis -> axis.with(Padding.ANYTHING)).toList());
    }

    /** What it is, if it says as many as the operator's first output has. */
    private static Kept kept(MixingNode node, Kept kept) {
        return node.rank(0) == node.yields().size() ? kept : MIXED;
    }

    private void movers() {
        alike("Transpose", "perm", MixingRules::transposed);
        add(
                "Reshape",
                "allowzero shape",
                Set.of(1),
                node -> node.all(node.kept(1).isHeld() ? MIXED : node.reshaped(0)));
        alike("Flatten", "axis", node -> node.reshaped(0));
        alike("Squeeze", "axes", MixingRules::squeezed);
        alike("Unsqueeze", "axes", MixingRules::unsqueezed);
        add("Expand", "", Set.of(1), node -> node.all(node.kept(1).isHeld() ? MIXED : expanded(node)));
        add(
                "Tile",
                "",
                Set.of(1),
                node -> node.all(
                        !node.kept(1).isHeld()
                                        && node.kept(0).axes().stream().allMatch(axis -> sameLength(node, axis.place()))
                                ? node.changed(node.kept(0))
                                : MIXED));
        add("Slice", "axes starts ends", Set.of(1, 2), node -> node.all(sliced(node)));
        alike("Concat", "axis", MixingRules::joined);
        add(
                "Split",
                "axis split num_outputs",
                Set.of(1),
                node -> node.all(node.apart(0, axis -> axis == MixingNode.at(node.integer("axis", 0), node.rank(0)))));
        alike("Pad", "mode pads value", MixingRules::padded);
        alike(
                "Trilu",
                "upper",
                node -> !node.isFree(1) || !node.kept(0).axes().stream().allMatch(Held::isPure)
                        ? MIXED
                        : node.apart(0, axis -> !node.positions() && axis >= node.rank(0) - 2));
        // By lengths alone, and 1 where two places have one number.
        alike("EyeLike", "k dtype", node -> node.positions() || node.kept(0).isFree() ? node.filled(0) : MIXED);
        alike("DepthToSpace SpaceToDepth", "blocksize mode", node -> node.apart(0, axis -> axis > 0));
    }

    private static boolean sameLength(MixingNode node, int place) {
        return node.rank(0) == node.yields().size() && MixingNode.isAsLong(node.axes(0), place, node.yields(), place);
    }

    private static Kept transposed(MixingNode node) {
        int rank = node.rank(0);
        List<Long> perm = node.integers("perm")
                .orElseGet(() -> IntStream.range(0, rank)
                        .mapToObj(axis -> (long) rank - 1 - axis)
                        .toList());
        return node.carry(0, axis -> place(perm.indexOf((long) axis)));
    }

    private static OptionalInt place(int place) {
        return place < 0 ? OptionalInt.empty() : OptionalInt.of(place);
    }

    private static Kept squeezed(MixingNode node) {
        Optional<List<Long>> axes = node.integers("axes", 1);
        if (axes.isEmpty()) {
            return node.isFree(1) ? node.reshaped(0) : MIXED;
        }
        List<Integer> gone = axes.get().stream()
                .map(axis -> MixingNode.at(axis, node.rank(0)))
                .toList();
        return node.carry(
                0,
                axis -> gone.contains(axis)
                        ? OptionalInt.empty()
                        : OptionalInt.of(axis
                                - (int) gone.stream().filter(one -> one < axis).count()));
    }

    private static Kept unsqueezed(MixingNode node) {
        Optional<List<Long>> axes = node.integers("axes", 1);
        if (axes.isEmpty()) {
            return node.isFree(1) ? node.reshaped(0) : MIXED;
        }
        int rank = node.rank(0) + axes.get().size();
        List<Integer> added =
                axes.get().stream().map(axis -> MixingNode.at(axis, rank)).toList();
        List<Integer> old = IntStream.range(0, rank)
                .filter(axis -> !added.contains(axis))
                .boxed()
                .toList();
        return node.carry(0, axis -> OptionalInt.of(old.get(axis)));
    }

    /** What is repeated along a new axis is alike at all its places. */
    static Kept expanded(MixingNode node) {
        List<String> to = node.yields();
        int shift = to.size() - node.rank(0);
        Kept moved = node.carry(0, axis -> OptionalInt.of(axis + shift));
        List<Held> held = new ArrayList<>(moved.axes());
        for (int place = 0; place < to.size(); place++) {
            if (moved.holds(place)) {
                continue;
            }
            boolean repeated = place < shift || node.axes(0).get(place - shift).equals("1");
            if (node.question().isIt(to.get(place)) && repeated) {
                held.add(Held.at(place, Padding.ANYTHING));
            } else if (node.question().hangs(to.get(place))) {
                return MIXED;
            }
        }
        return Kept.held(held).filledWith(moved.uniform()).numbering(moved.numbers());
    }

    private static Kept sliced(MixingNode node) {
        Kept from = node.kept(0);
        if (!node.isFree(3) || node.kept(1).isHeld() || node.kept(2).isHeld()) {
            return MIXED;
        }
        int rank = node.rank(0);
        Optional<List<Long>> starts = node.integers("starts", 1);
        Optional<List<Long>> ends = node.integers("ends", 2);
        Optional<List<Long>> said = node.integers("axes", 3);
        Optional<List<Long>> axes = said.isPresent() || node.has(3)
                ? said
                : starts.or(() -> ends)
                        .map(all -> IntStream.range(0, all.size())
                                .mapToObj(Long::valueOf)
                                .toList());
        if (axes.isEmpty() || (node.has(4) && node.integers(4).isEmpty())) {
            return MIXED;
        }
        List<Integer> places =
                axes.get().stream().map(axis -> MixingNode.at(axis, rank)).toList();
        List<Held> held = new ArrayList<>();
        for (Held axis : from.axes()) {
            int at = places.indexOf(axis.place());
            long step =
                    at < 0 ? 1 : node.integers(4).map(steps -> steps.get(at)).orElse(1L);
            if (at < 0 || (step == 1 && sameLength(node, axis.place()))) {
                held.add(axis);
            } else if (!isFirst(node, starts.map(all -> all.get(at)), ends.map(all -> all.get(at)), step)) {
                return MIXED;
            }
        }
        for (int at = 0; at < places.size(); at++) {
            int place = places.get(at);
            boolean whole = held.stream().anyMatch(axis -> axis.place() == place);
            if (!whole && (hangs(node.kept(1), at, places.size()) || hangs(node.kept(2), at, places.size()))) {
                return MIXED;
            }
        }
        // Numbers that are taken from elsewhere than the beginning tell of other places.
        return Kept.held(held).filledWith(from.uniform()).numbering(from.numbers());
    }

    private static boolean hangs(Kept bounds, int at, int count) {
        return bounds.lengths().size() == count ? bounds.lengths().get(at).hangs() : bounds.isLength();
    }

    /** The first position is a real one in every prompt. */
    private static boolean isFirst(MixingNode node, Optional<Long> start, Optional<Long> end, long step) {
        return node.positions() && start.equals(Optional.of(0L)) && end.equals(Optional.of(1L)) && step == 1;
    }

    private static Kept joined(MixingNode node) {
        int rank = node.yields().size();
        int along = MixingNode.at(node.integer("axis", 1), rank);
        List<Kept> all = new ArrayList<>();
        List<Integer> columns = new ArrayList<>();
        boolean counts = false;
        for (int input = 0; input < node.inputs(); input++) {
            Kept kept = node.kept(input);
            if (node.rank(input) == rank && node.axes(input).get(along).equals("0")) {
                continue; // what is past, of which there is none
            }
            if (kept.isHeld() && node.rank(input) != rank) {
                return MIXED;
            }
            all.add(kept);
            counts |= kept.isNumbered();
            columns.addAll(columns(kept, node.axes(input), along));
        }
        boolean single = all.size() == 1;
        if (!single && all.stream().anyMatch(kept -> kept.holds(along))) {
            return MIXED;
        }
        Kept joined = single ? all.get(0) : node.union(all);
        if (!counts || joined.isMixed() || single) {
            return joined;
        }
        return along == rank - 1 && !columns.contains(LOST) ? joined.inColumns(columns) : MIXED;
    }

    private static final int LOST = -2;

    private static List<Integer> columns(Kept kept, List<String> axes, int along) {
        if (axes.isEmpty() || !axes.get(along).chars().allMatch(Character::isDigit)) {
            return List.of(LOST);
        }
        int width = Integer.parseInt(axes.get(along));
        if (!kept.columns().isEmpty()) {
            return kept.columns();
        }
        if (width > 64 || (kept.numbers().isPresent() && width != 1)) {
            return List.of(LOST);
        }
        return Collections.nCopies(width, kept.numbers().orElse(-1));
    }

    private static Kept padded(MixingNode node) {
        Optional<List<Long>> pads = node.integers("pads", 1);
        int rank = node.rank(0);
        if (!node.isFree(1) || pads.isEmpty()) {
            return MIXED;
        }
        Optional<List<Long>> axes = node.integers(3);
        if (node.has(3) && axes.isEmpty()) {
            return MIXED;
        }
        List<Integer> places = axes.map(all ->
                        all.stream().map(axis -> MixingNode.at(axis, rank)).toList())
                .orElseGet(() -> IntStream.range(0, rank).boxed().toList());
        List<Long> said = pads.get();
        return node.apart(0, axis -> {
            int at = places.indexOf(axis);
            return at >= 0 && (said.get(at) != 0 || said.get(at + places.size()) != 0);
        });
    }

    private void lookups() {
        alike("Gather", "axis", MixingRules::gathered);
        alike("GatherElements", "axis", node -> elements(node, 0, 1));
        alike("GatherND", "batch_dims", MixingRules::gatheredDeep);
        alike("ScatterElements Scatter", "axis reduction", node -> elements(node, 0, 1, 2));
        alike("ScatterND", "reduction", MixingRules::scatteredDeep);
        alike("OneHot", "axis", node -> {
            if (!node.isFree(1)) {
                return MIXED;
            }
            int added = MixingNode.at(node.integer("axis", -1), node.rank(0) + 1);
            return node.changed(node.carry(0, axis -> OptionalInt.of(axis < added ? axis : axis + 1)));
        });
        alike(
                "Compress",
                "axis",
                node -> node.says("axis") && node.isFree(1)
                        ? node.apart(0, axis -> axis == MixingNode.at(node.integer("axis", 0), node.rank(0)))
                        : MIXED);
    }

    static Kept gathered(MixingNode node) {
        Kept table = node.kept(0);
        Kept which = node.kept(1);
        int along = MixingNode.at(node.integer("axis", 0), node.rank(0));
        boolean own = table.any(axis -> axis.place() == along && axis.isPure())
                && which.numbers().isPresent();
        boolean first = node.positions() && which.isFree() && which.uniform().equals(OptionalDouble.of(0));
        if (which.isNumbered() && !own && !node.positions()) {
            return MIXED;
        }
        if (table.holds(along) && !own && !first) {
            return MIXED;
        }
        int rank = node.rank(1);
        List<Kept> all = new ArrayList<>();
        all.add(Kept.held(table.axes().stream()
                .filter(axis -> axis.place() != along)
                .map(axis -> axis.to(axis.place() < along ? axis.place() : axis.place() + rank - 1))
                .toList()));
        all.add(Kept.held(
                which.axes().stream().map(axis -> axis.to(axis.place() + along)).toList()));
        int places = all.stream().mapToInt(kept -> kept.axes().size()).sum();
        Kept together = node.union(all);
        return together.axes().size() == places ? node.changed(together) : MIXED;
    }

    /** Values, indices and perhaps updates of the same axes but the one along which is looked up. */
    private static Kept elements(MixingNode node, int... inputs) {
        int along = MixingNode.at(node.integer("axis", 0), node.rank(0));
        Set<Integer> places = new HashSet<>();
        for (int input : inputs) {
            if (node.kept(input).isNumbered() && !node.positions()) {
                return MIXED;
            }
            node.kept(input).axes().forEach(axis -> places.add(axis.place()));
        }
        boolean looksUp = inputs.length == 2;
        for (int place : places) {
            if (place == along) {
                // Looked up in what holds none; to be written nowhere along it.
                if (!looksUp || node.kept(0).holds(place)) {
                    return MIXED;
                }
                continue;
            }
            boolean all =
                    Arrays.stream(inputs).allMatch(input -> node.kept(input).holds(place));
            // By its number, each position is looked up in a table.
            boolean table = looksUp
                    && node.positions()
                    && node.kept(0).isFree()
                    && node.kept(1).axes().stream().allMatch(Held::isPure);
            if (!all && !table) {
                return MIXED;
            }
        }
        return node.changed(
                node.union(Arrays.stream(inputs).mapToObj(node::kept).toList()));
    }

    /** What each column of indices counts, or nothing if there are none known. */
    private static List<Integer> counted(MixingNode node) {
        List<String> axes = node.axes(1);
        String width = axes.get(axes.size() - 1);
        if (!width.chars().allMatch(Character::isDigit) || Integer.parseInt(width) > 64) {
            return List.of();
        }
        List<Integer> columns = node.kept(1).columns();
        return !columns.isEmpty()
                ? columns
                : Collections.nCopies(
                        Integer.parseInt(width),
                        width.equals("1") ? node.kept(1).numbers().orElse(-1) : -1);
    }

    private static Kept gatheredDeep(MixingNode node) {
        int shared = Math.toIntExact(node.integer("batch_dims", 0));
        Kept table = node.kept(0);
        Kept which = node.kept(1);
        int rank = node.rank(1);
        if (rank == 0 || counted(node).isEmpty()) {
            return MIXED;
        }
        List<Integer> columns = counted(node);
        Set<Integer> used = new HashSet<>();
        Map<Integer, Padding> own = new HashMap<>();
        List<Held> slices = new ArrayList<>();
        for (Held axis : table.axes()) {
            int column = axis.place() - shared;
            if (column < 0) {
                if (!which.holds(axis.place())) {
                    return MIXED;
                }
            } else if (column < columns.size()) {
                int counts = columns.get(column);
                if (counts < 0 || !axis.isPure()) {
                    return MIXED;
                }
                used.add(column);
                own.put(counts, axis.padding());
            } else {
                slices.add(axis.to(rank - 1 + column - columns.size()));
            }
        }
        for (int column = 0; column < columns.size(); column++) {
            // A row's number looks up nothing but its own.
            if (!node.positions() && columns.get(column) >= 0 && !used.contains(column)) {
                return MIXED;
            }
        }
        if (which.holds(rank - 1)
                || which.axes().stream().anyMatch(axis -> axis.place() < shared && !table.holds(axis.place()))) {
            return MIXED;
        }
        return withOwn(node.changed(node.union(List.of(Kept.held(which.axes()), Kept.held(slices)))), own);
    }

    /** What each place looked up by its own number is what it was. */
    private static Kept withOwn(Kept kept, Map<Integer, Padding> own) {
        return kept.isHeld()
                ? Kept.held(kept.axes().stream()
                        .map(axis -> axis.with(own.getOrDefault(axis.place(), axis.padding())))
                        .toList())
                : kept;
    }

    private static Kept scatteredDeep(MixingNode node) {
        Kept into = node.kept(0);
        Kept which = node.kept(1);
        int rank = node.rank(1);
        if (rank == 0 || counted(node).isEmpty() || which.holds(rank - 1)) {
            return MIXED;
        }
        List<Integer> columns = counted(node);
        List<Integer> covered = new ArrayList<>();
        for (Held axis : into.axes()) {
            if (!axis.isPure()) {
                return MIXED;
            }
            int source;
            if (axis.place() < columns.size()) {
                source = columns.get(axis.place());
                covered.add(source);
            } else {
                source = rank - 1 + axis.place() - columns.size();
            }
            // Each place is written by its own number, of what is its own or alike for all.
            if (source < 0 || (!node.kept(2).isFree() && !node.kept(2).holds(source))) {
                return MIXED;
            }
        }
        boolean others = which.axes().stream().anyMatch(axis -> !covered.contains(axis.place()))
                || node.kept(2).axes().stream()
                        .anyMatch(axis -> axis.place() < rank - 1
                                ? !covered.contains(axis.place())
                                : !into.holds(axis.place() - (rank - 1) + columns.size()));
        boolean stray = IntStream.range(0, columns.size())
                .anyMatch(column -> columns.get(column) >= 0 && !into.holds(column) && !node.positions());
        if (others || stray || Set.copyOf(covered).size() < covered.size()) {
            return MIXED;
        }
        // What of the mask is written there lowers padding, as far as that is followed.
        boolean lowers =
                node.isOfMask() && node.kept(2).any(axis -> axis.padding().isLow());
        List<Held> held = into.axes().stream()
                .map(axis -> axis.with(lowers ? Padding.OF_MASK : Padding.ANYTHING))
                .toList();
        return Kept.held(held);
    }

    private void alongAxes() {
        alike("Softmax Hardmax LogSoftmax", "axis", MixingRules::shares);
        alike("LpNormalization", "axis p", node -> along(node, -1));
        add("TopK", "axis largest sorted k", Set.of(), node -> node.all(node.isFree(1) ? along(node, -1) : MIXED));
        alike(
                "ArgMax ArgMin",
                "axis keepdims select_last_index",
                node -> reduced(node, Optional.of(List.of(node.integer("axis", 0))), false));
        alike(
                "ReduceMax ReduceMin ReduceMean ReduceProd ReduceLogSum ReduceLogSumExp",
                "axes keepdims noop_with_empty_axes",
                node -> node.isFree(1) ? reduced(node, node.integers("axes", 1), false) : MIXED);
        alike(
                "ReduceSum ReduceL1 ReduceL2 ReduceSumSquare",
                "axes keepdims noop_with_empty_axes",
                node -> node.isFree(1) ? reduced(node, node.integers("axes", 1), true) : MIXED);
        alike("CumSum CumProd", "exclusive reverse", node -> {
            OptionalLong axis = node.integer(1);
            if (!node.isFree(1) || axis.isEmpty()) {
                return MIXED;
            }
            // A sum of the positions so far sees none behind.
            int along = MixingNode.at(axis.getAsLong(), node.rank(0));
            boolean forwards = node.positions()
                    && node.integer("reverse", 0) == 0
                    && node.kept(0).axes().stream().allMatch(Held::isPure);
            return node.apart(0, place -> place == along && !forwards);
        });
        alike(
                "LayerNormalization RMSNormalization SimplifiedLayerNormalization",
                "axis epsilon stash_type",
                node -> node.isFree(1)
                        ? node.apart(0, axis -> axis >= MixingNode.at(node.integer("axis", -1), node.rank(0)))
                        : MIXED);
        alike(
                "GroupNormalization InstanceNormalization",
                "epsilon num_groups stash_type",
                node -> node.isFree(1) ? node.apart(0, axis -> axis > 0) : MIXED);
        alike("LRN", "alpha beta bias size", node -> node.apart(0, axis -> axis == 1));
        alike(
                "MeanVarianceNormalization",
                "axes",
                node -> node.apart(
                        0,
                        axis -> node.integers("axes").orElse(List.of(0L, 2L, 3L)).stream()
                                .anyMatch(one -> MixingNode.at(one, node.rank(0)) == axis)));
        add(
                "BatchNormalization",
                "epsilon momentum training_mode",
                Set.of(),
                node -> node.all(
                        node.opset() >= 7
                                        && node.integer("training_mode", 0) == 0
                                        && node.outputs() == 1
                                        && node.isFree(1)
                                ? node.apart(0, axis -> axis == 1)
                                : MIXED));
        alike("ReverseSequence", "batch_axis time_axis", node -> {
            int rows = Math.toIntExact(node.integer("batch_axis", 1));
            Kept lengths = node.kept(1);
            Kept from = node.apart(0, axis -> axis == node.integer("time_axis", 0));
            boolean own = from.holds(rows) ? lengths.isHeld() : lengths.isFree();
            return own ? from : MIXED;
        });
    }

    private static Kept along(MixingNode node, int usual) {
        return node.apart(0, axis -> axis == MixingNode.at(node.integer("axis", usual), node.rank(0)));
    }

    private static Kept shares(MixingNode node) {
        boolean once = node.opset() < 13;
        int axis = MixingNode.at(node.integer("axis", once ? 1 : -1), node.rank(0));
        return softmax(node, axis, once);
    }

    /** Along an axis, or of old along it and all behind. Where padding is lowered enough, nothing of it is seen. */
    static Kept softmax(MixingNode node, int axis, boolean andBehind) {
        List<Held> held = new ArrayList<>();
        for (Held each : node.kept(0).axes()) {
            boolean along = each.place() == axis || (andBehind && each.place() > axis);
            if (along && !each.padding().isLow()) {
                return MIXED;
            }
            held.add(each.with(!along || node.operator().equals("LogSoftmax") ? Padding.ANYTHING : Padding.known(0)));
        }
        return Kept.held(held);
    }

    /** What is left without some axes. */
    private static Kept reduced(MixingNode node, Optional<List<Long>> said, boolean sums) {
        int rank = node.rank(0);
        if (said.isEmpty() || said.get().isEmpty()) {
            return node.has(1) && said.isEmpty() ? MIXED : reduced(node, sums, allOrNone(node, rank));
        }
        return reduced(
                node,
                sums,
                said.get().stream().map(axis -> MixingNode.at(axis, rank)).toList());
    }

    private static List<Integer> allOrNone(MixingNode node, int rank) {
        return node.integer("noop_with_empty_axes", 0) != 0
                ? List.of()
                : IntStream.range(0, rank).boxed().toList();
    }

    private static Kept reduced(MixingNode node, boolean sums, List<Integer> gone) {
        boolean stays = node.integer("keepdims", 1) != 0;
        List<Held> held = new ArrayList<>();
        for (Held axis : node.kept(0).axes()) {
            if (!gone.contains(axis.place())) {
                int before =
                        (int) gone.stream().filter(one -> one < axis.place()).count();
                held.add(axis.to(stays ? axis.place() : axis.place() - before));
            } else if (!sums || !axis.padding().isZero()) {
                return MIXED;
            }
        }
        boolean counts = node.isOfMask() && held.isEmpty() && node.operator().equals("ReduceSum");
        return counts ? Kept.free().counting() : node.changed(Kept.held(held));
    }

    private void products() {
        alike("MatMul", "", node -> product(node, 0, 1, false, false));
        alike("MatMulInteger", "", node -> node.isFree(2) ? product(node, 0, 1, false, false) : MIXED);
        alike(
                "QLinearMatMul",
                "",
                node -> node.isFree(1, 3) && node.isFree(4) ? product(node, 0, 3, false, false) : MIXED);
        alike("Gemm", "alpha beta transA transB", node -> {
            Kept product = product(node, 0, 1, node.integer("transA", 0) != 0, node.integer("transB", 0) != 0);
            if (!node.kept(2).isHeld() || product.isMixed()) {
                return product;
            }
            int shift = node.yields().size() - node.rank(2);
            for (Held axis : product.axes()) {
                int own = axis.place() - shift;
                if (own >= 0
                        && !node.kept(2).holds(own)
                        && !node.axes(2).get(own).equals("1")) {
                    return MIXED;
                }
            }
            return node.changed(node.union(List.of(product, node.carry(2, axis -> OptionalInt.of(axis + shift)))));
        });
        alike("Einsum", "equation", MixingRules::einsum);
        alike("Det", "", node -> node.apart(0, axis -> axis >= node.rank(0) - 2));
        add(
                "LSTM GRU RNN",
                "activations activation_alpha activation_beta clip direction hidden_size input_forget"
                        + " linear_before_reset layout",
                Set.of(),
                MixingRules::recurrent);
        add(
                "Attention",
                "is_causal scale softcap q_num_heads kv_num_heads qk_matmul_output_mode softmax_precision",
                Set.of(),
                ContribRules::attention);
    }

    /** A product of matrices; what is summed over has to be nothing at padding. */
    static Kept product(MixingNode node, int a, int b, boolean turnedA, boolean turnedB) {
        int rankA = node.rank(a);
        int rankB = node.rank(b);
        int rank = node.yields().size();
        if (rankA < 2 || rankB < 2) {
            return vectors(node, a, b, rankA, rankB);
        }
        int inA = turnedA ? rankA - 2 : rankA - 1;
        int inB = turnedB ? rankB - 1 : rankB - 2;
        Optional<Held> overA = at(node.kept(a), inA);
        Optional<Held> overB = at(node.kept(b), inB);
        if (overA.isPresent() || overB.isPresent()) {
            boolean none = Stream.of(overA, overB)
                    .flatMap(Optional::stream)
                    .anyMatch(axis -> axis.padding().isZero());
            if (!node.positions() || !none || !isSame(overA, overB)) {
                return MIXED;
            }
        }
        List<Held> held = new ArrayList<>();
        for (Held axis : node.kept(a).axes()) {
            if (axis.place() != inA) {
                held.add(axis.to(axis.place() >= rankA - 2 ? rank - 2 : axis.place() + rank - rankA));
            }
        }
        Set<Integer> ofA = new HashSet<>();
        held.forEach(axis -> ofA.add(axis.place()));
        List<Held> others = new ArrayList<>();
        for (Held axis : node.kept(b).axes()) {
            if (axis.place() != inB) {
                int place = axis.place() >= rankB - 2 ? rank - 1 : axis.place() + rank - rankB;
                others.add(axis.to(place));
            }
        }
        Set<Integer> ofB = new HashSet<>();
        others.forEach(axis -> ofB.add(axis.place()));
        for (int place = 0; place < rank - 2; place++) {
            if (ofA.contains(place) != ofB.contains(place)) {
                int other = ofA.contains(place) ? b : a;
                int own = place - rank + node.rank(other);
                if (node.kept(other).isHeld()
                        && own >= 0
                        && !node.axes(other).get(own).equals("1")) {
                    return MIXED;
                }
            }
        }
        return node.changed(node.union(List.of(Kept.held(held), Kept.held(others))));
    }

    private static boolean isSame(Optional<Held> one, Optional<Held> other) {
        return one.isPresent()
                && other.isPresent()
                && one.get().before().equals(other.get().before())
                && one.get().after().equals(other.get().after());
    }

    /** One of both has no other axis than that which is summed over. */
    private static Kept vectors(MixingNode node, int a, int b, int rankA, int rankB) {
        Kept of = node.kept(a);
        if (rankA >= 2 && rankB == 1 && node.kept(b).isFree() && !of.holds(rankA - 1)) {
            return node.changed(of);
        }
        return MIXED;
    }

    private static Optional<Held> at(Kept kept, int place) {
        return kept.axes().stream().filter(axis -> axis.place() == place).findFirst();
    }

    private static Kept einsum(MixingNode node) {
        String equation = node.text("equation", "").replace(" ", "");
        if (equation.contains(".") || !equation.contains("->")) {
            return MIXED;
        }
        String[] sides = equation.split("->", -1);
        String[] terms = sides[0].split(",", -1);
        if (terms.length != node.inputs()) {
            return MIXED;
        }
        List<Kept> all = new ArrayList<>();
        Set<Character> letters = new HashSet<>();
        for (int input = 0; input < terms.length; input++) {
            String term = terms[input];
            if (term.length() != node.rank(input)) {
                return MIXED;
            }
            for (Held axis : node.kept(input).axes()) {
                char letter = term.charAt(axis.place());
                int place = sides[1].indexOf(letter);
                if (place < 0 || term.indexOf(letter) != term.lastIndexOf(letter)) {
                    boolean summed = node.positions() && place < 0 && axis.isPure() && isNothing(node, terms, letter);
                    if (!summed) {
                        return MIXED;
                    }
                    continue;
                }
                letters.add(letter);
                all.add(Kept.held(List.of(axis.to(place))));
            }
        }
        for (int input = 0; input < terms.length; input++) {
            for (char letter : letters) {
                int own = terms[input].indexOf(letter);
                if (own >= 0
                        && node.kept(input).isHeld()
                        && !node.kept(input).holds(own)
                        && !node.axes(input).get(own).equals("1")) {
                    return MIXED;
                }
            }
        }
        return node.changed(node.union(all));
    }

    /** Whether some factor of what is summed is nothing at padding, and each has that axis. */
    private static boolean isNothing(MixingNode node, String[] terms, char letter) {
        return IntStream.range(0, terms.length)
                .filter(input -> terms[input].indexOf(letter) >= 0)
                .anyMatch(input -> at(node.kept(input), terms[input].indexOf(letter))
                        .filter(axis -> axis.padding().isZero())
                        .isPresent());
    }

    private static List<Kept> recurrent(MixingNode node) {
        boolean usual = node.integer("layout", 0) == 0 && node.isFree(1, 4) && node.isFree(7);
        Kept from = node.kept(0);
        boolean apart = usual
                && !node.positions()
                && node.rank(0) == 3
                && from.axes().stream().allMatch(axis -> axis.place() == 1 && axis.isPure())
                && node.kept(4).axes().stream().allMatch(axis -> axis.place() == 0)
                && IntStream.of(5, 6)
                        .allMatch(input -> node.kept(input).axes().stream().allMatch(axis -> axis.place() == 1));
        if (node.positions() && usual && node.isFree(1) && from.axes().stream().allMatch(axis -> axis.place() == 1)) {
            apart = true; // positions taken for rows
        }
        if (!apart) {
            return node.all(MIXED);
        }
        List<Kept> outputs = new ArrayList<>();
        for (int output = 0; output < node.outputs(); output++) {
            outputs.add(Kept.held(List.of(Held.at(output == 0 ? 2 : 1, Padding.ANYTHING))));
        }
        return outputs;
    }

    private void images() {
        String windows =
                "auto_pad dilations group kernel_shape pads strides ceil_mode count_include_pad storage_order p output_padding";
        alike("Conv ConvTranspose", windows, node -> node.isFree(1) ? window(node, 0) : MIXED);
        alike("ConvInteger", windows, node -> node.isFree(1) ? window(node, 0) : MIXED);
        alike("QLinearConv", windows, node -> node.isFree(1) ? window(node, 0) : MIXED);
        add("MaxPool", windows, Set.of(), node -> {
            List<Kept> outputs = new ArrayList<>();
            for (int output = 0; output < node.outputs(); output++) {
                // The second counts through all rows.
                outputs.add(output == 0 ? window(node, 0) : MIXED);
            }
            return outputs;
        });
        alike("AveragePool LpPool", windows, node -> window(node, 0));
        alike("GlobalAveragePool GlobalMaxPool GlobalLpPool", "p", node -> node.apart(0, axis -> axis > 1));
        add(
                "GridSample",
                "align_corners mode padding_mode",
                Set.of(),
                node -> node.all(
                        node.kept(0).holds(0)
                                        && node.kept(1).holds(0)
                                        && node.kept(0).axes().size() == 1
                                        && node.kept(1).axes().size() == 1
                                ? node.changed(node.kept(0))
                                : MIXED));
        add(
                "Resize Upsample",
                "antialias coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value mode nearest_mode"
                        + " scales",
                Set.of(3),
                node -> node.all(resized(node)));
    }

    /** Windows are over the axes from the third on; one of width 1 sees its own place. */
    static Kept window(MixingNode node, int input) {
        Optional<List<Long>> widths = node.integers("kernel_shape");
        return node.apart(input, axis -> {
            if (axis == 0) {
                return false;
            }
            int at = axis - 2;
            int spatial = node.rank(input) - 2;
            return axis == 1
                    || widths.isEmpty()
                    || widths.get().get(at) != 1
                    || node.integers("strides").map(all -> all.get(at)).orElse(1L) != 1
                    || node.integers("pads")
                            .filter(all -> all.get(at) != 0 || all.get(at + spatial) != 0)
                            .isPresent()
                    || node.says("output_padding")
                    || !node.text("auto_pad", "NOTSET").matches("NOTSET|VALID");
        });
    }

    private static Kept resized(MixingNode node) {
        int scales = node.operator().equals("Upsample") || node.opset() < 11 ? 1 : 2;
        boolean sized = scales == 2 && node.has(3);
        boolean fits = node.kept(0).axes().stream()
                .allMatch(axis -> axis.place() == 0
                        && sameLength(node, 0)
                        && (sized
                                || node.kept(scales)
                                        .values()
                                        .filter(all -> all.get(0) == 1)
                                        .isPresent()));
        return fits
                        && !node.text("coordinate_transformation_mode", "").equals("tf_crop_and_resize")
                        && !node.kept(3).isHeld()
                        && node.isFree(1, 3)
                ? node.changed(node.kept(0))
                : MIXED;
    }
}
