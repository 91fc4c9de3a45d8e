package io.modscan.core.internal.recording;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.token.Positions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** How a capture file's metadata tell which sites were read, and how they were pooled. */
public final class SiteJson {

    private static final Pattern SIZED_AXIS = Pattern.compile("(head|unit) ([1-9][0-9]{0,8})");

    private SiteJson() {}

    /** As a list of objects, in the order given. */
    static String write(List<Reading> readings) {
        List<Map<String, Object>> list = new ArrayList<>();
        for (Reading reading : readings) {
            Map<String, Object> object = json(reading.site());
            Pooling pooling = reading.pooling();
            boolean isUsual = pooling.positions().isAll() || pooling.positions().isWithoutBos();
            object.put("pooling", (isUsual ? pooling : pooling.over(Positions.all())).toString());
            if (!isUsual) {
                object.put("positions", pooling.positions().toString());
            }
            String tensor = TensorNames.packed(reading.site());
            if (!reading.site().isPairwise() && !tensor.equals(reading.site().name())) {
                object.put("tensor", tensor); // for other readers; ours knows the rule
            }
            list.add(object);
        }
        try {
            return JSON.std.asString(list);
        } catch (IOException e) {
            throw new UncheckedIOException("sites cannot be written as JSON", e);
        }
    }

    private static Map<String, Object> json(Site site) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("name", site.name());
        site.layer().ifPresent(layer -> object.put("layer", layer));
        object.put("axes", site.axes().stream().map(SiteJson::json).toList());
        if (site.onDemand()) {
            object.put("on_demand", true);
        }
        site.magnitudeOf().ifPresent(of -> object.put("magnitude_of", json(of)));
        site.picked().ifPresent(picked -> {
            object.put("picked_of", json(picked.of()));
            object.put("picked", picked.units());
        });
        site.backward().ifPresent(of -> object.put(of.kind().name().toLowerCase(Locale.ROOT) + "_of", json(of.of())));
        return object;
    }

    /** Named units as an object of their role and names, all else as text. */
    private static Object json(Axis axis) {
        String role = axis.role().name().toLowerCase(Locale.ROOT);
        if (!axis.names().isEmpty()) {
            return Map.of(role, axis.names());
        }
        return axis.size() > 0 ? role + " " + axis.size() : role;
    }

    /**
     * Reads what {@link #write} has written.
     *
     * @throws MalformedFileException if it is something else, or no plan could have read these sites
     */
    public static List<Reading> read(Path file, String json) {
        List<Reading> readings = new ArrayList<>();
        MetadataJson.forEach(file, Keys.SITES, json, parser -> {
            Map<String, Object> object = JSON.std.mapFrom(parser);
            int entry = readings.size();
            try {
                readings.add(new Reading(site(object), pooling(object.get("pooling"), object.get("positions"))));
            } catch (IllegalArgumentException | ModscanException e) {
                throw new MalformedFileException(
                        file, "metadata '" + Keys.SITES + "': entry " + entry + ": " + e.getMessage(), e);
            }
        });
        try {
            return new CapturePlan(readings).readings();
        } catch (ModscanException e) {
            throw new MalformedFileException(file, "metadata '" + Keys.SITES + "': " + e.getMessage(), e);
        }
    }

    private static Site site(Map<?, ?> object) {
        if (!(object.get("name") instanceof String name)) {
            throw new IllegalArgumentException("the name is " + object.get("name") + ", not a string");
        }
        Object onDemand = object.get("on_demand");
        if (onDemand != null && !(onDemand instanceof Boolean)) {
            throw new IllegalArgumentException("on_demand of " + name + " is " + onDemand + ", not true or false");
        }
        Site site = new Site(
                name,
                layer(name, object.get("layer")),
                axes(name, object.get("axes")),
                Boolean.TRUE.equals(onDemand),
                source(name, object, "magnitude_of"),
                source(name, object, "picked_of").map(of -> new Site.Picked(of, picked(name, object.get("picked")))),
                source(name, object, "gradient_of")
                        .map(of -> new Site.Backward(Site.Backward.Kind.GRADIENT, of))
                        .or(() -> source(name, object, "attribution_of")
                                .map(of -> new Site.Backward(Site.Backward.Kind.ATTRIBUTION, of))));
        site.magnitudeOf().ifPresent(of -> checkFits(site, of, of.magnitude(), "magnitude_of"));
        site.picked()
                .ifPresent(picked -> checkFits(
                        site,
                        picked.of(),
                        picked.of()
                                .pick(picked.units().stream()
                                        .mapToInt(Integer::intValue)
                                        .toArray()),
                        "picked_of"));
        site.backward()
                .ifPresent(of -> checkFits(
                        site,
                        of.of(),
                        site.isAttribution() ? of.of().attribution() : of.of().gradient(),
                        of.kind().name().toLowerCase(Locale.ROOT) + "_of"));
        return site;
    }

    private static Optional<Site> source(String name, Map<?, ?> object, String key) {
        Object of = object.get(key);
        if (of != null && !(of instanceof Map)) {
            throw new IllegalArgumentException(key + " of " + name + " is " + of + ", not an object");
        }
        return of instanceof Map<?, ?> map ? Optional.of(site(map)) : Optional.empty();
    }

    private static List<Integer> picked(String name, @Nullable Object value) {
        if (value instanceof List<?> list && list.stream().allMatch(Integer.class::isInstance)) {
            return list.stream().map(Integer.class::cast).toList();
        }
        throw new IllegalArgumentException("picked of " + name + " is " + value + ", not a list of whole numbers");
    }

    private static void checkFits(Site site, Site of, Site derived, String key) {
        if (!derived.equals(site)) {
            throw new IllegalArgumentException(site + " does not fit " + of + ", the site that its " + key + " names");
        }
    }

    private static OptionalInt layer(String name, @Nullable Object layer) {
        if (layer == null) {
            return OptionalInt.empty();
        }
        if (layer instanceof Integer number && number >= 0) {
            return OptionalInt.of(number);
        }
        throw new IllegalArgumentException("the layer of " + name + " is " + layer + ", not a number from 0");
    }

    private static List<Axis> axes(String name, @Nullable Object value) {
        if (!(value instanceof List<?> list)) {
            throw new IllegalArgumentException("the axes of " + name + " are " + value + ", not a list");
        }
        List<Axis> axes = new ArrayList<>();
        for (Object item : list) {
            axes.add(
                    item instanceof Map<?, ?> map && map.get("unit") instanceof List<?> names
                            ? Axis.units(names.stream().map(String::valueOf).toList())
                            : axis(name, String.valueOf(item)));
        }
        return axes;
    }

    private static Axis axis(String name, String text) {
        Matcher sized = SIZED_AXIS.matcher(text);
        for (Axis axis : List.of(Axis.POSITION, Axis.QUERY, Axis.KEY)) {
            if (json(axis).equals(text)) {
                return axis;
            }
        }
        if (sized.matches()) {
            int size = Integer.parseInt(sized.group(2));
            return sized.group(1).equals("head") ? Axis.heads(size) : Axis.units(size);
        }
        throw new IllegalArgumentException("an axis of " + name + " is '" + text
                + "'; it must be one of 'position', 'head N', 'query', 'key', 'unit N', or {\"unit\": [names]}");
    }

    private static Pooling pooling(@Nullable Object text, @Nullable Object positions) {
        for (Pooling.Kind kind : Pooling.Kind.values()) {
            Pooling pooling = new Pooling(kind, Positions.all());
            if (pooling.toString().equals(text)) {
                return positions == null ? pooling : pooling.over(Positions.parse(positions.toString()));
            }
            if (positions == null && pooling.withoutBos().toString().equals(text)) {
                return pooling.withoutBos();
            }
        }
        throw new IllegalArgumentException("the pooling is " + text
                + "; it must be 'none', 'last', 'mean', 'max' or 'sum', with or without ' without BOS' behind");
    }
}
