package io.modscan.onnx.internal.mixing;

import static io.modscan.onnx.internal.mixing.MixingNode.MIXED;

import io.modscan.onnx.internal.mixing.Kept.Held;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/** Operators that move, cut, join and fill: safe where what was at one place stays at one, of an axis of its own or within one. */
final class MovingRules {

    /** A column of which it can't be told what it counts. */
    private static final int LOST = -2;

    private MovingRules() {}

    static void addTo(MixingRules table) {
        table.alike("Transpose", "perm", MovingRules::transposed);
        table.add(
                "Reshape",
                "allowzero shape",
                Set.of(1),
                node -> node.all(node.kept(1).isHeld() ? MIXED : node.reshaped(0)));
        table.alike("Flatten", "axis", node -> node.reshaped(0));
        table.alike("Squeeze", "axes", MovingRules::squeezed);
        table.alike("Unsqueeze", "axes", MovingRules::unsqueezed);
        table.add("Expand", "", Set.of(1), node -> node.all(node.kept(1).isHeld() ? MIXED : expanded(node)));
        table.add(
                "Tile",
                "",
                Set.of(1),
                node -> node.all(
                        !node.kept(1).isHeld()
                                        && node.kept(0).axes().stream().allMatch(axis -> node.keepsLength(axis.place()))
                                ? node.changed(node.kept(0))
                                : MIXED));
        table.add("Slice", "axes starts ends", Set.of(1, 2), node -> node.all(sliced(node)));
        table.alike("Concat", "axis", MovingRules::joined);
        table.add(
                "Split",
                "axis split num_outputs",
                Set.of(1),
                node -> node.all(node.apart(0, axis -> axis == MixingNode.at(node.integer("axis", 0), node.rank(0)))));
        table.alike("Pad", "mode pads value", MovingRules::padded);
        table.alike(
                "Trilu",
                "upper",
                node -> !node.isFree(1) || !node.kept(0).axes().stream().allMatch(Held::isPure)
                        ? MIXED
                        : node.apart(0, axis -> !node.positions() && axis >= node.rank(0) - 2));
        // By lengths alone, and 1 where two places have one number.
        table.alike(
                "EyeLike", "k dtype", node -> node.positions() || node.kept(0).isFree() ? node.filled(0) : MIXED);
        table.alike("DepthToSpace SpaceToDepth", "blocksize mode", node -> node.apart(0, axis -> axis > 0));
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
            if (at < 0 || (step == 1 && node.keepsLength(axis.place()))) {
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
}
