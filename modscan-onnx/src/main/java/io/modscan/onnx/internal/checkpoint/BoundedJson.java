package io.modscan.onnx.internal.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.util.JsonParserDelegate;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Counts what the values of a file take in Java's heap while they are read, and ends before the heap does. A few bytes of JSON
 * can be an object of a hundred. Ends, too, where values are nested deeper than any that mean something: what reads them next
 * may call itself for each level.
 */
final class BoundedJson extends JsonParserDelegate {

    /** The files that we know have some 10; the tokenizers library ends the process above 127. */
    private static final int MAX_DEPTH = 64;

    private static final long OBJECT = 150;
    private static final long LIST = 60;
    private static final long NAME = 140;
    private static final long TEXT = 60;
    private static final long OTHER = 24;

    private final Path path;
    private final long limit = Runtime.getRuntime().maxMemory() / 3;

    private long taken;
    private int depth;

    BoundedJson(Path path, JsonParser parser) {
        super(parser);
        this.path = path;
    }

    @Override
    public @Nullable JsonToken nextToken() throws IOException {
        @Nullable JsonToken token = super.nextToken();
        if (token != null) {
            taken += taken(token);
            if (taken > limit) {
                throw new ModscanException(path + ": what it says takes more than " + limit
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
                            path, "has lists or objects nested more than " + MAX_DEPTH + " deep");
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
