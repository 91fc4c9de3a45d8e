package io.modscan.core.site;

import io.modscan.core.error.ModscanException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a capture asks of a source: which sites, pooled how.
 *
 * @param readings at least one; no site twice
 */
public record CapturePlan(List<Reading> readings) {

    /**
     * What to read and how to pool it, before it is known which sites the model has.
     *
     * @param selector which sites
     * @param pooling  how they are pooled
     */
    public record Selection(SiteSelector selector, Pooling pooling) {}

    /**
     * Checks the readings.
     *
     * @param readings see above
     * @throws ModscanException if there are none, or one site comes twice
     */
    public CapturePlan {
        readings = List.copyOf(readings);
        if (readings.isEmpty()) {
            throw new ModscanException("the plan reads no site; at least one is needed");
        }
        Map<String, Reading> byName = new LinkedHashMap<>();
        for (Reading reading : readings) {
            if (byName.put(reading.site().name(), reading) != null) {
                throw new ModscanException(reading.site() + " is planned twice");
            }
        }
    }

    /**
     * Resolves selections against the sites that a model has.
     *
     * @param available  the model's sites; their magnitudes can be selected too
     * @param selections what is wanted, at least one
     * @return the plan, in order of {@code available}
     * @throws ModscanException if a selection matches nothing (near names are listed), names a site that can't be pooled
     *                          as asked, or asks for a site in another pooling than a selection before it
     */
    public static CapturePlan of(List<Site> available, List<Selection> selections) {
        Set<String> names = available.stream().map(Site::name).collect(Collectors.toSet());
        List<Site> candidates = new ArrayList<>();
        for (Site site : available) {
            candidates.add(site);
            // A foreign model may have a tensor of that name, which is meant then.
            if (site.units() > 0 && !names.contains(site.magnitude().name())) {
                candidates.add(site.magnitude());
            }
        }
        Map<String, Reading> chosen = new LinkedHashMap<>();
        for (Selection selection : selections) {
            List<Reading> matched = resolve(candidates, selection);
            if (matched.isEmpty()) {
                throw unmatched(candidates, selection);
            }
            for (Reading reading : matched) {
                Reading earlier = chosen.put(reading.site().name(), reading);
                if (earlier != null && !earlier.equals(reading)) {
                    throw new ModscanException(reading.site() + " is asked for with two poolings, " + earlier.pooling()
                            + " and " + reading.pooling() + "; use a probe for each");
                }
            }
        }
        return new CapturePlan(candidates.stream()
                .map(Site::name)
                .map(chosen::get)
                .filter(Objects::nonNull)
                .toList());
    }

    /**
     * The tensors that this plan's readings can be derived from: each site with a tensor of its own, each position kept. Magnitudes
     * are derived from the site that they are of.
     *
     * @return a plan that pools nothing, in the same order; this one if it does so itself
     */
    public CapturePlan unpooled() {
        List<Reading> tensors = readings.stream()
                .map(reading -> new Reading(reading.site().magnitudeOf().orElse(reading.site()), Pooling.none()))
                .distinct()
                .toList();
        return tensors.equals(readings) ? this : new CapturePlan(tensors);
    }

    /**
     * What the values of a batch take.
     *
     * @param rows    the batch's prompts
     * @param columns its positions, padding included
     * @return bytes of float32
     * @throws ArithmeticException if it overflows 64 bits
     */
    public long bytes(int rows, int columns) {
        long bytes = 0;
        for (Reading reading : readings) {
            bytes = Math.addExact(bytes, Math.multiplyExact((long) rows * Float.BYTES, reading.values(columns)));
        }
        return bytes;
    }

    private static ModscanException unmatched(List<Site> candidates, Selection selection) {
        List<String> passedOver = candidates.stream()
                .filter(selection.selector()::selects)
                .map(Site::name)
                .limit(5)
                .toList();
        return new ModscanException(
                passedOver.isEmpty()
                        ? "no site matches " + Sites.describe(selection.selector()) + "; near are "
                                + Sites.near(selection.selector(), candidates) + layers(candidates)
                        : Sites.describe(selection.selector())
                                + " matches only sites that a wildcard passes over, such as "
                                + passedOver + ": they are read on demand, or have no single axis of positions to pool"
                                + " over (give the full name)");
    }

    private static String layers(List<Site> candidates) {
        OptionalInt last =
                candidates.stream().flatMapToInt(site -> site.layer().stream()).max();
        return last.isPresent() ? ", in layers 0 to " + last.getAsInt() : "";
    }

    private static List<Reading> resolve(List<Site> candidates, Selection selection) {
        List<Reading> matched = new ArrayList<>();
        for (Site site : candidates) {
            boolean fits = !site.onDemand()
                    && (site.hasPositions() || !selection.pooling().isPooled());
            if (selection.selector().selects(site)
                    && (fits || selection.selector().names(site))) {
                matched.add(new Reading(site, selection.pooling()));
            }
        }
        return matched;
    }
}
