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
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Draws random units that are like given ones: of the same site, and of about the same mean activation. For one thread. */
final class MatchedUnits {

    /** How many units, the nearest in mean activation, one is drawn from: enough to be random, few enough to be like it. */
    private static final int NEAREST = 20;

    private final Reference means;
    private final SplittableRandom random;
    private final Map<Site, List<Unit>> bySize = new HashMap<>();

    MatchedUnits(Reference means, long seed) {
        this.means = means;
        this.random = new SplittableRandom(seed);
    }

    /** As many others, none of them given, each once. */
    List<Unit> draw(List<Unit> given) {
        Set<Unit> taken = new HashSet<>(given);
        List<Unit> drawn = new ArrayList<>();
        for (Unit unit : given) {
            List<Unit> alike = bySize.computeIfAbsent(unit.site(), this::inOrder);
            int at = alike.indexOf(unit);
            List<Unit> near = IntStream.range(0, alike.size())
                    .boxed()
                    .sorted(Comparator.comparingInt(i -> Math.abs(i - at)))
                    .map(alike::get)
                    .filter(other -> !taken.contains(other))
                    .limit(NEAREST)
                    .toList();
            if (near.isEmpty()) {
                throw new ModscanException("more than half of the units of " + unit.site()
                        + " are changed, so there are not as many others to set beside them; run without random sets");
            }
            Unit other = near.get(random.nextInt(near.size()));
            taken.add(other);
            drawn.add(other);
        }
        return drawn;
    }

    /** All units of a site by the size of their mean. */
    private List<Unit> inOrder(Site site) {
        float[] mean = means.at(site.tensorName(), 0);
        int share = mean.length / site.width();
        return IntStream.range(0, site.width())
                .boxed()
                .sorted(Comparator.comparingDouble(unit -> size(mean, unit * share, share)))
                .map(unit -> Unit.of(site, unit))
                .toList();
    }

    private static double size(float[] mean, int from, int count) {
        double squares = 0;
        for (int i = from; i < from + count; i++) {
            squares += (double) mean[i] * mean[i];
        }
        return squares;
    }
}
