package io.modscan.metrics.tokens;

import io.modscan.core.Metric;
import java.util.Objects;

/**
 * Which units respond to which tokens inside prompts: for each unit and each {@linkplain TokenLabels label}, the tokens with the label
 * are set against the other tokens <em>of the same prompt</em>. So what a prompt as a whole does to a unit, by its topic, its style or its length,
 * is no finding. {@link UnitTokenSelectivity} tells what is computed.
 *
 * <p><strong>One number a prompt.</strong> Tokens of one prompt are not independent: neighbours have much in common. So each prompt gives
 * one number for a unit and a label, by how much the label's tokens are above its other tokens, and the test is over prompts: that of Wilcoxon, whether these
 * numbers lie around zero. That a prompt has many tokens makes its number better, and counts no more than once.
 *
 * <p><strong>Ranks within the prompt.</strong> The number is AUROC − ½ between the label's tokens and the others of that prompt, equal values put in an order
 * that looks random and follows from the prompt's id, the site and the unit. Wilcoxon's test takes the numbers to lie symmetrically around zero if there is nothing to
 * be found. Differences of means don't where a label has few of a prompt's tokens: of a neuron that is mostly zero, most differences
 * are a little below zero, and few far above. Ranks in which ties are broken so do, if a prompt's tokens could as well change places.
 *
 * <p><strong>Position is taken out</strong>, unless the labels {@linkplain TokenLabels#isByPosition() are by position}: a label may stand early in
 * prompts, and a unit fire early. Over all prompts, a token's rank is taken as the sum of what the prompt has (which is the same for all, ranks being centred), what its position has, and
 * what the label has, and the positions' part, found by least squares, is taken from each prompt's number. The first 16 positions count each by itself, those behind in two bins a
 * doubling. Since that part is an estimate, its uncertainty is common to all prompts: Wilcoxon's z is divided by √v, where v is how much it
 * widens the mean number if tokens' noise is alike and independent, at least 1. Where position tells all of a label but a tenth or
 * less (of the variance of "has the label" within the prompts in which the unit says something), there is no telling them apart, and the row is
 * {@linkplain UnitTokenSelectivity#isMeasured() not measured}, which is not the same as nothing found.
 *
 * <p>It is itself the metric: {@code activations.measure(TokenSelectivity.by(TokenLabels.spans()))}. Immutable; safe for use by many threads.
 *
 * <p>Takes any number of sites captured with {@link io.modscan.core.site.Pooling#none()}, or at some positions only, where tokens that were not captured
 * are in no group. BOS is left out of prompts of which it is known whether they begin with it ({@link io.modscan.core.Activations#knowsBos}). Keeps, for each prompt and unit, 4 bytes for each label
 * that stands on some but not all of the prompt's tokens and 1 byte, for each unit 16 bytes a bin of positions (16 bins, and 2 more for each doubling of the longest
 * prompt) and 24 bytes a label; no token's value is kept. Takes O(T log T) a unit for T tokens of a prompt, and in the end, for a
 * unit that is not silent in n prompts with b bins and k labels, O(n b² + k n (b + log n)), on all processors. The order of prompts and pieces
 * changes the mean difference and d<sub>z</sub> by rounding, and nothing else.
 *
 * <p>Adding activations throws a {@link io.modscan.core.error.ModscanException} if a site has no vector for each token, if the tokens of a
 * prompt are not known, if a labelling gives positions that the prompt doesn't have, if sites are others than in the pieces before, or if what is kept
 * would take more than three quarters of Java's heap; finishing does if nothing was added, no token has a label, two prompts have the same id, or units × labels exceed 2³¹ − 1.
 */
public final class TokenSelectivity implements Metric<TokenSelectivityMap> {

    private final TokenLabels labels;
    private final boolean controlled;

    private TokenSelectivity(TokenLabels labels, boolean controlled) {
        this.labels = Objects.requireNonNull(labels, "labels");
        this.controlled = controlled;
    }

    /**
     * The selectivity of every unit of every measured site for every label of tokens.
     *
     * @param labels what tokens are
     * @return a metric
     */
    public static TokenSelectivity by(TokenLabels labels) {
        return new TokenSelectivity(labels, !labels.isByPosition());
    }

    /**
     * The same with the influence of positions left in: a unit that fires early then responds to each label that stands early.
     *
     * @return a metric
     */
    public TokenSelectivity withPositionLeftIn() {
        return new TokenSelectivity(labels, false);
    }

    @Override
    public Accumulator<TokenSelectivityMap> start() {
        return Metric.of(
                        () -> new TokenContrasts(labels, controlled),
                        TokenContrasts::add,
                        TokenContrasts::merge,
                        TokenContrasts::finish)
                .start();
    }
}
