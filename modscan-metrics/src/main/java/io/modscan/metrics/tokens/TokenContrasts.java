package io.modscan.metrics.tokens;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.metrics.internal.rank.RunningMoments;
import io.modscan.metrics.internal.thread.Interrupt;
import io.modscan.metrics.tokens.LabelledPrompt.Placed;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** What {@link TokenSelectivity} gathers: numbers for each prompt, unit and label, and sums over prompts. */
final class TokenContrasts {

    /** So many units are read at a time, so that a row of values is read in stretches. */
    private static final int BLOCK = 64;

    /** Ranks are summed as whole multiples of 1/SCALE, so that sums are the same in any order. */
    static final double SCALE = 1L << 32;

    /** A prompt's numbers. */
    static final class OfPrompt {
        final LabelledPrompt labelled;

        /** For each of its labels that some tokens lack, a number a unit: AUROC − ½ within the prompt; empty for the others. */
        final float[][] contrasts;

        /** For each unit, whether all values are equal. */
        final boolean[] silent;

        private OfPrompt(LabelledPrompt labelled, int units) {
            this.labelled = labelled;
            this.contrasts = labelled.labels.stream()
                    .map(label -> new float[label.isInAll ? 0 : units])
                    .toArray(float[][]::new);
            this.silent = new boolean[units];
        }
    }

    /** Sums over the tokens in a bin of positions. */
    static final class InBin {
        /** For each unit that of its ranks in the prompt, less their mean, as multiples of 1/SCALE. */
        final long[] ranks;

        /** The same of its values. */
        final double[] values;

        private InBin(int units) {
            this.ranks = new long[units];
            this.values = new double[units];
        }
    }

    /** A label's differences of means, over the prompts that count. */
    static final class Differences {
        final RunningMoments moments;
        /** For each unit the sum of its values at the label's tokens, each less its mean in the prompt. */
        final double[] atLabel;

        int prompts;

        Differences(int units) {
            this.moments = new RunningMoments(units);
            this.atLabel = new double[units];
        }
    }

    private final TokenLabels labelling;
    private final boolean controlled;

    private List<Site> sites = List.of();
    private int units;
    private final List<OfPrompt> prompts = new ArrayList<>();
    private final SortedMap<String, Differences> byLabel = new TreeMap<>();
    private final List<InBin> profile = new ArrayList<>();

    private boolean[] notFinite = {};
    private long bytes;

    TokenContrasts(TokenLabels labelling, boolean controlled) {
        this.labelling = labelling;
        this.controlled = controlled;
    }

    void add(Activations piece) {
        for (SiteActivations site : piece.sites()) {
            if (!site.reading().isPerToken()) {
                throw new ModscanException(site.site()
                        + (site.site().isPairwise()
                                ? " has a value for each pair of positions, so none for a token; measure heads by what they write"
                                : " was captured with the pooling '" + site.pooling()
                                        + "', so there is no value for each token; capture it with none"));
            }
        }
        sites = piece.sites().stream().map(SiteActivations::site).toList();
        units = sites.stream().mapToInt(Site::width).sum();
        if (notFinite.length == 0) {
            notFinite = new boolean[units];
        }
        List<OfPrompt> added = new ArrayList<>();
        // The number of each prompt among those that count for a label.
        List<int[]> numbers = new ArrayList<>();
        for (int prompt = 0; prompt < piece.prompts().size(); prompt++) {
            OfPrompt one = begin(LabelledPrompt.of(piece, prompt, labelling));
            added.add(one);
            numbers.add(count(one.labelled));
        }
        Interrupt interrupt = Interrupt.ofThisThread();
        List<Block> blocks = blocks(sites);
        blocks.parallelStream()
                .forEach(block -> new Reader(block, piece.sites().get(block.site())).read(added, numbers, interrupt));
        prompts.addAll(added);
    }

    private OfPrompt begin(LabelledPrompt prompt) {
        long counting = prompt.labels.stream().filter(label -> !label.isInAll).count();
        bytes += units * (counting * Float.BYTES + 1);
        checkHeap();
        if (controlled && prompt.bins.length > 0) {
            reserve(prompt.bins[prompt.bins.length - 1] + 1);
        }
        return new OfPrompt(prompt, units);
    }

    private void checkHeap() {
        long most = Runtime.getRuntime().maxMemory() / 4 * 3;
        if (bytes > most) {
            throw new ModscanException("labels of tokens take 4 bytes for each prompt, unit and label, which is "
                    + (bytes >> 20) + " MiB already, and three quarters of Java's heap are " + (most >> 20)
                    + " MiB: measure fewer sites at a time, or magnitudes of heads rather than units, fewer prompts, or"
                    + " fewer labels, or give Java more (-Xmx)");
        }
    }

    private void reserve(int bins) {
        while (profile.size() < bins) {
            profile.add(new InBin(units));
        }
    }

    private int[] count(LabelledPrompt prompt) {
        return prompt.labels.stream()
                .mapToInt(label -> {
                    Differences differences = byLabel.computeIfAbsent(label.label, l -> new Differences(units));
                    return label.isInAll ? differences.prompts : ++differences.prompts;
                })
                .toArray();
    }

    private Differences differences(Placed label) {
        return Objects.requireNonNull(byLabel.get(label.label), "counted before");
    }

    /** Neighbouring units of a site. */
    record Block(int site, int from, int to, int firstUnit) {}

    static List<Block> blocks(List<Site> sites) {
        List<Block> blocks = new ArrayList<>();
        int firstUnit = 0;
        for (int site = 0; site < sites.size(); site++) {
            int width = sites.get(site).width();
            for (int from = 0; from < width; from += BLOCK) {
                blocks.add(new Block(site, from, Math.min(width, from + BLOCK), firstUnit));
            }
            firstUnit += width;
        }
        return blocks;
    }

    /** Reads a block of units in all prompts of a piece. */
    private final class Reader {
        private final Block block;
        private final SiteActivations site;
        private final long seed;
        private final TokenRanks ranks = new TokenRanks();
        private final float[] line;

        Reader(Block block, SiteActivations site) {
            this.block = block;
            this.site = site;
            this.seed = site.site().name().hashCode();
            this.line = new float[block.to() - block.from()];
        }

        void read(List<OfPrompt> added, List<int[]> numbers, Interrupt interrupt) {
            for (int prompt = 0; prompt < added.size(); prompt++) {
                interrupt.check();
                read(added.get(prompt), site.row(prompt), numbers.get(prompt));
            }
        }

        private void read(OfPrompt prompt, FloatBuffer row, int[] numbers) {
            LabelledPrompt labelled = prompt.labelled;
            int tokens = labelled.tokens;
            int width = site.site().width();
            if (row.capacity() != (tokens + labelled.skip) * width) {
                throw new ModscanException(site.site() + " has " + row.capacity() / width + " vectors of the prompt '"
                        + labelled.id + "', and " + (tokens + labelled.skip) + " of its tokens were captured");
            }
            float[] columns = new float[line.length * tokens];
            for (int token = 0; token < tokens; token++) {
                row.get((token + labelled.skip) * width + block.from(), line);
                for (int unit = 0; unit < line.length; unit++) {
                    columns[unit * tokens + token] = line[unit];
                }
            }
            long[] centred = IntStream.range(0, tokens)
                    .mapToLong(rank -> Math.round((2 * rank + 1 - tokens) * (SCALE / 2) / tokens))
                    .toArray();
            float[][] differences = new float[labelled.labels.size()][line.length];
            long ofPrompt = TokenRanks.mix((seed << Integer.SIZE) | Integer.toUnsignedLong(labelled.id.hashCode()));
            for (int unit = 0; unit < line.length; unit++) {
                int inAll = block.firstUnit() + block.from() + unit;
                switch (ranks.rank(columns, unit * tokens, tokens, TokenRanks.mix(ofPrompt + block.from() + unit))) {
                    case RANKED -> contrast(prompt, inAll, columns, unit, centred, differences);
                    case SILENT -> prompt.silent[inAll] = true;
                    case NOT_FINITE -> notFinite[inAll] = true;
                }
            }
            for (int label = 0; label < differences.length; label++) {
                Placed placed = labelled.labels.get(label);
                if (!placed.isInAll) {
                    Differences all = differences(placed);
                    all.moments.add(
                            differences[label], 0, block.firstUnit() + block.from(), line.length, numbers[label]);
                }
            }
        }

        private void contrast(
                OfPrompt prompt, int inAll, float[] columns, int unit, long[] centred, float[][] differences) {
            LabelledPrompt labelled = prompt.labelled;
            int tokens = labelled.tokens;
            int[] ranked = ranks.ranks();
            double total = 0;
            for (int token = 0; token < tokens; token++) {
                total += columns[unit * tokens + token];
            }
            for (int token = 0; controlled && token < tokens; token++) {
                InBin bin = profile.get(labelled.bins[labelled.binOf[token]]);
                bin.ranks[inAll] += centred[ranked[token]];
                bin.values[inAll] += columns[unit * tokens + token] - total / tokens;
            }
            for (int label = 0; label < differences.length; label++) {
                Placed placed = labelled.labels.get(label);
                if (placed.isInAll) {
                    continue;
                }
                double in = placed.at.length;
                double out = tokens - in;
                double sum = 0;
                double rankSum = 0;
                for (int token : placed.at) {
                    sum += columns[unit * tokens + token];
                    rankSum += ranked[token];
                }
                differences[label][unit] = (float) (sum / in - (total - sum) / out);
                differences(placed).atLabel[inAll] += sum - total * in / tokens;
                // U / (in · out) − ½, with ranks from 0.
                prompt.contrasts[label][inAll] = (float) ((rankSum - in * (tokens - 1) / 2) / (in * out));
            }
        }
    }

    void merge(TokenContrasts other) {
        sites = other.sites;
        units = other.units;
        if (notFinite.length == 0) {
            notFinite = new boolean[units];
        }
        for (int unit = 0; unit < units; unit++) {
            notFinite[unit] |= other.notFinite[unit];
        }
        prompts.addAll(other.prompts);
        bytes += other.bytes;
        checkHeap();
        reserve(other.profile.size());
        for (int bin = 0; bin < other.profile.size(); bin++) {
            InBin ours = profile.get(bin);
            InBin theirs = other.profile.get(bin);
            Arrays.setAll(ours.ranks, unit -> ours.ranks[unit] + theirs.ranks[unit]);
            Arrays.setAll(ours.values, unit -> ours.values[unit] + theirs.values[unit]);
        }
        other.byLabel.forEach((label, theirs) -> {
            Differences ours = byLabel.putIfAbsent(label, theirs);
            if (ours != null) {
                ours.moments.merge(0, units, ours.prompts, theirs.moments, theirs.prompts);
                Arrays.setAll(ours.atLabel, unit -> ours.atLabel[unit] + theirs.atLabel[unit]);
                ours.prompts += theirs.prompts;
            }
        });
    }

    TokenSelectivityMap finish() {
        return TokenScan.run(sites, prompts, byLabel, controlled ? profile : List.of(), controlled, notFinite);
    }
}
