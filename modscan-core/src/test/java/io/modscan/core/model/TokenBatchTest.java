package io.modscan.core.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.modscan.core.prompt.InputTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TokenBatchTest {

    private static long[] longs(LongBuffer buffer) {
        long[] values = new long[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    private static LongBuffer direct(int count) {
        return ByteBuffer.allocateDirect(count * Long.BYTES)
                .order(ByteOrder.nativeOrder())
                .asLongBuffer();
    }

    @Test
    void padsOnTheRight() {
        TokenBatch batch = TokenBatch.padRight(List.of(new int[] {2, 5}, new int[] {2, 6, 7}, new int[] {0}));
        assertThat(batch.rows()).isEqualTo(3);
        assertThat(batch.columns()).isEqualTo(3);
        assertThat(longs(batch.inputIds().slice(0, 2))).containsExactly(2, 5);
        assertThat(longs(batch.inputIds().slice(3, 3))).containsExactly(2, 6, 7);
        assertThat(longs(batch.inputIds().slice(6, 1))).containsExactly(0);
        assertThat(longs(batch.attentionMask())).containsExactly(1, 1, 0, 1, 1, 1, 1, 0, 0);
    }

    @Test
    void buffersAreDirectAndInNativeOrder() {
        TokenBatch batch = TokenBatch.padRight(List.of(new int[] {2, 5}));
        assertThat(List.of(batch.inputIds(), batch.attentionMask())).allSatisfy(buffer -> {
            assertThat(buffer.isDirect()).isTrue();
            assertThat(buffer.order()).isEqualTo(ByteOrder.nativeOrder());
            assertThat(buffer.position()).isZero();
        });
    }

    @Test
    void buffersOfAnotherSizeAreRefused() {
        LongBuffer two = direct(2);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new TokenBatch(1, 3, two, two))
                .withMessageContainingAll("1 × 3", "3 values");
    }

    @Test
    void eachRowHasTensorsOrNone() {
        Map<String, InputTensor> sample = Map.of("pixels", InputTensor.of(new float[1], 1));
        LongBuffer two = direct(2);
        assertThat(new TokenBatch(2, 1, two, two).tensors()).isEmpty();
        assertThat(new TokenBatch(2, 1, two, two, List.of(sample, sample), List.of()).tensors())
                .containsExactly(sample, sample);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new TokenBatch(2, 1, two, two, List.of(sample), List.of()))
                .withMessageContainingAll("2 rows", "tensors of 1");
    }

    @Test
    void buffersOnTheHeapAreRefused() {
        LongBuffer heap = LongBuffer.allocate(2);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new TokenBatch(1, 2, direct(2), heap))
                .withMessageContaining("direct");
    }

    @Test
    void moreTokensThanABufferHoldsAreRefused() {
        List<int[]> sequences = Collections.nCopies(1 << 16, new int[1 << 16]);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TokenBatch.padRight(sequences))
                .withMessageContainingAll("65536 × 65536", "token budget");
    }
}
