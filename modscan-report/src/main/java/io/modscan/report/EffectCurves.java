package io.modscan.report;

import io.modscan.metrics.effect.Curve;
import io.modscan.metrics.effect.Curve.Point;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The numbers behind curves of what becomes of labels as more and more of a ranking is removed or kept. */
final class EffectCurves {

    private EffectCurves() {}

    static List<Map<String, Object>> write(List<Curve> curves, List<String> labels) {
        Map<List<Object>, List<Map<String, Object>>> byRanking = new LinkedHashMap<>();
        for (Curve curve : curves) {
            byRanking
                    .computeIfAbsent(List.of(curve.ranking(), curve.keepsOnly()), any -> new ArrayList<>())
                    .add(facts(curve, labels));
        }
        List<Map<String, Object>> rankings = new ArrayList<>();
        byRanking.forEach((ranking, own) -> {
            Map<String, Object> facts = new LinkedHashMap<>();
            String name = (String) ranking.get(0);
            facts.put("ranking", name);
            facts.put("keepsOnly", ranking.get(1));
            facts.put(
                    "own",
                    labels.stream()
                            .filter(label -> name.endsWith(" for " + label))
                            .findFirst()
                            .map(labels::indexOf)
                            .orElse(-1));
            facts.put("curves", own);
            rankings.add(facts);
        });
        return rankings;
    }

    private static Map<String, Object> facts(Curve curve, List<String> labels) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("label", labels.indexOf(curve.label()));
        facts.put("untouched", Json.number(curve.untouched()));
        facts.put("everything", Json.number(curve.everything()));
        facts.put("shares", curve.points().stream().map(Point::share).toList());
        facts.put("units", curve.points().stream().map(Point::units).toList());
        facts.put("outcome", Json.numbers(curve.points().stream().mapToDouble(Point::outcome)));
        facts.put("low", Json.numbers(curve.points().stream().mapToDouble(Point::low)));
        facts.put("high", Json.numbers(curve.points().stream().mapToDouble(Point::high)));
        return facts;
    }
}
