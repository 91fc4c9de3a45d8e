package io.modscan.report;

import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.selectivity.SelectivityMap;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The same tensor of each layer, such as {@code blocks.*.mlp.hook_post}.
 *
 * @param name  its name, with {@code *} for the layer
 * @param sites of equal axes, in order of layers
 */
record SiteFamily(String name, List<Site> sites) {

    SiteFamily {
        sites = List.copyOf(sites);
    }

    static List<SiteFamily> of(Collection<Site> sites) {
        Map<List<Object>, List<Site>> families = new LinkedHashMap<>();
        for (Site site : sites) {
            families.computeIfAbsent(List.of(pattern(site), site.axes()), any -> new ArrayList<>())
                    .add(site);
        }
        return families.values().stream()
                .map(members -> new SiteFamily(
                        pattern(members.get(0)),
                        members.stream()
                                .sorted(Comparator.comparingInt(
                                        site -> site.layer().orElse(0)))
                                .toList()))
                .toList();
    }

    private static String pattern(Site site) {
        return site.layer().isPresent()
                ? site.name().replaceFirst("(?<!\\d)" + site.layer().getAsInt() + "(?!\\d)", "*")
                : site.name();
    }

    /** What it is in words, for who knows no names of tensors; its name where there are none. */
    String words() {
        return SiteWords.of(name);
    }

    /** What the page is told of any family. */
    Map<String, Object> facts() {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("pattern", name);
        facts.put("words", words());
        facts.put("kind", kind());
        facts.put("layers", layers());
        facts.put("layered", layered());
        facts.put("width", width());
        facts.put("heads", heads());
        return facts;
    }

    /** How many units of each layer were not measured; none is told where all were. */
    List<Long> missing(SelectivityMap map) {
        List<Long> missing =
                sites.stream().map(site -> map.notMeasured(site::equals)).toList();
        return missing.stream().allMatch(count -> count == 0) ? List.of() : missing;
    }

    /** What stands for each site on an axis. */
    List<String> layers() {
        return sites.stream().map(SiteFamily::layer).toList();
    }

    static String layer(Site site) {
        return site.layer().isPresent() ? Integer.toString(site.layer().getAsInt()) : site.name();
    }

    boolean layered() {
        return sites.stream().allMatch(site -> site.layer().isPresent());
    }

    int heads() {
        return sites.get(0).heads();
    }

    /** Values of a prompt at one site, pooled. */
    int width() {
        return sites.get(0).width();
    }

    /** What one value is of. */
    String kind() {
        Site site = sites.get(0);
        return !layered() || (site.heads() > 0 && site.units() > 0) ? "unit" : site.heads() > 0 ? "head" : "neuron";
    }

    /** The name of one unit, such as {@code L3H5} or {@code L3N120}; of one that was picked, as it is called where it comes from. */
    static String unit(Unit unit) {
        Site.Picked picked = unit.site().picked().orElse(null);
        return picked == null
                ? unit(unit.site(), unit.head(), unit.unit())
                : unit(picked.of(), unit.head(), OptionalInt.of(picked.units().get(unit.inSite())));
    }

    /** The name of one unit, such as {@code L3H5} or {@code L3N120}. */
    static String unit(Site site, OptionalInt head, OptionalInt unit) {
        String layer = site.layer().isPresent() ? "L" + site.layer().getAsInt() : site.name() + " ";
        return layer
                + (head.isPresent() ? "H" + head.getAsInt() : "")
                + (unit.isPresent() ? "N" + unit.getAsInt() : "");
    }
}
