package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import io.modscan.core.error.ModscanException;
import io.modscan.onnx.foreign.OnnxInputs.Input;
import io.modscan.onnx.foreign.OnnxShapes.Inferred;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import io.modscan.onnx.internal.runtime.OrtRuntime;
import io.modscan.onnx.runtime.RuntimeOptions;
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

    private final OnnxFile file;
    private final OnnxInputs inputs;
    private final RuntimeOptions options;
    private final Map<String, List<Long>> symbols;

    private TrialRun(OnnxFile file, OnnxInputs inputs, RuntimeOptions options) {
        this.file = file;
        this.inputs = inputs;
        this.options = options;
        this.symbols = OnnxShapes.symbols(inputs);
    }

    /** The shapes, with those that runs tell. */
    static Map<String, Inferred> complete(
            OnnxFile file, OnnxInputs inputs, Map<String, Inferred> shapes, RuntimeOptions options) {
        Set<String> unknown = unknown(file, shapes);
        if (unknown.isEmpty()) {
            return shapes;
        }
        try {
            return new TrialRun(file, inputs, options).completed(shapes, List.copyOf(unknown));
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

    private Map<String, Inferred> completed(Map<String, Inferred> shapes, List<String> unknown) throws OrtException {
        OnnxEdit edit = new OnnxEdit(file);
        unknown.forEach(edit::output);
        ModelProto model = edit.build();
        if (weights(model) > MOST_WEIGHTS) {
            return shapes;
        }
        List<Map<String, TensorInfo>> seen = new ArrayList<>();
        try (OrtSession.SessionOptions settings = new OrtSession.SessionOptions()) {
            settings.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
            settings.setIntraOpNumThreads(1);
            settings.addConfigEntry(OrtRuntime.WEIGHTS_FOLDER, file.root().toString());
            OrtRuntime.register(settings, options);
            try (OrtSession session = OrtEnvironment.getEnvironment().createSession(model.toByteArray(), settings)) {
                for (int binding = 0; binding < OnnxShapes.BINDINGS; binding++) {
                    seen.add(run(session, model, binding));
                }
            }
        }
        Map<String, Inferred> completed = new LinkedHashMap<>(shapes);
        completed.replaceAll((name, tensor) -> unknown.contains(name) ? completed(name, tensor, seen) : tensor);
        return completed;
    }

    private static long weights(ModelProto model) {
        return model.getGraph().getInitializerList().stream()
                .mapToLong(tensor -> tensor.getDimsList().stream().reduce(1L, (a, b) -> a * b))
                .sum();
    }

    private Map<String, TensorInfo> run(OrtSession session, ModelProto model, int binding) throws OrtException {
        Map<String, OnnxTensor> given = new HashMap<>();
        Map<String, TensorInfo> shapes = new HashMap<>();
        try (OrtSession.RunOptions settings = new OrtSession.RunOptions()) {
            settings.setLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
            Set<String> taken = model.getGraph().getInputList().stream()
                    .map(ValueInfoProto::getName)
                    .collect(Collectors.toSet());
            for (Input input : inputs.inputs().values()) {
                if (taken.contains(input.name())) {
                    given.put(input.name(), tensor(input, binding));
                }
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
    private OnnxTensor tensor(Input input, int binding) throws OrtException {
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
        return OnnxFeed.filled(input, shape, binding % 2).open(OrtEnvironment.getEnvironment());
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
