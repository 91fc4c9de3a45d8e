package io.modscan.examples;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.metrics.attention.HeadBehaviour;
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
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * What a scan measures. Heads are told by the magnitude of their z, neurons by what the second matrix of the MLP reads, both
 * by their mean over a prompt's tokens without BOS.
 *
 * @param pooled     the values of each head and neuron
 * @param vectors    the residual streams and, if they were to be had, each head's z
 * @param patterns   the attention patterns of each label's first prompt, if they were to be had
 * @param units      how each head and neuron responds to each label
 * @param halves     whether it does so in both halves of the prompts
 * @param importance the same units' importance over tokens, if values of tokens were to be had
 * @param separation for each similarity, how far apart the labels are in each layer's residual stream
 * @param behaviour  how what heads attend to depends on the label, if attention patterns were to be had
 * @param provenance which model, prompts and settings these are of
 */
record Scan(
        Activations pooled,
        Activations vectors,
        Optional<Activations> patterns,
        SelectivityMap units,
        ConsistencyMap halves,
        Optional<ImportanceMap> importance,
        Map<String, Map<Site, LabelSeparation>> separation,
        Optional<SelectivityMap> behaviour,
        Map<String, String> provenance) {

    private static final Pooling POOLING = Pooling.mean().withoutBos();
    private static final SiteSelector HEADS = Sites.z().magnitude();
    private static final SiteSelector VECTORS = Sites.z();
    private static final SiteSelector NEURONS = Sites.mlpPost();
    private static final SiteSelector STREAM = Sites.residPost();
    private static final SiteSelector PATTERNS = Sites.pattern();

    /** What the attention patterns of a prompt take, which no pooling makes smaller. */
    static long patternBytes(Model model, int tokens) {
        return model.sites().stream()
                .filter(PATTERNS::selects)
                .mapToLong(site -> (long) site.heads() * tokens * tokens * Float.BYTES)
                .sum();
    }

    /** Adds what a scan reads of a model. */
    static Probe.Builder plan(Probe.Builder probe, boolean patterns) {
        probe.sites(Pooling.none(), HEADS, NEURONS).sites(POOLING, STREAM, VECTORS);
        return patterns ? probe.sites(Pooling.none(), PATTERNS) : probe;
    }

    /** Adds what a scan reads of a recording: values of tokens and patterns only if they were recorded. */
    static Probe.Builder plan(Probe.Builder probe, Recording recording, boolean patterns) {
        boolean perToken = recording.activations().sites().stream()
                .filter(site ->
                        Sites.z().selects(site.site()) || HEADS.selects(site.site()) || NEURONS.selects(site.site()))
                .noneMatch(site -> site.pooling().isPooled());
        probe.sites(perToken ? Pooling.none() : POOLING, HEADS, NEURONS).sites(POOLING, STREAM);
        if (recording.sites().stream().anyMatch(VECTORS::selects)) {
            probe.sites(POOLING, VECTORS);
        }
        return patterns && recording.sites().stream().anyMatch(PATTERNS::selects)
                ? probe.sites(Pooling.none(), PATTERNS)
                : probe;
    }

    /** Runs the prompts through the probe, once, and measures; no value of a token is kept. */
    static Scan of(Probe probe, Prompts prompts, String label) {
        boolean perToken = probe.plan().readings().stream()
                .anyMatch(reading ->
                        NEURONS.selects(reading.site()) && !reading.pooling().isPooled());
        boolean patterns = probe.plan().readings().stream().anyMatch(reading -> PATTERNS.selects(reading.site()));
        Metric<Activations> all = Metric.whole(activations -> activations);
        Metric<Activations> pooled =
                all.through(piece -> piece.only(site -> !PATTERNS.selects(site)).pooled(POOLING));
        Set<String> firsts = firsts(prompts, label);
        Metric<Optional<Activations>> shown = all.split(piece -> patterns && shows(piece, firsts)
                        ? Map.of("", piece.only(PATTERNS).where(prompt -> firsts.contains(prompt.id())))
                        : Map.<String, Activations>of())
                .map(parts -> Optional.ofNullable(parts.get("")));
        Metric<Optional<ImportanceMap>> importance = optional(
                perToken, () -> Importance.by(label).withoutBos().through(piece -> piece.only(HEADS, NEURONS)));
        Metric<Optional<SelectivityMap>> behaviour = optional(
                patterns,
                () -> Selectivity.by(label).through(HeadBehaviour.view()).through(piece -> piece.only(PATTERNS)));
        Metric.Results results = probe.measure(prompts, Metric.suite(pooled, shown, importance, behaviour));

        Activations activations = results.of(pooled);
        Activations units = activations.only(HEADS, NEURONS);
        return new Scan(
                units,
                activations.only(site -> STREAM.selects(site) || VECTORS.selects(site)),
                results.of(shown),
                units.measure(Selectivity.by(label)),
                units.measure(Consistency.by(label)),
                results.of(importance),
                separation(activations.only(STREAM), label),
                results.of(behaviour),
                activations.provenance());
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
        Map<String, Map<Site, LabelSeparation>> separation = new LinkedHashMap<>();
        similarities.forEach((name, similarity) -> separation.put(
                name, stream.measure(Separation.by(label, similarity).perSite())));
        return separation;
    }
}
