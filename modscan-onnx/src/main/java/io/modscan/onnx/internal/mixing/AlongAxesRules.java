package io.modscan.onnx.internal.mixing;

import static io.modscan.onnx.internal.mixing.MixingNode.MIXED;

import io.modscan.onnx.internal.mixing.Kept.Held;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.IntStream;

/** Reductions, norms, shares and sums so far: safe where they work along other axes, or padding adds nothing to them. */
final class AlongAxesRules {

    private AlongAxesRules() {}

    static void addTo(MixingRules table) {
        table.alike("Softmax Hardmax LogSoftmax", "axis", AlongAxesRules::shares);
        table.alike("LpNormalization", "axis p", node -> along(node, -1));
        table.add(
                "TopK", "axis largest sorted k", Set.of(), node -> node.all(node.isFree(1) ? along(node, -1) : MIXED));
        table.alike(
                "ArgMax ArgMin",
                "axis keepdims select_last_index",
                node -> reduced(node, Optional.of(List.of(node.integer("axis", 0))), false));
        table.alike(
                "ReduceMax ReduceMin ReduceMean ReduceProd ReduceLogSum ReduceLogSumExp",
                "axes keepdims noop_with_empty_axes",
                node -> node.isFree(1) ? reduced(node, node.integers("axes", 1), false) : MIXED);
        table.alike(
                "ReduceSum ReduceL1 ReduceL2 ReduceSumSquare",
                "axes keepdims noop_with_empty_axes",
                node -> node.isFree(1) ? reduced(node, node.integers("axes", 1), true) : MIXED);
        table.alike("CumSum CumProd", "exclusive reverse", node -> {
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
        table.alike(
                "LayerNormalization RMSNormalization SimplifiedLayerNormalization",
                "axis epsilon stash_type",
                node -> node.isFree(1)
                        ? node.apart(0, axis -> axis >= MixingNode.at(node.integer("axis", -1), node.rank(0)))
                        : MIXED);
        table.alike(
                "GroupNormalization InstanceNormalization",
                "epsilon num_groups stash_type",
                node -> node.isFree(1) ? node.apart(0, axis -> axis > 0) : MIXED);
        table.alike("LRN", "alpha beta bias size", node -> node.apart(0, axis -> axis == 1));
        table.alike(
                "MeanVarianceNormalization",
                "axes",
                node -> node.apart(
                        0,
                        axis -> node.integers("axes").orElse(List.of(0L, 2L, 3L)).stream()
                                .anyMatch(one -> MixingNode.at(one, node.rank(0)) == axis)));
        table.add(
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
}
