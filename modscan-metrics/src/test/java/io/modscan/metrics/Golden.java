package io.modscan.metrics;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reads {@code golden.json}, which {@code tools/metrics_golden.py} writes, and files like it. */
public final class Golden {

    private Golden() {}

    public static Map<String, Object> all() {
        return all("golden.json");
    }

    public static Map<String, Object> all(String file) {
        try (InputStream in = Objects.requireNonNull(Golden.class.getResourceAsStream(file))) {
            return JSON.std.mapFrom(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static Stream<Map<String, Object>> cases(String section) {
        return cases("golden.json", section);
    }

    public static Stream<Map<String, Object>> cases(String file, String section) {
        return list(all(file).get(section)).stream().map(Golden::object);
    }

    @SuppressWarnings("unchecked")
    public static Map<String, Object> object(@Nullable Object json) {
        return (Map<String, Object>) Objects.requireNonNull(json);
    }

    public static List<?> list(@Nullable Object json) {
        return (List<?>) Objects.requireNonNull(json);
    }

    public static double number(@Nullable Object json) {
        return json == null ? Double.NaN : ((Number) json).doubleValue();
    }

    public static int integer(@Nullable Object json) {
        return (int) number(json);
    }

    public static double[] doubles(@Nullable Object json) {
        return list(json).stream().mapToDouble(Golden::number).toArray();
    }

    public static double[][] matrix(@Nullable Object json) {
        return list(json).stream().map(Golden::doubles).toArray(double[][]::new);
    }

    public static float[] floats(@Nullable Object json) {
        double[] wide = doubles(json);
        float[] values = new float[wide.length];
        for (int i = 0; i < wide.length; i++) {
            values[i] = (float) wide[i];
        }
        return values;
    }

    public static float[][] vectors(@Nullable Object json) {
        return list(json).stream().map(Golden::floats).toArray(float[][]::new);
    }

    public static List<String> strings(@Nullable Object json) {
        return list(json).stream().map(String.class::cast).toList();
    }
}
