package io.modscan.scan;

import static io.modscan.scan.ScanSites.HEADS;
import static io.modscan.scan.ScanSites.NEURONS;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.core.site.Unit;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What is looked into token by token: all heads, those neurons that tell labels apart best, and so many prompts, the first of each label.
 *
 * @param neurons by site, the neurons' indices, ascending
 * @param heads   the sites of heads' magnitudes
 * @param prompts ids
 * @param shown   ids of those whose texts are kept
 */
record TokenUnits(Map<Site, int[]> neurons, List<Site> heads, Set<String> prompts, Set<String> shown) {

    /** So many that a page can show them, and that a second pass is quick. */
    private static final int MOST_NEURONS = 300;

    /** Facts that are lists, too long for the foot of a page. */
    static final String PROMPTS = "scan.tokenPrompts";

    static final String NEURONS_TAKEN = "scan.tokenNeurons";

    private static final int SHOWN_OF_A_LABEL = 3;
    private static final int MOST_SHOWN = 40;

    static TokenUnits of(SelectivityMap units, Prompts prompts, Scan scan) {
        return new TokenUnits(
                neurons(units),
                units.sites().stream().filter(HEADS::reads).toList(),
                prompts(prompts, scan),
                firsts(prompts, scan.label(), SHOWN_OF_A_LABEL, Math.min(MOST_SHOWN, scan.tokenPrompts())));
    }

    /** The ids of the prompts that are looked into, which hang on no measurement. */
    static Set<String> prompts(Prompts prompts, Scan scan) {
        return firsts(prompts, scan.label(), scan.tokenPrompts(), scan.tokenPrompts());
    }

    /** A neuron, and how far an AUROC of it is from one half at most. */
    private record Best(int site, int unit, double apart) {}

    /** By the largest distance of an AUROC from one half; of equal ones in order of sites. */
    private static Map<Site, int[]> neurons(SelectivityMap units) {
        List<Best> all = new ArrayList<>();
        int labels = units.labels().size();
        Iterator<UnitSelectivity> rows = units.rows().iterator();
        for (int site = 0; site < units.sites().size(); site++) {
            boolean wanted = NEURONS.reads(units.sites().get(site));
            for (int unit = 0; unit < units.sites().get(site).width(); unit++) {
                double best = Double.NEGATIVE_INFINITY;
                for (int label = 0; label < labels; label++) {
                    // NaN is no larger.
                    double apart = Math.abs(rows.next().auroc() - 0.5);
                    best = apart > best ? apart : best;
                }
                if (wanted && best >= 0) {
                    all.add(new Best(site, unit, best));
                }
            }
        }
        all.sort(Comparator.comparingDouble((Best one) -> -one.apart())
                .thenComparingInt(Best::site)
                .thenComparingInt(Best::unit));
        Map<Integer, List<Integer>> chosen = new TreeMap<>();
        all.stream()
                .limit(MOST_NEURONS)
                .forEach(one -> chosen.computeIfAbsent(one.site(), site -> new ArrayList<>())
                        .add(one.unit()));
        Map<Site, int[]> neurons = new LinkedHashMap<>();
        chosen.forEach((site, of) -> neurons.put(
                units.sites().get(site),
                of.stream().mapToInt(Integer::intValue).sorted().toArray()));
        return neurons;
    }

    /** What was looked into, for those who want to do it again. */
    Map<String, String> facts(int prompts, boolean ranAgain) {
        Map<String, String> facts = new TreeMap<>();
        facts.put(
                "scan.tokens",
                this.prompts.size() + " of " + prompts
                        + " prompts, the first of each label in turn; all heads, and the "
                        + neurons.values().stream().mapToInt(of -> of.length).sum()
                        + " neurons whose AUROC is farthest from one half for a label, over all prompts; "
                        + (ranAgain ? "in a second pass" : "in the same pass"));
        facts.put(PROMPTS, String.join("; ", this.prompts));
        facts.put(
                NEURONS_TAKEN,
                neurons.entrySet().stream()
                        .map(entry -> entry.getKey().name() + " "
                                + Arrays.stream(entry.getValue())
                                        .mapToObj(Integer::toString)
                                        .collect(Collectors.joining(",")))
                        .collect(Collectors.joining("; ")));
        return facts;
    }

    /** The first of each label, in turn. */
    private static Set<String> firsts(Prompts prompts, String key, int ofLabel, int most) {
        Map<String, List<String>> byLabel = new TreeMap<>();
        List<String> labels = prompts.labels(key);
        for (int i = 0; i < labels.size(); i++) {
            Prompt prompt = prompts.get(i);
            byLabel.computeIfAbsent(labels.get(i), label -> new ArrayList<>()).add(prompt.id());
        }
        Set<String> firsts = new LinkedHashSet<>();
        for (int round = 0; round < ofLabel && firsts.size() < most; round++) {
            int before = firsts.size();
            for (List<String> ids : byLabel.values()) {
                if (round < ids.size() && firsts.size() < most) {
                    firsts.add(ids.get(round));
                }
            }
            if (firsts.size() == before) {
                break;
            }
        }
        return firsts;
    }

    /** The units, in order of sites. */
    List<Unit> units() {
        List<Unit> units = new ArrayList<>();
        heads.forEach(site -> IntStream.range(0, site.width()).forEach(head -> units.add(Unit.of(site, head))));
        neurons.forEach((site, of) -> Arrays.stream(of).forEach(neuron -> units.add(Unit.of(site, neuron))));
        return units;
    }

    /** What a probe reads. */
    List<SiteSelector> selectors() {
        List<SiteSelector> selectors = new ArrayList<>();
        heads.forEach(site -> selectors.add(Sites.glob(site.name())));
        neurons.forEach((site, units) -> selectors.add(Sites.glob(site.name()).picking(units)));
        return selectors;
    }

    /** The same of what is there already. */
    Activations of(Activations all) {
        return all.only(site -> heads.contains(site) || neurons.containsKey(site))
                .map(site -> {
                    int[] units = neurons.get(site.site());
                    if (units == null) {
                        return site;
                    }
                    int width = site.site().width();
                    return site.derived(site.site().pick(units), site.pooling(), prompt -> {
                        int tokens = site.row(prompt).capacity() / width;
                        float[] values = new float[tokens * units.length];
                        for (int i = 0; i < values.length; i++) {
                            values[i] = site.row(prompt).get(i / units.length * width + units[i % units.length]);
                        }
                        return values;
                    });
                });
    }
}
