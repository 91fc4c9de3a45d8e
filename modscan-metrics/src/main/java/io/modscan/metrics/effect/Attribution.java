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
import java.util.stream.Collectors;
import java.util.stream.IntStream;
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
        return replacing(Study.words(replacement), prompt -> replacement);
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
     * gradients get wrong where they vanish. All units of a site go that way together, one site at a time, so that the attributions of a site's units add up to what replacing the whole site does, the better the more steps. It costs k passes forward and
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
     * @return their attributions, in memory: for each site {@code SITE.attribution}, [prompts, heads] where the site has heads and [prompts, units] else, in units of the objective
     * @throws ModscanException if a site has no gradient or is no site of vectors, if the objective does not fit a prompt, if a prompt says itself what its attributions are {@linkplain Prompt#toward towards},
     *                          if steps are taken of a site that can't be changed, of a prompt under an intervention or to a replacement that turns signs, or if running fails
     * @throws java.util.concurrent.CancellationException if the thread is interrupted; its interrupt status stays set
     */
    public Activations run(Prompts prompts) {
        List<Site> sites = sites();
        prompts.forEach(this::check);
        Map<String, Replacement> to = replacements(prompts, sites);
        Activations.Builder all = Activations.builder(prompts);
        Activations last = null;
        if (steps == 1) {
            last = capture(prompts.toward(prompt -> all("replaced", sites, get(to, prompt))), sites, false);
            for (SiteActivations site : last.sites()) {
                all.site(site.site(), site.pooling(), rows(site));
            }
            listener.accept(1, 1);
        } else {
            for (int i = 0; i < sites.size(); i++) {
                last = integrated(prompts, sites.get(i), to, all);
                listener.accept((i + 1) * steps, sites.size() * steps);
            }
        }
        Activations captured = Objects.requireNonNull(last);
        return all.tokens(IntStream.range(0, prompts.size())
                        .mapToObj(captured::tokens)
                        .toList())
                .provenance(facts(captured, sites))
                .build();
    }

    private void check(Prompt prompt) {
        if (prompt.toward().isPresent()) {
            throw new ModscanException("prompt '" + prompt.id() + "' says itself what its attributions are towards, '"
                    + prompt.toward().get().name()
                    + "', and a study says it for all; capture it by a probe of .attribution sites");
        }
        if (steps > 1 && prompt.intervention().isPresent()) {
            throw new ModscanException("prompt '" + prompt.id() + "' is under '"
                    + prompt.intervention().get().name()
                    + "', and steps are interventions of their own; take the gradient at the value, in one step");
        }
    }

    private List<Site> sites() {
        List<Site> sites = new ArrayList<>();
        for (Site site : model.differentiable()) {
            boolean vectors = site.hasPositions() && site.units() > 0;
            // As everywhere, what is swept in and does not fit is passed over, and what is named and does not is an
            // error.
            List<SiteSelector> by = selectors.stream()
                    .filter(selector ->
                            selector.selects(site) && (selector.names(site) || (vectors && !site.onDemand())))
                    .toList();
            if (!by.isEmpty() && !vectors) {
                throw new ModscanException(
                        site + " holds no vectors that could be replaced; read its attributions by a probe of "
                                + site.attribution());
            }
            if (!by.isEmpty()) {
                sites.add(site);
            }
        }
        if (model.differentiable().isEmpty()) {
            throw new ModscanException(
                    "no gradients can be computed of " + model
                            + "; they can of OPT models that run as a whole, and neither of a chain of blocks nor of somebody's ONNX graph");
        }
        if (sites.isEmpty()) {
            throw new ModscanException("no site that has a gradient matches " + selectors + " in " + model);
        }
        List<Site> changeable = model.changeable();
        for (Site site : sites) {
            if (steps > 1 && !changeable.contains(site)) {
                throw new ModscanException(
                        "steps change " + site + " on the way to its replacement, and it can't be changed; "
                                + "take the gradient at the value there, or sites such as "
                                + changeable.stream().limit(8).toList());
            }
        }
        return List.copyOf(sites);
    }

    /** Selects these, and means them. */
    private record Exactly(List<Site> sites) implements SiteSelector {
        @Override
        public boolean selects(Site site) {
            return sites.contains(site);
        }

        @Override
        public boolean names(Site site) {
            return true;
        }
    }

    private Map<String, Replacement> replacements(Prompts prompts, List<Site> sites) {
        Function<? super Prompt, Replacement> given = by;
        if (given == null) {
            try (Probe probe = settings.apply(Probe.builder(model))
                    .sites(Pooling.mean(), new Exactly(sites))
                    .build()) {
                Replacement mean =
                        Replacement.mean(probe.capture(prompts).mean("mean of " + prompts.size() + " prompts"));
                given = prompt -> mean;
            }
        }
        Map<String, Replacement> replacements = new HashMap<>();
        for (Prompt prompt : prompts) {
            @Nullable Replacement own = given.apply(prompt);
            if (own == null) {
                throw new ModscanException("'" + inWords + "' has no replacement for prompt '" + prompt.id() + "'");
            }
            if (steps > 1 && own.keep() < 0) {
                throw new ModscanException(
                        "'" + own + "' turns a value's sign, so that on the way there it is nothing at all;"
                                + " steps go to replacements that keep a value's sign or nothing of it");
            }
            replacements.put(prompt.id(), own);
        }
        return replacements;
    }

    private static Replacement get(Map<String, Replacement> replacements, Prompt prompt) {
        return Objects.requireNonNull(replacements.get(prompt.id()), prompt.id());
    }

    private static Intervention all(String name, List<Site> sites, Replacement by) {
        return Intervention.of(
                name,
                sites.stream()
                        .map(site -> Change.of(site.name(), UnitSet.all(), by))
                        .toList());
    }

    private Activations capture(Prompts prompts, List<Site> sites, boolean changing) {
        SiteSelector wanted = new Exactly(sites);
        Probe.Builder builder = settings.apply(Probe.builder(model))
                .sites(Pooling.sum(), wanted.attribution())
                .objective(objective);
        try (Probe probe = (changing ? builder.changing(wanted) : builder).build()) {
            return probe.capture(prompts);
        }
    }

    /** Of one site. */
    private Activations integrated(
            Prompts prompts, Site site, Map<String, Replacement> replacements, Activations.Builder all) {
        List<Prompt> onTheWay = new ArrayList<>();
        for (int step = 0; step < steps; step++) {
            for (Prompt prompt : prompts) {
                Replacement to = get(replacements, prompt);
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
                double left = kept(get(replacements, prompts.get(row)), step) * (double) steps;
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

    private static float[][] rows(SiteActivations site) {
        float[][] rows = new float[site.size()][];
        for (int row = 0; row < rows.length; row++) {
            rows[row] = new float[site.row(row).remaining()];
            site.row(row).get(rows[row]);
        }
        return rows;
    }

    /** What is to be said of all sites: each was captured by itself where steps were taken. */
    private Map<String, String> facts(Activations captured, List<Site> sites) {
        Map<String, String> facts = new HashMap<>(captured.provenance());
        facts.keySet().removeAll(List.of("modscan.changing", "modscan.interventions"));
        facts.put(
                "modscan.plan",
                sites.stream()
                        .map(site -> site.attribution() + " " + Pooling.sum())
                        .collect(Collectors.joining("; ")));
        facts.put(REPLACEMENT, inWords);
        facts.put(STEPS, Integer.toString(steps));
        return facts;
    }

    @Override
    public String toString() {
        return "Attribution[" + objective + " at " + selectors + " towards " + inWords
                + (steps == 1 ? "" : ", " + steps + " steps") + "]";
    }
}
