package io.modscan.onnx;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.modscan.core.error.ModscanException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a graph takes, and which of its symbols are the batch and the positions.
 *
 * @param inputs    the inputs that have to be given, by name
 * @param batch     the symbol of the batch axis, or empty if there is none that can vary
 * @param positions the symbol of positions, or empty if there is none that can vary
 * @param length    the number of positions that a model of texts is fixed to, or 0
 */
record OnnxInputs(Map<String, Input> inputs, Optional<String> batch, Optional<String> positions, int length) {

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
     * @param axes each a number or a symbol
     * @param role what a text's tokens put there, if that is known
     */
    record Input(String name, int type, List<String> axes, Optional<InputRole> role) {
        Input {
            axes = List.copyOf(axes);
        }
    }

    /**
     * What a user has said.
     *
     * @param roles      of inputs, by name
     * @param dimensions lengths of symbols
     * @param batch      the symbol of the batch axis
     * @param positions  the symbol of positions
     */
    record Said(
            Map<String, InputRole> roles,
            Map<String, Integer> dimensions,
            Optional<String> batch,
            Optional<String> positions) {
        Said {
            roles = Map.copyOf(roles);
            dimensions = Map.copyOf(dimensions);
        }
    }

    static OnnxInputs of(OnnxFile file, Said said) {
        Set<String> initializers = file.graph().getInitializerList().stream()
                .map(TensorProto::getName)
                .collect(Collectors.toSet());
        Map<String, Input> inputs = new LinkedHashMap<>();
        for (ValueInfoProto input : file.graph().getInputList()) {
            // One that has a value already can be given, and need not be.
            if (!initializers.contains(input.getName())) {
                inputs.put(input.getName(), input(file, input, said));
            }
        }
        for (String name : said.roles().keySet()) {
            if (!inputs.containsKey(name)) {
                throw new ModscanException(
                        file.path() + ": has no input '" + name + "'; its inputs are " + inputs.keySet());
            }
        }
        Optional<Input> ids = withRole(inputs, InputRole.TOKEN_IDS);
        OnnxInputs found = ids.isPresent() ? text(inputs, ids.get()) : ready(inputs, said);
        Set<String> symbols = inputs.values().stream()
                .flatMap(input -> input.axes().stream())
                .filter(OnnxShapes::isSymbol)
                .collect(Collectors.toSet());
        for (String symbol : said.dimensions().keySet()) {
            if (!symbolsOf(file, Set.of()).contains(symbol)) {
                throw unknownSymbol(file, symbol, symbolsOf(file, Set.of()));
            }
        }
        said.batch().filter(symbol -> !symbols.contains(symbol)).ifPresent(symbol -> {
            throw unknownSymbol(file, symbol, symbols);
        });
        said.positions().filter(symbol -> !symbols.contains(symbol)).ifPresent(symbol -> {
            throw unknownSymbol(file, symbol, symbols);
        });
        return found;
    }

    private static ModscanException unknownSymbol(OnnxFile file, String symbol, Set<String> symbols) {
        return new ModscanException(
                file.path() + ": none of its inputs has an axis '" + symbol + "'; their symbols are " + symbols);
    }

    private static Set<String> symbolsOf(OnnxFile file, Set<String> none) {
        Said nothing = new Said(Map.of(), Map.of(), Optional.empty(), Optional.empty());
        return file.graph().getInputList().stream()
                .flatMap(input -> axes(input, nothing.dimensions()).stream())
                .filter(axis -> OnnxShapes.isSymbol(axis) && !none.contains(axis))
                .collect(Collectors.toCollection(java.util.TreeSet::new));
    }

    private static Input input(OnnxFile file, ValueInfoProto input, Said said) {
        if (!input.getType().hasTensorType()) {
            throw new ModscanException(file.path() + ": its input '" + input.getName()
                    + "' is no tensor but a sequence, map or optional value; such a graph can't be given samples here");
        }
        @Nullable InputRole role = said.roles().get(input.getName());
        return new Input(
                input.getName(),
                input.getType().getTensorType().getElemType(),
                axes(input, said.dimensions()),
                Optional.ofNullable(role).or(() -> InputRole.of(input.getName())));
    }

    private static List<String> axes(ValueInfoProto input, Map<String, Integer> dimensions) {
        List<String> axes = new ArrayList<>();
        for (TensorShapeProto.Dimension dim :
                input.getType().getTensorType().getShape().getDimList()) {
            String axis = dim.hasDimValue() && dim.getDimValue() > 0
                    ? Long.toString(dim.getDimValue())
                    // A name that begins with a digit would be taken for a number.
                    : dim.getDimParam().isEmpty()
                                    || Character.isDigit(dim.getDimParam().charAt(0))
                            ? input.getName() + "." + axes.size()
                            : dim.getDimParam();
            axes.add(dimensions.containsKey(axis) ? String.valueOf(dimensions.get(axis)) : axis);
        }
        return axes;
    }

    private static Optional<Input> withRole(Map<String, Input> inputs, InputRole role) {
        return inputs.values().stream()
                .filter(input -> input.role().equals(Optional.of(role)))
                .findFirst();
    }

    /** A model of texts: all of its inputs are [batch, positions], whatever each calls these, but for what is past. */
    private static OnnxInputs text(Map<String, Input> inputs, Input ids) {
        if (ids.axes().size() != 2) {
            throw new ModscanException("input '" + ids.name() + "' has the axes " + ids.axes()
                    + "; token ids are taken as [batch, positions]");
        }
        Map<String, Input> renamed = new LinkedHashMap<>();
        for (Input input : inputs.values()) {
            List<String> axes = new ArrayList<>(input.axes());
            if (input.role().equals(Optional.of(InputRole.PAST))) {
                for (int axis = 1; axis < axes.size(); axis++) {
                    if (OnnxShapes.isSymbol(axes.get(axis))) {
                        axes.set(axis, "0");
                    }
                }
            }
            boolean past = input.role().equals(Optional.of(InputRole.PAST));
            for (int axis = 0;
                    axis < (past ? 1 : 2) && axis < axes.size() && input.role().isPresent();
                    axis++) {
                if (OnnxShapes.isSymbol(axes.get(axis))) {
                    axes.set(axis, ids.axes().get(axis));
                }
            }
            renamed.put(input.name(), new Input(input.name(), input.type(), axes, input.role()));
        }
        String batch = ids.axes().get(0);
        String positions = ids.axes().get(1);
        return new OnnxInputs(
                renamed,
                Optional.of(batch).filter(OnnxShapes::isSymbol),
                Optional.of(positions).filter(OnnxShapes::isSymbol),
                OnnxShapes.isSymbol(positions) ? 0 : Integer.parseInt(positions));
    }

    private static OnnxInputs ready(Map<String, Input> inputs, Said said) {
        Optional<String> batch = said.batch().or(() -> first(inputs, OnnxInputs::isBatch));
        Optional<String> positions = said.positions()
                .or(() -> first(inputs, name -> POSITION_NAMES.contains(name.toLowerCase(Locale.ROOT))));
        return new OnnxInputs(inputs, batch, positions, 0);
    }

    private static boolean isBatch(String symbol) {
        String name = symbol.toLowerCase(Locale.ROOT);
        return name.contains("batch") || name.equals("n") || name.equals("b");
    }

    private static Optional<String> first(Map<String, Input> inputs, java.util.function.Predicate<String> isMeant) {
        return inputs.values().stream()
                .flatMap(input -> input.axes().stream())
                .filter(OnnxShapes::isSymbol)
                .filter(isMeant)
                .findFirst();
    }

    /** Whether prompts of tokens can be given: ids are taken, and nothing that isn't known. */
    boolean isText() {
        return withRole(inputs, InputRole.TOKEN_IDS).isPresent()
                && inputs.values().stream().allMatch(input -> input.role().isPresent());
    }

    boolean hasMask() {
        return withRole(inputs, InputRole.ATTENTION_MASK).isPresent();
    }

    /** Whether a graph like this is given one prompt at a time. */
    boolean alone() {
        return batch.isEmpty() || (withRole(inputs, InputRole.TOKEN_IDS).isPresent() && !hasMask());
    }

    Map<String, List<String>> axes() {
        return inputs.values().stream()
                .collect(Collectors.toMap(Input::name, Input::axes, (a, b) -> b, LinkedHashMap::new));
    }

    /** What inference takes for batch and positions: small, since a table of positions may be. */
    Map<String, List<Long>> bindings() {
        Map<String, List<Long>> bindings = new LinkedHashMap<>();
        boolean text = withRole(inputs, InputRole.TOKEN_IDS).isPresent();
        batch.ifPresent(symbol -> bindings.put(symbol, List.of(2L, 3L, 4L)));
        positions.ifPresent(symbol -> bindings.put(symbol, text ? List.of(7L, 5L, 6L) : List.of(448L, 320L, 384L)));
        return bindings;
    }
}
