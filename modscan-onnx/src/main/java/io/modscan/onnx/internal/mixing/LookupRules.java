package io.modscan.onnx.internal.mixing;

import static io.modscan.onnx.internal.mixing.MixingNode.MIXED;

import io.modscan.onnx.internal.mixing.Kept.Held;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/** Operators that look up and write by indices: safe where tables hold no rows or positions, or each finds its own by its number. */
final class LookupRules {

    private LookupRules() {}

    static void addTo(MixingRules table) {
        table.alike("Gather", "axis", LookupRules::gathered);
        table.alike("GatherElements", "axis", node -> elements(node, 0, 1));
        table.alike("GatherND", "batch_dims", LookupRules::gatheredDeep);
        table.alike("ScatterElements Scatter", "axis reduction", node -> elements(node, 0, 1, 2));
        table.alike("ScatterND", "reduction", LookupRules::scatteredDeep);
        table.alike("OneHot", "axis", node -> {
            if (!node.isFree(1)) {
                return MIXED;
            }
            int added = MixingNode.at(node.integer("axis", -1), node.rank(0) + 1);
            return node.changed(node.carry(0, axis -> OptionalInt.of(axis < added ? axis : axis + 1)));
        });
        table.alike(
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
        // All of a mask is written anew with what lowers padding.
        Padding lowered = node.kept(2).axes().stream()
                .map(Held::padding)
                .filter(padding -> node.isOfMask() && !node.says("reduction") && padding.isLow())
                .findFirst()
                .orElse(Padding.ANYTHING);
        List<Held> held = into.axes().stream().map(axis -> axis.with(lowered)).toList();
        return Kept.held(held);
    }
}
