package io.modscan.core.intervention;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.json.JsonProblem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.InvalidPathException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * An intervention as a JSON object: a {@code name} and {@code changes}, each with a {@code site}, {@code heads} or {@code units} (or
 * neither: all), {@code except}, {@code positions}, {@code keys}, and {@code by}: {@code "zero"}, or an object with {@code keep},
 * {@code times} and {@code values}, which are a vector, a file of a reference, or, in a recording, a name and a digest.
 */
final class InterventionJson {

    private static final JsonFactory STRICT = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private static final String ZERO = "zero";

    private InterventionJson() {}

    static String write(Intervention intervention) {
        List<Map<String, Object>> changes = new ArrayList<>();
        for (Change change : intervention.changes()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("site", change.site());
            UnitSet units = change.units();
            if (units.of() != UnitSet.Of.ALL) {
                object.put(units.of() == UnitSet.Of.HEADS ? "heads" : "units", units.indices());
            }
            if (units.except()) {
                object.put("except", true);
            }
            if (!change.positions().isEmpty()) {
                object.put("positions", change.positions());
            }
            if (!change.keys().isEmpty()) {
                object.put("keys", change.keys());
            }
            object.put("by", by(change.by()));
            changes.add(object);
        }
        Map<String, Object> whole = new LinkedHashMap<>();
        whole.put("name", intervention.name());
        whole.put("changes", changes);
        try {
            return JSON.std.asString(whole);
        } catch (IOException e) {
            throw new UncheckedIOException("an intervention cannot be written as JSON", e);
        }
    }

    private static Object by(Replacement by) {
        if (by.keep() == 0 && by.reference().isEmpty()) {
            return ZERO;
        }
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("keep", by.keep());
        by.reference().ifPresent(reference -> {
            object.put("times", by.times());
            object.put("values", Map.of("name", reference.name(), "sha256", reference.sha256()));
        });
        return object;
    }

    /** @param files give references by the names of files; null if there may be none */
    static Intervention read(String json, @Nullable Function<String, Reference> files) {
        try (JsonParser parser = STRICT.createParser(json)) {
            @Nullable Map<String, Object> whole = JSON.std.mapFrom(parser);
            if (whole == null || parser.nextToken() != null) {
                throw new ModscanException("an intervention is one JSON object and nothing else");
            }
            return read(whole, files);
        } catch (JsonProcessingException e) {
            throw new ModscanException("an intervention is a JSON object: " + JsonProblem.of(e), e);
        } catch (IOException e) {
            throw new UncheckedIOException("a string cannot be read", e);
        }
    }

    private static Intervention read(Map<String, Object> whole, @Nullable Function<String, Reference> files) {
        known(whole, Set.of("name", "changes"), "an intervention");
        if (!(whole.get("name") instanceof String name) || !(whole.get("changes") instanceof List<?> list)) {
            throw new ModscanException(
                    "an intervention has a string 'name' and a list 'changes'; this has " + whole.keySet());
        }
        List<Change> changes = new ArrayList<>();
        for (Object item : list) {
            try {
                changes.add(change(item, files));
            } catch (ModscanException | IllegalArgumentException e) {
                throw new ModscanException(
                        "intervention '" + name + "': change " + changes.size() + ": " + e.getMessage(), e);
            }
        }
        try {
            return Intervention.of(name, changes);
        } catch (IllegalArgumentException e) {
            throw new ModscanException(String.valueOf(e.getMessage()), e);
        }
    }

    private static Change change(@Nullable Object item, @Nullable Function<String, Reference> files) {
        if (!(item instanceof Map<?, ?> object) || !(object.get("site") instanceof String site)) {
            throw new ModscanException("is " + item + "; a change is an object with a string 'site'");
        }
        known(object, Set.of("site", "heads", "units", "except", "positions", "keys", "by"), "a change");
        boolean heads = object.containsKey("heads");
        if (heads && object.containsKey("units")) {
            throw new ModscanException("names 'heads' and 'units'; give one of them");
        }
        List<Integer> indices = integers(object, heads ? "heads" : "units");
        Object except = object.get("except");
        if (except != null && !(except instanceof Boolean)) {
            throw new ModscanException("'except' is " + except + ", not true or false");
        }
        boolean all = !heads && !object.containsKey("units");
        UnitSet units = new UnitSet(
                all ? UnitSet.Of.ALL : heads ? UnitSet.Of.HEADS : UnitSet.Of.UNITS,
                indices,
                Boolean.TRUE.equals(except));
        return new Change(
                site,
                units,
                integers(object, "positions"),
                integers(object, "keys"),
                by(object.get("by"), site, files));
    }

    private static Replacement by(@Nullable Object by, String site, @Nullable Function<String, Reference> files) {
        if (ZERO.equals(by)) {
            return Replacement.zero();
        }
        if (!(by instanceof Map<?, ?> object)) {
            throw new ModscanException(
                    "'by' is " + by + "; it is \"zero\", or an object with 'keep', 'values', 'times'");
        }
        known(object, Set.of("keep", "values", "times"), "'by'");
        Object values = object.get("values");
        if (values == null && object.containsKey("times")) {
            throw new ModscanException(
                    "'by' has 'times' and no 'values' to multiply; a value itself is multiplied with 'keep'");
        }
        return values == null
                ? Replacement.factor(number(object, "keep", null))
                : new Replacement(
                        number(object, "keep", 0f),
                        Optional.of(reference(values, site, files)),
                        number(object, "times", 1f));
    }

    private static Reference reference(Object values, String site, @Nullable Function<String, Reference> files) {
        if (values instanceof String file && files != null) {
            try {
                return files.apply(file);
            } catch (InvalidPathException e) {
                throw new ModscanException("'values' is '" + file + "', which can't be a file's name", e);
            }
        }
        if (values instanceof Map<?, ?> told
                && told.get("name") instanceof String name
                && told.get("sha256") instanceof String sha) {
            return Reference.told(name, sha);
        }
        if (!(values instanceof List<?> list) || list.isEmpty()) {
            throw new ModscanException("'values' is " + values + "; it is a list of numbers or the name of a file");
        }
        float[] vector = new float[list.size()];
        for (int i = 0; i < vector.length; i++) {
            if (!(list.get(i) instanceof Number number)) {
                throw new ModscanException("'values' holds " + list.get(i) + ", which is no number");
            }
            vector[i] = number.floatValue();
        }
        return Reference.of("given values", Map.of(site, vector));
    }

    private static float number(Map<?, ?> object, String key, @Nullable Float otherwise) {
        Object value = object.get(key);
        if (value instanceof Number number) {
            return number.floatValue();
        }
        if (value == null && otherwise != null) {
            return otherwise;
        }
        throw new ModscanException("'" + key + "' is " + value + ", not a number");
    }

    private static List<Integer> integers(Map<?, ?> object, String key) {
        Object value = object.get(key);
        List<Integer> integers = new ArrayList<>();
        if (value != null && !(value instanceof List<?>)) {
            throw new ModscanException("'" + key + "' is " + value + ", not a list of whole numbers");
        }
        if (value instanceof List<?> list && list.isEmpty() && !key.equals("heads") && !key.equals("units")) {
            throw new ModscanException("'" + key + "' is empty; name at least one, or leave it away for all");
        }
        for (Object item : value instanceof List<?> list ? list : List.of()) {
            if (!(item instanceof Integer integer)) {
                throw new ModscanException("'" + key + "' holds " + item + ", which is no whole number");
            }
            integers.add(integer);
        }
        return integers;
    }

    private static void known(Map<?, ?> object, Set<String> keys, String what) {
        for (Object key : object.keySet()) {
            if (!keys.contains(key)) {
                throw new ModscanException("has '" + key + "'; " + what + " has "
                        + keys.stream().sorted().toList());
            }
        }
    }
}
