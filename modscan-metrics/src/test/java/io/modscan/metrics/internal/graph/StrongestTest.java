package io.modscan.metrics.internal.graph;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StrongestTest {

    @Test
    void strongestKeepsTheFirstOfEquallyStrongInWhateverOrder() {
        Random random = new Random(5);
        for (int tries = 0; tries < 50; tries++) {
            int most = 1 + random.nextInt(9);
            float[] weights = new float[30];
            for (int i = 0; i < weights.length; i++) {
                weights[i] = (1 + random.nextInt(6)) / 8f;
            }
            List<Integer> order =
                    new ArrayList<>(IntStream.range(0, weights.length).boxed().toList());
            Collections.shuffle(order, random);
            Strongest strongest = new Strongest(most);
            order.forEach(i -> strongest.offer(i, weights[i]));
            int[] expected = IntStream.range(0, weights.length)
                    .boxed()
                    .sorted((i, j) -> weights[i] == weights[j] ? i - j : Float.compare(weights[j], weights[i]))
                    .limit(most)
                    .mapToInt(i -> i)
                    .sorted()
                    .toArray();
            long[] kept = strongest.inOrder();
            assertThat(Arrays.stream(kept).mapToInt(PackedLink::other)).containsExactly(box(expected));
            for (long link : kept) {
                assertThat(PackedLink.weight(link)).isEqualTo(weights[PackedLink.other(link)]);
            }
        }
    }

    private static Integer[] box(int[] values) {
        return Arrays.stream(values).boxed().toArray(Integer[]::new);
    }
}
