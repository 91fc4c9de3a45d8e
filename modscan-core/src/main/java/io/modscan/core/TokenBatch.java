package io.modscan.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.List;

/**
 * A padded batch of token sequences. Both buffers are direct, in native byte order and hold {@code rows × columns} values
 * from position 0.
 *
 * @param rows          the number of sequences
 * @param columns       the length of the longest
 * @param inputIds      token ids, row by row
 * @param attentionMask 1 at each real token, 0 at padding
 */
public record TokenBatch(int rows, int columns, LongBuffer inputIds, LongBuffer attentionMask) {

    /**
     * Checks the sizes.
     *
     * @param rows          see above
     * @param columns       see above
     * @param inputIds      see above
     * @param attentionMask see above
     * @throws IllegalArgumentException if a buffer does not hold {@code rows × columns} values or is not direct
     */
    public TokenBatch {
        long size = (long) rows * columns;
        for (LongBuffer buffer : List.of(inputIds, attentionMask)) {
            if (buffer.capacity() != size || !buffer.isDirect()) {
                throw new IllegalArgumentException("a batch of " + rows + " × " + columns
                        + " tokens needs direct buffers of " + size + " values, not " + buffer);
            }
        }
    }

    /**
     * A batch of sequences padded on the right.
     *
     * @param sequences the token ids, one array a row; none empty
     * @return the batch
     * @throws IllegalArgumentException if the padded ids are more than one buffer holds
     */
    public static TokenBatch padRight(List<int[]> sequences) {
        int columns = columns(sequences);
        long size = (long) sequences.size() * columns;
        if (size > Integer.MAX_VALUE / (2 * Long.BYTES)) {
            throw new IllegalArgumentException("a batch of " + sequences.size() + " × " + columns
                    + " tokens is more than one buffer holds, " + Integer.MAX_VALUE / (2 * Long.BYTES)
                    + "; take fewer sequences or a smaller token budget");
        }
        return padRight(
                sequences,
                ByteBuffer.allocateDirect((int) size * 2 * Long.BYTES)
                        .order(ByteOrder.nativeOrder())
                        .asLongBuffer());
    }

    /** The same in given memory, with room for ids and mask. */
    static TokenBatch padRight(List<int[]> sequences, LongBuffer memory) {
        int columns = columns(sequences);
        int size = sequences.size() * columns;
        LongBuffer inputIds = memory.slice(0, size);
        LongBuffer attentionMask = memory.slice(size, size);
        for (int row = 0; row < sequences.size(); row++) {
            int[] ids = sequences.get(row);
            for (int column = 0; column < columns; column++) {
                boolean real = column < ids.length;
                inputIds.put(row * columns + column, real ? ids[column] : 0);
                attentionMask.put(row * columns + column, real ? 1 : 0);
            }
        }
        return new TokenBatch(sequences.size(), columns, inputIds, attentionMask);
    }

    private static int columns(List<int[]> sequences) {
        return sequences.stream().mapToInt(ids -> ids.length).max().orElse(0);
    }
}
