package io.modscan.metrics.tokens;

/**
 * Positions in bins: each of the first has one of its own, since there a model's values change from token to token, and behind these there
 * are two bins for each doubling.
 */
final class PositionBins {

    /** How many positions have a bin of their own; a power of two. */
    static final int EXACT = 16;

    private PositionBins() {}

    /** The bin of a position, from 0; bins ascend with positions. */
    static int of(int position) {
        if (position < EXACT) {
            return position;
        }
        int doublings = Integer.numberOfLeadingZeros(EXACT) - Integer.numberOfLeadingZeros(position);
        // The bit behind the highest tells the half of a doubling.
        int half = (position >> (Integer.SIZE - 2 - Integer.numberOfLeadingZeros(position))) & 1;
        return EXACT + 2 * doublings + half;
    }
}
