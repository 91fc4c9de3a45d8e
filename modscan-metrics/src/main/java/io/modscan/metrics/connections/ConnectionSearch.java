package io.modscan.metrics.connections;

import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.graph.CommunitySearch;
import io.modscan.metrics.internal.graph.Links;
import io.modscan.metrics.internal.graph.NearTile;
import io.modscan.metrics.internal.graph.Partition;
import io.modscan.metrics.internal.graph.Places;
import io.modscan.metrics.internal.graph.StrongestLinks;
import io.modscan.metrics.internal.thread.Interrupt;
import io.modscan.metrics.modules.BorderUnit;
import io.modscan.metrics.modules.HalvesAgreement;
import io.modscan.metrics.modules.Member;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.ResolutionStep;
import io.modscan.metrics.modules.UnitModule;
import io.modscan.metrics.statistics.AgainstShuffles;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * Looks for modules among units that write and read, and for those of shuffled weights.
 *
 * @param threshold  the strength that makes a link
 * @param neighbours how many links a unit keeps
 * @param search     finds communities
 * @param starts     how many searches there are
 * @param seed       of search and shuffles
 */
record ConnectionSearch(double threshold, int neighbours, CommunitySearch search, int starts, long seed) {

    /** How many partitions each search begins with. */
    private static final int STARTS = 6;

    /** Rows and columns of a tile. */
    private static final int TILE = 1024;

    /** Takes in the signed strengths of some writers and some readers of two sites. */
    private interface Taker {
        void take(int fromSite, int[] writers, int toSite, int[] readers, float[] strengths);
    }

    /**
     * Looks for modules.
     *
     * @param done is told what was done, after the search and after each shuffle
     */
    ModuleMap run(StreamSites sites, int shuffles, Consumer<String> done) {
        List<Unit> nodes = sites.nodes();
        Links links = links(sites, nodes.size());
        CommunitySearch.Consensus consensus = search.consensus(links, starts, STARTS, seed);
        Partition partition = consensus.partition();
        Places places =
                Places.of(consensus.certain().stream().filter(sites::span).toList(), partition, links);
        List<Cohesion> cohesions = places.modules().stream()
                .map(members -> cohesion(sites, members))
                .toList();
        double likeShuffled = cheap(links).modularity();
        done.accept("weights");

        double[] modularities = new double[shuffles];
        double[] inMeasuredWeight = new double[shuffles];
        double[] closest = new double[shuffles];
        SplittableRandom shuffling = new SplittableRandom(seed);
        StreamSites shuffled = shuffles > 0 ? sites.copy() : sites;
        for (int i = 0; i < shuffles; i++) {
            Interrupt.checkThisThread();
            shuffled.shuffle(shuffling);
            Partition ofShuffled = cheap(links(shuffled, nodes.size()));
            modularities[i] = ofShuffled.modularity();
            inMeasuredWeight[i] = ofShuffled.excess() / partition.weight();
            closest[i] = together(ofShuffled).stream()
                    .mapToDouble(members -> cohesion(shuffled, members).excess)
                    .max()
                    .orElse(Double.NEGATIVE_INFINITY);
            done.accept("shuffles");
        }

        IntFunction<Member> member =
                node -> new Member(nodes.get(node), consensus.certainty()[node], Double.NaN);
        List<UnitModule> modules = IntStream.range(0, cohesions.size())
                .mapToObj(i -> new UnitModule(
                        places.modules().get(i).stream().map(member::apply).toList(),
                        cohesions.get(i).sum / cohesions.get(i).pairs,
                        Double.NaN,
                        AgainstShuffles.of(cohesions.get(i).excess, closest).p()))
                .toList();
        boolean[] there = there(sites, nodes.size());
        double modularity = partition.modularity();
        List<ResolutionStep> steps = List.of(new ResolutionStep(
                search.resolution(),
                modules.size(),
                modules.stream().mapToInt(UnitModule::size).max().orElse(0),
                modularity,
                Double.NaN));
        return new ModuleMap(
                modules,
                places.border().stream()
                        .map(node -> new BorderUnit(member.apply(node), places.nearestTo(node)))
                        .toList(),
                places.alone().stream()
                        .filter(node -> there[node])
                        .map(nodes::get)
                        .toList(),
                IntStream.range(0, there.length)
                        .filter(node -> !there[node])
                        .mapToObj(nodes::get)
                        .toList(),
                true,
                threshold,
                links.pairs(),
                search.resolution(),
                steps,
                HalvesAgreement.none(),
                shuffles,
                AgainstShuffles.of(modularity, inMeasuredWeight, one -> one >= likeShuffled),
                AgainstShuffles.of(modularity, modularities, one -> one >= likeShuffled));
    }

    /** The partition of shuffled weights, whose graphs have no structure, so that a search takes long. */
    private Partition cheap(Links links) {
        return search.partition(links, 1, seed, Interrupt.ofThisThread());
    }

    private static List<List<Integer>> together(Partition partition) {
        return partition.members().stream()
                .filter(members -> members.size() > 1)
                .toList();
    }

    private static boolean[] there(StreamSites sites, int nodes) {
        boolean[] there = new boolean[nodes];
        int node = 0;
        for (StreamSite site : sites.sites()) {
            for (int unit = 0; unit < site.size(); unit++) {
                there[node++] = site.isThere(unit);
            }
        }
        return there;
    }

    private Links links(StreamSites sites, int nodes) {
        StrongestLinks strongest = new StrongestLinks(nodes, neighbours, threshold, true);
        int[][] all = sites.sites().stream()
                .map(site -> IntStream.range(0, site.size()).toArray())
                .toArray(int[][]::new);
        int[] firsts = new int[all.length];
        for (int site = 1; site < firsts.length; site++) {
            firsts[site] = firsts[site - 1] + all[site - 1].length;
        }
        forEachTile(sites, all, (from, writers, to, readers, strengths) -> {
            int top = firsts[from] + writers[0];
            int left = firsts[to] + readers[0];
            strongest.take(new NearTile(top, top + writers.length, left, left + readers.length, strengths));
        });
        return strongest.links();
    }

    /** Hands over the pairs of chosen units of which one can hear the other, each once. */
    private static void forEachTile(StreamSites sites, int[][] chosen, Taker taker) {
        for (int from = 0; from < chosen.length; from++) {
            for (int[] writers : pieces(chosen[from])) {
                for (int to = from + 1; to < chosen.length; to++) {
                    for (int[] readers : pieces(chosen[to])) {
                        Interrupt.checkThisThread();
                        float[] strengths = sites.strengths(
                                sites.sites().get(from), writers, sites.sites().get(to), readers);
                        taker.take(from, writers, to, readers, strengths);
                    }
                }
            }
        }
    }

    private static List<int[]> pieces(int[] indices) {
        List<int[]> pieces = new ArrayList<>();
        for (int from = 0; from < indices.length; from += TILE) {
            pieces.add(IntStream.of(indices).skip(from).limit(TILE).toArray());
        }
        return pieces;
    }

    /** How closely the members of a module are connected. */
    private static final class Cohesion {
        private double sum;
        /** The sum of squares beyond what coordinates in any other order give on average. */
        private double excess;

        private long pairs;
    }

    private static Cohesion cohesion(StreamSites sites, List<Integer> members) {
        Cohesion cohesion = new Cohesion();
        double chance = 1 / (sites.width() - 1.0);
        forEachTile(sites, sites.bySite(members), (from, writers, to, readers, strengths) -> {
            StreamSite writing = sites.sites().get(from);
            StreamSite reading = sites.sites().get(to);
            double[] most =
                    IntStream.of(readers).mapToDouble(reading::readLength).toArray();
            for (int i = 0; i < writers.length; i++) {
                double loudness = writing.writeLength(writers[i]);
                for (int j = 0; j < readers.length; j++) {
                    double strength = Math.min(1, Math.abs(strengths[i * readers.length + j]));
                    double possible = loudness * most[j];
                    cohesion.sum += strength;
                    cohesion.excess += strength * strength - possible * possible * chance;
                }
            }
            cohesion.pairs += strengths.length;
        });
        return cohesion;
    }
}
