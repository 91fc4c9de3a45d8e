package io.modscan.metrics.internal.rank;

/** Numbers as if drawn by lot that hang on names and places only: the same whatever the order in which these come. */
public final class Lot {

    private Lot() {}

    /**
     * The number of a name.
     *
     * @param start what tells one draw from another
     */
    public static long of(String name, long start) {
        long lot = start;
        for (int i = 0; i < name.length(); i++) {
            lot = mixed(lot + name.charAt(i));
        }
        return lot;
    }

    /** A step of SplitMix64: every bit of the result depends on every bit of the argument. */
    public static long mixed(long bits) {
        long z = bits + 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
