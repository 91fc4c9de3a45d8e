package io.modscan.core.internal.recording;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsLayout;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Reading;
import io.modscan.core.token.PromptTokens;
import io.modscan.core.token.Span;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ToIntFunction;

/** What lies where in a capture file, or in one of several; {@code Activations.save} and {@code Probe} describe them. */
public final class CaptureLayout {

    private static final int NUMBERS_AT_ONCE = 1 << 16;

    /** By so many bytes at most the headers of captures differ that are stored as other types: some digits and letters a tensor. */
    private static final int HEADERS_DIFFER = 1 << 20;

    private final SafetensorsLayout file;
    private final List<Reading> readings;
    private final Chunk chunk;
    private final DType type;
    private final boolean whole;
    private final Path target;
    private final Map<String, String> provenance;
    private final long[] tokenOffsets;
    private final long[] keptOffsets;
    private final boolean keepsAll;

    /**
     * Lays a capture out.
     *
     * @param target     the file that it is for, to be named in what is thrown
     * @param provenance what all of a capture's files have in common
     * @param chunk      the prompts that the file is about
     * @param type       what values are stored as
     * @param whole      whether these are all of the capture's
     */
    public CaptureLayout(
            Path target,
            Map<String, String> provenance,
            List<Reading> readings,
            Chunk chunk,
            DType type,
            boolean whole) {
        this.target = target;
        this.provenance = provenance;
        this.readings = readings;
        this.chunk = chunk;
        this.type = Rounding.checked(type);
        this.whole = whole;
        this.tokenOffsets = offsets(chunk.tokens(), PromptTokens::size);
        this.keptOffsets = offsets(chunk.tokens(), PromptTokens::keptSize);
        this.keepsAll = chunk.tokens().stream().allMatch(PromptTokens::isAllKept);
        SafetensorsLayout.Builder layout = SafetensorsLayout.builder();
        Map<String, String> facts = new TreeMap<>(provenance);
        if (type != DType.F32) {
            facts.merge(Keys.ROUNDED_TO, Rounding.name(type), CaptureLayout::roundedAgain);
        }
        facts.putAll(TokensDigest.of(chunk.prompts(), chunk.tokens()));
        if (!chunk.chosen().isEmpty()) {
            facts.put(Keys.POSITIONS_SHA256, TokensDigest.ofChoices(chunk.chosen()));
        }
        facts.forEach(layout::metadata);
        layout.metadata(Keys.PROMPTS, promptsJson(chunk));
        layout.metadata(Keys.SITES, SiteJson.write(readings));
        if (!whole) {
            layout.metadata(Keys.SHARD, range());
        }
        int prompts = chunk.prompts().size();
        layout.add(name(TensorNames.INPUT_IDS), DType.I64, List.of(tokenOffsets[prompts]));
        layout.add(name(TensorNames.PROMPT_OFFSETS), DType.I64, List.of(prompts + 1L));
        if (!keepsAll) {
            layout.add(name(TensorNames.KEPT_POSITIONS), DType.I64, List.of(keptOffsets[prompts]));
            layout.add(name(TensorNames.KEPT_OFFSETS), DType.I64, List.of(prompts + 1L));
        }
        for (Reading reading : readings) {
            if (reading.site().isPairwise()) {
                for (int prompt = 0; prompt < chunk.prompts().size(); prompt++) {
                    layout.add(
                            name(reading, prompt),
                            type,
                            shape(reading, chunk.tokens().get(prompt).size()));
                }
            } else {
                layout.add(name(TensorNames.packed(reading.site())), type, packedShape(reading));
            }
        }
        this.file = layout.build(target);
    }

    /** What came from a recording may have been rounded before. */
    private static String roundedAgain(String before, String now) {
        return before.equals(now) || before.endsWith(", " + now) ? before : before + ", " + now;
    }

    /** The same but for the type that values are stored as. */
    private CaptureLayout as(DType other) {
        return new CaptureLayout(target, provenance, readings, chunk, other, whole);
    }

    /** What values are stored as. */
    DType type() {
        return type;
    }

    /**
     * What tells this capture from the one that a file begins with.
     *
     * @param found as many of the file's first bytes as the longest header has
     * @return words that say what the other one is of
     */
    String otherThan(ByteBuffer found) {
        for (DType other : Rounding.TYPES) {
            ByteBuffer header = as(other).header();
            if (other != type
                    && found.remaining() >= header.remaining()
                    && found.slice(0, header.remaining()).equals(header)) {
                return "the same, but stored as " + Rounding.name(other) + ", not as " + Rounding.name(type);
            }
        }
        return "of other prompts, sites, settings, weights or versions";
    }

    /** Enough of a file's beginning for {@link #otherThan}. */
    int headBytes() {
        return header().remaining() + HEADERS_DIFFER;
    }

    private static long[] offsets(List<PromptTokens> tokens, ToIntFunction<PromptTokens> size) {
        long[] offsets = new long[tokens.size() + 1];
        for (int i = 0; i < tokens.size(); i++) {
            offsets[i + 1] = offsets[i] + size.applyAsInt(tokens.get(i));
        }
        return offsets;
    }

    private static String promptsJson(Chunk chunk) {
        List<Map<String, Object>> entries = new ArrayList<>();
        for (int i = 0; i < chunk.prompts().size(); i++) {
            Prompt prompt = chunk.prompts().get(i);
            List<Span> spans = chunk.tokens().get(i).spans();
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("id", prompt.id());
            entry.put("labels", prompt.labels());
            prompt.tensorsSha256().ifPresent(sha -> entry.put(PromptJson.TENSORS, sha));
            if (prompt.intervention().isPresent()) {
                entry.put(PromptJson.UNDER, prompt.intervention().get().toJson());
                entry.put(PromptJson.UNTOUCHED, prompt.untouchedId());
            }
            prompt.toward().ifPresent(toward -> entry.put(PromptJson.TOWARD, toward.toJson()));
            if (!spans.isEmpty()) {
                entry.put(PromptJson.SPANS, spans.stream().map(PromptJson::span).toList());
            }
            entries.add(entry);
        }
        try {
            return JSON.std.asString(entries);
        } catch (IOException e) {
            throw new UncheckedIOException("prompts cannot be written as JSON", e);
        }
    }

    /** About what a prompt adds to a file's header, at most. */
    public static long headerBytes(Prompt prompt, List<Reading> readings) {
        long characters = 32L + prompt.id().length();
        for (Map.Entry<String, String> label : prompt.labels().entrySet()) {
            characters += 8L + label.getKey().length() + label.getValue().length();
        }
        long tensors = 0;
        for (Reading reading : readings) {
            if (reading.site().isPairwise()) {
                tensors += 120L + reading.site().name().length();
            }
        }
        for (Span span : prompt.spans()) {
            characters += 40L + span.label().length();
        }
        characters += prompt.tensorsSha256().isPresent() ? 96 : 0;
        characters += prompt.intervention()
                .map(under ->
                        32L + under.toJson().length() + prompt.untouchedId().length())
                .orElse(0L);
        characters +=
                prompt.toward().map(toward -> 32L + toward.toJson().length()).orElse(0L);
        // JSON within JSON takes up to seven bytes for a character.
        return 7 * characters + tensors;
    }

    private String range() {
        return chunk.first() + "-" + chunk.end();
    }

    /** Unlike in each of a capture's files, so that their tensors can be put together. */
    private String name(String tensor) {
        return whole ? tensor : tensor + "/" + range();
    }

    private String name(Reading reading, int prompt) {
        return TensorNames.perPrompt(reading.site(), chunk.first() + prompt);
    }

    private static List<Long> shape(Reading reading, long positions) {
        List<Long> shape = new ArrayList<>();
        for (Axis axis : reading.site().axes()) {
            shape.add(axis.size() > 0 ? axis.size() : positions);
        }
        return shape;
    }

    private List<Long> packedShape(Reading reading) {
        List<Long> shape = new ArrayList<>();
        shape.add(
                reading.isPerToken()
                        ? keptOffsets[keptOffsets.length - 1]
                        : chunk.prompts().size());
        reading.site().axes().stream().filter(axis -> axis.size() > 0).forEach(axis -> shape.add((long) axis.size()));
        return shape;
    }

    /** The file's header, with its length in front. */
    ByteBuffer header() {
        return file.header();
    }

    /**
     * Whether the beginning of a file is what is left of this header: cut short, or zeros where a file was cut and has grown
     * again.
     */
    boolean isTornHeader(ByteBuffer found) {
        ByteBuffer header = header();
        for (int i = 0; i < found.remaining(); i++) {
            if (found.get(i) != 0 && found.get(i) != header.get(i)) {
                return false;
            }
        }
        return !found.equals(header);
    }

    /** The file's size in bytes. */
    long size() {
        return file.size();
    }

    /** Where a prompt's values lie, from the file's beginning. */
    long position(int reading, int prompt) {
        Reading read = readings.get(reading);
        if (read.site().isPairwise()) {
            return offset(name(read, prompt));
        }
        long before = read.isPerToken() ? keptOffsets[prompt] : prompt;
        return offset(name(TensorNames.packed(read.site())))
                + before * read.site().width() * type.bytes();
    }

    /** The prompt's id. */
    String id(int prompt) {
        return chunk.prompts().get(prompt).id();
    }

    /** How many bytes a prompt's values take. */
    long bytes(int reading, int prompt) {
        return readings.get(reading).values(chunk.tokens().get(prompt)) * type.bytes();
    }

    private long offset(String tensor) {
        Long offset = file.offsets().get(tensor);
        if (offset == null) {
            throw new IllegalStateException("no tensor '" + tensor + "' was laid out");
        }
        return offset;
    }

    /** Writes the token ids and where each prompt's begin; where only some positions are kept, these in the same way. */
    void writeTokens(FileChannel channel) throws IOException {
        write(channel, TensorNames.INPUT_IDS, chunk.tokens(), PromptTokens::ids);
        write(channel, TensorNames.PROMPT_OFFSETS, List.of(tokenOffsets));
        if (!keepsAll) {
            write(channel, TensorNames.KEPT_POSITIONS, chunk.tokens(), PromptTokens::kept);
            write(channel, TensorNames.KEPT_OFFSETS, List.of(keptOffsets));
        }
    }

    private void write(
            FileChannel channel, String tensor, List<PromptTokens> tokens, Function<PromptTokens, int[]> values)
            throws IOException {
        write(channel, tensor, new AbstractList<>() {
            @Override
            public long[] get(int prompt) {
                return Arrays.stream(values.apply(tokens.get(prompt)))
                        .asLongStream()
                        .toArray();
            }

            @Override
            public int size() {
                return tokens.size();
            }
        });
    }

    private void write(FileChannel channel, String tensor, List<long[]> numbers) throws IOException {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(NUMBERS_AT_ONCE * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        long position = offset(name(tensor));
        for (long[] some : numbers) {
            for (long number : some) {
                bytes.putLong(number);
                position = flush(channel, bytes, position, !bytes.hasRemaining());
            }
        }
        flush(channel, bytes, position, true);
    }

    private static long flush(FileChannel channel, ByteBuffer bytes, long position, boolean now) throws IOException {
        if (!now) {
            return position;
        }
        bytes.flip();
        long behind = position + bytes.remaining();
        writeFully(channel, bytes, position);
        bytes.clear();
        return behind;
    }

    static void writeFully(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
        long at = position;
        while (bytes.hasRemaining()) {
            at += channel.write(bytes, at);
        }
    }
}
