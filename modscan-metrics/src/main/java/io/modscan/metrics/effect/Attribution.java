package io.modscan.metrics.effect;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Change;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.intervention.UnitSet;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What does the model use? For every head and every neuron, to first order, what an objective would gain if it were replaced: (replacement − value) ·
 * gradient, summed over positions. All of them come from one pass forward and one backward, where {@link Ablation} takes a pass for each.
 *
 * <pre>{@code
 * Activations used = Attribution.of(model).run(prompts);
 * SelectivityMap map = used.measure(Selectivity.by("topic"));            // which units does a topic use, beside which light up
 * EffectMap effects = EffectMap.estimated(used, "topic");                // the same rows as an ablation's, estimated
 * }</pre>
 *
 * <p>It is attribution patching: Nanda, "Attribution patching", 2023, and Syed, Rager and Conmy, "Attribution patching outperforms automated circuit discovery", 2023
 * (<a href="https://doi.org/10.48550/arXiv.2310.10348">doi:10.48550/arXiv.2310.10348</a>). An estimate to first order is wrong where what lies behind is bent between the value and its
 * replacement, above all where an attention pattern is saturated, so that its gradient is next to nothing (Kramár et al., "AtP*", 2024,
 * <a href="https://doi.org/10.48550/arXiv.2403.00745">doi:10.48550/arXiv.2403.00745</a>): set the best against {@link Ablation}. {@link #steps} buys a better one.
 *
 * <p>Not safe for use by several threads.
 */
public final class Attribution {

    /** The key under which provenance tells what values were replaced by. */
    static final String REPLACEMENT = "attribution.replacement";

    private static final String STEPS = "attribution.steps";

    private final Model model;
    private List<SiteSelector> selectors = List.of(Sites.z(), Sites.mlpPost());
    private Objective objective = Objective.loss();
    private @Nullable Function<? super Prompt, Replacement> by;
    private String inWords = "mean of the prompts of the study";
    private int steps = 1;
    private BiConsumer<Integer, Integer> listener = (done, all) -> {};
    private UnaryOperator<Probe.Builder> settings = UnaryOperator.identity();

    private Attribution(Model model) {
        this.model = model;
    }

    /**
     * Begins a study of a model.
     *
     * @param model a model whose sites have gradients
     * @return a study of all heads and neurons, of the loss
     */
    public static Attribution of(Model model) {
        return new Attribution(Objects.requireNonNull(model, "model"));
    }

    /**
     * Sets what is looked at.
     *
     * @param some selects sites of vectors; {@code hook_z} and {@code mlp.hook_post} of all layers unless set
     * @return this
     */
    public Attribution sites(SiteSelector... some) {
        this.selectors = List.of(some);
        return this;
    }

    /**
     * Sets what would gain.
     *
     * @param what the objective; {@link Objective#loss()} unless set
     * @return this
     */
    public Attribution objective(Objective what) {
        this.objective = Objects.requireNonNull(what, "what");
        return this;
    }

    /**
     * Sets what values are replaced by.
     *
     * @param replacement unless set, their mean over the prompts of the study (each prompt counts once)
     * @return this
     */
    public Attribution replacing(Replacement replacement) {
        Objects.requireNonNull(replacement, "replacement");
        String digest = replacement
                .reference()
                .map(by -> " (SHA-256 " + by.sha256() + ")")
                .orElse("");
        return replacing(replacement + digest, prompt -> replacement);
    }

    /**
     * Sets what values are replaced by, each prompt's by its own: above all, by what its counterpart had, position by position.
     *
     * @param name     says what that is, for provenance
     * @param ofPrompt tells the replacement for a prompt
     * @return this
     */
    public Attribution replacing(String name, Function<? super Prompt, Replacement> ofPrompt) {
        this.inWords = Objects.requireNonNull(name, "name");
        this.by = Objects.requireNonNull(ofPrompt, "ofPrompt");
        return this;
    }

    /**
     * Takes the mean gradient on the way from the value to its replacement, at the middles of k equal steps, instead of that at the value: integrated gradients (Sundararajan, Taly and
     * Yan, "Axiomatic attribution for deep networks", 2017, <a href="https://doi.org/10.48550/arXiv.1703.01365">doi:10.48550/arXiv.1703.01365</a>), which
     * Hanna, Pezzelle and Belinkov, "Have faith in faithfulness", 2024 (<a href="https://doi.org/10.48550/arXiv.2403.17806">doi:10.48550/arXiv.2403.17806</a>) found to repair what plain
     * gradients get wrong where they vanish. All units of a site go that way together, one site at a time, so that the attributions of a site's units add up to what replacing the whole site does. It costs k passes forward and
     * backward for each site.
     *
     * @param k how many steps; 1 means the plain gradient at the value, which it is unless set
     * @return this
     * @throws IllegalArgumentException if not positive
     */
    public Attribution steps(int k) {
        if (k < 1) {
            throw new IllegalArgumentException("there is 1 step or more, not " + k);
        }
        this.steps = k;
        return this;
    }

    /**
     * Sets who is told how far a run is.
     *
     * @param told passes forward and backward that are done, and how many there are in all, each over all prompts
     * @return this
     */
    public Attribution progress(BiConsumer<Integer, Integer> told) {
        this.listener = Objects.requireNonNull(told, "told");
        return this;
    }

    /**
     * Sets how prompts are run, such as memory limit and token budget.
     *
     * @param probe given each probe's builder
     * @return this
     */
    public Attribution probe(UnaryOperator<Probe.Builder> probe) {
        this.settings = Objects.requireNonNull(probe, "probe");
        return this;
    }

    /**
     * Runs it.
     *
     * @param prompts the prompts
     * @return their attributions: for each site {@code SITE.attribution}, [prompts, heads] where the site has heads and [prompts, units] else, in units of the objective
     * @throws ModscanException if a site has no gradient or is no site of vectors, if the objective does not fit a prompt, or running fails
     * @throws java.util.concurrent.CancellationException if the thread is interrupted; its interrupt status stays set
     */
    public Activations run(Prompts prompts) {
        List<Site> sites = sites();
        Function<Prompt, Replacement> replacement = replacement(prompts, sites);
        Activations found;
        if (steps == 1) {
            found = capture(prompts.toward(prompt -> all("replaced", sites, replacement.apply(prompt))), sites, false);
            listener.accept(1, 1);
        } else {
            Activations.Builder all = Activations.builder(prompts);
            Activations last = null;
            for (int i = 0; i < sites.size(); i++) {
                last = integrated(prompts, sites.get(i), replacement, all);
                listener.accept((i + 1) * steps, sites.size() * steps);
            }
            found = all.tokenIds(tokenIds(Objects.requireNonNull(last), prompts.size()))
                    .provenance(Objects.requireNonNull(last).provenance())
                    .build();
        }
        return told(found, prompts);
    }

    private List<Site> sites() {
        List<Site> sites = model.differentiable().stream()
                .filter(site -> selectors.stream().anyMatch(selector -> selector.selects(site)))
                .toList();
        for (SiteSelector selector : selectors) {
            if (sites.stream().noneMatch(selector::selects)) {
                throw new ModscanException("no site that has a gradient matches '" + selector + "' in " + model);
            }
        }
        for (Site site : sites) {
            if (!site.hasPositions() || site.units() == 0) {
                throw new ModscanException(
                        site + " holds no vectors that could be replaced; read its attributions by a probe: "
                                + "Probe.builder(model).sites(\"" + site + ".attribution\")");
            }
        }
        return sites;
    }

    private Function<Prompt, Replacement> replacement(Prompts prompts, List<Site> sites) {
        Function<? super Prompt, Replacement> given = by;
        if (given != null) {
            return prompt -> {
                @Nullable Replacement own = given.apply(prompt);
                if (own == null) {
                    throw new ModscanException("'" + inWords + "' has no replacement for prompt '" + prompt.id() + "'");
                }
                return own;
            };
        }
        try (Probe probe = settings.apply(Probe.builder(model))
                .sites(Pooling.mean(), sites::contains)
                .build()) {
            Replacement mean = Replacement.mean(probe.capture(prompts).mean("mean of " + prompts.size() + " prompts"));
            return prompt -> mean;
        }
    }

    private static Intervention all(String name, List<Site> sites, Replacement by) {
        return Intervention.of(
                name,
                sites.stream()
                        .map(site -> Change.of(site.name(), UnitSet.all(), by))
                        .toList());
    }

    private Activations capture(Prompts prompts, List<Site> sites, boolean changing) {
        SiteSelector wanted = sites::contains;
        Probe.Builder builder = settings.apply(Probe.builder(model))
                .sites(Pooling.sum(), wanted.attribution())
                .objective(objective);
        try (Probe probe = (changing ? builder.changing(wanted) : builder).build()) {
            return probe.capture(prompts);
        }
    }

    /** Of one site. */
    private Activations integrated(
            Prompts prompts, Site site, Function<Prompt, Replacement> replacement, Activations.Builder all) {
        List<Prompt> onTheWay = new ArrayList<>();
        for (int step = 0; step < steps; step++) {
            for (Prompt prompt : prompts) {
                Replacement to = replacement.apply(prompt);
                Replacement part = new Replacement(kept(to, step), to.reference(), to.times() * share(step));
                onTheWay.add(prompt.toward(all("replaced", List.of(site), to))
                        .under(all("step " + (step + 1) + " of " + steps, List.of(site), part)));
            }
        }
        Activations captured = capture(Prompts.of(onTheWay), List.of(site), true);
        SiteActivations attribution = captured.onlySite();
        float[][] rows = new float[prompts.size()][];
        for (int row = 0; row < rows.length; row++) {
            double[] sum = new double[attribution.site().width()];
            for (int step = 0; step < steps; step++) {
                // What is left to the replacement there is this share of what it is from the value.
                double left = kept(replacement.apply(prompts.get(row)), step) * (double) steps;
                FloatBuffer at = attribution.row(step * rows.length + row);
                for (int i = 0; i < sum.length; i++) {
                    sum[i] += at.get(at.position() + i) / left;
                }
            }
            rows[row] = new float[sum.length];
            for (int i = 0; i < sum.length; i++) {
                rows[row][i] = (float) sum[i];
            }
        }
        all.site(attribution.site(), Pooling.sum(), rows);
        return captured;
    }

    /** How far on the way the middle of a step is. */
    private float share(int step) {
        return (step + 0.5f) / steps;
    }

    private float kept(Replacement to, int step) {
        return 1 + share(step) * (to.keep() - 1);
    }

    private static List<int[]> tokenIds(Activations captured, int prompts) {
        List<int[]> ids = new ArrayList<>();
        for (int i = 0; i < prompts; i++) {
            ids.add(captured.tokenIds(i));
        }
        return ids;
    }

    /** The same with what is to be said of them, of the prompts as they were given. */
    private Activations told(Activations found, Prompts prompts) {
        Map<String, String> facts = new HashMap<>(found.provenance());
        facts.put(REPLACEMENT, inWords);
        facts.put(STEPS, Integer.toString(steps));
        Activations.Builder told = Activations.builder(prompts)
                .tokenIds(tokenIds(found, prompts.size()))
                .provenance(facts);
        for (SiteActivations site : found.sites()) {
            float[][] rows = new float[prompts.size()][];
            for (int row = 0; row < rows.length; row++) {
                rows[row] = new float[site.row(row).remaining()];
                site.row(row).get(rows[row]);
            }
            told.site(site.site(), site.pooling(), rows);
        }
        return told.build();
    }

    @Override
    public String toString() {
        return "Attribution[" + objective + " at " + selectors + " towards " + inWords
                + (steps == 1 ? "" : ", " + steps + " steps") + "]";
    }
}
