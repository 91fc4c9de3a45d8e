package io.modscan.report;

import io.modscan.core.site.Site;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.SelectivityMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The numbers behind how heads attend: a few numbers a head, and how each responds to each label. */
final class BehaviourPictures {

    /** Responses in a page, heads × numbers × labels; of what has more, those that tell labels apart best. */
    private static final int MOST_RESPONSES = 100_000;

    private BehaviourPictures() {}

    static List<Map<String, Object>> write(SelectivityMap map, Criterion criterion, ResponseNumbers numbers) {
        List<Map<String, Object>> facts = new ArrayList<>();
        List<SiteFamily> families = SiteFamily.of(map.sites());
        int each = Math.max(1, MOST_RESPONSES / map.labels().size() / families.size());
        for (SiteFamily family : families) {
            Responses responses = new Responses(map, family, criterion);
            int[] ranked = responses.ranked();
            int[] ids = Arrays.stream(ranked).limit(each).sorted().toArray();
            String array = "behaviour" + facts.size();
            numbers.write(array, responses, ids);
            facts.add(facts(map, family, responses, ids.length, array));
        }
        return facts;
    }

    private static Map<String, Object> facts(
            SelectivityMap map, SiteFamily family, Responses responses, int listed, String array) {
        Map<String, Object> facts = family.facts();
        facts.put("array", array);
        facts.put("listed", listed);
        facts.put("whole", listed == responses.units);
        facts.put("limit", responses.limit());
        facts.put("missing", family.missing(map));
        facts.put("numbers", names(family.sites().get(0)));
        return facts;
    }

    private static List<String> names(Site site) {
        return IntStream.range(0, site.units())
                .mapToObj(unit -> site.unitName(unit).map(SiteWords::ofUnit).orElse("number " + unit))
                .toList();
    }
}
