package io.modscan.core.file;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.JsonParserDelegate;
import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.json.JsonProblem;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads JSON that nobody vouches for. What its values take in Java's heap is counted while they are read, and reading ends before the
 * heap does: a few bytes of JSON can be an object of a hundred. It ends, too, where values are nested deeper than any that
 * mean something: what reads them next may call itself for each level.
 */
public final class BoundedJson {

    /** The files that we know have some 10; the tokenizers library ends the process above 127. */
    private static final int MAX_DEPTH = 64;

    private static final JsonFactory LENIENT = new JsonFactory();
    /** Long values are those of a recording's metadata; the parser's own limits would refuse them. */
    private static final int LONGEST = 100_000_000;

    private static final JsonFactory STRICT = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(LONGEST)
                    .maxNameLength(LONGEST)
                    .build())
            .build();

    private BoundedJson() {}

    /**
     * Reads one object.
     *
     * @param file   where it is from, for messages
     * @param what   what it is of the file, for messages, such as {@code header}; empty if all of it
     * @param text   the JSON, which is closed
     * @param strict whether a key twice is refused; else its last value counts
     * @return the object: maps, lists, strings, numbers, booleans and null
     * @throws MalformedFileException if it is no object, more than one, nested more than 64 deep, or not UTF-8
     * @throws ModscanException       if it takes more than a third of Java's heap
     * @throws UncheckedIOException   if the file cannot be read
     */
    public static Map<String, Object> object(Path file, String what, Reader text, boolean strict) {
        String the = what.isEmpty() ? "" : what + " ";
        try (JsonParser parser = new Counted(file, the, (strict ? STRICT : LENIENT).createParser(text))) {
            @Nullable Map<String, Object> values = JSON.std.mapFrom(parser);
            if (values == null) {
                throw new MalformedFileException(file, the + "is not a JSON object: it is null, or nothing");
            }
            if (parser.nextToken() != null) {
                throw new MalformedFileException(file, the + "is not one JSON object and nothing else");
            }
            return values;
        } catch (CharacterCodingException e) {
            throw new MalformedFileException(file, the + "is not UTF-8", e);
        } catch (JsonProcessingException e) {
            throw new MalformedFileException(file, the + "is not a JSON object: " + JsonProblem.of(e), e);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
    }

    private static final class Counted extends JsonParserDelegate {

        private static final long OBJECT = 150;
        private static final long LIST = 60;
        private static final long NAME = 140;
        private static final long TEXT = 60;
        private static final long OTHER = 24;

        private final Path file;
        private final String the;
        private final long limit = Runtime.getRuntime().maxMemory() / 3;

        private long taken;
        private int depth;

        Counted(Path file, String the, JsonParser parser) {
            super(parser);
            this.file = file;
            this.the = the;
        }

        @Override
        public @Nullable JsonToken nextToken() throws IOException {
            @Nullable JsonToken token = super.nextToken();
            if (token != null) {
                taken += taken(token);
                if (taken > limit) {
                    throw new ModscanException(file + ": " + the + "takes more than " + limit
                            + " bytes of Java's heap; give it more (-Xmx)");
                }
            }
            return token;
        }

        @Override
        public @Nullable JsonToken nextValue() throws IOException {
            @Nullable JsonToken token = nextToken();
            return token == JsonToken.FIELD_NAME ? nextToken() : token;
        }

        private long taken(JsonToken token) throws IOException {
            switch (token) {
                case START_OBJECT, START_ARRAY -> {
                    depth++;
                    if (depth > MAX_DEPTH) {
                        throw new MalformedFileException(
                                file, the + "has lists or objects nested more than " + MAX_DEPTH + " deep");
                    }
                    return token == JsonToken.START_OBJECT ? OBJECT : LIST;
                }
                case END_OBJECT, END_ARRAY -> {
                    depth--;
                    return 0;
                }
                case FIELD_NAME -> {
                    return NAME + 2L * getTextLength();
                }
                case VALUE_STRING -> {
                    return TEXT + 2L * getTextLength();
                }
                default -> {
                    return OTHER;
                }
            }
        }
    }
}
