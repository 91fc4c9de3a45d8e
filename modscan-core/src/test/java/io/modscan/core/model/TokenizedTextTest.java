package io.modscan.core.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.error.ModscanException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizedTextTest {

    /** A BOS, "The", " cat", " sat", and one that stands for nothing behind. */
    private static final TokenizedText CAT = text("The cat sat", 0, 0, 0, 3, 3, 7, 7, 11, 11, 11);

    /** Of each token its start and its end; ids count from 10. */
    private static TokenizedText text(String text, int... places) {
        int[] ids = new int[places.length / 2];
        int[] starts = new int[ids.length];
        int[] ends = new int[ids.length];
        for (int token = 0; token < ids.length; token++) {
            ids[token] = 10 + token;
            starts[token] = places[2 * token];
            ends[token] = places[2 * token + 1];
        }
        return new TokenizedText(text, ids, starts, ends);
    }

    @Test
    void aSpanIsTheTokensThatShareACharacterWithIt() {
        assertThat(CAT.positions(4, 7)).containsExactly(2);
        assertThat(CAT.positions(0, 11)).containsExactly(1, 2, 3);
        assertThat(CAT.positions(0, 3)).containsExactly(1);
    }

    @Test
    void aTokenThatIsPartlyInsideCountsAsInside() {
        assertThat(CAT.positions(2, 4)).containsExactly(1, 2);
        assertThat(CAT.positions(3, 4)).containsExactly(2);
        assertThat(CAT.positions(6, 8)).containsExactly(2, 3);
        assertThat(CAT.positions(5, 6)).containsExactly(2);
    }

    @Test
    void anEmptySpanHasNoTokens() {
        for (int at = 0; at <= 11; at++) {
            assertThat(CAT.positions(at, at)).isEmpty();
        }
        assertThat(text("", 0, 0).positions(0, 0)).isEmpty();
    }

    @Test
    void charactersOfNoTokenHaveNone() {
        TokenizedText trimmed = text("a  b", 0, 1, 3, 4);
        assertThat(trimmed.positions(1, 3)).isEmpty();
        assertThat(trimmed.positions(0, 4)).containsExactly(0, 1);
    }

    /** Four tokens of an emoji's bytes: each has the two chars of all of it, and half of the pair is enough. */
    @Test
    void allTokensOfOneCharacterCount() {
        TokenizedText bytes = text("a\ud83d\ude42b", 0, 0, 0, 1, 1, 3, 1, 3, 1, 3, 1, 3, 3, 4);
        assertThat(bytes.positions(1, 3)).containsExactly(2, 3, 4, 5);
        assertThat(bytes.positions(1, 2)).containsExactly(2, 3, 4, 5);
        assertThat(bytes.positions(2, 3)).containsExactly(2, 3, 4, 5);
        assertThat(bytes.positions(2, 4)).containsExactly(2, 3, 4, 5, 6);
        assertThat(bytes.positions(3, 4)).containsExactly(6);
    }

    /** A woman, a joiner, a girl with a skin tone: one picture of several characters, each with its tokens. */
    @Test
    void aPictureOfSeveralCharactersIsCountedByThem() {
        String family = "\ud83d\udc69\u200d\ud83d\udc67\ud83c\udffd";
        TokenizedText tokens = text(family, 0, 2, 0, 2, 2, 3, 3, 5, 5, 7);
        assertThat(tokens.positions(0, 7)).containsExactly(0, 1, 2, 3, 4);
        assertThat(tokens.positions(3, 5)).containsExactly(3);
        assertThat(tokens.positions(4, 6)).containsExactly(3, 4);
    }

    /** Characters count in the order in which they are read, not from left to right of the line. */
    @Test
    void textFromRightToLeftCountsAsItIsRead() {
        TokenizedText hebrew = text("\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd", 0, 2, 2, 4, 4, 6, 6, 9);
        assertThat(hebrew.positions(0, 4)).containsExactly(0, 1);
        assertThat(hebrew.positions(5, 9)).containsExactly(2, 3);
    }

    @ParameterizedTest
    @CsvSource({"4, 12", "-1, 3", "7, 4", "12, 12", "2147483647, -2147483648"})
    void aSpanOutsideTheTextIsRefused(int start, int end) {
        assertThatThrownBy(() -> CAT.positions(start, end))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("characters " + start + " to " + end, "ends at 11");
    }

    @ParameterizedTest
    @CsvSource({"4, 12", "-1, 3", "7, 4"})
    void aTokenOutsideTheTextIsRefused(int start, int end) {
        assertThatThrownBy(() -> text("The cat sat", 0, 3, start, end))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("position 1", "characters " + start + " to " + end, "ends at 11");
    }

    @Test
    void eachTokenNeedsItsPlace() {
        int[] two = {0, 1};
        int[] one = {1};
        assertThatThrownBy(() -> new TokenizedText("ab", two, one, two))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 tokens has 1 starts and 2 ends");
        assertThatThrownBy(() -> new TokenizedText("ab", two, two, one))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 starts and 1 ends");
    }

    @Test
    void arraysAreCopies() {
        int[] ids = {7};
        int[] starts = {0};
        int[] ends = {2};
        TokenizedText text = new TokenizedText("ab", ids, starts, ends);
        ids[0] = starts[0] = ends[0] = 1;
        text.ids()[0] = text.starts()[0] = text.ends()[0] = 1;
        assertThat(text.text()).isEqualTo("ab");
        assertThat(text.ids()).containsExactly(7);
        assertThat(text.starts()).containsExactly(0);
        assertThat(text.ends()).containsExactly(2);
    }

    @Test
    void aTokenizerThatDoesNotTellSaysWhatToDo() {
        Tokenizer silent = new Tokenizer() {
            @Override
            public int[] encode(String text) {
                return new int[] {1};
            }

            @Override
            public String decode(int... ids) {
                return "";
            }
        };
        assertThatThrownBy(() -> silent.tokenize("a"))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll("TokenizedTextTest", "where in a text", "spans in tokens");
    }
}
