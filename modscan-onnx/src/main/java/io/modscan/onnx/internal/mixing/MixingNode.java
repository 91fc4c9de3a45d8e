package io.modscan.onnx.internal.mixing;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import io.modscan.onnx.internal.graph.OnnxTypes;
import io.modscan.onnx.internal.mixing.Kept.Held;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** A node as {@link Mixing} sees it: what is known of its inputs, and how its outputs may come from them. */
final class MixingNode {

    /** What cannot be told; the walk says of which node. */
    static final Kept MIXED = Kept.mixed("");

    private final NodeProto node;
    private final long opset;
    private final Question question;
    private final List<Optional<Kept>> kept;
    private final List<Optional<List<String>>> axes;
    private final List<Optional<List<String>>> outputs;
    private final List<String> types;
    private final boolean ofMask;

    /**
     * Looks at a node.
     *
     * @param kept    of each input; empty where it is left out
     * @param axes    of each input, where known
     * @param outputs the axes of each output, where known
     * @param types   of each input
     * @param ofMask  whether its outputs are computed of the mask and nothing else that is given
     */
    MixingNode(
            NodeProto node,
            long opset,
            Question question,
            List<Optional<Kept>> kept,
            List<Optional<List<String>>> axes,
            List<Optional<List<String>>> outputs,
            List<String> types,
            boolean ofMask) {
        this.node = node;
        this.opset = opset;
        this.question = question;
        this.kept = kept;
        this.axes = axes;
        this.outputs = outputs;
        this.types = types;
        this.ofMask = ofMask;
    }

    String operator() {
        return node.getOpType();
    }

    long opset() {
        return opset;
    }

    Question question() {
        return question;
    }

    boolean positions() {
        return question.positions();
    }

    /** Whether what it yields is computed of the mask and of nothing else that is given. */
    boolean isOfMask() {
        return ofMask;
    }

    int inputs() {
        return kept.size();
    }

    int outputs() {
        return outputs.size();
    }

    boolean has(int input) {
        return input < kept.size() && kept.get(input).isPresent();
    }

    Kept kept(int input) {
        return has(input) ? kept.get(input).orElseThrow() : Kept.free();
    }

    /** Whether inputs from one on to another, without it, hang on nothing, or are left out. */
    boolean isFree(int from, int to) {
        return IntStream.range(from, Math.min(to, inputs()))
                .allMatch(input -> kept(input).isFree());
    }

    boolean isFree(int from) {
        return isFree(from, inputs());
    }

    List<String> axes(int input) {
        return input < axes.size() ? axes.get(input).orElse(List.of()) : List.of();
    }

    int rank(int input) {
        return axes(input).size();
    }

    /** The first output's axes. */
    List<String> yields() {
        return outputs.isEmpty() ? List.of() : outputs.get(0).orElse(List.of());
    }

    List<String> yields(int output) {
        return outputs.get(output).orElse(List.of());
    }

    boolean isBool(int input) {
        return types.get(input).equals("bool");
    }

    private Optional<AttributeProto> attribute(String name) {
        return node.getAttributeList().stream()
                .filter(attribute -> attribute.getName().equals(name))
                .findFirst();
    }

    boolean says(String name) {
        return attribute(name).isPresent();
    }

    long integer(String name, long otherwise) {
        return attribute(name).map(AttributeProto::getI).orElse(otherwise);
    }

    String text(String name, String otherwise) {
        return attribute(name).map(said -> said.getS().toStringUtf8()).orElse(otherwise);
    }

    Optional<List<Long>> integers(String name) {
        return attribute(name).map(AttributeProto::getIntsList);
    }

    /** The integers of an attribute, or of a constant input where it became one. */
    Optional<List<Long>> integers(String name, int input) {
        return has(input) ? integers(input) : integers(name);
    }

    /** What ConstantOfShape fills with. */
    OptionalDouble constantOfShape() {
        return attribute("value")
                .map(value -> ConstantRules.of(value.getT()).uniform())
                .orElse(OptionalDouble.of(0));
    }

    Optional<List<Long>> integers(int input) {
        return kept(input)
                .values()
                .map(values -> values.stream().map(Double::longValue).toList());
    }

    OptionalLong integer(int input) {
        return integers(input).filter(values -> values.size() == 1).stream()
                .mapToLong(values -> values.get(0))
                .findFirst();
    }

    /** An axis counted from the front. */
    static int at(long axis, int rank) {
        return Math.toIntExact(axis < 0 ? axis + rank : axis);
    }

    /** What an input holds, where it is told where each axis goes. */
    Kept carry(int input, IntFunction<OptionalInt> to) {
        Kept from = kept(input);
        List<Held> held = new ArrayList<>();
        for (Held axis : from.axes()) {
            OptionalInt place = to.apply(axis.place());
            if (place.isEmpty()) {
                return MIXED;
            }
            held.add(axis.to(place.getAsInt()));
        }
        Kept carried = Kept.held(held).filledWith(from.uniform());
        return from.numbers().isPresent()
                ? carried.numbering(to.apply(from.numbers().getAsInt()))
                : carried;
    }

    /** What an input holds, if an operator does not work along any such axis; all stays in its place. */
    Kept apart(int input, IntPredicate works) {
        Kept from = kept(input);
        return from.any(axis -> works.test(axis.place())) ? MIXED : changed(from);
    }

    /** The same axes with other values. */
    Kept changed(Kept from) {
        return from.isHeld()
                ? Kept.held(from.axes().stream()
                        .map(axis -> axis.with(Padding.ANYTHING))
                        .toList())
                : from;
    }

    /** The same with padding of some kind at one axis. */
    static Kept with(Kept from, int place, Padding padding) {
        return Kept.held(from.axes().stream()
                .map(axis -> axis.place() == place ? axis.with(padding) : axis)
                .toList());
    }

    /** What several inputs hold that come together, each in places of the output's already. */
    Kept union(List<Kept> all) {
        Map<Integer, Held> places = new TreeMap<>();
        for (Kept one : all) {
            if (one.isMixed() || one.isLength()) {
                return MIXED;
            }
            for (Held axis : one.axes()) {
                Held other = places.putIfAbsent(axis.place(), axis);
                if (other != null) {
                    if (!other.before().equals(axis.before()) || !other.after().equals(axis.after())) {
                        return MIXED;
                    }
                    if (!other.padding().equals(axis.padding())) {
                        places.put(axis.place(), axis.with(Padding.ANYTHING));
                    }
                }
            }
        }
        return Kept.held(List.copyOf(places.values()));
    }

    /** Operands that are broadcast against each other, from the last axis on, and worked on element by element. */
    Kept elementwise(int... operands) {
        int rank = yields().size();
        Map<Integer, Held> places = new LinkedHashMap<>();
        for (int operand : operands) {
            int shift = rank - rank(operand);
            for (Held axis : kept(operand).axes()) {
                Held moved = axis.to(axis.place() + shift);
                Held other = places.putIfAbsent(moved.place(), moved);
                if (shift < 0
                        || (other != null
                                && (!other.before().equals(axis.before())
                                        || !other.after().equals(axis.after())))) {
                    return MIXED;
                }
            }
        }
        List<Held> held = new ArrayList<>();
        for (Held place : places.values()) {
            List<Padding> paddings = new ArrayList<>();
            boolean told = false;
            for (int operand : operands) {
                int own = place.place() - (rank - rank(operand));
                Kept of = kept(operand);
                Optional<Held> axis =
                        of.axes().stream().filter(one -> one.place() == own).findFirst();
                if (of.isHeld()
                        && axis.isEmpty()
                        && own >= 0
                        && !axes(operand).get(own).equals("1")) {
                    return MIXED;
                }
                told |= axis.filter(one -> !one.padding().equals(Padding.ANYTHING))
                        .isPresent();
                paddings.add(axis.map(Held::padding)
                        .orElseGet(() -> of.uniform().isPresent()
                                ? Padding.known(of.uniform().getAsDouble())
                                : Padding.elsewhere()));
            }
            Padding padding = told ? Padding.of(operator(), paddings, integer("to", 0) == BOOL) : Padding.ANYTHING;
            held.add(place.with(isSure(padding, operands) ? padding : Padding.ANYTHING));
        }
        Kept result = Kept.held(held);
        return operands.length == 1 ? result.filledWith(kept(operands[0]).uniform()) : result;
    }

    /** Whole numbers of few bits turn into others where they would be larger, or none. */
    private boolean isSure(Padding padding, int... operands) {
        if (!padding.isKnown()) {
            return ofMask || !padding.equals(Padding.OF_MASK);
        }
        String type = switch (operator()) {
            case "Cast" -> OnnxTypes.name(Math.toIntExact(integer("to", 0)));
            case "CastLike" -> types.get(1);
            // Initializers are of the type of what they are computed with; the last is no condition.
            default ->
                IntStream.of(operands)
                        .mapToObj(types::get)
                        .filter(known -> !known.isEmpty())
                        .reduce("float32", (before, last) -> last);
        };
        double limit = type.startsWith("uint") || !type.contains("int") ? 0 : Math.scalb(1.0, bits(type) - 1);
        return switch (type) {
            case "float32", "float64", "float16", "bfloat16", "bool" -> true;
            default ->
                type.contains("int")
                        && padding.value() == Math.rint(padding.value())
                        && padding.value() >= -limit
                        && padding.value() < (limit == 0 ? Math.scalb(1.0, bits(type)) : limit);
        };
    }

    private static int bits(String type) {
        return Integer.parseInt(type.replaceAll("\\D", ""));
    }

    private static final int BOOL = 9;

    /** A new tensor that is alike at all places; or mixed where an axis' length hangs on the other's in other ways. */
    Kept filled(int output) {
        List<Held> held = new ArrayList<>();
        List<String> yields = yields(output);
        for (int place = 0; place < yields.size(); place++) {
            if (question.isIt(yields.get(place))) {
                held.add(Held.at(place, Padding.ANYTHING));
            } else if (question.hangs(yields.get(place))) {
                return MIXED;
            }
        }
        return Kept.held(held);
    }

    /** An input whose elements stay in their order and get other axes. */
    Kept reshaped(int input) {
        Kept from = kept(input);
        List<Held> held = new ArrayList<>();
        OptionalInt numbers = OptionalInt.empty();
        for (Held axis : from.axes()) {
            Optional<Held> to = reshaped(axis, axes(input));
            if (to.isEmpty()) {
                return MIXED;
            }
            held.add(to.get());
            if (from.numbers().equals(OptionalInt.of(axis.place()))) {
                if (!to.get().isPure()) {
                    return MIXED;
                }
                numbers = OptionalInt.of(to.get().place());
            }
        }
        return Kept.held(held).filledWith(from.uniform()).numbering(numbers);
    }

    private Optional<Held> reshaped(Held axis, List<String> before) {
        Optional<BigInteger> outer =
                question.length(before.subList(0, axis.place())).map(axis.before()::multiply);
        BigInteger length = question.length(question.symbol()).orElseThrow();
        List<String> after = yields();
        BigInteger prefix = BigInteger.ONE;
        for (int place = 0; place < after.size() && outer.isPresent(); place++) {
            Optional<BigInteger> here = question.length(after.get(place));
            if (here.isEmpty()) {
                return Optional.empty();
            }
            BigInteger with = prefix.multiply(here.get());
            BigInteger through = outer.get().multiply(length);
            if (here.get().mod(length).signum() == 0
                    && outer.get().mod(prefix).signum() == 0
                    && with.mod(through).signum() == 0) {
                return Optional.of(new Held(place, outer.get().divide(prefix), with.divide(through), axis.padding()));
            }
            prefix = with;
        }
        return Optional.empty();
    }

    /** Whether the first input's axis is the output's too, and as long, as far as that is known. */
    boolean keepsLength(int place) {
        return rank(0) == yields().size()
                && place < rank(0)
                && !axes(0).get(place).equals("?")
                && axes(0).get(place).equals(yields().get(place));
    }

    List<Kept> all(Kept one) {
        return Collections.nCopies(outputs(), one);
    }
}
