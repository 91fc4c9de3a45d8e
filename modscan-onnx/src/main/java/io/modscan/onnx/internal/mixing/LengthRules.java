package io.modscan.onnx.internal.mixing;

import io.modscan.onnx.internal.mixing.Kept.Length;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.LongBinaryOperator;
import java.util.stream.IntStream;

/** What becomes of what hangs on how many rows or positions there are, and on nothing that is at one. */
final class LengthRules {

    private static final OptionalDouble ZERO = OptionalDouble.of(0);

    private LengthRules() {}

    static List<Kept> of(String operator, MixingNode node) {
        Kept kept = switch (operator) {
            case "Range" -> range(node);
            case "ConstantOfShape" -> constant(node);
            case "Expand" -> node.kept(0).isFree() ? MovingRules.expanded(node) : Kept.lengths(List.of());
            case "Slice" -> sliced(node);
            case "Gather" -> gathered(node);
            case "Concat" -> joined(node);
            case "Cast", "Identity", "Squeeze", "Unsqueeze", "Reshape", "Flatten" -> same(node);
            case "Add", "Sub", "Mul", "Div", "Mod", "Min", "Max", "Equal", "Where", "Neg", "Floor", "Ceil" ->
                elementwise(node);
            default -> Kept.lengths(List.of());
        };
        if (node.isFree(0)) {
            return node.all(kept.isFree() ? kept : Kept.free());
        }
        // What has axes of that kind and is not known to be alike along them hangs on lengths as a whole.
        return node.all(kept.isMixed() ? Kept.lengths(List.of()) : kept);
    }

    /** Numbers from a start on, as many as there are places. */
    private static Kept range(MixingNode node) {
        if (!node.kept(0).isFree() || !node.kept(2).isFree() || node.yields().size() != 1) {
            return MixingNode.MIXED;
        }
        Kept filled = node.filled(0);
        boolean counts =
                node.kept(0).uniform().equals(ZERO) && node.kept(2).uniform().equals(OptionalDouble.of(1));
        if (filled.isHeld() && counts) {
            return filled.numbering(OptionalInt.of(0));
        }
        return filled.isFree() || node.positions() ? filled : MixingNode.MIXED;
    }

    /** Alike at all places. */
    private static Kept constant(MixingNode node) {
        Kept filled = node.filled(0);
        return filled.isHeld() ? filled.filledWith(node.constantOfShape()) : filled;
    }

    private static Kept sliced(MixingNode node) {
        Kept from = node.kept(0);
        if (!from.lengths().isEmpty() || from.isLength()) {
            Optional<List<Long>> starts = node.integers("starts", 1);
            Optional<List<Long>> ends = node.integers("ends", 2);
            int count = from.lengths().size();
            if (count == 0 || node.rank(0) != 1 || starts.isEmpty() || ends.isEmpty() || !node.isFree(1)) {
                return MixingNode.MIXED;
            }
            if (node.has(4) && !node.kept(4).uniform().equals(OptionalDouble.of(1))) {
                return MixingNode.MIXED;
            }
            int first = bounded(starts.get().get(0), count);
            int last = bounded(ends.get().get(0), count);
            return Kept.lengths(first < last ? from.lengths().subList(first, last) : List.of());
        }
        // Of a table as many as there are places: each takes what is at its own number.
        boolean steps = !node.has(4) || node.kept(4).uniform().equals(OptionalDouble.of(1));
        if (!node.kept(1).isFree() || !node.isFree(3) || !steps) {
            return MixingNode.MIXED;
        }
        Kept filled = node.filled(0);
        return filled.isFree() || node.positions() ? filled : MixingNode.MIXED;
    }

    private static int bounded(long place, int count) {
        return (int) Math.max(0, Math.min(count, place < 0 ? place + count : place));
    }

    private static Kept gathered(MixingNode node) {
        List<Length> lengths = node.kept(0).lengths();
        Optional<List<Long>> which = node.integers(1);
        if (lengths.isEmpty() || which.isEmpty() || node.rank(0) != 1) {
            return MixingNode.MIXED;
        }
        List<Length> taken = new ArrayList<>();
        for (long one : which.get()) {
            long at = one < 0 ? one + lengths.size() : one;
            taken.add(at < 0 || at >= lengths.size() ? Length.unknown(true) : lengths.get((int) at));
        }
        return Kept.lengths(taken);
    }

    private static Kept joined(MixingNode node) {
        List<Length> lengths = new ArrayList<>();
        for (int input = 0; input < node.inputs(); input++) {
            Optional<Integer> count = count(node, input);
            if (count.isEmpty() || node.rank(input) != 1) {
                return MixingNode.MIXED;
            }
            lengths.addAll(entries(node, input, count.get()));
        }
        return Kept.lengths(lengths);
    }

    private static Kept same(MixingNode node) {
        return node.kept(0).isLength() || !node.kept(0).lengths().isEmpty() ? node.kept(0) : MixingNode.MIXED;
    }

    private static Kept elementwise(MixingNode node) {
        int count = 1;
        for (int input = 0; input < node.inputs(); input++) {
            Optional<Integer> own = count(node, input);
            if (own.isEmpty() || node.rank(input) > 1) {
                return MixingNode.MIXED;
            }
            count = Math.max(count, own.get());
        }
        int all = count;
        List<Length> lengths = new ArrayList<>();
        for (int at = 0; at < all; at++) {
            int each = at;
            lengths.add(computed(
                    node.operator(),
                    IntStream.range(0, node.inputs())
                            .mapToObj(input -> {
                                List<Length> own =
                                        entries(node, input, count(node, input).orElse(1));
                                return own.get(Math.min(each, own.size() - 1));
                            })
                            .toList()));
        }
        return Kept.lengths(lengths);
    }

    private static Length computed(String operator, List<Length> of) {
        Optional<LongBinaryOperator> known = switch (operator) {
            case "Add" -> Optional.of(Long::sum);
            case "Sub" -> Optional.of((a, b) -> a - b);
            case "Mul" -> Optional.of((a, b) -> a * b);
            default -> Optional.empty();
        };
        if (known.isEmpty() || of.stream().anyMatch(length -> length.at().isEmpty())) {
            return Length.unknown(of.stream().anyMatch(Length::hangs));
        }
        List<Long> a = of.get(0).at().orElseThrow();
        List<Long> b = of.get(1).at().orElseThrow();
        return Length.at(IntStream.range(0, a.size())
                .mapToObj(each -> known.get().applyAsLong(a.get(each), b.get(each)))
                .toList());
    }

    private static Optional<Integer> count(MixingNode node, int input) {
        List<String> axes = node.axes(input);
        if (!node.kept(input).lengths().isEmpty()) {
            return Optional.of(node.kept(input).lengths().size());
        }
        return axes.isEmpty()
                ? Optional.of(1)
                : Optional.of(axes.get(0))
                        .filter(axis ->
                                axes.size() == 1 && axis.chars().allMatch(Character::isDigit) && axis.length() < 4)
                        .map(Integer::valueOf)
                        .filter(length -> length > 0);
    }

    private static List<Length> entries(MixingNode node, int input, int count) {
        List<Length> own = node.kept(input).lengths();
        if (own.size() == count) {
            return own;
        }
        Optional<List<Double>> values = node.kept(input).values().filter(all -> all.size() == count);
        return values.isPresent()
                ? values.get().stream()
                        .map(value ->
                                value == Math.rint(value) ? Length.constant(value.longValue()) : Length.unknown(false))
                        .toList()
                : IntStream.range(0, count)
                        .mapToObj(any -> Length.unknown(node.kept(input).isLength()))
                        .toList();
    }
}
