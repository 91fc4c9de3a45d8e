package io.modscan.onnx;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.TokenizerSettings.Token;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A checkpoint's tokenizer, as the tokenizers library is to be given it. A {@code tokenizer.json} goes before
 * {@code vocab.json} and {@code merges.txt}, as in transformers.
 *
 * <p>A {@code tokenizer.json} is not handed on as it is. Its padding and truncation must not act; what it puts in front of
 * a text is taken out, to be put there in Java; and since a panic of the library ends the JVM, only parts that are known
 * not to panic are let through. All others are refused by name.
 *
 * @param file   the file that vocabulary and merges come from
 * @param json   the form of a {@code tokenizer.json}
 * @param front  the ids put in front of every text
 * @param lastId the highest id that a text can get, a token that is there by default left aside
 * @param ways   the most steps that matching an expression of the file's can take back for each character of a text
 */
record TokenizerDefinition(Path file, Map<String, @Nullable Object> json, List<Integer> front, int lastId, int ways) {

    private static final Set<String> NORMALIZERS = Set.of("NFC", "NFD", "NFKC", "NFKD", "Lowercase");
    private static final Set<String> PRE_TOKENIZERS =
            Set.of("ByteLevel", "Digits", "Punctuation", "Split", "Whitespace", "WhitespaceSplit");
    private static final Set<String> DECODERS = Set.of("ByteLevel");

    /**
     * Reads a tokenizer.
     *
     * @param path a folder, or a {@code tokenizer.json} alone, beside which nothing is read
     */
    static TokenizerDefinition read(Path path) {
        if (Files.isRegularFile(path)) {
            return fromJson(path, null);
        }
        if (Files.exists(path.resolve("tokenizer.json"))) {
            return fromJson(path.resolve("tokenizer.json"), path);
        }
        return fromVocabulary(path);
    }

    private static TokenizerDefinition fromVocabulary(Path folder) {
        Path vocabFile = folder.resolve("vocab.json");
        Path mergesFile = folder.resolve("merges.txt");
        if (!Files.exists(vocabFile) || !Files.exists(mergesFile)) {
            throw new ModscanException(folder + ": has no tokenizer; expected are tokenizer.json, or vocab.json and"
                    + " merges.txt (prompts of ready token ids need none)");
        }
        BpeModel model = BpeModel.read(vocabFile, mergesFile);
        TokenizerSettings settings = TokenizerSettings.read(folder, false);
        Path config = folder.resolve("tokenizer_config.json");
        for (String key : List.of("add_prefix_space", "add_eos_token")) {
            if (settings.flag(key)) {
                throw new UnsupportedModelException(config + ": '" + key + "' is true; OPT's tokenizers have it false");
            }
        }
        for (Token token : settings.roles().values()) {
            if (!model.ids().containsKey(token.content())) {
                throw new MalformedFileException(
                        vocabFile, "has no id for the special token '" + token.content() + "'");
            }
        }
        List<Integer> front = List.of();
        if (settings.addsBos()) {
            Token bos = settings.roles().get("bos_token");
            Integer id = bos == null ? null : model.ids().get(bos.content());
            if (id == null) {
                throw new MalformedFileException(
                        config,
                        (Files.exists(config)
                                        ? "names no"
                                        : "is not there, nor is special_tokens_map.json, to name the")
                                + " 'bos_token', which OPT puts in front of every text");
            }
            front = List.of(id);
        }
        List<Token> added = settings.tokens(new TreeMap<>(), true);
        return of(vocabFile, model, added, null, byteLevel(false), byteLevel(false), front, 0);
    }

    private static TokenizerDefinition fromJson(Path file, @Nullable Path folder) {
        JsonFile json = JsonFile.read(file);
        if (!json.string("version", "1.0").equals("1.0")) {
            throw new UnsupportedModelException(
                    file + ": 'version' is '" + json.get("version") + "'; modscan reads tokenizers of version 1.0");
        }
        SortedMap<Integer, Token> own = ownTokens(file, json.get("added_tokens"));
        TokenizerSettings settings = folder == null ? null : TokenizerSettings.read(folder, true);
        boolean gpt2 = settings != null && folder != null && settings.isGpt2(folder);
        BpeModel model = BpeModel.of(file, JsonFile.object(file, json.get("model"), "'model'"), gpt2);
        List<Token> added = settings == null ? List.copyOf(own.values()) : settings.tokens(own, gpt2);
        List<Integer> front = front(file, json.get("post_processor"));
        if (gpt2) {
            boolean prefixSpace = settings != null && settings.flag("add_prefix_space");
            return of(file, model, added, null, byteLevel(prefixSpace), byteLevel(false), front, 0);
        }
        check(file, "normalizer", json.get("normalizer"), "normalizers", NORMALIZERS);
        int ways = check(file, "pre_tokenizer", json.get("pre_tokenizer"), "pretokenizers", PRE_TOKENIZERS);
        check(file, "decoder", json.get("decoder"), "decoders", DECODERS);
        return of(
                file,
                model,
                added,
                json.get("normalizer"),
                json.get("pre_tokenizer"),
                json.get("decoder"),
                front,
                ways);
    }

    private static TokenizerDefinition of(
            Path file,
            BpeModel model,
            List<Token> added,
            @Nullable Object normalizer,
            @Nullable Object preTokenizer,
            @Nullable Object decoder,
            List<Integer> front,
            int ways) {
        int last = 0;
        for (int id : model.ids().values()) {
            last = Math.max(last, id);
        }
        for (int id : front) {
            last = Math.max(last, id);
        }
        List<Object> tokens = new ArrayList<>();
        int lastAdded = -1;
        for (Token token : added) {
            if (!token.content().isEmpty()) {
                // As the library counts: on from the vocabulary's size, whatever the files say.
                Integer known = model.ids().get(token.content());
                int id = known != null ? known : Math.max(model.ids().size(), lastAdded + 1);
                lastAdded = Math.max(lastAdded, id);
                // A default that nobody asked for is no reason to refuse the model, only a text that spells it out.
                if (known != null || !token.content().equals(TokenizerSettings.DEFAULT)) {
                    last = Math.max(last, id);
                }
                tokens.add(token.json(id));
            }
        }
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("version", "1.0");
        json.put("truncation", null);
        json.put("padding", null);
        json.put("added_tokens", tokens);
        json.put("normalizer", normalizer);
        json.put("pre_tokenizer", preTokenizer);
        json.put("post_processor", null);
        json.put("decoder", decoder);
        json.put("model", model.json());
        return new TokenizerDefinition(file, json, front, last, ways);
    }

    private static SortedMap<Integer, Token> ownTokens(Path file, @Nullable Object value) {
        SortedMap<Integer, Token> tokens = new TreeMap<>();
        if (value instanceof List<?> list) {
            for (Object entry : list) {
                JsonFile token = JsonFile.object(file, entry, "an entry of 'added_tokens'");
                tokens.put(token.index("id", -1), Token.of(file, entry, false));
            }
        } else if (value != null) {
            throw new MalformedFileException(file, "'added_tokens' is no list");
        }
        return tokens;
    }

    /** The ids that a post-processor puts in front of a text; whatever else it would do is refused. */
    private static List<Integer> front(Path file, @Nullable Object value) {
        if (value == null) {
            return List.of();
        }
        JsonFile processor = JsonFile.object(file, value, "'post_processor'");
        String type = processor.string("type", "");
        return switch (type) {
            // Moves offsets only.
            case "ByteLevel" -> List.of();
            case "TemplateProcessing" -> template(file, processor);
            case "Sequence" -> {
                List<Integer> front = List.of();
                for (Object part : list(file, processor, "processors")) {
                    List<Integer> more = front(file, part);
                    if (!front.isEmpty() && !more.isEmpty()) {
                        throw new UnsupportedModelException(
                                file + ": 'post_processor' puts tokens in front of a text twice; handled is once");
                    }
                    front = more.isEmpty() ? front : more;
                }
                yield front;
            }
            default ->
                throw new UnsupportedModelException(file + ": 'post_processor' is of the type '" + type
                        + "'; handled are ByteLevel, TemplateProcessing and Sequence");
        };
    }

    private static List<Integer> template(Path file, JsonFile processor) {
        JsonFile known = JsonFile.object(file, processor.get("special_tokens"), "the template's 'special_tokens'");
        List<Integer> front = new ArrayList<>();
        boolean text = false;
        for (Object piece : list(file, processor, "single")) {
            JsonFile part = JsonFile.object(file, piece, "a part of the template");
            Object special = part.get("SpecialToken");
            if (text) {
                throw new UnsupportedModelException(
                        file + ": 'post_processor' puts something behind a text; handled is in front of it only");
            }
            if (special == null) {
                text = part.get("Sequence") != null;
                continue;
            }
            String name = JsonFile.object(file, special, "a special token of the template")
                    .string("id", "");
            JsonFile token = JsonFile.object(file, known.get(name), "the template's special token '" + name + "'");
            for (Object id : list(file, token, "ids")) {
                if (!(id instanceof Integer number) || number < 0) {
                    throw new MalformedFileException(
                            file, "the template's special token '" + name + "' has the id " + id);
                }
                front.add(number);
            }
        }
        if (!text) {
            throw new MalformedFileException(file, "the template of 'post_processor' has no place for the text");
        }
        return front;
    }

    /**
     * Lets only known parts through, one or a sequence of them; the nesting is bounded by the JSON parser. Returns the most
     * {@link SplitPattern#ways} of an expression among them.
     */
    private static int check(Path file, String name, @Nullable Object value, String members, Set<String> handled) {
        if (value == null) {
            return 0;
        }
        JsonFile part = JsonFile.object(file, value, "'" + name + "'");
        String type = part.string("type", "");
        if (type.equals("Sequence")) {
            int ways = 0;
            for (Object member : list(file, part, members)) {
                ways = Math.max(ways, check(file, name, member, members, handled));
            }
            return ways;
        }
        if (!handled.contains(type)) {
            throw new UnsupportedModelException(
                    file + ": '" + name + "' has a part of the type '" + type + "'; handled are "
                            + String.join(", ", handled.stream().sorted().toList()) + " and Sequence");
        }
        if (!type.equals("Split")
                || !(JsonFile.object(file, part.get("pattern"), "the pattern of a Split")
                                .get("Regex")
                        instanceof String regex)) {
            return 0;
        }
        SplitPattern pattern = SplitPattern.of(regex);
        if (pattern.problem() != null) {
            throw new UnsupportedModelException(file + ": the expression '" + regex + "' " + pattern.problem()
                    + "; handled are those that cannot run away");
        }
        return pattern.ways();
    }

    private static List<?> list(Path file, JsonFile json, String key) {
        if (json.get(key) instanceof List<?> list) {
            return list;
        }
        throw new MalformedFileException(file, "'" + key + "' is " + json.get(key) + "; it must be a list");
    }

    private static Map<String, Object> byteLevel(boolean prefixSpace) {
        return Map.of("type", "ByteLevel", "add_prefix_space", prefixSpace, "trim_offsets", true, "use_regex", true);
    }
}
