package io.modscan.core.model;

import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Reading;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;

/**
 * Computes what one plan asks for. It owns whatever native it needs, such as a session of ONNX Runtime. Safe for use by
 * many threads.
 */
public interface ActivationSource extends AutoCloseable {

    /**
     * The plan that it was opened for.
     *
     * @return the plan
     */
    CapturePlan plan();

    /**
     * What computes: what is needed to say later why the same model gave other bits.
     *
     * @return facts by key, such as {@code runtime.threads}; none unless overridden
     */
    default Map<String, String> provenance() {
        return Map.of();
    }

    /**
     * How many tokens it is best given at once.
     *
     * @return tokens, padding included; 512 unless overridden
     */
    default int usualTokens() {
        return 512;
    }

    /**
     * About how much memory a batch takes while it is run, beside its inputs and outputs, so that batches can be kept
     * within a limit.
     *
     * @param rows    the batch's rows
     * @param columns its columns
     * @return bytes; 0 unless overridden
     */
    default long workingBytes(int rows, int columns) {
        return 0;
    }

    /**
     * Whether a run writes each value that belongs to a token, or throws. For a source that does not promise it, a probe fills
     * the buffers with NaN before each run, which costs a little time, so that a value which was forgotten is NaN and not one of
     * an earlier batch. {@link io.modscan.core.ModelContract} finds what is forgotten.
     *
     * @return whether it does; false unless overridden
     */
    default boolean writesAll() {
        return false;
    }

    /**
     * The links by which it can be run, one behind the other, where it need not be in memory as a whole. To run all of them
     * and to {@link #run} gives the same values.
     *
     * @return the links, at least one; the source as a whole unless overridden
     */
    default List<Link> links() {
        return List.of(Link.whole(this));
    }

    /**
     * Runs a batch. If the calling thread is interrupted meanwhile, or was before, this ends within a second, and the
     * thread's interrupt status stays set.
     *
     * @param batch   the tokens, padded on either side, or the ready tensors; with interventions at sites that the plan lets be changed, which
     *                {@link SiteChange} puts into numbers
     * @param outputs where the values go, each of which has to be written, one buffer for each of the plan's readings, in their order: direct, in native
     *                byte order, with exactly {@code batch.rows() × reading.values(batch.columns(reading))} values from position
     *                0, of the shape [rows, …] with the site's axes behind (those of positions dropped where pooled; where only some are kept, these from 0 on). What
     *                is written at padding is without meaning.
     * @throws java.util.concurrent.CancellationException if the thread is interrupted; what is written is without meaning
     * @throws io.modscan.core.error.ModscanException if the computation fails
     * @throws IllegalStateException                  if the source is closed
     */
    void run(TokenBatch batch, List<FloatBuffer> outputs);

    /**
     * Checks, for those who write a source, that they were given the buffers that {@link #run} asks for.
     *
     * @param plan    the source's plan
     * @param batch   the batch that is to be run
     * @param outputs the buffers
     * @throws IllegalArgumentException if there are fewer or more, or one is not as it has to be
     */
    static void checkOutputs(CapturePlan plan, TokenBatch batch, List<FloatBuffer> outputs) {
        if (outputs.size() != plan.readings().size()) {
            throw new IllegalArgumentException("the plan has " + plan.readings().size()
                    + " readings, so a run needs as many buffers, not " + outputs.size());
        }
        for (int i = 0; i < outputs.size(); i++) {
            Reading reading = plan.readings().get(i);
            FloatBuffer output = outputs.get(i);
            long values = Math.multiplyExact(batch.rows(), reading.values(batch.columns(reading)));
            if (!output.isDirect()
                    || output.isReadOnly()
                    || output.order() != ByteOrder.nativeOrder()
                    || output.remaining() != values) {
                throw new IllegalArgumentException("the buffer for " + reading.site()
                        + " must be direct, writable and in native byte order and hold " + values + " values; it is "
                        + output + " in byte order " + output.order());
            }
        }
    }

    /** Frees what is native, once no run is under way. Closing a second time does nothing. */
    @Override
    void close();
}
