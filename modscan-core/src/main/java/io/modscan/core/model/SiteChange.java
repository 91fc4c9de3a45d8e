package io.modscan.core.model;

import io.modscan.core.intervention.Intervention;
import io.modscan.core.site.Site;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What a batch's interventions do to one site's tensor, for those who write a source: it becomes {@code keep · tensor + fill}, both
 * broadcast over the axes of length 1. Rows without an intervention have 1 and 0.
 *
 * @param keep  factors, direct and in native byte order
 * @param fill  what is added, in the same shape; nothing of attention patterns, to which nothing is added
 * @param shape [rows, positions, width], where positions is 1 if each row is changed in the same way at all of them, and width the site's heads
 *              and units side by side; of attention patterns [rows, heads, queries, keys], where the last two may be 1
 */
public record SiteChange(FloatBuffer keep, FloatBuffer fill, List<Long> shape) {

    /**
     * Works out what is done to a site.
     *
     * @param batch the batch
     * @param site  one of those that may be changed
     * @return factors and values for all rows
     */
    public static SiteChange of(TokenBatch batch, Site site) {
        boolean everywhere = batch.interventions().stream()
                .flatMap(Optional::stream)
                .allMatch(intervention -> intervention.isEverywhere(site));
        int columns = everywhere || !(site.hasPositions() || site.isPairwise()) ? 1 : batch.columns();
        return site.isPairwise() ? pattern(batch, site, columns) : vectors(batch, site, columns);
    }

    private static SiteChange vectors(TokenBatch batch, Site site, int columns) {
        int width = site.width();
        int row = columns * width;
        FloatBuffer keep = floats((long) batch.rows() * row);
        FloatBuffer fill = floats((long) batch.rows() * row);
        float[] kept = new float[row];
        float[] filled = new float[row];
        for (int i = 0; i < batch.rows(); i++) {
            Arrays.fill(kept, 1);
            Arrays.fill(filled, 0);
            int first = columns == 1 ? 0 : batch.first(i);
            Optional<Intervention> intervention = batch.intervention(i);
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

    private static SiteChange pattern(TokenBatch batch, Site site, int columns) {
        int heads = Math.max(1, site.heads());
        int square = columns * columns;
        FloatBuffer keep = floats((long) batch.rows() * heads * square);
        for (int i = 0; i < batch.rows(); i++) {
            int length = columns == 1 ? 1 : batch.length(i);
            float[] kept = new float[heads * length * length];
            Arrays.fill(kept, 1);
            batch.intervention(i).ifPresent(intervention -> intervention.applyTo(site, length, kept));
            put(kept, heads, length, columns == 1 ? 0 : batch.first(i), columns, keep, i * heads * square);
        }
        return new SiteChange(
                keep, floats(0), List.of((long) batch.rows(), (long) heads, (long) columns, (long) columns));
    }

    private static void put(float[] kept, int heads, int length, int first, int columns, FloatBuffer keep, int start) {
        for (int head = 0; head < heads; head++) {
            for (int query = 0; query < columns; query++) {
                for (int key = 0; key < columns; key++) {
                    int q = query - first;
                    int k = key - first;
                    boolean real = q >= 0 && q < length && k >= 0 && k < length;
                    keep.put(
                            start + (head * columns + query) * columns + key,
                            real ? kept[(head * length + q) * length + k] : 1);
                }
            }
        }
    }

    private static FloatBuffer floats(long count) {
        return ByteBuffer.allocateDirect(Math.toIntExact(count * Float.BYTES))
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }
}
