package io.modscan.scan;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Site;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.ModuleProgress;
import io.modscan.metrics.modules.ModuleTopics;
import io.modscan.metrics.modules.Modules;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * The modules that the units of a scan form. What they cost grows with the square of the number of units, so of many units
 * only those count that vary most, whatever the labels are.
 *
 * @param of     of what, {@code units}, {@code components} or {@code units by use}
 * @param values what they were found in: of components, the half of the prompts that these were not fitted to
 * @param found  the modules, largest first
 * @param topics what each responds to, in the same order
 */
public record ScanModules(String of, Activations values, ModuleMap found, List<ModuleTopics> topics) {

    /** Over fewer prompts every correlation is 1, -1 or none. */
    static final int FEWEST_PROMPTS = 3;

    /** Of more prompts than this the components of thousands of neurons take minutes a layer. */
    private static final int MOST_PROMPTS_FOR_COMPONENTS = 500;

    /** A unit's variance, site and place. */
    private record Variance(double variance, int site, int unit) implements Comparable<Variance> {
        @Override
        public int compareTo(Variance other) {
            int byVariance = Double.compare(other.variance, variance);
            int bySite = byVariance != 0 ? byVariance : Integer.compare(site, other.site);
            return bySite != 0 ? bySite : Integer.compare(unit, other.unit);
        }
    }

    /**
     * Copies the list.
     *
     * @param of     see above
     * @param values see above
     * @param found  see above
     * @param topics see above
     */
    public ScanModules {
        topics = List.copyOf(topics);
    }

    /**
     * How good the modules are, and the largest of them, as text.
     *
     * @return lines, each ended
     */
    public String summary() {
        return ScanText.of(this);
    }

    /**
     * Modules of the units as they are, and of the principal components of each site, which are fitted to one half of each label's
     * prompts and measured on the other.
     */
    static List<ScanModules> of(ScanResult scan, Scan settings) {
        Activations values = scan.activations();
        ScanModules units = of("units", values, Modules.byCoActivation(), scan.units(), settings);
        if (noComponents(scan).isPresent()) {
            return List.of(units);
        }
        Set<String> fit = half(values.prompts(), scan.label());
        // Over the prompts of their fit they would be uncorrelated, whatever the layer does.
        Activations components = Basis.heldOut(Basis.Kind.CENTRED, values, prompt -> fit.contains(prompt.id()));
        SelectivityMap selectivity = components.measure(Selectivity.by(scan.label()));
        // The sign of a component means nothing.
        return List.of(
                units, of("components", components, Modules.byCoActivation().absolute(), selectivity, settings));
    }

    /** Why a scan has no modules of components, if it has none. */
    static Optional<String> noComponents(ScanResult scan) {
        Prompts prompts = scan.prompts();
        if (prompts.size() > MOST_PROMPTS_FOR_COMPONENTS) {
            return Optional.of("over more than " + MOST_PROMPTS_FOR_COMPONENTS + " prompts, here " + prompts.size()
                    + ", components take too long");
        }
        Set<String> fit = half(prompts, scan.label());
        Prompts others = prompts.filter(prompt -> !fit.contains(prompt.id()));
        int labels = new HashSet<>(others.labels(scan.label())).size();
        return fit.size() >= 2 && others.size() >= FEWEST_PROMPTS && labels >= 2
                ? Optional.empty()
                : Optional.of("half of each label's prompts is too little: " + fit.size()
                        + " to fit them, which takes 2, and " + others.size() + " others of " + labels
                        + (labels == 1 ? " label" : " labels") + " to measure them, which takes " + FEWEST_PROMPTS
                        + " of 2");
    }

    private static ScanModules of(
            String name, Activations units, Modules metric, SelectivityMap selectivity, Scan settings) {
        Consumer<ModuleProgress> progress = step -> settings.moduleProgress().accept(name, step);
        return of(name, units, metric.withProgress(progress), selectivity, settings.moduleUnits());
    }

    /** Modules among the units that vary most. */
    static ScanModules of(String name, Activations units, Modules metric, SelectivityMap selectivity, int most) {
        ModuleMap found = mostVarying(units, most).measure(metric);
        return new ScanModules(name, units, found, found.topics(selectivity, Criterion.standard()));
    }

    /** Half of each label's prompts, drawn, the same whatever their order; one less of an odd number. */
    private static Set<String> half(Prompts prompts, String key) {
        Map<String, List<String>> byLabel = new TreeMap<>();
        List<String> labels = prompts.labels(key);
        for (int i = 0; i < labels.size(); i++) {
            byLabel.computeIfAbsent(labels.get(i), label -> new ArrayList<>())
                    .add(prompts.get(i).id());
        }
        Set<String> half = new HashSet<>();
        Random random = new Random(0);
        for (List<String> ids : byLabel.values()) {
            Collections.sort(ids);
            Collections.shuffle(ids, random);
            half.addAll(ids.subList(0, ids.size() / 2));
        }
        return half;
    }

    /** The same with all units constant, and so in no module, but those that vary most. */
    private static Activations mostVarying(Activations units, int most) {
        List<SiteActivations> sites = units.sites();
        if (sites.stream().mapToLong(site -> site.site().width()).sum() <= most) {
            return units;
        }
        SortedSet<Variance> kept = new TreeSet<>();
        for (int site = 0; site < sites.size(); site++) {
            double[] variances = variances(sites.get(site).vectors());
            for (int unit = 0; unit < variances.length; unit++) {
                // What is not finite varies by nothing that is known, and must not take the place of what does.
                kept.add(new Variance(Double.isFinite(variances[unit]) ? variances[unit] : -1, site, unit));
                if (kept.size() > most) {
                    kept.remove(kept.last());
                }
            }
        }
        Map<Site, boolean[]> bySite = new LinkedHashMap<>();
        sites.forEach(site -> bySite.put(site.site(), new boolean[site.site().width()]));
        kept.forEach(one -> bySite.getOrDefault(sites.get(one.site()).site(), new boolean[0])[one.unit()] = true);
        return units.map(site -> site.derived(site.site(), site.pooling(), prompt -> {
            boolean[] varying = bySite.getOrDefault(site.site(), new boolean[0]);
            float[] vector = site.vector(prompt);
            for (int unit = 0; unit < vector.length; unit++) {
                vector[unit] = varying[unit] ? vector[unit] : 0;
            }
            return vector;
        }));
    }

    private static double[] variances(float[][] vectors) {
        int width = vectors[0].length;
        double[] means = new double[width];
        double[] variances = new double[width];
        for (float[] vector : vectors) {
            for (int i = 0; i < width; i++) {
                means[i] += vector[i] / (double) vectors.length;
            }
        }
        for (float[] vector : vectors) {
            for (int i = 0; i < width; i++) {
                variances[i] += (vector[i] - means[i]) * (vector[i] - means[i]) / vectors.length;
            }
        }
        return variances;
    }
}
