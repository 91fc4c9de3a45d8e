package io.modscan.scan;

import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Objective;
import io.modscan.core.site.SiteSelector;
import io.modscan.metrics.effect.Attribution;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.modules.ModuleProgress;
import io.modscan.scan.AblationScan.By;
import io.modscan.scan.AblationScan.Step;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * What does the model use, and does that light up? The effects of all heads and neurons on each label are estimated from one pass forward and one backward, and stand
 * beside how the same units respond to labels.
 *
 * <pre>{@code
 * AttributionScan.of(model)
 *         .prompts(Prompts.csv(Path.of("prompts.csv")))
 *         .label("topic")
 *         .check()
 *         .run()
 *         .writeTo(Path.of("out"));
 * }</pre>
 *
 * <p>An estimate is the {@link Attribution} of each unit, read as an {@link EffectMap#estimated effect}. It can be wrong; {@link #check()} measures some
 * effects as an {@link AblationScan} does, and tells how far estimates go with them.
 *
 * <p>Immutable: each setting gives another scan. Safe for use by many threads.
 */
public final class AttributionScan {

    private final EffectSettings settings;
    private List<SiteSelector> sites = List.of(ScanSites.VECTORS, ScanSites.NEURONS);
    private Objective objective = Objective.loss();
    private int steps = 1;
    private boolean heads;
    private int mostUsed;
    private boolean curves;
    private boolean modules;

    private AttributionScan(EffectSettings settings) {
        this.settings = settings;
    }

    private AttributionScan with(Consumer<AttributionScan> setting) {
        AttributionScan copy = new AttributionScan(settings.copy());
        copy.sites = sites;
        copy.objective = objective;
        copy.steps = steps;
        copy.heads = heads;
        copy.mostUsed = mostUsed;
        copy.curves = curves;
        copy.modules = modules;
        setting.accept(copy);
        return copy;
    }

    /**
     * A scan of a model.
     *
     * @param model a model whose sites have gradients
     * @return a scan of its heads and neurons by the label {@code topic}, without a check, curves or modules
     * @throws IllegalArgumentException if it is a recording, which cannot be run
     */
    public static AttributionScan of(Model model) {
        return new AttributionScan(new EffectSettings(model, "What does the model use?"));
    }

    /**
     * Sets the prompts that the model runs.
     *
     * @param texts prompts of at least two labels
     * @return a scan of them
     */
    public AttributionScan prompts(Prompts texts) {
        Objects.requireNonNull(texts, "texts");
        return with(scan -> scan.settings.prompts = texts);
    }

    /**
     * Sets the label that prompts are told apart by.
     *
     * @param key the label's key; {@code topic} unless set
     * @return a scan by it
     */
    public AttributionScan label(String key) {
        Objects.requireNonNull(key, "key");
        return with(scan -> scan.settings.label = key);
    }

    /**
     * Names the page.
     *
     * @param text its title
     * @return a scan with it
     */
    public AttributionScan title(String text) {
        Objects.requireNonNull(text, "text");
        return with(scan -> scan.settings.title = text);
    }

    /**
     * Sets what is looked at.
     *
     * @param some selects sites of vectors; {@code hook_z}, head by head, and {@code mlp.hook_post} of all layers unless set
     * @return a scan of these
     */
    public AttributionScan sites(SiteSelector... some) {
        List<SiteSelector> copy = List.of(some);
        return with(scan -> scan.sites = copy);
    }

    /**
     * Sets what units are used for.
     *
     * @param what {@link Objective#loss()} unless set; what is to be measured, too, is one that an {@link io.modscan.metrics.effect.Outcome#of outcome} is there for
     * @return a scan of it
     */
    public AttributionScan objective(Objective what) {
        Objects.requireNonNull(what, "what");
        return with(scan -> scan.objective = what);
    }

    /**
     * Sets what units are replaced by, in estimates and in what is measured.
     *
     * @param replacement {@link By#MEAN} unless set
     * @return a scan with it
     */
    public AttributionScan by(By replacement) {
        Objects.requireNonNull(replacement, "replacement");
        return with(scan -> scan.settings.by = replacement);
    }

    /**
     * Sets how many gradients an estimate of a head is the mean of, see {@link Attribution#steps}: more take longer, and are truer of heads. Of units without heads it stays the gradient at
     * the value, which is truer of them.
     *
     * @param k 1 unless set
     * @return a scan with it
     * @throws IllegalArgumentException if not positive
     */
    public AttributionScan steps(int k) {
        if (k < 1) {
            throw new IllegalArgumentException("there is 1 step or more, not " + k);
        }
        return with(scan -> scan.steps = k);
    }

    /**
     * Measures the effects of all heads, too, one at a time: {@link AttributionResult#measured}. It takes as long as an {@link AblationScan} of heads.
     *
     * @return a scan with this check
     */
    public AttributionScan check() {
        return with(scan -> scan.heads = true);
    }

    /**
     * Measures the effects of those units, too, that are used most by one label above others. These are the ones whose estimates are largest, so that estimates
     * may be too large rather than too small.
     *
     * @param most how many units; none unless set
     * @return a scan with this check, beside that of heads if it is asked for
     * @throws IllegalArgumentException if negative
     */
    public AttributionScan check(int most) {
        if (most < 0) {
            throw new IllegalArgumentException("0 units can be checked or more, not " + most);
        }
        return with(scan -> scan.mostUsed = most);
    }

    /**
     * Removes the first of all neurons, more and more of them, and measures what becomes of each label: by how they are used, by how they light up, and in a random
     * order. This takes most of the time.
     *
     * @return a scan with these curves, for the first {@value AblationScan#MOST_LABELS} labels
     */
    public AttributionScan curves() {
        return with(scan -> scan.curves = true);
    }

    /**
     * The same for some labels.
     *
     * @param labels some of the prompts' labels; none for the first {@value AblationScan#MOST_LABELS}
     * @return a scan with these curves
     */
    public AttributionScan curves(Collection<String> labels) {
        List<String> copy = List.copyOf(labels);
        return with(scan -> {
            scan.curves = true;
            scan.settings.rankings = copy;
        });
    }

    /**
     * Looks for modules of units that are used together, whose attributions vary together, beside modules of those that light up together.
     *
     * @param most among how many units, those that vary most, see {@link Scan#moduleUnits}
     * @return a scan with these modules
     * @throws IllegalArgumentException if not positive
     */
    public AttributionScan modules(int most) {
        if (most < 1) {
            throw new IllegalArgumentException("among " + most + " units there are no modules; give at least 1");
        }
        return with(scan -> {
            scan.modules = true;
            scan.settings.moduleUnits = most;
        });
    }

    /**
     * Sets where the random order and resampling come from.
     *
     * @param number the same gives the same draws; 0 unless set
     * @return a scan with it
     */
    public AttributionScan seed(long number) {
        return with(scan -> scan.settings.seed = number);
    }

    /**
     * Sets how much memory running the model may take, see {@link Probe.Builder#memoryLimit}.
     *
     * @param bytes at least 1; 1 GiB unless set
     * @return a scan with this limit
     * @throws IllegalArgumentException if not positive
     */
    public AttributionScan memoryLimit(long bytes) {
        return with(scan -> scan.settings.memoryLimit(bytes));
    }

    /**
     * Sets where residual streams lie while effects are measured.
     *
     * @param parent a folder, in which one is made and deleted again; the system's for temporary files unless set
     * @return a scan with it
     */
    public AttributionScan temporary(Path parent) {
        Objects.requireNonNull(parent, "parent");
        return with(scan -> scan.settings.temporary = Optional.of(parent));
    }

    /**
     * Sets who is told how far it has come.
     *
     * @param listener is told of passes forward and backward, whose part is {@code attributions}, and of prompts that were run under an intervention, whose parts are {@code units} and
     *                 {@code curves}
     * @return a scan with this listener
     */
    public AttributionScan progress(Consumer<Step> listener) {
        Objects.requireNonNull(listener, "listener");
        return with(scan -> scan.settings.progress = listener);
    }

    /**
     * Sets who is told how far the search for modules has come.
     *
     * @param listener is told after each step
     * @return a scan with this listener
     */
    public AttributionScan moduleProgress(Consumer<ModuleProgress> listener) {
        Objects.requireNonNull(listener, "listener");
        return with(scan -> scan.settings.moduleProgress = listener);
    }

    /**
     * Sets how the model is run: a token budget, the cutting of prompts that are too long. Sites, poolings, objectives, changes and the memory limit are the scan's own
     * business: leave them alone.
     *
     * @param more applied to the builder of each of the scan's probes, after those of earlier calls
     * @return a scan with these settings
     */
    public AttributionScan probe(UnaryOperator<Probe.Builder> more) {
        Objects.requireNonNull(more, "more");
        return with(scan -> scan.settings.probe(more));
    }

    /**
     * Runs it all.
     *
     * @return what was found
     * @throws ModscanException      if there are no prompts, one has no such label, all have the same, curves are of another label, what is to be measured cannot be, a site has no
     *                               gradient, or as {@link Probe.Builder#build} and {@link Probe#capture} throw
     * @throws CancellationException if the thread is interrupted; its interrupt status stays set
     */
    public AttributionResult run() {
        return new AttributionRun(this).run();
    }

    EffectSettings settings() {
        return settings;
    }

    List<SiteSelector> sites() {
        return sites;
    }

    Objective objective() {
        return objective;
    }

    int steps() {
        return steps;
    }

    /** Whether all heads are measured. */
    boolean measuresHeads() {
        return heads;
    }

    /** How many of the most used units are measured. */
    int mostUsed() {
        return mostUsed;
    }

    boolean hasCurves() {
        return curves;
    }

    boolean hasModules() {
        return modules;
    }
}
