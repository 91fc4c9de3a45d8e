package io.modscan.report;

import io.modscan.core.site.Site;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.similarity.LabelSeparation;
import io.modscan.metrics.subspace.LabelOverlap;
import io.modscan.metrics.subspace.LabelOverlaps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** The numbers behind curves over layers and components. */
final class CurvePictures {

    /** The two-sided 95 % point of the normal distribution. */
    private static final double NORMAL_95 = 1.959963984540054;

    private static final int MOST_COMPONENTS = 64;

    private CurvePictures() {}

    static Map<String, Object> separation(Map<String, Map<Site, LabelSeparation>> bySimilarity) {
        List<Map<String, Object>> series = new ArrayList<>();
        bySimilarity.forEach((similarity, bySite) -> {
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("similarity", similarity);
            Collection<LabelSeparation> apart = bySite.values();
            put(facts, "accuracy", apart, LabelSeparation::accuracy, LabelSeparation::accuracyError, 0);
            put(facts, "gap", apart, LabelSeparation::gap, LabelSeparation::gapError, Double.NEGATIVE_INFINITY);
            put(facts, "silhouette", apart, LabelSeparation::silhouette, LabelSeparation::silhouetteError, -1);
            facts.put("accuracyP", values(apart, LabelSeparation::accuracyP));
            facts.put("gapP", values(apart, LabelSeparation::gapP));
            facts.put("silhouetteP", values(apart, LabelSeparation::silhouetteP));
            series.add(facts);
        });
        Map<String, Object> facts = new LinkedHashMap<>();
        put(facts, bySimilarity.values().iterator().next().keySet());
        facts.put(
                "layers",
                bySimilarity.values().iterator().next().keySet().stream()
                        .map(SiteFamily::layer)
                        .toList());
        facts.put("series", series);
        return facts;
    }

    /** Of which kind the sites are, if they are of one. */
    private static void put(Map<String, Object> facts, Collection<Site> sites) {
        List<SiteFamily> families = SiteFamily.of(sites);
        facts.put("pattern", families.size() == 1 ? families.get(0).name() : "");
        facts.put("words", families.size() == 1 ? families.get(0).words() : "");
    }

    private static void put(
            Map<String, Object> facts,
            String name,
            Collection<LabelSeparation> apart,
            ToDoubleFunction<LabelSeparation> value,
            ToDoubleFunction<LabelSeparation> error,
            double least) {
        double most = Double.isInfinite(least) ? Double.POSITIVE_INFINITY : 1;
        facts.put(name, values(apart, value));
        facts.put(
                name + "Low",
                values(
                        apart,
                        each -> clamp(value.applyAsDouble(each) - NORMAL_95 * error.applyAsDouble(each), least, most)));
        facts.put(
                name + "High",
                values(
                        apart,
                        each -> clamp(value.applyAsDouble(each) + NORMAL_95 * error.applyAsDouble(each), least, most)));
    }

    private static double clamp(double value, double least, double most) {
        return Math.max(least, Math.min(most, value));
    }

    private static List<Double> values(Collection<LabelSeparation> apart, ToDoubleFunction<LabelSeparation> value) {
        return Json.numbers(apart.stream().mapToDouble(value));
    }

    static List<Map<String, Object>> bases(Map<Site, Basis> bases) {
        List<Map<String, Object>> families = new ArrayList<>();
        for (SiteFamily family : SiteFamily.of(bases.keySet())) {
            List<Map<String, Object>> curves = new ArrayList<>();
            for (Site site : family.sites()) {
                Basis basis = bases.get(site);
                if (basis != null && basis.rank() > 0) {
                    Map<String, Object> curve = new LinkedHashMap<>();
                    curve.put("layer", SiteFamily.layer(site));
                    curve.put(
                            "shares",
                            Json.numbers(IntStream.rangeClosed(1, Math.min(MOST_COMPONENTS, basis.rank()))
                                    .mapToDouble(basis::explainedShare)));
                    curve.put("rank", basis.rank());
                    curve.put("effectiveRank", Json.number(basis.effectiveRank()));
                    curves.add(curve);
                }
            }
            if (!curves.isEmpty()) {
                Map<String, Object> facts = new LinkedHashMap<>();
                facts.put("pattern", family.name());
                facts.put("words", family.words());
                facts.put("layered", family.layered());
                facts.put("curves", curves);
                families.add(facts);
            }
        }
        return families;
    }

    static Map<String, Object> angles(Map<Site, LabelOverlaps> overlaps, List<String> labels) {
        Map<String, Object> facts = new LinkedHashMap<>();
        Collection<LabelOverlaps> all = overlaps.values();
        put(facts, overlaps.keySet());
        facts.put("layers", overlaps.keySet().stream().map(SiteFamily::layer).toList());
        facts.put("overlap", Json.numbers(all.stream().mapToDouble(LabelOverlaps::meanOverlap)));
        facts.put("paired", Json.numbers(all.stream().mapToDouble(LabelOverlaps::meanPaired)));
        facts.put("shuffled", Json.numbers(all.stream().mapToDouble(LabelOverlaps::shuffledMean)));
        facts.put("p", Json.numbers(all.stream().mapToDouble(LabelOverlaps::p)));
        facts.put("smallest", all.stream().map(each -> smallest(each, labels)).toList());
        return facts;
    }

    private static List<Double> smallest(LabelOverlaps overlaps, List<String> labels) {
        double[] degrees = new double[labels.size() * labels.size()];
        Arrays.fill(degrees, Double.NaN);
        for (LabelOverlap pair : overlaps.pairs()) {
            double angle = pair.angles().isEmpty()
                    ? Double.NaN
                    : Math.toDegrees(pair.angles().get(0));
            int a = labels.indexOf(pair.a());
            int b = labels.indexOf(pair.b());
            degrees[a * labels.size() + b] = angle;
            degrees[b * labels.size() + a] = angle;
        }
        return Json.numbers(Arrays.stream(degrees));
    }
}
