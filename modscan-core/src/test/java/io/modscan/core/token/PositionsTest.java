package io.modscan.core.token;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.modscan.core.error.ModscanException;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PositionsTest {

    private static final PromptTokens TOKENS = PromptTokens.of(
            new int[] {2, 10, 11, 10, 12},
            List.of(new Span("subject", 1, 3), new Span("subject", 2, 4), new Span("object", 4, 5)));

    private static int[] of(Positions positions) {
        return positions.of(TOKENS, OptionalInt.of(2), id -> id == 10 ? " a" : "b");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "all | 0 1 2 3 4",
                "no-bos | 1 2 3 4",
                "first:2 | 0 1",
                "last:2 | 3 4",
                "last:9 | 0 1 2 3 4",
                "span:subject | 1 2 3",
                "span:object | 4",
                "span:verb | ''",
                "ids:10,12 | 1 3 4",
                "ids:99 | ''",
            })
    void areChosenAsTheirTextSays(String text, String expected) {
        Positions positions = Positions.parse(text);
        assertThat(of(positions))
                .containsExactly(
                        expected.isEmpty()
                                ? new int[0]
                                : java.util.Arrays.stream(expected.split(" "))
                                        .mapToInt(Integer::parseInt)
                                        .toArray());
        assertThat(positions)
                .hasToString(text)
                .isEqualTo(Positions.parse(text))
                .hasSameHashCodeAs(Positions.parse(text));
    }

    @Test
    void theTextFormIsThatOfTheFactories() {
        assertThat(Positions.parse("last:3")).isEqualTo(Positions.last(3));
        assertThat(Positions.parse("first:3")).isEqualTo(Positions.first(3));
        assertThat(Positions.parse("span:a b")).isEqualTo(Positions.span("a b"));
        assertThat(Positions.parse("ids:17,5,5")).isEqualTo(Positions.ids(5, 17));
        assertThat(Positions.parse("all")).isEqualTo(Positions.all());
        assertThat(Positions.parse("no-bos")).isEqualTo(Positions.withoutBos());
    }

    @Test
    void aConditionIsAskedForEachToken() {
        Positions words = Positions.where("words", token -> token.text().startsWith(" "));
        assertThat(of(words)).containsExactly(1, 3);
        assertThat(of(Positions.where("late", token -> token.position() > 2 && token.id() != 12)))
                .containsExactly(3);
        assertThat(words).isNotEqualTo(Positions.parse("where:words")).hasToString("where:words");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> of(Positions.parse("where:words")))
                .withMessageContainingAll("words", "known by its name only");
    }

    @Test
    void bosIsLeftOutWhereItIsAndKnown() {
        assertThat(Positions.withoutBos().of(TOKENS, OptionalInt.empty(), id -> ""))
                .hasSize(5);
        assertThat(Positions.withoutBos().of(TOKENS, OptionalInt.of(10), id -> ""))
                .hasSize(5);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "last",
                "last:",
                "last:0",
                "last:x",
                "first:-1",
                "span:",
                "span: ",
                "ids:",
                "ids:5,",
                "Last:3"
            })
    void whatIsNoChoiceIsRefused(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> Positions.parse(text));
    }

    @Test
    void tokensOfAPromptAreCheckedAndCut() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PromptTokens.of(new int[] {1, 2}, List.of(new Span("x", 1, 3))))
                .withMessageContainingAll("'x'", "2 tokens");
        assertThatIllegalArgumentException().isThrownBy(() -> TOKENS.keeping(1, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> TOKENS.keeping(5));
        PromptTokens some = TOKENS.keeping(0, 2, 4);
        assertThat(some.cut(3))
                .isEqualTo(PromptTokens.of(
                                new int[] {2, 10, 11}, List.of(new Span("subject", 1, 3), new Span("subject", 2, 3)))
                        .keeping(0, 2));
        assertThat(some.withoutFirst().kept()).containsExactly(1, 3);
        assertThat(some.withoutFirst().positions("subject")).containsExactly(0, 1, 2);
        assertThat(some.isAllKept()).isFalse();
        assertThat(TOKENS.kept()).containsExactly(0, 1, 2, 3, 4);
    }

    @Test
    void aSpanIsAStretch() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Span("x", 3, 3))
                .withMessageContaining("'x'");
        assertThatIllegalArgumentException().isThrownBy(() -> new Span("x", -1, 3));
        assertThatIllegalArgumentException().isThrownBy(() -> new Span(" ", 0, 3));
    }
}
