package io.modscan.core.internal.capture;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.capture.Batching.Batch;
import io.modscan.core.internal.recording.Chunk;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Aim;
import io.modscan.core.model.Link;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.token.Positions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongBinaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Runs batches, one after the other, through links into buffers that it uses again and again. For one thread at a time.
 */
public final class BatchRunner {

    private static final float[] NOTHING = new float[1 << 12];

    static {
        Arrays.fill(NOTHING, Float.NaN);
    }

    private final ActivationSource source;
    private final List<Link> links;
    private final List<Reading> readings;
    private final ByteBuffer[] outputs;
    private final int[] filled;
    /** Whether the values of all links stay, or only those of one link have room. */
    private boolean keepsAll;

    private ByteBuffer tokens = ByteBuffer.allocateDirect(0);
    private ByteBuffer given = ByteBuffer.allocateDirect(0);
    private ByteBuffer handedOn = ByteBuffer.allocateDirect(0);

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

    /** What was computed of a batch, to be taken before the buffers are used again. */
    @FunctionalInterface
    interface Computed {
        /** Hands the rows on, reading by reading; once, on whatever thread. */
        void hand(Rows rows);
    }

    BatchRunner(ActivationSource source) {
        this.source = source;
        this.links = source.links();
        this.readings = source.plan().readings();
        this.outputs = new ByteBuffer[readings.size()];
        Arrays.fill(outputs, ByteBuffer.allocateDirect(0));
        this.filled = new int[readings.size()];
    }

    /** What the buffers for the largest of some batches take, each of which serves all links. */
    long bytesForEach(List<Batch> batches) {
        long streams = 0;
        long[] slots = new long[readings.size()];
        for (int link = 0; link < links.size(); link++) {
            streams = Math.max(streams, streams(link, batches));
            List<Integer> given = links.get(link).readings();
            for (int i = 0; i < given.size(); i++) {
                slots[i] = Math.max(slots[i], bytes(readings.get(given.get(i)), batches, Math::max));
            }
        }
        return streams + Arrays.stream(slots).sum();
    }

    /** What the outputs of some batches take side by side, all links together. */
    long bytesForAll(List<Batch> batches) {
        long bytes = 0;
        for (int link = 0; link < links.size(); link++) {
            bytes = Math.max(bytes, streams(link, batches));
        }
        for (Reading reading : readings) {
            bytes += bytes(reading, batches, Math::addExact);
        }
        return bytes;
    }

    /** What a link is given of the largest batch, and what it hands on. */
    private long streams(int link, List<Batch> batches) {
        return batches.stream()
                .mapToLong(batch -> handedOn(links, link - 1, batch) + handedOn(links, link, batch))
                .max()
                .orElse(0);
    }

    /** The bytes that a link hands on of a batch; there is none before the first. */
    static long handedOn(List<Link> links, int link, Batch batch) {
        return link < 0
                ? 0
                : (long) Float.BYTES
                        * batch.rows()
                        * batch.columns()
                        * links.get(link).handsOn();
    }

    private static long bytes(Reading reading, List<Batch> batches, LongBinaryOperator together) {
        return batches.stream()
                .mapToLong(batch -> batch.rows() * reading.values(batch.columns(reading)) * Float.BYTES)
                .reduce(0, together);
    }

    /** Begins anew, with room for what a link gives of the largest of some batches. */
    void reserveForEach(int link, List<Batch> batches) {
        keepsAll = false;
        rewind();
        List<Integer> given = links.get(link).readings();
        for (int i = 0; i < given.size(); i++) {
            reserve(i, readings.get(given.get(i)), batches, Math::max);
        }
    }

    /** Begins anew, with room for the outputs of some batches side by side. */
    void reserveForAll(List<Batch> batches) {
        keepsAll = true;
        rewind();
        for (int i = 0; i < readings.size(); i++) {
            reserve(i, readings.get(i), batches, Math::addExact);
        }
    }

    private void reserve(int slot, Reading reading, List<Batch> batches, LongBinaryOperator together) {
        outputs[slot] = atLeast(outputs[slot], bytes(reading, batches, together), reading.site());
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

    /**
     * Runs a batch through a link.
     *
     * @param link    the link's index
     * @param opened  the link
     * @param index   the batch's
     * @param between where it finds what the link before handed on, and puts what this one does
     * @return what the link gives
     */
    Computed run(int link, Link.Opened opened, int index, Batch batch, Chunk chunk, Handover between) {
        List<Integer> gives = links.get(link).readings();
        List<FloatBuffer> views = new ArrayList<>();
        List<ByteBuffer> slices = new ArrayList<>();
        for (int i = 0; i < gives.size(); i++) {
            Reading reading = readings.get(gives.get(i));
            int slot = keepsAll ? gives.get(i) : i;
            int bytes = Math.toIntExact(batch.rows() * reading.values(batch.columns(reading)) * Float.BYTES);
            ByteBuffer slice = outputs[slot].slice(filled[slot], bytes).order(ByteOrder.nativeOrder());
            filled[slot] += bytes;
            slices.add(slice);
            views.add(slice.asFloatBuffer());
        }
        if (!source.writesAll()) {
            views.forEach(BatchRunner::fillWithNaN);
        }
        given = atLeast(given, handedOn(links, link - 1, batch), "the residual stream");
        handedOn = atLeast(handedOn, handedOn(links, link, batch), "the residual stream");
        ByteBuffer in = part(given, handedOn(links, link - 1, batch));
        ByteBuffer out = part(handedOn, handedOn(links, link, batch));
        if (in.hasRemaining()) {
            between.give(link, index, in.duplicate());
        }
        opened.run(tokens(batch, chunk), in.asFloatBuffer(), views, out.asFloatBuffer());
        if (out.hasRemaining()) {
            between.keep(link, index, out);
        }
        return rows -> {
            for (int i = 0; i < gives.size(); i++) {
                hand(gives.get(i), batch, chunk, slices.get(i), rows);
            }
        };
    }

    private static ByteBuffer part(ByteBuffer buffer, long bytes) {
        return buffer.slice(0, (int) bytes).order(ByteOrder.nativeOrder());
    }

    private void hand(int index, Batch batch, Chunk chunk, ByteBuffer values, Rows rows) {
        Reading reading = readings.get(index);
        int stride = (int) reading.values(batch.columns(reading));
        FloatBuffer floats = values.asFloatBuffer();
        for (int row = 0; row < batch.rows(); row++) {
            int prompt = batch.prompts()[row];
            int length = chunk.tokens().get(prompt).size();
            if (length < batch.columns() && reading.site().isPairwise()) {
                dropPadding(reading.site(), floats.slice(row * stride, stride), batch.columns(), length);
            }
            int bytes = (int) reading.values(chunk.tokens().get(prompt)) * Float.BYTES;
            rows.take(
                    index,
                    prompt,
                    values.slice(row * stride * Float.BYTES, bytes).order(ByteOrder.nativeOrder()));
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
        List<Optional<Intervention>> interventions = new ArrayList<>();
        List<Aim> aims = new ArrayList<>();
        List<Map<Positions, int[]>> chosen = new ArrayList<>();
        for (int prompt : batch.prompts()) {
            sequences.add(chunk.tokens().get(prompt).ids());
            chunk.prompts().get(prompt).tensors().ifPresent(tensors::add);
            interventions.add(chunk.prompts().get(prompt).intervention());
            if (!chunk.chosen().isEmpty()) {
                chosen.add(chunk.chosen().get(prompt));
            }
            source.plan()
                    .objective()
                    .ifPresent(of -> aims.add(Aim.of(chunk.prompts().get(prompt), of)));
        }
        return TokenBatch.padRight(sequences, longs, tensors, interventions, aims, chosen);
    }
}
