package io.modscan.onnx.internal.tokenizer;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.model.TokenizedText;
import io.modscan.core.model.Tokenizer;
import io.modscan.onnx.internal.checkpoint.ModelFolder;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A model's own tokenizer, which gives the ids of transformers 5.18: from {@code tokenizer.json}, or for OPT from
 * {@code vocab.json} and {@code merges.txt}, with the special tokens that the files beside it name. It differs from
 * transformers on purpose in one case, and the log says so: where there is no {@code tokenizer.json}, and
 * {@code tokenizer_config.json} says nothing of {@code add_bos_token}, OPT's BOS is put in front, as OPT was trained and as its
 * own checkpoints say; transformers 5.18 puts nothing there.
 *
 * <p>One rule for BOS and the like: a text gets what the model's own tokenizer puts around it, put there here and nowhere
 * else. For OPT that is one BOS in front, for Galactica nothing, for BERT {@code [CLS]} in front and {@code [SEP]} behind,
 * and never two. With a {@code tokenizer.json} its post-processor alone decides;
 * {@code add_bos_token} then changes nothing, as in transformers 5. A {@code </s>} spelled out in a text is the text's own
 * token and stays; ready token ids never come this way and stay as they are.
 *
 * <p>Half of a surrogate pair, which is no character, counts as U+FFFD.
 */
public final class HubTokenizer implements Tokenizer {

    /** The files of a folder that may have to do with it. */
    public static final List<String> FILES = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json",
            "merges.txt");

    /** A novel has half a million. The library takes some 250 bytes of native memory, which no limit of Java's holds, for each. */
    private static final int MAX_TEXT = 2_000_000;

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
    private final SpecialTokens around;
    private final int lastId;
    private final int ways;

    private HubTokenizer(HuggingFaceTokenizer binding, TokenizerDefinition definition) {
        this.binding = binding;
        this.file = definition.file();
        this.around = definition.around();
        this.lastId = definition.lastId();
        this.ways = definition.ways();
        CLEANER.register(this, binding::close);
    }

    /** The files that {@link #open} may read of a folder, or the file itself. */
    public static List<Path> files(Path path) {
        return Stream.concat(Stream.of(path), FILES.stream().map(path::resolve))
                .filter(Files::isRegularFile)
                .toList();
    }

    /**
     * The folder with a model's tokenizer: the model's own, or one above it that is of the same model, as where a repository has
     * its models in {@code onnx/}.
     */
    public static Path folder(Path modelsFolder) {
        return ModelFolder.open(modelsFolder).ofModel().stream()
                .filter(TokenizerDefinition::isIn)
                .findFirst()
                .orElse(modelsFolder);
    }

    /** Whether these files of a hub's model are all that a tokenizer can need. */
    public static boolean isThere(Set<String> files) {
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
    public static HubTokenizer open(Path path) {
        return open(path, false);
    }

    /**
     * Opens a checkpoint's tokenizer.
     *
     * @param path  as for {@link #open(Path)}
     * @param links whether links may lead out of the folder
     */
    public static HubTokenizer open(Path path, boolean links) {
        if (Files.isDirectory(path)) {
            ModelFolder folder = ModelFolder.open(path, links);
            Stream.concat(FILES.stream(), Stream.of(ModelFolder.CONFIG))
                    .filter(folder::has)
                    .forEach(folder::resolve);
        }
        TokenizerDefinition definition = TokenizerDefinition.read(path);
        refuseVanishing(definition);
        return new HubTokenizer(bind(definition.file(), definition.json()), definition);
    }

    private static HuggingFaceTokenizer bind(Path file, Map<String, @Nullable Object> definition) {
        byte[] json;
        try {
            ByteBuffer bytes =
                    StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(JSON.std.asString(definition)));
            json = new byte[bytes.remaining()];
            bytes.get(json);
        } catch (CharacterCodingException e) {
            throw new MalformedFileException(file, "has half a character (a lone surrogate)", e);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": the tokenizer cannot be composed: " + e, e);
        }
        // Neither cut nor padded: the binding's own default cuts at 512 tokens.
        Map<String, String> options = Map.of("truncation", "false", "padding", "false");
        try {
            return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), options);
        } catch (IOException | RuntimeException e) {
            throw new MalformedFileException(file, "the tokenizer cannot be opened: " + e.getMessage(), e);
        }
    }

    /**
     * Refuses added tokens of which the normalizer leaves nothing. The library would look for them everywhere in a text,
     * and panic. What is left of a token the library itself tells: without added tokens, with a vocabulary of one token,
     * only the empty text has no id.
     */
    private static void refuseVanishing(TokenizerDefinition definition) {
        List<String> normalized = definition.normalizedTokens();
        if (normalized.isEmpty()) {
            return;
        }
        // As for a text, see refuseOverlong; the library normalizes them, too.
        long most = MAX_STEPS / 18 / Math.max(1, definition.ways());
        for (String token : normalized) {
            if (token.length() > most) {
                throw new UnsupportedModelException(definition.file() + ": has an added token of " + token.length()
                        + " characters, which is 'normalized'; handled are at most " + most);
            }
        }
        Map<String, @Nullable Object> normalizerOnly = new LinkedHashMap<>(definition.json());
        normalizerOnly.put("added_tokens", List.of());
        normalizerOnly.put("pre_tokenizer", null);
        normalizerOnly.put("post_processor", null);
        normalizerOnly.put("decoder", null);
        normalizerOnly.put("model", TokenizerModel.oneToken());
        try (HuggingFaceTokenizer normalizer = bind(definition.file(), normalizerOnly)) {
            for (String token : normalized) {
                if (normalizer.encode(whole(token), false, false).getIds().length == 0) {
                    throw new MalformedFileException(
                            definition.file(),
                            "'normalizer' leaves nothing of the added token '" + token
                                    + "', which is 'normalized'; such a token must not be");
                }
            }
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
    public HubTokenizer mustSuit(Path config, int bos, int vocabulary) {
        List<Integer> front = around.front();
        if (!around.behind().isEmpty()) {
            throw new UnsupportedModelException(file + ": puts " + around.behind()
                    + " behind a text ('post_processor'); this model's tokenizers put tokens in front only");
        }
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

    /** The ids put in front of each text. */
    public List<Integer> front() {
        return around.front();
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
        if (text.length() > MAX_TEXT) {
            throw new ModscanException("a text of " + text.length() + " characters is longer than the " + MAX_TEXT
                    + " that are cut into tokens at once; split or cut it before");
        }
        long most = ways == 0 ? Long.MAX_VALUE : MAX_STEPS / ways;
        if (text.length() > most / 18
                && Normalizer.normalize(text, Normalizer.Form.NFKD).length() > most) {
            throw new ModscanException(
                    "a text of " + text.length() + " characters is too long for the expressions by which " + file
                            + " splits it: at most " + most + " (less for some scripts); split or cut it before");
        }
    }

    private static IntStream stream(List<Integer> ids) {
        return ids.stream().mapToInt(Integer::intValue);
    }

    @Override
    public int[] encode(String text) {
        return around(around.front(), cut(text).getIds(), around.behind());
    }

    /** Ranges as the library has them, which counts Unicode's code points; in front they are at 0, behind at the end. */
    @Override
    public TokenizedText tokenize(String text) {
        Encoding encoding = cut(text);
        int[] ids = around(around.front(), encoding.getIds(), around.behind());
        int[] starts = new int[ids.length];
        int[] ends = new int[ids.length];
        int[] indices = indices(text);
        int position = around.front().size();
        int last = 0;
        for (CharSpan span : encoding.getCharTokenSpans()) {
            starts[position] = span == null ? last : indices[span.getStart()];
            ends[position] = span == null ? last : indices[span.getEnd()];
            last = ends[position];
            position++;
        }
        Arrays.fill(starts, position, ids.length, text.length());
        Arrays.fill(ends, position, ids.length, text.length());
        return new TokenizedText(text, ids, starts, ends);
    }

    private static int[] around(List<Integer> front, long[] ids, List<Integer> behind) {
        return Stream.of(stream(front), Arrays.stream(ids).mapToInt(Math::toIntExact), stream(behind))
                .flatMapToInt(part -> part)
                .toArray();
    }

    /** The index in the text of each code point, and behind the last. Half of a surrogate pair is one, as in {@link #whole}. */
    private static int[] indices(String text) {
        int[] indices = new int[text.codePointCount(0, text.length()) + 1];
        for (int point = 1; point < indices.length; point++) {
            indices[point] = text.offsetByCodePoints(indices[point - 1], 1);
        }
        return indices;
    }

    private Encoding cut(String text) {
        refuseOverlong(text);
        try {
            return binding.encode(whole(text), false, false);
        } catch (RuntimeException e) {
            throw new ModscanException(
                    "a text of " + text.length() + " characters cannot be cut into tokens by " + file + ": "
                            + e.getMessage(),
                    e);
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
