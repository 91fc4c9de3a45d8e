package io.modscan.core;

import io.modscan.core.site.CapturePlan;
import java.nio.FloatBuffer;
import java.util.List;

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
     * Runs a batch.
     *
     * @param batch   the tokens, padded on either side
     * @param outputs where the values go, one buffer for each of the plan's readings, in their order: direct, in native
     *                byte order, with exactly {@code batch.rows() × reading.values(batch.columns())} values from position
     *                0, of the shape [rows, …] with the site's axes behind (those of positions dropped where pooled). What
     *                is written at padding is without meaning.
     * @throws io.modscan.core.error.ModscanException if the computation fails
     * @throws IllegalStateException                  if the source is closed
     */
    void run(TokenBatch batch, List<FloatBuffer> outputs);

    /** Frees what is native, once no run is under way. Closing a second time does nothing. */
    @Override
    void close();
}
