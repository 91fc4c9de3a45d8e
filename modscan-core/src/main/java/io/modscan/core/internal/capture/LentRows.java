package io.modscan.core.internal.capture;

import java.nio.FloatBuffer;
import java.util.AbstractList;
import java.util.RandomAccess;
import org.jspecify.annotations.Nullable;

/** The rows of a piece, which lie in buffers that are used again, so that they can be read only until taken back. */
public final class LentRows extends AbstractList<FloatBuffer> implements RandomAccess {

    private final int size;

    /** None when taken back, so that who keeps a piece doesn't keep the buffers. */
    private volatile FloatBuffer @Nullable [] rows;

    public LentRows(FloatBuffer[] rows) {
        this.size = rows.length;
        this.rows = rows;
    }

    public void takeBack() {
        rows = null;
    }

    @Override
    public FloatBuffer get(int index) {
        FloatBuffer[] lent = rows;
        if (lent == null) {
            throw new IllegalStateException("a piece of a run can be read only until the call that it was handed to"
                    + " returns; keep what you need of it, or let the probe capture the prompts");
        }
        return lent[index];
    }

    @Override
    public int size() {
        return size;
    }
}
