package io.modscan.onnx.foreign;

import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import java.util.Map;
import java.util.function.Consumer;

/** Nodes of the operators that ONNX Runtime's CPU has, of random attributes: a class for each family, and what they share. */
final class GraphMakers {

    private GraphMakers() {}

    static void fill(Map<String, Consumer<RandomGraph>> makers) {
        ElementwiseMakers.fill(makers);
        MovingMakers.fill(makers);
        LookupMakers.fill(makers);
        AlongAxesMakers.fill(makers);
        ProductMakers.fill(makers);
        WindowMakers.fill(makers);
        BodyMakers.fill(makers);
        ContribMakers.fill(makers);
    }

    static long last(RandomGraph graph) {
        return graph.rank() == 0 ? 1 : graph.size(-1);
    }

    /** The tensor and another: a constant, itself, itself with its axes turned, one of the inputs, a number of its shape. */
    static String pair(RandomGraph graph) {
        return switch (graph.random.nextInt(graph.text ? 8 : 7)) {
            case 0 -> "$ " + graph.floats(1);
            case 1 -> "$ " + graph.floats(last(graph));
            case 2 -> "$ $";
            case 3 -> "$ " + graph.aside("Transpose", "$");
            case 4 -> graph.floats(1, 1) + " $";
            case 5 -> "$ " + (graph.text ? "hidden" : graph.coin() ? "x0" : "z0");
            case 6 -> {
                String shape = graph.aside("Shape", "$");
                String which = graph.scalar(graph.rank() == 0 ? 0 : graph.random.nextInt(graph.rank()));
                yield "$ " + graph.aside("Cast", graph.aside("Gather", shape + " " + which), attribute("to", 1L));
            }
            default -> "$ " + (graph.coin() ? "column" : graph.coin() ? "added" : "line");
        };
    }

    static AttributeProto[] none() {
        return new AttributeProto[0];
    }

    static AttributeProto axis(long axis) {
        return attribute("axis", axis);
    }
}
