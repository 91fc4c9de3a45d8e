package io.modscan.report;

import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.tokens.TokenSelectivityMap;
import io.modscan.metrics.tokens.UnitTokenSelectivity;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** The numbers behind labels of tokens: how all heads respond to each, and which heads and neurons respond most. */
final class TokenLabelPictures {

    private static final int MOST_LABELS = 60;

    /** Responses of heads, heads × labels. */
    private static final int MOST_RESPONSES = 100_000;

    /** Rows of the table, of heads and of other units alike, all labels together. */
    private static final int MOST_ROWS = 4_000;

    private static final double AUROC = 60_000;

    private final String name;
    private final String array;
    private final TokenSelectivityMap map;
    private final Criterion criterion;
    private final List<RankedUnits> units;
    private final PageNumbers numbers;

    /**
     * Begins.
     *
     * @param name  what the labels are
     * @param array what the arrays' names begin with
     * @param units the units of the page, which one can choose
     */
    TokenLabelPictures(
            String name,
            String array,
            TokenSelectivityMap map,
            Criterion criterion,
            List<RankedUnits> units,
            PageNumbers numbers) {
        this.name = name;
        this.array = array;
        this.map = map;
        this.criterion = criterion;
        this.units = units;
        this.numbers = numbers;
    }

    Map<String, Object> write() {
        List<SiteFamily> heads = SiteFamily.of(
                map.sites().stream().filter(TokenLabelPictures::isOfHeads).toList());
        int count = Math.max(
                1,
                heads.stream()
                        .mapToInt(family -> family.sites().size() * family.width())
                        .sum());
        List<String> labels = labels(Math.min(MOST_LABELS, Math.max(1, MOST_RESPONSES / count)));
        List<Map<String, Object>> families = new ArrayList<>();
        for (SiteFamily family : heads) {
            Map<String, Object> facts = family.facts();
            String own = array + ".heads" + families.size();
            facts.put("array", own);
            facts.put("family", family(family.sites().get(0)));
            write(own, family, labels);
            families.add(facts);
        }
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("name", name);
        facts.put("array", array);
        facts.put("labels", labels);
        facts.put("of", map.labels().size());
        facts.put("prompts", labels.stream().map(map::prompts).toList());
        facts.put(
                "passing",
                labels.stream().map(label -> map.count(label, this::passes)).toList());
        facts.put("notMeasured", labels.stream().map(map::notMeasured).toList());
        facts.put("units", map.size() / map.labels().size());
        facts.put("families", families);
        writeRows(facts, labels);
        return facts;
    }

    private static boolean isOfHeads(Site site) {
        return site.heads() > 0 && site.units() == 0;
    }

    private boolean passes(UnitTokenSelectivity row) {
        return row.q() <= criterion.q();
    }

    /** In natural order; of many, those that count in most prompts. */
    private List<String> labels(int most) {
        List<String> first = map.labels().stream()
                .sorted(Comparator.comparingInt((String label) -> -map.prompts(label)))
                .limit(most)
                .toList();
        return map.labels().stream().filter(first::contains).toList();
    }

    private void write(String name, SiteFamily family, List<String> labels) {
        int width = family.sites().size() * family.width();
        short[] auroc = new short[labels.size() * width];
        float[] q = new float[auroc.length];
        for (int label = 0; label < labels.size(); label++) {
            for (int unit = 0; unit < width; unit++) {
                UnitTokenSelectivity row = map.get(
                        Unit.of(family.sites().get(unit / family.width()), unit % family.width()), labels.get(label));
                auroc[label * width + unit] = share(row);
                q[label * width + unit] = (float) row.q();
            }
        }
        numbers.unsignedShorts(name + ".auroc", auroc);
        numbers.floats(name + ".q", q);
    }

    private static short share(UnitTokenSelectivity row) {
        return (short) (row.isMeasured() ? Math.round(row.auroc() * AUROC) : ResponseNumbers.NO_NUMBER);
    }

    /** For each label those heads, and those other units, whose AUROC is farthest from one half. */
    private void writeRows(Map<String, Object> facts, List<String> labels) {
        int each = Math.max(5, MOST_ROWS / 2 / labels.size());
        List<UnitTokenSelectivity> rows = labels.stream()
                .flatMap(label -> Stream.concat(strongest(label, each, true), strongest(label, each, false)))
                .toList();
        Map<String, Integer> names = new LinkedHashMap<>();
        Map<String, Integer> kinds = new LinkedHashMap<>();
        int[] unit = new int[rows.size()];
        int[] kind = new int[rows.size()];
        int[] label = new int[rows.size()];
        int[] family = new int[rows.size()];
        int[] id = new int[rows.size()];
        int[] active = new int[rows.size()];
        short[] auroc = new short[rows.size()];
        for (int i = 0; i < unit.length; i++) {
            UnitTokenSelectivity row = rows.get(i);
            Unit own = UnitColumns.home(row.unit());
            unit[i] = names.computeIfAbsent(SiteFamily.unit(own), any -> names.size());
            kind[i] = kinds.computeIfAbsent(
                    SiteFamily.of(List.of(own.site())).get(0).words(), any -> kinds.size());
            label[i] = labels.indexOf(row.label());
            family[i] = family(own.site());
            id[i] = family[i] < 0 ? -1 : id(units.get(family[i]).family(), own);
            active[i] = row.active();
            auroc[i] = share(row);
        }
        numbers.ints(array + ".rows.unit", unit);
        numbers.ints(array + ".rows.kind", kind);
        numbers.ints(array + ".rows.label", label);
        numbers.ints(array + ".rows.family", family);
        numbers.ints(array + ".rows.id", id);
        numbers.ints(array + ".rows.active", active);
        numbers.unsignedShorts(array + ".rows.auroc", auroc);
        numbers.floats(
                array + ".rows.difference",
                floats(rows.stream().map(row -> (float) row.meanDifference()).toList()));
        numbers.floats(
                array + ".rows.dz",
                floats(rows.stream().map(row -> (float) row.dz()).toList()));
        numbers.floats(
                array + ".rows.q",
                floats(rows.stream().map(row -> (float) row.q()).toList()));
        facts.put("names", List.copyOf(names.keySet()));
        facts.put("kinds", List.copyOf(kinds.keySet()));
        int heads = map.sites().stream()
                .filter(TokenLabelPictures::isOfHeads)
                .mapToInt(Site::width)
                .sum();
        facts.put("heads", Math.min(each, heads));
        facts.put("others", Math.min(each, map.size() / map.labels().size() - heads));
    }

    private static float[] floats(List<Float> list) {
        float[] all = new float[list.size()];
        IntStream.range(0, all.length).forEach(i -> all[i] = list.get(i));
        return all;
    }

    private Stream<UnitTokenSelectivity> strongest(String label, int most, boolean heads) {
        return Stream.concat(
                        map.top(label, most, site -> isOfHeads(site) == heads).stream(),
                        map.bottom(label, most, site -> isOfHeads(site) == heads).stream())
                .distinct()
                .sorted(Comparator.comparingDouble(row -> -Math.abs(row.auroc() - 0.5)))
                .limit(most);
    }

    /** Which of the page's families has a site; −1 if none has. */
    private int family(Site site) {
        return IntStream.range(0, units.size())
                .filter(family -> units.get(family).family().sites().contains(site))
                .findFirst()
                .orElse(-1);
    }

    private static int id(SiteFamily family, Unit unit) {
        return family.sites().indexOf(unit.site()) * family.width() + unit.inSite();
    }
}
