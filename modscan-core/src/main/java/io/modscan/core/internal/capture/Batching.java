package io.modscan.core.internal.capture;

import io.modscan.core.internal.recording.Chunk;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Link;
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
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared, only read
    record Batch(int[] prompts, int columns) {
        int rows() {
            return prompts.length;
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
            long more = chunk.tokens(batches.get(i).prompts());
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
        List<int[]> tokenIds = chunk.tokenIds();
        List<Batch> batches = new ArrayList<>();
        int from = 0;
        long tokens = 0;
        for (int i = 0; i < tokenIds.size(); i++) {
            int length = tokenIds.get(i).length;
            if (i > from && tokens + length > windowTokens()) {
                batches.addAll(window(chunk, from, i));
                from = i;
                tokens = 0;
            }
            tokens += length;
        }
        batches.addAll(window(chunk, from, tokenIds.size()));
        return batches;
    }

    /** Of all ways to cut the prompts, sorted by length, into batches, the one of the least cost. */
    private List<Batch> window(Chunk chunk, int from, int to) {
        List<int[]> tokenIds = chunk.tokenIds();
        int[] byLength = IntStream.range(from, to)
                .boxed()
                .sorted(Comparator.comparingInt((Integer i) -> -tokenIds.get(i).length))
                .mapToInt(i -> i)
                .toArray();
        long[] cost = new long[byLength.length + 1];
        int[] begin = new int[byLength.length + 1];
        Arrays.fill(cost, 1, cost.length, Long.MAX_VALUE);
        List<Link> links = source.links();
        int columns = 0;
        int mostRows = 0;
        for (int i = 0; i < byLength.length; i++) {
            if (tokenIds.get(byLength[i]).length != columns) {
                columns = tokenIds.get(byLength[i]).length;
                mostRows = mostRows(links, columns, byLength.length, chunk.inputs());
            }
            long padding = 0;
            for (int end = i + 1; end <= Math.min(i + mostRows, byLength.length); end++) {
                padding += columns - tokenIds.get(byLength[end - 1]).length;
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
            int longest = byLength[begin[end]];
            batches.add(new Batch(Arrays.copyOfRange(byLength, begin[end], end), tokenIds.get(longest).length));
        }
        Collections.reverse(batches);
        return batches;
    }

    /** The largest number of rows that keeps to budget and memory; 1 where even that does not. */
    private int mostRows(List<Link> links, int columns, int most, long inputs) {
        int fits = 1;
        int tooMany = Math.min(most, Math.max(1, tokenBudget / columns)) + 1;
        while (tooMany - fits > 1) {
            int middle = (fits + tooMany) >>> 1;
            if (fitsMemory(links, middle, columns, inputs)) {
                fits = middle;
            } else {
                tooMany = middle;
            }
        }
        return fits;
    }

    private boolean fitsMemory(List<Link> links, long rows, int columns, long inputs) {
        long most = 0;
        long outputsOfMost = 0;
        long given = 0;
        for (Link link : links) {
            long outputs = 0;
            for (int reading : link.readings()) {
                long bytes = rows * source.plan().readings().get(reading).values(columns) * Float.BYTES;
                if (bytes > Integer.MAX_VALUE) {
                    return false;
                }
                outputs += bytes;
            }
            long handedOn = rows * columns * link.handsOn() * Float.BYTES;
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
                && most + 2 * rows * inputs + source.workingBytes((int) rows, columns) <= memoryLimit;
    }

    @Override
    public String toString() {
        int links = source.links().size();
        return tokenBudget + " tokens, " + memoryLimit + " bytes, of outputs " + outputLimit
                + (links > 1 ? ", in " + links + " links" : "");
    }
}
