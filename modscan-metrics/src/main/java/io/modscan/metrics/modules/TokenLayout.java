package io.modscan.metrics.modules;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Which prompt and position each token is of. Tokens of a prompt are one behind the other, prompts from 0.
 *
 * @param begins    where each prompt's tokens begin, and where the last one's end
 * @param positions of each token, numbered from 0 without gaps
 * @param number    how many different positions there are
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
record TokenLayout(int[] begins, int[] positions, int number) {

    /** Means are taken out until what is left of them is so small beside the values. */
    private static final double STILL = 1e-6;

    /** What is left beside it is rounding, and what was not taken out above. */
    private static final double NOTHING = 1e-4;

    private static final int MOST_TURNS = 100;

    int prompts() {
        return begins.length - 1;
    }

    int tokens() {
        return positions.length;
    }

    /** The same tokens of some of the prompts; which positions there are is numbered as before. */
    TokenLayout over(int[] prompts) {
        int[] starts = new int[prompts.length + 1];
        for (int i = 0; i < prompts.length; i++) {
            starts[i + 1] = starts[i] + begins[prompts[i] + 1] - begins[prompts[i]];
        }
        int[] of = new int[starts[prompts.length]];
        for (int i = 0; i < prompts.length; i++) {
            System.arraycopy(positions, begins[prompts[i]], of, starts[i], starts[i + 1] - starts[i]);
        }
        return new TokenLayout(starts, of, number);
    }

    /** A unit's values of some of the prompts. */
    float[] over(int[] prompts, float[] values) {
        List<float[]> parts = new ArrayList<>(prompts.length);
        int size = 0;
        for (int prompt : prompts) {
            parts.add(Arrays.copyOfRange(values, begins[prompt], begins[prompt + 1]));
            size += begins[prompt + 1] - begins[prompt];
        }
        float[] some = new float[size];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, some, at, part.length);
            at += part.length;
        }
        return some;
    }

    /**
     * A unit's values without the mean of each prompt and, if asked for, without that of each position: what least squares leave of a
     * sum of both, where prompts are not equally long. All 0 if that is nothing but rounding; as they are if a value is not finite.
     */
    float[] centred(float[] values, boolean ofPositions) {
        double[] rest = new double[values.length];
        double squares = 0;
        for (int i = 0; i < rest.length; i++) {
            rest[i] = values[i];
            squares += rest[i] * rest[i];
        }
        if (!(squares < Double.POSITIVE_INFINITY)) {
            return values;
        }
        double still = STILL * Math.sqrt(squares / rest.length);
        takeOutPrompts(rest);
        // Each takes out what the other has put back in.
        for (int turn = 0; ofPositions && turn < MOST_TURNS; turn++) {
            double most = takeOutPositions(rest);
            most = Math.max(most, takeOutPrompts(rest));
            if (most <= still) {
                break;
            }
        }
        double left = 0;
        for (double value : rest) {
            left += value * value;
        }
        float[] centred = new float[rest.length];
        if (left > NOTHING * NOTHING * squares) {
            for (int i = 0; i < rest.length; i++) {
                centred[i] = (float) rest[i];
            }
        }
        return centred;
    }

    /** Takes out means, and gives the largest. */
    private double takeOutPrompts(double[] values) {
        double most = 0;
        for (int prompt = 0; prompt < prompts(); prompt++) {
            double sum = 0;
            for (int i = begins[prompt]; i < begins[prompt + 1]; i++) {
                sum += values[i];
            }
            double mean = sum / (begins[prompt + 1] - begins[prompt]);
            for (int i = begins[prompt]; i < begins[prompt + 1]; i++) {
                values[i] -= mean;
            }
            most = Math.max(most, Math.abs(mean));
        }
        return most;
    }

    private double takeOutPositions(double[] values) {
        double[] sums = new double[number];
        int[] counts = new int[number];
        for (int i = 0; i < values.length; i++) {
            sums[positions[i]] += values[i];
            counts[positions[i]]++;
        }
        double most = 0;
        for (int position = 0; position < number; position++) {
            if (counts[position] > 0) {
                sums[position] /= counts[position];
                most = Math.max(most, Math.abs(sums[position]));
            }
        }
        for (int i = 0; i < values.length; i++) {
            values[i] -= sums[positions[i]];
        }
        return most;
    }

    /** The mean square of a unit's values in each prompt. */
    double[] meanSquares(float[] values) {
        double[] squares = new double[prompts()];
        for (int prompt = 0; prompt < squares.length; prompt++) {
            for (int i = begins[prompt]; i < begins[prompt + 1]; i++) {
                squares[prompt] += (double) values[i] * values[i];
            }
            squares[prompt] /= begins[prompt + 1] - begins[prompt];
        }
        return squares;
    }
}
