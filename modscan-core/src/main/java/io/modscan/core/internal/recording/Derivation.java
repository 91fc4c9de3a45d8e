package io.modscan.core.internal.recording;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.token.Positions;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * How the values of a reading come from those of one that was recorded: as they are, or, where positions were kept, by
 * taking magnitudes or picking units, by choosing positions, by pooling, or several of these in this order.
 *
 * @param asked      the reading asked for
 * @param recorded   the index of the recorded one among its like
 * @param derives    whether the recorded values are vectors whose lengths, or some units, are asked for
 * @param chooses    whether positions are still to be chosen among the recorded ones
 * @param pools      whether the recorded values are still to be pooled
 */
public record Derivation(Reading asked, int recorded, boolean derives, boolean chooses, boolean pools) {

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
        Positions positions = asked.pooling().positions();
        boolean pools = asked.pooling().isPooled();
        if (same >= 0) {
            Pooling there = recorded.get(same).pooling();
            if (there.kind() == asked.pooling().kind() && there.positions().equals(positions)) {
                return new Derivation(asked, same, false, false, false);
            }
            if (isKept(there, positions)) {
                return new Derivation(asked, same, false, there.positions().isAll(), pools);
            }
        }
        int vectors =
                asked.site().derivedFrom().map(site -> indexOf(site, recorded)).orElse(-1);
        if (vectors >= 0 && isKept(recorded.get(vectors).pooling(), positions)) {
            boolean all = recorded.get(vectors).pooling().positions().isAll();
            return new Derivation(asked, vectors, true, all, pools);
        }
        throw new ModscanException(
                name + ": cannot give " + asked.site() + " with the pooling '" + asked.pooling() + "': "
                        + whatThereIs(same, vectors, asked.site(), recorded)
                        + ". What was recorded of all positions, with the pooling 'none', can be pooled in any way, and its magnitudes"
                        + " taken; else record the model again");
    }

    /** Whether values at these positions are among those recorded. */
    private static boolean isKept(Pooling recorded, Positions asked) {
        return !recorded.isPooled()
                && (recorded.positions().isAll() || recorded.positions().equals(asked));
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
     * @param chosen  gives the positions of a choice among the prompt's tokens
     * @param tokens  where the prompt's tokens are in its padded row
     * @param output  the batch's values
     * @param start   where this row's begin
     */
    public void write(
            FloatBuffer row, Function<Positions, int[]> chosen, Tokens tokens, FloatBuffer output, int start) {
        FloatBuffer values = !derives ? row : asked.site().picked().isPresent() ? picked(row) : magnitudes(row);
        Site site = asked.site();
        int length = tokens.length();
        if (pools) {
            output.put(start, pool(values, chosen, tokens.hasBos()));
        } else if (asked.isPerToken() && asked.choosesPositions()) {
            if (chooses) {
                int width = site.width();
                int at = start;
                for (int position : chosen.apply(asked.pooling().positions())) {
                    output.put(at, values, position * width, width);
                    at += width;
                }
            } else {
                output.put(start, values, 0, values.capacity());
            }
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

    /**
     * Pools what was recorded of one prompt.
     *
     * @param values for each recorded position its vector
     * @param chosen gives the positions of a choice among the prompt's tokens
     * @param hasBos whether the first token is BOS
     * @return the vector, NaN where no position counts
     */
    public float[] pool(FloatBuffer values, Function<Positions, int[]> chosen, boolean hasBos) {
        float[] result = new float[asked.site().width()];
        int[] counted = counted(values, chosen, hasBos);
        if (counted.length == 0) {
            Arrays.fill(result, Float.NaN);
            return result;
        }
        switch (asked.pooling().kind()) {
            case LAST -> values.get(counted[counted.length - 1] * result.length, result);
            case MAX -> max(values, counted, result);
            case MEAN -> sum(values, counted, result, counted.length);
            case SUM -> sum(values, counted, result, 1);
            case NONE -> throw new IllegalStateException("nothing to pool");
        }
        return result;
    }

    private int[] counted(FloatBuffer values, Function<Positions, int[]> chosen, boolean hasBos) {
        // No source counts the loss of a first token, which follows none.
        boolean withoutFirst = values.hasRemaining() && isLoss(asked.site()) && Float.isNaN(values.get(0));
        if (chooses && asked.choosesPositions()) {
            int[] positions = chosen.apply(asked.pooling().positions());
            return withoutFirst
                    ? Arrays.stream(positions).filter(position -> position > 0).toArray()
                    : positions;
        }
        if (withoutFirst && asked.choosesPositions()) {
            int[] positions = chosen.apply(asked.pooling().positions());
            withoutFirst = positions.length > 0 && positions[0] == 0;
        }
        boolean withoutBos = chooses && asked.pooling().positions().isWithoutBos() && hasBos;
        return IntStream.range(
                        withoutFirst || withoutBos ? 1 : 0,
                        values.capacity() / asked.site().width())
                .toArray();
    }

    private static void max(FloatBuffer values, int[] counted, float[] result) {
        int width = result.length;
        values.get(counted[0] * width, result);
        for (int position : counted) {
            for (int i = 0; i < width; i++) {
                result[i] = Math.max(result[i], values.get(position * width + i));
            }
        }
    }

    private static void sum(FloatBuffer values, int[] counted, float[] result, int number) {
        int width = result.length;
        double[] sums = new double[width];
        for (int position : counted) {
            for (int i = 0; i < width; i++) {
                sums[i] += values.get(position * width + i);
            }
        }
        for (int i = 0; i < width; i++) {
            result[i] = (float) (sums[i] / number);
        }
    }
}
