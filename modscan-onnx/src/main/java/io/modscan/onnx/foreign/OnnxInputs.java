package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.prompt.InputTensor;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a graph takes, and which of its symbols are the batch and the positions.
 *
 * @param inputs    the inputs that have to be given, by name
 * @param batch     the symbol of the batch axis, or empty if there is none that can vary
 * @param positions the symbol of positions, {@link #FIXED} and their number where that is fixed and was said, or empty
 * @param length    the number of positions that a model of texts is fixed to, or 0
 */
record OnnxInputs(Map<String, Input> inputs, Optional<String> batch, Optional<String> positions, int length) {

    /** Before a number: that many positions, not just as many of anything. */
    static final String FIXED = "@";

    /** Lengths of a past for inference. */
    private static final List<Long> PAST = List.of(3L, 9L, 4L);

    private static final Set<String> POSITION_NAMES = Set.of(
            "sequence",
            "sequence_length",
            "seq_length",
            "seq_len",
            "seqlen",
            "seq",
            "sequence_len",
            "time",
            "frames",
            "num_frames",
            "n_frames",
            "time_steps");

    /**
     * An input.
     *
     * @param type ONNX's number of its elements' type
     * @param axes each a number or a symbol, as tokens fill them: what is past is 0 long
     * @param own  the same as the file has them, which ready tensors may be as long as
     * @param role what a text's tokens put there, if that is known
     */
    record Input(String name, int type, List<String> axes, List<String> own, Optional<InputRole> role) {
        Input {
            axes = List.copyOf(axes);
            own = List.copyOf(own);
        }

        boolean is(InputRole one) {
            return role.equals(Optional.of(one));
        }

        Input withAxes(List<String> changed) {
            return new Input(name, type, changed, own, role);
        }

        Input withoutRole() {
            return new Input(name, type, axes, own, Optional.empty());
        }

        @Override
        public String toString() {
            return "'" + name + "' " + OnnxTypes.name(type) + " " + own
                    + role.map(said -> " (" + said + ")").orElse("");
        }
    }

    /**
     * What a user has said.
     *
     * @param roles      of inputs, by name
     * @param dimensions lengths of symbols
     * @param batch      the symbols of the batch axis, which inputs may call differently
     * @param positions  the symbol of positions, or their number where that is fixed
     */
    record Said(
            Map<String, InputRole> roles,
            Map<String, Integer> dimensions,
            List<String> batch,
            Optional<String> positions) {
        Said {
            roles = Map.copyOf(roles);
            dimensions = Map.copyOf(dimensions);
            batch = List.copyOf(batch);
        }

        /** The same with the length of positions, where it was given, in place of their symbol. */
        Said withLengths() {
            return new Said(
                    roles,
                    dimensions,
                    batch,
                    positions.map(axis -> dimensions.containsKey(axis) ? String.valueOf(dimensions.get(axis)) : axis));
        }

        boolean saysTokenIds() {
            return roles.containsValue(InputRole.TOKEN_IDS);
        }

        static Said nothing() {
            return new Said(Map.of(), Map.of(), List.of(), Optional.empty());
        }
    }

    static OnnxInputs of(OnnxFile file, Said words) {
        Said said = words.withLengths();
        Set<String> initializers = file.graph().getInitializerList().stream()
                .map(TensorProto::getName)
                .collect(Collectors.toSet());
        Map<String, Input> inputs = new LinkedHashMap<>();
        for (ValueInfoProto input : file.graph().getInputList()) {
            // One that has a value already can be given where that is said, and need not be.
            if (!initializers.contains(input.getName()) || said.roles().containsKey(input.getName())) {
                inputs.put(input.getName(), input(file, input, said));
            }
        }
        List<String> ofTokens = said.roles().keySet().stream()
                .filter(name -> said.roles().get(name) == InputRole.TOKEN_IDS)
                .sorted()
                .toList();
        if (ofTokens.size() > 1) {
            throw new ModscanException(file.path() + ": " + ofTokens
                    + " are both said to be token ids, which a prompt has once; give what goes there as ready tensors");
        }
        for (String name : said.roles().keySet()) {
            if (!inputs.containsKey(name)) {
                throw new ModscanException(
                        file.path() + ": has no input '" + name + "'; its inputs are " + inputs.keySet());
            }
        }
        withoutEncoders(file, inputs, said);
        Optional<Input> ids = withRole(inputs, InputRole.TOKEN_IDS);
        Set<String> symbols = inputs.values().stream()
                .flatMap(input -> input.axes().stream())
                .filter(OnnxProtos::isSymbol)
                .collect(Collectors.toSet());
        Set<String> declared = declaredSymbols(file);
        for (String symbol : said.dimensions().keySet()) {
            if (!declared.contains(symbol)) {
                throw unknownSymbol(file, symbol, declared);
            }
        }
        Stream.concat(said.batch().stream(), said.positions().filter(OnnxProtos::isSymbol).stream())
                .filter(symbol -> !symbols.contains(symbol))
                .forEach(symbol -> {
                    throw unknownSymbol(file, symbol, symbols);
                });
        said.positions().filter(said.batch()::contains).ifPresent(symbol -> {
            throw new ModscanException(
                    file.path() + ": the axis '" + symbol + "' is said to be both the batch and the positions");
        });
        ids.ifPresent(input -> checkAxes(file, input, said));
        return ids.isPresent() ? text(file, inputs, ids.get(), said) : ready(inputs, said);
    }

    /** What an encoder leaves to a decoder is called past too, and is not of the tokens. */
    private static void withoutEncoders(OnnxFile file, Map<String, Input> inputs, Said said) {
        boolean any = file.graph().getInputList().stream()
                .anyMatch(input -> PastAxes.isOfEncoder(input.getName(), axes(file, input, Map.of())));
        inputs.replaceAll((name, input) ->
                any && input.is(InputRole.PAST) && !said.roles().containsKey(name) && !PastAxes.isOfDecoder(name)
                        ? input.withoutRole()
                        : input);
    }

    /** Token ids tell what the axes are. */
    private static void checkAxes(OnnxFile file, Input ids, Said said) {
        said.positions().filter(axis -> !axis.equals(ids.axes().get(1))).ifPresent(axis -> {
            throw new ModscanException(file.path() + ": the positions can't be '" + axis + "': the token ids '"
                    + ids.name() + "' are " + ids.axes() + ", batch and positions");
        });
        if (said.batch().contains(ids.axes().get(1))) {
            throw new ModscanException(
                    file.path() + ": the batch can't be '" + ids.axes().get(1) + "': the token ids '" + ids.name()
                            + "' are " + ids.axes() + ", batch and positions");
        }
    }

    private static ModscanException unknownSymbol(OnnxFile file, String symbol, Set<String> symbols) {
        return new ModscanException(
                file.path() + ": none of its inputs has an axis '" + symbol + "'; their symbols are " + symbols);
    }

    /** Those that were given lengths included. */
    private static Set<String> declaredSymbols(OnnxFile file) {
        return file.graph().getInputList().stream()
                .flatMap(input -> axes(file, input, Map.of()).stream())
                .filter(OnnxProtos::isSymbol)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Input input(OnnxFile file, ValueInfoProto input, Said said) {
        if (!input.getType().hasTensorType()) {
            throw new ModscanException(file.path() + ": its input '" + input.getName()
                    + "' is no tensor but a sequence, map or optional value; such a graph can't be given samples here");
        }
        if (!input.getType().getTensorType().hasShape()) {
            throw new UnsupportedModelException(file.path() + ": its input '" + input.getName()
                    + "' does not say how many axes it has; export the model again with the shapes of its inputs");
        }
        int type = input.getType().getTensorType().getElemType();
        List<String> axes = axes(file, input, said.dimensions());
        @Nullable InputRole role = said.roles().get(input.getName());
        if (role != null && !canBe(role, type, axes)) {
            throw new ModscanException(file.path() + ": its input '" + input.getName() + "' is " + OnnxTypes.name(type)
                    + " " + axes + ", which " + role + " can't be put into; see InputRole for what each takes");
        }
        return new Input(
                input.getName(),
                type,
                axes,
                axes,
                Optional.ofNullable(role)
                        // A name alone may mislead: an image has a mask too.
                        .or(() -> InputRole.of(input.getName())
                                .filter(usual -> canBe(usual, type, axes))
                                .filter(usual -> usual != InputRole.TOKEN_IDS || !said.saysTokenIds())
                                .filter(usual -> !usual.isMask() || !isAdded(file, input.getName(), type)))
                        .filter(any -> any != InputRole.NONE));
    }

    /** Whether a mask is added to something as it is: then it is no 1 at real tokens, whatever its name. */
    private static boolean isAdded(OnnxFile file, String mask, int type) {
        if (!isFloating(type)) {
            return false;
        }
        Set<String> same = new HashSet<>(Set.of(mask));
        for (NodeProto node : file.graph().getNodeList()) {
            if (node.getInputCount() == 0) {
                continue;
            }
            if ((node.getOpType().equals("Add") || node.getOpType().equals("Sum"))
                    && node.getInputList().stream().anyMatch(same::contains)) {
                return true;
            }
            if (TokenTable.RESHAPING.contains(node.getOpType()) && same.contains(node.getInput(0))) {
                same.addAll(node.getOutputList());
            }
        }
        return false;
    }

    private static boolean isFloating(int type) {
        return type == DataType.FLOAT_VALUE
                || type == DataType.DOUBLE_VALUE
                || type == DataType.FLOAT16_VALUE
                || type == DataType.BFLOAT16_VALUE;
    }

    private static boolean canBe(InputRole role, int type, List<String> axes) {
        boolean whole = type == DataType.INT64_VALUE || type == DataType.INT32_VALUE;
        return switch (role) {
            case TOKEN_IDS -> axes.size() == 2 && whole;
            // Half precision does not count far.
            case POSITIONS ->
                axes.size() == 2 && (whole || type == DataType.FLOAT_VALUE || type == DataType.DOUBLE_VALUE);
            case ATTENTION_MASK, PADDING_MASK, TOKEN_TYPES -> axes.size() == 2;
            case ADDITIVE_MASK -> axes.size() == 2 && isFloating(type);
            case PAST -> axes.stream().anyMatch(OnnxProtos::isSymbol);
            case NONE -> true;
        };
    }

    private static List<String> axes(OnnxFile file, ValueInfoProto input, Map<String, Integer> dimensions) {
        List<TensorShapeProto.Dimension> dims =
                input.getType().getTensorType().getShape().getDimList();
        // Batch and positions, if it is token ids, and in no case one.
        boolean alike = dims.size() == 2 && dims.get(0).equals(dims.get(1));
        List<String> axes = new ArrayList<>();
        for (TensorShapeProto.Dimension dim : dims) {
            String axis = dim.hasDimValue() && dim.getDimValue() > 0
                    ? Long.toString(dim.getDimValue())
                    : isName(dim.getDimParam()) && !alike
                            ? dim.getDimParam()
                            : unnamed(file, input.getName() + "." + axes.size());
            axes.add(dimensions.containsKey(axis) ? String.valueOf(dimensions.get(axis)) : axis);
        }
        return axes;
    }

    /** A name for an axis that has none: no number, and no other axis's. */
    private static String unnamed(OnnxFile file, String name) {
        String free = name;
        while (!isName(free) || isTaken(file, free)) {
            free = "input." + free;
        }
        return free;
    }

    private static boolean isTaken(OnnxFile file, String symbol) {
        return file.graph().getInputList().stream()
                .flatMap(input -> input.getType().getTensorType().getShape().getDimList().stream())
                .anyMatch(dim -> dim.getDimParam().equals(symbol));
    }

    /** Some exporters call all axes that can vary alike; and what begins with a digit would be taken for a number. */
    private static boolean isName(String symbol) {
        return OnnxProtos.isSymbol(symbol)
                && !symbol.equalsIgnoreCase("none")
                && !symbol.startsWith(FIXED)
                && !symbol.startsWith("?");
    }

    private static Optional<Input> withRole(Map<String, Input> inputs, InputRole role) {
        return inputs.values().stream()
                .filter(input -> input.role().equals(Optional.of(role)))
                .findFirst();
    }

    /** A model of texts: all of its inputs are [batch, positions], whatever each calls these, but for what is past. */
    private static OnnxInputs text(OnnxFile file, Map<String, Input> inputs, Input ids, Said said) {
        Map<String, Input> renamed = new LinkedHashMap<>();
        for (Input each : inputs.values()) {
            List<String> axes = new ArrayList<>(each.axes());
            axes.replaceAll(axis -> said.batch().contains(axis) ? ids.axes().get(0) : axis);
            Input input = each.withAxes(axes);
            if (input.is(InputRole.PAST)) {
                renamed.put(input.name(), ofNone(file, input, ids, said));
                continue;
            }
            for (int axis = 0; axis < 2 && axis < axes.size() && input.role().isPresent(); axis++) {
                if (OnnxProtos.isSymbol(axes.get(axis))) {
                    axes.set(axis, ids.axes().get(axis));
                }
            }
            renamed.put(input.name(), input.withAxes(axes));
        }
        String batch = ids.axes().get(0);
        String positions = ids.axes().get(1);
        if (!OnnxProtos.isSymbol(positions) && Long.parseLong(positions) > Integer.MAX_VALUE) {
            throw new ModscanException(file.path() + ": input '" + ids.name() + "' takes exactly " + positions
                    + " tokens, and at most " + Integer.MAX_VALUE + " can be given");
        }
        return new OnnxInputs(
                renamed,
                Optional.of(batch).filter(OnnxProtos::isSymbol),
                Optional.of(positions)
                        .filter(OnnxProtos::isSymbol)
                        .or(said::positions)
                        .map(OnnxInputs::marked),
                OnnxProtos.isSymbol(positions) ? 0 : Integer.parseInt(positions));
    }

    private static String marked(String positions) {
        return OnnxProtos.isSymbol(positions) ? positions : FIXED + positions;
    }

    /** A past of no tokens. */
    private static Input ofNone(OnnxFile file, Input past, Input ids, Said said) {
        Optional<PastAxes> known = PastAxes.of(past.axes(), ids.axes().get(0));
        if (known.isEmpty()) {
            if (said.roles().containsKey(past.name())) {
                throw new ModscanException(file.path() + ": of the axes of the past '" + past.name() + "' " + past.own()
                        + " can't be told which is the batch and which counts earlier tokens; say the batch ("
                        + "OnnxModel.withBatch) and the lengths of all but one (OnnxModel.withDimension)");
            }
            return past.withoutRole();
        }
        List<String> axes = new ArrayList<>(past.axes());
        if (known.get().batch() >= 0) {
            axes.set(known.get().batch(), ids.axes().get(0));
        }
        axes.set(known.get().own(), "0");
        return past.withAxes(axes);
    }

    private static OnnxInputs ready(Map<String, Input> inputs, Said said) {
        Optional<String> batch =
                said.batch().stream().findFirst().or(() -> first(inputs, name -> isBatch(name, said.positions())));
        Optional<String> positions = said.positions()
                .or(() -> first(
                        inputs,
                        name -> !batch.equals(Optional.of(name))
                                && POSITION_NAMES.contains(name.toLowerCase(Locale.ROOT))))
                .map(OnnxInputs::marked);
        Map<String, Input> renamed = new LinkedHashMap<>();
        inputs.forEach((name, input) -> renamed.put(
                name,
                input.withAxes(input.axes().stream()
                        .map(axis -> said.batch().contains(axis) ? batch.orElse(axis) : axis)
                        .toList())));
        return new OnnxInputs(renamed, batch, positions, 0);
    }

    private static boolean isBatch(String symbol, Optional<String> positions) {
        return !positions.equals(Optional.of(symbol)) && isBatchName(symbol);
    }

    static boolean isBatchName(String symbol) {
        String name = symbol.toLowerCase(Locale.ROOT);
        return name.contains("batch") || name.equals("n") || name.equals("b");
    }

    private static Optional<String> first(Map<String, Input> inputs, Predicate<String> isMeant) {
        return inputs.values().stream()
                .flatMap(input -> input.axes().stream())
                .filter(OnnxProtos::isSymbol)
                .filter(isMeant)
                .findFirst();
    }

    /** Whether prompts of tokens can be given, to a graph that takes nothing else. */
    boolean isText() {
        return withRole(inputs, InputRole.TOKEN_IDS).isPresent();
    }

    boolean hasMask() {
        return !masks().isEmpty();
    }

    /** The names of the inputs that say which tokens are real. */
    List<String> masks() {
        return inputs.values().stream()
                .filter(input -> input.role().filter(InputRole::isMask).isPresent())
                .map(Input::name)
                .toList();
    }

    /** Whether a sample has a past of at least one token. */
    boolean bringsPast(Map<String, InputTensor> sample) {
        return inputs.values().stream()
                .filter(input -> input.is(InputRole.PAST) && sample.containsKey(input.name()))
                .anyMatch(input -> !Objects.requireNonNull(sample.get(input.name()))
                        .shape()
                        .contains(0L));
    }

    boolean hasPast() {
        return withRole(inputs, InputRole.PAST).isPresent();
    }

    /**
     * Whether a graph like this is given one prompt at a time.
     *
     * @param taken the inputs that it takes, others' names among them
     */
    boolean alone(Set<String> taken) {
        return inputs.values().stream().anyMatch(input -> taken.contains(input.name()) && batchAxis(input) != 0)
                || (isText() && !hasMask());
    }

    /** Why no tokens can be given at all. */
    String notText() {
        return "its inputs " + described() + " take no token ids; say which takes them (OnnxModel.withInput), or give"
                + " ready tensors (Prompt.ofTensors)";
    }

    /** The inputs with their types, axes and roles, for a message. */
    String described() {
        return inputs.values().stream().map(Input::toString).collect(Collectors.joining(", "));
    }

    /** How many positions there are, if that is fixed and they are known as such. */
    OptionalInt fixedPositions() {
        return positions.filter(axis -> axis.startsWith(FIXED)).stream()
                .mapToInt(axis -> Integer.parseInt(axis.substring(FIXED.length())))
                .findFirst();
    }

    boolean isPosition(String axis) {
        return positions.equals(Optional.of(axis));
    }

    /** Which axis of an input is the batch, or -1 if none is. */
    int batchAxis(Input input) {
        return batch.map(input.axes()::indexOf).orElse(-1);
    }

    Map<String, List<String>> axes() {
        return inputs.values().stream()
                .collect(Collectors.toMap(Input::name, Input::axes, (a, b) -> b, LinkedHashMap::new));
    }

    /** The same with a past of some tokens. */
    OnnxInputs withPast() {
        return changed(input -> input.is(InputRole.PAST)
                        || input.role().filter(InputRole::isMask).isPresent()
                ? input.withAxes(IntStream.range(0, input.own().size())
                        .mapToObj(axis -> axis == batchAxis(input)
                                ? input.axes().get(axis)
                                : input.own().get(axis))
                        .toList())
                : input);
    }

    /** The same with the number of positions, which is fixed, in place of a length that can vary. */
    OnnxInputs withoutLength() {
        return changed(input -> input.role().isPresent() && !input.is(InputRole.PAST)
                ? input.withAxes(List.of(
                        input.axes().get(0),
                        positions
                                .filter(axis -> axis.equals(FIXED + input.axes().get(1)))
                                .orElse(input.axes().get(1))))
                : input);
    }

    private OnnxInputs changed(UnaryOperator<Input> change) {
        Map<String, Input> changed = new LinkedHashMap<>(inputs);
        changed.replaceAll((name, input) -> change.apply(input));
        return new OnnxInputs(changed, batch, positions, length);
    }

    /** What inference takes for batch and positions: small, since a table of positions may be. */
    Map<String, List<Long>> bindings() {
        Map<String, List<Long>> bindings = new LinkedHashMap<>();
        batch.ifPresent(symbol -> bindings.put(symbol, List.of(2L, 3L, 4L)));
        List<Long> few = length >= 5 && length <= 7 ? List.of(11L, 9L, 10L) : List.of(7L, 5L, 6L);
        positions.ifPresent(symbol -> bindings.put(symbol, isText() ? few : List.of(448L, 320L, 384L)));
        for (Input input : inputs.values()) {
            if (input.is(InputRole.PAST)) {
                input.axes().stream()
                        .filter(axis -> OnnxProtos.isSymbol(axis) && !batch.equals(Optional.of(axis)))
                        .forEach(axis -> bindings.putIfAbsent(axis, PAST));
            }
        }
        // A mask is as long as past and tokens together.
        for (String mask : hasPast() ? masks() : List.<String>of()) {
            String axis = Objects.requireNonNull(inputs.get(mask)).axes().get(1);
            if (OnnxProtos.isSymbol(axis)) {
                bindings.putIfAbsent(
                        axis,
                        List.of(
                                (length > 0 ? length : few.get(0)) + PAST.get(0),
                                (length > 0 ? length : few.get(1)) + PAST.get(1),
                                (length > 0 ? length : few.get(2)) + PAST.get(2)));
            }
        }
        return bindings;
    }
}
