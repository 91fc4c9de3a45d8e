package io.modscan.core.prompt;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A JSON object a line. */
final class JsonLinesParser extends LineParser {

    private static final JsonFactory STRICT_JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    JsonLinesParser(Path file, Reader text) {
        super(file, text);
    }

    @Override
    Prompt prompt(String json) throws IOException {
        Map<String, Object> fields = object(json);
        Object givenId = fields.remove("id");
        if (givenId instanceof List || givenId instanceof Map) {
            throw malformed("'id' is " + givenId + "; an id is a string or number");
        }
        String id = id(givenId);
        Object text = fields.remove("text");
        Object ids = fields.remove("ids");
        Prompt prompt;
        if (ids instanceof List<?> list && text == null && !list.isEmpty()) {
            prompt = Prompt.ofTokens(id, list.stream().mapToInt(this::tokenId).toArray());
        } else if (text instanceof String string && ids == null) {
            prompt = Prompt.of(id, string);
        } else {
            throw malformed("needs either a string 'text' or a list 'ids' of at least one token id, and not both");
        }
        for (Map.Entry<String, Object> field : fields.entrySet()) {
            if (field.getValue() instanceof List || field.getValue() instanceof Map || field.getValue() == null) {
                throw malformed(
                        "'" + field.getKey() + "' is " + field.getValue() + "; a label is a string, number or boolean");
            }
            prompt = prompt.withLabel(field.getKey(), field.getValue().toString());
        }
        return prompt;
    }

    private Map<String, Object> object(String json) throws IOException {
        try (JsonParser parser = STRICT_JSON.createParser(json)) {
            @Nullable Map<String, Object> fields = JSON.std.mapFrom(parser);
            if (fields == null || parser.nextToken() != null) {
                throw malformed("is not one JSON object and nothing else");
            }
            return new LinkedHashMap<>(fields);
        } catch (JsonProcessingException e) {
            throw malformed("is not a JSON object: " + e.getOriginalMessage(), e);
        }
    }

    private int tokenId(@Nullable Object token) {
        if (token instanceof Integer id && id >= 0) {
            return id;
        }
        throw malformed("'ids' holds " + token + ", which is no token id");
    }
}
