package io.modscan.metrics.internal.graph;

import java.util.Arrays;

/** A link of one node in 64 bits: the other node above the bits of the weight, so that links sort by the other node. */
public final class PackedLink {

    private PackedLink() {}

    public static long of(int other, float weight) {
        return ((long) other << Integer.SIZE) | (Float.floatToIntBits(weight) & 0xFFFF_FFFFL);
    }

    public static int other(long link) {
        return (int) (link >> Integer.SIZE);
    }

    public static float weight(long link) {
        return Float.intBitsToFloat((int) link);
    }

    /** Whether one of some sorted links leads to a node. */
    static boolean leadsTo(long[] links, int node) {
        int place = Arrays.binarySearch(links, of(node, 0));
        // No link has the weight 0, so the search ends before the one to that node.
        int behind = -place - 1;
        return behind < links.length && other(links[behind]) == node;
    }
}
