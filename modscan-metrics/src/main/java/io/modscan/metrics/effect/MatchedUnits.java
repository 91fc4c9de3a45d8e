package io.modscan.metrics.effect;

import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Reference;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Draws random units that are like given ones: of the same site, and of about the same mean activation. For one thread. */
final class MatchedUnits {

    /** Of so many units, the nearest in mean activation, one is drawn, at a wide site: enough to be random, few enough to be like it. */
    private static final int NEAREST = 20;

    /** The same at a narrow one, such as that of heads. */
    private static final int FEWEST = 3;

    private final Reference means;
    private final Map<Site, Order> orders = new HashMap<>();

    /** All units of a site by the size of their mean, and where each is among them. */
    private record Order(List<Unit> units, Map<Unit, Integer> places) {}

    MatchedUnits(Reference means) {
        this.means = means;
    }

    /** Throws if a site has not as many other units as are changed of it. */
    static void check(Target target) {
        Map<Site, Long> counts =
                target.units().stream().collect(Collectors.groupingBy(Unit::site, Collectors.counting()));
        counts.forEach((site, count) -> {
            if (2 * count > site.width()) {
                throw new ModscanException(
                        "'" + target.name() + "' is " + count + " of the " + site.width() + " units of " + site
                                + ", so there are not as many others that could be changed in their place; run it without random sets");
            }
        });
    }

    /** As many others, none of them given, each once. */
    List<Unit> draw(List<Unit> given, SplittableRandom random) {
        Set<Unit> taken = new HashSet<>(given);
        List<Unit> drawn = new ArrayList<>();
        for (Unit unit : given) {
            Order order = orders.computeIfAbsent(unit.site(), this::inOrder);
            List<Unit> near = near(order, unit, taken);
            if (near.isEmpty()) {
                throw new ModscanException(
                        unit.site() + " has no other units left that could be changed in place of the " + given.size()
                                + " that are; run without random sets");
            }
            Unit other = near.get(random.nextInt(near.size()));
            taken.add(other);
            drawn.add(other);
        }
        return drawn;
    }

    /** Those that are free, from where the unit is outwards. */
    private static List<Unit> near(Order order, Unit unit, Set<Unit> taken) {
        int most = Math.max(FEWEST, Math.min(NEAREST, order.units().size() / 4));
        int at = Objects.requireNonNull(order.places().get(unit));
        List<Unit> near = new ArrayList<>();
        for (int apart = 1; apart < order.units().size() && near.size() < most; apart++) {
            for (int place : new int[] {at - apart, at + apart}) {
                if (near.size() < most
                        && place >= 0
                        && place < order.units().size()
                        && !taken.contains(order.units().get(place))) {
                    near.add(order.units().get(place));
                }
            }
        }
        return near;
    }

    private Order inOrder(Site site) {
        float[] mean = means.at(site.forward().name(), 0);
        int share = mean.length / site.width();
        List<Unit> units = IntStream.range(0, site.width())
                .boxed()
                .sorted(Comparator.comparingDouble(unit -> size(mean, unit * share, share)))
                .map(unit -> Unit.of(site, unit))
                .toList();
        Map<Unit, Integer> places = new HashMap<>();
        units.forEach(unit -> places.put(unit, places.size()));
        return new Order(units, places);
    }

    private static double size(float[] mean, int from, int count) {
        double squares = 0;
        for (int i = from; i < from + count; i++) {
            squares += (double) mean[i] * mean[i];
        }
        return squares;
    }
}
