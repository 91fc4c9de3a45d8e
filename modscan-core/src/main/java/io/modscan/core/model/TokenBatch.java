package io.modscan.core.model;

import io.modscan.core.intervention.Intervention;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.site.Reading;
import io.modscan.core.token.Positions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A padded batch of token sequences, or of samples of ready tensors. Both buffers are direct, in native byte order and hold
 * {@code rows × columns} values from position 0.
 *
 * @param rows          the number of sequences
 * @param columns       the length of the longest
 * @param inputIds      token ids, row by row; -1 at each position of a sample of ready tensors
 * @param attentionMask 1 at each real token or position, 0 at padding
 * @param tensors       the ready tensors of each row, by the names of the model's inputs; empty for a batch of tokens. All
 *                      rows are of one kind
 * @param interventions what each row is run under; empty if nothing is changed in any
 * @param aims          what each row's gradients and attributions are about; empty if nothing is said of any
 * @param chosen        for each row the indices of its tokens, from its first on, that the plan's {@linkplain
 *                      io.modscan.core.site.CapturePlan#chosen() choices} come to; empty if the plan makes none
 */
public record TokenBatch(
        int rows,
        int columns,
        LongBuffer inputIds,
        LongBuffer attentionMask,
        List<Map<String, InputTensor>> tensors,
        List<Optional<Intervention>> interventions,
        List<Aim> aims,
        List<Map<Positions, int[]>> chosen) {

    /**
     * Checks the sizes.
     *
     * @param rows          see above
     * @param columns       see above
     * @param inputIds      see above
     * @param attentionMask see above
     * @param tensors       see above
     * @param interventions see above
     * @param aims          see above
     * @param chosen        see above
     * @throws IllegalArgumentException if a buffer does not hold {@code rows × columns} values or is not direct, or if only
     *                                  some rows have tensors, are told to be under an intervention or not, to have an aim, or
     *                                  which tokens are chosen
     */
    public TokenBatch {
        tensors = List.copyOf(tensors);
        interventions = interventions.stream().allMatch(Optional::isEmpty) ? List.of() : List.copyOf(interventions);
        if (!interventions.isEmpty() && interventions.size() != rows) {
            throw new IllegalArgumentException("a batch of " + rows + " rows has the interventions of "
                    + interventions.size() + "; say for each row what it is run under, or for none");
        }
        aims = aims.stream().allMatch(Aim.NONE::equals) ? List.of() : List.copyOf(aims);
        if (!aims.isEmpty() && aims.size() != rows) {
            throw new IllegalArgumentException("a batch of " + rows + " rows has the aims of " + aims.size()
                    + "; say for each row what its gradients are about, or for none");
        }
        chosen = List.copyOf(chosen);
        if (!chosen.isEmpty() && chosen.size() != rows) {
            throw new IllegalArgumentException("a batch of " + rows + " rows has the chosen positions of "
                    + chosen.size() + "; say for each row which ones, or for none");
        }
        if (!tensors.isEmpty() && tensors.size() != rows) {
            throw new IllegalArgumentException("a batch of " + rows + " rows has the ready tensors of " + tensors.size()
                    + "; give those of each row, or none for a batch of tokens");
        }
        long size = (long) rows * columns;
        for (LongBuffer buffer : List.of(inputIds, attentionMask)) {
            if (buffer.capacity() != size || !buffer.isDirect()) {
                throw new IllegalArgumentException("a batch of " + rows + " × " + columns
                        + " tokens needs direct buffers of " + size + " values, not " + buffer);
            }
        }
    }

    /**
     * A batch of token sequences.
     *
     * @param rows          see above
     * @param columns       see above
     * @param inputIds      see above
     * @param attentionMask see above
     * @throws IllegalArgumentException if a buffer does not hold {@code rows × columns} values or is not direct
     */
    public TokenBatch(int rows, int columns, LongBuffer inputIds, LongBuffer attentionMask) {
        this(rows, columns, inputIds, attentionMask, List.of(), List.of(), List.of(), List.of());
    }

    /**
     * A batch of which nothing is said of gradients.
     *
     * @param rows          see above
     * @param columns       see above
     * @param inputIds      see above
     * @param attentionMask see above
     * @param tensors       see above
     * @param interventions see above
     * @throws IllegalArgumentException as the constructor of all components throws
     */
    public TokenBatch(
            int rows,
            int columns,
            LongBuffer inputIds,
            LongBuffer attentionMask,
            List<Map<String, InputTensor>> tensors,
            List<Optional<Intervention>> interventions) {
        this(rows, columns, inputIds, attentionMask, tensors, interventions, List.of(), List.of());
    }

    /**
     * What a row's gradients and attributions are about.
     *
     * @param row the row's index
     * @return its aim, or {@link Aim#NONE}
     */
    public Aim aim(int row) {
        return aims.isEmpty() ? Aim.NONE : aims.get(row);
    }

    /**
     * Which of a row's tokens are chosen.
     *
     * @param positions a choice of the plan's
     * @param row       the row's index
     * @return indices of tokens, from the row's first on, ascending; not to be changed
     * @throws IllegalArgumentException if the batch was not told
     */
    public int[] chosen(Positions positions, int row) {
        int[] indices = chosen.isEmpty() ? null : chosen.get(row).get(positions);
        if (indices == null) {
            throw new IllegalArgumentException("the batch does not say which tokens '" + positions
                    + "' are; say it for each row, as the plan chooses them");
        }
        return indices;
    }

    /**
     * How many positions a row of an output has.
     *
     * @param reading what the output is of
     * @return the columns; where a reading keeps some positions only, as many as the row has that has most of them, and at least one
     */
    public int columns(Reading reading) {
        if (!reading.isPerToken() || !reading.choosesPositions()) {
            return columns;
        }
        int most = 1;
        for (int row = 0; row < rows; row++) {
            most = Math.max(most, chosen(reading.pooling().positions(), row).length);
        }
        return most;
    }

    /**
     * What a row is run under.
     *
     * @param row the row's index
     * @return its intervention, or empty if nothing is changed in it
     */
    public Optional<Intervention> intervention(int row) {
        return interventions.isEmpty() ? Optional.empty() : interventions.get(row);
    }

    /**
     * The same rows without interventions, and without what gradients are about.
     *
     * @return the batch of the untouched runs
     */
    public TokenBatch untouched() {
        return interventions.isEmpty() && aims.isEmpty()
                ? this
                : new TokenBatch(rows, columns, inputIds, attentionMask, tensors, List.of(), List.of(), chosen);
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
                        .asLongBuffer(),
                List.of(),
                List.of(),
                List.of(),
                List.of());
    }

    /**
     * A batch of sequences padded on the right, in given memory.
     *
     * @param sequences the token ids, one array a row; none empty
     * @param memory    a direct buffer in native byte order with room for ids and mask, 2 × rows × columns values, which the
     *                  batch then keeps
     * @param tensors   the ready tensors of each row; empty for a batch of tokens
     * @param interventions what each row is run under; empty if nothing is changed
     * @param aims    what each row's gradients are about; empty if nothing is said
     * @param chosen  which tokens of each row are chosen; empty if the plan makes no choice
     * @return the batch
     * @throws IndexOutOfBoundsException if there is less room
     * @throws IllegalArgumentException  as the constructor throws
     */
    public static TokenBatch padRight(
            List<int[]> sequences,
            LongBuffer memory,
            List<Map<String, InputTensor>> tensors,
            List<Optional<Intervention>> interventions,
            List<Aim> aims,
            List<Map<Positions, int[]>> chosen) {
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
        return new TokenBatch(sequences.size(), columns, inputIds, attentionMask, tensors, interventions, aims, chosen);
    }

    /**
     * Where a row's tokens begin.
     *
     * @param row the row's index
     * @return the column of its first real token or position; the number of columns if it is all padding
     */
    public int first(int row) {
        int first = 0;
        while (first < columns && attentionMask.get(row * columns + first) == 0) {
            first++;
        }
        return first;
    }

    /**
     * How many tokens a row has, from {@link #first} on.
     *
     * @param row the row's index
     * @return real tokens or positions, one behind the other
     * @throws IllegalArgumentException if there is padding between them
     */
    public int length(int row) {
        int first = first(row);
        int end = first;
        while (end < columns && attentionMask.get(row * columns + end) != 0) {
            end++;
        }
        for (int column = end; column < columns; column++) {
            if (attentionMask.get(row * columns + column) != 0) {
                throw new IllegalArgumentException("row " + row + " of the batch has padding at column " + end
                        + ", between its tokens; padding goes on either side of them");
            }
        }
        return end - first;
    }

    private static int columns(List<int[]> sequences) {
        return sequences.stream().mapToInt(ids -> ids.length).max().orElse(0);
    }
}
