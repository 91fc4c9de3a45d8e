package io.modscan.core.internal.capture;

import io.modscan.core.internal.recording.Chunk;
import io.modscan.core.site.Reading;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The values of a capture on the heap, many rows in each of a few large arrays: a collector moves arrays of a row's size about while more
 * of them come, and leaves large ones where they are.
 */
final class KeptRows {

    /** Floats of an array, with whose head it takes 32 MiB; less on a small heap, where there may be no room for one of that size. */
    private static final int LARGEST = (1 << 23) - 4;

    private static final int LEAST = 1 << 16;
    private static final int SHARE_OF_HEAP = 64;
    private static final int SHARE_OF_ARRAY = 8;

    private final List<Reading> readings;
    private final int largest;
    private final List<FloatBuffer[]> rows = new ArrayList<>();
    private float[] block = {};
    private int used;
    /** Values that are still to come of what was announced. */
    private long expected;

    /** @param prompts how many there are in all */
    KeptRows(List<Reading> readings, int prompts) {
        this(readings, prompts, (int)
                Math.max(LEAST, Math.min(LARGEST, Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP / Float.BYTES)));
    }

    /** @param largest floats of an array, unless one row has more */
    KeptRows(List<Reading> readings, int prompts, int largest) {
        this.readings = readings;
        this.largest = largest;
        readings.forEach(reading -> rows.add(new FloatBuffer[prompts]));
    }

    /** Announces the prompts of which rows are taken next, so that no more memory is taken than these need. */
    void expect(Chunk chunk) {
        expected = 0;
        for (Reading reading : readings) {
            expected += chunk.tokens().stream().mapToLong(reading::values).sum();
        }
    }

    /** Copies a row, which is in native byte order. */
    void take(int reading, int prompt, ByteBuffer values) {
        int length = values.remaining() / Float.BYTES;
        if (length > largest / SHARE_OF_ARRAY) {
            // In the rest of an array that it does not fit into there would be room that nobody uses.
            float[] own = new float[length];
            values.asFloatBuffer().get(own);
            rows.get(reading)[prompt] = FloatBuffer.wrap(own);
            expected -= length;
            return;
        }
        if (block.length - used < length) {
            block = new float[(int) Math.max(length, Math.min(expected, largest))];
            used = 0;
        }
        values.asFloatBuffer().get(block, used, length);
        rows.get(reading)[prompt] = FloatBuffer.wrap(block, used, length).slice();
        used += length;
        expected -= length;
    }

    /** For each reading each prompt's row. */
    List<List<FloatBuffer>> rows() {
        return rows.stream().map(List::of).toList();
    }
}
