package io.modscan.onnx.foreign;

import io.modscan.onnx.internal.graph.OnnxProtos;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.IntPredicate;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Which axes of a decoder's past are what.
 *
 * @param batch the axis of the batch, or -1 if it is fixed
 * @param own   the axis that counts earlier tokens
 */
record PastAxes(int batch, int own) {

    private static final Pattern LENGTH = Pattern.compile("past|seq|len|time|cache|context|ctx|total|tokens");

    /** Parts of names by which exporters tell what an encoder leaves to a decoder. */
    private static final Pattern ENCODER =
            Pattern.compile("(^|[^a-z])(encoder|enc|cross|cross_?att[a-z]*|memory|source|src)([^a-z]|$)");

    private static final Pattern DECODER = Pattern.compile("(^|[^a-z])(decoder|dec|self|self_?att[a-z]*)([^a-z]|$)");

    /**
     * Finds them.
     *
     * @param axes  of the past, each a number or a symbol
     * @param batch what the token ids call their batch axis; a number if that is fixed
     * @return the axes, or empty if more than one may be that of earlier tokens
     */
    static Optional<PastAxes> of(List<String> axes, String batch) {
        List<Integer> open = new ArrayList<>(IntStream.range(0, axes.size())
                .filter(axis -> OnnxProtos.isSymbol(axes.get(axis)))
                .boxed()
                .toList());
        Optional<Integer> first = only(open, axis -> axes.get(axis).equals(batch))
                .or(() -> only(open, axis -> OnnxInputs.isBatchName(axes.get(axis))))
                .or(() -> Optional.of(0)
                        .filter(axis -> open.contains(axis)
                                && (open.size() > 1 || OnnxProtos.isSymbol(batch))
                                && !isLength(axes.get(axis))));
        first.ifPresent(axis -> open.removeIf(axis::equals));
        return only(open, axis -> true)
                .or(() -> only(open, axis -> isNamed(axes.get(axis), "past")))
                .or(() -> only(open, axis -> isLength(axes.get(axis))))
                .map(own -> new PastAxes(first.orElse(-1), own));
    }

    private static Optional<Integer> only(List<Integer> axes, IntPredicate which) {
        List<Integer> those = axes.stream().filter(which::test).toList();
        return those.size() == 1 ? Optional.of(those.get(0)) : Optional.empty();
    }

    /** An axis without a name is called by its input, which tells nothing of it. */
    private static boolean isLength(String symbol) {
        return LENGTH.matcher(symbol.toLowerCase(Locale.ROOT)).find() && !symbol.matches(".*\\.\\d+");
    }

    private static boolean isNamed(String symbol, String part) {
        return symbol.toLowerCase(Locale.ROOT).contains(part) && isLength(symbol);
    }

    /** Whether an input, by its name or its symbols, is of an encoder rather than of earlier tokens. */
    static boolean isOfEncoder(String input, List<String> axes) {
        return !isOfDecoder(input) && (isOf(ENCODER, input) || axes.stream().anyMatch(axis -> isOf(ENCODER, axis)));
    }

    /** Whether an input's name says that it is of the decoder itself. */
    static boolean isOfDecoder(String input) {
        return isOf(DECODER, input);
    }

    private static boolean isOf(Pattern part, String name) {
        return part.matcher(name.toLowerCase(Locale.ROOT)).find();
    }
}
