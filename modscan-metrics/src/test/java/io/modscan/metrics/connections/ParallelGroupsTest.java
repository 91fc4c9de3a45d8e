package io.modscan.metrics.connections;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** How pairs become groups. */
class ParallelGroupsTest {

    /** Pairs of falling strength. */
    private static List<List<Integer>> groups(int[]... pairs) {
        return ParallelGroups.of(IntStream.range(0, pairs.length)
                .mapToObj(i -> new ParallelSearch.Found(pairs[i][0], pairs[i][1], 1 - i / 1000.0, 1))
                .toList());
    }

    @Test
    void eachTwoOfAGroupAreAPair() {
        assertThat(groups()).isEmpty();
        assertThat(groups(new int[] {3, 7})).containsExactly(List.of(3, 7));
        assertThat(groups(new int[] {0, 1}, new int[] {1, 2}, new int[] {0, 2})).containsExactly(List.of(0, 1, 2));
    }

    @Test
    void aChainIsNoGroup() {
        // 1 goes with 0 before 2 can have it, and 2 goes with 3.
        assertThat(groups(new int[] {0, 1}, new int[] {1, 2}, new int[] {2, 3}, new int[] {3, 4}))
                .containsExactly(List.of(0, 1), List.of(2, 3));
        assertThat(groups(new int[] {0, 1}, new int[] {0, 2}, new int[] {0, 3}, new int[] {0, 4}))
                .containsExactly(List.of(0, 1));
    }

    @Test
    void aUnitThatIsAPairWithSomeOfAGroupStaysOutside() {
        assertThat(groups(
                        new int[] {0, 1},
                        new int[] {0, 2},
                        new int[] {1, 2},
                        new int[] {2, 3},
                        new int[] {1, 3},
                        new int[] {3, 4}))
                .containsExactly(List.of(0, 1, 2), List.of(3, 4));
    }

    @Test
    void groupsBecomeOneWithTheLastPairBetweenThem() {
        int[][] pairs = {{0, 1}, {2, 3}, {0, 2}, {1, 3}, {0, 3}, {1, 2}};
        assertThat(groups(pairs)).containsExactly(List.of(0, 1, 2, 3));
        for (int missing = 2; missing < 6; missing++) {
            List<int[]> rest = new ArrayList<>(List.of(pairs));
            rest.remove(missing);
            assertThat(groups(rest.toArray(int[][]::new))).containsExactly(List.of(0, 1), List.of(2, 3));
        }
    }

    @Test
    void largeOnesFirst() {
        assertThat(groups(new int[] {0, 9}, new int[] {4, 5}, new int[] {1, 2}, new int[] {1, 3}, new int[] {2, 3}))
                .containsExactly(List.of(1, 2, 3), List.of(0, 9), List.of(4, 5));
    }

    @Test
    void whateverThePairsGroupsAreWholeAndApart() {
        Random random = new Random(1);
        for (int round = 0; round < 200; round++) {
            int units = 2 + random.nextInt(12);
            List<List<Integer>> pairs = new ArrayList<>();
            for (int i = 0; i < units; i++) {
                for (int j = i + 1; j < units; j++) {
                    if (random.nextInt(3) > 0) {
                        pairs.add(List.of(i, j));
                    }
                }
            }
            Collections.shuffle(pairs, random);
            List<List<Integer>> groups = groups(
                    pairs.stream().map(p -> new int[] {p.get(0), p.get(1)}).toArray(int[][]::new));
            Set<Integer> seen = new HashSet<>();
            for (List<Integer> group : groups) {
                for (int i : group) {
                    assertThat(seen.add(i)).isTrue();
                    for (int j : group) {
                        assertThat(i >= j || pairs.contains(List.of(i, j))).isTrue();
                    }
                }
            }
            // No two groups, or units alone, could still become one.
            List<List<Integer>> all = new ArrayList<>(groups);
            IntStream.range(0, units).filter(i -> !seen.contains(i)).forEach(i -> all.add(List.of(i)));
            for (List<Integer> one : all) {
                for (List<Integer> other : all) {
                    boolean whole = one != other
                            && one.stream()
                                    .allMatch(i -> other.stream()
                                            .allMatch(j -> pairs.contains(List.of(Math.min(i, j), Math.max(i, j)))));
                    assertThat(whole).isFalse();
                }
            }
        }
    }
}
