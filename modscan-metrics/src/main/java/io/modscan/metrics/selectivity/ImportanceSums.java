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
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** What importance is made of: for each unit and label, sums over all values seen. */
final class ImportanceSums {

    /** Units whose values at all of a prompt's tokens are added before those of the next are looked at. */
    private static final int BLOCK = 256;

    private final String key;
    private final Firing firing;
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
        this.firing = new Firing(threshold);
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
        int width = site.site().width();
        Block block = new Block(Math.min(BLOCK, width));
        for (int prompt = 0; prompt < site.size(); prompt++) {
            interrupt.check();
            FloatBuffer row = site.row(prompt);
            Seen label = seen.get(prompt);
            for (int from = 0; from < width; from += BLOCK) {
                int units = Math.min(BLOCK, width - from);
                block.begin(label, first + from, units);
                for (int at = from; at < row.capacity(); at += width) {
                    block.add(row, at, units, label.counts[index] + at / width + 1);
                }
                block.end(label, first + from, units);
            }
            label.counts[index] += row.capacity() / width;
        }
    }

    /** A label's sums of neighbouring units while a prompt's tokens are added, which so stay in a processor's own memory. */
    private final class Block {
        private final RunningMoments moments;
        private final double[] absolute;
        private final float[] fired;
        private final float[] values;
        private final double[] exact;

        Block(int units) {
            this.moments = new RunningMoments(units);
            this.absolute = new double[units];
            this.fired = new float[units];
            this.values = new float[units];
            this.exact = new double[units];
        }

        void begin(Seen label, int first, int units) {
            System.arraycopy(label.moments.mean, first, moments.mean, 0, units);
            System.arraycopy(label.moments.squares, first, moments.squares, 0, units);
            System.arraycopy(label.absolute, first, absolute, 0, units);
            Arrays.fill(fired, 0);
        }

        void add(FloatBuffer row, int at, int units, long count) {
            row.get(at, values, 0, units);
            // Loops over numbers of one type are those in which a processor takes several at once.
            for (int i = 0; i < units; i++) {
                exact[i] = values[i];
            }
            moments.add(exact, units, count);
            for (int i = 0; i < units; i++) {
                absolute[i] += Math.abs(exact[i]);
            }
            firing.count(values, units, fired);
        }

        void end(Seen label, int first, int units) {
            System.arraycopy(moments.mean, 0, label.moments.mean, first, units);
            System.arraycopy(moments.squares, 0, label.moments.squares, first, units);
            System.arraycopy(absolute, 0, label.absolute, first, units);
            for (int i = 0; i < units; i++) {
                label.active[first + i] += fired[i];
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
