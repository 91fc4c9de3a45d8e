package io.modscan.core.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.FakeModel;
import io.modscan.core.error.ModscanException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class WeightsTest {

    private static Weight ones(String name, Integer... shape) {
        int size = 1;
        for (int length : shape) {
            size *= length;
        }
        float[] values = new float[size];
        Arrays.fill(values, 1);
        return Weight.of(name, List.of(shape), values);
    }

    @Test
    void weightsInMemoryAreFoundByName() {
        Weight query = ones("blocks.1.attn.W_Q", 2, 4, 2);
        Weights weights = Weights.of(List.of(ones("embed.W_E", 3, 4), query));
        assertThat(weights.names()).containsExactly("embed.W_E", "blocks.1.attn.W_Q");
        assertThat(weights.get(1, "attn.W_Q")).isSameAs(query);
        assertThat(weights.layers()).isEqualTo(2);
        assertThat(Weights.of(List.of()).layers()).isZero();
        assertThatThrownBy(() -> weights.get(0, "attn.W_Q"))
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll("'blocks.0.attn.W_Q'", "[embed.W_E, blocks.1.attn.W_Q]");
        assertThatThrownBy(() -> Weights.of(List.of(query, query)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("blocks.1.attn.W_Q");
    }

    @Test
    void aShapeHasToFit() {
        for (List<Integer> shape : List.of(List.of(2, 2), List.<Integer>of(), List.of(3, 0), List.of(-1, -3))) {
            assertThatThrownBy(() -> Weight.of("w", shape, new float[3]))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContainingAll("w of shape " + shape, "3 values");
        }
    }

    @Test
    void aModelMayHaveNone() {
        FakeModel model = new FakeModel();
        assertThatThrownBy(model::weights)
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("does not give its weights");
    }
}
