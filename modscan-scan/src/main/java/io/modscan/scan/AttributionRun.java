package io.modscan.scan;

import static io.modscan.scan.ScanSites.NEURONS;
import static io.modscan.scan.ScanSites.VECTORS;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Unit;
import io.modscan.metrics.effect.Attribution;
import io.modscan.metrics.effect.Curve;
import io.modscan.metrics.effect.Curves;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.effect.Ranking;
import io.modscan.metrics.effect.Target;
import io.modscan.metrics.effect.UnitEffect;
import io.modscan.metrics.modules.Modules;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.scan.AblationScan.Step;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** One run of an {@link AttributionScan}. */
final class AttributionRun {

    private final AttributionScan scan;
    private final EffectSettings settings;
    private final LabelledRun run;
    private final Prompts prompts;

    AttributionRun(AttributionScan scan) {
        this.scan = scan;
        this.settings = scan.settings();
        this.run = new LabelledRun(settings);
        this.prompts = run.prompts();
    }

    AttributionResult run() {
        boolean measures = scan.measuresHeads() || scan.mostUsed() > 0 || scan.hasCurves();
        // Before the work, so that it is not done in vain.
        Optional<Outcome> outcome = measures ? Optional.of(Outcome.of(scan.objective(), prompts)) : Optional.empty();
        List<Target> heads = scan.measuresHeads() ? heads() : List.of();
        if (scan.mostUsed() > 0) {
            checkChangeable();
        }
        // The first pass may be the last one, and has to have begun.
        settings.progress.accept(new Step("attributions", 0, 1));
        Activations attributions = attributions();
        EffectMap estimated = EffectMap.estimated(attributions, settings.label);
        SelectivityMap used = attributions.measure(Selectivity.by(settings.label));
        Activations untouched = untouched(attributions);
        SelectivityMap units = untouched.measure(Selectivity.by(settings.label));
        List<ScanModules> modules = scan.hasModules() && prompts.size() >= ScanModules.FEWEST_PROMPTS
                ? List.of(modules("units by use", attributions, used), modules("units", untouched, units))
                : List.of();
        Optional<EffectMap> measured = outcome.flatMap(of -> measured(heads, estimated, of));
        List<Curve> curves = scan.hasCurves() ? curves(estimated, units, outcome.orElseThrow()) : List.of();
        return new AttributionResult(scan, prompts, attributions, estimated, used, units, measured, curves, modules);
    }

    private boolean isLookedAt(Site site) {
        return scan.sites().stream().anyMatch(selector -> selector.selects(site));
    }

    /**
     * Those of heads by steps, if there are to be some. A site's units go to their replacements together, which is less than true of neurons: of these, there are
     * thousands, each of which changes little, so that the gradient at the value does.
     */
    private Activations attributions() {
        List<SiteSelector> sites = scan.sites();
        List<SiteSelector> heads = sites.stream().map(of -> part(of, true)).toList();
        boolean hasHeads = settings.model.differentiable().stream()
                .anyMatch(site -> heads.stream().anyMatch(of -> of.selects(site)));
        List<SiteSelector> others = sites.stream().map(of -> part(of, false)).toList();
        boolean hasOthers = settings.model.differentiable().stream()
                .anyMatch(site -> others.stream().anyMatch(of -> of.selects(site) && (of.names(site) || fits(site))));
        if (scan.steps() == 1 || !hasHeads || !hasOthers) {
            return attribution(sites, hasHeads ? scan.steps() : 1).run(prompts);
        }
        Activations ofHeads = attribution(heads, scan.steps()).run(prompts);
        return both(ofHeads, attribution(others, 1).run(prompts));
    }

    private static boolean fits(Site site) {
        return site.hasPositions() && site.units() > 0 && !site.onDemand();
    }

    private static SiteSelector part(SiteSelector of, boolean heads) {
        return new SiteSelector() {
            @Override
            public boolean selects(Site site) {
                return of.selects(site) && site.heads() > 0 == heads;
            }

            @Override
            public boolean names(Site site) {
                return of.names(site);
            }

            @Override
            public String toString() {
                return of.toString();
            }
        };
    }

    /** Those of all sites in the network's order, with what is said of those for which steps were taken. */
    private Activations both(Activations heads, Activations others) {
        Map<String, SiteActivations> bySite = new HashMap<>();
        for (Activations part : List.of(heads, others)) {
            part.sites().forEach(site -> bySite.put(site.site().forward().name(), site));
        }
        Activations.Builder all = Activations.builder(prompts)
                .tokens(IntStream.range(0, prompts.size())
                        .mapToObj(heads::tokens)
                        .toList());
        for (Site site : settings.model.sites()) {
            SiteActivations found = bySite.get(site.name());
            if (found != null) {
                float[][] rows = IntStream.range(0, prompts.size())
                        .mapToObj(found::vector)
                        .toArray(float[][]::new);
                all.site(found.site(), found.pooling(), rows);
            }
        }
        Map<String, String> facts = new HashMap<>(heads.provenance());
        facts.merge(
                "modscan.plan",
                String.valueOf(others.provenance().get("modscan.plan")),
                (one, other) -> one + "; " + other);
        facts.merge("attribution.steps", "1", (one, other) -> one + " of heads, " + other + " of others");
        return all.provenance(facts).build();
    }

    private Attribution attribution(List<SiteSelector> sites, int steps) {
        Attribution study = Attribution.of(settings.model)
                .sites(sites.toArray(SiteSelector[]::new))
                .objective(scan.objective())
                .steps(steps)
                .probe(settings::apply)
                .progress((done, all) -> settings.progress.accept(new Step("attributions", done, all)));
        run.replacing(this::isLookedAt).ifPresent(with -> study.replacing(with.inWords(), with.ofPrompt()));
        return study;
    }

    private List<Target> heads() {
        List<Target> heads = Target.heads(settings.model.changeable().stream()
                .filter(site -> VECTORS.selects(site) && isLookedAt(site))
                .toList());
        if (heads.isEmpty()) {
            throw new ModscanException("there are no heads to check among the sites that are looked at");
        }
        return heads;
    }

    private void checkChangeable() {
        List<Site> changeable = settings.model.changeable();
        settings.model.differentiable().stream()
                .filter(site -> isLookedAt(site) && fits(site) && !changeable.contains(site))
                .findFirst()
                .ifPresent(site -> {
                    throw new ModscanException(
                            "units of " + site + " can't be switched off, so what is used most can't be checked"
                                    + " where it is looked at; these can: "
                                    + changeable.stream().limit(8).toList());
                });
    }

    /** How the same units light up. */
    private Activations untouched(Activations attributions) {
        Set<Site> sites = attributions.sites().stream()
                .map(SiteActivations::site)
                .map(Site::forward)
                .collect(Collectors.toSet());
        return run.lights(
                        site -> sites.contains(site) && site.heads() > 0,
                        site -> sites.contains(site) && site.heads() == 0)
                .orElseThrow();
    }

    private ScanModules modules(String of, Activations values, SelectivityMap responses) {
        return ScanModules.of(
                of,
                values,
                Modules.byCoActivation().withProgress(settings.moduleProgress),
                responses,
                settings.moduleUnits);
    }

    /** Some effects as they are; none where none is asked for. */
    private Optional<EffectMap> measured(List<Target> heads, EffectMap estimated, Outcome outcome) {
        Set<Target> targets = new LinkedHashSet<>(heads);
        targets.addAll(mostUsed(estimated));
        return targets.isEmpty()
                ? Optional.empty()
                : Optional.of(run.study("units", outcome, this::isLookedAt)
                        .targets(targets)
                        .run(prompts));
    }

    /** Each target once, by the label that uses it most above others. */
    private List<Target> mostUsed(EffectMap estimated) {
        Set<String> names = new HashSet<>();
        return estimated
                .rows()
                .filter(row -> Double.isFinite(row.selective()))
                .sorted(Comparator.comparingDouble(row -> -row.sense().harm(row.selective())))
                .filter(row -> names.add(row.target()))
                .limit(scan.mostUsed())
                .map(row -> Target.of(row.unit()))
                .toList();
    }

    private List<Curve> curves(EffectMap estimated, SelectivityMap units, Outcome outcome) {
        List<Unit> neurons = estimated.targets().stream()
                .flatMap(target -> target.units().stream())
                .filter(unit -> NEURONS.selects(unit.site()))
                .toList();
        if (neurons.isEmpty()) {
            return List.of();
        }
        List<Ranking> rankings = new ArrayList<>();
        for (String label : run.ranked()) {
            rankings.add(neurons("used for " + label, Ranking.byEffect(estimated, label, UnitEffect::selective)));
            rankings.add(neurons("lit up for " + label, Ranking.bySelectivity(units, label)));
        }
        rankings.add(Ranking.random(neurons, settings.seed));
        return Curves.removing(run.study("curves", outcome, this::isLookedAt), rankings, prompts);
    }

    private static Ranking neurons(String name, Ranking of) {
        return new Ranking(
                name,
                of.units().stream().filter(unit -> NEURONS.selects(unit.site())).toList());
    }
}
