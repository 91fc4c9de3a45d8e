package io.modscan.metrics.selectivity;

import com.datadoghq.sketch.ddsketch.DDSketch;
import com.datadoghq.sketch.ddsketch.mapping.CubicallyInterpolatedMapping;
import com.datadoghq.sketch.ddsketch.mapping.IndexMapping;
import com.datadoghq.sketch.ddsketch.store.Store;
import com.datadoghq.sketch.ddsketch.store.UnboundedSizeDenseStore;
import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.NonFinite;
import io.modscan.core.SiteActivations;
import io.modscan.core.prompt.Labels;
import io.modscan.core.site.Site;
import io.modscan.metrics.internal.rank.Moments;
import io.modscan.metrics.internal.rank.RunningMoments;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** Sketches of every unit's values for each label, and the {@link SelectivityMap} that they make. */
final class SelectivitySketch {

    /** Of finer bins, float32 would need arrays of millions. */
    static final double FINEST = 1e-4;

    /** How many bins an array grows by. The library's pages would take less, but lose counts when some of them are merged. */
    private static final int GROWTH = 16;

    private final String key;
    /** Its index grows with the value, without a logarithm whose last bit may differ between machines. */
    private final IndexMapping mapping;

    private final SortedMap<String, Seen> byLabel = new TreeMap<>();
    private final Metric.Accumulator<List<NonFinite>> nonFinite =
            NonFinite.count().start();
    private List<Site> sites = List.of();

    private static final class Seen {
        private final DDSketch[] sketches;
        private final RunningMoments moments;
        /** How many prompts there are at each site: the same number, but counted by several threads. */
        private final long[] counts;

        Seen(int units, int sites, IndexMapping mapping) {
            this.sketches = new DDSketch[units];
            Arrays.setAll(sketches, unit -> new DDSketch(mapping, () -> new UnboundedSizeDenseStore(GROWTH)));
            this.moments = new RunningMoments(units);
            this.counts = new long[sites];
        }

        void add(float[] vector, int site, int first) {
            moments.add(vector, 0, first, vector.length, ++counts[site]);
            for (int i = 0; i < vector.length; i++) {
                // The library takes NaN for a zero, and throws at infinity. The moments keep them in mind: they become
                // NaN.
                if (Float.isFinite(vector[i])) {
                    sketches[first + i].accept(vector[i]);
                }
            }
        }

        void merge(Seen other) {
            moments.merge(0, sketches.length, counts[0], other.moments, other.counts[0]);
            for (int i = 0; i < sketches.length; i++) {
                Interrupt.checkThisThread();
                sketches[i].mergeWith(other.sketches[i]);
            }
            for (int site = 0; site < counts.length; site++) {
                counts[site] += other.counts[site];
            }
        }
    }

    SelectivitySketch(String key, double accuracy) {
        this.key = key;
        this.mapping = new CubicallyInterpolatedMapping(accuracy);
    }

    void add(Activations piece) {
        List<SiteActivations> all = piece.sites();
        List<String> labels = piece.prompts().labels(key);
        all.forEach(site -> site.vector(0));
        nonFinite.add(piece);
        sites = all.stream().map(SiteActivations::site).toList();
        int units = sites.stream().mapToInt(Site::width).sum();
        List<Seen> seen = labels.stream()
                .map(label -> byLabel.computeIfAbsent(label, l -> new Seen(units, all.size(), mapping)))
                .toList();
        Interrupt interrupt = Interrupt.ofThisThread();
        // Sites have units of their own, so that they can be taken up by several processors.
        IntStream.range(0, all.size()).parallel().forEach(site -> {
            int first = sites.subList(0, site).stream().mapToInt(Site::width).sum();
            for (int prompt = 0; prompt < seen.size(); prompt++) {
                interrupt.check();
                seen.get(prompt).add(all.get(site).vector(prompt), site, first);
            }
        });
    }

    void merge(SelectivitySketch other) {
        nonFinite.merge(other.nonFinite);
        sites = other.sites;
        other.byLabel.forEach((label, theirs) -> {
            Seen seen = byLabel.putIfAbsent(label, theirs);
            if (seen != null) {
                seen.merge(theirs);
            }
        });
    }

    SelectivityMap finish() {
        SortedMap<String, Long> counts = new TreeMap<>();
        byLabel.forEach((label, seen) -> counts.put(label, seen.counts[0]));
        Labels labels = Labels.counted(counts).atLeastTwo(key);
        List<Seen> seen = List.copyOf(byLabel.values());
        SelectivityColumns columns = new SelectivityColumns(UnitTable.rows(sites, labels), labels.size(), false);
        UnitMeasures measures = new UnitMeasures(labels);
        Interrupt interrupt = Interrupt.ofThisThread();
        IntStream.range(0, columns.kruskalP.length).parallel().forEach(unit -> {
            interrupt.check();
            measure(unit, labels, seen, measures, columns);
        });
        return new SelectivityMap(sites, labels, columns, nonFinite.finish());
    }

    private static void measure(
            int unit, Labels labels, List<Seen> seen, UnitMeasures measures, SelectivityColumns columns) {
        int k = labels.size();
        Moments moments = new Moments(k);
        // Bins in ascending order of their values, each with its count of every label.
        TreeMap<Long, double[]> bins = new TreeMap<>();
        for (int label = 0; label < k; label++) {
            moments.count[label] = labels.count(label);
            moments.mean[label] = seen.get(label).moments.mean[unit];
            moments.squares[label] = seen.get(label).moments.squares[unit];
            if (Double.isNaN(moments.squares[label])) {
                columns.missing(unit);
                return;
            }
            DDSketch sketch = seen.get(label).sketches[unit];
            gather(sketch.getNegativeValueStore(), -1, bins, label, k);
            gather(sketch.getPositiveValueStore(), 1, bins, label, k);
            double others = sketch.getNegativeValueStore().getTotalCount()
                    + sketch.getPositiveValueStore().getTotalCount();
            bins.computeIfAbsent(0L, zero -> new double[k])[label] += labels.count(label) - others;
        }
        double[] rankSums = new double[k];
        double[] shared = new double[k];
        double ties = 0;
        double below = 0;
        for (Map.Entry<Long, double[]> bin : bins.entrySet()) {
            double[] counts = bin.getValue();
            double equal = Arrays.stream(counts).sum();
            double rank = below + (equal + 1) / 2;
            for (int label = 0; label < k; label++) {
                rankSums[label] += counts[label] * rank;
                if (bin.getKey() != 0) {
                    shared[label] += counts[label] * (equal - counts[label]);
                }
            }
            ties += equal * equal * equal - equal;
            below += equal;
        }
        moments.others();
        measures.fill(columns, unit, rankSums, ties, moments);
        for (int label = 0; label < k; label++) {
            double pairs = moments.count[label] * moments.outCount[label];
            columns.aurocError[unit * k + label] = shared[label] / pairs / 2;
        }
    }

    private static void gather(Store store, int sign, Map<Long, double[]> bins, int label, int k) {
        store.forEach((index, count) -> {
            // Indices begin at some negative number: moved, the negative values' come below 0, the positive ones'
            // above.
            long place = sign * ((long) index - Integer.MIN_VALUE + 1);
            bins.computeIfAbsent(place, p -> new double[k])[label] += count;
        });
    }

    /** How many bins have an array's place, over all units and labels. */
    long bins() {
        return byLabel.values().stream()
                .flatMap(seen -> Arrays.stream(seen.sketches))
                .mapToLong(sketch -> span(sketch.getNegativeValueStore()) + span(sketch.getPositiveValueStore()))
                .sum();
    }

    private static long span(Store store) {
        return store.isEmpty() ? 0 : (long) store.getMaxIndex() - store.getMinIndex() + 1;
    }
}
