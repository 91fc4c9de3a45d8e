package io.modscan.onnx;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.Tokenizer;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The tokenizer of an OPT checkpoint, which gives the ids of transformers 5.18: byte-level BPE from
 * {@code tokenizer.json}, or from {@code vocab.json} and {@code merges.txt}, with the special tokens that the files beside
 * it name.
 *
 * <p>One rule for BOS: a text gets what the model's own tokenizer puts in front, put there here and nowhere else. For OPT
 * that is one BOS, for Galactica nothing, and never two. With a {@code tokenizer.json} its post-processor alone decides;
 * {@code add_bos_token} then changes nothing, as in transformers 5. A {@code </s>} spelled out in a text is the text's own
 * token and stays; ready token ids never come this way and stay as they are.
 *
 * <p>Half of a surrogate pair, which is no character, counts as U+FFFD.
 */
final class HubTokenizer implements Tokenizer {

    /** The files of a folder that may have to do with it. */
    static final List<String> FILES = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json",
            "merges.txt");

    /** Half of the steps back in one match at which the library panics, and ends the JVM. */
    private static final long MAX_STEPS = 5_000_000;

    private static final Cleaner CLEANER = Cleaner.create();

    static {
        // The binding's only switches are system properties: without the first it reports its use over the network, and
        // without the second it fetches a native library of its own where it sees a GPU.
        setUnlessSet("OPT_OUT_TRACKING", "true");
        setUnlessSet("RUST_FLAVOR", "cpu");
    }

    private final HuggingFaceTokenizer binding;
    private final Path file;
    private final List<Integer> front;
    private final int lastId;
    private final int ways;

    private HubTokenizer(HuggingFaceTokenizer binding, TokenizerDefinition definition) {
        this.binding = binding;
        this.file = definition.file();
        this.front = definition.front();
        this.lastId = definition.lastId();
        this.ways = definition.ways();
        CLEANER.register(this, binding::close);
    }

    /** Whether these files of a hub's model are all that a tokenizer can need. */
    static boolean isThere(Set<String> files) {
        return files.contains("tokenizer_config.json")
                && (files.contains("tokenizer.json") || files.containsAll(List.of("vocab.json", "merges.txt")));
    }

    private static void setUnlessSet(String property, String value) {
        if (System.getProperty(property) == null && System.getenv(property) == null) {
            System.setProperty(property, value);
        }
    }

    /**
     * Opens a checkpoint's tokenizer.
     *
     * @param path a folder with {@code tokenizer.json}, or with {@code vocab.json} and {@code merges.txt}; or a
     *     {@code tokenizer.json} alone, beside which nothing is read
     */
    static HubTokenizer open(Path path) {
        if (Files.isDirectory(path)) {
            ModelFolder folder = ModelFolder.open(path);
            Stream.concat(FILES.stream(), Stream.of(OptConfig.FILE))
                    .filter(folder::has)
                    .forEach(folder::resolve);
        }
        TokenizerDefinition definition = TokenizerDefinition.read(path);
        byte[] json;
        try {
            ByteBuffer bytes =
                    StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(JSON.std.asString(definition.json())));
            json = new byte[bytes.remaining()];
            bytes.get(json);
        } catch (CharacterCodingException e) {
            throw new MalformedFileException(definition.file(), "has half a character (a lone surrogate)", e);
        } catch (IOException e) {
            throw new UncheckedIOException(definition.file() + ": the tokenizer cannot be composed: " + e, e);
        }
        // Neither cut nor padded: the binding's own default cuts at 512 tokens.
        Map<String, String> options = Map.of("truncation", "false", "padding", "false");
        try {
            return new HubTokenizer(
                    HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), options), definition);
        } catch (IOException | RuntimeException e) {
            throw new MalformedFileException(definition.file(), "the tokenizer cannot be opened: " + e.getMessage(), e);
        }
    }

    /**
     * Checks that this is a tokenizer for a model: it puts the model's BOS in front of a text, or nothing, and every id
     * that it gives is one of the model's.
     *
     * @param config     where the model says so, for the message
     * @param bos        the model's {@code bos_token_id}
     * @param vocabulary the model's {@code vocab_size}
     * @return this
     */
    HubTokenizer mustSuit(Path config, int bos, int vocabulary) {
        if (!front.isEmpty() && !front.equals(List.of(bos))) {
            throw new MalformedFileException(
                    config,
                    "'bos_token_id' is " + bos + ", but the tokenizer of " + file + " puts " + front
                            + " in front of a text");
        }
        if (lastId >= vocabulary) {
            throw new MalformedFileException(
                    file,
                    "has the token id " + lastId + ", but 'vocab_size' in " + config + " is " + vocabulary
                            + "; the model's ids are those below");
        }
        return this;
    }

    /** The text with each half of a surrogate pair replaced; the binding would garble the characters around it. */
    private static String whole(String text) {
        return text.codePoints()
                .map(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? 0xfffd : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    /** Longer ones could take more steps than the library bears; NFKD makes a text as long as any normalization does. */
    private void refuseOverlong(String text) {
        long most = ways == 0 ? Long.MAX_VALUE : MAX_STEPS / ways;
        if (text.length() > most / 18
                && Normalizer.normalize(text, Normalizer.Form.NFKD).length() > most) {
            throw new ModscanException(
                    "a text of " + text.length() + " characters is too long for the expressions by which " + file
                            + " splits it: at most " + most + " (less for some scripts); split or cut it before");
        }
    }

    @Override
    public int[] encode(String text) {
        refuseOverlong(text);
        try {
            return IntStream.concat(
                            front.stream().mapToInt(Integer::intValue),
                            Arrays.stream(binding.encode(whole(text), false, false)
                                            .getIds())
                                    .mapToInt(Math::toIntExact))
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
