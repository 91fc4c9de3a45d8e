package io.modscan.core.internal.capture;

import java.nio.FloatBuffer;
import java.util.AbstractList;
import java.util.RandomAccess;

/** The rows of a piece, which lie in buffers that are used again, so that they can be read only until taken back. */
public final class LentRows extends AbstractList<FloatBuffer> implements RandomAccess {

    private final FloatBuffer[] rows;
    private volatile boolean takenBack;

    public LentRows(FloatBuffer[] rows) {
        this.rows = rows;
    }

    public void takeBack() {
        takenBack = true;
    }

    @Override
    public FloatBuffer get(int index) {
        if (takenBack) {
            throw new IllegalStateException("a piece of a run can be read only until the call that it was handed to"
                    + " returns; keep what you need of it, or let the probe capture the prompts");
        }
        return rows[index];
    }

    @Override
    public int size() {
        return rows.length;
    }
}
