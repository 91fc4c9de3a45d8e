package io.modscan.metrics.effect;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Does a unit do the work? Each head, each of some neurons, or each module in turn is switched off over labelled prompts, and what that does to an outcome
 * is set beside what it does for the other labels.
 *
 * <pre>{@code
 * EffectMap effects = Ablation.of(model).heads().by("topic").run(prompts);
 * effects.top("law", 10).forEach(System.out::println);
 * }</pre>
 *
 * <p>Unless told otherwise, a unit is replaced by its mean over the prompts themselves (each prompt counts once), at all positions, and the outcome is the
 * loss. The untouched run is made once, and each intervention is run from the residual stream before its first change on, where the model
 * {@linkplain Model#starts() can begin} there; {@link #passes} tells the cost. That stream lies in a temporary file meanwhile, of
 * 4 · d_model · tokens bytes for each layer in which something is changed, and as many for the last.
 *
 * <p>Not safe for use by several threads.
 */
public final class Ablation {

    /** How often a random set is drawn for each that is wanted: where few can be told apart, more draws would find no others. */
    private static final int DRAWS = 10;

    private final Model model;
    private final Map<String, Target> targets = new LinkedHashMap<>();
    private String key = "topic";
    private Outcome outcome = Outcome.loss();
    private @Nullable Function<? super Prompt, Replacement> by;
    private String inWords = "mean of the prompts of the study";
    private Optional<Path> folder = Optional.empty();
    private int sets;
    private long seed;
    private BiConsumer<Integer, Integer> listener = (done, all) -> {};
    private UnaryOperator<Probe.Builder> settings = UnaryOperator.identity();

    private Ablation(Model model) {
        this.model = model;
    }

    /**
     * Begins a study of a model.
     *
     * @param model a model with sites that can be changed
     * @return a study of nothing yet, by topic
     */
    public static Ablation of(Model model) {
        return new Ablation(Objects.requireNonNull(model, "model"));
    }

    /** The same study of other targets, without random sets. */
    Ablation of(Collection<Target> others) {
        Ablation copy = new Ablation(model);
        copy.key = key;
        copy.outcome = outcome;
        copy.by = by;
        copy.inWords = inWords;
        copy.folder = folder;
        copy.listener = listener;
        copy.settings = settings;
        return copy.targets(others);
    }

    /**
     * Each attention head in turn, beside what is named else.
     *
     * @return this
     * @throws ModscanException if the model has no {@code hook_z} that can be changed
     */
    public Ablation heads() {
        List<Site> z = model.changeable().stream()
                .filter(site -> site.hook().equals("hook_z"))
                .toList();
        if (z.isEmpty()) {
            throw new ModscanException(
                    "no hook_z can be changed in " + model + ", so there are no heads to switch off");
        }
        return targets(Target.heads(z));
    }

    /**
     * Each of some units in turn, beside what is named else.
     *
     * @param units such as neurons of {@code mlp.hook_post}; a head's magnitude stands for the head
     * @return this
     */
    public Ablation units(Collection<Unit> units) {
        return targets(Target.each(units));
    }

    /**
     * Several units at once, in turn, beside what is named else.
     *
     * @param all such as modules
     * @return this
     * @throws ModscanException if there is none, or two have the same name
     */
    public Ablation targets(Collection<Target> all) {
        for (Target target : all) {
            if (targets.putIfAbsent(target.name(), target) != null) {
                throw new ModscanException(
                        "two targets are called '" + target.name() + "'; give each a name of its own");
            }
        }
        if (all.isEmpty()) {
            throw new ModscanException("there is nothing to switch off; name at least one unit");
        }
        return this;
    }

    /**
     * Sets what the labels are of.
     *
     * @param labelKey such as {@code topic}, which it is unless set
     * @return this
     */
    public Ablation by(String labelKey) {
        this.key = Objects.requireNonNull(labelKey, "labelKey");
        return this;
    }

    /**
     * Sets what is looked at.
     *
     * @param what the outcome; {@link Outcome#loss()} unless set
     * @return this
     */
    public Ablation outcome(Outcome what) {
        this.outcome = Objects.requireNonNull(what, "what");
        return this;
    }

    /**
     * Sets what units are replaced by.
     *
     * @param replacement unless set, their mean over the prompts of the study
     * @return this
     */
    public Ablation replacing(Replacement replacement) {
        Objects.requireNonNull(replacement, "replacement");
        return replacing(Study.words(replacement), prompt -> replacement);
    }

    /**
     * Sets what units are replaced by, each prompt's by its own: a label's mean, what another prompt had ({@link #resampled}).
     *
     * @param name     says what that is, seeds and all: results of one name merge
     * @param ofPrompt tells the replacement for a prompt; of the same sites for all
     * @return this
     */
    public Ablation replacing(String name, Function<? super Prompt, Replacement> ofPrompt) {
        Objects.requireNonNull(ofPrompt, "ofPrompt");
        this.inWords = Objects.requireNonNull(name, "name");
        this.by = prompt -> {
            @Nullable Replacement replacement = ofPrompt.apply(prompt);
            if (replacement == null) {
                throw new ModscanException("'" + name + "' has no replacement for prompt '" + prompt.id() + "'");
            }
            return replacement;
        };
        return this;
    }

    /**
     * What another prompt had, drawn at random, for {@link #replacing(String, Function)}: a resample ablation. Its mean over positions goes to all positions, since prompts
     * have different lengths.
     *
     * @param pooled mean-pooled values of the sites that are changed, of at least two prompts
     * @param seed   where the draw comes from; the same seed gives each prompt the same other
     * @return tells the replacement for each of these prompts
     */
    public static Function<Prompt, Replacement> resampled(Activations pooled, long seed) {
        return Resampled.of(pooled, seed);
    }

    /**
     * Runs random sets beside each target, none twice (so there may be fewer: of a layer's heads there are three or four), of as many units, each of the same site and of about the same mean activation (in the size of its mean over the prompts: the
     * L2 norm of a head's) as the one that it stands for: what switching off just anything alike does. It costs as many times more.
     *
     * @param randomSets how many for each target; none unless set
     * @param newSeed    where they come from
     * @return this
     * @throws IllegalArgumentException if negative
     */
    public Ablation matched(int randomSets, long newSeed) {
        if (randomSets < 0) {
            throw new IllegalArgumentException("there are 0 random sets or more, not " + randomSets);
        }
        this.sets = randomSets;
        this.seed = newSeed;
        return this;
    }

    /**
     * Sets where the untouched run's streams lie meanwhile.
     *
     * @param parent a folder, in which one is made and deleted again; the system's for temporary files unless set
     * @return this
     */
    public Ablation temporary(Path parent) {
        this.folder = Optional.of(parent);
        return this;
    }

    /**
     * Sets who is told how far a run is.
     *
     * @param told prompts that were run under an intervention, and how many there are in all
     * @return this
     */
    public Ablation progress(BiConsumer<Integer, Integer> told) {
        this.listener = Objects.requireNonNull(told, "told");
        return this;
    }

    /**
     * Sets how prompts are run, such as memory limit and token budget.
     *
     * @param probe given each probe's builder
     * @return this
     */
    public Ablation probe(UnaryOperator<Probe.Builder> probe) {
        this.settings = Objects.requireNonNull(probe, "probe");
        return this;
    }

    /**
     * What a study costs, random sets aside.
     *
     * @return forward passes of each prompt through the blocks, the untouched one counted: where the model can begin late, a target in layer l of L costs (L − l) / L (if the outcome is read behind
     *     it), else 1. The head is computed once more for each target, where the outcome needs it
     */
    public double passes() {
        List<Site> starts = model.starts();
        // The last one is behind all blocks.
        int layers = Math.max(1, starts.size() - 1);
        return 1
                + distinct().stream()
                        .mapToDouble(target ->
                                starts.isEmpty() ? 1 : (double) (layers - Math.min(layers - 1, first(target))) / layers)
                        .sum();
    }

    /** Of the same units only one is run. */
    private List<Target> distinct() {
        Runs runs = new Runs();
        targets.values().forEach(runs::place);
        return runs.distinct;
    }

    private static int first(Target target) {
        return target.units().stream()
                .mapToInt(unit -> unit.site().layer().orElse(0))
                .min()
                .orElseThrow();
    }

    /**
     * Runs it.
     *
     * @param prompts labelled prompts, each in turn under each target's intervention
     * @return the effects
     * @throws ModscanException if nothing was named to be switched off, a prompt has no label, a site can't be changed, or running fails
     * @throws java.util.concurrent.CancellationException if the thread is interrupted; its interrupt status stays set
     */
    public EffectMap run(Prompts prompts) {
        if (targets.isEmpty()) {
            throw new ModscanException("there is nothing to switch off; name heads, units or targets first");
        }
        List<String> labels = prompts.labels(key);
        Set<Site> sites = new LinkedHashSet<>();
        targets.values()
                .forEach(target ->
                        target.units().forEach(unit -> sites.add(unit.site().forward())));
        boolean means = by == null || sets > 0;
        if (sets > 0) {
            targets.values().forEach(MatchedUnits::check);
        }
        sites.stream().filter(site -> site.isPairwise() && means).findFirst().ifPresent(Ablation::refuseMean);
        try (InterventionRuns runs =
                new InterventionRuns(model, prompts, outcome, sites, means ? sites : Set.of(), folder, settings)) {
            Runs all = new Runs();
            int[] own = targets.values().stream().mapToInt(all::place).toArray();
            List<List<Target>> drawn = drawn(runs);
            int[][] places = drawn.stream()
                    .map(some -> some.stream().mapToInt(all::place).toArray())
                    .toArray(int[][]::new);
            float[][] effects = run(runs, all);
            Map<String, String> facts = new HashMap<>(model.provenance());
            facts.put(Study.REPLACEMENT, inWords);
            return new EffectMap(
                    new Study(outcome.name(), outcome.sense(), List.copyOf(targets.values()), drawn, facts),
                    prompts.stream().map(Prompt::id).toList(),
                    labels,
                    runs.untouchedSizes(),
                    Arrays.stream(own).mapToObj(place -> effects[place]).toArray(float[][]::new),
                    Arrays.stream(places)
                            .map(of -> Arrays.stream(of)
                                    .mapToObj(place -> effects[place])
                                    .toArray(float[][]::new))
                            .toArray(float[][][]::new));
        }
    }

    private static void refuseMean(Site site) {
        throw new ModscanException(
                "attention patterns of " + site
                        + " have no mean that could be put in their place; replace them by zero or a factor, without random sets");
    }

    /** Random sets of each target; none twice, so that there may be fewer than are wanted. */
    private List<List<Target>> drawn(InterventionRuns runs) {
        if (sets == 0) {
            return targets.values().stream().map(target -> List.<Target>of()).toList();
        }
        MatchedUnits units = new MatchedUnits(runs.means());
        List<List<Target>> drawn = new ArrayList<>();
        for (Target target : targets.values()) {
            SplittableRandom random = new SplittableRandom(seed + drawn.size());
            Map<Set<Unit>, Target> some = new LinkedHashMap<>();
            for (int draw = 0; draw < DRAWS * sets && some.size() < sets; draw++) {
                List<Unit> others = units.draw(target.units(), random);
                some.putIfAbsent(
                        Set.copyOf(others),
                        new Target("random " + (some.size() + 1) + " beside " + target.name(), others));
            }
            drawn.add(List.copyOf(some.values()));
        }
        return drawn;
    }

    /** What has to be run: of the same units only one. */
    private static final class Runs {
        private final Map<Set<Unit>, Integer> places = new HashMap<>();
        private final List<Target> distinct = new ArrayList<>();

        int place(Target target) {
            Integer there = places.putIfAbsent(Set.copyOf(target.units()), distinct.size());
            if (there == null) {
                distinct.add(target);
                return distinct.size() - 1;
            }
            return there;
        }
    }

    private float[][] run(InterventionRuns runs, Runs all) {
        Function<? super Prompt, Replacement> replacement = by;
        if (replacement == null) {
            Replacement mean = Replacement.mean(runs.means());
            replacement = prompt -> mean;
        }
        Function<? super Prompt, Replacement> chosen = replacement;
        List<Off> kinds =
                all.distinct.stream().map(target -> new Off(target, chosen)).toList();
        return runs.effects(kinds, counter((long) kinds.size() * runs.size()));
    }

    private IntConsumer counter(long all) {
        long[] done = new long[1];
        return more -> {
            done[0] += more;
            listener.accept((int) Math.min(Integer.MAX_VALUE, done[0]), (int) Math.min(Integer.MAX_VALUE, all));
        };
    }

    @Override
    public String toString() {
        return "Ablation[" + targets.size() + " targets by " + key + ", " + outcome.name() + "]";
    }
}
