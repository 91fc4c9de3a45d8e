package io.modscan.metrics.internal.rank;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MidranksTest {

    @Test
    void equalValuesShareTheMeanOfTheirRanks() {
        Midranks ranks = new Midranks(6);
        assertThat(ranks.rank(new float[] {9, 3, -1, 0f, 3, -0f, 3, 9}, 1)).isTrue();
        assertThat(new double[] {
                    ranks.rank(0), ranks.rank(1), ranks.rank(2), ranks.rank(3), ranks.rank(4), ranks.rank(5)
                })
                .containsExactly(1, 2.5, 2.5, 5, 5, 5);
        assertThat(ranks.index(0)).isEqualTo(1);
        assertThat(ranks.value(0)).isEqualTo(-1);
        assertThat(ranks.value(5)).isEqualTo(3);
        assertThat(ranks.ties()).isEqualTo(6 + 24);
        assertThat(ranks.largestFirst()).isEqualTo(3);
        assertThat(ranks.largestEnd()).isEqualTo(6);
    }

    @Test
    void ofGroupsOfOneSizeTheLowestCounts() {
        Midranks ranks = new Midranks(5);
        assertThat(ranks.rank(new float[] {7, 2, 7, 1, 2}, 0)).isTrue();
        assertThat(ranks.largestFirst()).isEqualTo(1);
        assertThat(ranks.largestEnd()).isEqualTo(3);
    }

    @Test
    void ordersAllFloats() {
        float[] ascending = {-Float.MAX_VALUE, -1e-30f, -Float.MIN_VALUE, 0, Float.MIN_VALUE, 1e-30f, Float.MAX_VALUE};
        Midranks ranks = new Midranks(ascending.length);
        assertThat(ranks.rank(ascending, 0)).isTrue();
        for (int i = 0; i < ascending.length; i++) {
            assertThat(ranks.value(i)).isEqualTo(ascending[i]);
            assertThat(ranks.rank(i)).isEqualTo(i + 1.0);
        }
        assertThat(ranks.ties()).isZero();
    }

    @Test
    void whatIsNotFiniteHasNoRank() {
        Midranks ranks = new Midranks(2);
        for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            assertThat(ranks.rank(new float[] {1, value}, 0)).isFalse();
        }
        assertThat(ranks.rank(new float[] {2, 1}, 0)).isTrue();
        assertThat(ranks.index(0)).isEqualTo(1);
    }
}
