package io.modscan.report;

import io.modscan.metrics.modules.ModuleComparison;
import io.modscan.metrics.modules.ModuleComparison.Agreement;
import io.modscan.metrics.modules.ModuleComparison.Overlap;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** How far two module maps agree: the numbers, which modules overlap, and what each module is most like. */
final class ComparisonTables {

    private static final int MOST_OVERLAPS = 4_000;

    /** Of each map. */
    private static final int MOST_IN_PICTURE = 40;

    private static final int MOST_COUNTERPARTS = 2_000;

    private ComparisonTables() {}

    static Map<String, Object> write(String of, String other, ModuleComparison comparison) {
        List<Overlap> overlaps = comparison.overlaps();
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("of", of);
        facts.put("other", other);
        facts.put(
                "agreements",
                List.of(
                        agreement("All units", comparison.all()),
                        agreement("Units in modules of both", comparison.inModules())));
        facts.put("onlyInOne", comparison.onlyInOne().size());
        facts.put("onlyInOther", comparison.onlyInOther().size());
        facts.put("modules", comparison.counterpartsOfOne().size());
        facts.put("otherModules", comparison.counterpartsOfOther().size());
        facts.put("found", overlaps.size());
        // The largest, and yet in order of modules.
        List<Overlap> largest = overlaps.stream()
                .sorted(Comparator.comparingInt(Overlap::shared).reversed())
                .limit(MOST_OVERLAPS)
                .sorted(Comparator.comparingInt(Overlap::one).thenComparingInt(Overlap::other))
                .toList();
        facts.put("overlaps", largest.stream().map(ComparisonTables::overlap).toList());
        facts.put(
                "picture",
                overlaps.stream()
                        .filter(overlap -> overlap.one() < MOST_IN_PICTURE && overlap.other() < MOST_IN_PICTURE)
                        .map(overlap -> List.of(overlap.one(), overlap.other(), overlap.jaccard(), overlap.shared()))
                        .toList());
        facts.put(
                "rows", Math.min(MOST_IN_PICTURE, comparison.counterpartsOfOne().size()));
        facts.put(
                "columns",
                Math.min(MOST_IN_PICTURE, comparison.counterpartsOfOther().size()));
        List<Map<String, Object>> counterparts = new ArrayList<>();
        counterparts(counterparts, "first", comparison.counterpartsOfOne());
        counterparts(counterparts, "second", comparison.counterpartsOfOther());
        facts.put("counterparts", counterparts);
        return facts;
    }

    private static Map<String, Object> agreement(String over, Agreement agreement) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("over", over);
        facts.put("units", agreement.units());
        facts.put("rand", Json.number(agreement.adjustedRand()));
        facts.put("information", Json.number(agreement.variationOfInformation()));
        facts.put("normalised", Json.number(agreement.normalised()));
        return facts;
    }

    private static Map<String, Object> overlap(Overlap overlap) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("one", overlap.one());
        facts.put("other", overlap.other());
        facts.put("shared", overlap.shared());
        facts.put("expected", Json.number(overlap.expected()));
        facts.put("jaccard", Json.number(overlap.jaccard()));
        facts.put("q", Json.number(overlap.q()));
        return facts;
    }

    private static void counterparts(List<Map<String, Object>> rows, String map, List<Optional<Overlap>> best) {
        for (int module = 0; module < Math.min(MOST_COUNTERPARTS, best.size()); module++) {
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("map", map);
            facts.put("module", module);
            best.get(module).ifPresent(overlap -> {
                facts.put("like", map.equals("first") ? overlap.other() : overlap.one());
                facts.put("jaccard", overlap.jaccard());
                facts.put("shared", overlap.shared());
                facts.put("q", Json.number(overlap.q()));
            });
            rows.add(facts);
        }
    }
}
