package io.modscan.onnx.internal.tokenizer;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.internal.checkpoint.JsonFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The vocabulary of a {@code tokenizer.json} with the way in which it cuts words: BPE, WordPiece or Unigram. Settings with
 * which the tokenizers library would fail at some text only, or would not end in good time, are refused.
 *
 * @param ids  token to id
 * @param size how many ids there are, behind which those of added tokens begin
 * @param json the model as the tokenizers library takes it
 */
public record TokenizerModel(Map<String, Integer> ids, int size, Map<String, @Nullable Object> json) {

    /** WordPiece takes the square of a word's length; published vocabularies have 100 or 200. */
    private static final int MAX_WORD = 1_000;

    static TokenizerModel of(BpeModel model) {
        return new TokenizerModel(model.ids(), model.ids().size(), model.json());
    }

    /**
     * From a {@code tokenizer.json}.
     *
     * @param plain whether only vocabulary and merges count
     */
    static TokenizerModel of(Path file, JsonFile model, boolean plain) {
        return switch (type(model)) {
            case "BPE" -> of(BpeModel.of(file, model, plain));
            case "WordPiece" -> wordPiece(file, model);
            case "Unigram" -> unigram(file, model);
            default ->
                throw new UnsupportedModelException(file + ": the model's 'type' is '" + model.get("type")
                        + "'; handled are BPE, Unigram and WordPiece");
        };
    }

    /** A model that cuts nothing, as the tokenizers library takes it: a text is its one token, unless it is empty. */
    static Map<String, Object> oneToken() {
        return Map.of(
                "type",
                "WordPiece",
                "unk_token",
                "?",
                "continuing_subword_prefix",
                "",
                "max_input_chars_per_word",
                0,
                "vocab",
                Map.of("?", 0));
    }

    /** What the model is called, or shows itself to be: old files don't say. */
    static String type(JsonFile model) {
        String shown = model.get("merges") != null
                ? "BPE"
                : model.get("max_input_chars_per_word") != null
                        ? "WordPiece"
                        : model.get("vocab") instanceof List ? "Unigram" : "BPE";
        return model.string("type", shown);
    }

    private static TokenizerModel wordPiece(Path file, JsonFile model) {
        Map<String, Integer> ids = BpeModel.ids(
                file,
                JsonFile.object(file, model.get("vocab"), "the model's 'vocab'").values());
        String unknown = model.string("unk_token", "[UNK]");
        if (!ids.containsKey(unknown)) {
            throw new MalformedFileException(
                    file, "'unk_token' is '" + unknown + "', which the model's 'vocab' does not have");
        }
        int longest = model.index("max_input_chars_per_word", 100);
        if (longest > MAX_WORD) {
            throw new UnsupportedModelException(
                    file + ": 'max_input_chars_per_word' is " + longest + "; handled is at most " + MAX_WORD);
        }
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("type", "WordPiece");
        json.put("unk_token", unknown);
        json.put("continuing_subword_prefix", model.string("continuing_subword_prefix", "##"));
        json.put("max_input_chars_per_word", longest);
        json.put("vocab", ids);
        return new TokenizerModel(ids, ids.size(), json);
    }

    private static TokenizerModel unigram(Path file, JsonFile model) {
        if (!(model.get("vocab") instanceof List<?> vocab)) {
            throw new MalformedFileException(file, "the model's 'vocab' is no list of tokens with their scores");
        }
        Map<String, Integer> ids = new LinkedHashMap<>();
        List<Object> entries = new ArrayList<>();
        for (Object entry : vocab) {
            if (!(entry instanceof List<?> pair)
                    || pair.size() != 2
                    || !(pair.get(0) instanceof String token)
                    || !(pair.get(1) instanceof Number score)
                    || !Double.isFinite(score.doubleValue())) {
                throw new MalformedFileException(
                        file,
                        "entry " + entries.size() + " of the model's 'vocab' is " + entry
                                + "; it must be a token and a finite number");
            }
            ids.put(token, entries.size());
            entries.add(List.of(token, score.doubleValue()));
        }
        int unknown = model.get("unk_id") == null ? -1 : model.index("unk_id", -1);
        if (unknown < 0 || unknown >= entries.size()) {
            throw new MalformedFileException(
                    file,
                    "'unk_id' is " + model.get("unk_id") + ", but the model's 'vocab' has " + entries.size()
                            + " tokens; it must be the id of one of them");
        }
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("type", "Unigram");
        json.put("unk_id", unknown);
        json.put("vocab", entries);
        json.put("byte_fallback", model.flag("byte_fallback", false));
        return new TokenizerModel(ids, entries.size(), json);
    }
}
