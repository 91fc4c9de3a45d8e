package io.modscan.onnx;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtProvider;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.providers.OrtCUDAProviderOptions;
import io.modscan.core.ActivationSource;
import io.modscan.core.TokenBatch;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Reading;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** A session of ONNX Runtime for the graph of one plan. Outputs are written straight into the caller's buffers. */
final class OrtSource implements ActivationSource {

    /** Where initializers' files are looked for when the model comes as bytes. */
    private static final String WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path";

    /**
     * Rearranging a matrix for speed holds it twice meanwhile. That is nothing, unless one matrix is much of the model, as
     * the language-model head of a small one is. Without it, products run some hundredths slower.
     */
    private static final String DISABLE_PREPACKING = "session.disable_prepacking";

    /** Threads that wait for work by spinning stop when no run is under way, and leave the processor to others. */
    static final String STOP_SPINNING = "session.force_spinning_stop";

    private final CapturePlan plan;
    private final OptGraph graph;
    private final RuntimeOptions options;
    private final List<String> outputNames;
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;
    /** Runs share it; closing waits for them, since freeing a session under a run crashes the process. */
    private final ReadWriteLock lock = new ReentrantReadWriteLock();

    private boolean closed;

    OrtSource(CapturePlan plan, OptGraph graph, byte[] model, Path weightsFolder, RuntimeOptions options) {
        this.plan = plan;
        this.graph = graph;
        this.options = options;
        this.outputNames = graph.outputNames();
        try (OrtSession.SessionOptions settings = new OrtSession.SessionOptions()) {
            settings.addConfigEntry(WEIGHTS_FOLDER, weightsFolder.toString());
            if (graph.headDominates()) {
                settings.addConfigEntry(DISABLE_PREPACKING, "1");
            }
            settings.addConfigEntry(STOP_SPINNING, "1");
            settings.setIntraOpNumThreads(options.threads().orElseGet(RuntimeOptions::usualThreads));
            if (options.cudaDevice().isPresent()) {
                addCuda(settings, options.cudaDevice().getAsInt());
            }
            this.session = environment.createSession(model, settings);
        } catch (OrtException e) {
            throw new ModscanException(
                    "ONNX Runtime cannot load the model with weights in " + weightsFolder + ": " + e.getMessage(), e);
        }
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

    @Override
    public CapturePlan plan() {
        return plan;
    }

    /** A CPU's products are at their best by then, and batches of more would be padded more; a GPU wants more at once. */
    @Override
    public int usualTokens() {
        return options.cudaDevice().isPresent() ? 8192 : 512;
    }

    @Override
    public long workingBytes(int rows, int columns) {
        return graph.workingBytes(rows, columns);
    }

    @Override
    public Map<String, String> provenance() {
        return Map.of(
                "runtime.name",
                "onnxruntime " + environment.getVersion(),
                "runtime.device",
                options.cudaDevice().isPresent()
                        ? "cuda:" + options.cudaDevice().getAsInt()
                        : "cpu",
                "runtime.threads",
                Integer.toString(options.threads().orElseGet(RuntimeOptions::usualThreads)));
    }

    @Override
    public void run(TokenBatch batch, List<FloatBuffer> outputs) {
        lock.readLock().lock();
        try {
            if (closed) {
                throw new IllegalStateException("the source is closed");
            }
            if (Thread.currentThread().isInterrupted()) {
                throw cancelled(batch);
            }
            runOpen(batch, outputs);
        } catch (OrtException e) {
            if (Thread.currentThread().isInterrupted()) {
                throw cancelled(batch);
            }
            throw new ModscanException(
                    "ONNX Runtime failed on a batch of " + batch.rows() + " × " + batch.columns() + " tokens: "
                            + e.getMessage(),
                    e);
        } finally {
            lock.readLock().unlock();
        }
    }

    private static CancellationException cancelled(TokenBatch batch) {
        return new CancellationException(
                "interrupted at a batch of " + batch.rows() + " × " + batch.columns() + " tokens");
    }

    private void runOpen(TokenBatch batch, List<FloatBuffer> outputs) throws OrtException {
        long[] shape = {batch.rows(), batch.columns()};
        List<OnnxTensor> opened = new ArrayList<>();
        try {
            // ONNX Runtime would write to a copy of a buffer that it can't use, or behind one that is read-only.
            ActivationSource.checkOutputs(plan, batch, outputs);
            Map<String, OnnxTensor> inputs = new HashMap<>();
            inputs.put("input_ids", opened(opened, OnnxTensor.createTensor(environment, batch.inputIds(), shape)));
            inputs.put(
                    "attention_mask",
                    opened(opened, OnnxTensor.createTensor(environment, batch.attentionMask(), shape)));
            Map<String, OnnxTensor> pinned = new HashMap<>();
            for (int i = 0; i < outputNames.size(); i++) {
                Reading reading = plan.readings().get(i);
                pinned.put(
                        outputNames.get(i),
                        opened(opened, OnnxTensor.createTensor(environment, outputs.get(i), shape(reading, batch))));
            }
            try (OrtSession.RunOptions settings = new OrtSession.RunOptions()) {
                RunWatch watch = RunWatch.over(settings);
                try {
                    session.run(inputs, Set.of(), pinned, settings).close();
                } finally {
                    watch.end();
                }
            }
        } finally {
            opened.forEach(OnnxTensor::close);
        }
    }

    private static OnnxTensor opened(List<OnnxTensor> opened, OnnxTensor tensor) {
        opened.add(tensor);
        return tensor;
    }

    private static long[] shape(Reading reading, TokenBatch batch) {
        List<Long> shape = new ArrayList<>();
        shape.add((long) batch.rows());
        for (Axis axis : reading.site().axes()) {
            if (axis.size() > 0) {
                shape.add((long) axis.size());
            } else if (!reading.pooling().isPooled()) {
                shape.add((long) batch.columns());
            }
        }
        return shape.stream().mapToLong(Long::longValue).toArray();
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
