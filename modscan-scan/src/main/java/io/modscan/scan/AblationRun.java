package io.modscan.scan;

import static io.modscan.scan.ScanSites.HEADS;
import static io.modscan.scan.ScanSites.NEURONS;
import static io.modscan.scan.ScanSites.VECTORS;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Labels;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Unit;
import io.modscan.metrics.effect.Ablation;
import io.modscan.metrics.effect.Curve;
import io.modscan.metrics.effect.Curves;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Ranking;
import io.modscan.metrics.effect.Target;
import io.modscan.metrics.modules.ModuleTopics;
import io.modscan.metrics.modules.Modules;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.scan.AblationScan.By;
import io.modscan.scan.AblationScan.Part;
import io.modscan.scan.AblationScan.Step;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** One run of an {@link AblationScan}. */
final class AblationRun {

    private final AblationScan scan;
    private final Model model;
    private final Prompts prompts;
    private final Labels labels;
    private @Nullable Activations resampled;

    /** The first pass is the untouched one, in which units light up. */
    private double passes = 1;

    AblationRun(AblationScan scan) {
        this.scan = scan;
        this.model = scan.model();
        Prompts given = scan.prompts();
        if (given == null) {
            throw new ModscanException("there are no prompts to run; give some, of at least two labels");
        }
        this.prompts = given;
        this.labels = Labels.of(given.labels(scan.label()));
        if (labels.size() < 2) {
            throw new ModscanException("all prompts have the same '" + scan.label()
                    + "'; whether a label needs a unit shows against at least one other");
        }
        // Before the work, so that it is not done in vain.
        scan.rankings().forEach(labels::index);
    }

    AblationResult run() {
        boolean heads = scan.targets().isEmpty();
        Ablation each =
                heads ? study("heads", true).heads() : study("units", true).targets(scan.targets());
        Optional<Activations> untouched = untouched();
        Optional<SelectivityMap> units = untouched.map(values -> values.measure(Selectivity.by(scan.label())));
        EffectMap effects = each.run(prompts);
        count(each, true);
        Optional<EffectMap> modules = scan.with(Part.MODULES) && units.isPresent()
                ? modules(untouched.orElseThrow(), units.get())
                : Optional.empty();
        List<Curve> curves = scan.with(Part.CURVES) ? curves(untouched) : List.of();
        return new AblationResult(scan, prompts, effects, modules, curves, units, passes, model.provenance());
    }

    /** How units light up, as a scan has it; nothing where the model has neither heads nor neurons by these names. */
    private Optional<Activations> untouched() {
        List<SiteSelector> wanted = new ArrayList<>();
        if (has(VECTORS)) {
            wanted.add(HEADS);
        }
        if (has(NEURONS)) {
            wanted.add(NEURONS);
        }
        Pooling pooling = model.bosTokenId().isPresent() ? Pooling.mean().withoutBos() : Pooling.mean();
        return wanted.isEmpty() ? Optional.empty() : Optional.of(capture(pooling, wanted));
    }

    private boolean has(SiteSelector wanted) {
        return model.sites().stream().anyMatch(wanted::selects);
    }

    private Activations capture(Pooling pooling, List<SiteSelector> sites) {
        Probe.Builder builder = scan.settings(Probe.builder(model));
        sites.forEach(site -> builder.sites(pooling, site));
        try (Probe probe = builder.build()) {
            return probe.capture(prompts);
        }
    }

    private Ablation study(String part, boolean matched) {
        Ablation study = Ablation.of(model)
                .by(scan.label())
                .outcome(scan.outcome())
                .probe(scan::settings)
                .progress((done, all) -> scan.progress().accept(new Step(part, done, all)));
        if (scan.by() == By.ZERO) {
            study.replacing(Replacement.zero());
        } else if (scan.by() == By.RESAMPLE) {
            study.replacing(
                    "the mean over positions of another prompt, drawn with the seed " + scan.seed(),
                    Ablation.resampled(others(), scan.seed()));
        }
        scan.temporary().ifPresent(study::temporary);
        return matched ? study.matched(scan.sets(), scan.seed()) : study;
    }

    /** What there is to be drawn from other prompts, at all sites that any part changes. */
    private Activations others() {
        Activations there = resampled;
        if (there == null) {
            Set<Site> changed = new HashSet<>();
            scan.targets()
                    .forEach(target -> target.units()
                            .forEach(unit -> changed.add(unit.site().forward())));
            there = capture(
                    Pooling.mean(),
                    List.of(site -> model.changeable().contains(site)
                            && (VECTORS.selects(site) || NEURONS.selects(site) || changed.contains(site))));
            resampled = there;
            passes++;
        }
        return there;
    }

    /** Random sets are counted as if each were run, though those that were drawn twice are run once. */
    private void count(Ablation study, boolean matched) {
        passes += 1 + (study.passes() - 1) * (matched ? 1 + scan.sets() : 1);
    }

    private Optional<EffectMap> modules(Activations untouched, SelectivityMap units) {
        if (prompts.size() < ScanModules.FEWEST_PROMPTS) {
            return Optional.empty();
        }
        List<ModuleTopics> found = ScanModules.of(
                        "units",
                        untouched,
                        Modules.byCoActivation().withProgress(scan.moduleProgress()),
                        units,
                        scan.moduleUnits())
                .topics();
        if (found.isEmpty()) {
            return Optional.empty();
        }
        List<Target> targets = new ArrayList<>();
        for (ModuleTopics module : found.subList(0, Math.min(AblationScan.MOST_MODULES, found.size()))) {
            String topic = module.topic().map(label -> " (" + label + ")").orElse("");
            targets.add(new Target(
                    "module " + targets.size() + topic, module.module().units()));
        }
        boolean matched = targets.stream().allMatch(AblationRun::leavesAsMany);
        Ablation study = study("modules", matched).targets(targets);
        EffectMap effects = study.run(prompts);
        count(study, matched);
        return Optional.of(effects);
    }

    /** Random units are others of the same sites, of which a large module leaves too few. */
    private static boolean leavesAsMany(Target module) {
        Map<Site, Long> bySite =
                module.units().stream().collect(Collectors.groupingBy(Unit::site, Collectors.counting()));
        return bySite.entrySet().stream()
                .allMatch(site -> 2 * site.getValue() <= site.getKey().width());
    }

    private List<Curve> curves(Optional<Activations> untouched) {
        if (!has(NEURONS)) {
            return List.of();
        }
        SelectivityMap neurons = untouched.orElseThrow().only(NEURONS).measure(Selectivity.by(scan.label()));
        List<String> chosen = scan.rankings().isEmpty()
                ? labels.names().subList(0, Math.min(AblationScan.MOST_LABELS, labels.size()))
                : scan.rankings();
        List<Unit> all = neurons.sites().stream()
                .flatMap(site ->
                        Stream.iterate(0, unit -> unit + 1).limit(site.width()).map(unit -> Unit.of(site, unit)))
                .toList();
        List<Ranking> rankings = new ArrayList<>();
        chosen.stream().distinct().forEach(label -> rankings.add(Ranking.bySelectivity(neurons, label)));
        rankings.add(Ranking.random(all, scan.seed()));
        Ablation study = study("curves", false);
        List<Curve> curves = scan.keepsOnly()
                ? Curves.keepingOnly(study, rankings, prompts)
                : Curves.removing(study, rankings, prompts);
        passes += Curves.passes(study, rankings, scan.keepsOnly());
        return curves;
    }

    /** What replaced units, in words. */
    static String words(By by) {
        return by.name().toLowerCase(Locale.ROOT);
    }
}
