package io.modscan.onnx.internal.runtime;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtProvider;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import ai.onnxruntime.providers.OrtCUDAProviderOptions;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Threads;
import io.modscan.onnx.runtime.CpuOperators;
import io.modscan.onnx.runtime.ProductPrecision;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one owner of a session of ONNX Runtime. Inputs are read from, and outputs written to, the caller's buffers. Safe for
 * use by many threads.
 */
public final class OrtRuntime implements AutoCloseable {

    /** Where initializers' files are looked for when the model comes as bytes. */
    public static final String WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path";

    /** Constants of more bytes are computed in each run, and not while a session is opened. */
    public static final String LARGEST_FOLDED = "optimization.constant_folding_max_output_size_in_bytes";

    /**
     * Rearranging a matrix for speed holds it twice meanwhile. That is nothing, unless one matrix is much of the model, as
     * the language-model head of a small one is. Without it, products run some hundredths slower.
     */
    private static final String DISABLE_PREPACKING = "session.disable_prepacking";

    /** Threads that wait for work by spinning stop when no run is under way, and leave the processor to others. */
    static final String STOP_SPINNING = "session.force_spinning_stop";

    private static final String ALLOW_SPINNING = "session.intra_op.allow_spinning";

    private static final Logger LOG = LoggerFactory.getLogger(OrtRuntime.class);

    /** Kernels that can fail with a status, and the number of a node's inputs, are of this version. */
    private static final int LEAST_MINOR = 16;

    private static final Pattern VERSION = Pattern.compile("1\\.(\\d{1,4})\\b");

    private static final AtomicBoolean SLOW_TOLD = new AtomicBoolean();

    private static final int TOKENS_OF_A_CORE = 512;

    private static final int LEAST_TOKENS = 1024;
    private static final int MOST_TOKENS = 8192;

    private final OrtEnvironment environment = SharedEnvironment.get();
    private final OrtSession session;
    private final Map<String, NodeInfo> declared;
    /** Runs share it; closing waits for them, since freeing a session under a run crashes the process. */
    private final ReadWriteLock lock = new ReentrantReadWriteLock();

    /** How long each file of weights has to be: ONNX Runtime maps them, and what is read behind a file's end ends the process. */
    private final Map<Path, Long> ends;

    private boolean closed;

    /**
     * A tensor of a run.
     *
     * @param name   its name in the graph
     * @param values floats, int64, or the bytes of another type; direct, in native order
     * @param type   of the elements
     * @param shape  its axes
     */
    public record Bound(String name, Buffer values, OnnxJavaType type, List<Long> shape) {

        public OnnxTensor open(OrtEnvironment environment) throws OrtException {
            long[] axes = shape.stream().mapToLong(Long::longValue).toArray();
            if (values instanceof FloatBuffer floats) {
                return OnnxTensor.createTensor(environment, floats, axes);
            }
            if (values instanceof LongBuffer longs) {
                return OnnxTensor.createTensor(environment, longs, axes);
            }
            return OnnxTensor.createTensor(environment, (ByteBuffer) values, axes, type);
        }
    }

    /**
     * Opens a session.
     *
     * @param prepack       whether matrices are rearranged for speed
     * @param ends          how long each file of weights has to be at least
     * @param largestFolded the bytes that a constant may have to be computed when this is opened
     * @param operators     that the model is made of, beside ONNX Runtime's own
     */
    public OrtRuntime(
            byte[] model,
            Path weightsFolder,
            boolean prepack,
            RuntimeOptions options,
            Map<Path, Long> ends,
            long largestFolded,
            Optional<CpuOperators> operators) {
        this.ends = Map.copyOf(ends);
        checkEnds();
        try (OrtSession.SessionOptions settings = new OrtSession.SessionOptions()) {
            quiet(settings);
            settings.addConfigEntry(WEIGHTS_FOLDER, weightsFolder.toString());
            if (!prepack) {
                settings.addConfigEntry(DISABLE_PREPACKING, "1");
            }
            settings.addConfigEntry(STOP_SPINNING, "1");
            if (largestFolded < Long.MAX_VALUE) {
                settings.addConfigEntry(LARGEST_FOLDED, Long.toString(largestFolded));
            }
            register(settings, options);
            settings.setIntraOpNumThreads(threads(options));
            if (operators.isPresent()) {
                add(operators.get(), settings, options);
            }
            if (options.cudaDevice().isPresent()) {
                addCuda(settings, options.cudaDevice().getAsInt());
            }
            this.session = environment.createSession(model, settings);
            this.declared = session.getOutputInfo();
        } catch (OrtException e) {
            throw new ModscanException(
                    "ONNX Runtime cannot load the model with weights in " + weightsFolder + ": " + e.getMessage()
                            + onMemory(
                                    e,
                                    "let it be run block by block, in less memory for weights"
                                            + " (RuntimeOptions.withWeightMemory), or give Java less (-Xmx)"),
                    e);
        }
    }

    /**
     * Keeps what ONNX Runtime logs of a session off the terminal, to which it would write by itself, in colours. What went
     * wrong is in the exception.
     */
    public static void quiet(OrtSession.SessionOptions settings) throws OrtException {
        settings.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
    }

    /** Within a run nothing can be done about it. */
    private void checkEnds() {
        ends.forEach((file, end) -> {
            try {
                if (Files.size(file) < end) {
                    throw new ModscanException(file + ": has " + Files.size(file)
                            + " bytes, and weights that were found" + " in it end at " + end
                            + "; it was truncated or replaced since the model was opened");
                }
            } catch (NoSuchFileException e) {
                // ONNX Runtime says so when it opens the file; one that it has mapped stays until it is closed.
            } catch (IOException e) {
                throw new UncheckedIOException(file + ": cannot be read: " + e, e);
            }
        });
    }

    /** Lets a session use the libraries of operators. */
    public static void register(OrtSession.SessionOptions settings, RuntimeOptions options) {
        for (Path library : options.operators()) {
            if (!Files.isRegularFile(library)) {
                throw new ModscanException(
                        library + ": no such file; expected is a shared library of operators for ONNX Runtime");
            }
            try {
                settings.registerCustomOpLibrary(library.toAbsolutePath().toString());
            } catch (OrtException e) {
                throw new ModscanException(
                        library + ": is no library of operators that ONNX Runtime can use: " + e.getMessage(), e);
            }
        }
    }

    /** What graphs that are our own are computed by beside ONNX Runtime's own operators. */
    public static Optional<CpuOperators> operators(RuntimeOptions options) {
        Optional<CpuOperators> installed =
                options.cudaDevice().isPresent() ? Optional.empty() : CpuOperators.installed();
        if (options.precision() == ProductPrecision.BFLOAT16 && installed.isEmpty()) {
            throw new ModscanException(
                    "products in bfloat16 were asked for, and nothing here computes them: ONNX Runtime's"
                            + " CPU provider can't. Put io.modscan:modscan-onednn on the class path (Linux, x86-64), or leave"
                            + " RuntimeOptions.bfloat16 out");
        }
        if (installed.isPresent() && !installed.get().computes(options.precision())) {
            throw new ModscanException("products in bfloat16 were asked for, and this processor can't compute them ("
                    + installed.get().describe() + "); leave RuntimeOptions.bfloat16 out");
        }
        return installed;
    }

    private static void add(CpuOperators operators, OrtSession.SessionOptions settings, RuntimeOptions options)
            throws OrtException {
        String version = SharedEnvironment.get().getVersion();
        Matcher numbers = VERSION.matcher(version);
        if (!numbers.lookingAt() || Integer.parseInt(numbers.group(1)) < LEAST_MINOR) {
            throw new ModscanException("ONNX Runtime " + version + " is too old for operators by "
                    + operators.describe()
                    + ", which need 1." + LEAST_MINOR + " or later; take that, or keep to its own (system property"
                    + " modscan.operators=onnxruntime)");
        }
        if (!operators.isFast(options.precision()) && SLOW_TOLD.compareAndSet(false, true)) {
            LOG.warn(
                    "products in bfloat16 were asked for, and this processor has no units for it ({}): expect values"
                            + " rounded as asked, and no more speed than in float32, rather less",
                    operators.describe());
        }
        try {
            operators.addTo(NativeHandles.api(), NativeHandles.of(settings), options.precision(), threads(options));
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            throw new ModscanException(
                    "ONNX Runtime " + version + " cannot be given operators by " + operators.describe() + ": " + e
                            + "; keep to its own (system property modscan.operators=onnxruntime)",
                    e);
        }
        // Threads that spin for ONNX Runtime's next node would take the processor from those of the operators.
        settings.addConfigEntry(ALLOW_SPINNING, "0");
    }

    private static int threads(RuntimeOptions options) {
        return options.threads().orElseGet(Threads::usual);
    }

    private static void addCuda(OrtSession.SessionOptions settings, int device) {
        if (!OrtEnvironment.getAvailableProviders().contains(OrtProvider.CUDA)) {
            throw new ModscanException("CUDA device " + device + " was asked for, and this ONNX Runtime was built with "
                    + OrtEnvironment.getAvailableProviders()
                    + " only. Put com.microsoft.onnxruntime:onnxruntime_gpu (of the"
                    + " same version) in place of com.microsoft.onnxruntime:onnxruntime among the dependencies, or use"
                    + " RuntimeOptions.cpu()");
        }
        try (OrtCUDAProviderOptions cuda = new OrtCUDAProviderOptions(device)) {
            // On by default, it cuts the operands of matrix products to 10 bits of mantissa.
            cuda.add("use_tf32", "0");
            settings.addCUDA(cuda);
        } catch (OrtException e) {
            throw new ModscanException(
                    "CUDA device " + device
                            + " was asked for, and ONNX Runtime cannot use it. It needs an NVIDIA driver and"
                            + " the versions of CUDA and cuDNN that it was built with; or use RuntimeOptions.cpu(). It says: "
                            + e.getMessage(),
                    e);
        }
    }

    /**
     * Each batch reads all weights once more, which is most of what a short one takes longer for a token: a core's share of 512 makes that
     * little, and batches of more would be padded more. A GPU wants more at once.
     */
    public static int usualTokens(RuntimeOptions options) {
        int ofCores = TOKENS_OF_A_CORE * threads(options);
        return options.cudaDevice().isPresent() ? MOST_TOKENS : Math.min(Math.max(ofCores, LEAST_TOKENS), MOST_TOKENS);
    }

    public static Map<String, String> provenance(RuntimeOptions options) {
        return Map.of(
                "runtime.name",
                "onnxruntime " + SharedEnvironment.get().getVersion(),
                "runtime.device",
                options.cudaDevice().isPresent()
                        ? "cuda:" + options.cudaDevice().getAsInt()
                        : "cpu",
                "runtime.threads",
                Integer.toString(threads(options)));
    }

    /**
     * Computes the outputs, unless the thread is interrupted before or meanwhile.
     *
     * @param what what is run, for a message
     * @throws CancellationException if the thread is interrupted
     * @throws ModscanException      if the computation fails, or a file of weights is shorter than it was
     * @throws IllegalStateException if this is closed
     */
    public void run(String what, List<Bound> inputs, List<Bound> outputs) {
        lock.readLock().lock();
        try {
            if (closed) {
                throw new IllegalStateException("the source is closed");
            }
            if (Thread.currentThread().isInterrupted()) {
                throw cancelled(what);
            }
            checkEnds();
            runOpen(inputs, outputs);
        } catch (OrtException e) {
            if (Thread.currentThread().isInterrupted()) {
                throw cancelled(what);
            }
            throw new ModscanException(
                    "ONNX Runtime failed on " + what + ": " + e.getMessage()
                            + onMemory(
                                    e,
                                    "run fewer tokens at once (tokenBudget) or shorter prompts, give weights less"
                                            + " (RuntimeOptions.withWeightMemory) or Java (-Xmx)"),
                    e);
        } finally {
            lock.readLock().unlock();
        }
    }

    /** What can be done, if what went wrong is that the system gave no more memory. */
    private static String onMemory(OrtException e, String waysOut) {
        String message = String.valueOf(e.getMessage());
        boolean memory = message.contains("bad_alloc")
                || message.contains("llocate memory")
                || message.contains("Cannot allocate")
                || message.contains("out of memory")
                || message.contains("Available memory");
        return memory ? ". There is not enough memory: " + waysOut : "";
    }

    private static CancellationException cancelled(String what) {
        return new CancellationException("interrupted at " + what);
    }

    private void runOpen(List<Bound> inputs, List<Bound> outputs) throws OrtException {
        List<OnnxTensor> opened = new ArrayList<>();
        try (OrtSession.RunOptions settings = new OrtSession.RunOptions()) {
            settings.setLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
            Map<String, OnnxTensor> given = opened(inputs, opened);
            Map<Boolean, List<Bound>> byDeclaration =
                    outputs.stream().collect(Collectors.partitioningBy(this::isAsDeclared));
            Map<String, OnnxTensor> pinned = opened(byDeclaration.getOrDefault(true, List.of()), opened);
            Map<String, Bound> copied = byDeclaration.getOrDefault(false, List.of()).stream()
                    .collect(Collectors.toMap(Bound::name, Function.identity()));
            RunWatch watch = RunWatch.over(settings);
            try (OrtSession.Result result = session.run(given, copied.keySet(), pinned, settings)) {
                for (Bound bound : copied.values()) {
                    copy(result, bound);
                }
            } finally {
                watch.end();
            }
        } finally {
            opened.forEach(OnnxTensor::close);
        }
    }

    /** ONNX Runtime infers some shapes wrongly, and then takes no memory of the right one for them. */
    private boolean isAsDeclared(Bound output) {
        NodeInfo info = declared.get(output.name());
        if (info == null || !(info.getInfo() instanceof TensorInfo tensor)) {
            return true;
        }
        long[] axes = tensor.getShape();
        return axes.length != output.shape().size()
                || IntStream.range(0, axes.length)
                        .allMatch(axis ->
                                axes[axis] < 0 || axes[axis] == output.shape().get(axis));
    }

    private static void copy(OrtSession.Result result, Bound into) throws OrtException {
        OnnxTensor tensor = (OnnxTensor) result.get(into.name()).orElseThrow();
        List<Long> shape = LongStream.of(tensor.getInfo().getShape()).boxed().toList();
        if (!shape.equals(into.shape())) {
            throw new ModscanException("'" + into.name() + "' comes as " + shape + ", where " + into.shape()
                    + " was expected of what ONNX Runtime says beforehand");
        }
        ((FloatBuffer) into.values()).duplicate().put(tensor.getFloatBuffer());
    }

    private Map<String, OnnxTensor> opened(List<Bound> tensors, List<OnnxTensor> opened) throws OrtException {
        Map<String, OnnxTensor> byName = new HashMap<>();
        for (Bound bound : tensors) {
            OnnxTensor tensor = bound.open(environment);
            opened.add(tensor);
            byName.put(bound.name(), tensor);
        }
        return byName;
    }

    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                session.close();
            }
        } catch (OrtException e) {
            throw new ModscanException("ONNX Runtime cannot close the session: " + e.getMessage(), e);
        } finally {
            lock.writeLock().unlock();
        }
    }
}
