package io.modscan.core.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class IdSetTest {

    private final IdSet ids = new IdSet();

    @Test
    void tellsNewIdsFromOldOnes() {
        for (int i = 0; i < 200_000; i++) {
            assertThat(ids.add("prompt-" + i)).isTrue();
        }
        for (int i = 0; i < 200_000; i++) {
            assertThat(ids.add("prompt-" + i)).isFalse();
        }
    }

    @Test
    void knowsRunningNumbersWithoutKeepingThem() {
        for (int i = 0; i < 1000; i++) {
            assertThat(ids.add(Integer.toString(i))).isTrue();
        }
        assertThat(ids.add("999")).isFalse();
        assertThat(ids.add("0")).isFalse();
        assertThat(ids.add("1001")).isTrue();
        assertThat(ids.add("1000")).isTrue();
        assertThat(ids.add("1001")).isFalse();
        assertThat(ids.add("1000")).isFalse();
        assertThat(ids.add("500")).isFalse();
    }

    @Test
    void aNumberWrittenOtherwiseIsAnotherId() {
        ids.add("0");
        ids.add("1");
        for (String id : List.of("01", "+1", "-0", "1.0", " 1", "", "١", "1".repeat(30))) {
            assertThat(ids.add(id)).as(id).isTrue();
            assertThat(ids.add(id)).as(id).isFalse();
        }
    }

    @Test
    void loneSurrogatesDiffer() {
        assertThat(ids.add("\ud800")).isTrue();
        assertThat(ids.add("\ud801")).isTrue();
        assertThat(ids.add("?")).isTrue();
    }
}
