package io.modscan.metrics.internal.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.metrics.Golden;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import nl.cwts.networkanalysis.CPMClusteringAlgorithm;
import nl.cwts.networkanalysis.Clustering;
import nl.cwts.networkanalysis.LeidenAlgorithm;
import nl.cwts.networkanalysis.Network;
import nl.cwts.util.LargeDoubleArray;
import nl.cwts.util.LargeIntArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Modularity, and what the Leiden algorithm makes of it. */
class PartitionTest {

    static Stream<Map<String, Object>> cases() {
        return Golden.cases("modules.json", "modularities");
    }

    private static Links links(Map<String, Object> golden) {
        Strongest[] strongest = IntStream.range(0, Golden.integer(golden.get("nodes")))
                .mapToObj(i -> new Strongest(Integer.MAX_VALUE))
                .toArray(Strongest[]::new);
        for (Object link : Golden.list(golden.get("links"))) {
            double[] ends = Golden.doubles(link);
            // From one end only; the other is added.
            strongest[(int) ends[0]].offer((int) ends[1], (float) ends[2]);
        }
        return Links.ofEither(Arrays.stream(strongest).map(Strongest::inOrder).toArray(long[][]::new));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void modularityAgreesWithNumPyAndNetworkX(Map<String, Object> golden) {
        Links links = links(golden);
        int[] communities = Golden.list(golden.get("communities")).stream()
                .mapToInt(Golden::integer)
                .toArray();
        double resolution = Golden.number(golden.get("resolution"));
        Partition partition = new Partition(links, communities, resolution);
        assertThat(partition.modularity()).isCloseTo(Golden.number(golden.get("modularity")), within(1e-12));
        double weight = Arrays.stream(links.strengths()).sum() / 2;
        assertThat(partition.excess()).isCloseTo(weight * partition.modularity(), within(1e-12));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theBestPartitionIsNoWorseThanLouvains(Map<String, Object> golden) {
        Links links = links(golden);
        double resolution = Golden.number(golden.get("resolution"));
        Partition best = new CommunitySearch(resolution).partition(links, 10, 1, Interrupt.ofThisThread());
        assertThat(best.modularity()).isGreaterThanOrEqualTo(Golden.number(golden.get("louvain")) - 1e-12);
        Partition again = new CommunitySearch(resolution).partition(links, 10, 1, Interrupt.ofThisThread());
        for (int node = 0; node < links.nodes(); node++) {
            assertThat(again.community(node)).isEqualTo(best.community(node));
            if (links.of(node).length == 0) {
                int alone = best.community(node);
                assertThat(IntStream.range(0, links.nodes()).filter(other -> best.community(other) == alone))
                        .hasSize(1);
            }
        }
        assertThat(best.members().stream().mapToInt(List::size).sum()).isEqualTo(links.nodes());
    }

    @Test
    void withoutALinkThereIsNoModularity() {
        Links none = Links.ofEither(new long[3][0]);
        Partition partition = new CommunitySearch(1).partition(none, 2, 1, Interrupt.ofThisThread());
        assertThat(partition.modularity()).isNaN();
        assertThat(partition.excess()).isZero();
        assertThat(partition.members()).containsExactly(List.of(0), List.of(1), List.of(2));
        Links nothing = Links.ofEither(new long[0][0]);
        assertThat(new CommunitySearch(1)
                        .partition(nothing, 2, 1, Interrupt.ofThisThread())
                        .modularity())
                .isNaN();
    }

    @Test
    void aSingleLinkIsACommunityOfItsEnds() {
        Links one = Links.ofEither(new long[][] {{}, {PackedLink.of(3, 0.5f)}, {}, {}});
        Partition partition = new CommunitySearch(1).partition(one, 2, 1, Interrupt.ofThisThread());
        assertThat(partition.modularity()).isZero();
        assertThat(partition.members()).containsExactly(List.of(0), List.of(1, 3), List.of(2));
    }

    /** What is relied on of the library: its measure, at strengths for node weights and γ / 2w, is the modularity. */
    @Test
    void theLibrarysMeasureIsTheModularity() {
        Map<String, Object> golden = cases().filter(c -> "karate club".equals(c.get("name")))
                .findFirst()
                .orElseThrow();
        Links links = links(golden);
        int nodes = links.nodes();
        long[] firsts = new long[nodes + 1];
        for (int i = 0; i < nodes; i++) {
            firsts[i + 1] = firsts[i] + links.of(i).length;
        }
        long[] all = IntStream.range(0, nodes)
                .boxed()
                .flatMapToLong(i -> Arrays.stream(links.of(i)))
                .toArray();
        LargeIntArray others =
                new LargeIntArray(Arrays.stream(all).mapToInt(PackedLink::other).toArray());
        LargeDoubleArray weights = new LargeDoubleArray(
                Arrays.stream(all).mapToDouble(PackedLink::weight).toArray());
        // True: it finds the graph sound, with both ends of each link, in order, and without self-links.
        Network network = new Network(links.strengths(), firsts, others, weights, true);
        int[] communities = Golden.list(golden.get("communities")).stream()
                .mapToInt(Golden::integer)
                .toArray();
        CPMClusteringAlgorithm measure = new LeidenAlgorithm(1 / network.getTotalNodeWeight(), 1, 0.01, new Random(1));
        assertThat(measure.calcQuality(network, new Clustering(communities)))
                .isCloseTo(Golden.number(golden.get("modularity")), within(1e-12));
        assertThat(List.of(network.getTotalNodeWeight(), network.getTotalEdgeWeight()))
                .containsExactly(156.0, 78.0);
    }
}
