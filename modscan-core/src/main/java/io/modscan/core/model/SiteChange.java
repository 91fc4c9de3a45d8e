package io.modscan.core.model;

import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.site.Site;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * What a batch's interventions do to one site's tensor, or would do, for those who write a source: it becomes {@code keep · tensor + fill}, both
 * broadcast over the axes of length 1. Rows without an intervention have 1 and 0.
 *
 * @param keep  factors, direct and in native byte order
 * @param fill  what is added, in the same shape; nothing of attention patterns, to which nothing is added
 * @param shape [rows, positions, width], where positions is 1 if each row is changed in the same way at all of them, and width the site's heads
 *              and units side by side; of attention patterns [rows, heads, queries, keys], where the last two may be 1
 */
public record SiteChange(FloatBuffer keep, FloatBuffer fill, List<Long> shape) {

    private static final float[] ONES = new float[1 << 12];

    static {
        Arrays.fill(ONES, 1);
    }

    /**
     * Works out what is done to a site.
     *
     * @param batch the batch
     * @param site  one of those that may be changed
     * @return factors and values for all rows
     * @throws ModscanException if they take more than one buffer holds
     */
    public static SiteChange of(TokenBatch batch, Site site) {
        return of(batch, site, batch::intervention, 1);
    }

    /**
     * Works out what attributions put in a site's place: zero in rows of which nothing is said.
     *
     * @param batch the batch
     * @param site  one whose attributions are read
     * @return factors and values for all rows
     * @throws ModscanException if they take more than one buffer holds
     */
    public static SiteChange toward(TokenBatch batch, Site site) {
        return of(batch, site, row -> batch.aim(row).toward(), 0);
    }

    private static SiteChange of(
            TokenBatch batch, Site site, IntFunction<Optional<Intervention>> interventions, float otherwise) {
        boolean everywhere = IntStream.range(0, batch.rows())
                .mapToObj(interventions)
                .flatMap(Optional::stream)
                .allMatch(intervention -> intervention.isEverywhere(site));
        int columns = everywhere || !(site.hasPositions() || site.isPairwise()) ? 1 : batch.columns();
        Rows rows = new Rows(batch, interventions, otherwise);
        return site.isPairwise() ? pattern(rows, site, columns) : vectors(rows, site, columns);
    }

    /** A batch with what is done in each row, and the factor where nothing is said. */
    private record Rows(TokenBatch batch, IntFunction<Optional<Intervention>> interventions, float otherwise) {}

    private static SiteChange vectors(Rows rows, Site site, int columns) {
        TokenBatch batch = rows.batch();
        int width = site.width();
        int row = Math.multiplyExact(columns, width);
        FloatBuffer keep = floats(batch, site, (long) batch.rows() * row);
        FloatBuffer fill = floats(batch, site, (long) batch.rows() * row);
        float[] kept = new float[row];
        float[] filled = new float[row];
        for (int i = 0; i < batch.rows(); i++) {
            Optional<Intervention> intervention = rows.interventions().apply(i);
            Arrays.fill(kept, intervention.isPresent() ? 1 : rows.otherwise());
            Arrays.fill(filled, 0);
            int first = columns == 1 ? 0 : batch.first(i);
            if (intervention.isPresent()) {
                intervention.get().applyTo(site, batch.length(i), columns == 1, kept, filled);
            }
            // A row's values begin at its first token; what is before that, and behind its last, is padding.
            keep.put(i * row, fillOnes(kept, first * width), 0, row);
            fill.put(i * row, moved(filled, first * width), 0, row);
        }
        return new SiteChange(keep, fill, List.of((long) batch.rows(), (long) columns, (long) width));
    }

    private static float[] fillOnes(float[] values, int by) {
        float[] moved = moved(values, by);
        Arrays.fill(moved, 0, by, 1);
        return moved;
    }

    private static float[] moved(float[] values, int by) {
        if (by == 0) {
            return values;
        }
        float[] moved = new float[values.length];
        System.arraycopy(values, 0, moved, by, values.length - by);
        return moved;
    }

    private static SiteChange pattern(Rows rows, Site site, int columns) {
        TokenBatch batch = rows.batch();
        int heads = Math.max(1, site.heads());
        int row = Math.multiplyExact(heads, Math.multiplyExact(columns, columns));
        FloatBuffer keep = floats(batch, site, (long) batch.rows() * row);
        for (int i = 0; i < batch.rows(); i++) {
            Optional<Intervention> intervention = rows.interventions().apply(i);
            if (intervention.isPresent() || rows.otherwise() == 1) {
                ones(keep, i * row, row);
            }
            if (intervention.isPresent()) {
                int length = columns == 1 ? 1 : batch.length(i);
                float[] kept = new float[heads * length * length];
                Arrays.fill(kept, 1);
                intervention.get().applyTo(site, length, kept);
                put(kept, heads, length, columns == 1 ? 0 : batch.first(i), columns, keep.slice(i * row, row));
            }
        }
        return new SiteChange(
                keep, floats(batch, site, 0), List.of((long) batch.rows(), (long) heads, (long) columns, (long)
                        columns));
    }

    private static void ones(FloatBuffer buffer, int from, int count) {
        for (int done = 0; done < count; done += ONES.length) {
            buffer.put(from + done, ONES, 0, Math.min(ONES.length, count - done));
        }
    }

    /** Puts a row's factors where its tokens are. */
    private static void put(float[] kept, int heads, int length, int first, int columns, FloatBuffer row) {
        for (int head = 0; head < heads; head++) {
            for (int query = 0; query < length; query++) {
                row.put(
                        (head * columns + first + query) * columns + first,
                        kept,
                        (head * length + query) * length,
                        length);
            }
        }
    }

    private static FloatBuffer floats(TokenBatch batch, Site site, long count) {
        if (count > Integer.MAX_VALUE / Float.BYTES) {
            throw new ModscanException(
                    "what changes " + site + " in a batch of " + batch.rows() + " × " + batch.columns()
                            + " tokens takes " + count * Float.BYTES
                            + " bytes, more than one buffer holds; take a smaller tokenBudget, or shorter prompts");
        }
        return ByteBuffer.allocateDirect((int) count * Float.BYTES)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }
}
