package io.modscan.scan;

import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import io.modscan.metrics.modules.ModuleProgress;
import io.modscan.scan.AblationScan.By;
import io.modscan.scan.AblationScan.Step;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** What scans of effects are told alike. A scan changes none but its own copy, before anybody sees it. */
final class EffectSettings {

    final Model model;
    String title;

    @Nullable
    Prompts prompts;

    String label = "topic";
    By by = By.MEAN;
    long seed;
    List<String> rankings = List.of();
    int moduleUnits = 5_000;
    Optional<Path> temporary = Optional.empty();
    Consumer<Step> progress = step -> {};
    Consumer<ModuleProgress> moduleProgress = step -> {};
    private long memoryLimit = 1L << 30;
    private UnaryOperator<Probe.Builder> probe = builder -> builder;

    EffectSettings(Model model, String title) {
        Objects.requireNonNull(model, "model");
        if (model instanceof Recording) {
            throw new IllegalArgumentException(
                    "a recording has been run already, and nothing in it can be changed; give the model");
        }
        this.model = model;
        this.title = title;
    }

    EffectSettings copy() {
        EffectSettings copy = new EffectSettings(model, title);
        copy.prompts = prompts;
        copy.label = label;
        copy.by = by;
        copy.seed = seed;
        copy.rankings = rankings;
        copy.moduleUnits = moduleUnits;
        copy.temporary = temporary;
        copy.progress = progress;
        copy.moduleProgress = moduleProgress;
        copy.memoryLimit = memoryLimit;
        copy.probe = probe;
        return copy;
    }

    void memoryLimit(long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("a memory limit of " + bytes + " bytes allows nothing; give at least 1");
        }
        this.memoryLimit = bytes;
    }

    /** Adds to what earlier calls have set. */
    void probe(UnaryOperator<Probe.Builder> more) {
        UnaryOperator<Probe.Builder> before = probe;
        this.probe = builder -> more.apply(before.apply(builder));
    }

    /** Begins a probe with all settings. */
    Probe.Builder apply(Probe.Builder builder) {
        return probe.apply(builder.memoryLimit(memoryLimit));
    }
}
