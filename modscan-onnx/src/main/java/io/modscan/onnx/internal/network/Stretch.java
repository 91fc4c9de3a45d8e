package io.modscan.onnx.internal.network;

/**
 * A stretch of a network that is a chain: the embedding, which is stage 0, its blocks, which are stages 1, 2, …, and what lies
 * behind the last of them. A stretch that does not begin with the embedding begins with a residual stream that it is given.
 *
 * @param from the first stage
 * @param end  the stage behind the last
 */
public record Stretch(int from, int end) {

    /** A whole network. */
    public static Stretch whole(int layers) {
        return new Stretch(0, layers + 2);
    }

    public boolean begins() {
        return from == 0;
    }

    /** Whether what lies behind the last block is part of it. */
    public boolean ends(int layers) {
        return end == layers + 2;
    }

    public boolean has(int stage) {
        return stage >= from && stage < end;
    }

    /** How many blocks it has; 1 if it has none. */
    public int blocks(int layers) {
        return Math.max(1, Math.min(end, layers + 1) - Math.max(from, 1));
    }

    /** For a message: {@code embedding to block 3}. */
    public String describe(int layers) {
        return end == from + 1 ? describe(from, layers) : describe(from, layers) + " to " + describe(end - 1, layers);
    }

    private static String describe(int stage, int layers) {
        return stage == 0 ? "embedding" : stage > layers ? "head" : "block " + (stage - 1);
    }
}
