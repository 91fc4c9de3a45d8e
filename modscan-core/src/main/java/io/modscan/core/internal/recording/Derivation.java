package io.modscan.core.internal.recording;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * How the values of a reading come from those of one that was recorded: as they are, or, where each position was kept, by
 * taking magnitudes or picking units, by pooling, or both in this order.
 *
 * @param asked      the reading asked for
 * @param recorded   the index of the recorded one among its like
 * @param derives    whether the recorded values are vectors whose lengths, or some units, are asked for
 * @param pools      whether the recorded values are still to be pooled
 */
public record Derivation(Reading asked, int recorded, boolean derives, boolean pools) {

    /** The one site whose first value is none. */
    private static final String LOSS = "loss";

    /** Whether a site holds what is NaN at the first position by design. */
    public static boolean isLoss(Site site) {
        return site.name().equals(LOSS);
    }

    /**
     * Looks for a recorded reading that will do.
     *
     * @param name what the recording is called in messages
     * @throws ModscanException if none will
     */
    public static Derivation of(Reading asked, List<Reading> recorded, String name) {
        int same = indexOf(asked.site(), recorded);
        if (same >= 0 && recorded.get(same).pooling().equals(asked.pooling())) {
            return new Derivation(asked, same, false, false);
        }
        boolean pools = asked.pooling().isPooled();
        if (same >= 0 && pools && !recorded.get(same).pooling().isPooled()) {
            return new Derivation(asked, same, false, true);
        }
        int vectors =
                asked.site().derivedFrom().map(site -> indexOf(site, recorded)).orElse(-1);
        if (vectors >= 0 && !recorded.get(vectors).pooling().isPooled()) {
            return new Derivation(asked, vectors, true, pools);
        }
        throw new ModscanException(
                name + ": cannot give " + asked.site() + " with the pooling '" + asked.pooling() + "': "
                        + whatThereIs(same, vectors, asked.site(), recorded)
                        + ". What was recorded with the pooling 'none' can be pooled in any way, and its magnitudes"
                        + " taken; else record the model again");
    }

    private static String whatThereIs(int same, int vectors, Site site, List<Reading> recorded) {
        if (same >= 0) {
            return "it was recorded with '" + recorded.get(same).pooling() + "'";
        }
        if (vectors >= 0) {
            Reading of = recorded.get(vectors);
            return "it was not recorded, and " + of.site() + " was with '" + of.pooling() + "'";
        }
        Optional<Reading> named = recorded.stream()
                .filter(reading -> reading.site().name().equals(site.name()))
                .findFirst();
        return named.map(reading ->
                        "it was recorded with the axes " + reading.site().axes() + ", not " + site.axes())
                .orElseGet(() -> "it was not recorded; recorded were "
                        + recorded.stream()
                                .map(reading -> reading.site() + " (" + reading.pooling() + ")")
                                .collect(Collectors.joining(", ")));
    }

    private static int indexOf(Site site, List<Reading> recorded) {
        for (int i = 0; i < recorded.size(); i++) {
            if (recorded.get(i).site().equals(site)) {
                return i;
            }
        }
        return -1;
    }

    /**
     * Writes what is asked for of one prompt.
     *
     * @param row     the prompt's values of the recorded reading
     * @param tokens  where the prompt's tokens are in its padded row
     * @param output  the batch's values
     * @param start   where this row's begin
     */
    public void write(FloatBuffer row, Tokens tokens, FloatBuffer output, int start) {
        FloatBuffer values = !derives ? row : asked.site().picked().isPresent() ? picked(row) : magnitudes(row);
        Site site = asked.site();
        int length = tokens.length();
        if (pools) {
            output.put(start, pool(values, tokens));
        } else if (site.isPairwise()) {
            int columns = tokens.columns();
            for (int square = 0; square < Math.max(1, site.heads()); square++) {
                for (int query = 0; query < length; query++) {
                    int padded = (square * columns + tokens.first() + query) * columns + tokens.first();
                    output.put(start + padded, values, (square * length + query) * length, length);
                }
            }
        } else {
            boolean perToken = asked.isPerToken();
            int padded = perToken ? tokens.first() * site.width() : 0;
            output.put(start + padded, values, 0, values.capacity());
        }
    }

    /**
     * A prompt's place in a batch.
     *
     * @param columns the padded length
     * @param first   the column of the first token
     * @param length  the number of tokens, one behind the other
     * @param hasBos  whether the first is BOS
     */
    public record Tokens(int columns, int first, int length, boolean hasBos) {}

    private FloatBuffer picked(FloatBuffer row) {
        Site.Picked picked = asked.site().picked().orElseThrow();
        int width = picked.of().width();
        int count = picked.units().size();
        float[] values = new float[row.capacity() / width * count];
        for (int i = 0; i < values.length; i++) {
            values[i] = row.get(i / count * width + picked.units().get(i % count));
        }
        return FloatBuffer.wrap(values);
    }

    private FloatBuffer magnitudes(FloatBuffer row) {
        int units = asked.site().magnitudeOf().orElseThrow().units();
        float[] lengths = new float[row.capacity() / units];
        for (int i = 0; i < lengths.length; i++) {
            double squares = 0;
            for (int at = i * units; at < (i + 1) * units; at++) {
                double value = row.get(at);
                squares += value * value;
            }
            lengths[i] = (float) Math.sqrt(squares);
        }
        return FloatBuffer.wrap(lengths);
    }

    public float[] pool(FloatBuffer values, Tokens tokens) {
        Pooling pooling = asked.pooling();
        int width = asked.site().width();
        float[] result = new float[width];
        if (tokens.length() == 0) {
            return nothing(result);
        }
        // No source counts the loss of a first token, which follows none.
        boolean lossOfFirst = isLoss(asked.site()) && Float.isNaN(values.get(0));
        int from = lossOfFirst || (pooling.isWithoutBos() && tokens.hasBos()) ? 1 : 0;
        if (from == tokens.length()) {
            return nothing(result);
        }
        switch (pooling.kind()) {
            case LAST -> values.get((tokens.length() - 1) * width, result);
            case MAX -> max(values, from, result);
            case MEAN -> sum(values, from, result, tokens.length() - from);
            case SUM -> sum(values, from, result, 1);
            case NONE -> throw new IllegalStateException("nothing to pool");
        }
        return result;
    }

    private static float[] nothing(float[] result) {
        Arrays.fill(result, Float.NaN);
        return result;
    }

    private static void max(FloatBuffer values, int from, float[] result) {
        int width = result.length;
        values.get(from * width, result);
        for (int at = (from + 1) * width; at < values.capacity(); at += width) {
            for (int i = 0; i < width; i++) {
                result[i] = Math.max(result[i], values.get(at + i));
            }
        }
    }

    private static void sum(FloatBuffer values, int from, float[] result, int number) {
        int width = result.length;
        double[] sums = new double[width];
        for (int at = from * width; at < values.capacity(); at += width) {
            for (int i = 0; i < width; i++) {
                sums[i] += values.get(at + i);
            }
        }
        for (int i = 0; i < width; i++) {
            result[i] = (float) (sums[i] / number);
        }
    }
}
