package io.modscan.core;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.modscan.core.error.MalformedFileException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The prompts of a capture file, as its metadata tell of them. */
final class PromptJson {

    static final String KEY = "modscan.prompts";

    private PromptJson() {}

    /** A prompt without what it says. */
    record Entry(String id, Map<String, String> labels) {}

    /** Token by token: there may be a million. */
    static List<Entry> read(Path file, String json) {
        List<Entry> entries = new ArrayList<>();
        Map<String, String> seen = new HashMap<>(); // a label is the same string in many prompts
        MetadataJson.forEach(file, KEY, json, parser -> {
            int entry = entries.size();
            String id = null;
            Map<String, String> labels = null;
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String key = parser.currentName();
                JsonToken value = parser.nextToken();
                if (key.equals("id") && value == JsonToken.VALUE_STRING) {
                    id = parser.getText();
                } else if (key.equals("labels") && value == JsonToken.START_OBJECT) {
                    labels = labels(file, entry, parser, seen);
                } else {
                    parser.skipChildren();
                }
            }
            if (id == null || labels == null) {
                throw malformed(file, entry, "has no string 'id' or no object 'labels'");
            }
            entries.add(new Entry(id, labels));
        });
        return entries;
    }

    private static Map<String, String> labels(Path file, int entry, JsonParser parser, Map<String, String> seen)
            throws IOException {
        Map<String, String> labels = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_STRING) {
                throw malformed(file, entry, "has the label '" + key + "' " + parser.getText() + ", not a string");
            }
            String label = parser.getText();
            String known = seen.putIfAbsent(label, label);
            labels.put(key, known == null ? label : known);
        }
        return labels;
    }

    private static MalformedFileException malformed(Path file, int entry, String problem) {
        return new MalformedFileException(file, "metadata '" + KEY + "': entry " + entry + " " + problem);
    }
}
