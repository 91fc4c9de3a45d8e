package io.modscan.scan;

import static io.modscan.scan.ScanSites.HEADS;
import static io.modscan.scan.ScanSites.NEURONS;
import static io.modscan.scan.ScanSites.PATTERNS;
import static io.modscan.scan.ScanSites.STREAM;
import static io.modscan.scan.ScanSites.VECTORS;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.NonFinite;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Site;
import io.modscan.metrics.attention.HeadBehaviour;
import io.modscan.metrics.contexts.ContextMap;
import io.modscan.metrics.contexts.TopContexts;
import io.modscan.metrics.selectivity.Consistency;
import io.modscan.metrics.selectivity.ConsistencyMap;
import io.modscan.metrics.selectivity.Importance;
import io.modscan.metrics.selectivity.ImportanceMap;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.similarity.Closeness;
import io.modscan.metrics.similarity.Cosine;
import io.modscan.metrics.similarity.LabelSeparation;
import io.modscan.metrics.similarity.ScaledCosine;
import io.modscan.metrics.similarity.Separation;
import io.modscan.metrics.similarity.SimilarityMatrix;
import io.modscan.scan.Scan.Part;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** What one pass over the prompts gives, as {@link ScanResult} tells it. */
record Measured(
        Activations activations,
        Optional<Activations> vectors,
        Optional<Activations> patterns,
        SelectivityMap units,
        Optional<ConsistencyMap> halves,
        Optional<ImportanceMap> importance,
        Optional<ContextMap> contexts,
        Map<String, Map<Site, LabelSeparation>> separation,
        Optional<SelectivityMap> behaviour,
        Optional<Activations> tokens,
        List<NonFinite> nonFinite,
        Map<String, String> provenance) {

    static final int CONTEXTS = 10;

    /** Runs a suite of metrics over the prompts, once. */
    interface Pass {
        SideBySide.Results measure(SideBySide suite);
    }

    static Measured of(ScanPlan plan, Pass pass) {
        String label = plan.label();
        boolean attention = plan.with(Part.ATTENTION);
        Metric<Activations> all = Metric.whole(activations -> activations);
        Metric<Activations> pooled =
                all.through(piece -> piece.only(site -> !PATTERNS.selects(site)).pooled(plan.pooling()));
        Set<String> firsts = firsts(plan.prompts(), label);
        Metric<Optional<Activations>> shown = all.split(piece -> attention && shows(piece, firsts)
                        ? Map.of("", piece.only(PATTERNS).where(prompt -> firsts.contains(prompt.id())))
                        : Map.<String, Activations>of())
                .map(parts -> Optional.ofNullable(parts.get("")));
        Importance overTokens = Importance.by(label);
        Metric<Optional<ImportanceMap>> importance = optional(
                plan.with(Part.IMPORTANCE),
                () -> (plan.pooling().positions().isWithoutBos() ? overTokens.withoutBos() : overTokens)
                        .through(piece -> piece.only(HEADS, NEURONS)));
        Metric<Optional<ContextMap>> contexts = optional(
                plan.with(Part.CONTEXTS), () -> TopContexts.of(CONTEXTS).through(piece -> piece.only(HEADS, NEURONS)));
        Metric<Optional<SelectivityMap>> behaviour = optional(
                attention,
                () -> Selectivity.by(label).through(HeadBehaviour.view()).through(piece -> piece.only(PATTERNS)));
        Metric<List<NonFinite>> nonFinite = NonFinite.count();
        Metric<Optional<Activations>> tokens = optional(
                        plan.with(Part.TOKENS) && plan.runsModel(), () -> KeptTokens.of(plan.tokenPrompts()))
                .map(kept -> kept.flatMap(values -> values));
        SideBySide.Results results =
                pass.measure(new SideBySide(contexts, importance, pooled, behaviour, nonFinite, tokens, shown));

        Activations activations = results.of(pooled);
        Activations units = activations.only(HEADS, NEURONS);
        plan.at("effects of units");
        SelectivityMap selectivity = units.measure(Selectivity.by(label));
        plan.at("effects in halves of the prompts");
        Optional<ConsistencyMap> halves =
                plan.with(Part.HALVES) ? Optional.of(units.measure(Consistency.by(label))) : Optional.empty();
        plan.at("separation of labels");
        Map<String, Map<Site, LabelSeparation>> separation =
                plan.with(Part.SEPARATION) ? separation(activations.only(STREAM), label) : Map.of();
        return new Measured(
                units,
                plan.reads(STREAM) || plan.reads(VECTORS)
                        ? Optional.of(activations.only(STREAM, VECTORS))
                        : Optional.empty(),
                results.of(shown),
                selectivity,
                halves,
                results.of(importance),
                results.of(contexts),
                separation,
                results.of(behaviour),
                results.of(tokens),
                together(activations.nonFinite(), results.of(nonFinite)),
                activations.provenance());
    }

    /** The same without the tokens' values, which take room. */
    Measured withoutTokens() {
        return new Measured(
                activations,
                vectors,
                patterns,
                units,
                halves,
                importance,
                contexts,
                separation,
                behaviour,
                Optional.empty(),
                nonFinite,
                provenance);
    }

    /** What pooling leaves NaN counts as well as what came so, each site once. */
    private static List<NonFinite> together(List<NonFinite> pooled, List<NonFinite> came) {
        return Stream.concat(
                        pooled.stream(),
                        came.stream()
                                .filter(one -> pooled.stream()
                                        .noneMatch(other -> other.site().equals(one.site()))))
                .toList();
    }

    /** The first prompt of each label. */
    private static Set<String> firsts(Prompts prompts, String label) {
        Map<String, String> firsts = new HashMap<>();
        prompts.forEach(prompt -> firsts.putIfAbsent(prompt.labels().getOrDefault(label, ""), prompt.id()));
        return Set.copyOf(firsts.values());
    }

    private static boolean shows(Activations piece, Set<String> ids) {
        return piece.prompts().stream().anyMatch(prompt -> ids.contains(prompt.id()));
    }

    private static <R> Metric<Optional<R>> optional(boolean wanted, Supplier<Metric<R>> metric) {
        return wanted
                ? metric.get().map(Optional::of)
                : Metric.of(() -> false, (none, piece) -> {}, (none, other) -> {}, none -> Optional.empty());
    }

    private static Map<String, Map<Site, LabelSeparation>> separation(Activations stream, String label) {
        Map<String, Metric<SimilarityMatrix>> similarities = new LinkedHashMap<>();
        similarities.put("cosine", Cosine.pairwise());
        similarities.put("scaled cosine", ScaledCosine.pairwise());
        similarities.put("closeness", Closeness.pairwise());
        // Sites have nothing to do with each other.
        record One(String similarity, Site site, LabelSeparation apart) {}
        List<Supplier<One>> work = new ArrayList<>();
        similarities.forEach((name, similarity) -> stream.sites()
                .forEach(site ->
                        work.add(() -> new One(name, site.site(), site.measure(Separation.by(label, similarity))))));
        Map<String, Map<Site, LabelSeparation>> separation = new LinkedHashMap<>();
        long prompts = stream.prompts().size();
        int widest = stream.sites().stream()
                .mapToInt(site -> site.site().width())
                .max()
                .orElse(0);
        // The matrix of pairs in single precision, its rows in double, and the vectors.
        Together.<One>of(work, 12 * prompts * prompts + 8 * prompts * widest)
                .forEach(one -> separation
                        .computeIfAbsent(one.similarity(), any -> new LinkedHashMap<>())
                        .put(one.site(), one.apart()));
        return separation;
    }
}
