package io.modscan.scan;

import static io.modscan.scan.ScanSites.NEURONS;
import static io.modscan.scan.ScanSites.VECTORS;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Labels;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.SiteSelector;
import io.modscan.metrics.effect.Ablation;
import io.modscan.metrics.effect.Outcome;
import io.modscan.scan.AblationScan.By;
import io.modscan.scan.AblationScan.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Labelled prompts and the model that runs them, as all scans of effects need them. For one thread. */
final class LabelledRun {

    private final EffectSettings settings;
    private final Model model;
    private final Prompts prompts;
    private final Labels labels;
    private @Nullable Replacing resampled;

    /** What replaces units, and what to call it. */
    record Replacing(String inWords, Function<Prompt, Replacement> ofPrompt) {}

    LabelledRun(EffectSettings settings) {
        this.settings = settings;
        this.model = settings.model;
        Prompts given = settings.prompts;
        if (given == null) {
            throw new ModscanException("there are no prompts to run; give some, of at least two labels");
        }
        this.prompts = given;
        this.labels = Labels.of(given.labels(settings.label));
        if (labels.size() < 2) {
            throw new ModscanException("all prompts have the same '" + settings.label
                    + "'; whether a label needs a unit shows against at least one other");
        }
        // Before the work, so that it is not done in vain.
        settings.rankings.forEach(labels::index);
    }

    Prompts prompts() {
        return prompts;
    }

    /** Whose rankings have curves. */
    List<String> ranked() {
        return settings.rankings.isEmpty()
                ? labels.names().subList(0, Math.min(AblationScan.MOST_LABELS, labels.size()))
                : settings.rankings.stream().distinct().toList();
    }

    boolean has(SiteSelector wanted) {
        return model.sites().stream().anyMatch(wanted::selects);
    }

    /** How units light up, as a scan has it: heads by their magnitude. Nothing where the model has neither these vectors nor these units. */
    Optional<Activations> lights(SiteSelector vectors, SiteSelector units) {
        List<SiteSelector> wanted = new ArrayList<>();
        if (has(vectors)) {
            wanted.add(vectors.magnitude());
        }
        if (has(units)) {
            wanted.add(units);
        }
        Pooling pooling = model.bosTokenId().isPresent() ? Pooling.mean().withoutBos() : Pooling.mean();
        return wanted.isEmpty() ? Optional.empty() : Optional.of(capture(pooling, wanted));
    }

    private Activations capture(Pooling pooling, List<SiteSelector> sites) {
        Probe.Builder builder = settings.apply(Probe.builder(model));
        sites.forEach(site -> builder.sites(pooling, site));
        try (Probe probe = builder.build()) {
            return probe.capture(prompts);
        }
    }

    /** A study of nothing yet. */
    Ablation study(String part, Outcome outcome, SiteSelector changed) {
        Ablation study = Ablation.of(model)
                .by(settings.label)
                .outcome(outcome)
                .probe(settings::apply)
                .progress((done, all) -> settings.progress.accept(new Step(part, done, all)));
        replacing(changed).ifPresent(with -> study.replacing(with.inWords(), with.ofPrompt()));
        settings.temporary.ifPresent(study::temporary);
        return study;
    }

    /** What replaces units: nothing said where it is their mean, which studies take themselves. */
    Optional<Replacing> replacing(SiteSelector changed) {
        return switch (settings.by) {
            case MEAN -> Optional.empty();
            case ZERO -> Optional.of(new Replacing(Replacement.zero().toString(), prompt -> Replacement.zero()));
            case RESAMPLE -> Optional.of(resampled(changed));
        };
    }

    /** What there is to be drawn from other prompts, at all sites that any part changes. */
    private Replacing resampled(SiteSelector changed) {
        Replacing there = resampled;
        if (there == null) {
            Activations others = capture(
                    Pooling.mean(),
                    List.of(site -> changed.selects(site)
                            || (model.changeable().contains(site)
                                    && (VECTORS.selects(site) || NEURONS.selects(site)))));
            there = new Replacing(
                    "the mean over positions of another prompt, drawn with the seed " + settings.seed,
                    Ablation.resampled(others, settings.seed));
            resampled = there;
        }
        return there;
    }

    /** What replaced units, in words. */
    static String words(By by) {
        return by.name().toLowerCase(Locale.ROOT);
    }
}
