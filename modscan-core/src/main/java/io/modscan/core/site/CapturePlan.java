package io.modscan.core.site;

import io.modscan.core.error.ModscanException;
import io.modscan.core.token.Positions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a capture asks of a source: which sites, pooled how; which sites may be changed; and what gradients are of.
 *
 * @param readings at least one; no site twice
 * @param changing the sites that prompts' interventions may change, each with a tensor of its own; none where nothing is changed
 * @param objective what gradients and attributions are of, the loss unless said; empty if none are read
 */
public record CapturePlan(List<Reading> readings, List<Site> changing, Optional<Objective> objective) {

    /**
     * A plan that changes nothing.
     *
     * @param readings at least one; no site twice
     * @throws ModscanException if there are none, or one site comes twice
     */
    public CapturePlan(List<Reading> readings) {
        this(readings, List.of(), Optional.empty());
    }

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
     * @param changing see above
     * @param objective see above
     * @throws ModscanException if there are none, or one site comes twice; if sites keep different positions; if there is an objective and no
     *                          reading that is of it
     */
    public CapturePlan {
        readings = List.copyOf(readings);
        changing = changing.stream().distinct().toList();
        if (readings.isEmpty()) {
            throw new ModscanException("the plan reads no site; at least one is needed");
        }
        Map<String, Reading> byName = new LinkedHashMap<>();
        for (Reading reading : readings) {
            if (byName.put(reading.site().name(), reading) != null) {
                throw new ModscanException(reading.site() + " is planned twice");
            }
        }
        List<Positions> kept = kept(readings);
        if (kept.size() > 1) {
            throw new ModscanException(
                    "sites that keep positions are to keep different ones, '" + kept.get(0) + "' and '" + kept.get(1)
                            + "'; let them keep the same (of a condition the same object), or use a probe for each");
        }
        List<Site> backward = backward(readings);
        if (objective.isEmpty() && !backward.isEmpty()) {
            objective = Optional.of(Objective.loss());
        }
        if (objective.isPresent() && backward.isEmpty()) {
            throw new ModscanException("the plan says what gradients are of (" + objective.get()
                    + "), and reads neither gradients nor attributions; read some, or leave the objective away");
        }
    }

    /**
     * Resolves selections against the sites that a model has.
     *
     * @param available  the model's sites; their magnitudes can be selected too
     * @param selections what is wanted, at least one
     * @return the plan, in order of {@code available}; gradients and attributions in it are of the loss
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
        Map<String, Reading> chosen = new HashMap<>();
        // By the site that each is read of, in the network's order.
        Map<Site, List<Reading>> inOrder = new LinkedHashMap<>();
        candidates.forEach(site -> inOrder.put(site, new ArrayList<>()));
        for (Selection selection : selections) {
            boolean matched = false;
            for (Site site : candidates) {
                if (!isResolved(site, selection)) {
                    continue;
                }
                matched = true;
                Reading reading = reading(site, selection);
                Reading earlier = chosen.put(reading.site().name(), reading);
                if (earlier == null) {
                    Objects.requireNonNull(inOrder.get(site)).add(reading);
                } else if (!earlier.equals(reading)) {
                    throw new ModscanException(reading.site() + " is asked for with two poolings, " + earlier.pooling()
                            + " and " + reading.pooling() + "; use a probe for each");
                }
            }
            if (!matched) {
                throw unmatched(candidates, selection);
            }
        }
        return new CapturePlan(inOrder.values().stream().flatMap(List::stream).toList());
    }

    private static boolean isResolved(Site site, Selection selection) {
        Pooling pooling = selection.pooling();
        boolean fits = !site.onDemand()
                && (site.hasPositions()
                        || (!pooling.isPooled() && pooling.positions().isAll()));
        return selection.selector().selects(site)
                && (fits || selection.selector().names(site));
    }

    private static Reading reading(Site site, Selection selection) {
        try {
            return new Reading(selection.selector().of(site), selection.pooling());
        } catch (IllegalArgumentException e) {
            throw new ModscanException(String.valueOf(e.getMessage()), e);
        }
    }

    /**
     * The same plan, in which prompts' interventions may change some sites.
     *
     * @param sites of those that the model {@linkplain io.modscan.core.model.Model#changeable() can change}
     * @return a copy
     */
    public CapturePlan changing(List<Site> sites) {
        return new CapturePlan(readings, sites, objective);
    }

    /**
     * The same plan, with gradients and attributions of something else.
     *
     * @param of what they are of
     * @return a copy
     * @throws ModscanException if the plan reads neither
     */
    public CapturePlan about(Objective of) {
        return new CapturePlan(readings, changing, Optional.of(of));
    }

    /**
     * The sites of the network whose attributions are read.
     *
     * @return each once, in the plan's order
     */
    public List<Site> attributed() {
        return backward(readings).stream()
                .filter(Site::isAttribution)
                .map(Site::forward)
                .distinct()
                .toList();
    }

    /**
     * The sites of the network whose gradients are needed.
     *
     * @return those whose gradients or attributions are read, each once, in the plan's order
     */
    public List<Site> differentiated() {
        return backward(readings).stream().map(Site::forward).distinct().toList();
    }

    /**
     * The choices of tokens that have to be made prompt by prompt.
     *
     * @return those of the readings that {@linkplain Reading#choosesPositions() choose}, each once
     */
    public List<Positions> chosen() {
        return readings.stream()
                .filter(Reading::choosesPositions)
                .map(reading -> reading.pooling().positions())
                .distinct()
                .toList();
    }

    /**
     * The tokens at which sites that keep positions have a vector.
     *
     * @return the one choice of all these sites; {@link Positions#all()} if there are none
     */
    public Positions kept() {
        return kept(readings).stream().findFirst().orElse(Positions.all());
    }

    private static List<Positions> kept(List<Reading> readings) {
        return readings.stream()
                .filter(Reading::isPerToken)
                .map(reading -> reading.pooling().positions())
                .distinct()
                .toList();
    }

    private static List<Site> backward(List<Reading> readings) {
        return readings.stream()
                .map(reading -> reading.site().derivedFrom().orElse(reading.site()))
                .filter(site -> site.backward().isPresent())
                .toList();
    }

    /**
     * The tensors that this plan's readings can be derived from: each site with a tensor of its own, each position kept. Magnitudes
     * and picked units are derived from the site that they are of.
     *
     * @return a plan that pools nothing, in the same order; this one if it does so itself
     */
    public CapturePlan unpooled() {
        List<Reading> tensors = readings.stream()
                .map(reading -> new Reading(reading.site().derivedFrom().orElse(reading.site()), Pooling.none()))
                .distinct()
                .toList();
        return tensors.equals(readings) ? this : new CapturePlan(tensors, changing, objective);
    }

    /**
     * What the values of a batch take.
     *
     * @param rows    the batch's prompts
     * @param columns its positions, padding included; where only some are kept, this is more than it takes
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
}
