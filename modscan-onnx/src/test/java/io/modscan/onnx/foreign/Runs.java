package io.modscan.onnx.foreign;

import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;
import io.modscan.onnx.opt.OptModel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Runs sources on batches with padding of the tests' own choice. */
public final class Runs {

    /** Where a row shorter than its batch is filled up. */
    public enum Padding {
        LEFT,
        RIGHT
    }

    private Runs() {}

    /** Everything that a model can be asked for without pooling: its sites and the magnitudes of those with units. */
    public static CapturePlan everything(OptModel model) {
        List<Reading> readings = new ArrayList<>();
        for (Site site : model.sites()) {
            readings.add(new Reading(site, Pooling.none()));
            if (site.units() > 0) {
                readings.add(new Reading(site.magnitude(), Pooling.none()));
            }
        }
        return new CapturePlan(readings);
    }

    public static CapturePlan plan(OptModel model, Pooling pooling, SiteSelector... selectors) {
        return CapturePlan.of(
                model.sites(),
                Arrays.stream(selectors)
                        .map(selector -> new Selection(selector, pooling))
                        .toList());
    }

    public static CapturePlan plan(OptModel model, Pooling pooling, String... globs) {
        return plan(model, pooling, Arrays.stream(globs).map(Sites::glob).toArray(SiteSelector[]::new));
    }

    /** A batch of the given width; padding has an id that is some other token's, so that nothing may hang on it. */
    public static TokenBatch batch(Padding padding, int columns, int[]... rows) {
        LongBuffer ids = longs(rows.length * columns);
        LongBuffer mask = longs(rows.length * columns);
        for (int row = 0; row < rows.length; row++) {
            int first = first(padding, columns, rows[row].length);
            for (int column = 0; column < columns; column++) {
                boolean real = column >= first && column < first + rows[row].length;
                ids.put(row * columns + column, real ? rows[row][column - first] : 7);
                mask.put(row * columns + column, real ? 1 : 0);
            }
        }
        return new TokenBatch(rows.length, columns, ids, mask);
    }

    /** The same batch, told which tokens a plan chooses. */
    public static TokenBatch choosing(CapturePlan plan, TokenBatch batch, int bos) {
        List<Map<Positions, int[]>> chosen = new ArrayList<>();
        for (int row = 0; row < batch.rows(); row++) {
            int[] ids = new int[batch.length(row)];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = (int) batch.inputIds().get(row * batch.columns() + batch.first(row) + i);
            }
            PromptTokens tokens = PromptTokens.of(ids, List.of());
            chosen.add(plan.chosen().stream()
                    .collect(Collectors.toMap(
                            Function.identity(), positions -> positions.of(tokens, OptionalInt.of(bos), id -> ""))));
        }
        return new TokenBatch(
                batch.rows(),
                batch.columns(),
                batch.inputIds(),
                batch.attentionMask(),
                batch.tensors(),
                batch.interventions(),
                batch.aims(),
                chosen);
    }

    /** The column of a row's first token. */
    public static int first(Padding padding, int columns, int length) {
        return padding == Padding.LEFT ? columns - length : 0;
    }

    public static LongBuffer longs(int count) {
        return ByteBuffer.allocateDirect(count * Long.BYTES)
                .order(ByteOrder.nativeOrder())
                .asLongBuffer();
    }

    public static FloatBuffer floats(long count) {
        return ByteBuffer.allocateDirect(Math.toIntExact(count * Float.BYTES))
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    public static List<FloatBuffer> outputs(CapturePlan plan, TokenBatch batch) {
        List<FloatBuffer> outputs = new ArrayList<>();
        for (Reading reading : plan.readings()) {
            FloatBuffer buffer = floats(batch.rows() * reading.values(batch.columns(reading)));
            // What a run leaves as it was shows as a number that no site has.
            while (buffer.hasRemaining()) {
                buffer.put(1e30f);
            }
            outputs.add(buffer.rewind());
        }
        return outputs;
    }

    /** What a source gives for a batch: all values, by the name of the site. */
    public static Map<String, float[]> run(ActivationSource source, TokenBatch batch) {
        List<FloatBuffer> outputs = outputs(source.plan(), batch);
        source.run(batch, outputs);
        Map<String, float[]> values = new LinkedHashMap<>();
        for (int i = 0; i < outputs.size(); i++) {
            values.put(source.plan().readings().get(i).site().name(), array(outputs.get(i)));
        }
        return values;
    }

    public static Map<String, float[]> run(OptModel model, CapturePlan plan, TokenBatch batch) {
        try (ActivationSource source = model.open(plan)) {
            return run(source, batch);
        }
    }

    public static float[] array(FloatBuffer buffer) {
        float[] values = new float[buffer.capacity()];
        buffer.get(0, values);
        return values;
    }

    public static float[] get(Map<String, float[]> values, String site) {
        return Objects.requireNonNull(values.get(site), site);
    }

    /**
     * One row of a padded batch without its padding.
     *
     * @param values of all rows
     */
    public static float[] unpad(Site site, float[] values, Padding padding, int columns, int row, int length) {
        int first = first(padding, columns, length);
        int width = site.width();
        if (site.hasPositions()) {
            int from = (row * columns + first) * width;
            return Arrays.copyOfRange(values, from, from + length * width);
        }
        float[] squares = new float[width * length * length];
        for (int head = 0; head < width; head++) {
            for (int query = 0; query < length; query++) {
                int from = ((row * width + head) * columns + first + query) * columns + first;
                System.arraycopy(values, from, squares, (head * length + query) * length, length);
            }
        }
        return squares;
    }

    public static Site site(OptModel model, String name) {
        return model.sites().stream()
                .filter(site -> site.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** The shape of a reading's values for one row. */
    public static long[] shape(Site site, int rows, int columns) {
        List<Long> shape = new ArrayList<>(List.of((long) rows));
        for (Axis axis : site.axes()) {
            shape.add(axis.size() > 0 ? axis.size() : (long) columns);
        }
        return shape.stream().mapToLong(Long::longValue).toArray();
    }
}
