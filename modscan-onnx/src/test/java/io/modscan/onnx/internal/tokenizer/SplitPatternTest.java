package io.modscan.onnx.internal.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SplitPatternTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "\n",
                "[()\\[\\]{}]|([!-'*-/:-@\\\\^-`|~])\\1*",
                "'s|'t| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
                "(?i:a|b|c)|\\p{N}{1,3}",
                "(?<=[a-z])(?=[A-Z])",
                "\\x{1F642}|\\u3042",
                "a+?|b*?",
            })
    void boundedOnesPass(String regex) {
        assertThat(SplitPattern.of(regex).problem()).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "(a*)*b",
                "(a|aa)+[^ac]",
                "(a|b){30}c",
                "(a|b)?*c",
                "a*a*b",
                "(?<=a*)b",
                "a?{2,}b",
                "(a*|b)(a*|c)d",
                "(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)z",
                "a?a?a?a?a?a?a?a?a?a?a?a?z",
                "(?~ab)",
                "(?<n>a\\g<n>?)b",
                "(?x) a (?# [ ) *",
                "(*FAIL)",
                "(?{code})",
                "\\Qa*\\E",
                "\\X",
                "[[a]&&[b]]",
                "[]a]",
                "[a",
                "(a",
                "a)",
                "a{2",
                "\\",
                "\\p{L",
            })
    void othersAreToldWhatIsWrong(String regex) {
        assertThat(SplitPattern.of(regex).problem()).isNotEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {21, 5_000})
    void deepOrLongOnesAreToldWhatIsWrong(int depth) {
        assertThat(SplitPattern.of("(".repeat(depth) + "a" + ")".repeat(depth)).problem())
                .isNotEmpty();
        assertThat(SplitPattern.of("a*z|".repeat(depth * 30)).problem()).isNotEmpty();
    }
}
