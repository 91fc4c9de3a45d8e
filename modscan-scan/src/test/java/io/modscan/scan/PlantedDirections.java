package io.modscan.scan;

import static io.modscan.scan.PlantedTopics.TOPICS;

import java.util.Random;

/**
 * Orthogonal directions of a residual stream: that of the mean; one a topic for its cues; one a topic that says that its targets come next; and
 * the rest, which is random.
 */
final class PlantedDirections {

    static final int WIDTH = 64;

    private static final int FIRST_CUE = 1;
    private static final int FIRST_TARGET = FIRST_CUE + TOPICS;
    private static final int REST = FIRST_TARGET + TOPICS;

    private final Random random;
    private final double[][] basis = new double[WIDTH][WIDTH];

    PlantedDirections(Random random) {
        this.random = random;
        for (int i = 0; i < WIDTH; i++) {
            for (int j = 0; j < WIDTH; j++) {
                basis[i][j] = i == 0 ? 1 : random.nextGaussian();
            }
            for (int before = 0; before < i; before++) {
                add(basis[i], basis[before], -dot(basis[i], basis[before]));
            }
            basis[i] = times(basis[i], 1 / Math.sqrt(dot(basis[i], basis[i])));
        }
    }

    private static double dot(double[] one, double[] other) {
        double sum = 0;
        for (int i = 0; i < one.length; i++) {
            sum += one[i] * other[i];
        }
        return sum;
    }

    static void add(double[] to, double[] what, double times) {
        for (int i = 0; i < to.length; i++) {
            to[i] += what[i] * times;
        }
    }

    private static double[] times(double[] vector, double factor) {
        double[] result = new double[vector.length];
        add(result, vector, factor);
        return result;
    }

    double[] mean(double size) {
        return times(basis[0], size);
    }

    double[] cue(int topic, double size) {
        return times(basis[FIRST_CUE + topic], size);
    }

    double[] target(int topic, double size) {
        return times(basis[FIRST_TARGET + topic], size);
    }

    /** A random vector of about this size in the rest. */
    double[] rest(double size) {
        double[] vector = new double[WIDTH];
        for (int i = REST; i < WIDTH; i++) {
            add(vector, basis[i], random.nextGaussian() * size / Math.sqrt(WIDTH - REST));
        }
        return vector;
    }
}
