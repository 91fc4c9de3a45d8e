package io.modscan.scan;

import io.modscan.core.Activations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompts;
import io.modscan.metrics.effect.Attribution;
import io.modscan.metrics.effect.Curve;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.report.Report;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an {@link AttributionScan} found: as objects, as files, as a page and as text. Immutable; safe for use by many threads.
 */
public final class AttributionResult {

    private final AttributionScan scan;
    private final Prompts prompts;
    private final Activations attributions;
    private final EffectMap estimated;
    private final SelectivityMap used;
    private final SelectivityMap units;
    private final Optional<EffectMap> measured;
    private final List<Curve> curves;
    private final List<ScanModules> modules;
    private final Map<String, String> provenance;

    AttributionResult(
            AttributionScan scan,
            Prompts prompts,
            Activations attributions,
            EffectMap estimated,
            SelectivityMap used,
            SelectivityMap units,
            Optional<EffectMap> measured,
            List<Curve> curves,
            List<ScanModules> modules) {
        this.scan = scan;
        this.prompts = prompts;
        this.attributions = attributions;
        this.estimated = estimated;
        this.used = used;
        this.units = units;
        this.measured = measured;
        this.curves = List.copyOf(curves);
        this.modules = List.copyOf(modules);
        Map<String, String> facts = new LinkedHashMap<>(scan.settings().model.provenance());
        facts.put("prompts.count", Integer.toString(prompts.size()));
        facts.put("attribution.by", LabelledRun.words(scan.settings().by));
        facts.put("attribution.seed", Long.toString(scan.settings().seed));
        estimated.provenance().forEach(facts::putIfAbsent);
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
     * The attributions.
     *
     * @return what {@link Attribution#run} gives
     */
    public Activations attributions() {
        return attributions;
    }

    /**
     * The effect of each head and each neuron alone, as attributions estimate it.
     *
     * @return a row a unit and label
     */
    public EffectMap estimated() {
        return estimated;
    }

    /**
     * How the attribution of each unit responds to each label: whether it is used by a label reliably, however little.
     *
     * @return effects, AUROC, p- and q-values of {@code .attribution} sites
     */
    public SelectivityMap used() {
        return used;
    }

    /**
     * How each of these units responds to each label, untouched: heads by their magnitude.
     *
     * @return effects, AUROC, p- and q-values
     */
    public SelectivityMap units() {
        return units;
    }

    /**
     * Some of the effects, measured by switching units off one at a time.
     *
     * @return effects under the names that they have in {@link #estimated}; empty without {@link AttributionScan#check()}
     */
    public Optional<EffectMap> measured() {
        return measured;
    }

    /**
     * What becomes of labels as more and more of a ranking of neurons is removed: by use and by brightness for each label, as {@code used for law} and {@code lit up for law}, then {@code random}.
     *
     * @return a curve a ranking and label; empty without {@link AttributionScan#curves()}, and where there is no {@code mlp.hook_post}
     */
    public List<Curve> curves() {
        return curves;
    }

    /**
     * The modules of units that are used together, then of those that light up together.
     *
     * @return two partitions; empty without {@link AttributionScan#modules}, and of fewer than three prompts
     */
    public List<ScanModules> modules() {
        return modules;
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
                .provenance(provenance)
                .used(estimated, units)
                .nonFinite(units.nonFinite())
                .effectCurves(outcome(), curves);
        measured.ifPresent(report::measured);
        modules.forEach(each -> report.modules(each.of(), each.found(), each.topics(), each.values()));
        return report;
    }

    private String outcome() {
        return measured.map(EffectMap::outcome).orElse(scan.objective().toString());
    }

    /**
     * The main findings as text.
     *
     * @return lines, each ended
     */
    public String summary() {
        return AttributionText.of(this, scan);
    }

    /**
     * Writes {@code attributions.csv}, {@code check.csv}, {@code curves.csv}, {@code modules.csv}, {@code modularity.csv}, {@code provenance.json} and {@code attributions.html}, in this order and each
     * whole or not at all. What is not there is left out, and removed if an earlier run left it.
     *
     * @param folder where to; it is made where there is none, and existing files are replaced
     * @return the paths of what was written
     * @throws ModscanException     if no file can be written there
     * @throws UncheckedIOException if writing fails
     */
    public List<Path> writeTo(Path folder) {
        ResultFolder files = new ResultFolder(folder);
        files.table("attributions.csv", true, file -> EffectTables.estimated(this, file));
        files.table(
                "check.csv",
                measured.isPresent(),
                file -> EffectTables.measured(measured.orElseThrow(), estimated, file));
        files.table("curves.csv", !curves.isEmpty(), file -> EffectTables.curves(curves, file));
        files.table("modules.csv", !modules.isEmpty(), file -> ModuleTables.members(modules, file));
        files.table("modularity.csv", !modules.isEmpty(), file -> ModuleTables.modularity(modules, file));
        files.provenance(provenance);
        files.file("attributions.html", true, file -> report().write(file));
        return files.written();
    }
}
