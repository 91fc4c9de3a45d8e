package io.modscan.scan;

import static io.modscan.scan.ScanSites.NEURONS;
import static io.modscan.scan.ScanSites.VECTORS;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Site;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** One run of an {@link AblationScan}. */
final class AblationRun {

    private final AblationScan scan;
    private final EffectSettings settings;
    private final LabelledRun run;
    private final Prompts prompts;

    /** The first pass is the untouched one, in which units light up; another gives what is resampled. */
    private double passes;

    AblationRun(AblationScan scan) {
        this.scan = scan;
        this.settings = scan.settings();
        this.run = new LabelledRun(settings);
        this.prompts = run.prompts();
        this.passes = settings.by == By.RESAMPLE ? 2 : 1;
    }

    AblationResult run() {
        boolean heads = scan.targets().isEmpty();
        Ablation each =
                heads ? study("heads", true).heads() : study("units", true).targets(scan.targets());
        Optional<Activations> untouched = run.lights(VECTORS, NEURONS);
        Optional<SelectivityMap> units = untouched.map(values -> values.measure(Selectivity.by(settings.label)));
        EffectMap effects = each.run(prompts);
        count(each, true);
        Optional<EffectMap> modules = scan.with(Part.MODULES) && units.isPresent()
                ? modules(untouched.orElseThrow(), units.get())
                : Optional.empty();
        List<Curve> curves = scan.with(Part.CURVES) ? curves(untouched) : List.of();
        return new AblationResult(scan, prompts, effects, modules, curves, units, passes, settings.model.provenance());
    }

    private Ablation study(String part, boolean matched) {
        Set<Site> changed = scan.targets().stream()
                .flatMap(target -> target.units().stream())
                .map(unit -> unit.site().forward())
                .collect(Collectors.toSet());
        Ablation study = run.study(part, scan.outcome(), changed::contains);
        return matched ? study.matched(scan.sets(), settings.seed) : study;
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
                        Modules.byCoActivation().withProgress(settings.moduleProgress),
                        units,
                        settings.moduleUnits)
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
        if (!run.has(NEURONS)) {
            return List.of();
        }
        SelectivityMap neurons = untouched.orElseThrow().only(NEURONS).measure(Selectivity.by(settings.label));
        List<Unit> all = neurons.sites().stream()
                .flatMap(site ->
                        Stream.iterate(0, unit -> unit + 1).limit(site.width()).map(unit -> Unit.of(site, unit)))
                .toList();
        List<Ranking> rankings = new ArrayList<>();
        run.ranked().forEach(label -> rankings.add(Ranking.bySelectivity(neurons, label)));
        rankings.add(Ranking.random(all, settings.seed));
        Ablation study = study("curves", false);
        List<Curve> curves = scan.keepsOnly()
                ? Curves.keepingOnly(study, rankings, prompts)
                : Curves.removing(study, rankings, prompts);
        passes += Curves.passes(study, rankings, scan.keepsOnly());
        return curves;
    }
}
