package io.modscan.metrics.tokens;

import io.modscan.core.model.Tokenizer;
import io.modscan.core.token.PromptTokens;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What kind of token an id is, as {@link TokenLabels#kind} tells. */
final class TokenKinds {

    private static final int REPLACEMENT = 0xFFFD;

    private final Tokenizer tokenizer;
    private final Map<Integer, String> ofIds = new ConcurrentHashMap<>();

    TokenKinds(Tokenizer tokenizer) {
        this.tokenizer = Objects.requireNonNull(tokenizer, "tokenizer");
    }

    TokenLabels labels() {
        return TokenLabels.of("kind", this::label);
    }

    private Map<String, int[]> label(PromptTokens tokens) {
        int[] ids = NamedLabels.knownIds(tokens, "of what kind a token is");
        String[] kinds = Arrays.stream(ids)
                .mapToObj(id -> ofIds.computeIfAbsent(id, each -> kind(tokenizer.decode(each))))
                .toArray(String[]::new);
        return IntStream.range(0, kinds.length)
                .filter(position -> !kinds[position].isEmpty())
                .boxed()
                .collect(Collectors.groupingBy(
                        position -> kinds[position],
                        TreeMap::new,
                        Collectors.collectingAndThen(
                                Collectors.toList(),
                                positions -> positions.stream()
                                        .mapToInt(Integer::intValue)
                                        .toArray())));
    }

    /** The kind of a token's text; empty if there is none. */
    static String kind(String text) {
        String inside = text.strip();
        if (text.isEmpty()) {
            return "";
        }
        if (text.indexOf(REPLACEMENT) >= 0) {
            return "part of a character";
        }
        if (inside.isEmpty()) {
            return "whitespace";
        }
        if (inside.codePoints().allMatch(Character::isDigit)) {
            return "digit";
        }
        if (inside.codePoints().noneMatch(Character::isLetterOrDigit)) {
            return "punctuation";
        }
        return Character.isWhitespace(text.codePointAt(0)) ? "word begin" : "continuation";
    }
}
