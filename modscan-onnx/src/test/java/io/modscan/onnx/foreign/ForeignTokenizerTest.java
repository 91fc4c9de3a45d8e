package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.internal.tokenizer.HubTokenizer;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokenizers of other families than OPT's, with what {@code tools/foreign_tokenizer_fixtures.py} wrote. */
class ForeignTokenizerTest {

    @TempDir
    private Path folder;

    private static Path fixture(String name) {
        try {
            return Path.of(Objects.requireNonNull(ForeignTokenizerTest.class.getResource("tokenizers/" + name))
                    .toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    private static int[] ids(@Nullable Object list) {
        return ((List<?>) Objects.requireNonNull(list))
                .stream().mapToInt(id -> (Integer) id).toArray();
    }

    private static Map<String, Object> json(String name) throws IOException {
        return JSON.std.mapFrom(Files.readString(fixture(name).resolve("tokenizer.json")));
    }

    /** A fixture's file with one key changed. */
    private HubTokenizer openWith(String name, String key, String value) throws IOException {
        Map<String, Object> json = json(name);
        json.put(key, JSON.std.anyFrom(value));
        return open(json);
    }

    /** A fixture's file with one key of its model changed. */
    private HubTokenizer openWithModel(String name, String key, String value) throws IOException {
        Map<String, Object> json = json(name);
        Map<Object, Object> model = new LinkedHashMap<>((Map<?, ?>) Objects.requireNonNull(json.get("model")));
        model.put(key, JSON.std.anyFrom(value));
        json.put("model", model);
        return open(json);
    }

    private HubTokenizer open(Map<String, Object> json) throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), JSON.std.asString(json));
        return HubTokenizer.open(folder);
    }

    // ---- ids ----

    @ParameterizedTest
    @ValueSource(strings = {"bert_uncased", "bert_cased", "roberta", "xlm_roberta", "t5", "albert", "deberta", "llama"})
    void eachFamilyGivesTheIdsOfItsOwnTokenizer(String name) throws IOException {
        HubTokenizer folder = HubTokenizer.open(fixture(name));
        HubTokenizer alone = HubTokenizer.open(fixture(name).resolve("tokenizer.json"));
        List<String> lines = Files.readAllLines(fixture(name).resolve("golden.jsonl"));
        assertThat(lines).hasSizeGreaterThan(25);
        for (String line : lines) {
            Map<String, Object> golden = JSON.std.mapFrom(line);
            String text = (String) Objects.requireNonNull(golden.get("text"));
            int[] expected = ids(golden.get("ids"));
            assertThat(folder.encode(text)).as(text).isEqualTo(expected);
            assertThat(alone.encode(text)).as(text).isEqualTo(expected);
            assertThat(folder.decode(expected)).as(text).isEqualTo(golden.get("decoded"));
        }
    }

    @ParameterizedTest
    @CsvSource({"bert_uncased, 2, 3", "bert_cased, 2, 3", "roberta, 0, 2", "t5, , 2", "llama, 1, "})
    void specialTokensStandInFrontAndBehind(String name, @Nullable Integer front, @Nullable Integer behind) {
        HubTokenizer tokenizer = HubTokenizer.open(fixture(name));
        assertThat(tokenizer.front()).isEqualTo(front == null ? List.of() : List.of(front));
        int[] ids = tokenizer.encode("the");
        assertThat(ids.length).isGreaterThan(1);
        if (front != null) {
            assertThat(ids[0]).isEqualTo(front);
        }
        if (behind != null) {
            assertThat(ids[ids.length - 1]).isEqualTo(behind);
        }
    }

    @Test
    void aTokenizerWithATokenBehindTheTextDoesNotSuitOpt() {
        HubTokenizer tokenizer = HubTokenizer.open(fixture("bert_uncased"));
        assertThatThrownBy(() -> tokenizer.mustSuit(Path.of("config.json"), 2, 1_000))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("tokenizer.json", "[3]", "behind");
    }

    @Test
    void aFailureAtATextNamesTheFile() throws IOException {
        HubTokenizer tokenizer = openWithModel("llama", "unk_token", "\"<nothing>\"");
        assertThat(tokenizer.encode("the")).isNotEmpty();
        HubTokenizer noBytes = open(Map.of(
                "model",
                Map.of("type", "BPE", "unk_token", "<nothing>", "vocab", Map.of("a", 0), "merges", List.of())));
        assertThatThrownBy(() -> noBytes.encode("ab"))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll("tokenizer.json", "2 characters", "<nothing>");
    }

    // ---- the config beside it ----

    @Test
    void bytePairsThatNothingCallsOptsKeepTheirOwnPipeline() throws IOException {
        int[] expected = HubTokenizer.open(fixture("llama")).encode("the pier");
        assertThat(open(json("llama")).encode("the pier")).isEqualTo(expected);
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"model_max_length\": 512}");
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"llama\"}");
        assertThat(open(json("llama")).encode("the pier")).isEqualTo(expected);
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"opt\"}");
        assertThat(open(json("llama")).encode("the pier")).isNotEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "bert_uncased | {\"tokenizer_class\": \"BertTokenizer\", \"do_lower_case\": false}   | 'do_lower_case' is false",
                "bert_uncased | {\"strip_accents\": true}                                        | 'strip_accents' is true",
                "bert_uncased | {\"tokenize_chinese_chars\": false}                              | 'tokenize_chinese_chars'",
                "llama        | {\"tokenizer_class\": \"LlamaTokenizer\", \"add_bos_token\": false} | 'add_bos_token' is false",
                "llama        | {\"tokenizer_class\": \"LlamaTokenizer\", \"add_eos_token\": true}  | 'add_eos_token' is true",
            })
    void aConfigThatContradictsTheFileIsRefused(String name, String config, String problem) throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), config);
        assertThatThrownBy(() -> open(json(name)))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("tokenizer_config.json", "tokenizer.json", problem);
    }

    // ---- what is refused; much of it would end the JVM, were it handed on ----

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "bert_uncased | unk_token                | \"[NONE]\"            | 'unk_token' is '[NONE]'",
                "bert_uncased | unk_token                | \"\"                  | 'unk_token' is ''",
                "bert_uncased | vocab                    | {}                    | 'unk_token' is '[UNK]'",
                "bert_uncased | vocab                    | []                    | 'vocab' is []",
                "bert_uncased | vocab                    | {\"[UNK]\": 4294967295} | id 4294967295",
                "bert_uncased | vocab                    | {\"[UNK]\": 2147483647} | id 2147483647",
                "bert_uncased | max_input_chars_per_word | -1                    | 'max_input_chars_per_word' is -1",
                "bert_uncased | max_input_chars_per_word | 100000                | 'max_input_chars_per_word' is 100000",
                "bert_uncased | continuing_subword_prefix | 7                    | 'continuing_subword_prefix' is 7",
                "t5           | vocab                    | []                    | 'unk_id' is 3",
                "t5           | vocab                    | {}                    | 'vocab' is no list",
                "t5           | vocab                    | [[\"a\", 1, 2]]         | entry 0",
                "t5           | vocab                    | [[\"a\", 1], [\"b\", 1e999]] | entry 1",
                "t5           | vocab                    | [[\"a\", \"NaN\"]]        | entry 0",
                "t5           | vocab                    | [[7, 1]]              | entry 0",
                "t5           | unk_id                   | null                  | 'unk_id' is null",
                "t5           | unk_id                   | -1                    | 'unk_id' is -1",
                "t5           | unk_id                   | 100000                | 'unk_id' is 100000",
            })
    void aVocabularyThatTheLibraryWouldFailOnIsRefused(String name, String key, String value, String problem) {
        assertThatThrownBy(() -> openWithModel(name, key, value))
                .isInstanceOfAny(MalformedFileException.class, UnsupportedModelException.class)
                .hasMessageContainingAll("tokenizer.json", problem);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "normalizer    | {\"type\": \"Prepend\", \"prepend\": \"\"}                         | Prepend without text",
                "normalizer    | {\"type\": \"Prepend\"}                                          | Prepend without text",
                "normalizer    | {\"type\": \"Replace\", \"pattern\": {\"String\": \"\"}, \"content\": \"x\"} | not empty",
                "normalizer    | {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"\"}, \"content\": \"x\"}  | expression ''",
                "normalizer    | {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"a*\"}, \"content\": \"x\"} | expression 'a*'",
                "normalizer    | {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"^\"}, \"content\": \"x\"} | expression '^'",
                "normalizer    | {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"(?=a)\"}, \"content\": \"x\"} | expression '(?=a)'",
                "normalizer    | {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"a{0,}\"}, \"content\": \"x\"} | expression 'a{0,}'",
                "normalizer    | {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"a+b+\"}, \"content\": \"x\"} | repeats twice",
                "normalizer    | {\"type\": \"Replace\", \"pattern\": \"a\", \"content\": \"x\"}        | pattern of a Replace",
                "normalizer    | {\"type\": \"Nmt\"}                                              | 'Nmt'",
                "normalizer    | {\"type\": \"BertNormalizer\", \"upper\": true}                    | 'upper'",
                "normalizer    | {\"type\": \"BertNormalizer\", \"lowercase\": 7}                   | cannot be opened",
                "normalizer    | {\"type\": \"Precompiled\"}                                      | 'precompiled_charsmap'",
                "normalizer    | {\"type\": \"Precompiled\", \"precompiled_charsmap\": 7}           | 'precompiled_charsmap'",
                "pre_tokenizer | {\"type\": \"Metaspace\", \"replacement\": \"ab\", \"prepend_scheme\": \"always\"} | cannot be opened",
                "pre_tokenizer | {\"type\": \"Metaspace\", \"replacement\": \"\", \"prepend_scheme\": \"always\"} | cannot be opened",
                "pre_tokenizer | {\"type\": \"Metaspace\", \"replacement\": \"_\", \"prepend_scheme\": \"often\"} | cannot be opened",
                "pre_tokenizer | {\"type\": \"Metaspace\", \"replacement\": \"_\", \"at_end\": true} | 'at_end'",
                "decoder       | {\"type\": \"Strip\", \"content\": \" \", \"start\": 0, \"stop\": 1}    | 'stop' is 1",
                "decoder       | {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"a\"}, \"content\": \"x\"} | that of a String",
                "decoder       | {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"CTC\"}]}         | 'CTC'",
                "added_tokens  | [{\"id\": 9, \"content\": \"\\u0001\", \"normalized\": true}]        | leaves nothing of the added token",
                "post_processor | {\"type\": \"BertProcessing\", \"sep\": [\"[SEP]\", 3]}            | 'cls' of 'post_processor' is null",
                "post_processor | {\"type\": \"RobertaProcessing\", \"sep\": [\"x\", -1], \"cls\": [\"x\", 1]} | 'sep' of 'post_processor' is [x, -1]",
                "post_processor | {\"type\": \"BertProcessing\", \"sep\": [\"x\", 3], \"cls\": [\"y\", 99999]} | the id 99999",
                "post_processor | {\"type\": \"ByteLevel\", \"trim_offsets\": 7}                     | 'trim_offsets' is 7",
                "post_processor | {\"type\": \"Other\"}                                           | 'Other'",
            })
    void aPartThatTheLibraryWouldFailOnIsRefused(String key, String value, String problem) {
        assertThatThrownBy(() -> openWith("bert_uncased", key, value))
                .isInstanceOfAny(MalformedFileException.class, UnsupportedModelException.class)
                .hasMessageContainingAll("tokenizer.json", problem);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "[{\"Sequence\": {\"id\": \"A\"}}, {\"SpecialToken\": {\"id\": \"X\"}}]                | 'X' is null",
                "[{\"Sequence\": {\"id\": \"A\"}}, {\"SpecialToken\": {\"id\": \"N\"}}]                | the id -5",
                "[{\"Sequence\": {\"id\": \"A\"}}, {\"SpecialToken\": {\"id\": \"H\"}}]                | the id 99999",
                "[{\"Sequence\": {\"id\": \"A\"}}, {\"Sequence\": {\"id\": \"A\"}}]                    | one place",
                "[{\"Sequence\": {\"id\": \"B\"}}]                                                 | one place",
                "[{\"Sequence\": {\"id\": \"A\", \"type_id\": 1}}]                                   | type id 1",
                "[{\"Sequence\": {\"id\": \"A\"}}, {\"SpecialToken\": {\"id\": \"S\", \"type_id\": 2}}]  | type id 2",
                "[{\"Text\": {\"id\": \"A\"}}]                                                     | must be an object",
            })
    void aTemplateThatIsNotOfASingleTextIsRefused(String single, String problem) {
        assertThatThrownBy(() -> openWith(
                        "bert_uncased",
                        "post_processor",
                        "{\"type\": \"TemplateProcessing\", \"single\": " + single + ", \"special_tokens\": {"
                                + "\"S\": {\"ids\": [3]}, \"N\": {\"ids\": [-5]}, \"H\": {\"ids\": [99999]}}}"))
                .isInstanceOfAny(MalformedFileException.class, UnsupportedModelException.class)
                .hasMessageContainingAll("tokenizer.json", problem);
    }

    @Test
    void partsThatMakeATextGrowWithoutMeasureAreRefused() {
        String twice = "{\"type\": \"Replace\", \"pattern\": {\"String\": \"a\"}, \"content\": \"aa\"}";
        String parts = (twice + ",").repeat(9) + twice;
        assertThatThrownBy(() -> openWith(
                        "bert_uncased", "normalizer", "{\"type\": \"Sequence\", \"normalizers\": [" + parts + "]}"))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("tokenizer.json", "'normalizer'", "as long");
    }

    @Test
    void anOverlongAddedTokenIsRefused() {
        String token = "{\"id\": 9, \"content\": \"" + "a".repeat(300_000) + "\", \"normalized\": true}";
        assertThatThrownBy(() -> openWith("bert_uncased", "added_tokens", "[" + token + "]"))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("tokenizer.json", "300000 characters");
    }

    /** Java's own matching of a pattern must not overflow the stack. */
    @ParameterizedTest
    @ValueSource(strings = {"x", "[ab]", "\\\\s", "[\\\\s]+"})
    void anOverlongExpressionIsRefused(String part) {
        String replace =
                "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"" + part.repeat(40_000) + "\"}, \"content\": \"\"}";
        assertThatThrownBy(() -> openWith("bert_uncased", "normalizer", replace))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("tokenizer.json", "longer than 2000");
    }

    /** The library would keep a Unigram's as a tree that deep, and overflow the stack when it frees it. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "bert_uncased | {\"[UNK]\": 0, \"LONG\": 1}",
                "albert | [[\"<pad>\", 0], [\"<unk>\", 0], [\"a\", -1], [\"b\", -1], [\"LONG\", -1.5]]"
            })
    void anOverlongTokenOfTheVocabularyIsRefused(String name, String vocabulary) {
        assertThatThrownBy(() -> openWithModel(name, "vocab", vocabulary.replace("LONG", "x".repeat(1001))))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("tokenizer.json", "1001 characters", "at most 1000");
    }

    @Test
    void wordPieceWithoutAPrefixIsRead() throws IOException {
        HubTokenizer tokenizer = openWithModel("bert_uncased", "continuing_subword_prefix", "\"\"");
        assertThat(tokenizer.encode("the")).hasSizeGreaterThan(2);
    }

    // ---- character maps ----

    /** A trie of the one step "a" to a text, as it is built: root, state 1 with its step at 96, then state 2. */
    private static byte[] mapOfA(int offset, int text, byte[] texts) {
        ByteBuffer map = ByteBuffer.allocate(4 + 4 * 256 + texts.length).order(ByteOrder.LITTLE_ENDIAN);
        map.putInt(0, 4 * 256);
        map.putInt(4, 1 << 10);
        map.putInt(4 + 4 * (1 ^ 'a'), 'a' | 0x100 | (offset << 10));
        map.putInt(4 + 4 * 2, 0x8000_0000 | text);
        map.put(4 + 4 * 256, texts);
        return map.array();
    }

    private HubTokenizer openWithMap(byte[] map) throws IOException {
        return openWith(
                "bert_uncased",
                "normalizer",
                "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \""
                        + Base64.getEncoder().encodeToString(map) + "\"}");
    }

    private static final int TO_TEXT = (1 ^ 'a') ^ 2;

    @Test
    void aCharacterMapActs() throws IOException {
        byte[] texts = "the\0\u00e9".getBytes(StandardCharsets.UTF_8);
        HubTokenizer tokenizer = openWithMap(mapOfA(TO_TEXT, 0, texts));
        assertThat(tokenizer.encode("a")).isEqualTo(tokenizer.encode("the"));
        assertThat(openWithMap(mapOfA(TO_TEXT, 4, texts)).encode("a")).isNotEmpty();
        assertThat(openWithMap(mapOfA(TO_TEXT, texts.length, texts)).encode("a"))
                .hasSize(2);
    }

    @ParameterizedTest
    @CsvSource({
        "5, text at byte 5 of 6",
        "7, text at byte 7 of 6",
        "2147483647, text at byte 2147483647",
    })
    void aTextOutsideTheMapsTextsIsMalformed(int text, String problem) {
        assertThatThrownBy(() -> openWithMap(mapOfA(TO_TEXT, text, "the\0\u00e9".getBytes(StandardCharsets.UTF_8))))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("tokenizer.json", "'precompiled_charsmap'", problem);
    }

    @Test
    void aStepOutOfTheTrieIsMalformed() {
        assertThatThrownBy(() -> openWithMap(mapOfA(1 << 15, 0, new byte[4])))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("'precompiled_charsmap'", "unit 32864", "has 256");
    }

    @Test
    void aMapThatIsCutOffOrGarbledIsMalformed() {
        byte[] whole = mapOfA(TO_TEXT, 0, "the\0".getBytes(StandardCharsets.UTF_8));
        for (int length : new int[] {0, 3, 4, 8, 1_000}) {
            byte[] cut = new byte[length];
            System.arraycopy(whole, 0, cut, 0, length);
            assertThatThrownBy(() -> openWithMap(cut))
                    .isInstanceOf(MalformedFileException.class)
                    .hasMessageContainingAll("'precompiled_charsmap'", length + " bytes");
        }
        assertThatThrownBy(() -> openWithMap(mapOfA(TO_TEXT, 0, new byte[] {'a', (byte) 0xff})))
                .hasMessageContaining("UTF-8");
        assertThatThrownBy(() -> openWithMap(mapOfA(TO_TEXT, 0, "x".repeat(300).getBytes(StandardCharsets.UTF_8))))
                .hasMessageContaining("longer than 64");
        assertThatThrownBy(() -> openWith(
                        "bert_uncased", "normalizer", "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"%\"}"))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContaining("base64");
    }
}
