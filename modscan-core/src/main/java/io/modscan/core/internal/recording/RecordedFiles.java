package io.modscan.core.internal.recording;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.json.JsonProblem;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The files that a capture lies in.
 *
 * @param named   the capture file, or the index of several
 * @param files   the capture file itself, or those that the index names, in order of first appearance
 * @param sharded whether an index named them
 * @param facts   the strings in the index's metadata
 */
public record RecordedFiles(Path named, List<Path> files, boolean sharded, Map<String, String> facts) {

    static final String INDEX_ENDING = ".index.json";

    /**
     * An index names every tensor. Each name is seen once and is not kept, so the parser is to keep none either: neither
     * for finding names that come twice nor for having each name once.
     */
    private static final JsonFactory FORGETFUL = JsonFactory.builder()
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .build();

    public RecordedFiles {
        files = List.copyOf(files);
        facts = Map.copyOf(facts);
    }

    /**
     * Finds a capture's files.
     *
     * @param path the capture file, whether it is there or only its index is, or the index
     */
    public static RecordedFiles find(Path path) {
        if (Files.isDirectory(path)) {
            throw new ModscanException(path + ": is a folder; name the capture file in it");
        }
        String name = String.valueOf(path.getFileName());
        if (Files.exists(path)) {
            return name.endsWith(INDEX_ENDING) ? index(path) : new RecordedFiles(path, List.of(path), false, Map.of());
        }
        Path index = path.resolveSibling(name + INDEX_ENDING);
        if (Files.exists(index)) {
            return index(index);
        }
        if (isUnfinished(path)) {
            throw new ModscanException(path + ": this capture is unfinished; make the same capture again to go on");
        }
        throw new ModscanException(path + ": no such capture file, and no " + index.getFileName());
    }

    /** Whether there are files aside from which this one would have been made, or shards without their index. */
    private static boolean isUnfinished(Path path) {
        String stem = String.valueOf(path.getFileName());
        for (String ending : List.of(INDEX_ENDING, ".safetensors")) {
            stem = stem.endsWith(ending) ? stem.substring(0, stem.length() - ending.length()) : stem;
        }
        Pattern part = Pattern.compile(
                Pattern.quote(stem) + "((-[0-9]+)?(\\.safetensors)?(\\..*)?\\.part|-[0-9]+\\.safetensors)",
                Pattern.DOTALL);
        Path folder = path.toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            return false;
        }
        try (Stream<Path> siblings = Files.list(folder)) {
            return siblings.anyMatch(sibling ->
                    part.matcher(String.valueOf(sibling.getFileName())).matches());
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": cannot be listed: " + e, e);
        }
    }

    private static RecordedFiles index(Path index) {
        Map<String, String> facts = new TreeMap<>();
        Set<String> names = new LinkedHashSet<>();
        // Not of its bytes, of which the parser would guess the encoding.
        try (InputStream in = new BufferedInputStream(Files.newInputStream(index));
                JsonParser parser =
                        FORGETFUL.createParser(new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder()))) {
            boolean object = parser.nextToken() == JsonToken.START_OBJECT;
            while (object && parser.nextToken() == JsonToken.FIELD_NAME) {
                String key = parser.currentName();
                JsonToken value = parser.nextToken();
                if (value == JsonToken.START_OBJECT && key.equals("metadata")) {
                    readFacts(parser, facts);
                } else if (value == JsonToken.START_OBJECT && key.equals("weight_map")) {
                    readNames(index, parser, names);
                } else {
                    parser.skipChildren();
                }
            }
            if (!object || parser.currentToken() != JsonToken.END_OBJECT || parser.nextToken() != null) {
                throw new MalformedFileException(index, "is not one JSON object and nothing else");
            }
        } catch (CharacterCodingException e) {
            throw new MalformedFileException(index, "is not UTF-8", e);
        } catch (JsonProcessingException e) {
            throw new MalformedFileException(index, "is not JSON: " + JsonProblem.of(e), e);
        } catch (IOException e) {
            throw new UncheckedIOException(index + ": cannot be read: " + e, e);
        }
        if (names.isEmpty()) {
            throw new MalformedFileException(
                    index, "has no 'weight_map' that names a file; it must tell each tensor's file");
        }
        return new RecordedFiles(
                index, names.stream().map(name -> sibling(index, name)).toList(), true, facts);
    }

    private static void readFacts(JsonParser parser, Map<String, String> facts) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            if (parser.nextToken() == JsonToken.VALUE_STRING) {
                facts.put(key, parser.getText());
            } else {
                parser.skipChildren(); // such as total_size
            }
        }
    }

    private static void readNames(Path index, JsonParser parser, Set<String> names) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String tensor = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_STRING) {
                throw new MalformedFileException(
                        index, "weight_map of tensor '" + tensor + "' is not a string, the name of its file");
            }
            names.add(parser.getText());
        }
    }

    /** Nothing outside the index's own folder is opened. */
    private static Path sibling(Path index, String name) {
        Path plain;
        try {
            plain = Path.of(name);
        } catch (InvalidPathException e) {
            throw new MalformedFileException(index, "weight_map names the file '" + name + "': " + e.getReason(), e);
        }
        if (name.isEmpty()
                || name.equals(".")
                || name.equals("..")
                || name.indexOf('/') >= 0
                || name.indexOf('\\') >= 0
                || plain.getRoot() != null
                || plain.getNameCount() != 1) {
            throw new MalformedFileException(
                    index, "weight_map names the file '" + name + "'; it must be the name of one beside the index");
        }
        Path file = index.resolveSibling(plain);
        if (!Files.isRegularFile(file)) {
            throw new MalformedFileException(index, "names the file '" + name + "', which is not beside it");
        }
        return file;
    }
}
