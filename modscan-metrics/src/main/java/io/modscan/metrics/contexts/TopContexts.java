package io.modscan.metrics.contexts;

import io.modscan.core.Metric;
import java.util.Arrays;
import java.util.Comparator;

/**
 * In which contexts is each unit strongest? For each unit the tokens at which its value is highest, each of another prompt, with the tokens
 * and values around them; and beside them tokens at quantiles of all its values, since maxima alone mislead: what the strongest contexts
 * have in common need not be what the unit answers to as a rule (Bolukbasi et al., "An interpretability illusion for BERT", 2021, <a
 * href="https://doi.org/10.48550/arXiv.2104.07143">doi:10.48550/arXiv.2104.07143</a>).
 *
 * <p>It is itself the metric: {@code activations.measure(TopContexts.of(10))}, or {@code probe.measure(prompts, TopContexts.of(10))} in one
 * pass over any number of prompts. Takes sites that were captured with {@code Pooling.none()}, over all tokens or some. A BOS token at the
 * beginning counts nowhere where it is known: in OPT it would be every second unit's strongest.
 *
 * <p>The strongest are equal to those of a full sort; of equal values those of the prompt whose id comes first, and in a prompt the first
 * token. Quantiles are those of a random sample of 128 tokens, the same for all units, by a hash of prompt and position. Neither hangs on the
 * order of prompts or on how they come in pieces. NaN and infinite values are counted, and are among neither.
 *
 * <p>Takes one look at each value. Keeps, for u units, k contexts of w tokens to either side and a sample of s tokens, at most about u × k ×
 * (140 + 8 × (2 w + 1)) + 4 × u × s bytes, little more than half of it where many units are strong at the same tokens; however many prompts there
 * are. It throws a {@link io.modscan.core.error.ModscanException} before it begins if that is more than three quarters of Java's heap.
 *
 * <p>Adding activations throws a {@link io.modscan.core.error.ModscanException} if a site was pooled or has no axis of positions, or the
 * sites are others than in the pieces before; finishing does without any. Immutable; safe for use by many threads.
 */
public final class TopContexts implements Metric<ContextMap> {

    private final int most;
    private final int width;
    private final int sample;
    private final double[] quantiles;
    private final boolean absolute;

    private TopContexts(int most, int width, int sample, double[] quantiles, boolean absolute) {
        this.most = most;
        this.width = width;
        this.sample = sample;
        this.quantiles = quantiles;
        this.absolute = absolute;
    }

    /**
     * The strongest contexts, with eight tokens to either side.
     *
     * @param most how many of each unit
     * @return a metric
     * @throws IllegalArgumentException if it is less than 1
     */
    public static TopContexts of(int most) {
        check(most >= 1, "a unit has at least 1 strongest context, not " + most);
        return new TopContexts(most, 8, 128, new double[] {0.9, 0.75, 0.5, 0.25, 0.1}, false);
    }

    /**
     * The same with another number of tokens around.
     *
     * @param tokens to either side, 0 or more
     * @return a metric
     * @throws IllegalArgumentException if it is negative
     */
    public TopContexts withWidth(int tokens) {
        check(tokens >= 0, "there are 0 tokens or more to either side, not " + tokens);
        return new TopContexts(most, tokens, sample, quantiles, absolute);
    }

    /**
     * The same with another sample.
     *
     * @param tokens how many there are in it; with 0 there are no quantiles
     * @return a metric
     * @throws IllegalArgumentException if it is negative
     */
    public TopContexts withSample(int tokens) {
        check(tokens >= 0, "a sample has 0 tokens or more, not " + tokens);
        return new TopContexts(most, width, tokens, quantiles, absolute);
    }

    /**
     * The same with other quantiles.
     *
     * @param shares from 0, the weakest token of the sample, to 1, the strongest
     * @return a metric
     * @throws IllegalArgumentException if one is not from 0 to 1
     */
    public TopContexts withQuantiles(double... shares) {
        for (double share : shares) {
            check(share >= 0 && share <= 1, "a quantile is from 0 to 1, not " + share);
        }
        double[] fromHigh = Arrays.stream(shares)
                .boxed()
                .sorted(Comparator.reverseOrder())
                .mapToDouble(Double::doubleValue)
                .toArray();
        return new TopContexts(most, width, sample, fromHigh, absolute);
    }

    /**
     * The same by |value|: for units whose sign means nothing, such as dimensions of the residual stream.
     *
     * @return a metric
     */
    public TopContexts absolute() {
        return new TopContexts(most, width, sample, quantiles, true);
    }

    /**
     * About what this keeps of a unit.
     *
     * @return bytes, where no two units are strong at one token; less where some are
     */
    public long bytesOfUnit() {
        return bytesOfUnit(most, width, sample);
    }

    static long bytesOfUnit(long most, long width, long sample) {
        return most * (140 + 2 * Float.BYTES * (2 * width + 1)) + Float.BYTES * sample;
    }

    private static void check(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }

    @Override
    public Accumulator<ContextMap> start() {
        return Metric.of(
                        () -> new Contexts(most, width, sample, absolute),
                        Contexts::add,
                        Contexts::merge,
                        contexts -> contexts.finish(quantiles))
                .start();
    }
}
