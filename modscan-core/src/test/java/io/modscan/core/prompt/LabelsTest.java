package io.modscan.core.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.error.ModscanException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LabelsTest {

    @Test
    void areSortedAndCounted() {
        List<String> ofPrompts = List.of("law", "art", "law", "sea");
        Labels labels = Labels.of(ofPrompts);
        assertThat(labels.names()).containsExactly("art", "law", "sea");
        assertThat(labels.size()).isEqualTo(3);
        assertThat(labels.count(1)).isEqualTo(2);
        assertThat(labels.index("sea")).isEqualTo(2);
        assertThat(labels.indices(ofPrompts)).containsExactly(1, 0, 1, 2);
    }

    @Test
    void countsMayComeFromElsewhere() {
        Labels labels = Labels.counted(Map.of("b", 3L, "a", 0L));
        assertThat(labels.names()).containsExactly("a", "b");
        assertThat(labels.count(0)).isZero();
        assertThat(labels.count(1)).isEqualTo(3);
    }

    @Test
    void anUnknownOneIsNamedBesideTheOthers() {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Labels.of(List.of("a", "b")).index("c"))
                .withMessage("no prompt had the label 'c'; the labels are [a, b]");
    }

    @Test
    void atLeastTwoCanBeAskedFor() {
        Labels two = Labels.of(List.of("a", "b"));
        assertThat(two.atLeastTwo("topic")).isSameAs(two);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Labels.of(List.of("a", "a")).atLeastTwo("topic"))
                .withMessageContaining("all prompts have the topic 'a'")
                .withMessageContaining("at least two are needed");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Labels.of(List.of()).atLeastTwo("topic"))
                .withMessageContaining("no prompt has a topic");
    }
}
