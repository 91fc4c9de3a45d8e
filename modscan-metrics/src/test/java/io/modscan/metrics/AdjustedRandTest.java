package io.modscan.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class AdjustedRandTest {

    static Stream<Map<String, Object>> cases() {
        return Golden.cases("modules.json", "randIndices");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithScikitLearn(Map<String, Object> golden) {
        List<Integer> one =
                Golden.list(golden.get("one")).stream().map(Golden::integer).toList();
        List<Integer> other =
                Golden.list(golden.get("other")).stream().map(Golden::integer).toList();
        assertThat(AdjustedRand.index(one, other)).isCloseTo(Golden.number(golden.get("index")), within(1e-12));
        assertThat(AdjustedRand.index(other, one)).isCloseTo(Golden.number(golden.get("index")), within(1e-12));
    }
}
