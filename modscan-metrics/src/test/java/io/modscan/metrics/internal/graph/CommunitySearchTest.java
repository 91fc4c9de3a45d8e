package io.modscan.metrics.internal.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.metrics.internal.thread.Interrupt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Which nodes' places are certain, and which communities of two partitions belong together. */
class CommunitySearchTest {

    private static final int RUNS = 40;

    /** All pairs of each group, and some more links, all of one weight. */
    private static Links graph(int nodes, List<List<Integer>> groups, int[]... more) {
        Strongest[] strongest = IntStream.range(0, nodes)
                .mapToObj(i -> new Strongest(Integer.MAX_VALUE))
                .toArray(Strongest[]::new);
        for (List<Integer> group : groups) {
            for (int i : group) {
                group.stream().filter(j -> j > i).forEach(j -> strongest[i].offer(j, 0.5f));
            }
        }
        for (int[] link : more) {
            strongest[link[0]].offer(link[1], 0.5f);
        }
        return Links.ofEither(
                IntStream.range(0, nodes).mapToObj(i -> strongest[i].inOrder()).toArray(long[][]::new));
    }

    private static List<Integer> range(int from, int to) {
        return IntStream.range(from, to).boxed().toList();
    }

    /** Two cliques of eight, a node that has four links to either, and one without a link. */
    private static Links ambiguous() {
        return graph(
                18,
                List.of(range(0, 8), range(8, 16)),
                IntStream.of(0, 1, 2, 3, 8, 9, 10, 11)
                        .mapToObj(i -> new int[] {16, i})
                        .toArray(int[][]::new));
    }

    @Test
    void aNodeBetweenTwoCommunitiesIsCertainOfNeither() {
        for (long seed = 0; seed < 5; seed++) {
            CommunitySearch.Consensus consensus = new CommunitySearch(1).consensus(ambiguous(), RUNS, 3, seed);
            for (int node = 0; node < 16; node++) {
                assertThat(consensus.certainty()[node]).isEqualTo(1);
            }
            assertThat(consensus.certainty()[16]).isBetween(0.2, 0.79);
            assertThat(consensus.certainty()[17]).isZero();
            assertThat(consensus.certain()).contains(range(0, 8), range(8, 16));
        }
    }

    @Test
    void aSeedGivesTheSameInWhateverNumberOfThreads() throws Exception {
        Random random = new Random(3);
        List<int[]> scattered = new ArrayList<>();
        for (int i = 0; i < 400; i++) {
            int one = random.nextInt(99);
            scattered.add(new int[] {one, one + 1 + random.nextInt(99 - one)});
        }
        Links links = graph(100, List.of(), scattered.toArray(int[][]::new));
        CommunitySearch search = new CommunitySearch(1);
        CommunitySearch.Consensus expected = search.consensus(links, 6, 3, 5);
        for (int threads : new int[] {1, 2, 5}) {
            ForkJoinPool pool = new ForkJoinPool(threads);
            try {
                CommunitySearch.Consensus same =
                        pool.submit(() -> search.consensus(links, 6, 3, 5)).get(60, TimeUnit.SECONDS);
                assertThat(same.partition().communities())
                        .isEqualTo(expected.partition().communities());
                assertThat(same.certainty()).isEqualTo(expected.certainty());
            } finally {
                pool.shutdown();
            }
        }
        assertThat(Arrays.stream(expected.certainty()).filter(share -> share < 1))
                .isNotEmpty();
    }

    @Test
    void theBestOfAllRunsIsNoWorseThanOneOfThem() {
        Links links = ambiguous();
        CommunitySearch search = new CommunitySearch(1);
        double one = search.partition(links, 3, 1, Interrupt.ofThisThread()).modularity();
        assertThat(search.consensus(links, RUNS, 3, 1).partition().modularity()).isGreaterThanOrEqualTo(one - 1e-9);
    }

    @Test
    void withoutALinkNothingIsCertain() {
        CommunitySearch.Consensus consensus = new CommunitySearch(1).consensus(graph(3, List.of()), 2, 2, 1);
        assertThat(consensus.certainty()).containsOnly(0);
        assertThat(consensus.certain()).allMatch(List::isEmpty);
    }

    @Test
    void helperThreadsEndWhenTheAskingOneIsInterrupted() {
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> new CommunitySearch(1).consensus(ambiguous(), RUNS, 3, 1))
                    .isInstanceOf(CancellationException.class);
        } finally {
            assertThat(Thread.interrupted()).as("the interrupt is kept").isTrue();
        }
    }

    @Test
    void counterpartsAreThoseOfTheLargestShareOfBoth() {
        int[] one = {0, 0, 0, 0, 1, 1, 2, 2, 2};
        int[] other = {5, 5, 5, 6, 6, 6, 7, 8, 9};
        Counterparts beside = new Counterparts(one, other);
        assertThat(beside.counterpart(0)).isEqualTo(5);
        assertThat(beside.jaccard(0)).isEqualTo(3 / 4.0);
        assertThat(beside.counterpart(1)).isEqualTo(6);
        assertThat(beside.jaccard(1)).isCloseTo(2 / 3.0, within(1e-15));
        // Its nodes are alone there.
        assertThat(beside.counterpart(2)).isNegative();
        assertThat(beside.jaccard(2)).isZero();
        assertThat(beside.stays()).containsExactly(true, true, true, false, true, true, false, false, false);
    }

    @Test
    void amongEqualCounterpartsTheLowerNumberIsTaken() {
        int[] one = {0, 0, 0, 0};
        assertThat(new Counterparts(one, new int[] {3, 3, 1, 1}).counterpart(0)).isEqualTo(1);
        assertThat(new Counterparts(one, new int[] {1, 1, 3, 3}).counterpart(0)).isEqualTo(1);
        assertThat(new Counterparts(one, one).jaccard(0)).isEqualTo(1);
        // A node that is alone in both has stayed.
        assertThat(new Counterparts(new int[] {0, 1}, new int[] {4, 2}).stays()).containsExactly(true, true);
        assertThat(new Counterparts(new int[0], new int[0]).stays()).isEmpty();
    }

    @Test
    void coresAreTogetherInAllPartitions() {
        assertThat(Counterparts.together(List.of(new int[] {4, 4, 4, 1, 1}, new int[] {0, 0, 7, 7, 7})))
                .containsExactly(0, 0, 1, 2, 2);
        assertThat(Counterparts.together(List.of(new int[] {2, 1, 2}))).containsExactly(0, 1, 0);
    }
}
