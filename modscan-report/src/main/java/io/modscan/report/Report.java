package io.modscan.report;

import io.modscan.core.Activations;
import io.modscan.core.NonFinite;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.contexts.ContextMap;
import io.modscan.metrics.effect.Curve;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.modules.ModuleComparison;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.ModuleTopics;
import io.modscan.metrics.modules.StepMap;
import io.modscan.metrics.selectivity.ConsistencyMap;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.similarity.LabelSeparation;
import io.modscan.metrics.subspace.LabelOverlaps;
import io.modscan.metrics.tokens.TokenSelectivityMap;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A page of pictures in one HTML file, to be opened from disk and sent to others: it needs no network and no other file. What
 * is added is shown, each part once:
 *
 * <pre>{@code
 * Report.of(prompts, "topic")
 *         .units(activations.measure(Selectivity.by("topic")), activations)
 *         .similarity(vectors)
 *         .write(Path.of("report.html"));
 * }</pre>
 *
 * <p><b>Size.</b> A page has a budget for each part, some megabytes in all. Of the responses of units it holds up to 300,000
 * (units × labels), of their values for each prompt up to 200,000, those of the units that tell labels apart best. Matrices of
 * similarity are of up to 12 prompts a label. What was left out is said in the page.
 *
 * <p><b>Numbers</b> in the page are rounded: effects to 0.001 (at most 32.766), AUROC to 1/60,000, q to three digits, the AUROC of halves to 1/250, values to 1/65,534 of a
 * unit's range, heads' vectors to 1/254 of a dimension's.
 *
 * <p>The texts of prompts and the names of labels are in the page; they are shown as they are, whatever is in them. Not for use by
 * several threads.
 */
public final class Report {

    /** Characters of all texts together. */
    private static final int MOST_TEXT = 1_000_000;

    private static final int LEAST_TEXT = 80;

    /** Sites with values that are not finite which are named. */
    private static final int MOST_BROKEN = 8;

    private final Prompts prompts;
    private final String key;
    private final List<String> ofPrompts;
    private final List<String> labels;
    private String title = "What lights up";
    private Criterion criterion = Criterion.standard();
    private @Nullable List<NonFinite> nonFinite;
    private @Nullable SelectivityMap units;
    private @Nullable Activations unitValues;
    private @Nullable ConsistencyMap halves;
    private @Nullable TokenTextsOf<Activations> texts;
    private @Nullable TokenTextsOf<ContextMap> contexts;
    private final Map<String, TokenSelectivityMap> tokenLabels = new LinkedHashMap<>();
    private @Nullable StepMap steps;
    private @Nullable SelectivityMap behaviour;
    private @Nullable Activations vectors;
    private @Nullable Activations patterns;
    private IntFunction<String> token = Integer::toString;
    private final Map<String, Map<Site, LabelSeparation>> separation = new LinkedHashMap<>();
    private final List<FoundModules> modules = new ArrayList<>();
    private final List<Map<String, Object>> comparisons = new ArrayList<>();
    private @Nullable EffectMap effects;
    private @Nullable SelectivityMap lights;
    private @Nullable EffectMap moduleEffects;
    private @Nullable EffectMap estimated;
    private @Nullable SelectivityMap besideEstimated;
    private @Nullable EffectMap measured;
    private List<Curve> effectCurves = List.of();
    private String curvesOutcome = "";
    private Map<Site, Basis> bases = Map.of();
    private Map<Site, LabelOverlaps> subspaces = Map.of();
    private final Map<String, String> provenance = new LinkedHashMap<>();

    /** What was measured of tokens, and what their texts are. */
    private record TokenTextsOf<T>(T measured, Function<int[], List<String>> pieces) {}

    private record FoundModules(String of, ModuleMap found, List<ModuleTopics> topics, Activations values) {}

    private Report(Prompts prompts, String key) {
        this.prompts = prompts;
        this.key = key;
        this.ofPrompts = prompts.labels(key);
        this.labels = List.copyOf(new TreeSet<>(ofPrompts));
    }

    /**
     * An empty page about prompts by a label.
     *
     * @param prompts the prompts that all parts are about
     * @param key     the label's key, such as {@code topic}
     * @return a report to be filled
     * @throws ModscanException if a prompt has no such label
     */
    public static Report of(Prompts prompts, String key) {
        return new Report(prompts, key);
    }

    /**
     * Names the page.
     *
     * @param text its title
     * @return this
     */
    public Report title(String text) {
        this.title = text;
        return this;
    }

    /**
     * Says what counts as lit up or dark; the rest is greyed.
     *
     * @param what the criterion; {@link Criterion#standard} unless given
     * @return this
     */
    public Report criterion(Criterion what) {
        this.criterion = what;
        return this;
    }

    /**
     * Adds how units respond to labels: a grid, layer × head, and a strip, layer × neurons.
     *
     * @param map    the responses, by the report's label
     * @param values the units' value for each prompt: pooled, of the report's prompts, with all sites of the map
     * @return this
     * @throws ModscanException if the prompts are others, the labels are others, or a site is missing or is not pooled
     */
    public Report units(SelectivityMap map, Activations values) {
        check(values);
        if (!map.labels().equals(labels)) {
            throw new ModscanException("the map is by the labels " + map.labels() + ", and the report by " + labels);
        }
        map.sites().forEach(site -> {
            if (!values.at(site).pooling().isPooled()) {
                throw new ModscanException(site + " holds a value for each token; give pooled activations");
            }
        });
        this.units = map;
        this.unitValues = values;
        return this;
    }

    /**
     * Adds whether units respond alike in both halves of the prompts: each unit's AUROC in one half against that in the other, for the
     * units that the page lists.
     *
     * @param of the responses in both halves, of the units that {@link #units} was given, to the report's label
     * @return this
     * @throws ModscanException if there are no units yet, or the labels are others, or a site is missing
     */
    public Report halves(ConsistencyMap of) {
        SelectivityMap whole = units;
        if (whole == null) {
            throw new ModscanException("halves are shown beside the units that they are of, and there are none yet");
        }
        if (!of.labels().equals(labels)) {
            throw new ModscanException(
                    "the halves' responses are to the labels " + of.labels() + ", and the report is by " + labels);
        }
        if (!of.sites().containsAll(whole.sites())) {
            throw new ModscanException("the halves are of " + of.sites() + ", and the units of " + whole.sites());
        }
        this.halves = of;
        return this;
    }

    /**
     * Adds texts that are coloured token by token: whoever chooses a unit sees what it does at each token of some prompts, on one scale of
     * colours for all texts. A page holds 200,000 values (units × tokens), of the units that tell labels apart best; of 10 to 24 prompts, the more the fewer units there are, the first of each label before the
     * second of any; and 40 to 64 tokens of each.
     *
     * @param perToken values for each token, or for those that were kept, of some of the report's prompts: at sites of the units that {@link #units} was
     *                 given, or at sites that {@linkplain Site#pick pick} some of these
     * @param pieces   gives the texts of a prompt's tokens one by one, such as {@code tokenizer::pieces}
     * @return this
     * @throws ModscanException if there are no units yet, a prompt is not one of the report's, the page has no units of a site, or a site was pooled
     */
    public Report texts(Activations perToken, Function<int[], List<String>> pieces) {
        places(perToken);
        checkUnits(perToken.sites().stream().map(SiteActivations::site).toList());
        perToken.sites().forEach(site -> {
            if (site.pooling().isPooled() || !site.site().hasPositions()) {
                throw new ModscanException(
                        site.site()
                                + " holds one value for all tokens of a prompt, and texts are coloured by a value for each; capture without pooling");
            }
        });
        this.texts = new TokenTextsOf<>(perToken, pieces);
        return this;
    }

    /**
     * Adds in which contexts units are strongest, and samples beside them, for the units that the page has values of. A page holds up to 3,000 contexts and
     * samples, of more those of the units that tell labels apart best.
     *
     * @param of     the contexts, of the report's prompts or of others: at sites of the units that {@link #units} was given, or at sites that
     *               {@linkplain Site#pick pick} some of these
     * @param pieces gives the texts of tokens one by one, such as {@code tokenizer::pieces}
     * @return this
     * @throws ModscanException if there are no units yet, or the page has no units of a site
     */
    public Report contexts(ContextMap of, Function<int[], List<String>> pieces) {
        checkUnits(of.sites());
        this.contexts = new TokenTextsOf<>(of, pieces);
        return this;
    }

    /**
     * Adds how units respond to labels of tokens, within prompts: the heads for each label as small pictures on one scale, and a table of the heads and other units that
     * respond most. Of each measurement a page holds up to 60 labels, of more those that count in most prompts, and 4,000 rows.
     *
     * @param name what the labels are, such as {@code kinds of tokens}; of the same name there is one
     * @param of   the responses, of any prompts and units; a unit that the page has, too, can be chosen there
     * @return this
     */
    public Report tokenLabels(String name, TokenSelectivityMap of) {
        tokenLabels.put(name, of);
        return this;
    }

    /**
     * Adds steps: modules of units that act together within prompts, where in a prompt each is active, and at which labels of tokens. A page holds up to 500 modules, 40 labels, and
     * of members the surest 2,000 of a module, 40,000 in all.
     *
     * @param found the steps, of any prompts
     * @return this
     */
    public Report steps(StepMap found) {
        this.steps = found;
        return this;
    }

    private void checkUnits(List<Site> measured) {
        SelectivityMap whole = units;
        if (whole == null) {
            throw new ModscanException("tokens are shown of units that one chooses, and there are none yet");
        }
        UnitColumns.check(measured, whole.sites());
    }

    /**
     * Adds how what heads attend to depends on the label: a grid, layer × head, for each number that a head has, and a table. A page holds
     * up to 100,000 responses (heads × numbers × labels), of more those that tell labels apart best.
     *
     * @param of the responses to the report's label of what {@link io.modscan.metrics.attention.HeadBehaviour} makes of patterns, or of
     *           other sites of heads with a few numbers each
     * @return this
     * @throws ModscanException if the labels are others, there is no site, or one has no numbers of heads
     */
    public Report behaviour(SelectivityMap of) {
        checkLabels(of);
        if (of.sites().isEmpty() || of.sites().stream().anyMatch(site -> site.heads() == 0 || site.units() == 0)) {
            throw new ModscanException(
                    "how heads attend is told by a few numbers of each head, in sites with heads and units; these are "
                            + of.sites());
        }
        this.behaviour = of;
        return this;
    }

    /**
     * Adds matrices of similar prompts: cosine, scaled cosine and closeness side by side, for each site, layer and head. Of
     * sites with heads and units the heads' raw values are shown too.
     *
     * @param pooled vectors of the report's prompts, such as {@code hook_resid_post} and {@code hook_z}
     * @return this
     * @throws ModscanException if the prompts are others, or a site is not pooled
     */
    public Report similarity(Activations pooled) {
        check(pooled);
        if (pooled.sites().isEmpty()) {
            throw new ModscanException("there is no site to compare prompts at");
        }
        pooled.sites().forEach(site -> {
            if (!site.pooling().isPooled()) {
                throw new ModscanException(site.site() + " holds a vector for each token; give pooled activations");
            }
        });
        this.vectors = pooled;
        return this;
    }

    /**
     * Adds how far apart labels are, as curves over layers with 95 % intervals by the jackknife's standard errors.
     *
     * @param similarity its name, such as {@code cosine}
     * @param bySite     the separation at each site, in order of layers; at the same sites for each similarity
     * @return this
     * @throws ModscanException if there are no sites, or other ones than before
     */
    public Report separation(String similarity, Map<Site, LabelSeparation> bySite) {
        List<Site> sites = List.copyOf(bySite.keySet());
        if (sites.isEmpty()) {
            throw new ModscanException("the separation by " + similarity + " is of no site");
        }
        separation.values().forEach(other -> {
            if (!List.copyOf(other.keySet()).equals(sites)) {
                throw new ModscanException("the separation by " + similarity + " is of " + sites + ", another is of "
                        + other.keySet() + "; curves over layers need the same ones");
            }
        });
        separation.put(similarity, new LinkedHashMap<>(bySite));
        return this;
    }

    /**
     * Adds modules: their members' correlations, in order, how far halves of the prompts agree, and tables of modules, members and
     * resolutions.
     *
     * @param of     of what, such as {@code units}
     * @param found  the modules
     * @param topics what each responds to, in the same order: {@link ModuleMap#topics}
     * @param values what they were found in: pooled, of the report's prompts, or of some of them in their order, as of the half that a
     *               basis was not fitted to
     * @return this
     * @throws ModscanException if the prompts are others
     */
    public Report modules(String of, ModuleMap found, List<ModuleTopics> topics, Activations values) {
        Set<String> some = new HashSet<>(ids(values.prompts()));
        if (!ids(values.prompts())
                .equals(ids(prompts).stream().filter(some::contains).toList())) {
            throw otherPrompts();
        }
        modules.add(new FoundModules(of, found, List.copyOf(topics), values));
        return this;
    }

    /**
     * Adds how far two module maps agree: adjusted Rand index and variation of information, which modules overlap, and which module of the
     * other map each is most like.
     *
     * @param of         what the first map is of, such as {@code step 1000}
     * @param other      what the second is of
     * @param comparison of the two, whatever their prompts
     * @return this
     */
    public Report comparison(String of, String other, ModuleComparison comparison) {
        comparisons.add(ComparisonTables.write(of, other, comparison));
        return this;
    }

    /**
     * Adds what each unit does: how much worse each label gets without it, beside what lights up if {@link #units} are there.
     *
     * @param each the effects of heads, or of other targets, one at a time, on the report's labels
     * @return this
     * @throws ModscanException if the labels are others, or the outcome falls when something is lost
     */
    public Report effects(EffectMap each) {
        this.effects = checked(each);
        return this;
    }

    /**
     * Adds what each unit does, beside what lights up, which is not shown otherwise.
     *
     * @param each  the effects of heads, or of other targets, one at a time, on the report's labels
     * @param beside how units respond to the same labels; targets of which it has no response have none
     * @return this
     * @throws ModscanException if the labels are others
     */
    public Report effects(EffectMap each, SelectivityMap beside) {
        effects(each);
        checkLabels(beside);
        this.lights = beside;
        return this;
    }

    /**
     * Adds what each unit is used for, as attributions estimate it, beside what lights up. All heads are shown, and of other units those that are used most, the brightest, and
     * some of the rest.
     *
     * @param estimates what {@link EffectMap#estimated} gives, on the report's labels
     * @param beside    how the same units respond to these labels; units of which it has no response have none
     * @return this
     * @throws ModscanException if the labels are others
     */
    public Report used(EffectMap estimates, SelectivityMap beside) {
        checkLabels(estimates);
        checkLabels(beside);
        this.estimated = estimates;
        this.besideEstimated = beside;
        return this;
    }

    /**
     * Adds what some of these effects are in truth, so that one sees how far estimates hold.
     *
     * @param effects measured effects of targets by the names that they have among the estimates; others are not shown
     * @return this
     * @throws ModscanException if nothing was estimated, another kind of outcome was, or the labels are others
     */
    public Report measured(EffectMap effects) {
        EffectMap estimates = estimated;
        if (estimates == null || estimates.sense() != effects.sense()) {
            throw new ModscanException("effects on the " + effects.outcome()
                    + " are set beside estimates of the same, and there are "
                    + (estimates == null ? "none yet" : "those of the " + estimates.outcome()));
        }
        checkLabels(effects);
        this.measured = effects;
        return this;
    }

    /**
     * Adds what modules do: a table of modules and labels, each module's random sets beside it where they were run.
     *
     * @param modules the effects of modules, one at a time, on the report's labels
     * @return this
     * @throws ModscanException if the labels are others
     */
    public Report moduleEffects(EffectMap modules) {
        this.moduleEffects = checked(modules);
        return this;
    }

    /**
     * Adds what becomes of each label as more and more of rankings is removed or kept. A ranking whose name ends with {@code for} and a label, as
     * {@code "selectivity for law"} does, is that label's: its curve is bold.
     *
     * @param outcome what the curves tell, such as {@code "loss (nats a token)"}
     * @param curves  curves of one or several rankings, each of the same labels as the report
     * @return this
     * @throws ModscanException if a label is another
     */
    public Report effectCurves(String outcome, List<Curve> curves) {
        curves.forEach(curve -> {
            if (!labels.contains(curve.label())) {
                throw new ModscanException(
                        "a curve is of the label '" + curve.label() + "', and the report by " + labels);
            }
        });
        this.curvesOutcome = outcome;
        this.effectCurves = List.copyOf(curves);
        return this;
    }

    private EffectMap checked(EffectMap map) {
        if (map.sense() == Outcome.Sense.SCORE) {
            throw new ModscanException(
                    map.outcome() + " falls when something is lost, and the page shows what rises; give its opposite");
        }
        checkLabels(map);
        return map;
    }

    private void checkLabels(EffectMap map) {
        if (!map.labels().equals(labels)) {
            throw new ModscanException(
                    "the effects are on the labels " + map.labels() + ", and the report is by " + labels);
        }
    }

    private void checkLabels(SelectivityMap map) {
        if (!map.labels().equals(labels)) {
            throw new ModscanException(
                    "the responses are to the labels " + map.labels() + ", and the report is by " + labels);
        }
    }

    /**
     * Adds the explained share of bases, as curves over components.
     *
     * @param bySite the basis of each site
     * @return this
     */
    public Report bases(Map<Site, Basis> bySite) {
        this.bases = new LinkedHashMap<>(bySite);
        return this;
    }

    /**
     * Adds the principal angles between labels' subspaces, over layers.
     *
     * @param bySite the overlaps at each site, in order of layers, by the report's label
     * @return this
     * @throws ModscanException if they are of other labels
     */
    public Report subspaces(Map<Site, LabelOverlaps> bySite) {
        bySite.forEach((site, overlaps) -> {
            if (!labels.containsAll(overlaps.labels())) {
                throw new ModscanException("the subspaces at " + site + " are of the labels " + overlaps.labels()
                        + ", and the report is by " + labels);
            }
        });
        this.subspaces = new LinkedHashMap<>(bySite);
        return this;
    }

    /**
     * Adds attention patterns.
     *
     * @param of    the patterns of some of the report's prompts, with their token ids; of long prompts a page has the first
     *              tokens
     * @param token a token's text by its id, such as {@code id -> tokenizer.decode(id)}
     * @return this
     * @throws ModscanException if a prompt is not one of the report's, or a site holds no patterns
     */
    public Report attention(Activations of, IntFunction<String> token) {
        places(of);
        if (of.sites().isEmpty()
                || of.sites().stream().anyMatch(site -> !site.site().isPairwise())) {
            throw new ModscanException("attention patterns are of heads, queries and keys; these are of "
                    + of.sites().stream().map(SiteActivations::site).toList());
        }
        this.patterns = of;
        this.token = token;
        return this;
    }

    /**
     * Says at the top of the page where values are NaN or infinite, of which nothing can be found. Those of the {@linkplain #units
     * units} are said unless this is called.
     *
     * @param found where; none if all are finite
     * @return this
     */
    public Report nonFinite(List<NonFinite> found) {
        this.nonFinite = List.copyOf(found);
        return this;
    }

    /**
     * Adds facts for the foot of the page.
     *
     * @param facts which model, prompts and settings the numbers are of
     * @return this
     */
    public Report provenance(Map<String, String> facts) {
        provenance.putAll(facts);
        return this;
    }

    private void check(Activations values) {
        if (!ids(values.prompts()).equals(ids(prompts))) {
            throw otherPrompts();
        }
    }

    private static ModscanException otherPrompts() {
        return new ModscanException("these activations are of other prompts than the report, or in another order");
    }

    private static List<String> ids(Prompts prompts) {
        return prompts.stream().map(Prompt::id).toList();
    }

    private List<Integer> places(Activations of) {
        List<String> all = ids(prompts);
        return ids(of.prompts()).stream()
                .map(id -> {
                    int place = all.indexOf(id);
                    if (place < 0) {
                        throw new ModscanException("the prompt '" + id + "' is not one of the report's");
                    }
                    return place;
                })
                .toList();
    }

    /**
     * Writes the page.
     *
     * @param file where to, such as {@code report.html}; an existing one is replaced; it appears whole
     * @throws ModscanException      if no file can be written there
     * @throws UncheckedIOException  if writing fails
     * @throws CancellationException if the thread is interrupted; its interrupt status stays set
     */
    public void write(Path file) {
        PageNumbers numbers = new PageNumbers();
        String page = Page.of(title, facts(numbers), numbers);
        // Half a character in somebody's text is replaced, where writeString would throw.
        WholeFile.write(file, aside -> Files.write(aside, page.getBytes(StandardCharsets.UTF_8)));
    }

    private Map<String, Object> facts(PageNumbers numbers) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("key", key);
        facts.put("labels", labels);
        facts.put("prompts", texts());
        facts.put("criterion", criterion.q());
        facts.put("effect", criterion.effect());
        List<NonFinite> broken = nonFinite != null ? nonFinite : units != null ? units.nonFinite() : List.of();
        facts.put(
                "nonFinite",
                broken.stream().limit(MOST_BROKEN).map(NonFinite::toString).toList());
        facts.put("nonFiniteSites", broken.size());
        ResponseNumbers responses = new ResponseNumbers(numbers);
        facts.put("families", List.of());
        List<RankedUnits> kept = List.of();
        if (units != null && unitValues != null) {
            UnitPictures pictures = new UnitPictures(units, unitValues, criterion, numbers, responses, halves);
            facts.put("families", pictures.write());
            kept = pictures.kept();
            addTexts(facts, numbers, kept);
        }
        facts.put("tokenLabels", writeTokenLabels(numbers, kept));
        if (steps != null) {
            facts.put("steps", StepPictures.write(steps));
        }
        ConsistencyMap both = halves;
        facts.put(
                "halves",
                both == null ? List.of() : Json.numbers(labels.stream().mapToDouble(both::correlation)));
        facts.put(
                "behaviour", behaviour == null ? List.of() : BehaviourPictures.write(behaviour, criterion, responses));
        responses.writeRates();
        checkInterrupt();
        if (vectors != null) {
            facts.put("similarity", new SimilarityPictures(vectors, ofPrompts, numbers, this::interest).write());
        }
        if (!separation.isEmpty()) {
            facts.put("separation", CurvePictures.separation(separation));
        }
        List<Object> found = new ArrayList<>();
        for (FoundModules each : modules) {
            checkInterrupt();
            found.add(ModulePictures.write(
                    each.of(),
                    each.found(),
                    each.topics(),
                    each.values(),
                    "modules" + found.size() + ".correlations",
                    numbers));
        }
        facts.put("modules", found);
        facts.put("comparisons", comparisons);
        checkInterrupt();
        addEffects(facts, numbers);
        facts.put("bases", CurvePictures.bases(bases));
        if (!subspaces.isEmpty()) {
            facts.put("angles", CurvePictures.angles(subspaces, labels));
        }
        checkInterrupt();
        if (patterns != null) {
            facts.put("attention", AttentionPictures.write(patterns, token, places(patterns), numbers));
        }
        facts.put("provenance", provenance);
        return facts;
    }

    private List<Object> writeTokenLabels(PageNumbers numbers, List<RankedUnits> kept) {
        List<Object> all = new ArrayList<>();
        tokenLabels.forEach((name, of) -> all.add(
                new TokenLabelPictures(name, "tokenLabels" + all.size(), of, criterion, kept, numbers).write()));
        return all;
    }

    private void addTexts(Map<String, Object> facts, PageNumbers numbers, List<RankedUnits> kept) {
        TokenTexts words = new TokenTexts();
        TokenTextsOf<Activations> inTexts = texts;
        if (inTexts != null) {
            List<Integer> places = places(inTexts.measured());
            List<Integer> ofTexts = places.stream()
                    .map(place -> labels.indexOf(ofPrompts.get(place)))
                    .toList();
            facts.put(
                    "texts",
                    new TextPictures(inTexts.measured(), inTexts.pieces(), ofTexts, words, numbers)
                            .write(places, kept));
        }
        checkInterrupt();
        TokenTextsOf<ContextMap> inContexts = contexts;
        if (inContexts != null) {
            facts.put(
                    "contexts",
                    new ContextPictures(inContexts.measured(), inContexts.pieces(), key, words, numbers).write(kept));
        }
        facts.put("tokenTexts", words.all());
    }

    private void addEffects(Map<String, Object> facts, PageNumbers numbers) {
        if (estimated != null && besideEstimated != null) {
            facts.put("used", new UsedPictures(estimated, besideEstimated, criterion, numbers).write(measured));
        }
        if (effects != null) {
            SelectivityMap beside = lights != null ? lights : units;
            facts.put("effects", new EffectPictures(effects, beside, criterion, numbers).write("effects"));
        }
        if (moduleEffects != null) {
            facts.put(
                    "moduleEffects",
                    new EffectPictures(moduleEffects, null, criterion, numbers).write("moduleEffects"));
        }
        facts.put("effectCurves", EffectCurves.write(effectCurves, labels));
        facts.put("curvesOutcome", curvesOutcome);
    }

    private static void checkInterrupt() {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("interrupted while the page was made");
        }
    }

    private List<Object> texts() {
        int most = Math.max(LEAST_TEXT, MOST_TEXT / prompts.size());
        return IntStream.range(0, prompts.size())
                .<Object>mapToObj(i -> {
                    Prompt prompt = prompts.get(i);
                    String text = prompt.text().orElse("");
                    Map<String, Object> facts = new LinkedHashMap<>();
                    facts.put("id", prompt.id());
                    facts.put("label", labels.indexOf(ofPrompts.get(i)));
                    facts.put("text", text.length() > most ? text.substring(0, end(text, most)) + "…" : text);
                    if (text.length() > most) {
                        facts.put("of", text.length());
                    }
                    return facts;
                })
                .toList();
    }

    /** Where a text can be cut without halving a character. */
    private static int end(String text, int most) {
        return Character.isHighSurrogate(text.charAt(most - 1)) ? most - 1 : most;
    }

    /** How far a head's magnitude tells labels apart, if that is known. */
    private double interest(Site site, int head) {
        SelectivityMap map = units;
        return map == null
                ? 0
                : map.sites().stream()
                        .filter(other -> other.tensorName().equals(site.tensorName()) && other.units() == 0)
                        .findFirst()
                        .map(magnitude -> labels.stream()
                                .mapToDouble(label -> Math.abs(
                                        map.get(Unit.of(magnitude, head), label).auroc() - 0.5))
                                .max()
                                .orElse(0))
                        .orElse(0.0);
    }
}
