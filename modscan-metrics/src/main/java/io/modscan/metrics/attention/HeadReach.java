package io.modscan.metrics.attention;

import io.modscan.core.Activations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;

/**
 * How far back the work of a head reaches: a view that turns attributions of attention patterns into seven numbers a head and prompt, so
 * that every metric of units measures them, and the attributions need not be kept. {@link HeadBehaviour} tells where a head looks; this
 * one tells where what it looks at matters:
 *
 * <pre>{@code
 * Probe.builder(model).sites(Sites.pattern().attribution()).build()
 *         .measure(prompts, Selectivity.by("topic").through(HeadReach.view()));
 * }</pre>
 *
 * <p>An edge goes from the key at position s to the query at position t, both from 0. Its {@linkplain Site#attribution() attribution} is e[t, s] =
 * −a[t, s] · ∂objective / ∂a[t, s], with a the pattern: to first order, what the {@linkplain io.modscan.core.site.Objective objective}
 * gains if that one weight becomes 0 and the others stay as they are. Where a prompt is {@linkplain io.modscan.core.prompt.Prompt#toward toward}
 * something else, it is what the objective gains by that.
 *
 * <table>
 * <caption>The seven numbers, in order of the units, with their ranges for a causal pattern of n tokens</caption>
 * <tr><th>{@link #EFFECT}</th><td>Σ e</td><td>any</td></tr>
 * <tr><th>{@link #MASS}</th><td>Σ |e|</td><td>0 or more</td></tr>
 * <tr><th>{@link #POSITIVE}</th><td>Σ max(e, 0) / Σ |e|</td><td>[0, 1]</td></tr>
 * <tr><th>{@link #DISTANCE}</th><td>Σ' |e[t, s]| (t − s) / Σ' |e|, in tokens</td><td>[0, n − 1]</td></tr>
 * <tr><th>{@link #BOS}</th><td>Σ' |e[t, 0]| / Σ' |e|, if the prompt begins with BOS, else 0</td><td>[0, 1]</td></tr>
 * <tr><th>{@link #SELF}</th><td>Σ' |e[t, t]| / Σ' |e|</td><td>[0, 1]</td></tr>
 * <tr><th>{@link #PREVIOUS}</th><td>Σ' |e[t, t − 1]| / Σ' |e|</td><td>[0, 1]</td></tr>
 * </table>
 *
 * <p>Σ is over all edges, Σ' over those of the queries t = 1 … n − 1. The first query has one key only and so no choice; what it brings
 * is part of what the head does, and of nothing that tells where it looks. The edge of the query at 1 to the key at 0 counts for
 * BOS and for PREVIOUS.
 *
 * <p>Signs: EFFECT has them. It is the first-order estimate for the head's whole pattern taken away, and the same number as the attribution of
 * its {@code hook_z}, summed over positions. Edges that raise the objective and edges that lower it cancel there, and a head can have much of both and no
 * EFFECT. So MASS is how much there is in all, and POSITIVE the share of it that would raise the objective if it were gone: EFFECT = MASS · (2 POSITIVE − 1). Of the loss,
 * those are the edges that help. The four behind count both kinds alike, by size: a mean weighted by signed numbers is no place,
 * and has no bounds. To see one kind alone, take a head or label where POSITIVE is near 0 or 1.
 *
 * <p>Of the loss, −EFFECT is also the slope of the loss when what the head writes is scaled up, and training has made the loss flat there. So over texts like those of the training, EFFECT is near 0 on
 * average, however much the head does. What it is good for is to tell labels apart, and other objectives; how much a head does, MASS tells.
 *
 * <p>The numbers of {@code HeadBehaviour} are means over queries; the four are shares of one whole: a query at which much hangs on the head counts
 * for more than one at which little does. Where an objective is about the last position, the last layer's are those of the last query alone.
 *
 * <p>Where no edge that counts does anything, a share is NaN, not an invented 0: behind the site that an objective is about, where EFFECT and MASS are 0, and for a prompt of one token,
 * which has one edge and so EFFECT, MASS and POSITIVE only. A number is NaN where one of the edges is that it is made of, and a share also where one is infinite. BOS is
 * NaN where it is for {@code HeadBehaviour}, and as there, don't mix prompts with and without it.
 *
 * <p>An objective is a mean over tokens, so EFFECT and MASS do not grow with the length of prompts; DISTANCE does, and the shares
 * shrink: {@link #relative()} lessens that for the distance.
 *
 * <p>Pattern times gradient is how Chefer, Gur and Wolf, "Generic attention-model explainability for interpreting bi-modal and encoder-decoder transformers",
 * 2021 (<a href="https://doi.org/10.48550/arXiv.2103.15679">doi:10.48550/arXiv.2103.15679</a>), weigh edges; they keep the positive ones and average over heads, which is
 * not done here. Hao et al., "Self-attention attribution: interpreting information interactions inside transformer", 2021 (<a
 * href="https://doi.org/10.48550/arXiv.2004.11207">doi:10.48550/arXiv.2004.11207</a>), integrate the gradient while the pattern grows from 0; this is the one step at its
 * end, cheaper and only good near it. That much less has an effect than could have, and mostly what is near, was shown by gradients, for convolutions, by Luo et al.,
 * "Understanding the effective receptive field in deep convolutional neural networks", 2016 (<a
 * href="https://doi.org/10.48550/arXiv.1701.04128">doi:10.48550/arXiv.1701.04128</a>): they go from the output to the input, through all layers, where this takes one head's step.
 *
 * <p>A site of [heads, queries, keys] named {@code blocks.3.attn.hook_pattern.attribution} becomes the site {@code
 * blocks.3.attn.hook_pattern.attribution.reach} of [heads, 7], without positions; a single head's, without an axis of heads, one of [7]. Its units are
 * named as the constants are. All other sites stay as they are, but where there is no such attribution at all, a view throws. Takes O(heads · n²) time a
 * prompt and keeps 28 bytes a head. The views are immutable and safe for use by many threads.
 */
public enum HeadReach {
    /** What the objective gains, to first order, if all the head's edges are gone. */
    EFFECT(0),
    /** How much the edges do in all, whichever way. */
    MASS(1),
    /** Which share of that raises the objective where it is gone. */
    POSITIVE(2),
    /** How far back the edges go that matter. */
    DISTANCE(3),
    /** How much of what matters comes from the token that begins the sequence. */
    BOS(4),
    /** How much of it comes from the query's own position. */
    SELF(5),
    /** How much of it comes from the position before. */
    PREVIOUS(6);

    private static final List<String> NAMES =
            Arrays.stream(values()).map(HeadReach::name).toList();

    private final int index;

    HeadReach(int index) {
        this.index = index;
    }

    /**
     * Which of a head's units holds it, in the sites that the views make.
     *
     * @return its index along the axis of units, from 0
     */
    public int index() {
        return index;
    }

    /**
     * The view on the attributions of every {@code hook_pattern}.
     *
     * @return a view for {@link io.modscan.core.Metric#through}; it throws a {@link ModscanException} if there is no such site, and
     *     for one without as many keys as queries
     */
    public static UnaryOperator<Activations> view() {
        return view(HeadReach::isOfHookPattern);
    }

    /**
     * The view on attributions of patterns of other names.
     *
     * @param attributions which sites they are
     * @return a view for {@link io.modscan.core.Metric#through}; it throws a {@link ModscanException} if no site is selected, and for
     *     a selected one that has no axes of queries and keys, or not as many keys as queries
     */
    public static UnaryOperator<Activations> view(SiteSelector attributions) {
        return view(attributions, false);
    }

    /**
     * The view on the attributions of every {@code hook_pattern} with the distance in relation to the largest that a causal query can have: t − s is divided by
     * t, so that 1 is the first token and 0 the query's own.
     *
     * @return a view for {@link io.modscan.core.Metric#through} in which the distance is in [0, 1] for a causal pattern; it throws as
     *     that of {@link #view()}
     */
    public static UnaryOperator<Activations> relative() {
        return relative(HeadReach::isOfHookPattern);
    }

    /**
     * The same view on attributions of patterns of other names.
     *
     * @param attributions which sites they are
     * @return a view for {@link io.modscan.core.Metric#through}; it throws as that of {@link #view(SiteSelector)}
     */
    public static UnaryOperator<Activations> relative(SiteSelector attributions) {
        return view(attributions, true);
    }

    private static UnaryOperator<Activations> view(SiteSelector attributions, boolean relative) {
        return new HeadView(
                Objects.requireNonNull(attributions, "attributions"),
                "attribution of attention patterns",
                "capture Sites.pattern().attribution(), which is blocks.*.attn.hook_pattern.attribution, with Pooling.none(), or tell"
                        + " which sites they are: HeadReach.view(selector)",
                "reach",
                NAMES,
                new ReachReader(relative)::read);
    }

    /** Also for one head's, {@code hook_pattern.attribution[3]}, which is a site of its own. */
    private static boolean isOfHookPattern(Site site) {
        return site.isPairwise() && site.name().contains("hook_pattern.attribution");
    }
}
