package io.modscan.onnx.internal.tokenizer;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.internal.checkpoint.JsonFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Lets through what is known of a {@code tokenizer.json}'s normalizer, pre-tokenizer and decoder: parts that don't make
 * the tokenizers library panic, each with settings that are known, one part or a sequence of them. All others are refused
 * by name. The types of the settings are left to the library, which says what is wrong with them.
 */
public final class TokenizerParts {

    private static final Set<String> METASPACE =
            Set.of("replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep");
    private static final Set<String> BYTE_LEVEL = Set.of("add_prefix_space", "trim_offsets", "use_regex");
    private static final Set<String> REPLACE = Set.of("pattern", "content");

    /** What a part may have, by its type. */
    private static final Map<String, Set<String>> NORMALIZERS = Map.ofEntries(
            Map.entry("BertNormalizer", Set.of("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")),
            Map.entry("Lowercase", Set.of()),
            Map.entry("NFC", Set.of()),
            Map.entry("NFD", Set.of()),
            Map.entry("NFKC", Set.of()),
            Map.entry("NFKD", Set.of()),
            Map.entry("Precompiled", Set.of("precompiled_charsmap")),
            Map.entry("Prepend", Set.of("prepend")),
            Map.entry("Replace", REPLACE),
            Map.entry("Strip", Set.of("strip_left", "strip_right")),
            Map.entry("StripAccents", Set.of()));

    private static final Map<String, Set<String>> PRE_TOKENIZERS = Map.of(
            "BertPreTokenizer", Set.of(),
            "ByteLevel", BYTE_LEVEL,
            "Digits", Set.of("individual_digits"),
            "Metaspace", METASPACE,
            "Punctuation", Set.of("behavior"),
            "Split", Set.of("pattern", "behavior", "invert"),
            "Whitespace", Set.of(),
            "WhitespaceSplit", Set.of());

    private static final Map<String, Set<String>> DECODERS = Map.of(
            "ByteFallback", Set.of(),
            "ByteLevel", BYTE_LEVEL,
            "Fuse", Set.of(),
            "Metaspace", METASPACE,
            "Replace", REPLACE,
            "Strip", Set.of("content", "start", "stop"),
            "WordPiece", Set.of("prefix", "cleanup"));

    /** The parts could double a text again and again. */
    private static final int MAX_GROWTH = 1_000;

    /**
     * Characters and classes one after the other, each there at least once: it cannot match nothing. Possessive, so that Java
     * matches it in a loop and not by recursion.
     */
    private static final Pattern SOLID = Pattern.compile(
            "(?:(?:[^\\\\\\[\\](){}|?*+^$]|\\\\[^\\p{L}\\p{N}]|\\\\[sSdDwWnrt]|\\[\\^?(?:[^\\[\\]\\\\^&]|\\\\[sdwnrt])++\\])"
                    + "(?:\\+|\\{[1-9][0-9]{0,3}(?:,[0-9]{0,4})?\\})?)++");

    private final Path file;
    private final String name;
    private final String members;
    private final Map<String, Set<String>> handled;

    /** For each character of the text as it comes in. */
    private long ways;
    /** How many times as long the parts so far can make a text. */
    private long growth = 1;

    private TokenizerParts(Path file, String name, String members, Map<String, Set<String>> handled) {
        this.file = file;
        this.name = name;
        this.members = members;
        this.handled = handled;
    }

    /**
     * Checks all three.
     *
     * @return the most steps that matching an expression among them can take back for each character of a text, see
     *     {@link SplitPattern#ways}
     */
    static int check(Path file, JsonFile json) {
        TokenizerParts normalizer = new TokenizerParts(file, "normalizer", "normalizers", NORMALIZERS);
        normalizer.check(json.get("normalizer"));
        TokenizerParts preTokenizer = new TokenizerParts(file, "pre_tokenizer", "pretokenizers", PRE_TOKENIZERS);
        preTokenizer.growth = normalizer.growth;
        preTokenizer.check(json.get("pre_tokenizer"));
        new TokenizerParts(file, "decoder", "decoders", DECODERS).check(json.get("decoder"));
        return (int) Math.max(normalizer.ways, preTokenizer.ways);
    }

    static List<?> list(Path file, JsonFile json, String key) {
        if (json.get(key) instanceof List<?> list) {
            return list;
        }
        throw new MalformedFileException(file, "'" + key + "' is " + json.get(key) + "; it must be a list");
    }

    /** The nesting is bounded by the JSON parser. */
    private void check(@Nullable Object value) {
        if (value == null) {
            return;
        }
        JsonFile part = JsonFile.object(file, value, "'" + name + "'");
        String type = part.string("type", "");
        if (type.equals("Sequence")) {
            list(file, part, members).forEach(this::check);
            return;
        }
        Set<String> settings = handled.get(type);
        if (settings == null) {
            throw new UnsupportedModelException(file + ": '" + name + "' has a part of the type '" + type
                    + "'; handled are "
                    + String.join(", ", handled.keySet().stream().sorted().toList()) + " and Sequence");
        }
        for (String key : part.values().keySet()) {
            if (!key.equals("type") && !settings.contains(key)) {
                throw new UnsupportedModelException(file + ": '" + name + "' has a " + type + " with '" + key
                        + "'; handled are those with "
                        + (settings.isEmpty()
                                ? "nothing"
                                : String.join(", ", settings.stream().sorted().toList())));
            }
        }
        switch (type) {
            // A space on both sides of an ideograph.
            case "BertNormalizer" -> grow(3);
            case "Metaspace" -> grow(2);
            case "Precompiled" -> precompiled(part);
            case "Prepend" -> prepend(part);
            case "Replace" -> replace(part);
            case "Split" -> split(part);
            case "Strip" -> strip(part);
            default -> {}
        }
    }

    private void grow(int factor) {
        growth *= factor;
        if (growth > MAX_GROWTH) {
            throw new UnsupportedModelException(file + ": '" + name + "' can make a text more than " + MAX_GROWTH
                    + " times as long; handled is less");
        }
    }

    private void precompiled(JsonFile part) {
        CharacterMap.Finding finding = CharacterMap.check(part.string("precompiled_charsmap", ""));
        if (finding.problem() != null) {
            throw new MalformedFileException(file, "the 'precompiled_charsmap' of 'normalizer' " + finding.problem());
        }
        grow(finding.growth());
    }

    private void prepend(JsonFile part) {
        String text = part.string("prepend", "");
        if (text.isEmpty()) {
            throw new MalformedFileException(file, "'" + name + "' has a Prepend without text; it must have one");
        }
        // In front of at least one character.
        grow(1 + text.length());
    }

    private void replace(JsonFile part) {
        JsonFile pattern = JsonFile.object(file, part.get("pattern"), "the pattern of a Replace");
        String content = part.string("content", "");
        Object text = pattern.get("String");
        if (text instanceof String string && !string.isEmpty()) {
            grow(Math.max(1, (content.length() + string.length() - 1) / string.length()));
        } else if (text == null && name.equals("normalizer") && pattern.get("Regex") instanceof String regex) {
            bound(regex);
            if (!SOLID.matcher(regex).matches()) {
                throw new UnsupportedModelException(file + ": the expression '" + regex
                        + "' of a Replace is not handled; handled are characters and classes, which may be repeated");
            }
            grow(Math.max(1, content.length()));
        } else {
            throw new UnsupportedModelException(
                    file + ": '" + name + "' has a Replace of " + part.get("pattern") + "; handled is that of a String"
                            + " which is not empty" + (name.equals("normalizer") ? ", or of a Regex" : ""));
        }
    }

    private void split(JsonFile part) {
        if (JsonFile.object(file, part.get("pattern"), "the pattern of a Split").get("Regex") instanceof String regex) {
            bound(regex);
        }
    }

    private void bound(String regex) {
        SplitPattern pattern = SplitPattern.of(regex);
        if (pattern.problem() != null) {
            throw new UnsupportedModelException(file + ": the expression '" + regex + "' " + pattern.problem()
                    + "; handled are those that cannot run away");
        }
        ways = Math.max(ways, pattern.ways() * growth);
    }

    private void strip(JsonFile part) {
        if (name.equals("decoder") && part.index("stop", 0) != 0) {
            throw new UnsupportedModelException(
                    file + ": 'decoder' has a Strip whose 'stop' is " + part.get("stop") + "; handled is 0");
        }
    }
}
