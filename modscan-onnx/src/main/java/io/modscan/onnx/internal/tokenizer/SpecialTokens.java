package io.modscan.onnx.internal.tokenizer;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.internal.checkpoint.JsonFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a post-processor puts around a single text. Whatever else it would do is refused; what it does to pairs of texts
 * doesn't matter, and what it does to the places of tokens is {@link SpaceTrim}'s.
 *
 * @param front  the ids in front of the text
 * @param behind the ids behind it
 */
public record SpecialTokens(List<Integer> front, List<Integer> behind) {

    static final SpecialTokens NONE = new SpecialTokens(List.of(), List.of());

    /** From the {@code post_processor} of a {@code tokenizer.json}. */
    static SpecialTokens of(Path file, @Nullable Object value) {
        if (value == null) {
            return NONE;
        }
        JsonFile processor = JsonFile.object(file, value, "'post_processor'");
        String type = processor.string("type", "");
        return switch (type) {
            // Moves the places of tokens only.
            case "ByteLevel" -> NONE;
            case "BertProcessing", "RobertaProcessing" ->
                new SpecialTokens(List.of(named(file, processor, "cls")), List.of(named(file, processor, "sep")));
            case "TemplateProcessing" -> template(file, processor);
            case "Sequence" -> {
                SpecialTokens around = NONE;
                for (Object part : TokenizerParts.list(file, processor, "processors")) {
                    SpecialTokens more = of(file, part);
                    if (!around.equals(NONE) && !more.equals(NONE)) {
                        throw new UnsupportedModelException(
                                file + ": 'post_processor' puts tokens around a text twice; handled is once");
                    }
                    around = more.equals(NONE) ? around : more;
                }
                yield around;
            }
            default ->
                throw new UnsupportedModelException(
                        file + ": 'post_processor' is of the type '" + type
                                + "'; handled are BertProcessing, ByteLevel, RobertaProcessing, TemplateProcessing and Sequence");
        };
    }

    /** The id of a pair of a token and its id. */
    private static int named(Path file, JsonFile processor, String key) {
        if (processor.get(key) instanceof List<?> pair
                && pair.size() == 2
                && pair.get(0) instanceof String
                && pair.get(1) instanceof Integer id
                && id >= 0) {
            return id;
        }
        throw new MalformedFileException(
                file, "'" + key + "' of 'post_processor' is " + processor.get(key) + "; it must be a token and its id");
    }

    private static SpecialTokens template(Path file, JsonFile processor) {
        JsonFile known = JsonFile.object(file, processor.get("special_tokens"), "the template's 'special_tokens'");
        List<Integer> front = new ArrayList<>();
        List<Integer> behind = new ArrayList<>();
        boolean text = false;
        for (Object entry : TokenizerParts.list(file, processor, "single")) {
            JsonFile part = JsonFile.object(file, entry, "a part of the template");
            Object special = part.get("SpecialToken");
            JsonFile piece = JsonFile.object(
                    file,
                    special == null ? part.get("Sequence") : special,
                    "the token or text of a part of the template");
            if (piece.index("type_id", 0) != 0) {
                throw new UnsupportedModelException(file + ": 'post_processor' gives a single text the type id "
                        + piece.get("type_id") + "; handled is 0");
            }
            String name = piece.string("id", "");
            if (special != null) {
                (text ? behind : front).addAll(ids(file, known, name));
            } else if (text || !name.equals("A")) {
                throw new MalformedFileException(
                        file, "the template of 'post_processor' for a single text must have one place for it, 'A'");
            } else {
                text = true;
            }
        }
        if (!text) {
            throw new MalformedFileException(file, "the template of 'post_processor' has no place for the text");
        }
        return new SpecialTokens(List.copyOf(front), List.copyOf(behind));
    }

    private static List<Integer> ids(Path file, JsonFile known, String name) {
        JsonFile token = JsonFile.object(file, known.get(name), "the template's special token '" + name + "'");
        List<Integer> ids = new ArrayList<>();
        for (Object id : TokenizerParts.list(file, token, "ids")) {
            if (!(id instanceof Integer number) || number < 0) {
                throw new MalformedFileException(file, "the template's special token '" + name + "' has the id " + id);
            }
            ids.add(number);
        }
        return ids;
    }
}
