package io.modscan.metrics.effect;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Reference;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
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
 * 4 · d_model · tokens bytes a layer in which something is changed.
 *
 * <p>Not safe for use by several threads.
 */
public final class Ablation {

    private final Model model;
    private List<Target> targets = List.of();
    private String key = "topic";
    private Outcome outcome = Outcome.loss();
    private @Nullable Function<? super Prompt, Replacement> by;
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

    /**
     * Each attention head in turn.
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
     * Each of some units in turn.
     *
     * @param units such as neurons of {@code mlp.hook_post}; a head's magnitude stands for the head
     * @return this
     */
    public Ablation units(Collection<Unit> units) {
        return targets(Target.each(units));
    }

    /**
     * Several units at once, in turn.
     *
     * @param all such as modules
     * @return this
     * @throws ModscanException if there is none, or two have the same name
     */
    public Ablation targets(Collection<Target> all) {
        Set<String> names = new LinkedHashSet<>();
        for (Target target : all) {
            if (!names.add(target.name())) {
                throw new ModscanException(
                        "two targets are called '" + target.name() + "'; give each a name of its own");
            }
        }
        if (all.isEmpty()) {
            throw new ModscanException("there is nothing to switch off; name at least one unit");
        }
        this.targets = List.copyOf(all);
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
        return replacing(prompt -> replacement);
    }

    /**
     * Sets what units are replaced by, each prompt's by its own: a label's mean, what another prompt had ({@link #resampled}).
     *
     * @param ofPrompt tells the replacement for a prompt; of the same sites for all
     * @return this
     */
    public Ablation replacing(Function<? super Prompt, Replacement> ofPrompt) {
        this.by = Objects.requireNonNull(ofPrompt, "ofPrompt");
        return this;
    }

    /**
     * What another prompt had, drawn at random, for {@link #replacing(Function)}: a resample ablation. Its mean over positions goes to all positions, since prompts
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
     * Runs random sets beside each target, of as many units, each of the same site and of about the same mean activation (in the size of its mean over the prompts: the
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
     * @return forward passes of each prompt through the blocks, the untouched one counted: where the model can begin late, a target in layer l of L costs (L − l) / L,
     *     else 1. The head is computed once more for each target, where the outcome needs it
     */
    public double passes() {
        List<Site> starts = model.starts();
        // The last one is behind all blocks.
        int layers = Math.max(1, starts.size() - 1);
        return 1
                + targets.stream()
                        .mapToDouble(target ->
                                starts.isEmpty() ? 1 : (double) (layers - Math.min(layers - 1, first(target))) / layers)
                        .sum();
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
        Map<String, Site> sites = new LinkedHashMap<>();
        targets.forEach(target -> target.units().forEach(unit -> {
            Site site = unit.site().magnitudeOf().orElse(unit.site());
            sites.put(site.name(), site);
        }));
        try (InterventionRuns runs = new InterventionRuns(model, prompts, outcome, sites.keySet(), settings)) {
            @Nullable Reference means = by == null || sets > 0 ? means(prompts, sites) : null;
            Function<? super Prompt, Replacement> replacement = by;
            if (replacement == null) {
                Replacement mean = Replacement.mean(Objects.requireNonNull(means));
                replacement = prompt -> mean;
            }
            List<Target> all = new ArrayList<>(targets);
            List<int[]> matched = new ArrayList<>();
            Map<Set<Unit>, Integer> known = new HashMap<>();
            for (int i = 0; i < targets.size(); i++) {
                known.put(Set.copyOf(targets.get(i).units()), i);
            }
            for (int i = 0; i < targets.size(); i++) {
                matched.add(
                        sets == 0
                                ? new int[0]
                                : random(i, new MatchedUnits(Objects.requireNonNull(means), seed + i), all, known));
            }
            Function<? super Prompt, Replacement> chosen = replacement;
            List<Off> kinds =
                    all.stream().map(target -> new Off(target, chosen)).toList();
            float[][] effects = runs.effects(kinds, counter(kinds.size() * prompts.size()));
            float[] untouched = new float[prompts.size()];
            for (int i = 0; i < untouched.length; i++) {
                untouched[i] = runs.untouched()[i][0];
            }
            List<String> ids = runs.prompts().stream().map(Prompt::id).toList();
            return new EffectMap(outcome.name(), targets, matched, ids, labels, untouched, effects);
        }
    }

    private IntConsumer counter(int all) {
        int[] done = new int[1];
        return more -> {
            done[0] += more;
            listener.accept(done[0], all);
        };
    }

    /** Random sets that were drawn before, or are targets themselves, are not run again. */
    private int[] random(int target, MatchedUnits units, List<Target> all, Map<Set<Unit>, Integer> known) {
        List<Unit> given = targets.get(target).units();
        return IntStream.range(0, sets)
                .map(i -> {
                    List<Unit> drawn = units.draw(given);
                    Integer there = known.putIfAbsent(Set.copyOf(drawn), all.size());
                    if (there != null) {
                        return there;
                    }
                    all.add(new Target(
                            "random " + all.size() + " beside "
                                    + targets.get(target).name(),
                            drawn));
                    return all.size() - 1;
                })
                .toArray();
    }

    private Reference means(Prompts prompts, Map<String, Site> sites) {
        Set<Site> wanted = Set.copyOf(sites.values());
        try (Probe probe = settings.apply(Probe.builder(model))
                .sites(Pooling.mean(), wanted::contains)
                .build()) {
            return probe.capture(prompts).mean("mean of " + prompts.size() + " prompts");
        }
    }

    /** A target switched off. */
    private static final class Off implements InterventionRuns.Kind {
        private final Target target;
        private final Function<? super Prompt, Replacement> by;
        private @Nullable Replacement last;
        private @Nullable Intervention made;

        Off(Target target, Function<? super Prompt, Replacement> by) {
            this.target = target;
            this.by = by;
        }

        @Override
        public String name() {
            return target.name();
        }

        /** Prompts are often asked of by one thread, one behind the other, and have the same replacement, the very object. */
        @Override
        @SuppressWarnings("ReferenceEquality")
        public synchronized Intervention of(Prompt prompt) {
            Replacement replacement = by.apply(prompt);
            if (made == null || replacement != last) {
                made = Intervention.of(target.name(), target.units(), replacement);
                last = replacement;
            }
            return made;
        }
    }

    @Override
    public String toString() {
        return "Ablation[" + targets.size() + " targets by " + key + ", " + outcome.name() + "]";
    }
}
