package io.modscan.metrics.contexts;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** For each unit of a site its strongest tokens so far, each of another prompt, strongest first. */
final class StrongestTokens {

    private final int most;
    private final boolean absolute;
    private final int[] counts;
    private final long[] notFinite;
    /** The strength of the last of each unit that has all its tokens, which most others don't reach; else minus infinity. */
    private final float[] least;

    private final @Nullable TokenContext[] contexts;

    /** @param absolute whether it is the size of a value that makes it strong, whatever its sign */
    StrongestTokens(int units, int most, boolean absolute) {
        this.most = most;
        this.absolute = absolute;
        this.counts = new int[units];
        this.notFinite = new long[units];
        this.least = new float[units];
        Arrays.fill(least, Float.NEGATIVE_INFINITY);
        this.contexts = new TokenContext[Math.multiplyExact(units, most)];
    }

    /** What decides how strong a value is. */
    float strength(float value) {
        return absolute ? Math.abs(value) : value;
    }

    void countNotFinite(int unit, long number) {
        notFinite[unit] += number;
    }

    long notFinite(int unit) {
        return notFinite[unit];
    }

    /** Whether a token of such a value, of a prompt, is among the strongest. */
    boolean takes(int unit, float value, String promptId) {
        if (strength(value) < least[unit]) {
            return false;
        }
        if (counts[unit] < most) {
            return true;
        }
        TokenContext last = get(unit, most - 1);
        return isBefore(value, promptId, last);
    }

    /** By strength, then by the prompts' ids, so that their order means nothing. */
    private boolean isBefore(float value, String promptId, TokenContext other) {
        int order = Float.compare(strength(value), strength(other.value()));
        return order > 0 || (order == 0 && promptId.compareTo(other.promptId()) < 0);
    }

    void add(int unit, TokenContext context) {
        if (!takes(unit, context.value(), context.promptId())) {
            return;
        }
        int at = counts[unit] < most ? counts[unit]++ : most - 1;
        while (at > 0 && isBefore(context.value(), context.promptId(), get(unit, at - 1))) {
            contexts[unit * most + at] = contexts[unit * most + at - 1];
            at--;
        }
        contexts[unit * most + at] = context;
        if (counts[unit] == most) {
            least[unit] = strength(get(unit, most - 1).value());
        }
    }

    void merge(StrongestTokens other) {
        for (int unit = 0; unit < counts.length; unit++) {
            notFinite[unit] += other.notFinite[unit];
            for (int i = 0; i < other.counts[unit]; i++) {
                add(unit, other.get(unit, i));
            }
        }
    }

    int count(int unit) {
        return counts[unit];
    }

    TokenContext get(int unit, int index) {
        TokenContext context = contexts[unit * most + index];
        if (context == null) {
            throw new IllegalStateException("unit " + unit + " has no context " + index);
        }
        return context;
    }
}
