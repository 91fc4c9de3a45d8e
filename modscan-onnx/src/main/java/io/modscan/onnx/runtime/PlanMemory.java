package io.modscan.onnx.runtime;

import java.util.Locale;

/**
 * What a plan takes of memory, and what there is. It is reckoned from sizes, before anything is loaded.
 *
 * @param weights      bytes of all weights that the plan needs, in the type that they are computed in, float32; tables of which only rows are
 *                     picked count as they are stored
 * @param stored       bytes of these weights as they lie in their files
 * @param largestBlock bytes of the largest block of them (or of the embedding, or the head), in float32, which a chain needs at the least; twice as much where the next one
 *                     is to be read meanwhile. Of a model that can't be divided, those of all
 * @param outputs      bytes of a batch's values at all sites of the plan
 * @param working      bytes that a batch takes beside these while it is run, about
 * @param room         bytes that there are for weights: {@link RuntimeOptions#withWeightMemory}, or else what the machine has
 * @param links        how many sessions the plan is run by, one behind the other: 1 if the whole network fits; 0 if it can't be run in
 *                     this room
 */
public record PlanMemory(
        long weights, long stored, long largestBlock, long outputs, long working, long room, int links) {

    /**
     * A number of bytes for a reader.
     *
     * @param bytes how many
     * @return such as {@code 1.50 GiB} or {@code 22 MiB}
     */
    public static String inWords(long bytes) {
        double mebi = bytes / (double) (1 << 20);
        return mebi < 1000
                ? String.format(Locale.ROOT, mebi < 99.5 ? "%.1f MiB" : "%.0f MiB", mebi)
                : String.format(Locale.ROOT, "%.2f GiB", mebi / 1024);
    }
}
