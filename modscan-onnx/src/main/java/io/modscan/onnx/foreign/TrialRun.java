package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import io.modscan.core.error.ModscanException;
import io.modscan.onnx.foreign.OnnxInputs.Input;
import io.modscan.onnx.internal.graph.Inferred;
import io.modscan.onnx.internal.graph.OnnxGraph;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import io.modscan.onnx.internal.runtime.OrtRuntime;
import io.modscan.onnx.internal.runtime.SharedEnvironment;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds shapes that inference can't tell, behind operators that are not ONNX's own, such as those of {@code ai.onnx.ml}: by
 * runs on small inputs, each time with other numbers in the place of the symbols. Only of small graphs, and within a time;
 * else such shapes stay unknown.
 */
final class TrialRun {

    private static final Logger LOG = LoggerFactory.getLogger(TrialRun.class);

    private static final long MOST_WEIGHTS = 1L << 24;
    private static final long MOST_VALUES = 1L << 22;
    private static final long MOST_SECONDS = 10;

    private final OnnxInputs inputs;
    private final Map<String, List<Long>> symbols;

    private TrialRun(OnnxInputs inputs) {
        this.inputs = inputs;
        this.symbols = OnnxShapes.symbols(inputs);
    }

    /** The shapes, with those that runs tell. */
    static Map<String, Inferred> complete(
            OnnxFile file,
            OnnxInputs inputs,
            Map<String, Inferred> shapes,
            RuntimeOptions options,
            Optional<OnnxTrial> trial) {
        Set<String> unknown = unknown(file, shapes);
        if (unknown.isEmpty()) {
            return shapes;
        }
        OnnxEdit edit = new OnnxEdit(file);
        unknown.forEach(edit::output);
        ModelProto model = edit.build();
        if (weights(model) > MOST_WEIGHTS) {
            return shapes;
        }
        TrialRun run = new TrialRun(inputs);
        byte[] graph = model.toByteArray();
        List<List<Filled>> feeds;
        try {
            OnnxBounds.checkMemory(file, model.getGraph(), shapes);
            feeds = IntStream.range(0, OnnxShapes.BINDINGS)
                    .mapToObj(binding -> run.feed(model, binding))
                    .toList();
        } catch (ModscanException e) {
            LOG.debug("{}: shapes that a run could not tell: {}", file.path(), e.getMessage());
            return shapes;
        }
        trial.ifPresent(apart -> apart.run(file, options, graph, feeds));
        try {
            return run.completed(shapes, unknown, shapes(graph, file.root(), options, feeds));
        } catch (OrtException | ModscanException e) {
            LOG.debug("{}: shapes that a run could not tell: {}", file.path(), e.getMessage());
            return shapes;
        }
    }

    /** Of unknown shape, and behind an operator that inference may not know. */
    private static Set<String> unknown(OnnxFile file, Map<String, Inferred> shapes) {
        Set<String> behind = new HashSet<>();
        for (NodeProto node : file.graph().getNodeList()) {
            boolean own = node.getDomain().isEmpty() || node.getDomain().equals("ai.onnx");
            if (!own || OnnxGraph.reads(node).stream().anyMatch(behind::contains)) {
                node.getOutputList().stream()
                        .filter(output -> isUnknown(shapes.get(output)))
                        .forEach(behind::add);
            }
        }
        return behind;
    }

    private static boolean isUnknown(@Nullable Inferred tensor) {
        return tensor != null
                && (tensor.type().equals("unknown") || OnnxSites.READABLE.contains(tensor.type()))
                && tensor.axes().filter(axes -> !axes.contains("?")).isEmpty();
    }

    private Map<String, Inferred> completed(
            Map<String, Inferred> shapes, Set<String> unknown, List<Map<String, TensorInfo>> seen) {
        Map<String, Inferred> completed = new LinkedHashMap<>(shapes);
        completed.replaceAll((name, tensor) -> unknown.contains(name) ? completed(name, tensor, seen) : tensor);
        return completed;
    }

    /** The shapes of a graph's outputs, for each of the feeds. */
    static List<Map<String, TensorInfo>> shapes(
            byte[] graph, Path root, RuntimeOptions options, List<List<Filled>> feeds) throws OrtException {
        List<Map<String, TensorInfo>> seen = new ArrayList<>();
        try (OrtSession.SessionOptions settings = new OrtSession.SessionOptions()) {
            OrtRuntime.quiet(settings);
            settings.setIntraOpNumThreads(1);
            settings.addConfigEntry(OrtRuntime.WEIGHTS_FOLDER, root.toString());
            OrtRuntime.register(settings, options);
            try (OrtSession session = SharedEnvironment.get().createSession(graph, settings)) {
                for (List<Filled> feed : feeds) {
                    seen.add(run(session, feed));
                }
            }
        }
        return seen;
    }

    private static long weights(ModelProto model) {
        return model.getGraph().getInitializerList().stream()
                .mapToLong(tensor -> tensor.getDimsList().stream().reduce(1L, (a, b) -> a * b))
                .sum();
    }

    private static Map<String, TensorInfo> run(OrtSession session, List<Filled> feed) throws OrtException {
        Map<String, OnnxTensor> given = new HashMap<>();
        Map<String, TensorInfo> shapes = new HashMap<>();
        try (OrtSession.RunOptions settings = new OrtSession.RunOptions()) {
            settings.setLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
            for (Filled input : feed) {
                given.put(input.name(), input.open());
            }
            Runnable end = endedInTime(settings);
            try (OrtSession.Result result = session.run(given, settings)) {
                for (Map.Entry<String, OnnxValue> output : result) {
                    if (output.getValue().getInfo() instanceof TensorInfo info) {
                        shapes.put(output.getKey(), info);
                    }
                }
            } finally {
                end.run();
            }
        } finally {
            given.values().forEach(OnnxTensor::close);
        }
        return shapes;
    }

    /** All 0, or all 1: what hangs on values is not to look as if it hung on shapes. */
    private List<Filled> feed(ModelProto model, int binding) {
        Set<String> taken = model.getGraph().getInputList().stream()
                .map(ValueInfoProto::getName)
                .collect(Collectors.toSet());
        return inputs.inputs().values().stream()
                .filter(input -> taken.contains(input.name()))
                .map(input -> new Filled(input.name(), input.type(), shape(input, binding), binding % 2))
                .toList();
    }

    private List<Long> shape(Input input, int binding) {
        List<Long> shape = new ArrayList<>();
        for (String axis : input.axes()) {
            shape.add(
                    OnnxProtos.isSymbol(axis)
                            ? symbols.getOrDefault(axis, List.of()).get(binding)
                            : Long.parseLong(axis));
        }
        if (shape.stream().reduce(1L, (a, b) -> a * b) > MOST_VALUES) {
            throw new ModscanException("'" + input.name() + "' would take too many values: " + shape);
        }
        return shape;
    }

    /**
     * An input of one number throughout.
     *
     * @param name   its name
     * @param type   ONNX's number of its elements' type
     * @param shape  its shape
     * @param number the number
     */
    record Filled(String name, int type, List<Long> shape, long number) {

        OnnxTensor open() throws OrtException {
            List<String> axes = shape.stream().map(String::valueOf).toList();
            return OnnxFeed.filled(new Input(name, type, axes, axes, Optional.empty()), shape, number)
                    .open(SharedEnvironment.get());
        }

        void write(DataOutputStream out) throws IOException {
            out.writeUTF(name);
            out.writeInt(type);
            out.writeLong(number);
            out.writeInt(shape.size());
            for (long length : shape) {
                out.writeLong(length);
            }
        }

        static Filled read(DataInputStream in) throws IOException {
            String name = in.readUTF();
            int type = in.readInt();
            long number = in.readLong();
            List<Long> shape = new ArrayList<>();
            for (int count = in.readInt(); count > 0; count--) {
                shape.add(in.readLong());
            }
            return new Filled(name, type, shape, number);
        }
    }

    /** Ends a run that takes too long; what is returned waits until nobody will. */
    private static Runnable endedInTime(OrtSession.RunOptions run) {
        CountDownLatch done = new CountDownLatch(1);
        Thread watch = new Thread(
                () -> {
                    try {
                        if (!done.await(MOST_SECONDS, TimeUnit.SECONDS)) {
                            run.setTerminate(true);
                        }
                    } catch (InterruptedException | OrtException e) {
                        LOG.debug("a run is not ended in time", e);
                    }
                },
                "modscan-trial-watch");
        watch.setDaemon(true);
        watch.start();
        return () -> {
            done.countDown();
            boolean interrupted = Thread.interrupted();
            while (watch.isAlive()) {
                try {
                    watch.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        };
    }

    private Inferred completed(String name, Inferred tensor, List<Map<String, TensorInfo>> seen) {
        List<long[]> sizes = seen.stream()
                .map(shapes -> Optional.ofNullable(shapes.get(name))
                        .map(TensorInfo::getShape)
                        .orElse(new long[0]))
                .toList();
        int rank = sizes.get(0).length;
        boolean told = seen.stream().allMatch(shapes -> shapes.containsKey(name))
                && sizes.stream().allMatch(size -> size.length == rank);
        if (!told) {
            return tensor;
        }
        List<String> axes = new ArrayList<>();
        for (int i = 0; i < rank; i++) {
            int axis = i;
            String known = tensor.axes()
                    .filter(all -> all.size() == rank)
                    .map(all -> all.get(axis))
                    .orElse("?");
            axes.add(
                    known.equals("?")
                            ? OnnxShapes.axis(
                                    sizes.stream().map(size -> size[axis]).toList(), symbols)
                            : known);
        }
        TensorInfo info = seen.get(0).get(name);
        return new Inferred(
                tensor.type().equals("unknown") && info != null ? OnnxTypes.name(info.onnxType) : tensor.type(),
                Optional.of(axes));
    }
}
