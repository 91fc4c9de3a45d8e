package io.modscan.onnx.internal.mixing;

import static io.modscan.onnx.internal.mixing.MixingNode.MIXED;

import io.modscan.onnx.internal.mixing.Kept.Held;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Products of matrices: safe where they sum over other axes, or what is summed is nothing at padding. */
final class ProductRules {

    private ProductRules() {}

    static void addTo(MixingRules table) {
        table.alike("MatMul", "", node -> product(node, 0, 1, false, false));
        table.alike("MatMulInteger", "", node -> node.isFree(2) ? product(node, 0, 1, false, false) : MIXED);
        table.alike(
                "QLinearMatMul",
                "",
                node -> node.isFree(1, 3) && node.isFree(4) ? product(node, 0, 3, false, false) : MIXED);
        table.alike("Gemm", "alpha beta transA transB", node -> {
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
        table.alike("Einsum", "equation", ProductRules::einsum);
        table.alike("Det", "", node -> node.apart(0, axis -> axis >= node.rank(0) - 2));
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
}
