package io.modscan.scan;

import static io.modscan.scan.ScanSites.HEADS;
import static io.modscan.scan.ScanSites.NEURONS;
import static io.modscan.scan.ScanSites.PATTERNS;
import static io.modscan.scan.ScanSites.STREAM;
import static io.modscan.scan.ScanSites.VECTORS;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.metrics.contexts.TopContexts;
import io.modscan.scan.Scan.Part;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import java.util.stream.IntStream;

/** What a {@link Scan} reads and what it leaves out. Immutable; safe for use by many threads. */
public final class ScanPlan {

    private static final int MOST_SITES_NAMED = 8;

    private final Scan scan;
    private final Prompts prompts;
    private final List<Site> sites;
    private final Pooling pooling;
    private final Set<Part> parts = EnumSet.noneOf(Part.class);
    private final Map<Part, String> leftOut = new EnumMap<>(Part.class);
    private final List<Selection> selections = new ArrayList<>();
    private final List<Reading> readings;

    private ScanPlan(Scan scan, Prompts prompts) {
        this.scan = scan;
        this.prompts = prompts;
        Model model = scan.model();
        Optional<Activations> captured =
                Optional.ofNullable(model instanceof Recording recording ? recording.activations() : scan.captured());
        this.sites = model != null
                ? model.sites()
                : captured.orElseThrow().sites().stream()
                        .map(SiteActivations::site)
                        .toList();
        // Where nothing tells which token is BOS, none can be left out.
        boolean knowsBos = model != null
                ? model.bosTokenId().isPresent()
                : IntStream.range(0, prompts.size()).allMatch(captured.orElseThrow()::knowsBos);
        this.pooling = knowsBos ? Pooling.mean().withoutBos() : Pooling.mean();
        for (Part part : Part.values()) {
            if (scan.with(part)) {
                parts.add(part);
            }
        }
        selectUnits(captured);
        selectVectors();
        selectPatterns();
        List<String> labels = prompts.labels(scan.label());
        if (labels.stream().allMatch(label -> Collections.frequency(labels, label) == 1)) {
            leaveOut(Part.HALVES, "no '" + scan.label() + "' has two prompts, which can be halved");
        }
        if (prompts.size() < ScanModules.FEWEST_PROMPTS) {
            leaveOut(Part.MODULES, "over " + prompts.size() + " prompts every correlation is 1, -1 or none");
        }
        this.readings = model != null
                ? model.plan(selections).readings()
                : selected(captured.orElseThrow()).sites().stream()
                        .map(SiteActivations::reading)
                        .toList();
    }

    static ScanPlan of(Scan scan) {
        Prompts prompts = scan.prompts();
        if (prompts == null) {
            throw new ModscanException("there are no prompts to scan; give some, of at least two labels");
        }
        if (prompts.labels(scan.label()).stream().distinct().count() < 2) {
            throw new ModscanException(
                    "all prompts have the same '" + scan.label() + "'; a scan compares at least two labels");
        }
        return new ScanPlan(scan, prompts);
    }

    /** Values of tokens wherever they are to be had, as importance is over tokens. */
    private void selectUnits(Optional<Activations> captured) {
        // A model, and a recording of tokens, gives the magnitudes of each z that it has.
        boolean derives = scan.model() != null;
        need(has(HEADS) || (derives && has(VECTORS)), "hook_z" + (derives ? "" : ".magnitude"), "heads are told by");
        need(has(NEURONS), "mlp.hook_post", "neurons are told by");
        boolean perToken = captured.stream()
                .flatMap(activations -> activations.sites().stream())
                .filter(site -> HEADS.selects(site.site())
                        || NEURONS.selects(site.site())
                        || (derives && VECTORS.selects(site.site())))
                .noneMatch(site -> site.pooling().isPooled());
        if (!perToken) {
            leaveOut(Part.IMPORTANCE, "it is over tokens, and the values are of prompts");
            leaveOut(Part.CONTEXTS, "they are of tokens, and the values are of prompts");
            leaveOut(Part.TOKENS, "the values are of prompts");
        }
        boolean knowsIds = captured.isEmpty()
                || IntStream.range(0, prompts.size()).allMatch(prompt -> knowsIds(captured.get(), prompt));
        if (!knowsIds) {
            leaveOut(Part.CONTEXTS, "the token ids of some prompts are not known");
            leaveOut(Part.TOKENS, "the token ids of some prompts are not known");
        }
        leaveOutContextsThatDontFit();
        select(perToken ? Pooling.none() : pooling, HEADS, NEURONS);
    }

    private static boolean knowsIds(Activations captured, int prompt) {
        // A recording may be scanned over some of its prompts only.
        return prompt >= captured.prompts().size()
                || (captured.tokens(prompt).size() > 0
                        && captured.tokens(prompt).id(0) >= 0);
    }

    private void leaveOutContextsThatDontFit() {
        long units = sites.stream()
                .filter(site -> NEURONS.selects(site) || VECTORS.selects(site) || HEADS.selects(site))
                .mapToLong(site -> NEURONS.selects(site) ? site.width() : site.heads())
                .sum();
        long bytes = units * TopContexts.of(Measured.CONTEXTS).bytesOfUnit();
        long limit = Runtime.getRuntime().maxMemory() / 3;
        if (bytes > limit) {
            leaveOut(
                    Part.CONTEXTS,
                    String.format(
                            Locale.ROOT,
                            "those of %d units take %d MB, and there are %d; raise java's -Xmx",
                            units,
                            bytes >> 20,
                            limit >> 20));
        }
    }

    private void selectVectors() {
        if (!has(STREAM)) {
            leaveOut(Part.SEPARATION, "there is no hook_resid_post, which labels are told apart by");
        }
        if (with(Part.SEPARATION) || (with(Part.PAGE) && has(STREAM))) {
            select(pooling, STREAM);
        }
        if (with(Part.PAGE) && has(VECTORS)) {
            select(pooling, VECTORS);
        }
    }

    private void selectPatterns() {
        if (!with(Part.ATTENTION)) {
            return;
        }
        if (!has(PATTERNS)) {
            leaveOut(Part.ATTENTION, "there are no attention patterns");
        } else if (scan.model() != null) {
            leaveOutPatternsThatDontFit(scan.model());
        }
        if (with(Part.ATTENTION)) {
            select(Pooling.none(), PATTERNS);
        }
    }

    /** No pooling makes patterns smaller. */
    private void leaveOutPatternsThatDontFit(Model model) {
        int longest = prompts.stream()
                .mapToInt(prompt -> prompt.tokenIds()
                        .map(ids -> ids.length)
                        .orElseGet(() -> model.tokenizer().encode(prompt.text().orElse("")).length))
                .map(tokens -> Math.min(tokens, model.maxTokens().orElse(tokens)))
                .max()
                .orElse(0);
        long bytes = sites.stream()
                .filter(PATTERNS::selects)
                .mapToLong(site -> (long) site.heads() * longest * longest * Float.BYTES)
                .sum();
        // What the probe allows the values of a batch.
        long limit = Math.min(scan.memoryLimit() / 2, Runtime.getRuntime().maxMemory() / 4);
        if (bytes > limit) {
            leaveOut(
                    Part.ATTENTION,
                    String.format(
                            Locale.ROOT,
                            "the patterns of the longest prompt, %d tokens, take %d MB, and there are %d; raise the memory"
                                    + " limit and java's -Xmx",
                            longest,
                            bytes >> 20,
                            limit >> 20));
        }
    }

    private boolean has(SiteSelector wanted) {
        return sites.stream().anyMatch(wanted::selects);
    }

    private void need(boolean there, String name, String why) {
        if (!there) {
            throw new ModscanException("there is no " + name + ", which " + why + "; the sites are "
                    + sites.stream().limit(MOST_SITES_NAMED).map(Site::name).toList()
                    + (sites.size() > MOST_SITES_NAMED ? " and " + (sites.size() - MOST_SITES_NAMED) + " more" : ""));
        }
    }

    private void select(Pooling pooling, SiteSelector... selectors) {
        for (SiteSelector selector : selectors) {
            selections.add(new Selection(selector, pooling));
        }
    }

    private void leaveOut(Part part, String reason) {
        if (parts.remove(part)) {
            leftOut.put(part, reason);
        }
    }

    private Activations selected(Activations captured) {
        return captured.only(selections.stream().map(Selection::selector).toArray(SiteSelector[]::new));
    }

    /**
     * What is read.
     *
     * @return each site and how it is read; values of tokens are pooled, and, when a model runs, dropped as they come
     */
    public List<Reading> readings() {
        return readings;
    }

    /**
     * What can't be done, though it was not switched off.
     *
     * @return for each such part the reason
     */
    public Map<Part, String> leftOut() {
        return Collections.unmodifiableMap(leftOut);
    }

    /**
     * Runs the prompts and measures.
     *
     * @return what was found
     * @throws ModscanException      as {@link Probe.Builder#build} and {@link Probe#measure} throw
     * @throws CancellationException if the thread is interrupted; its interrupt status stays set
     */
    public ScanResult run() {
        Activations captured = scan.captured();
        if (captured != null) {
            Measured measured = Measured.of(this, selected(captured)::measure);
            return result(measured, false, units -> {
                Set<String> some = units.prompts();
                Activations of = captured.where(prompt -> some.contains(prompt.id()));
                return units.of(of)::measure;
            });
        }
        Probe.Builder builder =
                Probe.builder(Optional.ofNullable(scan.model()).orElseThrow()).memoryLimit(scan.memoryLimit());
        selections.forEach(selection -> builder.sites(selection.pooling(), selection.selector()));
        Measured measured = Measured.of(this, run(builder, prompts));
        Optional<Activations> kept = measured.tokens();
        return result(
                measured.withoutTokens(),
                kept.isEmpty(),
                units -> kept.isPresent() ? units.of(kept.get())::measure : secondPass(units));
    }

    private ScanResult result(Measured measured, boolean runsAgain, Function<TokenUnits, Measured.Pass> pass) {
        Map<String, String> facts = new TreeMap<>(measured.provenance());
        if (!with(Part.TOKENS) && !with(Part.CONTEXTS)) {
            at("");
            return new ScanResult(scan, this, measured, Optional.empty(), Optional.empty(), facts);
        }
        TokenUnits units = TokenUnits.of(measured.units(), prompts, scan);
        Optional<ScanTokens> tokens = Optional.empty();
        if (with(Part.TOKENS)) {
            at("what happens inside of prompts");
            tokens = Optional.of(ScanTokens.of(scan, units, pass.apply(units)));
            facts.putAll(units.facts(prompts.size(), runsAgain));
        }
        at("");
        return new ScanResult(scan, this, measured, Optional.of(units), tokens, facts);
    }

    private Measured.Pass secondPass(TokenUnits units) {
        Probe.Builder builder =
                Probe.builder(Optional.ofNullable(scan.model()).orElseThrow()).memoryLimit(scan.memoryLimit());
        units.selectors().forEach(selector -> builder.sites(Pooling.none(), selector));
        return run(builder, prompts.filter(prompt -> units.prompts().contains(prompt.id())));
    }

    /**
     * The model is held no longer than prompts run: what is measured when they have run needs memory, too. The buffers that they ran in lie beside
     * Java's heap, and are freed when the collector comes upon them, which looks at how full the heap is alone; so it is called.
     */
    private Measured.Pass run(Probe.Builder builder, Prompts some) {
        return suite -> {
            Metric.Accumulator<SideBySide.Results> gathered;
            try (Probe probe = scan.probe().apply(builder).build()) {
                gathered = probe.measure(some, suite.unfinished());
            }
            System.gc();
            return gathered.finish();
        };
    }

    Prompts prompts() {
        return prompts;
    }

    /** Whether prompts are run, which makes a second pass as dear as the first. */
    boolean runsModel() {
        return scan.model() != null;
    }

    /** The ids of the prompts that are looked into. */
    Set<String> tokenPrompts() {
        return TokenUnits.prompts(prompts, scan);
    }

    /** Tells what comes now. */
    void at(String step) {
        scan.progress().accept(step);
    }

    /** How values of tokens become one of a prompt. */
    Pooling pooling() {
        return pooling;
    }

    String label() {
        return scan.label();
    }

    boolean with(Part part) {
        return parts.contains(part);
    }

    /** Whether sites of this kind are read. */
    boolean reads(SiteSelector selector) {
        return readings.stream().anyMatch(reading -> selector.selects(reading.site()));
    }
}
