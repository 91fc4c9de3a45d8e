package io.modscan.core.internal.capture;

import io.modscan.core.internal.recording.Chunk;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Link;
import io.modscan.core.site.Reading;
import io.modscan.core.token.PromptTokens;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Decides which prompts are run together. The same prompts in the same order make the same batches, whatever the machine
 * does meanwhile, so that a capture gives the same bits again.
 *
 * @param source      what runs them
 * @param tokenBudget how many tokens, padding included, a batch may have
 * @param memoryLimit bytes that a batch may take, outputs included
 * @param outputLimit bytes that its outputs may take
 */
public record Batching(ActivationSource source, int tokenBudget, long memoryLimit, long outputLimit) {

    /** What a batch costs whatever its size (reading the weights, above all), in tokens that could be run meanwhile. */
    private static final long COST_OF_A_BATCH = 48;

    /**
     * Prompts to be run together.
     *
     * @param prompts their indices, longest first
     * @param columns the longest one's tokens
     * @param kept    where only some positions are kept, how many that one has that has most of them
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared, only read
    record Batch(int[] prompts, int columns, int kept) {
        int rows() {
            return prompts.length;
        }

        /** The positions of a row of an output. */
        int columns(Reading reading) {
            return reading.isPerToken() ? kept : columns;
        }
    }

    /** How many tokens are looked through for prompts of similar length. */
    long windowTokens() {
        return Math.max(1 << 16, 4L * tokenBudget);
    }

    /** Batches that go through all links together, one behind the other: as many as are looked through, or one. */
    List<List<Integer>> windows(List<Batch> batches, Chunk chunk) {
        List<List<Integer>> windows = new ArrayList<>();
        List<Integer> window = new ArrayList<>();
        long tokens = 0;
        for (int i = 0; i < batches.size(); i++) {
            long more = chunk.count(batches.get(i).prompts());
            if (!window.isEmpty() && tokens + more > windowTokens()) {
                windows.add(window);
                window = new ArrayList<>();
                tokens = 0;
            }
            window.add(i);
            tokens += more;
        }
        windows.add(window);
        return windows;
    }

    /** Batches of prompts, of similar length within windows of consecutive prompts. */
    List<Batch> batches(Chunk chunk) {
        List<PromptTokens> tokens = chunk.tokens();
        List<Batch> batches = new ArrayList<>();
        int from = 0;
        long count = 0;
        for (int i = 0; i < tokens.size(); i++) {
            int length = tokens.get(i).size();
            if (i > from && count + length > windowTokens()) {
                batches.addAll(window(chunk, from, i));
                from = i;
                count = 0;
            }
            count += length;
        }
        batches.addAll(window(chunk, from, tokens.size()));
        return batches;
    }

    /** Of all ways to cut the prompts, sorted by length, into batches, the one of the least cost. */
    private List<Batch> window(Chunk chunk, int from, int to) {
        List<PromptTokens> tokens = chunk.tokens();
        int[] byLength = IntStream.range(from, to)
                .boxed()
                .sorted(Comparator.comparingInt((Integer i) -> -tokens.get(i).size()))
                .mapToInt(i -> i)
                .toArray();
        long[] cost = new long[byLength.length + 1];
        int[] begin = new int[byLength.length + 1];
        Arrays.fill(cost, 1, cost.length, Long.MAX_VALUE);
        List<Link> links = source.links();
        int kept = mostKept(tokens, byLength);
        int columns = 0;
        int mostRows = 0;
        for (int i = 0; i < byLength.length; i++) {
            if (tokens.get(byLength[i]).size() != columns) {
                columns = tokens.get(byLength[i]).size();
                mostRows = mostRows(links, new Batch(byLength, columns, Math.min(columns, kept)), chunk.inputs());
            }
            long padding = 0;
            for (int end = i + 1; end <= Math.min(i + mostRows, byLength.length); end++) {
                padding += columns - tokens.get(byLength[end - 1]).size();
                if (padding > (end - i) * COST_OF_A_BATCH) {
                    break; // each in a batch of its own would cost less, and those behind are shorter still
                }
                long with = cost[i] + COST_OF_A_BATCH + (long) (end - i) * columns;
                if (with < cost[end]) {
                    cost[end] = with;
                    begin[end] = i;
                }
            }
        }
        List<Batch> batches = new ArrayList<>();
        for (int end = byLength.length; end > 0; end = begin[end]) {
            int[] prompts = Arrays.copyOfRange(byLength, begin[end], end);
            batches.add(new Batch(prompts, tokens.get(prompts[0]).size(), mostKept(tokens, prompts)));
        }
        Collections.reverse(batches);
        return batches;
    }

    /** At least one, since a buffer of none is no output. */
    private static int mostKept(List<PromptTokens> tokens, int... prompts) {
        return Math.max(
                1,
                Arrays.stream(prompts)
                        .map(prompt -> tokens.get(prompt).keptSize())
                        .max()
                        .orElse(1));
    }

    /** The largest number of rows that keeps to budget and memory; 1 where even that does not. */
    private int mostRows(List<Link> links, Batch most, long inputs) {
        int fits = 1;
        int tooMany = Math.min(most.rows(), Math.max(1, tokenBudget / most.columns())) + 1;
        while (tooMany - fits > 1) {
            int middle = (fits + tooMany) >>> 1;
            if (fitsMemory(links, middle, most, inputs)) {
                fits = middle;
            } else {
                tooMany = middle;
            }
        }
        return fits;
    }

    private boolean fitsMemory(List<Link> links, long rows, Batch sizes, long inputs) {
        long most = 0;
        long outputsOfMost = 0;
        long given = 0;
        for (Link link : links) {
            long outputs = 0;
            for (int reading : link.readings()) {
                Reading read = source.plan().readings().get(reading);
                long bytes = rows * read.values(sizes.columns(read)) * Float.BYTES;
                if (bytes > Integer.MAX_VALUE) {
                    return false;
                }
                outputs += bytes;
            }
            long handedOn = rows * sizes.columns() * link.handsOn() * Float.BYTES;
            if (handedOn > Integer.MAX_VALUE) {
                return false;
            }
            // Twice, since one batch's outputs may be on their way to a file while the next is computed.
            most = Math.max(most, 2 * (outputs + given + handedOn));
            outputsOfMost = Math.max(outputsOfMost, outputs);
            given = handedOn;
        }
        // Ready tensors twice, too: each row's by itself, and put together for the model.
        return outputsOfMost <= outputLimit
                && most + 2 * rows * inputs + source.workingBytes((int) rows, sizes.columns()) <= memoryLimit;
    }

    @Override
    public String toString() {
        int links = source.links().size();
        return tokenBudget + " tokens, " + memoryLimit + " bytes, of outputs " + outputLimit
                + (links > 1 ? ", in " + links + " links" : "");
    }
}
