package io.modscan.metrics.modules;

import io.modscan.metrics.internal.linear.FisherYates;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Exchanges a unit's courses between prompts. Prompts are permuted at random; each gets the course of the next one, and where that has no
 * token at a position, that of the next which has. So at each position values are permuted, each permutation being as likely
 * as any other, and along a prompt they are one course as far as lengths allow: what a permutation becomes when some are left out of
 * its cycles.
 *
 * <p>Courses are exchanged between prompts in which the unit varies about as much, up to a quarter of what is usual, up to a sixteenth,
 * or more. So two units that are silent in the same prompts still are.
 */
final class CourseExchange {

    /** Of a unit's mean square over all tokens; what is larger is a class of its own. */
    private static final double[] LIVELINESS = {1.0 / 16, 1.0 / 4};

    /** With fewer prompts in it, a class is one with its neighbour. */
    private static final int FEWEST = 5;

    private final TokenLayout layout;

    CourseExchange(TokenLayout layout) {
        this.layout = layout;
    }

    /**
     * Exchanges.
     *
     * @param values     a unit's
     * @param liveliness its mean square in each prompt, whose mean is 1
     */
    float[] exchange(float[] values, double[] liveliness, SplittableRandom random) {
        int[] next = next(classes(liveliness), random);
        float[] exchanged = new float[values.length];
        int[] nearest = new int[layout.number()];
        boolean[] done = new boolean[next.length];
        int[] cycle = new int[next.length];
        for (int first = 0; first < next.length; first++) {
            int length = 0;
            for (int prompt = first; !done[prompt]; prompt = next[prompt]) {
                done[prompt] = true;
                cycle[length++] = prompt;
            }
            // Backwards, so that the nearest one ahead is known, and twice, since behind the last comes the first.
            for (int i = 2 * length - 1; i >= 0; i--) {
                int prompt = cycle[i % length];
                for (int token = layout.begins()[prompt]; token < layout.begins()[prompt + 1]; token++) {
                    int position = layout.positions()[token];
                    if (i < length) {
                        exchanged[token] = values[nearest[position]];
                    }
                    nearest[position] = token;
                }
            }
        }
        return exchanged;
    }

    /** Of each prompt the one whose course it gets. */
    private static int[] next(int[] classes, SplittableRandom random) {
        int[] next = new int[classes.length];
        for (int which = 0; which <= LIVELINESS.length; which++) {
            int wanted = which;
            int[] prompts = IntStream.range(0, classes.length)
                    .filter(prompt -> classes[prompt] == wanted)
                    .toArray();
            int[] others = prompts.clone();
            FisherYates.shuffle(others.length, random, (i, j) -> {
                int other = others[j];
                others[j] = others[i];
                others[i] = other;
            });
            for (int i = 0; i < prompts.length; i++) {
                next[prompts[i]] = others[i];
            }
        }
        return next;
    }

    private static int[] classes(double[] liveliness) {
        int[] classes = new int[liveliness.length];
        int[] sizes = new int[LIVELINESS.length + 1];
        for (int prompt = 0; prompt < classes.length; prompt++) {
            while (classes[prompt] < LIVELINESS.length && liveliness[prompt] >= LIVELINESS[classes[prompt]]) {
                classes[prompt]++;
            }
            sizes[classes[prompt]]++;
        }
        // To the next one above; the uppermost to the one below it.
        for (int which = 0; which < sizes.length; which++) {
            int to = which < LIVELINESS.length ? which + 1 : sizes[which - 1] > 0 ? which - 1 : 0;
            if (sizes[which] > 0 && sizes[which] < FEWEST && to != which) {
                for (int prompt = 0; prompt < classes.length; prompt++) {
                    classes[prompt] = classes[prompt] == which ? to : classes[prompt];
                }
                sizes[to] += sizes[which];
                sizes[which] = 0;
            }
        }
        return classes;
    }
}
