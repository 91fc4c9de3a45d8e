package io.modscan.core.internal.recording;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.token.Span;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The prompts of a capture file, as its metadata tell of them. */
public final class PromptJson {

    /** The key of the digest of a prompt's ready tensors. */
    static final String TENSORS = "tensors_sha256";

    /** The key of the intervention that a prompt was run under, as JSON. */
    static final String UNDER = "under";

    /** The key of the intervention that its attributions are towards, as JSON. */
    static final String TOWARD = "toward";

    /** The key of its spans, in tokens. */
    static final String SPANS = "spans";

    /** The key of the id of the same prompt without it. */
    static final String UNTOUCHED = "of";

    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    private PromptJson() {}

    /**
     * A prompt without what it says.
     *
     * @param tensors the digest of its ready tensors, or null if it was run by its token ids
     * @param under   what it was run under, without the values of references, or null
     * @param of      the id of the same prompt without that, or null
     * @param toward  what its attributions are towards, or null
     * @param spans   its spans, in tokens
     */
    record Entry(
            String id,
            Map<String, String> labels,
            @Nullable String tensors,
            @Nullable Intervention under,
            @Nullable String of,
            @Nullable Intervention toward,
            List<Span> spans) {

        /** The prompt, run under the same intervention. */
        Prompt again(Prompt prompt) {
            Prompt whole = spans.isEmpty() ? prompt : prompt.withSpans(spans);
            Prompt same = toward == null ? whole : whole.toward(toward);
            return under == null ? same : same.under(under, id, of == null ? id : of);
        }
    }

    /** Token by token: there may be a million. */
    static List<Entry> read(Path file, String json) {
        List<Entry> entries = new ArrayList<>();
        Map<String, String> seen = new HashMap<>(); // a label is the same string in many prompts
        Map<String, Intervention> interventions = new HashMap<>();
        MetadataJson.forEach(file, Keys.PROMPTS, json, parser -> {
            int entry = entries.size();
            String id = null;
            Map<String, String> labels = null;
            String tensors = null;
            Intervention under = null;
            String of = null;
            Intervention toward = null;
            List<Span> spans = List.of();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String key = parser.currentName();
                JsonToken value = parser.nextToken();
                if (key.equals("id") && value == JsonToken.VALUE_STRING) {
                    id = parser.getText();
                } else if (key.equals("labels") && value == JsonToken.START_OBJECT) {
                    labels = labels(file, entry, parser, seen);
                } else if (key.equals(TENSORS)) {
                    tensors = digest(file, entry, parser.getText());
                } else if (key.equals(UNDER)) {
                    under = intervention(file, entry, parser.getText(), interventions);
                } else if (key.equals(TOWARD)) {
                    toward = intervention(file, entry, parser.getText(), interventions);
                } else if (key.equals(SPANS) && value == JsonToken.START_ARRAY) {
                    spans = spans(file, entry, parser);
                } else if (key.equals(UNTOUCHED)) {
                    of = parser.getText();
                } else {
                    parser.skipChildren();
                }
            }
            if (id == null || labels == null) {
                throw malformed(file, entry, "has no string 'id' or no object 'labels'");
            }
            entries.add(new Entry(id, labels, tensors, under, of, toward, spans));
        });
        return entries;
    }

    private static Intervention intervention(Path file, int entry, String json, Map<String, Intervention> seen) {
        try {
            return seen.computeIfAbsent(json, Intervention::told);
        } catch (ModscanException e) {
            throw malformed(file, entry, "is under or toward what is no intervention: " + e.getMessage());
        }
    }

    private static String digest(Path file, int entry, String text) {
        if (!SHA256.matcher(text).matches()) {
            throw malformed(file, entry, "has the '" + TENSORS + "' " + text + ", not 64 hexadecimal digits");
        }
        return text;
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

    /** A span as an entry holds it. */
    static Map<String, Object> span(Span span) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("label", span.label());
        object.put("start", span.start());
        object.put("end", span.end());
        return object;
    }

    private static List<Span> spans(Path file, int entry, JsonParser parser) throws IOException {
        List<Span> spans = new ArrayList<>();
        while (parser.nextToken() == JsonToken.START_OBJECT) {
            String label = "";
            int start = -1;
            int end = -1;
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String key = parser.currentName();
                JsonToken value = parser.nextToken();
                if (key.equals("label")) {
                    label = parser.getText();
                } else if (key.equals("start") && value == JsonToken.VALUE_NUMBER_INT) {
                    start = parser.getIntValue();
                } else if (key.equals("end") && value == JsonToken.VALUE_NUMBER_INT) {
                    end = parser.getIntValue();
                } else {
                    parser.skipChildren();
                }
            }
            try {
                spans.add(new Span(label, start, end));
            } catch (IllegalArgumentException e) {
                throw malformed(file, entry, "has a span that is none: " + e.getMessage());
            }
        }
        return spans;
    }

    private static MalformedFileException malformed(Path file, int entry, String problem) {
        return new MalformedFileException(file, "metadata '" + Keys.PROMPTS + "': entry " + entry + " " + problem);
    }
}
