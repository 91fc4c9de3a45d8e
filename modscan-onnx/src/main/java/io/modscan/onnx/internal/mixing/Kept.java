package io.modscan.onnx.internal.mixing;

import java.math.BigInteger;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.Predicate;

/**
 * How a tensor keeps apart what is along one kind of axis: the rows of a batch, or positions.
 *
 * @param kind    which of the four
 * @param axes    the axes that are such, if they are held
 * @param lengths each of a list of numbers that are computed of lengths; empty if it can't be told
 * @param values  what a small constant holds
 * @param uniform the one value that all elements have
 * @param numbers the axis along which the values are 0, 1, 2 and so on
 * @param columns where a last axis holds such numbers beside each other, the axis that each counts, or -1; else empty
 * @param counts  whether it says how many of each row's tokens are real
 * @param why     why it is mixed
 */
record Kept(
        Kind kind,
        List<Held> axes,
        List<Length> lengths,
        Optional<List<Double>> values,
        OptionalDouble uniform,
        OptionalInt numbers,
        List<Integer> columns,
        boolean counts,
        String why) {

    /** What there is. */
    enum Kind {
        /** Hangs on nothing that is along such an axis, nor on its length. */
        FREE,
        /** Hangs on the axis' length, and on nothing along it. */
        LENGTH,
        /** Has such axes; what is at one place of them hangs on that place alone. */
        HELD,
        /** Brings places together, or can't be told not to. */
        MIXED
    }

    /**
     * An axis of that kind, on its own or made one with others.
     *
     * @param place   which of the tensor's axes
     * @param before  how long the axes before it within the same are
     * @param after   how long those behind it are
     * @param padding what is at padding
     */
    record Held(int place, BigInteger before, BigInteger after, Padding padding) {

        static Held at(int place, Padding padding) {
            return new Held(place, BigInteger.ONE, BigInteger.ONE, padding);
        }

        Held to(int other) {
            return new Held(other, before, after, padding);
        }

        Held with(Padding other) {
            return new Held(place, before, after, other);
        }

        boolean isPure() {
            return before.equals(BigInteger.ONE) && after.equals(BigInteger.ONE);
        }
    }

    /**
     * A number that is computed of lengths.
     *
     * @param hangs whether on that of the axis
     * @param at    what it is where the axis is as long as each of {@link #TRIED}, if that is known
     */
    record Length(boolean hangs, Optional<List<Long>> at) {

        /** More than any product of lengths has factors. */
        static final List<Long> TRIED = List.of(1L, 2L, 3L, 5L, 7L, 11L, 1009L);

        static Length unknown(boolean hangs) {
            return new Length(hangs, Optional.empty());
        }

        static Length at(List<Long> each) {
            return new Length(each.stream().distinct().count() > 1, Optional.of(each));
        }

        static Length constant(long value) {
            return at(TRIED.stream().map(any -> value).toList());
        }

        double value() {
            return at.orElseThrow().get(0);
        }
    }

    private static final Kept FREE = new Kept(
            Kind.FREE,
            List.of(),
            List.of(),
            Optional.empty(),
            OptionalDouble.empty(),
            OptionalInt.empty(),
            List.of(),
            false,
            "");

    Kept {
        axes = List.copyOf(axes);
        lengths = List.copyOf(lengths);
        columns = List.copyOf(columns);
    }

    static Kept free() {
        return FREE;
    }

    static Kept constant(List<Double> values) {
        boolean same = !values.isEmpty() && values.stream().distinct().count() == 1;
        return new Kept(
                Kind.FREE,
                List.of(),
                List.of(),
                Optional.of(List.copyOf(values)),
                same ? OptionalDouble.of(values.get(0)) : OptionalDouble.empty(),
                OptionalInt.empty(),
                List.of(),
                false,
                "");
    }

    /** Numbers that are computed of lengths; free if none hangs on that of the axis. */
    static Kept lengths(List<Length> all) {
        boolean free = !all.isEmpty() && all.stream().noneMatch(Length::hangs);
        Kept constant = free && all.stream().allMatch(length -> length.at().isPresent())
                ? constant(all.stream().map(Length::value).toList())
                : FREE;
        return new Kept(
                free ? Kind.FREE : Kind.LENGTH,
                List.of(),
                all,
                constant.values(),
                constant.uniform(),
                OptionalInt.empty(),
                List.of(),
                false,
                "");
    }

    /** That holds these axes; free if there are none. */
    static Kept held(List<Held> axes) {
        return axes.isEmpty()
                ? FREE
                : new Kept(
                        Kind.HELD,
                        axes,
                        List.of(),
                        Optional.empty(),
                        OptionalDouble.empty(),
                        OptionalInt.empty(),
                        List.of(),
                        false,
                        "");
    }

    static Kept mixed(String why) {
        return new Kept(
                Kind.MIXED,
                List.of(),
                List.of(),
                Optional.empty(),
                OptionalDouble.empty(),
                OptionalInt.empty(),
                List.of(),
                false,
                why);
    }

    Kept filledWith(OptionalDouble value) {
        return new Kept(kind, axes, lengths, values, value, numbers, columns, counts, why);
    }

    Kept numbering(OptionalInt axis) {
        return new Kept(kind, axes, lengths, values, uniform, axis, columns, counts, why);
    }

    Kept inColumns(List<Integer> which) {
        return new Kept(kind, axes, lengths, values, uniform, numbers, which, counts, why);
    }

    Kept counting() {
        return new Kept(kind, axes, lengths, values, uniform, numbers, columns, true, why);
    }

    boolean isFree() {
        return kind == Kind.FREE;
    }

    boolean isLength() {
        return kind == Kind.LENGTH;
    }

    boolean isHeld() {
        return kind == Kind.HELD;
    }

    boolean isMixed() {
        return kind == Kind.MIXED;
    }

    /** Whether it holds places' numbers. */
    boolean isNumbered() {
        return numbers.isPresent() || columns.stream().anyMatch(axis -> axis >= 0);
    }

    boolean holds(int place) {
        return axes.stream().anyMatch(axis -> axis.place() == place);
    }

    boolean any(Predicate<Held> which) {
        return axes.stream().anyMatch(which);
    }
}
