package io.modscan.onnx;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.Tokenizer;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The tokenizer of an OPT checkpoint: byte-level BPE from {@code vocab.json} and {@code merges.txt}, with the special
 * tokens that {@code tokenizer_config.json} or {@code special_tokens_map.json} names.
 *
 * <p>One rule for BOS: a text gets exactly one in front, put there here and nowhere else. A {@code </s>} spelled out in a
 * text is the text's own token and stays; ready token ids never come this way and stay as they are.
 *
 * <p>Half of a surrogate pair, which is no character, counts as U+FFFD.
 */
final class HubTokenizer implements Tokenizer {

    private static final Cleaner CLEANER = Cleaner.create();
    private static final List<String> SPECIALS = List.of("bos_token", "eos_token", "unk_token", "pad_token");

    static {
        // The binding's only switches are system properties: without the first it reports its use over the network, and
        // without the second it fetches a native library of its own where it sees a GPU.
        setUnlessSet("OPT_OUT_TRACKING", "true");
        setUnlessSet("RUST_FLAVOR", "cpu");
    }

    private final HuggingFaceTokenizer binding;

    private HubTokenizer(HuggingFaceTokenizer binding) {
        this.binding = binding;
        CLEANER.register(this, binding::close);
    }

    private static void setUnlessSet(String property, String value) {
        if (System.getProperty(property) == null && System.getenv(property) == null) {
            System.setProperty(property, value);
        }
    }

    static HubTokenizer open(Path folder) {
        String json;
        try {
            json = JSON.std.asString(compose(folder));
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": the tokenizer cannot be composed: " + e, e);
        }
        // Neither cut nor padded: the binding's own default cuts at 512 tokens.
        Map<String, String> options = Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "true");
        try {
            return new HubTokenizer(HuggingFaceTokenizer.newInstance(
                    new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)), options));
        } catch (IOException | RuntimeException e) {
            throw new ModscanException(folder + ": the tokenizer cannot be opened: " + e.getMessage(), e);
        }
    }

    /** The {@code tokenizer.json} that the checkpoint comes without. */
    private static Map<String, Object> compose(Path folder) throws IOException {
        Path vocabFile = folder.resolve("vocab.json");
        Path mergesFile = folder.resolve("merges.txt");
        if (!Files.exists(vocabFile) || !Files.exists(mergesFile)) {
            throw new ModscanException(folder + ": has no tokenizer; expected are vocab.json and merges.txt"
                    + " (prompts of ready token ids need none)");
        }
        Map<String, Object> vocab = JsonFile.read(vocabFile).values();
        vocab.forEach((token, id) -> {
            if (!(id instanceof Integer number) || number < 0) {
                throw new MalformedFileException(
                        vocabFile, "token '" + token + "' has the id " + id + "; an id is an integer from 0");
            }
        });
        Map<String, String> specials = specials(folder);
        String bos = specials.get("bos_token");
        if (bos == null) {
            Path config = folder.resolve("tokenizer_config.json");
            throw new MalformedFileException(
                    config,
                    (Files.exists(config) ? "names no" : "is not there, nor is special_tokens_map.json, to name the")
                            + " 'bos_token', which OPT puts in front of every text");
        }
        List<Map<String, Object>> added = new ArrayList<>();
        for (String special : specials.values().stream().distinct().toList()) {
            added.add(object(
                    "id", id(vocabFile, vocab, special),
                    "content", special,
                    "single_word", false,
                    "lstrip", false,
                    "rstrip", false,
                    "normalized", true,
                    "special", true));
        }
        int bosId = id(vocabFile, vocab, bos);
        return object(
                "version",
                "1.0",
                "truncation",
                null,
                "padding",
                null,
                "added_tokens",
                added,
                "normalizer",
                null,
                "pre_tokenizer",
                byteLevel(),
                "post_processor",
                object(
                        "type", "TemplateProcessing",
                        "single",
                                List.of(
                                        object("SpecialToken", object("id", bos, "type_id", 0)),
                                        object("Sequence", object("id", "A", "type_id", 0))),
                        "pair",
                                List.of(
                                        object("SpecialToken", object("id", bos, "type_id", 0)),
                                        object("Sequence", object("id", "A", "type_id", 0)),
                                        object("Sequence", object("id", "B", "type_id", 0))),
                        "special_tokens",
                                object(bos, object("id", bos, "ids", List.of(bosId), "tokens", List.of(bos)))),
                "decoder",
                byteLevel(),
                "model",
                object(
                        "type",
                        "BPE",
                        "dropout",
                        null,
                        "unk_token",
                        null,
                        "continuing_subword_prefix",
                        "",
                        "end_of_word_suffix",
                        "",
                        "fuse_unk",
                        false,
                        "vocab",
                        vocab,
                        "merges",
                        merges(mergesFile, vocab)));
    }

    private static Map<String, Object> byteLevel() {
        return object("type", "ByteLevel", "add_prefix_space", false, "trim_offsets", true, "use_regex", true);
    }

    private static int id(Path vocabFile, Map<String, Object> vocab, String token) {
        if (vocab.get(token) instanceof Integer id) {
            return id;
        }
        throw new MalformedFileException(vocabFile, "has no id for the special token '" + token + "'");
    }

    /** The special tokens, by their role. */
    private static Map<String, String> specials(Path folder) {
        Map<String, String> specials = new LinkedHashMap<>();
        for (String name : List.of("special_tokens_map.json", "tokenizer_config.json")) {
            Path file = folder.resolve(name);
            if (Files.exists(file)) {
                JsonFile json = JsonFile.read(file);
                if (json.flag("add_prefix_space", false)) {
                    throw new UnsupportedModelException(
                            file + ": 'add_prefix_space' is true; OPT's tokenizers have it false");
                }
                for (String role : SPECIALS) {
                    Object value = json.get(role);
                    Object content = value instanceof Map<?, ?> token ? token.get("content") : value;
                    if (content instanceof String string) {
                        specials.put(role, string);
                    }
                }
            }
        }
        return specials;
    }

    private static List<String> merges(Path file, Map<String, Object> vocab) throws IOException {
        List<String> merges = new ArrayList<>();
        int number = 0;
        for (String line : lines(file)) {
            number++;
            if (line.isEmpty() || (number == 1 && line.startsWith("#version"))) {
                continue;
            }
            int space = line.indexOf(' ');
            if (space <= 0 || space == line.length() - 1 || space != line.lastIndexOf(' ')) {
                throw new MalformedFileException(file, "line " + number + ": '" + line + "' is not two parts to merge");
            }
            for (String token : List.of(line.substring(0, space), line.substring(space + 1), line.replace(" ", ""))) {
                if (!vocab.containsKey(token)) {
                    throw new MalformedFileException(
                            file,
                            "line " + number + ": '" + line + "' needs the token '" + token
                                    + "', which vocab.json does not have");
                }
            }
            merges.add(line);
        }
        return merges;
    }

    private static List<String> lines(Path file) throws IOException {
        try {
            return Files.readAllLines(file);
        } catch (CharacterCodingException e) {
            throw new MalformedFileException(file, "is not UTF-8", e);
        }
    }

    private static Map<String, Object> object(@Nullable Object... keysAndValues) {
        Map<String, Object> object = new LinkedHashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            object.put(String.valueOf(keysAndValues[i]), keysAndValues[i + 1]);
        }
        return object;
    }

    /** The text with each half of a surrogate pair replaced; the binding would garble the characters around it. */
    private static String whole(String text) {
        return text.codePoints()
                .map(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? 0xfffd : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    @Override
    public int[] encode(String text) {
        try {
            return Arrays.stream(binding.encode(whole(text), true, false).getIds())
                    .mapToInt(Math::toIntExact)
                    .toArray();
        } finally {
            // Else the cleaner may free the binding under its own call, this being used no more.
            Reference.reachabilityFence(this);
        }
    }

    @Override
    public String decode(int... ids) {
        try {
            return binding.decode(Arrays.stream(ids).asLongStream().toArray(), false);
        } finally {
            Reference.reachabilityFence(this);
        }
    }
}
