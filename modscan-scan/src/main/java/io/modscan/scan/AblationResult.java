package io.modscan.scan;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompts;
import io.modscan.metrics.effect.Ablation;
import io.modscan.metrics.effect.Curve;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.report.Report;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What an {@link AblationScan} found: its effects as objects, as files, as a page and as text. Immutable; safe for use by many threads.
 */
public final class AblationResult {

    private final AblationScan scan;
    private final Prompts prompts;
    private final EffectMap heads;
    private final Optional<EffectMap> modules;
    private final List<Curve> curves;
    private final Optional<SelectivityMap> units;
    private final double passes;
    private final Map<String, String> provenance;

    AblationResult(
            AblationScan scan,
            Prompts prompts,
            EffectMap heads,
            Optional<EffectMap> modules,
            List<Curve> curves,
            Optional<SelectivityMap> units,
            double passes,
            Map<String, String> ofModel) {
        this.scan = scan;
        this.prompts = prompts;
        this.heads = heads;
        this.modules = modules;
        this.curves = List.copyOf(curves);
        this.units = units;
        this.passes = passes;
        Map<String, String> facts = new LinkedHashMap<>(ofModel);
        facts.put("prompts.count", Integer.toString(prompts.size()));
        facts.put("ablation.by", LabelledRun.words(scan.settings().by));
        heads.provenance().forEach((key, fact) -> facts.putIfAbsent(key, fact));
        facts.put("ablation.outcome", heads.outcome());
        facts.put("ablation.matched", Integer.toString(scan.sets()));
        facts.put("ablation.seed", Long.toString(scan.settings().seed));
        facts.put("ablation.passes", String.format(Locale.ROOT, "%.1f", passes));
        this.provenance = Collections.unmodifiableMap(facts);
    }

    /**
     * The prompts.
     *
     * @return those that were run, in their order
     */
    public Prompts prompts() {
        return prompts;
    }

    /**
     * The effects of each head, or of each target that was named in its place.
     *
     * @return a row a target and label
     */
    public EffectMap heads() {
        return heads;
    }

    /**
     * The effects of whole modules, called {@code module 0 (french)}, the largest first; without the brackets those that no label names.
     *
     * @return a row a module and label; empty without {@link AblationScan.Part#MODULES}, and where none was found
     */
    public Optional<EffectMap> modules() {
        return modules;
    }

    /**
     * What becomes of labels as more and more of a ranking is removed, or kept: the rankings of labels, then a random one.
     *
     * @return a curve a ranking and label; empty without {@link AblationScan.Part#CURVES}, and where the model has no {@code mlp.hook_post}
     */
    public List<Curve> curves() {
        return curves;
    }

    /**
     * How each head and neuron responds to each label, untouched.
     *
     * @return effects, AUROC, p- and q-values; empty of a model that has neither {@code hook_z} nor {@code mlp.hook_post}
     */
    public Optional<SelectivityMap> units() {
        return units;
    }

    /**
     * What it took: forward passes of each prompt through the blocks, those without a change among them, as {@link Ablation#passes} counts them. Random sets are
     * counted as if no two were the same.
     *
     * @return at least 2
     */
    public double passes() {
        return passes;
    }

    /**
     * What the numbers are of.
     *
     * @return facts about the model, the prompts and the settings, by key
     */
    public Map<String, String> provenance() {
        return provenance;
    }

    /**
     * All of it as a page.
     *
     * @return a new report, to which more can be added, and which is yet to be written
     */
    public Report report() {
        Report report = Report.of(prompts, scan.settings().label)
                .title(scan.settings().title)
                .provenance(provenance);
        units.ifPresentOrElse(map -> report.effects(heads, map), () -> report.effects(heads));
        modules.ifPresent(report::moduleEffects);
        return report.effectCurves(heads.outcome(), curves);
    }

    /**
     * The main findings as text.
     *
     * @return lines, each ended
     */
    public String summary() {
        return AblationText.of(this, scan);
    }

    /**
     * Writes {@code effects.csv} (of heads or other targets, then of modules), {@code curves.csv} if there are some, {@code provenance.json}, and {@code effects.html}, in this order and each
     * whole or not at all. A {@code curves.csv} that an earlier run left and this one has not is removed.
     *
     * @param folder where to; it is made where there is none, and existing files are replaced
     * @return the paths of what was written
     * @throws ModscanException     if no file can be written there
     * @throws UncheckedIOException if writing fails
     */
    public List<Path> writeTo(Path folder) {
        ResultFolder files = new ResultFolder(folder);
        files.table("effects.csv", true, file -> EffectTables.effects(this, file));
        files.table("curves.csv", !curves.isEmpty(), file -> EffectTables.curves(curves, file));
        files.provenance(provenance);
        files.file("effects.html", true, file -> report().write(file));
        return files.written();
    }
}
