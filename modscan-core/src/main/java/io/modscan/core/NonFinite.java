package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.Derivation;
import io.modscan.core.internal.recording.NonFiniteCount;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.core.token.PromptTokens;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * The values of a site that are NaN or infinite: how many, of how many units, in which prompts. A broken weight, an overflow, a
 * prompt of which pooling leaves no token, or a source that left a value unwritten makes them, and what is computed from them is
 * not measured, which is another answer than "nothing found".
 *
 * <pre>{@code
 * activations.nonFinite().forEach(System.out::println);   // nothing where all is well
 * }</pre>
 *
 * <p>What is so by design is not counted: the NaN in {@code loss} for the first token, which follows none, and minus infinity at
 * attention scores, where a query may not look at a key. Immutable; safe for use by many threads.
 */
public final class NonFinite {

    private final Site site;
    private final long values;
    private final long prompts;
    private final List<String> firstPrompts;
    private final int[] promptsOfUnits;

    private NonFinite(NonFiniteCount count) {
        this.site = count.reading().site();
        this.values = count.values();
        this.prompts = count.prompts();
        this.firstPrompts = count.firstIds();
        this.promptsOfUnits = count.promptsOfUnits();
    }

    /**
     * Counts over pieces, for streams that are not kept: {@code probe.measure(prompts, NonFinite.count())}. What is kept
     * already, {@link Activations#nonFinite} counts. Takes O(1) time a value and 4 bytes a unit of the sites that have such
     * values. The result does not depend on the order of prompts or pieces.
     *
     * @return a metric whose result has one entry for each site with such a value, in the order of the activations; empty if all
     *     are finite
     */
    public static Metric<List<NonFinite>> count() {
        return Metric.of(Counts::new, Counts::add, Counts::merge, Counts::found);
    }

    /** One count a site. */
    private static final class Counts {
        private final List<NonFiniteCount> bySite = new ArrayList<>();

        void add(Activations piece) {
            List<SiteActivations> sites = piece.sites();
            if (bySite.isEmpty()) {
                sites.forEach(site -> bySite.add(new NonFiniteCount(site.reading())));
            }
            for (int i = 0; i < sites.size(); i++) {
                add(piece, sites.get(i), bySite.get(i));
            }
        }

        private static void add(Activations piece, SiteActivations site, NonFiniteCount count) {
            // Only of the loss anything needs to be known but its values.
            boolean beginsLater = Derivation.isLoss(site.site()) && new Bos(piece).isLeftOut();
            for (int prompt = 0; prompt < site.size(); prompt++) {
                PromptTokens tokens = piece.tokens(prompt);
                boolean first = site.isPerToken() ? tokens.size() == 0 || tokens.keepsFirst() : tokens.size() == 1;
                boolean lossOfFirst = !beginsLater && first;
                count.add(piece.prompts().get(prompt).id(), site.rows().get(prompt), lossOfFirst);
            }
        }

        void merge(Counts other) {
            if (bySite.isEmpty()) {
                bySite.addAll(other.bySite);
                return;
            }
            for (int i = 0; i < other.bySite.size(); i++) {
                bySite.get(i).merge(other.bySite.get(i));
            }
        }

        List<NonFinite> found() {
            return bySite.stream()
                    .filter(count -> count.values() > 0)
                    .map(NonFinite::new)
                    .toList();
        }
    }

    /**
     * The site.
     *
     * @return where the values were read
     */
    public Site site() {
        return site;
    }

    /**
     * How many values are NaN or infinite.
     *
     * @return over all prompts, positions and units; at least 1
     */
    public long values() {
        return values;
    }

    /**
     * How many units have such a value in any prompt.
     *
     * @return of the site's {@link Site#width()} units; of attention scores and patterns, of the heads
     */
    public int units() {
        return (int) Arrays.stream(promptsOfUnits).filter(count -> count > 0).count();
    }

    /**
     * How many prompts have such a value at this site.
     *
     * @return at least 1
     */
    public long prompts() {
        return prompts;
    }

    /**
     * Some of these prompts.
     *
     * @return the ids of at most five, the first in natural order of ids
     */
    public List<String> firstPrompts() {
        return firstPrompts;
    }

    /**
     * In how many prompts one unit has such a value.
     *
     * @param unit one of the site's
     * @return 0 for a unit whose values are finite
     * @throws IllegalArgumentException if it is of another site
     */
    public int prompts(Unit unit) {
        if (!unit.site().equals(site)) {
            throw new IllegalArgumentException(unit + " is not of " + site);
        }
        return promptsOfUnits[unit.inSite()];
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof NonFinite that
                && site.equals(that.site)
                && values == that.values
                && prompts == that.prompts
                && firstPrompts.equals(that.firstPrompts)
                && Arrays.equals(promptsOfUnits, that.promptsOfUnits);
    }

    @Override
    public int hashCode() {
        return Objects.hash(site, values, prompts, firstPrompts, Arrays.hashCode(promptsOfUnits));
    }

    /**
     * A line to read.
     *
     * @return the site, the numbers and the first prompts, {@linkplain ModscanException#printable printable}
     */
    @Override
    public String toString() {
        return ModscanException.printable(site + ": " + values + " values NaN or infinite, of " + units() + " of "
                + promptsOfUnits.length + " units, in " + prompts + (prompts == 1 ? " prompt: " : " prompts: ")
                + String.join(", ", firstPrompts)
                + (prompts > firstPrompts.size() ? ", …" : ""));
    }
}
