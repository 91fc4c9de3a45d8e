package io.modscan.onnx.internal.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.model.TokenizedText;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Places and spans of tokens against those of transformers, which {@code tools/span_golden.py} wrote. */
class OffsetsGoldenTest {

    private static Path resource(String name) {
        try {
            return Path.of(Objects.requireNonNull(OffsetsGoldenTest.class.getResource(name), name)
                    .toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    private static List<Map<String, Object>> lines(String name) throws IOException {
        List<Map<String, Object>> lines = new ArrayList<>();
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(resource("offsets/" + name))), StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                lines.add(JSON.std.mapFrom(line));
            }
        }
        return lines;
    }

    private static List<?> list(@Nullable Object value) {
        return (List<?>) Objects.requireNonNull(value);
    }

    private static int[] ints(@Nullable Object value) {
        return list(value).stream().mapToInt(number -> (Integer) number).toArray();
    }

    /** Transformers has whatever is no character at 0, be it in front or behind. */
    private static List<String> places(int[] starts, int[] ends) {
        return IntStream.range(0, starts.length)
                .mapToObj(token -> starts[token] == ends[token] ? "none" : starts[token] + "-" + ends[token])
                .toList();
    }

    @ParameterizedTest
    @CsvSource({
        "byte_level, offsets/byte_level.json",
        "byte_level_whole, offsets/byte_level_whole.json",
        "word_pieces, offsets/word_pieces.json",
        "unigram, offsets/unigram.json",
        "byte_fallback, offsets/byte_fallback.json",
        "opt, tokenizers/opt",
        "galactica, tokenizers/galactica",
    })
    void tokensAreWhereTransformersHasThem(String name, String file) throws IOException {
        HubTokenizer tokenizer = HubTokenizer.open(resource(file));
        List<Map<String, Object>> texts = lines("texts.jsonl.gz");
        List<Map<String, Object>> golden = lines(name + ".jsonl.gz");
        assertThat(texts).hasSize(500);
        assertThat(golden).hasSize(500);
        for (int line = 0; line < texts.size(); line++) {
            String text = (String) Objects.requireNonNull(texts.get(line).get("text"));
            Map<String, Object> expected = golden.get(line);
            TokenizedText tokenized = tokenizer.tokenize(text);
            assertThat(tokenized.ids()).as(text).isEqualTo(tokenizer.encode(text));
            assertThat(tokenized.ids()).as(text).isEqualTo(ints(expected.get("ids")));
            assertThat(places(tokenized.starts(), tokenized.ends()))
                    .as(text)
                    .isEqualTo(places(
                            indices(text, ints(expected.get("starts"))), indices(text, ints(expected.get("ends")))));
            List<String> pieces = tokenizer.pieces(tokenized.ids());
            assertThat(pieces).hasSameSizeAs(expected.get("ids") instanceof List<?> ids ? ids : List.of());
            assertThat(String.join("", pieces)).as(text).isEqualTo(tokenizer.decode(tokenized.ids()));
            List<?> spans = list(texts.get(line).get("spans"));
            for (int i = 0; i < spans.size(); i++) {
                int[] span = indices(text, ints(spans.get(i)));
                assertThat(tokenized.positions(span[0], span[1]))
                        .as("%s, %d to %d", text, span[0], span[1])
                        .isEqualTo(ints(list(expected.get("positions")).get(i)));
            }
        }
    }

    private static int[] indices(String text, int[] points) {
        return IntStream.of(points)
                .map(point -> text.offsetByCodePoints(0, point))
                .toArray();
    }

    /** Half of a surrogate pair is a character of its own, which transformers doesn't take. */
    @Test
    void halfOfAPairIsOneCharacter() {
        TokenizedText tokenized = HubTokenizer.open(resource("tokenizers/opt")).tokenize("\ud83d\ud83d\ude42\ude42x");
        int[] starts = tokenized.starts();
        int[] ends = tokenized.ends();
        int last = starts.length - 1;
        assertThat(List.of(starts[1], ends[1])).containsExactly(0, 1);
        assertThat(List.of(starts[last], ends[last])).containsExactly(4, 5);
        assertThat(IntStream.of(tokenized.positions(1, 2)).mapToObj(token -> starts[token] + "-" + ends[token]))
                .isNotEmpty()
                .containsOnly("1-3");
    }

    @Test
    void whatIsPutAroundATextIsNoneOfItsCharacters() {
        TokenizedText tokenized =
                HubTokenizer.open(resource("offsets/byte_level_whole.json")).tokenize("a word");
        int last = tokenized.ids().length - 1;
        assertThat(tokenized.starts()[0]).isZero();
        assertThat(tokenized.ends()[0]).isZero();
        assertThat(tokenized.starts()[last]).isEqualTo(6);
        assertThat(tokenized.ends()[last]).isEqualTo(6);
        assertThat(tokenized.positions(0, 6)).doesNotContain(0, last).hasSize(last - 1);
    }

    @Test
    void thePostProcessorSaysWhetherASpaceIsInATokensPlace() {
        HubTokenizer trims = HubTokenizer.open(resource("offsets/byte_level.json"));
        assertThat(trims.tokenize("a word").positions(1, 2)).isEmpty();
        HubTokenizer doesNot = HubTokenizer.open(resource("offsets/byte_level_whole.json"));
        assertThat(doesNot.tokenize("a word").positions(1, 2)).hasSize(1);
    }
}
