package io.modscan.onnx.internal.tokenizer;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.internal.checkpoint.JsonFile;
import io.modscan.onnx.internal.checkpoint.ModelFolder;
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
 * What the files beside a vocabulary say: {@code tokenizer_config.json}, {@code special_tokens_map.json} and
 * {@code added_tokens.json}. They are put together as transformers 5.18 does it, which has three rules that are easily
 * missed: with {@code added_tokens_decoder} in the first, the other two are not read at all; else the map goes before the
 * config; and a token's number in these files only orders it, its id being the vocabulary's or the next free one.
 */
public final class TokenizerSettings {

    private static final List<String> ROLES =
            List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");

    /** What GPT-2's class takes for the roles that no file names. */
    static final String DEFAULT = "<|endoftext|>";

    private static final List<String> HAVE_DEFAULT = List.of("bos_token", "eos_token", "unk_token");

    /** Names of the class that takes all of {@code tokenizer.json}; it is the one where none is named, too. */
    private static final Set<String> GENERAL =
            Set.of("", "PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend");

    private final Path configFile;
    private final JsonFile config;
    private final Map<String, @Nullable Object> values;
    private final SortedMap<Integer, Token> numbered = new TreeMap<>();
    private final boolean numbersInConfig;

    /** A token that is taken out of a text as a whole. */
    record Token(
            String content, boolean singleWord, boolean lstrip, boolean rstrip, boolean normalized, boolean special) {

        /** From its name alone, or from an object as the files have them. */
        static Token of(Path file, @Nullable Object value, boolean named) {
            if (value instanceof String content) {
                return new Token(content, false, false, false, false, true);
            }
            JsonFile json = JsonFile.object(file, value, "a special token");
            if (!(json.get("content") instanceof String content)) {
                throw new MalformedFileException(file, "has a token without 'content': " + value);
            }
            boolean special = named || json.flag("special", false);
            return new Token(
                    content,
                    json.flag("single_word", false),
                    json.flag("lstrip", false),
                    json.flag("rstrip", false),
                    json.flag("normalized", !special),
                    special);
        }

        Map<String, Object> json(int id) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("id", id);
            json.put("content", content);
            json.put("single_word", singleWord);
            json.put("lstrip", lstrip);
            json.put("rstrip", rstrip);
            json.put("normalized", normalized);
            json.put("special", special);
            return json;
        }
    }

    private TokenizerSettings(Path configFile, JsonFile config, Map<String, @Nullable Object> values) {
        this.configFile = configFile;
        this.config = config;
        this.values = values;
        this.numbersInConfig = config.get("added_tokens_decoder") != null;
    }

    /**
     * Reads the files of a folder, which may lack any of them.
     *
     * @param mapFirst whether {@code special_tokens_map.json} goes before {@code tokenizer_config.json}
     */
    static TokenizerSettings read(Path folder, boolean mapFirst) {
        Path configFile = folder.resolve("tokenizer_config.json");
        JsonFile config = JsonFile.readIfThere(configFile);
        Map<String, @Nullable Object> values = new LinkedHashMap<>(config.values());
        if (isEmpty(values.get("extra_special_tokens"))) {
            values.put("extra_special_tokens", values.remove("additional_special_tokens"));
        }
        TokenizerSettings settings = new TokenizerSettings(configFile, config, values);
        if (settings.numbersInConfig) {
            settings.readNumbered();
        } else {
            settings.readMap(folder.resolve("special_tokens_map.json"), mapFirst);
            settings.readAdded(folder.resolve("added_tokens.json"));
        }
        settings.refuseUnknown();
        return settings;
    }

    private static boolean isEmpty(@Nullable Object value) {
        return value == null || value.equals(List.of()) || value.equals(Map.of());
    }

    private void readNumbered() {
        JsonFile.object(configFile, config.get("added_tokens_decoder"), "'added_tokens_decoder'")
                .values()
                .forEach((number, token) -> {
                    try {
                        numbered.put(Integer.valueOf(number), Token.of(configFile, token, false));
                    } catch (NumberFormatException e) {
                        throw new MalformedFileException(
                                configFile,
                                "'added_tokens_decoder' has the id '" + number + "', which is no number",
                                e);
                    }
                });
    }

    private void readMap(Path file, boolean first) {
        JsonFile.readIfThere(file).values().forEach((key, value) -> {
            if (key.equals("additional_special_tokens") || key.equals("extra_special_tokens")) {
                List<Object> tokens = new ArrayList<>(list(values.get("extra_special_tokens")));
                // transformers drops the map's older name where the config has tokens of its own.
                if (tokens.isEmpty() || key.startsWith("extra")) {
                    tokens.addAll(list(value));
                }
                values.put("extra_special_tokens", tokens);
            } else if (first || values.get(key) == null) {
                values.put(key, value);
            }
        });
    }

    private void readAdded(Path file) {
        List<String> specials = named(false).stream().map(Token::content).toList();
        JsonFile.readIfThere(file).values().forEach((content, id) -> {
            if (!(id instanceof Integer number)) {
                throw new MalformedFileException(file, "token '" + content + "' has the id " + id);
            }
            boolean special = specials.contains(content);
            numbered.put(number, new Token(content, false, false, false, !special, special));
        });
    }

    private void refuseUnknown() {
        if (flag("split_special_tokens")) {
            throw new UnsupportedModelException(
                    configFile + ": 'split_special_tokens' is true; special tokens are taken whole");
        }
        if (!isEmpty(values.get("fast_tokenizer_files"))) {
            throw new UnsupportedModelException(
                    configFile + ": 'fast_tokenizer_files' names other files; what is read is tokenizer.json");
        }
    }

    private static List<?> list(@Nullable Object value) {
        return value instanceof Map<?, ?> byName
                ? new ArrayList<>(byName.values())
                : value instanceof List<?> list ? list : List.of();
    }

    boolean flag(String key) {
        return config.flag(key, false);
    }

    /** Whether the config tells if a BOS is put in front. */
    boolean saysAddBos() {
        return config.get("add_bos_token") != null;
    }

    /** False only if the config says so; OPT's say true, or nothing. */
    boolean addsBos() {
        return config.flag("add_bos_token", true);
    }

    /**
     * Whether transformers would take GPT-2's class, which is also the one for OPT if none is named. It takes from
     * {@code tokenizer.json} only vocabulary, merges and what is put in front. (transformers 4 took all of it.) Any other
     * class is held to all of the file, see {@link #mustAgree}.
     */
    boolean isGpt2(Path folder) {
        JsonFile model = JsonFile.readIfThere(folder.resolve(ModelFolder.CONFIG));
        String name = config.string("tokenizer_class", "");
        if (name.isEmpty()) {
            name = model.string("tokenizer_class", "");
        }
        if (!name.isEmpty()) {
            return name.equals("GPT2Tokenizer") || name.equals("GPT2TokenizerFast");
        }
        // A file with nothing beside it that says otherwise is of another family: a checkpoint of OPT has a config.
        String kind = model.string("model_type", config.values().isEmpty() ? "" : "opt");
        return kind.equals("opt") || kind.equals("gpt2");
    }

    /**
     * Checks that {@code tokenizer.json} does what the config says, for there are classes that let the config win, others
     * that let the file win, and versions that differ in it.
     */
    void mustAgree(Path file, JsonFile json, SpecialTokens around) {
        // The general class, which passes both over where the file has a post-processor.
        if (!GENERAL.contains(config.string("tokenizer_class", ""))) {
            mustBe(file, "add_bos_token", !around.front().isEmpty());
            mustBe(file, "add_eos_token", !around.behind().isEmpty());
        }
        if (json.get("normalizer") instanceof Map<?, ?> normalizer && "BertNormalizer".equals(normalizer.get("type"))) {
            mustBe(file, "do_lower_case", normalizer.get("lowercase"));
            mustBe(file, "strip_accents", normalizer.get("strip_accents"));
            mustBe(file, "tokenize_chinese_chars", normalizer.get("handle_chinese_chars"));
        }
    }

    private void mustBe(Path file, String key, @Nullable Object actual) {
        Object said = config.get(key);
        if (said != null && !said.equals(actual)) {
            throw new UnsupportedModelException(configFile + ": '" + key + "' is " + said + ", but " + file + " has it "
                    + actual + "; handled are files that agree");
        }
    }

    /**
     * All tokens to be taken whole, in the order in which they get their ids.
     *
     * @param own  those of {@code tokenizer.json}, by the ids that it gives them
     * @param gpt2 for GPT-2's class, which has a default token and does not itself hold those of the file
     */
    List<Token> tokens(Map<Integer, Token> own, boolean gpt2) {
        Map<String, Token> tokens = new LinkedHashMap<>();
        if (!gpt2) {
            own.values().forEach(token -> tokens.put(token.content(), token));
        }
        SortedMap<Integer, Token> all = new TreeMap<>(numbered);
        if (!numbersInConfig) {
            all.putAll(own);
        }
        all.values().forEach(token -> tokens.put(token.content(), token));
        named(gpt2).forEach(token -> tokens.putIfAbsent(token.content(), token));
        return List.copyOf(tokens.values());
    }

    /** Those that have a role or are listed, in the order in which transformers adds them. */
    private List<Token> named(boolean gpt2) {
        Map<String, Token> roles = roles();
        List<Token> tokens = new ArrayList<>();
        for (String role : ROLES) {
            Token token = roles.get(role);
            if (token != null) {
                tokens.add(token);
            } else if (gpt2 && HAVE_DEFAULT.contains(role) && !values.containsKey(role)) {
                tokens.add(Token.of(configFile, DEFAULT, true));
            }
        }
        values.forEach((key, value) -> {
            if (key.endsWith("_token") && !ROLES.contains(key) && (value instanceof String || value instanceof Map)) {
                tokens.add(Token.of(configFile, value, true));
            }
        });
        list(values.get("extra_special_tokens")).forEach(token -> tokens.add(Token.of(configFile, token, true)));
        return tokens;
    }

    /** The tokens that the files give a role, by their role. */
    Map<String, Token> roles() {
        Map<String, Token> roles = new LinkedHashMap<>();
        for (String role : ROLES) {
            Object value = values.get(role);
            if (value != null) {
                roles.put(role, Token.of(configFile, value, true));
            }
        }
        return roles;
    }
}
