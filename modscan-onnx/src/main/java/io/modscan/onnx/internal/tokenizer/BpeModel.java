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
 * A byte-pair vocabulary: from {@code vocab.json} and {@code merges.txt}, or from the model of a {@code tokenizer.json}.
 *
 * @param ids  token to id
 * @param json the model as the tokenizers library takes it
 */
public record BpeModel(Map<String, Integer> ids, Map<String, @Nullable Object> json) {

    /** So that there is room for the ids of added tokens, which follow. */
    private static final int MAX_ID = 1 << 30;

    /** From the two files, checked against each other. */
    static BpeModel read(Path vocabFile, Path mergesFile) {
        Map<String, Integer> ids = ids(vocabFile, JsonFile.read(vocabFile).values());
        return of(ids, merges(mergesFile, ids), JsonFile.object(vocabFile, Map.of(), ""));
    }

    /**
     * From a {@code tokenizer.json}. Settings that could make the tokenizers library panic, which ends the JVM, are
     * refused, and so is dropout, which makes ids random.
     *
     * @param plain whether only vocabulary and merges count
     */
    static BpeModel of(Path file, JsonFile model, boolean plain) {
        String type = model.string("type", "BPE");
        if (!type.equals("BPE")) {
            throw new UnsupportedModelException(
                    file + ": the model's 'type' is '" + type + "'; modscan reads byte-pair vocabularies ('BPE')");
        }
        if (model.get("dropout") instanceof Number dropout && dropout.doubleValue() != 0) {
            throw new UnsupportedModelException(
                    file + ": 'dropout' is " + dropout + ", which makes a text's ids random; handled is none");
        }
        for (String key : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
            if (!model.string(key, "").isEmpty()) {
                throw new UnsupportedModelException(
                        file + ": '" + key + "' is '" + model.get(key) + "'; handled are vocabularies without");
            }
        }
        if (!(model.get("merges") instanceof List<?> merges)) {
            throw new MalformedFileException(file, "its model has no list of 'merges'");
        }
        Map<String, Object> vocab =
                JsonFile.object(file, model.get("vocab"), "the model's 'vocab'").values();
        return of(ids(file, vocab), merges, plain ? JsonFile.object(file, Map.of(), "") : model);
    }

    private static BpeModel of(Map<String, Integer> ids, List<?> merges, JsonFile settings) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("type", "BPE");
        json.put("dropout", null);
        json.put("unk_token", settings.get("unk_token"));
        json.put("continuing_subword_prefix", "");
        json.put("end_of_word_suffix", "");
        json.put("fuse_unk", settings.flag("fuse_unk", false));
        json.put("byte_fallback", settings.flag("byte_fallback", false));
        json.put("ignore_merges", settings.flag("ignore_merges", false));
        json.put("vocab", ids);
        json.put("merges", merges);
        return new BpeModel(ids, json);
    }

    static Map<String, Integer> ids(Path file, Map<String, Object> vocab) {
        Map<String, Integer> ids = new LinkedHashMap<>();
        vocab.forEach((token, id) -> {
            if (!(id instanceof Integer number) || number < 0 || number > MAX_ID) {
                throw new MalformedFileException(
                        file, "token '" + token + "' has the id " + id + "; an id is an integer from 0 to " + MAX_ID);
            }
            ids.put(token, number);
        });
        return ids;
    }

    private static List<String> merges(Path file, Map<String, Integer> ids) {
        List<String> merges = new ArrayList<>();
        int number = 0;
        for (String line : JsonFile.readText(file).lines().toList()) {
            number++;
            if (line.isEmpty() || (number == 1 && line.startsWith("#version"))) {
                continue;
            }
            int space = line.indexOf(' ');
            if (space <= 0 || space == line.length() - 1 || space != line.lastIndexOf(' ')) {
                throw new MalformedFileException(file, "line " + number + ": '" + line + "' is not two parts to merge");
            }
            for (String token : List.of(line.substring(0, space), line.substring(space + 1), line.replace(" ", ""))) {
                if (!ids.containsKey(token)) {
                    throw new MalformedFileException(
                            file,
                            "line " + number + ": '" + line + "' needs the token '" + token
                                    + "', which vocab.json does not have");
                }
            }
            merges.add(line);
        }
        return merges;
    }
}
