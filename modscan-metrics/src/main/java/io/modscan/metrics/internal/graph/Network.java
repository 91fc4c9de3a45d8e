package io.modscan.metrics.internal.graph;

import java.util.Arrays;

/**
 * A graph in arrays, for a search that looks at all of its links again and again. Links within a node of a {@linkplain #reduced reduced} graph
 * are not kept, since no partition can change them.
 */
final class Network {

    /** Where each node's links begin, and behind them where the last one's end. */
    final int[] firsts;

    final int[] others;
    final double[] weights;

    /** Of each node, the sum of the weights of all links that its nodes had in the beginning. */
    final double[] strengths;

    Network(int[] firsts, int[] others, double[] weights, double[] strengths) {
        this.firsts = firsts;
        this.others = others;
        this.weights = weights;
        this.strengths = strengths;
    }

    static Network of(Links links) {
        int nodes = links.nodes();
        int[] firsts = new int[nodes + 1];
        for (int node = 0; node < nodes; node++) {
            firsts[node + 1] = Math.addExact(firsts[node], links.of(node).length);
        }
        int[] others = new int[firsts[nodes]];
        double[] weights = new double[firsts[nodes]];
        int at = 0;
        for (int node = 0; node < nodes; node++) {
            for (long link : links.of(node)) {
                others[at] = PackedLink.other(link);
                weights[at++] = PackedLink.weight(link);
            }
        }
        return new Network(firsts, others, weights, links.strengths());
    }

    int size() {
        return strengths.length;
    }

    double strength() {
        return Arrays.stream(strengths).sum();
    }

    /**
     * The graph whose nodes are groups of this one's.
     *
     * @param groups of each node its group, from 0
     * @param count  how many groups there are; none is empty
     */
    Network reduced(int[] groups, int count) {
        int[] ends = new int[count + 1];
        for (int group : groups) {
            ends[group + 1]++;
        }
        for (int group = 0; group < count; group++) {
            ends[group + 1] += ends[group];
        }
        int[] members = new int[groups.length];
        int[] next = Arrays.copyOf(ends, count);
        double[] sums = new double[count];
        for (int node = 0; node < groups.length; node++) {
            members[next[groups[node]]++] = node;
            sums[groups[node]] += strengths[node];
        }
        int[] begins = new int[count + 1];
        int[] to = new int[others.length];
        double[] together = new double[others.length];
        double[] toGroup = new double[count];
        int at = 0;
        for (int group = 0; group < count; group++) {
            int from = at;
            for (int m = ends[group]; m < ends[group + 1]; m++) {
                int node = members[m];
                for (int link = firsts[node]; link < firsts[node + 1]; link++) {
                    int other = groups[others[link]];
                    if (other != group) {
                        if (toGroup[other] == 0) {
                            to[at++] = other;
                        }
                        toGroup[other] += weights[link];
                    }
                }
            }
            for (int link = from; link < at; link++) {
                together[link] = toGroup[to[link]];
                toGroup[to[link]] = 0;
            }
            begins[group + 1] = at;
        }
        return new Network(begins, Arrays.copyOf(to, at), Arrays.copyOf(together, at), sums);
    }
}
