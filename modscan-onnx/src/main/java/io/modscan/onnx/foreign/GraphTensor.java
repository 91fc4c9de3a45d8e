package io.modscan.onnx.foreign;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A tensor of an ONNX graph that somebody else made.
 *
 * @param name     its name in the graph
 * @param type     its elements' type as NumPy calls it, such as {@code float32} or {@code int64}; or {@code sequence},
 *                 {@code map}, {@code optional}; {@code unknown} where neither file nor ONNX Runtime tells
 * @param shape    its axes, each a number, the name of one of the graph's symbols such as {@code batch_size}, or {@code ?};
 *                 empty where not even their number is known
 * @param node     the name of the node that yields it; empty for a graph input and for a node without a name
 * @param operator that node's operator, with its domain unless it is ONNX's own; empty for a graph input
 * @param layer    the layer, from 0, where the name, that of its node or those of its weights tell
 * @param refusal  why it can't be captured, or empty if it can
 */
public record GraphTensor(
        String name,
        String type,
        Optional<List<String>> shape,
        String node,
        String operator,
        OptionalInt layer,
        Optional<String> refusal) {

    /**
     * Copies the shape.
     *
     * @param name     see above
     * @param type     see above
     * @param shape    see above
     * @param node     see above
     * @param operator see above
     * @param layer    see above
     * @param refusal  see above
     */
    public GraphTensor {
        shape = shape.map(List::copyOf);
    }

    @Override
    public String toString() {
        return name + " " + type
                + shape.map(axes -> " [" + String.join(", ", axes) + "]").orElse(" [of unknown rank]")
                + (operator.isEmpty() ? "" : " of " + operator);
    }
}
