package io.modscan.core;

import io.modscan.core.prompt.Prompt;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which prompts a change of coordinates was fitted to, so that what it makes uncorrelated there is not taken for a finding: a
 * {@linkplain SiteActivations#fittedTo() site} in such coordinates carries them along, and what measures it can ask {@link
 * SiteActivations#inFit()}.
 *
 * <p>A prompt is known by its id together with what was run for it: its token ids, without BOS where it is {@linkplain
 * Activations#knowsBos known}, or else its ready tensors, or else its text. So other prompts under the same running numbers are
 * others, and a text under another id is another prompt. Of each, 64 bits of a hash are kept, in 8 bytes; two of n and m
 * prompts are taken for one another by mistake with a probability of n·m / 2<sup>64</sup>. Immutable; safe for use by many
 * threads.
 */
public final class FittedPrompts {

    private static final FittedPrompts NONE = new FittedPrompts(new long[0]);

    /** In rising order, each once. */
    private final long[] hashes;

    private final int hashCode;

    private FittedPrompts(long[] hashes) {
        this.hashes = hashes;
        this.hashCode = Arrays.hashCode(hashes);
    }

    /**
     * No prompts: what raw coordinates are fitted to.
     *
     * @return an empty set
     */
    public static FittedPrompts none() {
        return NONE;
    }

    /**
     * The prompts of some activations.
     *
     * @param activations what something is fitted to
     * @return their prompts
     */
    public static FittedPrompts of(Activations activations) {
        return new FittedPrompts(sorted(hashes(activations)));
    }

    /**
     * All prompts of several sets.
     *
     * @param parts the sets
     * @return the prompts that are in any of them
     */
    public static FittedPrompts together(Collection<FittedPrompts> parts) {
        List<FittedPrompts> some =
                parts.stream().filter(part -> part.size() > 0).distinct().toList();
        return switch (some.size()) {
            case 0 -> NONE;
            case 1 -> some.get(0);
            default ->
                new FittedPrompts(sorted(some.stream()
                        .flatMapToLong(part -> Arrays.stream(part.hashes))
                        .toArray()));
        };
    }

    /**
     * The number of prompts.
     *
     * @return how many there are
     */
    public int size() {
        return hashes.length;
    }

    /** How many of the prompts of some activations are among these. */
    int countIn(Activations activations) {
        return size() == 0
                ? 0
                : (int) Arrays.stream(hashes(activations))
                        .filter(hash -> Arrays.binarySearch(hashes, hash) >= 0)
                        .count();
    }

    private static long[] sorted(long[] hashes) {
        return Arrays.stream(hashes).sorted().distinct().toArray();
    }

    private static long[] hashes(Activations activations) {
        long[] hashes = new long[activations.prompts().size()];
        for (int i = 0; i < hashes.length; i++) {
            hashes[i] = hash(activations, i);
        }
        return hashes;
    }

    private static long hash(Activations activations, int index) {
        Prompt prompt = activations.prompts().get(index);
        long hash = add(mix(0), prompt.id());
        int[] ids = activations.tokenIds(index);
        if (ids.length > 0 && ids[0] >= 0) {
            // With BOS and without it is the same prompt.
            int first = activations.knowsBos(index) && activations.beginsWithBos(index) ? 1 : 0;
            for (int at = first; at < ids.length; at++) {
                hash = mix(hash + ids[at]);
            }
            return hash;
        }
        return add(hash, prompt.tensorsSha256().or(prompt::text).orElse(""));
    }

    private static long add(long hash, String text) {
        long sum = hash;
        for (byte part : text.getBytes(StandardCharsets.UTF_16LE)) {
            sum = mix(sum + part);
        }
        // So that an id and a text are not one long word.
        return mix(sum + Byte.MAX_VALUE + 1);
    }

    /** A step of SplitMix64: every bit of the result depends on every bit of the argument. */
    private static long mix(long bits) {
        long z = bits + 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    @Override
    public boolean equals(@Nullable Object o) {
        return o == this || (o instanceof FittedPrompts other && Arrays.equals(hashes, other.hashes));
    }

    @Override
    public int hashCode() {
        return hashCode;
    }

    @Override
    public String toString() {
        return "FittedPrompts[" + size() + "]";
    }
}
