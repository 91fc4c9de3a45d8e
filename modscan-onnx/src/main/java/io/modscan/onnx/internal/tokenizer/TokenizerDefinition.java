package io.modscan.onnx.internal.tokenizer;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.internal.checkpoint.JsonFile;
import io.modscan.onnx.internal.tokenizer.TokenizerSettings.Token;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A checkpoint's tokenizer, as the tokenizers library is to be given it. A {@code tokenizer.json} goes before
 * {@code vocab.json} and {@code merges.txt}, as in transformers.
 *
 * <p>A {@code tokenizer.json} is not handed on as it is. Its padding and truncation must not act; what it puts around a
 * text is taken out, to be put there in Java, so that of its post-processor only what moves the places of tokens is left;
 * and since a panic of the library ends the JVM, only parts that are known not to panic are let through. All others are
 * refused by name.
 *
 * @param file   the file that vocabulary and merges come from
 * @param json   the form of a {@code tokenizer.json}
 * @param around the ids put in front of every text and behind it
 * @param lastId the highest id that a text can get, a token that is there by default left aside
 * @param ways   the most steps that matching an expression of the file's can take back for each character of a text
 */
public record TokenizerDefinition(
        Path file, Map<String, @Nullable Object> json, SpecialTokens around, int lastId, int ways) {

    private static final Logger LOG = LoggerFactory.getLogger(HubTokenizer.class);

    /**
     * The library keeps a Unigram vocabulary as a tree that is as deep as its longest token, and frees it by recursion: one of
     * some ten thousand characters overflows the stack, which ends the JVM. Added tokens cost it the square of their length.
     */
    private static final int MAX_TOKEN = 1_000;

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

    /** Whether there is a tokenizer in a folder. */
    static boolean isIn(Path folder) {
        return Files.exists(folder.resolve("tokenizer.json"))
                || (Files.exists(folder.resolve("vocab.json")) && Files.exists(folder.resolve("merges.txt")));
    }

    private static TokenizerDefinition fromVocabulary(Path folder) {
        if (!Files.exists(folder)) {
            throw new ModscanException(
                    folder + ": no such file or folder; expected is a folder with tokenizer.json, or with"
                            + " vocab.json and merges.txt, or a tokenizer.json itself");
        }
        Path vocabFile = folder.resolve("vocab.json");
        Path mergesFile = folder.resolve("merges.txt");
        if (!Files.exists(vocabFile) || !Files.exists(mergesFile)) {
            Path above = folder.toAbsolutePath().normalize().getParent();
            throw new ModscanException(folder + ": has no tokenizer; expected are tokenizer.json, or vocab.json and"
                    + " merges.txt; name one that lies elsewhere (withTokenizer, on the command line --tokenizer"
                    + (above != null && isIn(above) ? "; there is one in " + above : "")
                    + "), or give prompts of ready token ids, which need none");
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
        SpecialTokens around = SpecialTokens.NONE;
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
            around = new SpecialTokens(List.of(id), List.of());
            if (!settings.saysAddBos()) {
                LOG.warn(
                        "{}: says nothing of 'add_bos_token', so {} (id {}) is put in front of every text, as OPT was trained;"
                                + " transformers 5.18 puts nothing there. Set it to true or to false to say which",
                        config,
                        ModscanException.printable(Objects.requireNonNull(bos).content()),
                        id);
            }
        }
        List<Token> added = settings.tokens(new TreeMap<>(), true);
        return of(
                vocabFile, TokenizerModel.of(model), added, null, byteLevel(false), byteLevel(false), around, null, 0);
    }

    private static TokenizerDefinition fromJson(Path file, @Nullable Path folder) {
        JsonFile json = JsonFile.read(file);
        if (!json.string("version", "1.0").equals("1.0")) {
            throw new UnsupportedModelException(
                    file + ": 'version' is '" + json.get("version") + "'; modscan reads tokenizers of version 1.0");
        }
        SortedMap<Integer, Token> own = ownTokens(file, json.get("added_tokens"));
        TokenizerSettings settings = folder == null ? null : TokenizerSettings.read(folder, true);
        JsonFile vocabulary = JsonFile.object(file, json.get("model"), "'model'");
        boolean gpt2 = settings != null
                && folder != null
                && TokenizerModel.type(vocabulary).equals("BPE")
                && settings.isGpt2(folder);
        TokenizerModel model = TokenizerModel.of(file, vocabulary, gpt2);
        List<Token> added = settings == null ? List.copyOf(own.values()) : settings.tokens(own, gpt2);
        SpecialTokens around = SpecialTokens.of(file, json.get("post_processor"));
        Object trim = SpaceTrim.of(file, json.get("post_processor"));
        if (settings != null
                && settings.saysAddBos()
                && settings.addsBos() == around.front().isEmpty()) {
            LOG.info(
                    "{}: puts {} in front of a text, whatever 'add_bos_token' in tokenizer_config.json says, as in transformers 5.18",
                    file,
                    around.front().isEmpty() ? "nothing" : around.front());
        }
        if (gpt2) {
            boolean prefixSpace = settings != null && settings.flag("add_prefix_space");
            return of(file, model, added, null, byteLevel(prefixSpace), byteLevel(false), around, trim, 0);
        }
        int ways = TokenizerParts.check(file, json);
        if (settings != null) {
            settings.mustAgree(file, json, around);
        }
        return of(
                file,
                model,
                added,
                json.get("normalizer"),
                json.get("pre_tokenizer"),
                json.get("decoder"),
                around,
                trim,
                ways);
    }

    private static TokenizerDefinition of(
            Path file,
            TokenizerModel model,
            List<Token> added,
            @Nullable Object normalizer,
            @Nullable Object preTokenizer,
            @Nullable Object decoder,
            SpecialTokens around,
            @Nullable Object trim,
            int ways) {
        model.ids().keySet().forEach(token -> refuseLong(file, token));
        int last = 0;
        Set<Integer> ids = new HashSet<>(model.ids().values());
        for (int id : model.ids().values()) {
            last = Math.max(last, id);
        }
        List<Object> tokens = new ArrayList<>();
        int lastAdded = -1;
        for (Token token : added) {
            refuseLong(file, token.content());
            if (!token.content().isEmpty()) {
                // As the library counts: on from the vocabulary's size, whatever the files say.
                Integer known = model.ids().get(token.content());
                int id = known != null ? known : Math.max(model.size(), lastAdded + 1);
                lastAdded = Math.max(lastAdded, id);
                ids.add(id);
                // A default that nobody asked for is no reason to refuse the model, only a text that spells it out.
                if (known != null || !token.content().equals(TokenizerSettings.DEFAULT)) {
                    last = Math.max(last, id);
                }
                tokens.add(token.json(id));
            }
        }
        for (int id :
                Stream.concat(around.front().stream(), around.behind().stream()).toList()) {
            if (!ids.contains(id)) {
                throw new MalformedFileException(
                        file, "'post_processor' puts the id " + id + " around a text, which no token has");
            }
            last = Math.max(last, id);
        }
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("version", "1.0");
        json.put("truncation", null);
        json.put("padding", null);
        json.put("added_tokens", tokens);
        json.put("normalizer", normalizer);
        json.put("pre_tokenizer", preTokenizer);
        json.put("post_processor", trim);
        json.put("decoder", decoder);
        json.put("model", model.json());
        return new TokenizerDefinition(file, json, around, last, ways);
    }

    private static void refuseLong(Path file, String token) {
        if (token.length() > MAX_TOKEN) {
            throw new UnsupportedModelException(file + ": has a token of " + token.length() + " characters, '"
                    + token.substring(0, 20) + "…'; handled are at most " + MAX_TOKEN);
        }
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

    /** The added tokens that are looked for as the normalizer leaves them, if there is one. */
    List<String> normalizedTokens() {
        List<String> contents = new ArrayList<>();
        if (json.get("normalizer") != null && json.get("added_tokens") instanceof List<?> tokens) {
            for (Object entry : tokens) {
                if (entry instanceof Map<?, ?> token && Boolean.TRUE.equals(token.get("normalized"))) {
                    contents.add(String.valueOf(token.get("content")));
                }
            }
        }
        return contents;
    }

    private static Map<String, Object> byteLevel(boolean prefixSpace) {
        return Map.of("type", "ByteLevel", "add_prefix_space", prefixSpace, "trim_offsets", true, "use_regex", true);
    }
}
