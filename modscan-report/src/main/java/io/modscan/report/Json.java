package io.modscan.report;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/** Facts as JSON that may stand within a page. */
final class Json {

    private Json() {}

    static String text(Map<String, Object> facts) {
        try {
            // Nothing in it can end the element that it stands in.
            return JSON.std.asString(facts).replace("<", "\\u003c");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** JSON has no NaN and no infinity. */
    static @Nullable Double number(double value) {
        return Double.isFinite(value) ? value : null;
    }

    static List<@Nullable Double> numbers(DoubleStream values) {
        List<@Nullable Double> numbers = new ArrayList<>();
        values.forEach(value -> numbers.add(number(value)));
        return numbers;
    }
}
