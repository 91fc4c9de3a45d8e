package io.modscan.core.prompt;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.jr.ob.JSON;
import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import de.siegmar.fastcsv.reader.FieldMismatchStrategy;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The readers behind {@link Prompts}. */
final class PromptFiles {

    private static final JsonFactory STRICT_JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private PromptFiles() {}

    /** Gathers a file's prompts and says the line of what is wrong with one. */
    private static final class Gathering {
        private final Path file;
        private final List<Prompt> prompts = new ArrayList<>();
        private final Set<String> ids = new HashSet<>();

        Gathering(Path file) {
            this.file = file;
        }

        /** The given id, or the running number where there is none. */
        String id(@Nullable Object given) {
            return given == null ? Integer.toString(prompts.size()) : given.toString();
        }

        void add(long line, Prompt prompt) {
            if (!ids.add(prompt.id())) {
                throw malformed(line, "the id '" + prompt.id() + "' comes a second time; ids must be unique", null);
            }
            prompts.add(prompt);
        }

        MalformedFileException malformed(long line, String problem, @Nullable Throwable cause) {
            return new MalformedFileException(file, "line " + line + ": " + problem, cause);
        }

        Prompts finish() {
            if (prompts.isEmpty()) {
                throw new MalformedFileException(file, "holds no prompt; at least one is needed");
            }
            return Prompts.of(prompts);
        }
    }

    static Prompts csv(Path file) {
        Gathering gathering = new Gathering(file);
        List<String> header = null;
        try (CsvReader<CsvRecord> reader = CsvReader.builder()
                .missingFieldStrategy(FieldMismatchStrategy.IGNORE)
                .extraFieldStrategy(FieldMismatchStrategy.IGNORE)
                .allowUnclosedQuote(false)
                .ofCsvRecord(decode(file))) {
            for (CsvRecord row : reader) {
                if (header == null) {
                    header = header(gathering, row);
                    continue;
                }
                if (row.getFieldCount() != header.size()) {
                    throw gathering.malformed(
                            row.getStartingLineNumber(),
                            "has " + row.getFieldCount() + " fields; the header has " + header.size() + " " + header,
                            null);
                }
                int idColumn = header.indexOf("id");
                Prompt prompt = Prompt.of(
                        gathering.id(idColumn < 0 ? null : row.getField(idColumn)),
                        row.getField(header.indexOf("text")));
                for (int column = 0; column < header.size(); column++) {
                    String name = header.get(column);
                    if (!name.equals("id")
                            && !name.equals("text")
                            && !row.getField(column).isEmpty()) {
                        prompt = prompt.withLabel(name, row.getField(column));
                    }
                }
                gathering.add(row.getStartingLineNumber(), prompt);
            }
        } catch (CsvParseException e) {
            throw new MalformedFileException(file, "is not CSV: " + e.getMessage(), e);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
        return gathering.finish();
    }

    private static List<String> header(Gathering gathering, CsvRecord row) {
        List<String> header = row.getFields().stream().map(String::strip).toList();
        if (!header.contains("text")) {
            throw gathering.malformed(
                    row.getStartingLineNumber(),
                    "the header " + header + " has no column 'text'; it should be like id,topic,text",
                    null);
        }
        if (new HashSet<>(header).size() < header.size()) {
            throw gathering.malformed(
                    row.getStartingLineNumber(), "the header " + header + " names a column twice", null);
        }
        return header;
    }

    static Prompts jsonl(Path file) {
        Gathering gathering = new Gathering(file);
        long line = 0;
        for (String json : decode(file).lines().toList()) {
            line++;
            if (!json.isBlank()) {
                gathering.add(line, jsonPrompt(gathering, line, json));
            }
        }
        return gathering.finish();
    }

    private static Prompt jsonPrompt(Gathering gathering, long line, String json) {
        Map<String, Object> fields = jsonObject(gathering, line, json);
        Object givenId = fields.remove("id");
        if (givenId instanceof List || givenId instanceof Map) {
            throw gathering.malformed(line, "'id' is " + givenId + "; an id is a string or number", null);
        }
        String id = gathering.id(givenId);
        Object text = fields.remove("text");
        Object ids = fields.remove("ids");
        Prompt prompt;
        if (ids instanceof List<?> list && text == null && !list.isEmpty()) {
            prompt = Prompt.ofTokens(
                    id,
                    list.stream()
                            .mapToInt(token -> tokenId(gathering, line, token))
                            .toArray());
        } else if (text instanceof String string && ids == null) {
            prompt = Prompt.of(id, string);
        } else {
            throw gathering.malformed(
                    line, "needs either a string 'text' or a list 'ids' of at least one token id, and not both", null);
        }
        for (Map.Entry<String, Object> field : fields.entrySet()) {
            if (field.getValue() instanceof List || field.getValue() instanceof Map || field.getValue() == null) {
                throw gathering.malformed(
                        line,
                        "'" + field.getKey() + "' is " + field.getValue() + "; a label is a string, number or boolean",
                        null);
            }
            prompt = prompt.withLabel(field.getKey(), field.getValue().toString());
        }
        return prompt;
    }

    private static Map<String, Object> jsonObject(Gathering gathering, long line, String json) {
        try (JsonParser parser = STRICT_JSON.createParser(json)) {
            @Nullable Map<String, Object> fields = JSON.std.mapFrom(parser);
            if (fields == null || parser.nextToken() != null) {
                throw gathering.malformed(line, "is not one JSON object and nothing else", null);
            }
            return new LinkedHashMap<>(fields);
        } catch (JsonProcessingException e) {
            throw gathering.malformed(line, "is not a JSON object: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw unreadable(gathering.file, e);
        }
    }

    private static int tokenId(Gathering gathering, long line, @Nullable Object token) {
        if (token instanceof Integer id && id >= 0) {
            return id;
        }
        throw gathering.malformed(line, "'ids' holds " + token + ", which is no token id", null);
    }

    static Prompts text(Path file) {
        Gathering gathering = new Gathering(file);
        long line = 0;
        for (String text : decode(file).lines().toList()) {
            line++;
            if (!text.isBlank()) {
                gathering.add(line, Prompt.of(gathering.id(null), text));
            }
        }
        return gathering.finish();
    }

    /** Decodes strictly: a wrong encoding would otherwise reach the tokenizer as replacement characters. */
    private static String decode(Path file) {
        try {
            byte[] bytes = Files.readAllBytes(file);
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            return text.startsWith("\uFEFF") ? text.substring(1) : text;
        } catch (CharacterCodingException e) {
            throw new MalformedFileException(file, "is not UTF-8", e);
        } catch (NoSuchFileException e) {
            throw new ModscanException(file + ": no such file", e);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private static UncheckedIOException unreadable(Path file, IOException e) {
        return new UncheckedIOException(file + ": cannot be read: " + e, e);
    }
}
