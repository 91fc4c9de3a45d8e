package io.modscan.onnx.internal.mixing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The table of operators; whether its rules hold, MixingTest and RandomGraphsTest try on whole graphs. */
class MixingRulesTest {

    @Test
    void everyFamilyHasItsRows() {
        MixingRules table = new MixingRules();
        for (String operator : List.of(
                "Add",
                "Transpose",
                "Gather",
                "Softmax",
                "MatMul",
                "Attention",
                "Conv",
                "LSTM",
                "com.microsoft.FastGelu",
                "com.microsoft.MultiHeadAttention",
                "ai.onnx.ml.Scaler")) {
            assertThat(table.of(operator)).as(operator).isPresent();
        }
        assertThat(table.of("com.microsoft.Add")).isEmpty();
    }

    @Test
    void anOperatorHasOneRule() {
        MixingRules table = new MixingRules();
        assertThatThrownBy(() -> table.alike("Neg Add", "", node -> Kept.free()))
                .hasMessageContaining("two rules for the operator Neg");
    }
}
