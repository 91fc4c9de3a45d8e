package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan.Reading;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** What was captured at one site, in the caller's order of prompts. Immutable; safe for use by many threads. */
public final class SiteActivations {

    private final Activations owner;
    private final Reading reading;
    private final List<FloatBuffer> rows;

    SiteActivations(Activations owner, Reading reading, List<FloatBuffer> rows) {
        this.owner = owner;
        this.reading = reading;
        this.rows = rows;
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
     * The values of one prompt that was pooled (or whose site has no axis of positions).
     *
     * @param prompt the prompt's index
     * @return a copy of {@link Site#width()} values, head by head where there are heads
     * @throws ModscanException if the prompt has values for each position
     */
    public float[] vector(int prompt) {
        if (isPerPair(site())) {
            throw new ModscanException(site() + " has a value for each pair of positions: ask for row(prompt)");
        }
        if (!pooling().isPooled() && site().hasPositions()) {
            throw new ModscanException(site() + " was captured with Pooling.none(), so prompt " + prompt
                    + " has a vector for each position: ask for vector(prompt, position), or capture with a pooling");
        }
        return copy(rows.get(prompt), 0, site().width());
    }

    /**
     * The values of one prompt at one position.
     *
     * @param prompt   the prompt's index
     * @param position the token's index in {@link Activations#tokenIds}
     * @return a copy of {@link Site#width()} values, head by head where there are heads
     * @throws ModscanException          if positions were pooled, or the site has no single axis of them
     * @throws IndexOutOfBoundsException if the prompt has no such position
     */
    public float[] vector(int prompt, int position) {
        if (pooling().isPooled() || !site().hasPositions()) {
            throw new ModscanException(site() + " captured with " + pooling() + " has no vector for each position");
        }
        int width = site().width();
        FloatBuffer row = rows.get(prompt);
        Objects.checkIndex(position, row.capacity() / width);
        return copy(row, position * width, width);
    }

    private static float[] copy(FloatBuffer row, int from, int length) {
        float[] values = new float[length];
        row.get(from, values);
        return values;
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
        return new Activations(
                        owner.prompts(),
                        owner.allTokenIds(),
                        owner.provenance(),
                        List.of(new Reading(one, pooling())),
                        List.of(shares))
                .sites()
                .get(0);
    }

    /**
     * This site as activations of its own, for a metric that takes one site.
     *
     * @return activations with the same prompts and this site only
     */
    public Activations alone() {
        return new Activations(
                owner.prompts(), owner.allTokenIds(), owner.provenance(), List.of(reading), List.of(rows));
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

    /** Whether a site has a value for each pair of positions, as attention has. */
    static boolean isPerPair(Site site) {
        return site.axes().contains(Axis.QUERY);
    }

    List<FloatBuffer> rows() {
        return rows;
    }

    @Override
    public String toString() {
        return "SiteActivations[" + site() + ", " + pooling() + ", " + size() + " prompts]";
    }
}
