package io.modscan.report;

import static io.modscan.report.ResponseNumbers.NO_EFFECT;
import static io.modscan.report.ResponseNumbers.thousandths;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Unit;
import io.modscan.metrics.selectivity.ConsistencyMap;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitConsistency;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The numbers behind the MRI: how each unit responds to each label, and its values for each prompt. */
final class UnitPictures {

    /** More columns than this are binned. */
    private static final int WIDEST_GRID = 64;

    private static final int BINS = 120;
    private static final int FEWEST_BINS = 12;

    /** Bins of all labels and layers; each is of ten bytes. */
    private static final int MOST_BINS = 240_000;

    /** Responses in a page, units × labels; of what has more, those that tell labels apart best. */
    private static final int MOST_RESPONSES = 300_000;

    /** Values in a page, units × prompts. */
    private static final int MOST_VALUES = 200_000;

    /** The AUROC of a half is told in bytes. */
    private static final double HALF_AUROC = 250;

    private static final int NO_SHARE = 255;

    private final SelectivityMap map;
    private final Activations values;
    private final Criterion criterion;
    private final PageNumbers numbers;
    private final ResponseNumbers responseNumbers;
    private final @Nullable ConsistencyMap halves;
    private final List<RankedUnits> kept = new ArrayList<>();

    UnitPictures(
            SelectivityMap map,
            Activations values,
            Criterion criterion,
            PageNumbers numbers,
            ResponseNumbers responseNumbers,
            @Nullable ConsistencyMap halves) {
        this.map = map;
        this.values = values;
        this.criterion = criterion;
        this.numbers = numbers;
        this.responseNumbers = responseNumbers;
        this.halves = halves;
    }

    List<Map<String, Object>> write() {
        List<Map<String, Object>> facts = new ArrayList<>();
        // What small families leave of their share is for the large ones.
        List<SiteFamily> families = SiteFamily.of(map.sites()).stream()
                .sorted(Comparator.comparingInt(family -> family.sites().size() * family.width()))
                .toList();
        int responsesLeft = MOST_RESPONSES / map.labels().size();
        int valuesLeft = MOST_VALUES;
        for (int i = 0; i < families.size(); i++) {
            SiteFamily family = families.get(i);
            Responses responses = new Responses(map, family, criterion);
            int[] ranked = responses.ranked();
            int listed = Math.min(ranked.length, Math.max(1, responsesLeft / (families.size() - i)));
            responsesLeft -= listed;
            int[] ids = Arrays.stream(ranked, 0, listed).sorted().toArray();
            int kept = Math.min(
                    listed,
                    valuesLeft / (families.size() - i) / values.prompts().size());
            valuesLeft -= kept * values.prompts().size();
            this.kept.add(new RankedUnits(family, ranked, kept));
            String array = "family" + i;
            facts.add(facts(family, array, listed, responses, kept));
            responseNumbers.write(array, responses, ids);
            if (halves != null) {
                writeHalves(array, halves, family, ids);
            }
            writeValues(array, family, ids, Arrays.copyOf(ranked, kept));
            if (family.width() > WIDEST_GRID) {
                writeBins(array, family, responses);
            }
        }
        return facts;
    }

    /** The units, family by family as they were written. */
    List<RankedUnits> kept() {
        return kept;
    }

    private Map<String, Object> facts(SiteFamily family, String array, int listed, Responses responses, int kept) {
        Map<String, Object> facts = family.facts();
        facts.put("array", array);
        facts.put("listed", listed);
        facts.put("whole", listed == responses.units);
        facts.put("keeps", kept);
        facts.put("bins", family.width() > WIDEST_GRID ? bins(family) : 0);
        facts.put("limit", responses.limit());
        facts.put("missing", family.missing(map));
        facts.put("halves", halves != null);
        return facts;
    }

    /** The AUROC of both halves of the prompts, beside the responses. */
    private void writeHalves(String name, ConsistencyMap of, SiteFamily family, int[] ids) {
        int count = map.labels().size() * ids.length;
        byte[] first = new byte[count];
        byte[] second = new byte[count];
        for (int label = 0; label < map.labels().size(); label++) {
            for (int row = 0; row < ids.length; row++) {
                Unit unit = Unit.of(family.sites().get(ids[row] / family.width()), ids[row] % family.width());
                UnitConsistency both = of.get(unit, map.labels().get(label));
                first[label * ids.length + row] = share(both.firstAuroc());
                second[label * ids.length + row] = share(both.secondAuroc());
            }
        }
        numbers.unsignedBytes(name + ".first", first);
        numbers.unsignedBytes(name + ".second", second);
    }

    private static byte share(double auroc) {
        return (byte) (Double.isNaN(auroc) ? NO_SHARE : Math.round(auroc * HALF_AUROC));
    }

    private void writeValues(String name, SiteFamily family, int[] ids, int[] kept) {
        int prompts = values.prompts().size();
        int[] rows = new int[kept.length];
        float[] range = new float[2 * kept.length];
        short[] all = new short[kept.length * prompts];
        for (int i = 0; i < kept.length; i++) {
            rows[i] = Arrays.binarySearch(ids, kept[i]);
            SiteActivations site = values.at(family.sites().get(kept[i] / family.width()));
            float[] own = new float[prompts];
            for (int prompt = 0; prompt < prompts; prompt++) {
                own[prompt] = site.row(prompt).get(kept[i] % family.width());
            }
            ScaledValues scaled = new ScaledValues(own);
            range[2 * i] = scaled.low;
            range[2 * i + 1] = scaled.high;
            System.arraycopy(scaled.all, 0, all, i * prompts, prompts);
        }
        numbers.ints(name + ".kept", rows);
        numbers.floats(name + ".range", range);
        numbers.unsignedShorts(name + ".values", all);
    }

    /** As many as there is room for, and never more than there are units. */
    private int bins(SiteFamily family) {
        int rows = map.labels().size() * family.sites().size();
        return Math.min(family.width(), Math.max(FEWEST_BINS, Math.min(BINS, MOST_BINS / rows)));
    }

    /** Each layer's units by effect, as many in each bin. */
    private void writeBins(String name, SiteFamily family, Responses responses) {
        int bins = bins(family);
        int count = responses.labels * family.sites().size() * bins;
        short[] mean = new short[count];
        short[] low = new short[count];
        short[] high = new short[count];
        short[] lit = new short[count];
        short[] dark = new short[count];
        Arrays.fill(mean, NO_EFFECT);
        Arrays.fill(low, NO_EFFECT);
        Arrays.fill(high, NO_EFFECT);
        for (int label = 0; label < responses.labels; label++) {
            for (int layer = 0; layer < family.sites().size(); layer++) {
                int of = label;
                int first = layer * family.width();
                List<UnitSelectivity> sorted = IntStream.range(first, first + family.width())
                        .mapToObj(unit -> responses.get(of, unit))
                        .filter(response -> !Double.isNaN(response.hedgesG()))
                        .sorted(Comparator.comparingDouble(UnitSelectivity::hedgesG))
                        .toList();
                for (int bin = 0; bin < bins; bin++) {
                    List<UnitSelectivity> within =
                            sorted.subList(bin * sorted.size() / bins, (bin + 1) * sorted.size() / bins);
                    if (within.isEmpty()) {
                        continue;
                    }
                    int to = (label * family.sites().size() + layer) * bins + bin;
                    // Of those that pass: one among many must not be told by the others.
                    mean[to] = thousandths(within.stream()
                            .filter(response -> responses.call(response) != 0)
                            .mapToDouble(UnitSelectivity::hedgesG)
                            .filter(Double::isFinite)
                            .average()
                            .orElse(0));
                    low[to] = thousandths(within.get(0).hedgesG());
                    high[to] = thousandths(within.get(within.size() - 1).hedgesG());
                    lit[to] = (short) within.stream()
                            .filter(response -> responses.call(response) > 0)
                            .count();
                    dark[to] = (short) within.stream()
                            .filter(response -> responses.call(response) < 0)
                            .count();
                }
            }
        }
        numbers.shorts(name + ".bin.mean", mean);
        numbers.shorts(name + ".bin.low", low);
        numbers.shorts(name + ".bin.high", high);
        numbers.shorts(name + ".bin.lit", lit);
        numbers.shorts(name + ".bin.dark", dark);
    }
}
