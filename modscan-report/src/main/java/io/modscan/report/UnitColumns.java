package io.modscan.report;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Where a page's units are in what was measured of some of them: at the same sites, or at sites that pick some of their units. */
final class UnitColumns {

    private final Set<Site> whole = new HashSet<>();
    private final Map<Unit, Unit> picked = new HashMap<>();
    private final long size;

    UnitColumns(Collection<Site> measured) {
        for (Site site : measured) {
            site.picked()
                    .ifPresentOrElse(
                            some -> IntStream.range(0, site.width())
                                    .forEach(column -> picked.put(
                                            Unit.of(some.of(), some.units().get(column)), Unit.of(site, column))),
                            () -> whole.add(site));
        }
        this.size = picked.size() + whole.stream().mapToLong(Site::width).sum();
    }

    /** Refuses sites of which the page has no units. */
    static void check(Collection<Site> measured, List<Site> ofPage) {
        for (Site site : measured) {
            if (!ofPage.contains(home(site))) {
                throw new ModscanException("the page has no units of " + site + "; it has those of "
                        + ofPage.stream().map(Site::name).collect(Collectors.joining(", ")));
            }
        }
    }

    private static Site home(Site site) {
        return site.picked().map(Site.Picked::of).orElse(site);
    }

    /** The unit itself, where it was picked from another site. */
    static Unit home(Unit unit) {
        return unit.site()
                .picked()
                .map(some -> Unit.of(some.of(), some.units().get(unit.inSite())))
                .orElse(unit);
    }

    /** Where a unit was measured, or null. */
    @Nullable
    Unit of(SiteFamily family, int unit) {
        Unit own = Unit.of(family.sites().get(unit / family.width()), unit % family.width());
        return whole.contains(own.site()) ? own : picked.get(own);
    }

    long size() {
        return size;
    }
}
