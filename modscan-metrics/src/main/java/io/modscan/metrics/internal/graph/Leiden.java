package io.modscan.metrics.internal.graph;

import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * The Leiden algorithm for modularity, after Traag, Waltman and van Eck, "From Louvain to Leiden: guaranteeing well-connected communities", 2019
 * (<a href="https://doi.org/10.1038/s41598-019-41695-z">doi:10.1038/s41598-019-41695-z</a>): nodes move to the best community of their
 * neighbours until none wants to; within each community they are put together anew, beginning from nodes that are alone, at random among
 * what does not make the partition worse; what is together there is a node of a smaller graph, on which the same is done.
 *
 * <p>The gain of a node with strength k in a community of strength K to which its links have the weight w is w − scale · k · K. Of equal
 * gains the own community's counts most, then that which is met first. For one thread.
 */
final class Leiden {

    /** A part is taken e to the power of gain / this more often than one without a gain. */
    private static final double RANDOMNESS = 0.01;

    /** To the power of less, what is added to 1 or more does not change it. */
    private static final double NOTHING = -40;

    /** Gains that differ by less are equal but for rounding; without it nodes could change places for ever. */
    private static final double EQUAL = 1e-12;

    /** Nodes between two looks at the interrupt. */
    private static final int LOOK = 1 << 10;

    private final double scale;
    private final SplittableRandom random;
    private final Interrupt interrupt;

    /**
     * Prepares.
     *
     * @param scale the resolution divided by the strength of all nodes
     */
    Leiden(double scale, SplittableRandom random, Interrupt interrupt) {
        this.scale = scale;
        this.random = random;
        this.interrupt = interrupt;
    }

    /**
     * Makes a partition better.
     *
     * @param communities of each node its community, at least 0 and less than there are nodes; changed, and then numbered from 0
     *                    without a gap
     * @return whether a node was moved
     */
    boolean improve(Network network, int[] communities) {
        int size = network.size();
        boolean moved = move(network, communities);
        int count = numbered(communities);
        if (count == size) {
            return moved;
        }
        int[] parts = parts(network, communities, count);
        int reducedSize = numbered(parts);
        if (reducedSize == size) {
            // Nothing fits together closely enough to be taken for one; communities as they are make the smaller graph.
            System.arraycopy(communities, 0, parts, 0, size);
            reducedSize = count;
        }
        Network reduced = network.reduced(parts, reducedSize);
        int[] ofParts = new int[reducedSize];
        for (int node = 0; node < size; node++) {
            ofParts[parts[node]] = communities[node];
        }
        moved |= improve(reduced, ofParts);
        for (int node = 0; node < size; node++) {
            communities[node] = ofParts[parts[node]];
        }
        return moved;
    }

    /** Numbers groups from 0 in order of their first nodes; returns how many there are. */
    static int numbered(int[] groups) {
        int[] numbers = new int[groups.length];
        Arrays.fill(numbers, -1);
        int count = 0;
        for (int node = 0; node < groups.length; node++) {
            int group = groups[node];
            if (numbers[group] < 0) {
                numbers[group] = count++;
            }
            groups[node] = numbers[group];
        }
        return count;
    }

    /** Moves nodes until each is where it gains most; those are looked at again whose neighbours have moved elsewhere. */
    private boolean move(Network network, int[] communities) {
        int size = network.size();
        double[] strengths = new double[size];
        int[] sizes = new int[size];
        for (int node = 0; node < size; node++) {
            strengths[communities[node]] += network.strengths[node];
            sizes[communities[node]]++;
        }
        int[] empty = new int[size];
        int empties = 0;
        for (int community = size - 1; community >= 0; community--) {
            if (sizes[community] == 0) {
                empty[empties++] = community;
            }
        }
        int[] queue = inAnyOrder(size);
        boolean[] waits = new boolean[size];
        Arrays.fill(waits, true);
        double[] weightTo = new double[size];
        int[] near = new int[size];
        boolean moved = false;
        int looks = 0;
        for (int head = 0, waiting = size; waiting > 0; waiting--) {
            if (looks++ % LOOK == 0) {
                interrupt.check();
            }
            int node = queue[head];
            head = head + 1 == size ? 0 : head + 1;
            waits[node] = false;
            int own = communities[node];
            double strength = network.strengths[node];
            int nears = near(network, communities, node, weightTo, near);
            double factor = scale * strength;
            int best = own;
            double most = weightTo[own] - factor * (strengths[own] - strength);
            for (int i = 0; i < nears; i++) {
                int community = near[i];
                if (community != own) {
                    double gain = weightTo[community] - factor * strengths[community];
                    if (gain > most + EQUAL) {
                        most = gain;
                        best = community;
                    }
                }
            }
            for (int i = 0; i < nears; i++) {
                weightTo[near[i]] = 0;
            }
            // Alone it gains 0; where it is alone already, it is its own community.
            if (most < -EQUAL && sizes[own] > 1) {
                best = empty[--empties];
            }
            if (best == own) {
                continue;
            }
            moved = true;
            strengths[own] -= strength;
            strengths[best] += strength;
            sizes[best]++;
            if (--sizes[own] == 0) {
                strengths[own] = 0;
                empty[empties++] = own;
            }
            communities[node] = best;
            for (int link = network.firsts[node]; link < network.firsts[node + 1]; link++) {
                int other = network.others[link];
                if (!waits[other] && communities[other] != best) {
                    waits[other] = true;
                    int tail = head + waiting - 1;
                    queue[tail >= size ? tail - size : tail] = other;
                    waiting++;
                }
            }
        }
        return moved;
    }

    /** Sums the weight of a node's links to each group; returns to how many groups they lead. */
    private static int near(Network network, int[] groups, int node, double[] weightTo, int[] near) {
        int nears = 0;
        for (int link = network.firsts[node]; link < network.firsts[node + 1]; link++) {
            int group = groups[network.others[link]];
            if (weightTo[group] == 0) {
                near[nears++] = group;
            }
            weightTo[group] += network.weights[link];
        }
        return nears;
    }

    /** Parts of communities that hang together: of each node the first node of its part. */
    private int[] parts(Network network, int[] communities, int count) {
        int size = network.size();
        double[] whole = new double[count];
        int[] parts = new int[size];
        double[] strengths = network.strengths.clone();
        // Of each part the weight of its links to the rest of the community.
        double[] outward = new double[size];
        for (int node = 0; node < size; node++) {
            parts[node] = node;
            whole[communities[node]] += network.strengths[node];
            for (int link = network.firsts[node]; link < network.firsts[node + 1]; link++) {
                outward[node] += communities[network.others[link]] == communities[node] ? network.weights[link] : 0;
            }
        }
        boolean[] several = new boolean[size];
        double[] weightTo = new double[size];
        int[] near = new int[size];
        double[] chances = new double[size];
        int looks = 0;
        for (int node : inAnyOrder(size)) {
            if (looks++ % LOOK == 0) {
                interrupt.check();
            }
            double all = whole[communities[node]];
            double strength = network.strengths[node];
            if (several[node] || outward[node] < scale * strength * (all - strength)) {
                continue;
            }
            int nears = 0;
            for (int link = network.firsts[node]; link < network.firsts[node + 1]; link++) {
                int other = network.others[link];
                if (communities[other] == communities[node]) {
                    int part = parts[other];
                    if (weightTo[part] == 0) {
                        near[nears++] = part;
                    }
                    weightTo[part] += network.weights[link];
                }
            }
            int chosen = chosen(near, nears, weightTo, strengths, outward, strength, all, chances);
            if (chosen >= 0) {
                parts[node] = chosen;
                several[chosen] = true;
                strengths[chosen] += strength;
                outward[chosen] += outward[node] - 2 * weightTo[chosen];
            }
            for (int i = 0; i < nears; i++) {
                weightTo[near[i]] = 0;
            }
        }
        return parts;
    }

    /** The part that a node that is alone goes to, drawn among those where it loses nothing; less than 0 if it stays alone. */
    private int chosen(
            int[] near,
            int nears,
            double[] weightTo,
            double[] strengths,
            double[] outward,
            double strength,
            double all,
            double[] chances) {
        double most = 0;
        for (int i = 0; i < nears; i++) {
            int part = near[i];
            double gain = weightTo[part] - scale * strength * strengths[part];
            boolean hangsTogether = outward[part] >= scale * strengths[part] * (all - strengths[part]);
            chances[i] = hangsTogether && gain >= 0 ? gain : Double.NEGATIVE_INFINITY;
            most = Math.max(most, chances[i]);
        }
        double alone = Math.exp(-most / RANDOMNESS);
        double sum = alone;
        for (int i = 0; i < nears; i++) {
            double exponent = (chances[i] - most) / RANDOMNESS;
            if (exponent > NOTHING) {
                sum += Math.exp(exponent);
            }
            chances[i] = sum;
        }
        double drawn = sum * random.nextDouble();
        if (drawn < alone) {
            return -1;
        }
        for (int i = 0; i < nears; i++) {
            if (drawn < chances[i]) {
                return near[i];
            }
        }
        return -1;
    }

    private int[] inAnyOrder(int size) {
        int[] order = new int[size];
        for (int i = 0; i < size; i++) {
            int other = random.nextInt(i + 1);
            order[i] = order[other];
            order[other] = i;
        }
        return order;
    }
}
