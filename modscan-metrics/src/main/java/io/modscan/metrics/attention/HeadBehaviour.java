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
 * What the queries of a head make of its keys: a view that turns attention patterns into five numbers a head and prompt, so
 * that every metric of units measures them, and patterns need not be kept:
 *
 * <pre>{@code
 * Probe.builder(model).sites(Sites.pattern()).build()
 *         .measure(prompts, Selectivity.by("topic").through(HeadBehaviour.view()));
 * }</pre>
 *
 * <p>Let a[t, s] be the weight that the query at position t gives to the key at position s, both from 0, and n the number of
 * the prompt's tokens. Each number is the arithmetic mean over the queries t = 1 … n − 1 of
 *
 * <table>
 * <caption>The five numbers, in order of the units, with their ranges for a causal pattern</caption>
 * <tr><th>{@link #ENTROPY}</th><td>−Σ<sub>s</sub> a[t, s] ln a[t, s], in nats, 0·ln 0 being 0</td><td>[0, ln n]</td></tr>
 * <tr><th>{@link #DISTANCE}</th><td>Σ<sub>s</sub> a[t, s] (t − s), in tokens</td><td>[0, n − 1]</td></tr>
 * <tr><th>{@link #BOS}</th><td>a[t, 0], if the prompt begins with BOS, else 0</td><td>[0, 1]</td></tr>
 * <tr><th>{@link #SELF}</th><td>a[t, t]</td><td>[0, 1]</td></tr>
 * <tr><th>{@link #PREVIOUS}</th><td>a[t, t − 1]</td><td>[0, 1]</td></tr>
 * </table>
 *
 * <p>The first query is left out, since it has one key only and so no choice. A prompt of one token therefore has NaN in all
 * five. The weights are taken as they are: a NaN among those of the queries that count makes its head's numbers NaN that it
 * takes part in, and nothing checks that a query's weights sum to 1 or are 0 behind the query. BOS is NaN for a prompt whose
 * token ids are not known, and for all where nothing tells which token is BOS ({@link Activations#knowsBos}). Where some
 * prompts begin with BOS and others don't, this number mostly tells which do, so don't mix them.
 *
 * <p>Entropy and distance grow with the number of keys, and so with the length of prompts; the masses shrink. A label whose
 * prompts are longer than others' will seem to make heads look wider and farther: {@link #relative()} lessens that.
 *
 * <p>The entropy of attention was looked at so by Clark et al., "What does BERT look at?", 2019 (<a
 * href="https://doi.org/10.18653/v1/W19-4828">doi:10.18653/v1/W19-4828</a>), the distance by Vig and Belinkov, "Analyzing
 * the structure of attention in a transformer language model", 2019 (<a
 * href="https://doi.org/10.18653/v1/W19-4808">doi:10.18653/v1/W19-4808</a>).
 *
 * <p>A site of [heads, queries, keys] named {@code blocks.3.attn.hook_pattern} becomes the site
 * {@code blocks.3.attn.hook_pattern.behaviour} of [heads, 5], without positions; a single head's pattern, without an axis of
 * heads, one of [5]. Its units are named as the constants are, so that rows of results read {@code … head 3 PREVIOUS}. All other sites stay as they are, but where there is no pattern at all, a view throws:
 * it would leave a metric to measure whatever else is there. Takes O(heads · n²) time a prompt and keeps 20 bytes a head. The views
 * are immutable and safe for use by many threads.
 */
public enum HeadBehaviour {
    /** How widely a query spreads its attention. */
    ENTROPY(0),
    /** How far back a query looks. */
    DISTANCE(1),
    /** How much it gives to the token that begins the sequence. */
    BOS(2),
    /** How much it gives to its own position. */
    SELF(3),
    /** How much it gives to the position before. */
    PREVIOUS(4);

    private static final List<String> NAMES =
            Arrays.stream(values()).map(HeadBehaviour::name).toList();

    private final int index;

    HeadBehaviour(int index) {
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
     * The view on every {@code hook_pattern}.
     *
     * @return a view for {@link io.modscan.core.Metric#through}; it throws a {@link ModscanException} if there is no such site, and
     *     for a pattern without as many keys as queries
     */
    public static UnaryOperator<Activations> view() {
        return view(HeadBehaviour::isHookPattern);
    }

    /**
     * The view on patterns of other names, such as those of an ONNX model of one's own.
     *
     * @param patterns which sites are attention patterns
     * @return a view for {@link io.modscan.core.Metric#through}; it throws a {@link ModscanException} if no site is selected, and for
     *     a selected one that has no axes of queries and keys, or not as many keys as queries
     */
    public static UnaryOperator<Activations> view(SiteSelector patterns) {
        return view(patterns, false);
    }

    /**
     * The view on every {@code hook_pattern} with entropy and distance in relation to the largest that a causal query can
     * have: before the mean is taken, the entropy at query t is divided by ln(t + 1), and the distance by t.
     *
     * @return a view for {@link io.modscan.core.Metric#through} in which all five numbers are in [0, 1] for a causal pattern;
     *     it throws as that of {@link #view()}
     */
    public static UnaryOperator<Activations> relative() {
        return relative(HeadBehaviour::isHookPattern);
    }

    /**
     * The same view on patterns of other names.
     *
     * @param patterns which sites are attention patterns
     * @return a view for {@link io.modscan.core.Metric#through}; it throws as that of {@link #view(SiteSelector)}
     */
    public static UnaryOperator<Activations> relative(SiteSelector patterns) {
        return view(patterns, true);
    }

    private static UnaryOperator<Activations> view(SiteSelector patterns, boolean relative) {
        return new HeadView(
                Objects.requireNonNull(patterns, "patterns"),
                "attention pattern",
                "capture Sites.pattern(), which is blocks.*.attn.hook_pattern, with Pooling.none(), or tell which"
                        + " sites are patterns: HeadBehaviour.view(selector)",
                "behaviour",
                NAMES,
                new PatternReader(relative)::read);
    }

    /** Also for one head's pattern, {@code hook_pattern[3]}, but not for what this view made. */
    private static boolean isHookPattern(Site site) {
        return site.hook().startsWith("hook_pattern") && site.isPairwise();
    }
}
