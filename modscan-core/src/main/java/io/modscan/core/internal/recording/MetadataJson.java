package io.modscan.core.internal.recording;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.internal.json.JsonProblem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/** The lists of JSON objects that a capture file keeps in its metadata. */
public final class MetadataJson {

    // The header that the metadata come from is bounded already; a label may be as long as it likes.
    private static final JsonFactory STRICT = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE)
                    .maxNameLength(Integer.MAX_VALUE)
                    .build())
            .build();

    private MetadataJson() {}

    /** Takes one object of a list. */
    @FunctionalInterface
    interface Entry {
        /**
         * Reads the object to its end.
         *
         * @param parser at the object's beginning
         */
        void read(JsonParser parser) throws IOException;
    }

    /**
     * Reads a list one object at a time.
     *
     * @param key  the metadata's key, to be named in messages
     * @param each is given the objects in order
     * @throws MalformedFileException if it is not a list of objects and nothing else
     */
    static void forEach(Path file, String key, String json, Entry each) {
        try (JsonParser parser = STRICT.createParser(json)) {
            boolean list = parser.nextToken() == JsonToken.START_ARRAY;
            while (list && parser.nextToken() == JsonToken.START_OBJECT) {
                each.read(parser);
            }
            if (!list || parser.currentToken() != JsonToken.END_ARRAY || parser.nextToken() != null) {
                throw new MalformedFileException(
                        file, "metadata '" + key + "' is not one JSON list of objects and nothing else");
            }
        } catch (JsonProcessingException e) {
            throw new MalformedFileException(file, "metadata '" + key + "' is not JSON: " + JsonProblem.of(e), e);
        } catch (IOException e) {
            throw new UncheckedIOException("a string cannot be read", e);
        }
    }
}
