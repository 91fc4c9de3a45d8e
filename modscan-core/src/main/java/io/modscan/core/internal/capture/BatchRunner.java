package io.modscan.core.internal.capture;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.capture.Batching.Batch;
import io.modscan.core.internal.recording.Chunk;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.LongBinaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Runs batches, one after the other, into buffers that it uses again and again. For one thread at a time.
 */
public final class BatchRunner {

    private static final float[] NOTHING = new float[1 << 12];

    static {
        Arrays.fill(NOTHING, Float.NaN);
    }

    private final ActivationSource source;
    private final List<Reading> readings;
    private final ByteBuffer[] outputs;
    private final int[] filled;
    private ByteBuffer tokens = ByteBuffer.allocateDirect(0);

    /** Takes the values of one prompt. */
    @FunctionalInterface
    interface Rows {
        /**
         * Takes a row.
         *
         * @param reading the index of the reading
         * @param prompt  the index of the prompt
         * @param values  its values without padding, in native byte order, until the buffers are used again
         */
        void take(int reading, int prompt, ByteBuffer values);
    }

    BatchRunner(ActivationSource source) {
        this.source = source;
        this.readings = source.plan().readings();
        this.outputs = new ByteBuffer[readings.size()];
        Arrays.fill(outputs, ByteBuffer.allocateDirect(0));
        this.filled = new int[readings.size()];
    }

    /** What the outputs of the largest of some batches take. */
    static long bytesForEach(List<Reading> readings, List<Batch> batches) {
        return readings.stream()
                .mapToLong(reading -> bytes(reading, batches, Math::max))
                .sum();
    }

    /** What the outputs of some batches take side by side. */
    static long bytesForAll(List<Reading> readings, List<Batch> batches) {
        return readings.stream()
                .mapToLong(reading -> bytes(reading, batches, Math::addExact))
                .sum();
    }

    private static long bytes(Reading reading, List<Batch> batches, LongBinaryOperator together) {
        return batches.stream()
                .mapToLong(batch -> batch.rows() * reading.values(batch.columns()) * Float.BYTES)
                .reduce(0, together);
    }

    /** Begins anew, with room for the outputs of the largest of some batches. */
    void reserveForEach(List<Batch> batches) {
        reserve(batches, Math::max);
    }

    /** Begins anew, with room for the outputs of some batches side by side. */
    void reserveForAll(List<Batch> batches) {
        reserve(batches, Math::addExact);
    }

    private void reserve(List<Batch> batches, LongBinaryOperator together) {
        rewind();
        for (int i = 0; i < readings.size(); i++) {
            Reading reading = readings.get(i);
            outputs[i] = atLeast(outputs[i], bytes(reading, batches, together), reading.site());
        }
    }

    /** A buffer if it is large enough, else a new one; of what it is for, an exception tells. */
    static ByteBuffer atLeast(@Nullable ByteBuffer buffer, long bytes, Object what) {
        if (buffer != null && bytes <= buffer.capacity()) {
            return buffer;
        }
        try {
            return ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.nativeOrder());
        } catch (OutOfMemoryError | ArithmeticException e) {
            throw new ModscanException(
                    "a buffer of " + (bytes >> 20) + " MiB is needed for " + what + ", and Java has no room for it"
                            + " beside its heap: pool the site, capture shorter prompts, set a lower memoryLimit, or give"
                            + " Java more (-XX:MaxDirectMemorySize, which is as much as -Xmx unless set)",
                    e);
        }
    }

    /** Lets the next batch overwrite what earlier ones have left. */
    void rewind() {
        Arrays.fill(filled, 0);
    }

    /** Runs a batch and hands its rows on, reading by reading. */
    void run(Batch batch, Chunk chunk, Rows rows) {
        List<int[]> tokenIds = chunk.tokenIds();
        List<FloatBuffer> views = new ArrayList<>();
        List<ByteBuffer> slices = new ArrayList<>();
        for (int i = 0; i < readings.size(); i++) {
            int bytes = Math.toIntExact(batch.rows() * readings.get(i).values(batch.columns()) * Float.BYTES);
            ByteBuffer slice = outputs[i].slice(filled[i], bytes).order(ByteOrder.nativeOrder());
            filled[i] += bytes;
            slices.add(slice);
            views.add(slice.asFloatBuffer());
        }
        if (!source.writesAll()) {
            views.forEach(BatchRunner::fillWithNaN);
        }
        source.run(tokens(batch, chunk), views);
        for (int i = 0; i < readings.size(); i++) {
            Reading reading = readings.get(i);
            int stride = (int) reading.values(batch.columns());
            for (int row = 0; row < batch.rows(); row++) {
                int prompt = batch.prompts()[row];
                int length = tokenIds.get(prompt).length;
                if (length < batch.columns() && reading.site().isPairwise()) {
                    dropPadding(reading.site(), views.get(i).slice(row * stride, stride), batch.columns(), length);
                }
                int bytes = (int) reading.values(length) * Float.BYTES;
                rows.take(
                        i,
                        prompt,
                        slices.get(i).slice(row * stride * Float.BYTES, bytes).order(ByteOrder.nativeOrder()));
            }
        }
    }

    /** So that what a source forgets to write is no value of an earlier batch. */
    static void fillWithNaN(FloatBuffer buffer) {
        for (int from = 0; from < buffer.capacity(); from += NOTHING.length) {
            buffer.put(from, NOTHING, 0, Math.min(NOTHING.length, buffer.capacity() - from));
        }
    }

    /** Moves the values of real queries and keys together, to the front. Elsewhere padding is behind already. */
    private static void dropPadding(Site site, FloatBuffer row, int columns, int length) {
        for (int square = 0; square < Math.max(1, site.heads()); square++) {
            for (int query = 0; query < length; query++) {
                row.put((square * length + query) * length, row, (square * columns + query) * columns, length);
            }
        }
    }

    private TokenBatch tokens(Batch batch, Chunk chunk) {
        long bytes = 2L * batch.rows() * batch.columns() * Long.BYTES;
        tokens = atLeast(tokens, bytes, "the tokens");
        LongBuffer longs =
                tokens.slice(0, (int) bytes).order(ByteOrder.nativeOrder()).asLongBuffer();
        List<int[]> sequences = new ArrayList<>();
        List<Map<String, InputTensor>> tensors = new ArrayList<>();
        for (int prompt : batch.prompts()) {
            sequences.add(chunk.tokenIds().get(prompt));
            chunk.prompts().get(prompt).tensors().ifPresent(tensors::add);
        }
        return TokenBatch.padRight(sequences, longs, tensors);
    }
}
