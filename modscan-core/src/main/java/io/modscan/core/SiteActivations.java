package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.RecordedRows;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.token.PromptTokens;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.IntFunction;

/** What was captured at one site, in the caller's order of prompts. Immutable; safe for use by many threads. */
public final class SiteActivations {

    private final Activations owner;
    private final Reading reading;
    private final List<FloatBuffer> rows;
    private final FittedPrompts fittedTo;

    SiteActivations(Activations owner, Reading reading, List<FloatBuffer> rows, FittedPrompts fittedTo) {
        this.owner = owner;
        this.reading = reading;
        this.rows = rows;
        this.fittedTo = fittedTo;
    }

    /**
     * The site.
     *
     * @return the site that was read
     */
    public Site site() {
        return reading.site();
    }

    /**
     * How positions were pooled.
     *
     * @return the pooling
     */
    public Pooling pooling() {
        return reading.pooling();
    }

    /**
     * What was read.
     *
     * @return the site with its pooling
     */
    public Reading reading() {
        return reading;
    }

    /**
     * The number of prompts.
     *
     * @return how many rows there are
     */
    public int size() {
        return rows.size();
    }

    /**
     * All values of one prompt.
     *
     * @param prompt the prompt's index
     * @return a read-only view from position 0: the site's axes in their order, those of positions as long as the prompt
     *     (dropped where pooled), the last axis varying fastest
     */
    public FloatBuffer row(int prompt) {
        return rows.get(prompt).asReadOnlyBuffer();
    }

    /**
     * How many values a prompt has. Where rows are stored, none is read for it; a view of others may compute the row.
     *
     * @param prompt the prompt's index
     * @return the capacity of its {@link #row}
     * @throws IndexOutOfBoundsException if there is no such prompt
     */
    public int length(int prompt) {
        return RecordedRows.length(rows, prompt);
    }

    /**
     * The values of one prompt that was pooled (or whose site has no axis of positions).
     *
     * @param prompt the prompt's index
     * @return a copy of {@link Site#width()} values, head by head where there are heads
     * @throws ModscanException if the prompt has values for each position
     */
    public float[] vector(int prompt) {
        if (site().isPairwise()) {
            throw new ModscanException(site() + " has a value for each pair of positions: ask for row(prompt)");
        }
        if (isPerToken()) {
            throw new ModscanException(site() + " was captured with Pooling.none(), so prompt " + prompt
                    + " has a vector for each position: ask for vector(prompt, position), capture with a pooling such as"
                    + " Pooling.mean(), or pool now with activations.pooled(…)");
        }
        return copy(prompt, 0, site().width());
    }

    /**
     * The vectors of all prompts.
     *
     * @return a copy: for each prompt its {@link #vector(int)}
     * @throws ModscanException if a prompt has values for each position
     */
    public float[][] vectors() {
        float[][] vectors = new float[size()][];
        for (int i = 0; i < vectors.length; i++) {
            vectors[i] = vector(i);
        }
        return vectors;
    }

    /**
     * The values of one prompt at one position.
     *
     * @param prompt   the prompt's index
     * @param position the token's index in {@link Activations#tokenIds}; where only some positions were kept, an index among {@link
     *                 PromptTokens#kept()}
     * @return a copy of {@link Site#width()} values, head by head where there are heads
     * @throws ModscanException          if positions were pooled, or the site has no single axis of them
     * @throws IndexOutOfBoundsException if the prompt has no such position
     */
    public float[] vector(int prompt, int position) {
        if (!isPerToken()) {
            throw new ModscanException(site() + " captured with " + pooling() + " has no vector for each position");
        }
        int width = site().width();
        Objects.checkIndex(position, RecordedRows.length(rows, prompt) / width);
        return copy(prompt, position * width, width);
    }

    private float[] copy(int prompt, int from, int length) {
        float[] values = new float[length];
        RecordedRows.read(rows, prompt, from, values);
        return values;
    }

    /**
     * Copies some of a prompt's values. Where a recording has to compute values since they are {@linkplain Probe.Builder#storeAs stored as
     * halves}, it computes these only, and {@link #row} all of the prompt's.
     *
     * @param prompt the prompt's index
     * @param from   the index of the first value in the prompt's {@link #row}
     * @param into   filled with the values from there on
     * @throws IndexOutOfBoundsException if the row has not so many
     */
    public void read(int prompt, int from, float[] into) {
        RecordedRows.read(rows, prompt, from, into);
    }

    /**
     * One head's share of the values.
     *
     * @param head the head, from 0
     * @return a copy with the same prompts and without the axis of heads; its site is named like {@code hook_z[5]}
     * @throws ModscanException          if the site has no axis of heads
     * @throws IndexOutOfBoundsException if there is no such head
     */
    public SiteActivations head(int head) {
        int heads = site().heads();
        if (heads == 0) {
            throw new ModscanException(site() + " has no axis of heads");
        }
        if (head < 0 || head >= heads) {
            throw new IndexOutOfBoundsException(site() + " has the heads 0 to " + (heads - 1) + ", no head " + head);
        }
        List<Axis> axes = site().axes().stream()
                .filter(axis -> axis.role() != Axis.Role.HEAD)
                .toList();
        Site one = new Site(site().name() + "[" + head + "]", site().layer(), axes, true);
        // Where the axis of heads comes first a head is one stretch; where positions come first, one a position.
        boolean headsFirst = site().axes().get(0).role() == Axis.Role.HEAD;
        List<FloatBuffer> shares = new ArrayList<>(rows.size());
        for (FloatBuffer row : rows) {
            int total = row.capacity() / heads;
            int stretch = headsFirst ? total : Math.max(1, site().units());
            float[] share = new float[total];
            for (int at = 0; at < total; at += stretch) {
                row.get(at * heads + head * stretch, share, at, stretch);
            }
            shares.add(FloatBuffer.wrap(share));
        }
        return owner.alone(new Reading(one, pooling()), shares, fittedTo).onlySite();
    }

    /**
     * What a computation makes of this site: the rows of another site for the same prompts. What this one was {@linkplain
     * #fittedTo() fitted to}, that one is, too.
     *
     * @param site    what the values are of
     * @param pooling how their positions are pooled
     * @param values  gives for a prompt's index its values, laid out as {@link #row} tells; called once for each prompt, now
     * @return a site for {@link Activations#map}
     * @throws ModscanException         if the site has no positions to be pooled
     * @throws IllegalArgumentException if values are of another length than the site's axes say
     */
    public SiteActivations derived(Site site, Pooling pooling, IntFunction<float[]> values) {
        Reading made = new Reading(site, pooling);
        List<FloatBuffer> derived = new ArrayList<>(size());
        for (int i = 0; i < size(); i++) {
            derived.add(FloatBuffer.wrap(checkLength(made, i, values.apply(i))));
        }
        return new SiteActivations(owner, made, derived, fittedTo);
    }

    /**
     * The prompts that these coordinates were fitted to, as those of a basis are. Views on this site, and what is {@linkplain
     * #derived derived} from it, keep them; a capture file does not.
     *
     * @return the prompts, none of raw coordinates
     */
    public FittedPrompts fittedTo() {
        return fittedTo;
    }

    /**
     * The same values, known to be of coordinates that were fitted to some prompts. For a view of one's own that fits.
     *
     * @param prompts the prompts, in place of those that were known
     * @return a site for {@link Activations#map}
     */
    public SiteActivations withFittedTo(FittedPrompts prompts) {
        return new SiteActivations(owner, reading, rows, prompts);
    }

    /**
     * How many of the prompts are among those that these coordinates were {@linkplain #fittedTo() fitted to}.
     *
     * @return from 0 to {@link #size()}
     */
    public int inFit() {
        return fittedTo.countIn(owner);
    }

    /** Sees to it that a row has a length that the reading can have. */
    static float[] checkLength(Reading reading, int prompt, float[] row) {
        Site site = reading.site();
        boolean fixed = reading.pooling().isPooled() || (!site.hasPositions() && !site.isPairwise());
        if (fixed ? row.length != site.width() : row.length % site.width() != 0) {
            throw new IllegalArgumentException("prompt " + prompt + " has " + row.length + " values of " + site
                    + ", whose vectors are of " + site.width());
        }
        return row;
    }

    /** The rows, copied. */
    List<FloatBuffer> copies() {
        return rows.stream()
                .map(row -> {
                    FloatBuffer copy = FloatBuffer.allocate(row.capacity());
                    copy.put(0, row, 0, row.capacity());
                    return copy;
                })
                .toList();
    }

    /**
     * This site as activations of its own, for a metric that takes one site.
     *
     * @return activations with the same prompts and this site only
     */
    public Activations alone() {
        return owner.alone(reading, rows, fittedTo);
    }

    /**
     * Measures this site.
     *
     * @param metric what to measure
     * @param <R>    the result
     * @return the result
     * @throws ModscanException as the metric throws
     */
    public <R> R measure(Metric<R> metric) {
        return alone().measure(metric);
    }

    /** Whether there is a vector for each token. */
    boolean isPerToken() {
        return reading.isPerToken();
    }

    Prompts prompts() {
        return owner.prompts();
    }

    List<FloatBuffer> rows() {
        return rows;
    }

    @Override
    public String toString() {
        return "SiteActivations[" + site() + ", " + pooling() + ", " + size() + " prompts]";
    }
}
