package io.modscan.onnx.internal.checkpoint;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.BoundedJson;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A JSON object read from a file, whose values are asked for by key and type. */
public final class JsonFile {

    /** Far above any vocabulary, far below what a string holds. */
    private static final long MAX_BYTES = 256L << 20;

    private static final String LFS_POINTER = "version https://git-lfs";

    private final Path path;
    private final Map<String, Object> values;

    private JsonFile(Path path, Map<String, Object> values) {
        this.path = path;
        this.values = values;
    }

    public static JsonFile read(Path path) {
        try (BufferedInputStream in = new BufferedInputStream(open(path))) {
            // Its bytes are not held beside what is made of them.
            return parse(path, new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder()));
        } catch (IOException e) {
            throw new UncheckedIOException(path + ": cannot be read: " + e, e);
        }
    }

    /** An object from text that was found in a file. */
    public static JsonFile parse(Path path, String text) {
        return parse(path, new StringReader(text));
    }

    private static JsonFile parse(Path path, Reader text) {
        return new JsonFile(path, BoundedJson.object(path, "", text, false));
    }

    /** An object without entries if there is no such file. */
    public static JsonFile readIfThere(Path path) {
        return Files.exists(path) ? read(path) : new JsonFile(path, Map.of());
    }

    /** An object within a file, named for the message should it be none. */
    public static JsonFile object(Path path, @Nullable Object value, String name) {
        if (!(value instanceof Map<?, ?> map)) {
            throw new MalformedFileException(path, name + " is " + value + "; it must be an object");
        }
        Map<String, Object> values = new LinkedHashMap<>();
        map.forEach((key, entry) -> values.put(String.valueOf(key), entry));
        return new JsonFile(path, values);
    }

    /** The text of a checkpoint's file, which must be the file itself. */
    public static String readText(Path path) {
        long most = Runtime.getRuntime().maxMemory() / 8;
        try (InputStream in = open(path)) {
            if (Files.size(path) > most) {
                throw new ModscanException(path + ": is " + Files.size(path) + " bytes long; Java's heap has room for "
                        + most + "; give it more (-Xmx)");
            }
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(in.readAllBytes()))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new MalformedFileException(path, "is not UTF-8", e);
        } catch (IOException e) {
            throw new UncheckedIOException(path + ": cannot be read: " + e, e);
        }
    }

    private static InputStream open(Path path) throws IOException {
        try {
            if (Files.size(path) > MAX_BYTES) {
                throw new MalformedFileException(
                        path, "is " + Files.size(path) + " bytes long; at most " + MAX_BYTES + " are read");
            }
            refusePointer(path);
            return Files.newInputStream(path);
        } catch (NoSuchFileException e) {
            throw new ModscanException(path + ": no such file", e);
        }
    }

    /** Refuses what Git LFS leaves in a file's place where it was not told to fetch the file. */
    public static void refusePointer(Path path) throws IOException {
        try (InputStream in = Files.newInputStream(path)) {
            if (LFS_POINTER.equals(new String(in.readNBytes(LFS_POINTER.length()), StandardCharsets.ISO_8859_1))) {
                throw new MalformedFileException(
                        path,
                        "is Git LFS's pointer to the file, not the file; 'git lfs pull' in its folder fetches it");
            }
        }
    }

    /** Where the object is from. */
    public Path path() {
        return path;
    }

    public Map<String, Object> values() {
        return values;
    }

    @Nullable
    public Object get(String key) {
        return values.get(key);
    }

    /** A positive integer that has to be there. */
    public int positive(String key, int most) {
        if (values.get(key) instanceof Integer number && number > 0 && number <= most) {
            return number;
        }
        throw wrong(key, "a positive integer up to " + most);
    }

    /** A positive integer, or a default where the key is missing or null. */
    public int positive(String key, int most, int otherwise) {
        return values.get(key) == null ? otherwise : positive(key, most);
    }

    /** An integer from 0, or a default where the key is missing or null. */
    public int index(String key, int otherwise) {
        int index = typed(key, Integer.class, otherwise, "an integer from 0");
        if (index < 0) {
            throw wrong(key, "an integer from 0");
        }
        return index;
    }

    public boolean flag(String key, boolean otherwise) {
        return typed(key, Boolean.class, otherwise, "true or false");
    }

    public String string(String key, String otherwise) {
        return typed(key, String.class, otherwise, "a string");
    }

    private <T> T typed(String key, Class<T> type, T otherwise, String right) {
        Object value = values.get(key);
        if (value == null) {
            return otherwise;
        }
        if (type.isInstance(value)) {
            return type.cast(value);
        }
        throw wrong(key, right);
    }

    private MalformedFileException wrong(String key, String right) {
        return new MalformedFileException(
                path,
                (values.containsKey(key) ? "'" + key + "' is " + values.get(key) : "has no '" + key + "'")
                        + "; it must be " + right);
    }
}
