package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.token.Positions;
import io.modscan.onnx.foreign.OnnxInputs.Input;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import io.modscan.onnx.internal.runtime.OrtRuntime.Bound;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.LongUnaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** What a foreign graph is given for one run, by the roles of its inputs. */
final class OnnxFeed {

    private static final short HALF_ONE = 0x3c00;
    private static final short BRAIN_ONE = 0x3f80;
    private static final short HALF_LOWEST = (short) 0xfbff;
    private static final short BRAIN_LOWEST = (short) 0xff7f;

    /** Stands for the lowest number that a type has. */
    private static final long LOWEST = Long.MIN_VALUE;

    private final List<Positions> choices;
    private final Positions keeps;
    private final OnnxInputs inputs;
    private final Set<String> taken;
    private final OptionalInt bosTokenId;
    private final UnaryOperator<String> neededFor;

    /**
     * Feeds a plan's graph.
     *
     * @param taken     the names of the inputs that it takes
     * @param plan      chooses positions
     * @param neededFor tells of an input which tensor it is needed for
     */
    OnnxFeed(
            OnnxInputs inputs,
            Set<String> taken,
            CapturePlan plan,
            OptionalInt bosTokenId,
            UnaryOperator<String> neededFor) {
        this.choices = plan.chosen();
        this.keeps = plan.kept();
        this.inputs = inputs;
        this.taken = taken;
        this.bosTokenId = bosTokenId;
        this.neededFor = neededFor;
    }

    /** Refuses tokens, unless each input that is taken is one that they are put into. */
    void checkTokens() {
        if (!inputs.isText()) {
            throw new ModscanException("the model takes no tokens: " + inputs.notText());
        }
        inputs.inputs().values().stream()
                .filter(input -> taken.contains(input.name()) && input.role().isEmpty())
                .findFirst()
                .ifPresent(input -> {
                    throw new UnsupportedModelException(notOfTokens(input));
                });
    }

    /**
     * Rows of tokens.
     *
     * @param ids     the token ids, padded to one length
     * @param mask    1 at each real token
     * @param columns how many the model is given, at least as many; a model may have a length of its own
     * @param chosen  of each row the tokens that the plan chooses, counted from its first
     */
    List<Bound> tokens(List<int[]> ids, List<int[]> mask, int columns, List<Map<Positions, int[]>> chosen) {
        List<Long> shape = List.of((long) ids.size(), (long) columns);
        List<Bound> bound = new ArrayList<>();
        for (Input input : inputs.inputs().values()) {
            if (!taken.contains(input.name())) {
                continue;
            }
            bound.add(
                    switch (input.role().orElse(InputRole.NONE)) {
                        case TOKEN_IDS -> numbers(input, shape, at -> value(ids, columns, at));
                        case ATTENTION_MASK -> numbers(input, shape, at -> value(mask, columns, at));
                        case PADDING_MASK -> numbers(input, shape, at -> 1 - value(mask, columns, at));
                        case ADDITIVE_MASK -> numbers(input, shape, at -> value(mask, columns, at) == 0 ? LOWEST : 0);
                        case TOKEN_TYPES -> numbers(input, shape, at -> 0);
                        case POSITIONS -> {
                            long[] ordinals = ordinals(mask, columns);
                            yield numbers(input, shape, at -> ordinals[(int) at]);
                        }
                        case PAST -> past(input, ids.size());
                        case NONE -> throw new UnsupportedModelException(notOfTokens(input));
                    });
        }
        bound.addAll(counted(ids, mask, ids.get(0).length, chosen));
        return bound;
    }

    /** Why no tokens are put there, and what can be done. */
    private String notOfTokens(Input input) {
        String name = "(\"" + input.name() + "\", InputRole.";
        String what;
        if (input.name().toLowerCase(Locale.ROOT).contains("mask")
                && input.axes().size() == 2) {
            what =
                    "A mask may be 1 at real tokens, be 1 at padding, or be added to scores; say which: OnnxModel.withInput"
                            + name + "ATTENTION_MASK), OnnxModel.withInput" + name
                            + "PADDING_MASK) or OnnxModel.withInput" + name
                            + "ADDITIVE_MASK)";
        } else if (input.axes().size() == 2) {
            what = "Say what tokens put there (OnnxModel.withInput)";
        } else {
            what = "No tokens are put there";
        }
        return "input " + input + " is needed for '" + neededFor.apply(input.name()) + "'. " + what
                + "; else read only tensors that don't need it, or give each input as a ready tensor (Prompt.ofTensors)";
    }

    private static long value(List<int[]> rows, int columns, long at) {
        int[] row = rows.get((int) (at / columns));
        int column = (int) (at % columns);
        return column < row.length ? row[column] : 0;
    }

    /** How many real tokens are before each in its row. */
    private static long[] ordinals(List<int[]> mask, int columns) {
        long[] ordinals = new long[mask.size() * columns];
        for (int row = 0; row < mask.size(); row++) {
            long before = 0;
            for (int at = row * columns; at < (row + 1) * columns; at++) {
                if (value(mask, columns, at) != 0) {
                    ordinals[at] = before++;
                }
            }
        }
        return ordinals;
    }

    /** Samples of the same shapes as a batch; or a single one, where the graph may have no batch axis. */
    List<Bound> ready(List<Map<String, InputTensor>> samples, int positions, List<Map<Positions, int[]>> chosen) {
        List<Bound> bound = new ArrayList<>();
        for (Input input : inputs.inputs().values()) {
            if (taken.contains(input.name())) {
                checkGiven(input, samples);
                bound.add(stacked(input, samples));
            }
        }
        List<int[]> ones = samples.stream().map(sample -> filled(positions, 1)).toList();
        List<int[]> none = samples.stream().map(sample -> filled(positions, -1)).toList();
        bound.addAll(counted(none, ones, positions, chosen));
        return bound;
    }

    private void checkGiven(Input input, List<Map<String, InputTensor>> samples) {
        samples.stream()
                .filter(sample -> !sample.containsKey(input.name()))
                .findFirst()
                .ifPresent(sample -> {
                    throw new ModscanException("input " + input + " is needed for '" + neededFor.apply(input.name())
                            + "', and a sample has only "
                            + sample.keySet().stream().sorted().toList()
                            + "; the model takes the inputs " + inputs.described());
                });
    }

    private static int[] filled(int length, int value) {
        int[] filled = new int[length];
        Arrays.fill(filled, value);
        return filled;
    }

    private Bound stacked(Input input, List<Map<String, InputTensor>> samples) {
        InputTensor first = Objects.requireNonNull(samples.get(0).get(input.name()), input.name());
        List<Long> shape = new ArrayList<>(first.shape());
        int batch = inputs.batchAxis(input);
        if (batch >= 0) {
            shape.add(batch, (long) samples.size());
        } else if (shape.size() < input.axes().size()) {
            shape.add(0, 1L);
        }
        long bytes = 0;
        for (Map<String, InputTensor> sample : samples) {
            bytes += Objects.requireNonNull(sample.get(input.name()), input.name())
                    .data()
                    .remaining();
        }
        ByteBuffer data = allocate(bytes);
        for (Map<String, InputTensor> sample : samples) {
            data.put(Objects.requireNonNull(sample.get(input.name()), input.name())
                    .data());
        }
        return typed(input.name(), data.flip().order(ByteOrder.nativeOrder()), input.type(), shape);
    }

    /** What poolings count. */
    private List<Bound> counted(List<int[]> ids, List<int[]> mask, int columns, List<Map<Positions, int[]>> chosen) {
        List<Bound> bound = new ArrayList<>();
        if (taken.contains(OnnxPlan.SIZES)) {
            ByteBuffer sizes = allocate(2 * Long.BYTES).putLong(ids.size()).putLong(columns);
            bound.add(typed(OnnxPlan.SIZES, flipped(sizes), DataType.INT64_VALUE, List.of(2L)));
        }
        if (takesCounted("")) {
            addCounted(bound, "", mask, columns);
        }
        if (takesCounted(OnnxPlan.WITHOUT_BOS)) {
            addCounted(bound, OnnxPlan.WITHOUT_BOS, withoutBos(ids, mask), columns);
        }
        for (int choice = 0; choice < choices.size(); choice++) {
            String behind = OnnxPlan.CHOSEN + choice;
            if (takesCounted(behind)) {
                addCounted(bound, behind, chosen(mask, chosen, choices.get(choice)), columns);
            }
        }
        if (taken.contains(OnnxPlan.KEPT)) {
            bound.add(kept(mask, chosen, columns));
        }
        return bound;
    }

    private boolean takesCounted(String behind) {
        return Stream.of(OnnxPlan.COUNTED, OnnxPlan.PLACE, OnnxPlan.SHARE, OnnxPlan.ONES, OnnxPlan.LAST)
                .anyMatch(name -> taken.contains(name + behind));
    }

    /** As a mask. */
    private static List<int[]> chosen(List<int[]> mask, List<Map<Positions, int[]>> chosen, Positions positions) {
        List<int[]> counted = new ArrayList<>();
        for (int row = 0; row < mask.size(); row++) {
            int[] some = new int[mask.get(row).length];
            int first = first(mask.get(row));
            for (int position : of(chosen, row, positions)) {
                some[first + position] = 1;
            }
            counted.add(some);
        }
        return counted;
    }

    private static int[] of(List<Map<Positions, int[]>> chosen, int row, Positions positions) {
        return Objects.requireNonNull(chosen.get(row).get(positions), "chosen by the plan");
    }

    /** As indices among all rows' positions; behind a row's own its first column again. */
    private Bound kept(List<int[]> mask, List<Map<Positions, int[]>> chosen, int columns) {
        int most = 1; // an output of no position would be none
        for (int row = 0; row < mask.size(); row++) {
            most = Math.max(most, of(chosen, row, keeps).length);
        }
        ByteBuffer indices = allocate((long) mask.size() * most * Long.BYTES);
        for (int row = 0; row < mask.size(); row++) {
            int[] kept = of(chosen, row, keeps);
            int first = first(mask.get(row));
            for (int i = 0; i < most; i++) {
                indices.putLong((long) row * columns + (i < kept.length ? first + kept[i] : 0));
            }
        }
        return typed(OnnxPlan.KEPT, flipped(indices), DataType.INT64_VALUE, List.of((long) mask.size(), (long) most));
    }

    private static int first(int... mask) {
        int first = 0;
        while (first < mask.length && mask[first] == 0) {
            first++;
        }
        return first;
    }

    private List<int[]> withoutBos(List<int[]> ids, List<int[]> mask) {
        List<int[]> without = new ArrayList<>();
        for (int row = 0; row < mask.size(); row++) {
            int[] counted = mask.get(row).clone();
            int first = first(counted);
            if (first < counted.length && OptionalInt.of(ids.get(row)[first]).equals(bosTokenId)) {
                counted[first] = 0;
            }
            without.add(counted);
        }
        return without;
    }

    private void addCounted(List<Bound> bound, String behind, List<int[]> mask, int columns) {
        int rows = mask.size();
        ByteBuffer counted = allocate((long) rows * columns);
        ByteBuffer share = allocate((long) rows * columns * Float.BYTES);
        ByteBuffer ones = allocate((long) rows * columns * Float.BYTES);
        ByteBuffer last = allocate((long) rows * Long.BYTES);
        ByteBuffer place = allocate((long) rows * columns * Long.BYTES);
        for (int row = 0; row < rows; row++) {
            int count = 0;
            long end = 0;
            for (int column = 0; column < columns; column++) {
                if (value(mask, columns, (long) row * columns + column) != 0) {
                    count++;
                    end = column;
                }
            }
            for (int column = 0; column < columns; column++) {
                boolean counts = value(mask, columns, (long) row * columns + column) != 0;
                counted.put(counts ? (byte) 1 : 0);
                share.putFloat(counts ? 1f / count : 0f);
                ones.putFloat(counts ? 1f : 0f);
                place.putLong(counts ? (long) row * columns + column : (long) rows * columns);
            }
            last.putLong((long) row * columns + end);
        }
        long r = rows;
        long c = columns;
        add(bound, typed(OnnxPlan.COUNTED + behind, flipped(counted), DataType.BOOL_VALUE, List.of(r, c, 1L)));
        add(bound, typed(OnnxPlan.PLACE + behind, flipped(place), DataType.INT64_VALUE, List.of(r, c)));
        add(bound, typed(OnnxPlan.SHARE + behind, flipped(share), DataType.FLOAT_VALUE, List.of(r, 1L, c)));
        add(bound, typed(OnnxPlan.ONES + behind, flipped(ones), DataType.FLOAT_VALUE, List.of(r, 1L, c)));
        add(bound, typed(OnnxPlan.LAST + behind, flipped(last), DataType.INT64_VALUE, List.of(r)));
    }

    private void add(List<Bound> bound, Bound tensor) {
        if (taken.contains(tensor.name())) {
            bound.add(tensor);
        }
    }

    private Bound past(Input input, int rows) {
        List<Long> shape = new ArrayList<>();
        for (int axis = 0; axis < input.axes().size(); axis++) {
            String length = input.axes().get(axis);
            if (OnnxProtos.isSymbol(length) && axis != inputs.batchAxis(input)) {
                throw new ModscanException("input " + input + " is needed for '" + neededFor.apply(input.name())
                        + "'; say first how long its axis " + length + " is: OnnxModel.withDimension(\"" + length
                        + "\", N)");
            }
            shape.add(axis == inputs.batchAxis(input) ? (long) rows : Long.parseLong(length));
        }
        return typed(input.name(), allocate(0), input.type(), shape);
    }

    /** A tensor of one number throughout. */
    static Bound filled(Input input, List<Long> shape, long number) {
        long count = shape.stream().reduce(1L, Math::multiplyExact);
        ByteBuffer data = allocate(count * Long.BYTES);
        for (long at = 0; at < count; at++) {
            put(data, input, number);
        }
        return typed(input.name(), flipped(data), input.type(), shape);
    }

    private static Bound numbers(Input input, List<Long> shape, LongUnaryOperator value) {
        for (int axis = 0; axis < shape.size(); axis++) {
            String length = input.axes().get(axis);
            if (!OnnxProtos.isSymbol(length) && Long.parseLong(length) != shape.get(axis)) {
                throw new ModscanException("input '" + input.name() + "' takes no other shape than " + input.axes()
                        + ", and the tokens that are run at once are " + shape
                        + "; give what fills it as ready tensors (Prompt.ofTensors)");
            }
        }
        long count = shape.get(0) * shape.get(1);
        ByteBuffer data = allocate(count * Long.BYTES);
        for (long at = 0; at < count; at++) {
            long number = value.applyAsLong(at);
            put(data, input, number);
        }
        return typed(input.name(), flipped(data), input.type(), shape);
    }

    private static void put(ByteBuffer data, Input input, long number) {
        boolean lowest = number == LOWEST;
        switch (input.type()) {
            case DataType.INT64_VALUE -> data.putLong(number);
            case DataType.INT32_VALUE -> data.putInt((int) number);
            case DataType.INT16_VALUE -> data.putShort((short) number);
            case DataType.FLOAT_VALUE -> data.putFloat(lowest ? -Float.MAX_VALUE : number);
            case DataType.DOUBLE_VALUE -> data.putDouble(lowest ? -Float.MAX_VALUE : (double) number);
            case DataType.BOOL_VALUE, DataType.INT8_VALUE, DataType.UINT8_VALUE -> data.put((byte) number);
            case DataType.FLOAT16_VALUE -> data.putShort(lowest ? HALF_LOWEST : number == 0 ? 0 : HALF_ONE);
            case DataType.BFLOAT16_VALUE -> data.putShort(lowest ? BRAIN_LOWEST : number == 0 ? 0 : BRAIN_ONE);
            default ->
                throw new UnsupportedModelException("input '" + input.name() + "' takes " + OnnxTypes.name(input.type())
                        + ", which token ids, masks and positions can't be given as");
        }
    }

    private static ByteBuffer flipped(ByteBuffer data) {
        return data.flip().slice().order(ByteOrder.nativeOrder());
    }

    static ByteBuffer allocate(long bytes) {
        return ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.nativeOrder());
    }

    private static Bound typed(String name, ByteBuffer data, int type, List<Long> shape) {
        return new Bound(name, data, OnnxTypes.javaType(type), shape);
    }

    /** ONNX's number for the type of a ready tensor. */
    static int number(DType type) {
        return switch (type) {
            case F64 -> DataType.DOUBLE_VALUE;
            case F32 -> DataType.FLOAT_VALUE;
            case F16 -> DataType.FLOAT16_VALUE;
            case BF16 -> DataType.BFLOAT16_VALUE;
            case I64 -> DataType.INT64_VALUE;
            case I32 -> DataType.INT32_VALUE;
            case I16 -> DataType.INT16_VALUE;
            case I8 -> DataType.INT8_VALUE;
            case U8 -> DataType.UINT8_VALUE;
            case BOOL -> DataType.BOOL_VALUE;
            default -> 0;
        };
    }
}
