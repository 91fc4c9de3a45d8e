package io.modscan.metrics.modules;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.token.PromptTokens;
import io.modscan.metrics.internal.linear.Circle;
import io.modscan.metrics.internal.rank.Lot;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Tokens of a stream of prompts, in bounded memory: the prompts whose ids have the least hashes, as long as their tokens are not too
 * many. A prompt that is among them over all is so in each part, too, so that parts merge to what the whole gives.
 */
final class TokenSample {

    /** These positions are taken of each prompt, however long it is, so that its beginning is seen. */
    static final int BEGINNING = 8;

    /** The sample, the values of all units, and those of two shuffles. */
    private static final int TIMES_HELD = 4;

    private record Key(long hash, String id) implements Comparable<Key> {

        private static final Comparator<Key> ORDER =
                Comparator.comparingLong(Key::hash).thenComparing(Key::id);

        @Override
        public int compareTo(Key other) {
            return ORDER.compare(this, other);
        }
    }

    private final int most;
    private final int mostOfPrompt;
    private final TreeMap<Key, SampledPrompt> kept = new TreeMap<>();
    /** The first prompt that did not find room any more; nor do those behind it. */
    private @Nullable Key full;

    private List<Site> sites = List.of();
    private long tokens;
    private long seenPrompts;
    private long seenTokens;

    /**
     * Begins a sample.
     *
     * @param most         how many tokens it has at most
     * @param mostOfPrompt how many of one prompt; no more than that
     */
    TokenSample(int most, int mostOfPrompt) {
        this.most = most;
        this.mostOfPrompt = Math.min(most, mostOfPrompt);
    }

    void add(Activations piece) {
        Circle.refuse(piece);
        for (SiteActivations site : piece.sites()) {
            if (!site.reading().isPerToken() || site.site().isPairwise()) {
                throw new ModscanException(site.site() + ", captured as '" + site.pooling()
                        + "', has no vector for each token; steps are found within prompts: capture without pooling");
            }
        }
        sites = piece.sites().stream().map(SiteActivations::site).toList();
        for (int prompt = 0; prompt < piece.prompts().size(); prompt++) {
            Interrupt.checkThisThread();
            add(piece, prompt);
        }
    }

    private void add(Activations piece, int prompt) {
        int vectors = vectors(piece.sites().get(0), prompt);
        for (SiteActivations site : piece.sites()) {
            if (vectors(site, prompt) != vectors) {
                throw new ModscanException("of prompt '"
                        + piece.prompts().get(prompt).id() + "' "
                        + piece.sites().get(0).site() + " has " + vectors + " vectors and " + site.site() + " has "
                        + vectors(site, prompt) + "; steps take sites with a vector at the same tokens");
            }
        }
        PromptTokens run = piece.tokens(prompt);
        // What is not known keeps a vector for each token, as far as can be told.
        int[] indices = run.keptSize() == vectors
                ? run.kept()
                : IntStream.range(0, vectors).toArray();
        int bos = piece.knowsBos(prompt) && piece.beginsWithBos(prompt) ? 1 : 0;
        int from = bos == 1 && indices.length > 0 && indices[0] == 0 ? 1 : 0;
        seenPrompts++;
        seenTokens += vectors - from;
        Key key = new Key(
                Lot.of(piece.prompts().get(prompt).id(), 0),
                piece.prompts().get(prompt).id());
        if (vectors - from < 2 || (full != null && key.compareTo(full) >= 0)) {
            return;
        }
        int length = Math.max(run.size(), indices[vectors - 1] + 1) - bos;
        put(key, sampled(piece, prompt, run, indices, from, bos, length));
    }

    private static int vectors(SiteActivations site, int prompt) {
        return site.row(prompt).capacity() / site.site().width();
    }

    private SampledPrompt sampled(
            Activations piece, int prompt, PromptTokens run, int[] indices, int from, int bos, int length) {
        int[] chosen = IntStream.range(from, indices.length)
                .boxed()
                .sorted(Comparator.comparingLong(i -> rank(indices[i] - bos)))
                .limit(mostOfPrompt)
                .sorted()
                .mapToInt(i -> i)
                .toArray();
        int units = units();
        float[] values = new float[chosen.length * units];
        int offset = 0;
        for (SiteActivations site : piece.sites()) {
            FloatBuffer row = site.row(prompt);
            int width = site.site().width();
            double[] means = means(row, from, width);
            for (int i = 0; i < chosen.length; i++) {
                for (int unit = 0; unit < width; unit++) {
                    values[i * units + offset + unit] = (float) (row.get(chosen[i] * width + unit) - means[unit]);
                }
            }
            offset += width;
        }
        int[] of = Arrays.stream(chosen).map(i -> indices[i]).toArray();
        return new SampledPrompt(piece.prompts().get(prompt).id(), run, of, bos, length, values);
    }

    /** Of values that are all equal the sum is exact, and so is the mean. */
    private static double[] means(FloatBuffer row, int from, int width) {
        double[] means = new double[width];
        int vectors = row.capacity() / width;
        for (int i = from; i < vectors; i++) {
            for (int unit = 0; unit < width; unit++) {
                means[unit] += row.get(i * width + unit);
            }
        }
        for (int unit = 0; unit < width; unit++) {
            means[unit] /= vectors - from;
        }
        return means;
    }

    private void put(Key key, SampledPrompt prompt) {
        if (kept.put(key, prompt) != null) {
            throw new ModscanException("two prompts have the id '" + key.id + "'; give each its own");
        }
        tokens += prompt.size();
        while (tokens > most) {
            full = kept.lastKey();
            drop(full);
        }
        checkMemory();
    }

    private void drop(Key key) {
        SampledPrompt gone = kept.remove(key);
        if (gone != null) {
            tokens -= gone.size();
        }
    }

    private void checkMemory() {
        long bytes = TIMES_HELD * tokens * units() * Float.BYTES;
        long heap = Runtime.getRuntime().maxMemory();
        if (bytes > heap) {
            throw new ModscanException("to look for steps, " + tokens + " tokens of " + units() + " units take "
                    + (bytes >> 20) + " MiB at least, and Java's heap has at most " + (heap >> 20)
                    + " MiB: take fewer tokens, measure fewer sites, or give Java more (-Xmx)");
        }
    }

    void merge(TokenSample other) {
        sites = other.sites;
        seenPrompts += other.seenPrompts;
        seenTokens += other.seenTokens;
        if (other.full != null && (full == null || other.full.compareTo(full) < 0)) {
            full = other.full;
        }
        for (Key key : kept.keySet().toArray(Key[]::new)) {
            if (full != null && key.compareTo(full) >= 0) {
                drop(key);
            }
        }
        other.kept.forEach((key, prompt) -> {
            if (full == null || key.compareTo(full) < 0) {
                put(key, prompt);
            }
        });
    }

    List<Site> sites() {
        return sites;
    }

    /** How many units the sites have together. */
    int units() {
        return sites.stream().mapToInt(Site::width).sum();
    }

    /** In order of their ids. */
    List<SampledPrompt> prompts() {
        return kept.values().stream()
                .sorted(Comparator.comparing(SampledPrompt::id))
                .toList();
    }

    long seenPrompts() {
        return seenPrompts;
    }

    long seenTokens() {
        return seenTokens;
    }

    /** In which order positions are taken: the first ones, then the others as if at random, the same ones of each prompt. */
    private static long rank(int position) {
        return position < BEGINNING ? Long.MIN_VALUE + position : Lot.mixed(position) >> 1;
    }
}
