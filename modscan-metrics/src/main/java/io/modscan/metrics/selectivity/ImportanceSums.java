package io.modscan.metrics.selectivity;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import io.modscan.core.site.Site;
import io.modscan.metrics.internal.rank.Moments;
import io.modscan.metrics.internal.rank.RunningMoments;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.NavigableMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** What importance is made of: for each unit and label, sums over all values seen. */
final class ImportanceSums {

    private final String key;
    private final double threshold;
    private final boolean withoutBos;

    private final NavigableMap<String, Seen> byLabel = new TreeMap<>();
    private List<Site> sites = List.of();

    private static final class Seen {
        private final RunningMoments moments;
        private final double[] absolute;
        private final double[] active;
        /** How many values there are of a unit of each site. */
        private final long[] counts;

        private long prompts;

        Seen(int units, int sites) {
            this.moments = new RunningMoments(units);
            this.absolute = new double[units];
            this.active = new double[units];
            this.counts = new long[sites];
        }

        void add(float[] values, int site, int first, double threshold) {
            moments.add(values, 0, first, values.length, ++counts[site]);
            for (int i = 0; i < values.length; i++) {
                absolute[first + i] += Math.abs(values[i]);
            }
            for (int i = 0; i < values.length; i++) {
                active[first + i] += values[i] > threshold ? 1 : 0;
            }
        }

        void merge(Seen other, int site, int first, int end) {
            moments.merge(first, end, counts[site], other.moments, other.counts[site]);
            for (int i = first; i < end; i++) {
                absolute[i] += other.absolute[i];
                active[i] += other.active[i];
            }
            counts[site] += other.counts[site];
        }
    }

    ImportanceSums(String key, double threshold, boolean withoutBos) {
        this.key = key;
        this.threshold = threshold;
        this.withoutBos = withoutBos;
    }

    void add(Activations captured) {
        for (SiteActivations site : captured.sites()) {
            if (site.site().isPairwise()) {
                throw new ModscanException(site.site() + " has a value for each pair of positions, so none for a token;"
                        + " importance is measured where units have values, such as hook_z or mlp.hook_post");
            }
        }
        Activations piece = withoutBos ? captured.withoutBos() : captured;
        List<SiteActivations> all = piece.sites();
        List<String> labels = piece.prompts().labels(key);
        sites = all.stream().map(SiteActivations::site).toList();
        int units = sites.stream().mapToInt(Site::width).sum();
        for (String label : labels) {
            byLabel.computeIfAbsent(label, l -> new Seen(units, all.size())).prompts++;
        }
        List<Seen> seen = labels.stream().map(byLabel::get).toList();
        // Sites have units of their own, so that they can be taken up by several processors.
        Interrupt interrupt = Interrupt.ofThisThread();
        IntStream.range(0, all.size()).parallel().forEach(site -> add(all.get(site), site, seen, interrupt));
    }

    private void add(SiteActivations site, int index, List<Seen> seen, Interrupt interrupt) {
        int first = firstUnit(index);
        float[] values = new float[site.site().width()];
        for (int prompt = 0; prompt < site.size(); prompt++) {
            interrupt.check();
            FloatBuffer row = site.row(prompt);
            for (int at = 0; at < row.capacity(); at += values.length) {
                row.get(at, values);
                seen.get(prompt).add(values, index, first, threshold);
            }
        }
    }

    private int firstUnit(int site) {
        return sites.subList(0, site).stream().mapToInt(Site::width).sum();
    }

    void merge(ImportanceSums other) {
        sites = other.sites;
        other.byLabel.forEach((label, theirs) -> {
            Seen seen = byLabel.putIfAbsent(label, theirs);
            if (seen != null) {
                for (int site = 0; site < sites.size(); site++) {
                    seen.merge(theirs, site, firstUnit(site), firstUnit(site + 1));
                }
                seen.prompts += theirs.prompts;
            }
        });
    }

    ImportanceMap finish() {
        SortedMap<String, Long> prompts = new TreeMap<>();
        byLabel.forEach((label, seen) -> prompts.put(label, seen.prompts));
        Labels labels = Labels.counted(prompts).atLeastTwo(key);
        int rows = UnitTable.rows(sites, labels);
        ImportanceColumns in = new ImportanceColumns(rows);
        ImportanceColumns out = new ImportanceColumns(rows);
        List<Seen> seen = List.copyOf(byLabel.values());
        for (int site = 0; site < sites.size(); site++) {
            for (int unit = firstUnit(site); unit < firstUnit(site + 1); unit++) {
                Interrupt.checkThisThread();
                fill(unit, site, seen, in, out);
            }
        }
        return new ImportanceMap(
                sites,
                labels,
                in,
                out,
                seen.stream().map(label -> label.counts.clone()).toArray(long[][]::new));
    }

    private static void fill(int unit, int site, List<Seen> seen, ImportanceColumns in, ImportanceColumns out) {
        int k = seen.size();
        Moments moments = new Moments(k);
        double[] absolute = new double[k];
        double[] active = new double[k];
        for (int label = 0; label < k; label++) {
            Seen ofLabel = seen.get(label);
            moments.count[label] = ofLabel.counts[site];
            moments.mean[label] = ofLabel.moments.mean[unit];
            moments.squares[label] = ofLabel.moments.squares[unit];
            absolute[label] = ofLabel.absolute[unit];
            active[label] = ofLabel.active[unit];
        }
        moments.others();
        double[] otherAbsolute = others(absolute);
        double[] otherActive = others(active);
        for (int label = 0; label < k; label++) {
            int row = unit * k + label;
            in.set(
                    row,
                    moments.count[label],
                    active[label],
                    absolute[label],
                    moments.mean[label],
                    moments.squares[label]);
            out.set(
                    row,
                    moments.outCount[label],
                    otherActive[label],
                    otherAbsolute[label],
                    moments.outMean[label],
                    moments.outSquares[label]);
        }
    }

    /** For each number the sum of all others, added up from both ends: a huge number taken from the total would leave nothing. */
    private static double[] others(double[] numbers) {
        double[] others = new double[numbers.length];
        double before = 0;
        for (int i = 0; i < numbers.length; i++) {
            others[i] = before;
            before += numbers[i];
        }
        double behind = 0;
        for (int i = numbers.length - 1; i >= 0; i--) {
            others[i] += behind;
            behind += numbers[i];
        }
        return others;
    }
}
