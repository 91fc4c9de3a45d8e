package io.modscan.metrics.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.token.PromptTokens;
import io.modscan.core.token.Span;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenLabelsTest {

    private static PromptTokens tokens(int... ids) {
        return PromptTokens.of(ids, List.of());
    }

    private static Map<String, List<Integer>> labels(TokenLabels labelling, PromptTokens tokens) {
        Map<String, List<Integer>> labels = new LinkedHashMap<>();
        new TreeMap<>(labelling.of(tokens))
                .forEach((label, positions) ->
                        labels.put(label, IntStream.of(positions).boxed().toList()));
        return labels;
    }

    @Test
    void spansAreLabels() {
        PromptTokens tokens = PromptTokens.of(
                new int[6],
                List.of(
                        new Span("verb", 4, 5),
                        new Span("subject", 1, 3),
                        new Span("subject", 2, 4),
                        new Span("verb", 0, 1)));
        assertThat(labels(TokenLabels.spans(), tokens))
                .containsExactly(Map.entry("subject", List.of(1, 2, 3)), Map.entry("verb", List.of(0, 4)));
        assertThat(labels(TokenLabels.spans(), tokens(1, 2))).isEmpty();
        assertThat(TokenLabels.spans().isByPosition()).isFalse();
    }

    @Test
    void positionsAreCountedFromOne() {
        assertThat(labels(TokenLabels.position(10), tokens(7, 7, 7)))
                .containsExactly(
                        Map.entry("position 01", List.of(0)),
                        Map.entry("position 02", List.of(1)),
                        Map.entry("position 03", List.of(2)));
        assertThat(labels(TokenLabels.position(2), tokens(7, 7, 7))).containsOnlyKeys("position 1", "position 2");
        assertThat(TokenLabels.position(2).isByPosition()).isTrue();
        assertThatThrownBy(() -> TokenLabels.position(0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void partsAreAsLongAsCanBe() {
        assertThat(labels(TokenLabels.positionBins(3), tokens(1, 1, 1, 1, 1, 1, 1)))
                .containsExactly(
                        Map.entry("part 1 of 3", List.of(0, 1, 2)),
                        Map.entry("part 2 of 3", List.of(3, 4)),
                        Map.entry("part 3 of 3", List.of(5, 6)));
        assertThat(labels(TokenLabels.positionBins(4), tokens(1, 1))).containsOnlyKeys("part 1 of 4", "part 3 of 4");
        assertThat(labels(TokenLabels.positionBins(4), tokens())).isEmpty();
        assertThat(TokenLabels.positionBins(4).isByPosition()).isTrue();
        assertThatThrownBy(() -> TokenLabels.positionBins(1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void repeatedTokensHaveOccurredBefore() {
        assertThat(labels(TokenLabels.repeated(), tokens(5, 6, 5, 7, 5, 6)))
                .containsExactly(Map.entry("repeated", List.of(2, 4, 5)));
        assertThatThrownBy(() -> TokenLabels.repeated().of(tokens(-1, -1)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("ready tensors");
    }

    @ParameterizedTest
    @CsvSource(
            ignoreLeadingAndTrailingWhitespace = false,
            value = {
                "' the',word begin",
                "'ing',continuation",
                "' x1',word begin",
                "'\tx',word begin",
                "'.',punctuation",
                "' (',punctuation",
                "'😀',punctuation",
                "' 42',digit",
                "'٣',digit",
                "'½',punctuation",
                "' ',whitespace",
                "'\n\n',whitespace",
                "'\uFFFD',part of a character",
                "' a\uFFFD',part of a character",
                "'中文',continuation",
                "'</s>',continuation",
                "'',''"
            })
    void kindsGoByTheText(String text, String kind) {
        assertThat(TokenKinds.kind(text)).isEqualTo(kind);
    }

    @Test
    void kindsAskTheTokenizerForEachIdAlone() {
        Tokenizer tokenizer = new Tokenizer() {
            private final List<String> texts = List.of(" the", "ing", "");

            @Override
            public int[] encode(String text) {
                throw new AssertionError(text);
            }

            @Override
            public String decode(int... ids) {
                assertThat(ids).hasSize(1);
                return texts.get(ids[0]);
            }
        };
        TokenLabels kinds = TokenLabels.kind(tokenizer);
        assertThat(labels(kinds, tokens(1, 0, 2, 1)))
                .containsExactly(Map.entry("continuation", List.of(0, 3)), Map.entry("word begin", List.of(1)));
        assertThatThrownBy(() -> kinds.of(tokens(-1))).isInstanceOf(ModscanException.class);
    }

    @Test
    void ofOnesOwn() {
        TokenLabels even = TokenLabels.of("even", tokens -> Map.of("even", new int[] {0, 2}));
        assertThat(labels(even, tokens(1, 1, 1))).containsExactly(Map.entry("even", List.of(0, 2)));
        assertThat(even).hasToString("even");
        assertThat(even.isByPosition()).isFalse();
        assertThatThrownBy(() -> TokenLabels.of(" ", tokens -> Map.of())).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void binsOfPositionsAreTwoADoubling() {
        assertThat(IntStream.of(0, 1, 15, 16, 23, 24, 31, 32, 47, 48, 63, 64, 2047)
                        .map(PositionBins::of))
                .containsExactly(0, 1, 15, 16, 16, 17, 17, 18, 18, 19, 19, 20, 29);
        assertThat(IntStream.range(1, 5000).allMatch(position -> {
                    int step = PositionBins.of(position) - PositionBins.of(position - 1);
                    return step == 0 || step == 1;
                }))
                .isTrue();
    }
}
