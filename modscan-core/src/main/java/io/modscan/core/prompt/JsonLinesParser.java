package io.modscan.core.prompt;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.json.JsonProblem;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Reference;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A JSON object a line. */
final class JsonLinesParser extends LineParser {

    private static final JsonFactory STRICT_JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    /** Files may have millions of lines, each under another one. */
    private static final int MOST_KEPT = 1000;

    private final Path file;
    private final Path folder;
    private final Map<String, Intervention> interventions = new HashMap<>();
    private final Map<String, Reference> references = new HashMap<>();

    JsonLinesParser(Path file, Reader text) {
        super(file, text);
        this.file = file;
        this.folder = file.toAbsolutePath().resolveSibling("");
    }

    @Override
    Prompt prompt(String json) throws IOException {
        Map<String, Object> fields = object(json);
        Object givenId = fields.remove("id");
        @Nullable Object of = fields.get(Prompt.INTERVENTION) instanceof Map ? fields.remove("of") : null;
        if (givenId instanceof List || givenId instanceof Map) {
            throw malformed("'id' is " + givenId + "; an id is a string or number");
        }
        if (givenId instanceof String text && stripped(text).isEmpty()) {
            throw malformed("has an empty 'id'; give it one, or leave it away and the prompt is numbered");
        }
        @Nullable Intervention under = intervention(fields, Prompt.INTERVENTION);
        @Nullable Intervention toward = intervention(fields, "toward");
        @Nullable Object spans = fields.get(Spans.KEY) instanceof List ? fields.remove(Spans.KEY) : null;
        Prompt prompt = unlabelled(id(givenId), fields.remove("text"), fields.remove("ids"), fields.remove("inputs"));
        if (spans instanceof List<?> list) {
            try {
                prompt = Spans.onto(prompt, Spans.of(list));
            } catch (ModscanException | IllegalArgumentException e) {
                throw malformed(String.valueOf(e.getMessage()), e);
            }
        }
        for (Map.Entry<String, Object> field : fields.entrySet()) {
            if (field.getValue() instanceof List || field.getValue() instanceof Map) {
                throw malformed(
                        "'" + field.getKey() + "' is " + field.getValue() + "; a label is a string, number or boolean");
            }
            // As an empty cell of CSV is none, and blanks around a label don't count.
            String label =
                    field.getValue() == null ? "" : stripped(field.getValue().toString());
            if (!label.isEmpty()) {
                prompt = prompt.withLabel(field.getKey(), label);
            }
        }
        if (toward != null) {
            prompt = prompt.toward(toward);
        }
        if (under == null) {
            return prompt;
        }
        // The line is the intervened prompt's own, so its id stays; of which prompt it is a twin, it may say.
        return prompt.under(under, prompt.id(), of == null ? prompt.id() : of.toString())
                .withLabel(Prompt.INTERVENTION, under.name());
    }

    /** The same text stands in many lines, and may speak of a large file. */
    private @Nullable Intervention intervention(Map<String, Object> fields, String key) throws IOException {
        if (fields.get(key) instanceof List) {
            throw malformed("'" + key + "' is a list; it is an object with a 'name' and 'changes', or a label");
        }
        if (!(fields.get(key) instanceof Map<?, ?> object)) {
            return null; // a label
        }
        fields.remove(key);
        String json = JSON.std.asString(object);
        @Nullable Intervention known = interventions.get(json);
        if (known == null) {
            try {
                known = Intervention.ofJson(
                        json, name -> references.computeIfAbsent(name, file -> Reference.open(folder.resolve(file))));
            } catch (ModscanException e) {
                throw malformed(String.valueOf(e.getMessage()), e);
            }
            if (interventions.size() >= MOST_KEPT) {
                interventions.clear();
            }
            interventions.put(json, known);
        }
        return known;
    }

    private Prompt unlabelled(String id, @Nullable Object text, @Nullable Object ids, @Nullable Object inputs) {
        if (inputs instanceof Map<?, ?> files && text == null && ids == null && !files.isEmpty()) {
            try {
                return Prompt.ofTensors(id, Map.of(), InputFile.all(file, files));
            } catch (ModscanException e) {
                throw malformed(String.valueOf(e.getMessage()), e);
            }
        }
        if (ids instanceof List<?> list && text == null && inputs == null && !list.isEmpty()) {
            return Prompt.ofTokens(id, list.stream().mapToInt(this::tokenId).toArray());
        }
        if (text instanceof String string && ids == null && inputs == null) {
            return Prompt.of(id, string);
        }
        throw malformed("needs one of these and no other: a string 'text', a list 'ids' of at least one token id, or"
                + " 'inputs' with a file for each input");
    }

    private Map<String, Object> object(String json) throws IOException {
        try (JsonParser parser = STRICT_JSON.createParser(json)) {
            @Nullable Map<String, Object> fields = JSON.std.mapFrom(parser);
            if (fields == null || parser.nextToken() != null) {
                throw malformed("is not one JSON object and nothing else");
            }
            return new LinkedHashMap<>(fields);
        } catch (JsonProcessingException e) {
            throw malformed("is not a JSON object: " + JsonProblem.of(e), e);
        }
    }

    private int tokenId(@Nullable Object token) {
        if (token instanceof Integer id && id >= 0) {
            return id;
        }
        throw malformed("'ids' holds " + token + ", which is no token id");
    }
}
