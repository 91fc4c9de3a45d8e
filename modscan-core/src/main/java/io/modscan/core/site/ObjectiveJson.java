package io.modscan.core.site;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An objective as a JSON object, of a direction with a digest in place of its numbers. */
final class ObjectiveJson {

    private ObjectiveJson() {}

    static String write(Objective of) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("of", of.kind().name());
        object.put("where", of.where.name());
        object.put("positions", of.positions);
        object.put("tokens", of.tokens);
        object.put("labels", of.labels);
        object.put("site", of.site);
        object.put("sha256", of.sha256);
        try {
            return JSON.std.asString(object);
        } catch (IOException e) {
            throw new UncheckedIOException("an objective cannot be written as JSON", e);
        }
    }

    static Objective read(String json) {
        try {
            Map<String, Object> object = JSON.std.mapFrom(json);
            return new Objective(
                    Objective.Kind.valueOf(text(object, "of")),
                    Objective.Where.valueOf(text(object, "where")),
                    numbers(object, "positions"),
                    numbers(object, "tokens"),
                    list(object, "labels").stream().map(String::valueOf).toList(),
                    text(object, "site"),
                    new float[0],
                    text(object, "sha256"));
        } catch (IOException | IllegalArgumentException e) {
            throw new ModscanException("'" + json + "' tells of no objective: " + e.getMessage(), e);
        }
    }

    private static String text(Map<String, Object> object, String key) {
        if (object.get(key) instanceof String text) {
            return text;
        }
        throw new IllegalArgumentException("'" + key + "' is " + object.get(key) + ", not a string");
    }

    private static List<?> list(Map<String, Object> object, String key) {
        if (object.get(key) instanceof List<?> list) {
            return list;
        }
        throw new IllegalArgumentException("'" + key + "' is " + object.get(key) + ", not a list");
    }

    private static List<Integer> numbers(Map<String, Object> object, String key) {
        return list(object, key).stream()
                .map(value -> {
                    if (value instanceof Integer number) {
                        return number;
                    }
                    throw new IllegalArgumentException("'" + key + "' holds " + value + ", not a whole number");
                })
                .toList();
    }
}
