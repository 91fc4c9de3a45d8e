package io.modscan.metrics.contexts;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** For each unit the contexts in which it is strongest, and samples beside them. Immutable; safe for use by many threads. */
public final class ContextMap {

    private final List<Site> sites;
    private final int[] firstUnits;
    private final List<StrongestTokens> strongest;
    private final List<SampledTokens.Sampled> sample;
    private final double[] quantiles;
    private final long tokens;

    ContextMap(
            List<Site> sites,
            List<StrongestTokens> strongest,
            List<SampledTokens.Sampled> sample,
            double[] quantiles,
            long tokens) {
        this.sites = List.copyOf(sites);
        this.firstUnits = new int[sites.size() + 1];
        for (int i = 0; i < sites.size(); i++) {
            firstUnits[i + 1] = firstUnits[i] + sites.get(i).width();
        }
        this.strongest = List.copyOf(strongest);
        this.sample = sample;
        this.quantiles = quantiles;
        this.tokens = tokens;
    }

    /**
     * The sites.
     *
     * @return the sites, in the order of the activations
     */
    public List<Site> sites() {
        return sites;
    }

    /**
     * The number of units.
     *
     * @return those of all sites
     */
    public int size() {
        return firstUnits[sites.size()];
    }

    /**
     * How many tokens were looked at.
     *
     * @return the tokens of all prompts, BOS not counted in where it is known
     */
    public long tokens() {
        return tokens;
    }

    /**
     * The contexts of a unit.
     *
     * @param unit the unit
     * @return its contexts
     * @throws ModscanException if its site was not measured
     */
    public UnitContexts get(Unit unit) {
        int site = sites.indexOf(unit.site());
        if (site < 0) {
            throw new ModscanException("'" + unit.site() + "' was not measured; measured were " + sites);
        }
        return contexts(site, unit.inSite());
    }

    /**
     * All contexts.
     *
     * @return a stream in order of sites, then units; each is made when it is asked for
     */
    public Stream<UnitContexts> units() {
        return IntStream.range(0, sites.size())
                .boxed()
                .flatMap(site -> IntStream.range(0, sites.get(site).width()).mapToObj(unit -> contexts(site, unit)));
    }

    private UnitContexts contexts(int site, int unit) {
        StrongestTokens of = strongest.get(site);
        List<TokenContext> top = IntStream.range(0, of.count(unit))
                .mapToObj(i -> of.get(unit, i))
                .toList();
        return new UnitContexts(
                Unit.of(sites.get(site), unit), top, samples(of, firstUnits[site] + unit), tokens, of.notFinite(unit));
    }

    private List<UnitContexts.Sample> samples(StrongestTokens of, int unit) {
        List<TokenContext> sorted = sample.stream()
                .filter(token -> Float.isFinite(token.values()[unit]))
                .map(token -> new TokenContext(token.place(), token.values()[unit]))
                .sorted(Comparator.<TokenContext>comparingDouble(context -> of.strength(context.value()))
                        .thenComparing(TokenContext::promptId)
                        .thenComparing(TokenContext::position))
                .toList();
        List<UnitContexts.Sample> samples = new ArrayList<>();
        if (!sorted.isEmpty()) {
            for (double quantile : quantiles) {
                int at = (int) Math.min(sorted.size() - 1L, Math.round(quantile * (sorted.size() - 1)));
                samples.add(new UnitContexts.Sample(quantile, sorted.get(at)));
            }
        }
        return samples;
    }

    @Override
    public String toString() {
        return "ContextMap[" + size() + " units of " + sites.size() + " sites, " + tokens + " tokens]";
    }
}
