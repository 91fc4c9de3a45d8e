package io.modscan.onnx.foreign;

import static io.modscan.onnx.foreign.GraphMakers.axis;
import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import java.util.Arrays;
import java.util.Map;
import java.util.function.Consumer;

/** Nodes of operators that look up and write by indices. */
final class LookupMakers {

    private LookupMakers() {}

    static void fill(Map<String, Consumer<RandomGraph>> makers) {
        makers.put("Gather", graph -> {
            long axis = graph.axis();
            String which =
                    graph.coin() ? graph.scalar(graph.random.nextInt(2) - (graph.coin() ? 1 : 0)) : graph.list(0, 1, 0);
            graph.op("Gather", "$ " + which, axis(axis));
        });
        makers.put("Gather by numbers", graph -> {
            String shape = graph.aside("Shape", "$");
            int which = graph.random.nextInt(graph.rank());
            String limit = graph.aside("Gather", shape + " " + graph.scalar(which));
            String numbers = graph.aside("Range", graph.scalar(0) + " " + limit + " " + graph.scalar(1));
            if (graph.coin()) {
                numbers = graph.aside("Sub", graph.aside("Sub", limit + " " + graph.scalar(1)) + " " + numbers);
            }
            graph.op("Gather", "$ " + numbers, axis(graph.coin() ? which : graph.axis()));
        });
        makers.put("Gather from a table", graph -> {
            graph.needsExact();
            String whole = graph.aside(
                    "Cast",
                    graph.aside("Clip", graph.aside("Abs", "$") + " _ " + graph.number(3)),
                    attribute("to", 7L));
            graph.op("Gather", graph.floats(4, 2) + " " + whole, axis(0));
        });
        makers.put("GatherElements", graph -> {
            long axis = graph.axis();
            if (graph.coin()) {
                long[] one = graph.shape();
                Arrays.setAll(one, i -> graph.coin() ? 1 : one[i]);
                int count = (int) Arrays.stream(one).reduce(1, (a, b) -> a * b);
                String which = graph.aside("Reshape", graph.list(new long[count]) + " " + graph.list(one));
                graph.op("GatherElements", "$ " + which, axis(axis));
            } else {
                graph.needsExact();
                String zero = graph.aside(
                        "Cast",
                        graph.aside("Clip", graph.aside("Abs", "$") + " _ " + graph.number(1)),
                        attribute("to", 7L));
                graph.op("GatherElements", "$ " + zero, axis(axis));
            }
        });
        makers.put("GatherND", graph -> {
            if (graph.rank() > 1 && graph.coin()) {
                String which = graph.aside(
                        "Expand",
                        graph.aside("Reshape", graph.scalar(0) + " " + graph.list(1, 1)) + " "
                                + graph.aside(
                                        "Concat",
                                        graph.aside("Gather", graph.aside("Shape", "$") + " " + graph.list(0)) + " "
                                                + graph.list(1),
                                        axis(0)));
                graph.op("GatherND", "$ " + which, attribute("batch_dims", 1L));
            } else {
                graph.op(
                        "GatherND",
                        "$ "
                                + graph.aside(
                                        "Reshape",
                                        graph.list(0, 1) + " "
                                                + graph.list(graph.coin() ? new long[] {2, 1} : new long[] {1, 2})));
            }
        });
        makers.put("GatherND by numbers", graph -> {
            String shape = graph.aside("Shape", "$");
            String count = graph.aside("Gather", shape + " " + graph.scalar(0));
            String numbers = graph.aside("Range", graph.scalar(0) + " " + count + " " + graph.scalar(1));
            String column = graph.aside("Reshape", numbers + " " + graph.list(-1, 1));
            String other = graph.coin() ? column : graph.aside("Sub", column + " " + column);
            graph.op("GatherND", "$ " + graph.aside("Concat", column + " " + other, axis(1)));
        });
        makers.put("ScatterElements", graph -> {
            graph.needsExact();
            String zero = graph.aside(
                    "Cast",
                    graph.aside("Clip", graph.aside("Abs", "$") + " _ " + graph.number(1)),
                    attribute("to", 7L));
            graph.op("ScatterElements", "$ " + zero + " " + graph.aside("Neg", "$"), axis(graph.axis()));
        });
        makers.put("ScatterND", graph -> {
            long[] rest = Arrays.copyOfRange(graph.shape(), 1, graph.rank());
            long[] updates = new long[rest.length + 1];
            updates[0] = 1;
            System.arraycopy(rest, 0, updates, 1, rest.length);
            graph.op(
                    "ScatterND",
                    "$ " + graph.aside("Reshape", graph.scalar(0) + " " + graph.list(1, 1)) + " "
                            + graph.floats(updates));
        });
        makers.put("ScatterND by numbers", graph -> {
            String shape = graph.aside("Shape", "$");
            String count = graph.aside("Gather", shape + " " + graph.scalar(0));
            String numbers = graph.aside("Range", graph.scalar(0) + " " + count + " " + graph.scalar(1));
            if (graph.coin()) {
                numbers = graph.aside("Sub", graph.aside("Sub", count + " " + graph.scalar(1)) + " " + numbers);
            }
            graph.op(
                    "ScatterND",
                    "$ " + graph.aside("Reshape", numbers + " " + graph.list(-1, 1)) + " "
                            + (graph.coin() ? graph.aside("Neg", "$") : "$"));
        });
        makers.put("OneHot", graph -> {
            graph.needsExact();
            String whole = graph.aside(
                    "Cast",
                    graph.aside("Clip", graph.aside("Abs", "$") + " _ " + graph.number(2)),
                    attribute("to", 7L));
            graph.op(
                    "OneHot",
                    whole + " " + graph.scalar(3) + " " + graph.floats(2),
                    axis(graph.random.nextInt(graph.rank() + 1)));
        });
        makers.put("TopK", graph -> {
            graph.needsExact();
            long k = 1L + graph.random.nextInt(2);
            graph.ops("TopK", "$ " + graph.list(k), 2, graph.random.nextInt(2), axis(graph.axis()));
        });
    }
}
