package io.modscan.report;

import io.modscan.core.model.ModscanVersion;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The page's file: template, styles, scripts, libraries and numbers, all in one. */
final class Page {

    private static final List<String> SCRIPTS = List.of(
            "data.js",
            "axis.js",
            "chart.js",
            "tiles.js",
            "units.js",
            "texts.js",
            "halves.js",
            "behaviour.js",
            "similarity.js",
            "structure.js",
            "token-labels.js",
            "steps.js",
            "effects.js",
            "used.js",
            "main.js");

    /** The libraries' versions, by their names in npm's registry, as the build has them. */
    private static final Properties VERSIONS = versions();

    private static final Pattern PLACE = Pattern.compile("@([a-z.]+)@");

    private Page() {}

    static String of(String title, Map<String, Object> facts, PageNumbers numbers) {
        facts.put("arrays", numbers.index());
        String echarts = VERSIONS.getProperty("echarts", "");
        String tabulator = VERSIONS.getProperty("tabulator-tables", "");
        String tables = "webjars/tabulator-tables/" + tabulator + "/dist/";
        Map<String, String> parts = new LinkedHashMap<>();
        parts.put("title", escaped(title));
        parts.put("versions.modscan", ModscanVersion.current());
        parts.put("versions.echarts", echarts);
        parts.put("versions.tabulator", tabulator);
        parts.put("page.css", resource("page.css"));
        parts.put("tabulator.css", library(tables + "css/tabulator.min.css"));
        parts.put("meta", Json.text(facts));
        parts.put("data", numbers.packed());
        parts.put("echarts.js", script(library("_static/echarts/" + echarts + "/dist/echarts.min.js")));
        parts.put("tabulator.js", script(library(tables + "js/tabulator.min.js")));
        parts.put("page.js", script(SCRIPTS.stream().map(Page::resource).collect(Collectors.joining("\n"))));
        // In one go: what is put in may itself look like a place.
        return PLACE.matcher(resource("page.html"))
                .replaceAll(place -> Matcher.quoteReplacement(parts.getOrDefault(place.group(1), place.group())));
    }

    /** A script may not hold what ends it. The map of its source would be loaded from elsewhere. */
    private static String script(String text) {
        return text.replace("</script", "<\\/script").replaceAll("(?m)^//# sourceMappingURL=.*$", "");
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }

    private static Properties versions() {
        try {
            Properties versions = new Properties();
            versions.load(new StringReader(resource("versions.properties")));
            return versions;
        } catch (IOException e) {
            throw new UncheckedIOException("the versions of the page's libraries cannot be read: " + e, e);
        }
    }

    private static String resource(String name) {
        return text(name, Page.class.getResourceAsStream(name));
    }

    /** A library's file. Where the libraries are Java modules, only a class loader finds what is in another's. */
    private static String library(String file) {
        String name = "META-INF/resources/" + file;
        return text(name, Page.class.getClassLoader().getResourceAsStream(name));
    }

    private static String text(String name, @Nullable InputStream found) {
        if (found == null) {
            throw new IllegalStateException(
                    "neither class path nor module path has " + name + ", a part of modscan-report's page");
        }
        try (found) {
            return new String(found.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(name + ": cannot be read: " + e, e);
        }
    }
}
