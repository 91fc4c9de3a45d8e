package io.modscan.metrics.contexts;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.Site;
import io.modscan.core.token.PromptTokens;
import io.modscan.metrics.contexts.SampledTokens.Sampled;
import io.modscan.metrics.internal.rank.Lot;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** What was gathered of contexts so far. */
final class Contexts {

    /** Units whose values are brought together at a time, so that they stay in a processor's own memory. */
    private static final int TOGETHER = 256;

    private final int most;
    private final int width;
    private final boolean absolute;
    private final int sampled;
    private final SampledTokens sample;
    private List<Site> sites = List.of();
    private final List<StrongestTokens> strongest = new ArrayList<>();
    private long tokens;

    Contexts(int most, int width, int sampled, boolean absolute) {
        this.most = most;
        this.width = width;
        this.absolute = absolute;
        this.sample = new SampledTokens(sampled);
        this.sampled = sampled;
    }

    /** A prompt's tokens: which of them count, where their vectors are, and which come into the sample. */
    @SuppressWarnings("ArrayRecordComponent") // never compared, only read
    private record Text(
            Prompt prompt,
            PromptTokens tokens,
            int[] kept,
            int first,
            @Nullable Sampled[] sampled) {}

    void add(Activations piece) {
        List<SiteActivations> all = piece.sites();
        if (sites.isEmpty()) {
            begin(all);
        }
        List<Text> texts = new ArrayList<>();
        for (int prompt = 0; prompt < piece.prompts().size(); prompt++) {
            texts.add(text(piece, prompt));
        }
        // Of tokens that others have crowded out meanwhile no values are kept.
        sample.tokens().forEach(token -> token.reserve(firstUnit(sites.size())));
        // Sites have units of their own, so that they can be taken up by several processors.
        Interrupt interrupt = Interrupt.ofThisThread();
        IntStream.range(0, all.size()).parallel().forEach(site -> add(all.get(site), site, texts, interrupt));
    }

    private void begin(List<SiteActivations> all) {
        for (SiteActivations site : all) {
            if (!site.reading().isPerToken()) {
                throw new ModscanException(site.site() + " has no value for each token ("
                        + (site.site().isPairwise()
                                ? "it has one for each pair"
                                : "it was captured with the pooling '" + site.pooling() + "'")
                        + "); contexts are of sites captured without pooling, over all tokens or some");
            }
        }
        sites = all.stream().map(SiteActivations::site).toList();
        long units = sites.stream().mapToLong(Site::width).sum();
        long bytes = units * TopContexts.bytesOfUnit(most, width, sampled);
        long heap = Runtime.getRuntime().maxMemory() / 4 * 3;
        if (bytes > heap) {
            throw new ModscanException(
                    "the contexts of " + units + " units take " + (bytes >> 20)
                            + " MiB, and three quarters of Java's heap are " + (heap >> 20)
                            + " MiB: ask for fewer or narrower contexts, a smaller sample or fewer sites, or give Java more (-Xmx)");
        }
        sites.forEach(site -> strongest.add(new StrongestTokens(site.width(), most, absolute)));
    }

    private Text text(Activations piece, int index) {
        Prompt prompt = piece.prompts().get(index);
        PromptTokens run = piece.tokens(index);
        if (run.size() == 0 || run.id(0) < 0) {
            throw new ModscanException("the token ids of prompt '" + prompt.id()
                    + "' are not known, so there is no text around its tokens; give them, or capture texts or ids");
        }
        int[] kept = run.kept();
        boolean bos = kept.length > 0 && kept[0] == 0 && piece.knowsBos(index) && piece.beginsWithBos(index);
        int first = bos ? 1 : 0;
        tokens += kept.length - first;
        @Nullable Sampled[] taken = new Sampled[kept.length];
        long seed = Lot.of(prompt.id(), 0);
        for (int i = first; i < kept.length; i++) {
            long hash = Lot.mixed(seed + kept[i]);
            if (sample.takes(hash)) {
                Sampled token = new Sampled(TokenPlace.of(prompt, run, kept[i], width));
                sample.add(hash, token);
                taken[i] = token;
            }
        }
        return new Text(prompt, run, kept, first, taken);
    }

    private int firstUnit(int site) {
        return sites.subList(0, site).stream().mapToInt(Site::width).sum();
    }

    private void add(SiteActivations site, int index, List<Text> texts, Interrupt interrupt) {
        int units = site.site().width();
        int firstUnit = firstUnit(index);
        float[] values = new float[units];
        float[] best = new float[units];
        float[] zeros = new float[units];
        for (int prompt = 0; prompt < site.size(); prompt++) {
            interrupt.check();
            Text text = texts.get(prompt);
            FloatBuffer row = site.row(prompt);
            Arrays.fill(best, Float.NEGATIVE_INFINITY);
            Arrays.fill(zeros, 0);
            for (int i = text.first(); i < text.kept().length; i++) {
                row.get(i * units, values);
                Sampled token = text.sampled()[i];
                if (token != null && token.isReserved()) {
                    System.arraycopy(values, 0, token.values(), firstUnit, units);
                }
                strongest(values, best);
                // NaN from the first value on that is no number.
                for (int unit = 0; unit < units; unit++) {
                    zeros[unit] += values[unit] * 0f;
                }
            }
            if (text.first() < text.kept().length) {
                take(strongest.get(index), text, row, best, zeros);
            }
        }
    }

    /** Loops so plain that many units are looked at at once; where a unit is strongest is asked of few. */
    private void strongest(float[] values, float[] best) {
        if (absolute) {
            for (int unit = 0; unit < best.length; unit++) {
                best[unit] = Math.max(best[unit], Math.abs(values[unit]));
            }
        } else {
            for (int unit = 0; unit < best.length; unit++) {
                best[unit] = Math.max(best[unit], values[unit]);
            }
        }
    }

    private void take(StrongestTokens of, Text text, FloatBuffer row, float[] best, float[] zeros) {
        int units = best.length;
        int[] taken = new int[units];
        int count = 0;
        for (int unit = 0; unit < units; unit++) {
            if (Float.isNaN(zeros[unit])) {
                best[unit] = withoutBroken(of, text, row, units, unit);
            }
            if (best[unit] != Float.NEGATIVE_INFINITY
                    && of.takes(unit, best[unit], text.prompt().id())) {
                taken[count++] = unit;
            }
        }
        @Nullable TokenPlace[] places = new TokenPlace[text.kept().length];
        float[] values = new float[Math.min(count, TOGETHER) * text.kept().length];
        for (int from = 0; from < count; from += TOGETHER) {
            int to = Math.min(count, from + TOGETHER);
            gather(text, row, units, Arrays.copyOfRange(taken, from, to), values);
            for (int i = from; i < to; i++) {
                int begin = (i - from) * text.kept().length;
                of.add(taken[i], strongest(of, text, values, begin, best[taken[i]], places));
            }
        }
    }

    /** Brings each unit's values together, which lie a token's vector apart. */
    private static void gather(Text text, FloatBuffer row, int units, int[] taken, float[] values) {
        int tokens = text.kept().length;
        for (int token = text.first(); token < tokens; token++) {
            for (int i = 0; i < taken.length; i++) {
                values[i * tokens + token] = row.get(token * units + taken[i]);
            }
        }
    }

    /** The first token of a strength, in a unit's values from an index on. */
    private TokenContext strongest(
            StrongestTokens of, Text text, float[] values, int begin, float best, @Nullable TokenPlace[] places) {
        int at = text.first();
        while (of.strength(values[begin + at]) != best) {
            at++;
        }
        TokenPlace place = places[at];
        if (place == null) {
            place = TokenPlace.of(text.prompt(), text.tokens(), text.kept()[at], width);
            places[at] = place;
        }
        return new TokenContext(place, values[begin + at], around(place, text, values, begin));
    }

    /** The largest strength among values that are numbers; the others are counted. */
    private static float withoutBroken(StrongestTokens of, Text text, FloatBuffer row, int units, int unit) {
        float best = Float.NEGATIVE_INFINITY;
        long broken = 0;
        for (int i = text.first(); i < text.kept().length; i++) {
            float value = row.get(i * units + unit);
            if (Float.isFinite(value)) {
                best = Math.max(best, of.strength(value));
            } else {
                broken++;
            }
        }
        of.countNotFinite(unit, broken);
        return best;
    }

    private static float[] around(TokenPlace place, Text text, float[] values, int begin) {
        float[] around = new float[place.ids().length];
        Arrays.fill(around, Float.NaN);
        int[] kept = text.kept();
        for (int i = text.first(); i < kept.length; i++) {
            int in = kept[i] - place.from();
            if (in >= 0 && in < around.length) {
                around[in] = values[begin + i];
            }
        }
        return around;
    }

    void merge(Contexts other) {
        if (sites.isEmpty()) {
            sites = other.sites;
            strongest.addAll(other.strongest);
        } else {
            for (int site = 0; site < other.strongest.size(); site++) {
                strongest.get(site).merge(other.strongest.get(site));
            }
        }
        sample.merge(other.sample);
        tokens += other.tokens;
    }

    ContextMap finish(double... quantiles) {
        return new ContextMap(sites, strongest, sample.tokens(), quantiles, tokens);
    }
}
