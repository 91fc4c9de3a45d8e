package io.modscan.metrics.statistics;

import io.modscan.metrics.internal.linear.FisherYates;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;

/**
 * What a statistic is when labels (or other things) are dealt out at random: its distribution where they mean nothing. A
 * metric of one's own gets its p-value so:
 *
 * <pre>{@code
 * List<String> labels = activations.prompts().labels("topic");
 * double[] shuffled = Shuffles.of(labels, 999, new SplittableRandom(7), some -> gap(matrix, some));
 * AgainstShuffles gap = AgainstShuffles.of(gap(matrix, labels), shuffled);
 * }</pre>
 */
public final class Shuffles {

    private Shuffles() {}

    /**
     * A statistic of shuffled things. Each shuffle makes every order as likely. Takes the time of the statistic, and O(n) for
     * n things, a shuffle.
     *
     * @param things    what is shuffled, such as the prompts' labels; not changed
     * @param count     how often, at least 0
     * @param random    where the orders come from; the same seed gives the same ones
     * @param statistic is given each order in turn, in a list that is readable during the call only
     * @param <T>       a thing
     * @return the statistic of each shuffle
     * @throws IllegalArgumentException if the count is negative
     */
    public static <T> double[] of(
            List<T> things, int count, SplittableRandom random, ToDoubleFunction<? super List<T>> statistic) {
        if (count < 0) {
            throw new IllegalArgumentException("things are shuffled 0 times or more, not " + count);
        }
        List<T> shuffled = new ArrayList<>(things);
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            Interrupt.checkThisThread();
            FisherYates.shuffle(shuffled.size(), random, (one, other) -> Collections.swap(shuffled, one, other));
            values[i] = statistic.applyAsDouble(Collections.unmodifiableList(shuffled));
        }
        return values;
    }
}
