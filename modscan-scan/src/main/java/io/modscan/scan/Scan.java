package io.modscan.scan;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import io.modscan.metrics.modules.ModuleProgress;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The main job: which heads and neurons of a model respond to which label of prompts, and is that more than noise?
 *
 * <pre>{@code
 * Scan.of(model)
 *         .prompts(Prompts.csv(Path.of("prompts.csv")))
 *         .label("topic")
 *         .run()
 *         .writeTo(Path.of("out"));
 * }</pre>
 *
 * <p>Heads are told by the magnitude of their {@code hook_z}, neurons by {@code mlp.hook_post}, both by their mean over a
 * prompt's tokens without BOS (with it, where nothing tells which token it is); labels are told apart in the residual stream, {@code hook_resid_post}, pooled likewise. The
 * prompts run once. Of tokens nothing is kept: a scan holds one vector a prompt and site and, for the page, the attention
 * patterns of each label's first prompt.
 *
 * <p>Immutable: each setting gives another scan. Safe for use by many threads.
 */
public final class Scan {

    /** What a scan can do without. */
    public enum Part {
        /** Whether units respond alike in both halves of the prompts: {@link ScanResult#halves}. */
        HALVES,
        /** Units' importance over tokens: {@link ScanResult#importance}. */
        IMPORTANCE,
        /** What heads attend to, and patterns in the page: {@link ScanResult#behaviour}. It needs the attention patterns. */
        ATTENTION,
        /** How far apart labels are: {@link ScanResult#separation}. It needs the residual stream. */
        SEPARATION,
        /** Modules of units, which take the longest: {@link ScanResult#modules}. */
        MODULES,
        /** In which contexts units are strongest: {@link ScanResult#contexts}. It needs values of tokens. */
        CONTEXTS,
        /**
         * What happens inside of prompts: {@link ScanResult#tokens}. It needs values of tokens, and may take a second pass over {@linkplain
         * Scan#tokenPrompts some of the prompts}.
         */
        TOKENS,
        /** The file {@code heads.png}. */
        PICTURE,
        /** The file {@code report.html}, and the vectors that only it shows. */
        PAGE
    }

    private final @Nullable Model model;
    private final @Nullable Activations captured;
    private @Nullable Prompts prompts;
    private String label = "topic";
    private String title = "What lights up";
    private Set<Part> without = EnumSet.noneOf(Part.class);
    private int moduleUnits = 5_000;
    private int tokenPrompts = 200;
    private Consumer<String> progress = step -> {};
    private BiConsumer<String, ModuleProgress> moduleProgress = (of, step) -> {};
    private long memoryLimit = 1L << 30;
    private UnaryOperator<Probe.Builder> probe = builder -> builder;

    private Scan(@Nullable Model model, @Nullable Activations captured, @Nullable Prompts prompts) {
        this.model = model;
        this.captured = captured;
        this.prompts = prompts;
    }

    private Scan copy() {
        Scan copy = new Scan(model, captured, prompts);
        copy.label = label;
        copy.title = title;
        copy.without = without;
        copy.moduleUnits = moduleUnits;
        copy.tokenPrompts = tokenPrompts;
        copy.progress = progress;
        copy.moduleProgress = moduleProgress;
        copy.memoryLimit = memoryLimit;
        copy.probe = probe;
        return copy;
    }

    /**
     * A scan of a model.
     *
     * @param model the model; a {@link Recording} brings its prompts along, and what was not recorded is left out where a
     *              scan can do without
     * @return a scan by the label {@code topic}, with all parts
     */
    public static Scan of(Model model) {
        Objects.requireNonNull(model, "model");
        return new Scan(model, null, model instanceof Recording recording ? recording.prompts() : null);
    }

    /**
     * A scan of what was captured already, be it by a probe or by other means.
     *
     * @param activations values of labelled prompts at {@code hook_z.magnitude} and {@code mlp.hook_post}; for some parts also
     *                    at {@code hook_resid_post}, {@code hook_pattern} and {@code hook_z}. Values of tokens are pooled to
     *                    their mean without BOS; where there are none, there is no {@link Part#IMPORTANCE}
     * @return a scan by the label {@code topic}, with all parts
     */
    public static Scan of(Activations activations) {
        return new Scan(null, Objects.requireNonNull(activations, "activations"), activations.prompts());
    }

    /**
     * Sets the prompts that the model runs.
     *
     * @param texts prompts of at least two labels; of a recording, those that were recorded or some of them
     * @return a scan of them
     * @throws IllegalArgumentException if this scan is of activations, which have their prompts
     */
    public Scan prompts(Prompts texts) {
        Objects.requireNonNull(texts, "texts");
        if (captured != null) {
            throw new IllegalArgumentException(
                    "activations have their prompts; choose among them by Activations.where");
        }
        Scan scan = copy();
        scan.prompts = texts;
        return scan;
    }

    /**
     * Sets the label that prompts are told apart by.
     *
     * @param key the label's key; {@code topic} unless set
     * @return a scan by it
     */
    public Scan label(String key) {
        Scan scan = copy();
        scan.label = Objects.requireNonNull(key, "key");
        return scan;
    }

    /**
     * Names the page.
     *
     * @param text its title
     * @return a scan with it
     */
    public Scan title(String text) {
        Scan scan = copy();
        scan.title = Objects.requireNonNull(text, "text");
        return scan;
    }

    /**
     * Switches parts off. What only they need is not captured.
     *
     * @param parts those to leave out, beside those that are off already
     * @return a scan without them
     */
    public Scan without(Part... parts) {
        Scan scan = copy();
        scan.without = EnumSet.copyOf(without);
        scan.without.addAll(List.of(parts));
        return scan;
    }

    /**
     * Sets among how many units modules are looked for: among those that vary most, whatever their labels. Time grows with the
     * square.
     *
     * @param most at least 1; 5,000 unless set
     * @return a scan with this number
     * @throws IllegalArgumentException if not positive
     */
    public Scan moduleUnits(int most) {
        if (most < 1) {
            throw new IllegalArgumentException("among " + most
                    + " units there are no modules; give at least 1, or switch them off by without(Part.MODULES)");
        }
        Scan scan = copy();
        scan.moduleUnits = most;
        return scan;
    }

    /**
     * The same with another number of prompts that are looked into token by token, 200 unless set. Which units are looked into is known when all
     * prompts have been run; so these are run again, unless their values at all tokens and units take no more than 256 MB, and an eighth of
     * Java's heap. {@link ScanResult#provenance} tells which prompts and neurons they were, and whether they were run again.
     *
     * @param most of more prompts, these are the first of each label, in turn
     * @return a copy
     * @throws IllegalArgumentException if it is less than 1
     */
    public Scan tokenPrompts(int most) {
        if (most < 1) {
            throw new IllegalArgumentException("there is nothing to see in " + most
                    + " prompts; give at least 1, or switch it off by without(Part.TOKENS)");
        }
        Scan scan = copy();
        scan.tokenPrompts = most;
        return scan;
    }

    /**
     * Sets who is told how far the search for modules has come. It begins when {@link ScanResult#modules} are first asked for.
     *
     * @param listener is told after each step, on the thread that asks: of what the modules are, as in {@link ScanModules#of}, and how
     *                 far they are
     * @return a scan with this listener
     */
    public Scan moduleProgress(BiConsumer<String, ModuleProgress> listener) {
        Scan scan = copy();
        scan.moduleProgress = Objects.requireNonNull(listener, "listener");
        return scan;
    }

    /**
     * Sets who is told what the scan does beside running the model, of which the {@linkplain #probe probe} tells, and searching for {@linkplain
     * #moduleProgress modules of units}.
     *
     * @param listener is told what begins, in a few words, such as {@code separation of labels} or {@code report.html}, and, when nothing more is
     *                 done, an empty text; on the thread that asks
     * @return a scan with this listener
     */
    public Scan progress(Consumer<String> listener) {
        Scan scan = copy();
        scan.progress = Objects.requireNonNull(listener, "listener");
        return scan;
    }

    /**
     * Sets how much memory running the model may take, see {@link Probe.Builder#memoryLimit}. If the attention patterns of the
     * longest prompt don't fit, {@link Part#ATTENTION} is left out.
     *
     * @param bytes at least 1; 1 GiB unless set
     * @return a scan with this limit
     * @throws IllegalArgumentException if not positive
     */
    public Scan memoryLimit(long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("a memory limit of " + bytes + " bytes allows nothing; give at least 1");
        }
        Scan scan = copy();
        scan.memoryLimit = bytes;
        return scan;
    }

    /**
     * Sets how the model is run: a token budget, a listener of progress, the cutting of prompts that are too long. Sites,
     * poolings and the memory limit are the scan's own business: leave them alone.
     *
     * <pre>{@code scan.probe(probe -> probe.tokenBudget(4096).cutOverlong())}</pre>
     *
     * @param settings applied to the builder of the scan's probe, after those of earlier calls; a scan of activations runs none
     * @return a scan with these settings
     */
    public Scan probe(UnaryOperator<Probe.Builder> settings) {
        Objects.requireNonNull(settings, "settings");
        UnaryOperator<Probe.Builder> before = probe;
        Scan scan = copy();
        scan.probe = builder -> settings.apply(before.apply(builder));
        return scan;
    }

    /**
     * What this scan will read and what it has to leave out. Texts are tokenized to see whether their attention patterns fit
     * into memory; no weight is read.
     *
     * @return the plan, which can be run
     * @throws ModscanException if there are no prompts, one has no such label, all have the same, or there is no site that a
     *                          scan can't do without
     */
    public ScanPlan plan() {
        return ScanPlan.of(this);
    }

    /**
     * Runs the prompts and measures. This takes what running the prompts takes, and memory for one vector a prompt and site.
     *
     * @return what was found
     * @throws ModscanException      as {@link #plan} and {@link ScanPlan#run} throw
     * @throws CancellationException if the thread is interrupted; its interrupt status stays set
     */
    public ScanResult run() {
        return plan().run();
    }

    @Nullable
    Model model() {
        return model;
    }

    @Nullable
    Activations captured() {
        return captured;
    }

    @Nullable
    Prompts prompts() {
        return prompts;
    }

    String label() {
        return label;
    }

    String title() {
        return title;
    }

    boolean with(Part part) {
        return !without.contains(part);
    }

    Consumer<String> progress() {
        return progress;
    }

    int tokenPrompts() {
        return tokenPrompts;
    }

    int moduleUnits() {
        return moduleUnits;
    }

    BiConsumer<String, ModuleProgress> moduleProgress() {
        return moduleProgress;
    }

    long memoryLimit() {
        return memoryLimit;
    }

    UnaryOperator<Probe.Builder> probe() {
        return probe;
    }
}
