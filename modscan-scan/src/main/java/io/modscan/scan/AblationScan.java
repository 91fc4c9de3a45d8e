package io.modscan.scan;

import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import io.modscan.metrics.effect.Ablation;
import io.modscan.metrics.effect.Curves;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.effect.Target;
import io.modscan.metrics.modules.ModuleProgress;
import java.nio.file.Path;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * Does what lights up do the work? Heads, modules and the first of rankings are switched off over labelled prompts, and the effect on each label stands beside
 * how units respond to it.
 *
 * <pre>{@code
 * AblationScan.of(model)
 *         .prompts(Prompts.csv(Path.of("prompts.csv")))
 *         .label("topic")
 *         .run()
 *         .writeTo(Path.of("out"));
 * }</pre>
 *
 * <p>First the prompts run once, untouched, as in a {@link Scan}: heads are told by the magnitude of their {@code hook_z}, neurons by
 * {@code mlp.hook_post}, means over tokens without BOS (with it, where nothing tells which token it is). Then, by an {@link Ablation} each: the heads one at a time; the modules that units form by {@link
 * io.modscan.metrics.modules.Modules#byCoActivation}, the {@value #MOST_MODULES} largest; and {@link Curves} over all neurons, by how they light up for
 * each label (the first {@value #MOST_LABELS}), and in a random order. {@link AblationResult#passes} tells what it took.
 *
 * <p>Immutable: each setting gives another scan. Safe for use by many threads.
 */
public final class AblationScan {

    /** Modules that are switched off. */
    static final int MOST_MODULES = 12;

    /** Labels whose rankings have curves, unless they are named. */
    static final int MOST_LABELS = 10;

    /** What a scan can do without. */
    public enum Part {
        /** The effects of modules, which have to be looked for: {@link AblationResult#modules}. */
        MODULES,
        /** The curves of rankings, which take the most passes: {@link AblationResult#curves}. */
        CURVES
    }

    /** What units are replaced by, at all positions. */
    public enum By {
        /** Their mean over the prompts, each of which counts once. */
        MEAN,
        /** Zero, which most units never are: the harshest. */
        ZERO,
        /** The mean over positions that another prompt has, drawn at random for each prompt. */
        RESAMPLE
    }

    /**
     * How far it has come.
     *
     * @param part  of what: {@code heads}, {@code units}, {@code modules} or {@code curves}; of an {@link AttributionScan}, also {@code attributions}
     * @param done  prompts that were run under an intervention; of attributions, passes forward and backward over all prompts
     * @param total how many there are
     */
    public record Step(String part, int done, int total) {}

    private final EffectSettings settings;
    private List<Target> targets = List.of();
    private Outcome outcome = Outcome.loss();
    private int sets;
    private Set<Part> without = EnumSet.noneOf(Part.class);
    private boolean keepsOnly;

    private AblationScan(EffectSettings settings) {
        this.settings = settings;
    }

    private AblationScan with(Consumer<AblationScan> setting) {
        AblationScan copy = new AblationScan(settings.copy());
        copy.targets = targets;
        copy.outcome = outcome;
        copy.sets = sets;
        copy.without = without;
        copy.keepsOnly = keepsOnly;
        setting.accept(copy);
        return copy;
    }

    /**
     * A scan of a model.
     *
     * @param model a model with sites that can be changed
     * @return a scan of its heads by the label {@code topic}, with all parts
     * @throws IllegalArgumentException if it is a recording, in which nothing can be changed
     */
    public static AblationScan of(Model model) {
        return new AblationScan(new EffectSettings(model, "Does it do the work?"));
    }

    /**
     * Sets the prompts that the model runs.
     *
     * @param texts prompts of at least two labels
     * @return a scan of them
     */
    public AblationScan prompts(Prompts texts) {
        Objects.requireNonNull(texts, "texts");
        return with(scan -> scan.settings.prompts = texts);
    }

    /**
     * Sets the label that prompts are told apart by.
     *
     * @param key the label's key; {@code topic} unless set
     * @return a scan by it
     */
    public AblationScan label(String key) {
        Objects.requireNonNull(key, "key");
        return with(scan -> scan.settings.label = key);
    }

    /**
     * Names the page.
     *
     * @param text its title
     * @return a scan with it
     */
    public AblationScan title(String text) {
        Objects.requireNonNull(text, "text");
        return with(scan -> scan.settings.title = text);
    }

    /**
     * Sets what is switched off, one at a time, in place of each head.
     *
     * @param all such as {@link Target#each(Collection)} of neurons; none for each head
     * @return a scan of these
     */
    public AblationScan targets(Collection<Target> all) {
        List<Target> copy = List.copyOf(all);
        return with(scan -> scan.targets = copy);
    }

    /**
     * Sets what units are replaced by.
     *
     * @param replacement {@link By#MEAN} unless set
     * @return a scan with it
     */
    public AblationScan by(By replacement) {
        Objects.requireNonNull(replacement, "replacement");
        return with(scan -> scan.settings.by = replacement);
    }

    /**
     * Sets what is looked at.
     *
     * @param what {@link Outcome#loss()} unless set
     * @return a scan of it
     */
    public AblationScan outcome(Outcome what) {
        Objects.requireNonNull(what, "what");
        if (what.sense() == Outcome.Sense.SCORE) {
            throw new IllegalArgumentException(
                    what.name()
                            + " falls when something is lost, and the summary and the page are of what rises; study it by Ablation");
        }
        return with(scan -> scan.outcome = what);
    }

    /**
     * Runs random sets beside each target and each module, matched by site and mean activation: see {@link Ablation#matched}. It costs as many times more.
     * Modules have none where one of them holds more than half of a site, which leaves too few others.
     *
     * @param randomSets how many for each; none unless set
     * @return a scan with so many
     * @throws IllegalArgumentException if negative
     */
    public AblationScan matched(int randomSets) {
        if (randomSets < 0) {
            throw new IllegalArgumentException("there are 0 random sets or more, not " + randomSets);
        }
        return with(scan -> scan.sets = randomSets);
    }

    /**
     * Sets where random sets, random rankings and resampling come from.
     *
     * @param number the same gives the same draws; 0 unless set
     * @return a scan with it
     */
    public AblationScan seed(long number) {
        return with(scan -> scan.settings.seed = number);
    }

    /**
     * Switches parts off.
     *
     * @param parts those to leave out, beside those that are off already
     * @return a scan without them
     */
    public AblationScan without(Part... parts) {
        Set<Part> off = EnumSet.copyOf(without);
        off.addAll(List.of(parts));
        return with(scan -> scan.without = off);
    }

    /**
     * Sets whose rankings have curves.
     *
     * @param labels some of the prompts' labels; none for the first {@value #MOST_LABELS}
     * @return a scan with these curves
     */
    public AblationScan rankings(Collection<String> labels) {
        List<String> copy = List.copyOf(labels);
        return with(scan -> scan.settings.rankings = copy);
    }

    /**
     * Lets curves keep the first of a ranking and remove all else, in place of removing the first: {@link Curves#keepingOnly}.
     *
     * @return a scan with such curves
     */
    public AblationScan keepingOnly() {
        return with(scan -> scan.keepsOnly = true);
    }

    /**
     * Sets among how many units modules are looked for, see {@link Scan#moduleUnits}.
     *
     * @param most at least 1; 5,000 unless set
     * @return a scan with this number
     * @throws IllegalArgumentException if not positive
     */
    public AblationScan moduleUnits(int most) {
        if (most < 1) {
            throw new IllegalArgumentException("among " + most
                    + " units there are no modules; give at least 1, or switch them off by without(Part.MODULES)");
        }
        return with(scan -> scan.settings.moduleUnits = most);
    }

    /**
     * Sets how much memory running the model may take, see {@link Probe.Builder#memoryLimit}.
     *
     * @param bytes at least 1; 1 GiB unless set
     * @return a scan with this limit
     * @throws IllegalArgumentException if not positive
     */
    public AblationScan memoryLimit(long bytes) {
        return with(scan -> scan.settings.memoryLimit(bytes));
    }

    /**
     * Sets where the untouched run's residual streams lie meanwhile.
     *
     * @param parent a folder, in which one is made and deleted again; the system's for temporary files unless set
     * @return a scan with it
     */
    public AblationScan temporary(Path parent) {
        Objects.requireNonNull(parent, "parent");
        return with(scan -> scan.settings.temporary = Optional.of(parent));
    }

    /**
     * Sets who is told how far it has come.
     *
     * @param listener is told after each prompt that was run under an intervention
     * @return a scan with this listener
     */
    public AblationScan progress(Consumer<Step> listener) {
        Objects.requireNonNull(listener, "listener");
        return with(scan -> scan.settings.progress = listener);
    }

    /**
     * Sets who is told how far the search for modules has come.
     *
     * @param listener is told after each step
     * @return a scan with this listener
     */
    public AblationScan moduleProgress(Consumer<ModuleProgress> listener) {
        Objects.requireNonNull(listener, "listener");
        return with(scan -> scan.settings.moduleProgress = listener);
    }

    /**
     * Sets how the model is run: a token budget, the cutting of prompts that are too long. Sites, poolings, changes and the memory limit are the scan's own
     * business: leave them alone.
     *
     * @param more applied to the builder of each of the scan's probes, after those of earlier calls
     * @return a scan with these settings
     */
    public AblationScan probe(UnaryOperator<Probe.Builder> more) {
        Objects.requireNonNull(more, "more");
        return with(scan -> scan.settings.probe(more));
    }

    /**
     * Runs it all. This takes what running the prompts takes, times {@link AblationResult#passes}.
     *
     * @return what was found
     * @throws ModscanException      if there are no prompts, one has no such label, all have the same, a ranking is of another label, a target or the model's
     *                               heads can't be changed, or as {@link Probe.Builder#build} and {@link Probe#capture} throw
     * @throws CancellationException if the thread is interrupted; its interrupt status stays set
     */
    public AblationResult run() {
        return new AblationRun(this).run();
    }

    EffectSettings settings() {
        return settings;
    }

    List<Target> targets() {
        return targets;
    }

    Outcome outcome() {
        return outcome;
    }

    int sets() {
        return sets;
    }

    boolean with(Part part) {
        return !without.contains(part);
    }

    boolean keepsOnly() {
        return keepsOnly;
    }
}
