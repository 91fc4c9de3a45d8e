package io.modscan.onnx.foreign;

import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;
import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import com.google.protobuf.ByteString;
import com.google.protobuf.TextFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * A small graph of a few operators one behind the other, each of random attributes and along random axes. What ONNX Runtime
 * refuses is not in it.
 */
final class RandomGraph {

    static final int ROWS = 3;
    static final int POSITIONS = 7;
    static final int UNITS = 4;

    /** What can be put behind a tensor, by the name under which it is counted. */
    static final Map<String, Consumer<RandomGraph>> MAKERS = new TreeMap<>();

    /** Operators whose result is not the same to the last bit for other shapes; no step may come behind them. */
    private boolean exact = true;

    /** Whether there is a number everywhere, at padding too. */
    private boolean finite = true;

    final Random random;
    final boolean text;
    final int opset;
    private final List<UnaryOperator<HandGraph>> steps = new ArrayList<>();
    private int names;
    private String current;
    private long[] shape;
    private String type = "FLOAT";
    final List<String> operators = new ArrayList<>();

    RandomGraph(Random random, boolean text) {
        this.random = random;
        this.text = text;
        this.opset = List.of(11, 13, 17, 18, 22).get(random.nextInt(5));
        if (text) {
            current = "hidden";
            shape = new long[] {ROWS, POSITIONS, UNITS};
        } else if (random.nextBoolean()) {
            current = "x";
            shape = new long[] {ROWS, UNITS};
        } else {
            current = "z";
            shape = new long[] {ROWS, 6, UNITS};
        }
    }

    HandGraph graph() {
        HandGraph graph;
        if (text) {
            graph = HandGraph.opset(opset)
                    .input("input_ids", DataType.INT64, "batch", "sequence")
                    .input("attention_mask", DataType.INT64, "batch", "sequence")
                    .floats("table", dyadic(new Random(1), 64), 16, UNITS)
                    .node("Gather", "table input_ids", "hidden")
                    .node("Cast", "attention_mask", "mask", attribute("to", 1L))
                    .node(
                            "Unsqueeze",
                            opset < 13 ? "mask" : "mask two",
                            "column",
                            opset < 13
                                    ? new AttributeProto[] {attribute("axes", new long[] {2})}
                                    : new AttributeProto[0])
                    .node(
                            "Unsqueeze",
                            opset < 13 ? "mask" : "mask one",
                            "line",
                            opset < 13
                                    ? new AttributeProto[] {attribute("axes", new long[] {1})}
                                    : new AttributeProto[0])
                    .list("two", 2)
                    .list("one", 1)
                    .floats("ones", new float[] {1})
                    .floats("lowest", new float[] {-10000})
                    .node("Sub", "ones line", "absent")
                    .node("Mul", "absent lowest", "added");
        } else {
            graph = HandGraph.opset(opset)
                    .input("x", DataType.FLOAT, "batch", String.valueOf(UNITS))
                    .input("z", DataType.FLOAT, "batch", "6", String.valueOf(UNITS))
                    .node("Identity", "x", "x0")
                    .node("Identity", "z", "z0");
        }
        graph.domain("com.microsoft", 1).domain("ai.onnx.ml", 3);
        for (UnaryOperator<HandGraph> step : steps) {
            HandGraph same = step.apply(graph);
            assertThat(same).isSameAs(graph);
        }
        return graph;
    }

    static float[] dyadic(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (random.nextInt(33) - 16) / 8f;
        }
        return values;
    }

    /** Puts an operator behind, if it can be. */
    boolean add(String name, OrtEnvironment environment) {
        int before = steps.size();
        String was = current;
        long[] wasShape = shape;
        boolean wasExact = exact;
        boolean wasFinite = finite;
        String wasType = type;
        try {
            Objects.requireNonNull(MAKERS.get(name), name).accept(this);
            if (steps.size() == before || current.equals(was)) {
                return false;
            }
            look(environment);
            operators.add(name);
            return true;
        } catch (OrtException | IllegalArgumentException | ArithmeticException | IndexOutOfBoundsException e) {
            while (steps.size() > before) {
                steps.remove(steps.size() - 1);
            }
            current = was;
            shape = wasShape;
            exact = wasExact;
            finite = wasFinite;
            type = wasType;
            return false;
        }
    }

    private void look(OrtEnvironment environment) throws OrtException {
        HandGraph graph = graph().output(current);
        String log = System.getProperty("modscan.graphs.log");
        if (log != null) {
            // What ends the process is there to be seen.
            HandGraph.write(Path.of(log), graph.model().build().toByteArray());
        }
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1);
            options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
            try (OrtSession session =
                    environment.createSession(graph.model().build().toByteArray(), options)) {
                Map<String, OnnxTensor> given = new LinkedHashMap<>();
                for (String input : session.getInputNames()) {
                    given.put(
                            input,
                            text
                                    ? OnnxTensor.createTensor(
                                            environment,
                                            input.equals("input_ids")
                                                    ? new long[][] {
                                                        {1, 2, 3, 4, 5, 6, 8},
                                                        {9, 10, 7, 7, 7, 7, 7},
                                                        {3, 11, 12, 13, 7, 7, 7}
                                                    }
                                                    : new long[][] {
                                                        {1, 1, 1, 1, 1, 1, 1},
                                                        {1, 1, 0, 0, 0, 0, 0},
                                                        {1, 1, 1, 1, 0, 0, 0}
                                                    })
                                    : input.equals("x")
                                            ? OnnxTensor.createTensor(environment, new float[ROWS][UNITS])
                                            : OnnxTensor.createTensor(environment, new float[ROWS][6][UNITS]));
                }
                try (OrtSession.Result result = session.run(given)) {
                    OnnxValue value = result.get(0);
                    if (!(value.getInfo() instanceof TensorInfo info)) {
                        throw new IllegalArgumentException("no tensor");
                    }
                    shape = info.getShape();
                    type = info.type.name();
                    if (Arrays.stream(shape).reduce(1, (a, b) -> a * b) > 5000
                            || Arrays.stream(shape).reduce(1, (a, b) -> a * b) == 0) {
                        throw new IllegalArgumentException("too large");
                    }
                } finally {
                    given.values().forEach(OnnxTensor::close);
                }
            }
        }
        if (!type.equals("FLOAT")) {
            String whole = current;
            op("Cast", whole, attribute("to", 1L));
            type = "FLOAT";
        }
    }

    // What makers use.

    int rank() {
        return shape.length;
    }

    long axis() {
        if (rank() == 0) {
            throw new IllegalArgumentException("no axis");
        }
        int axis = random.nextInt(rank());
        return random.nextInt(4) == 0 ? axis - rank() : axis;
    }

    int positive(long axis) {
        return (int) (axis < 0 ? axis + rank() : axis);
    }

    long size(long axis) {
        return shape[positive(axis)];
    }

    String current() {
        return current;
    }

    private String fresh() {
        return "t" + names++;
    }

    /** A node of the current tensor, or of inputs in which {@code $} stands for it. */
    void op(String operator, String inputs, AttributeProto... attributes) {
        String output = fresh();
        String reads = inputs.isEmpty() ? current : inputs.replace("$", current);
        steps.add(graph -> graph.node(operator, reads, output, attributes));
        current = output;
    }

    /** As {@link #op} with several outputs, of which one is gone on with. */
    void ops(String operator, String inputs, int outputs, int chosen, AttributeProto... attributes) {
        List<String> names =
                IntStream.range(0, outputs).mapToObj(any -> fresh()).toList();
        String reads = inputs.replace("$", current);
        steps.add(graph -> graph.node(operator, reads, String.join(" ", names), attributes));
        current = names.get(chosen);
    }

    /** A node beside the chain. */
    String aside(String operator, String inputs, AttributeProto... attributes) {
        String output = fresh();
        String reads = inputs.replace("$", current);
        steps.add(graph -> graph.node(operator, reads, output, attributes));
        return output;
    }

    String floats(long... dims) {
        String name = fresh();
        float[] values = dyadic(random, (int) Arrays.stream(dims).reduce(1, (a, b) -> a * b));
        steps.add(graph -> graph.floats(name, values, dims));
        return name;
    }

    String positives(long... dims) {
        String name = fresh();
        float[] values = dyadic(random, (int) Arrays.stream(dims).reduce(1, (a, b) -> a * b));
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.abs(values[i]) + 0.25f;
        }
        steps.add(graph -> graph.floats(name, values, dims));
        return name;
    }

    String number(float value, long... dims) {
        String name = fresh();
        float[] values = new float[(int) Arrays.stream(dims).reduce(1, (a, b) -> a * b)];
        Arrays.fill(values, value);
        steps.add(graph -> graph.floats(name, values, dims));
        return name;
    }

    String list(long... values) {
        String name = fresh();
        steps.add(graph -> graph.list(name, values));
        return name;
    }

    String scalar(long value) {
        String name = fresh();
        steps.add(graph -> graph.longs(name, new long[] {value}));
        return name;
    }

    String bytes(DataType type, int value) {
        String name = fresh();
        steps.add(graph -> graph.bytes(name, type, new byte[] {(byte) value}));
        return name;
    }

    String byteTensor(DataType type, long... dims) {
        String name = fresh();
        byte[] values = new byte[(int) Arrays.stream(dims).reduce(1, (a, b) -> a * b)];
        random.nextBytes(values);
        steps.add(graph -> graph.bytes(name, type, values, dims));
        return name;
    }

    /** Behind this, results may differ in the last bit. */
    void inexact() {
        exact = false;
    }

    /** Behind this, there may be what is no number, or too large for one. */
    void notFinite() {
        finite = false;
    }

    boolean isFinite() {
        return finite;
    }

    /** Steps are only for what is the same to the last bit. */
    void needsExact() {
        if (!exact) {
            throw new IllegalArgumentException("not exact");
        }
    }

    /** Turns axes about, so that any may be where an operator wants the batch. */
    void turned() {
        if (rank() < 2 || random.nextInt(2) == 0) {
            return;
        }
        List<Long> order = new ArrayList<>(
                IntStream.range(0, rank()).mapToObj(Long::valueOf).toList());
        Collections.shuffle(order, random);
        op(
                "Transpose",
                "",
                attribute("perm", order.stream().mapToLong(Long::longValue).toArray()));
        long[] was = shape;
        shape = order.stream().mapToLong(axis -> was[axis.intValue()]).toArray();
    }

    /** Makes it of a number of axes, by axes of one. */
    void ofRank(int wanted) {
        while (rank() < wanted) {
            int at = random.nextInt(rank() + 1);
            List<Long> longer = new ArrayList<>(Arrays.stream(shape).boxed().toList());
            longer.add(at, 1L);
            unsqueeze(at);
            shape = longer.stream().mapToLong(Long::longValue).toArray();
        }
        if (rank() > wanted) {
            throw new IllegalArgumentException("too many axes");
        }
    }

    void unsqueeze(long axis) {
        if (opset < 13) {
            op("Unsqueeze", "", attribute("axes", new long[] {axis}));
        } else {
            op("Unsqueeze", "$ " + list(axis));
        }
    }

    static AttributeProto string(String name, String value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.STRING)
                .setS(ByteString.copyFromUtf8(value))
                .build();
    }

    boolean coin() {
        return random.nextBoolean();
    }

    long[] shape() {
        return shape.clone();
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("opset " + opset + " " + operators);
        graph().model()
                .getGraph()
                .getNodeList()
                .forEach(node -> text.append("\n  ")
                        .append(node.getOpType())
                        .append(node.getInputList())
                        .append(" -> ")
                        .append(node.getOutputList())
                        .append(node.getAttributeList().stream()
                                .map(attribute -> TextFormat.printer()
                                        .emittingSingleLine(true)
                                        .printToString(attribute))
                                .toList()));
        return text.toString();
    }

    static {
        GraphMakers.fill(MAKERS);
    }
}
