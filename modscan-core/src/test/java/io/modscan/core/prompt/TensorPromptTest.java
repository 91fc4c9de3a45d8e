package io.modscan.core.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.modscan.core.error.ModscanException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Prompts of ready tensors. */
class TensorPromptTest {

    private static final InputTensor PIXELS = InputTensor.of(new float[] {1, 2}, 1, 2);
    private static final InputTensor MASK = InputTensor.of(new boolean[] {true}, 1);

    @Test
    void holdsACopyOfTheMap() {
        Map<String, InputTensor> tensors = new LinkedHashMap<>(Map.of("pixels", PIXELS));
        Prompt prompt = Prompt.ofTensors("a", tensors).withLabel("topic", "cats");
        tensors.clear();
        assertThat(prompt.tensors()).contains(Map.of("pixels", PIXELS));
        assertThat(prompt.text()).isEmpty();
        assertThat(prompt.tokenIds()).isEmpty();
        assertThat(prompt.labels()).containsEntry("topic", "cats");
        assertThat(prompt.heldBytes()).isEqualTo(8);
        assertThat(prompt).hasToString("Prompt[a, {topic=cats}, {pixels=float32 [1, 2]}]");
    }

    @Test
    void promptsOfTextAndTokensHaveNone() {
        for (Prompt prompt : List.of(Prompt.of("a", "text"), Prompt.ofTokens("a", 1))) {
            assertThat(prompt.tensors()).isEmpty();
            assertThat(prompt.tensorsSha256()).isEmpty();
            assertThat(prompt.heldBytes()).isZero();
        }
    }

    @Test
    void asksForLazyTensorsWhenTheyAreAskedForAndDigestsThemMeanwhile() {
        AtomicInteger asked = new AtomicInteger();
        Prompt prompt = Prompt.ofTensors("a", Map.of("topic", "cats"), () -> {
            asked.incrementAndGet();
            return Map.of("pixels", PIXELS);
        });
        assertThat(prompt).hasToString("Prompt[a, {topic=cats}, ready tensors]");
        assertThat(prompt.heldBytes()).isZero();
        assertThat(asked).hasValue(0);
        assertThat(prompt.tensors()).contains(Map.of("pixels", PIXELS));
        assertThat(prompt.tensorsSha256())
                .isEqualTo(Prompt.ofTensors("b", Map.of("pixels", PIXELS)).tensorsSha256());
        assertThat(prompt.withLabel("more", "x").tensorsSha256()).isPresent();
        assertThat(asked).hasValue(1);
    }

    @Test
    void aKnownDigestIsTakenAndTensorsThatDoNotFitItAreRefused() {
        String digest =
                Prompt.ofTensors("a", Map.of("pixels", PIXELS)).tensorsSha256().orElseThrow();
        Prompt known = Prompt.ofTensors("a", Map.of(), digest, () -> Map.of("pixels", PIXELS));
        assertThat(known.tensorsSha256()).contains(digest);
        assertThat(known.tensors()).isPresent();
        Prompt changed = Prompt.ofTensors("a", Map.of(), digest, () -> Map.of("mask", MASK));
        assertThat(changed.tensorsSha256()).contains(digest);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(changed::tensors)
                .withMessageContainingAll("mask=bool [1]", "others than before", digest);
    }

    @Test
    void tensorsThatChangeBetweenTwoCallsAreRefused() {
        AtomicInteger asked = new AtomicInteger();
        Prompt prompt = Prompt.ofTensors(
                "a", Map.of(), () -> Map.of("pixels", InputTensor.of(new int[] {asked.incrementAndGet()}, 1)));
        assertThat(prompt.tensors()).isPresent();
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(prompt::tensors)
                .withMessageContaining("the same each time");
    }

    @Test
    void theDigestTellsNamesTypesShapesAndValuesApartAndNotTheirOrder() {
        List<Map<String, InputTensor>> different = List.of(
                Map.of("pixels", PIXELS),
                Map.of("pixel", PIXELS),
                Map.of("pixels", InputTensor.of(new float[] {1, 2}, 2)),
                Map.of("pixels", InputTensor.of(new float[] {1, 3}, 1, 2)),
                Map.of("pixels", InputTensor.of(new int[] {1, 2}, 1, 2)),
                Map.of("pixels", PIXELS, "mask", MASK));
        Set<String> digests = different.stream()
                .map(tensors -> Prompt.ofTensors("a", tensors).tensorsSha256().orElseThrow())
                .collect(Collectors.toSet());
        assertThat(digests).hasSameSizeAs(different).allMatch(digest -> digest.matches("[0-9a-f]{64}"));

        Map<String, InputTensor> one = new LinkedHashMap<>();
        one.put("pixels", PIXELS);
        one.put("mask", MASK);
        Map<String, InputTensor> other = new LinkedHashMap<>();
        other.put("mask", MASK);
        other.put("pixels", PIXELS);
        assertThat(Prompt.ofTensors("a", one))
                .isEqualTo(Prompt.ofTensors("a", other))
                .hasSameHashCodeAs(Prompt.ofTensors("a", other))
                .isNotEqualTo(Prompt.ofTensors("a", Map.of("mask", MASK)))
                .isNotEqualTo(Prompt.of("a", "text"));
    }

    @Test
    void noTensorsAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Prompt.ofTensors("a", Map.of()))
                .withMessageContaining("'a' has no tensors");
        Prompt lazy = Prompt.ofTensors("a", Map.of(), Map::of);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(lazy::tensors)
                .withMessageContaining("gave none");
    }
}
