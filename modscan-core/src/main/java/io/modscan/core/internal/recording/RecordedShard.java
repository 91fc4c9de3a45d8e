package io.modscan.core.internal.recording;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.model.Aim;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Reading;
import io.modscan.core.token.PromptTokens;
import io.modscan.core.token.Span;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One file of a capture with the values of consecutive prompts. All sizes are checked when it is opened; what is kept then
 * is where things lie, eight bytes a prompt (and eight more for each site of attention). Safe for use by many threads.
 */
public final class RecordedShard {

    private static final Pattern FROM_TO = Pattern.compile("([0-9]{1,9})-([0-9]{1,9})");

    private final Path file;
    private final int from;
    private final OptionalInt vocabularySize;
    private final List<Reading> readings;
    private final MappedWindows bytes;
    private final long idsBegin;
    private final long[] offsets;
    /** For each reading where its tensor begins, or, for attention, where each prompt's does. */
    private final long[][] begins;

    /** What each reading's values are stored as. */
    private final DType[] types;

    /** Where each prompt's kept positions begin, and where they lie in the file; as the tokens where all are kept. */
    private final long[] keptOffsets;

    private final long keptBegin;

    private final Map<Integer, List<Span>> spans = new HashMap<>();
    private final BitSet ofTensors = new BitSet();
    private final Map<Integer, Intervention> interventions = new HashMap<>();
    private final Map<Integer, Aim> aims = new HashMap<>();

    /** A shard with what is told once for all the shards of a capture, or is not kept here. */
    public record Opened(RecordedShard shard, Map<String, String> facts, List<Prompt> prompts) {}

    /**
     * Reads and checks a file's header and offsets.
     *
     * @param sharded whether it is to be one of a capture's several files
     * @param known   the readings of another file, to be shared if they are the same here
     */
    public static Opened open(Path file, boolean sharded, List<Reading> known) {
        MappedWindows bytes = new MappedWindows(file);
        SafetensorsFile header = SafetensorsFile.open(file);
        List<PromptJson.Entry> entries = PromptJson.read(file, required(header, Keys.PROMPTS));
        RecordedShard shard = new RecordedShard(header, bytes, entries, sharded, known);
        List<Prompt> prompts = new ArrayList<>(entries.size());
        for (PromptJson.Entry entry : entries) {
            int index = prompts.size();
            String tensors = entry.tensors();
            prompts.add(entry.again(
                    tensors == null
                            ? Prompt.ofTokens(entry.id(), entry.labels(), () -> shard.tokenIds(shard.from + index))
                            : Prompt.ofTensors(entry.id(), entry.labels(), tensors, () -> notHeld(file, entry.id()))));
        }
        Map<String, String> facts = new TreeMap<>(header.metadata());
        facts.keySet().removeAll(List.of(Keys.PROMPTS, Keys.SITES, Keys.SHARD));
        return new Opened(shard, facts, prompts);
    }

    private static Map<String, InputTensor> notHeld(Path file, String prompt) {
        throw new ModscanException(
                file + ": prompt '" + prompt + "' was run from ready tensors, and a recording holds none;"
                        + " read what was captured from Recording.activations(), or give the model itself the tensors again");
    }

    private RecordedShard(
            SafetensorsFile header,
            MappedWindows bytes,
            List<PromptJson.Entry> entries,
            boolean sharded,
            List<Reading> known) {
        int count = entries.size();
        Optional<Objective> objective = objective(header);
        for (int i = 0; i < count; i++) {
            ofTensors.set(i, entries.get(i).tensors() != null);
            if (!entries.get(i).spans().isEmpty()) {
                spans.put(i, entries.get(i).spans());
            }
            Intervention under = entries.get(i).under();
            if (under != null) {
                interventions.put(i, under);
            }
            Aim aim = aim(entries.get(i), objective);
            if (!aim.equals(Aim.NONE)) {
                aims.put(i, aim);
            }
        }
        this.file = header.path();
        this.bytes = bytes;
        List<Reading> read = SiteJson.read(file, required(header, Keys.SITES));
        this.readings = read.equals(known) ? known : read;
        this.vocabularySize = number(header, Keys.VOCABULARY_SIZE);
        OptionalInt maxTokens = number(header, Keys.MAX_TOKENS);
        number(header, Keys.BOS_TOKEN_ID);
        if (count == 0) {
            throw new MalformedFileException(file, "metadata '" + Keys.PROMPTS + "' lists no prompt");
        }
        String range = header.metadata().get(Keys.SHARD);
        if (sharded) {
            this.from = from(range, count);
        } else if (range == null) {
            this.from = 0;
        } else {
            throw new MalformedFileException(
                    file,
                    "holds only the prompts " + range + " of a capture; open the capture's index, whose name ends in '"
                            + RecordedFiles.INDEX_ENDING + "'");
        }
        String behind = sharded ? "/" + range : "";
        this.offsets = offsets(header, behind, count, maxTokens);
        this.idsBegin = begin(header, TensorNames.INPUT_IDS + behind, DType.I64, List.of(offsets[count]));
        boolean keepsSome = readings.stream().anyMatch(reading -> reading.isPerToken() && reading.choosesPositions());
        this.keptOffsets = keepsSome ? keptOffsets(header, behind, count) : offsets;
        this.keptBegin = keepsSome
                ? begin(header, TensorNames.KEPT_POSITIONS + behind, DType.I64, List.of(keptOffsets[count]))
                : -1;
        checkSpans();
        this.types = new DType[readings.size()];
        this.begins = new long[readings.size()][];
        for (int i = 0; i < begins.length; i++) {
            types[i] = type(header, behind, readings.get(i));
            begins[i] = begins(header, behind, readings.get(i), types[i]);
        }
    }

    private static String required(SafetensorsFile header, String key) {
        String value = header.metadata().get(key);
        if (value == null) {
            throw new MalformedFileException(
                    header.path(),
                    "has no metadata '" + key + "', which a capture file has; was it a capture that wrote it?");
        }
        return value;
    }

    private static OptionalInt number(SafetensorsFile header, String key) {
        try {
            return Keys.number(header.metadata(), key);
        } catch (NumberFormatException e) {
            throw new MalformedFileException(
                    header.path(),
                    "metadata '" + key + "' is '" + header.metadata().get(key) + "', not a decimal number of 32 bits",
                    e);
        }
    }

    private int from(@Nullable String range, int count) {
        Matcher matcher = FROM_TO.matcher(range == null ? "" : range);
        if (!matcher.matches()) {
            throw new MalformedFileException(
                    file,
                    "metadata '" + Keys.SHARD + "' is " + range
                            + "; a file of a capture in several has FROM-TO there, the indices of its prompts");
        }
        int begin = Integer.parseInt(matcher.group(1));
        int end = Integer.parseInt(matcher.group(2));
        if (end - begin != count) {
            throw new MalformedFileException(
                    file,
                    "metadata '" + Keys.SHARD + "' is " + range + "; '" + Keys.PROMPTS + "' lists " + count
                            + " prompts");
        }
        return begin;
    }

    private long[] offsets(SafetensorsFile header, String behind, int count, OptionalInt maxTokens) {
        String name = TensorNames.PROMPT_OFFSETS + behind;
        long begin = begin(header, name, DType.I64, List.of(count + 1L));
        long[] read = new long[count + 1];
        bytes.view(begin, read.length * Long.BYTES).asLongBuffer().get(read);
        if (read[0] != 0) {
            throw new MalformedFileException(file, "tensor '" + name + "' begins with " + read[0] + ", not 0");
        }
        for (int i = 0; i < count; i++) {
            // Written so that it cannot overflow: what is behind is known to be no less than what is before.
            if (read[i + 1] <= read[i] || read[i + 1] - read[i] > maxTokens.orElse(Integer.MAX_VALUE)) {
                throw new MalformedFileException(
                        file,
                        "tensor '" + name + "' goes from " + read[i] + " to " + read[i + 1] + " at prompt " + i
                                + "; a prompt has 1 to " + maxTokens.orElse(Integer.MAX_VALUE) + " tokens ('"
                                + Keys.MAX_TOKENS + "')");
            }
        }
        return read;
    }

    private long[] keptOffsets(SafetensorsFile header, String behind, int count) {
        String name = TensorNames.KEPT_OFFSETS + behind;
        long begin = begin(header, name, DType.I64, List.of(count + 1L));
        long[] read = new long[count + 1];
        bytes.view(begin, read.length * Long.BYTES).asLongBuffer().get(read);
        for (int i = 0; i < count; i++) {
            if (read[0] != 0 || read[i + 1] < read[i] || read[i + 1] - read[i] > length(i)) {
                throw new MalformedFileException(
                        file,
                        "tensor '" + name + "' goes from " + read[i] + " to " + read[i + 1] + " at prompt " + i
                                + "; it begins with 0, and a prompt keeps 0 to " + length(i) + " of its positions");
            }
        }
        return read;
    }

    private void checkSpans() {
        spans.forEach((index, some) -> {
            for (Span span : some) {
                if (span.end() > length(index)) {
                    throw new MalformedFileException(
                            file,
                            "metadata '" + Keys.PROMPTS + "': entry " + index + " has the span '" + span.label()
                                    + "' from token " + span.start() + " to " + span.end() + ", and " + length(index)
                                    + " tokens");
                }
            }
        });
    }

    /** All of a reading's tensors are of the type of the first, which is one that values are stored as. */
    private DType type(SafetensorsFile header, String behind, Reading reading) {
        StoredTensor first = header.tensors()
                .get(
                        reading.site().isPairwise()
                                ? TensorNames.perPrompt(reading.site(), from)
                                : TensorNames.packed(reading.site()) + behind);
        return first != null && Rounding.TYPES.contains(first.dtype()) ? first.dtype() : DType.F32;
    }

    private long[] begins(SafetensorsFile header, String behind, Reading reading, DType type) {
        if (reading.site().isPairwise()) {
            long[] each = new long[size()];
            for (int i = 0; i < each.length; i++) {
                List<Long> shape = shape(reading, length(i));
                each[i] = begin(header, TensorNames.perPrompt(reading.site(), from + i), type, shape);
            }
            checkRow(reading);
            return each;
        }
        boolean perToken = reading.isPerToken();
        List<Long> shape = shape(reading, 0);
        shape.add(0, perToken ? keptOffsets[size()] : size());
        long begin = begin(header, TensorNames.packed(reading.site()) + behind, type, shape);
        checkRow(reading);
        return new long[] {begin};
    }

    /** The axes, those of positions as long as told; the packed axis of a site per token is not among them. */
    private static List<Long> shape(Reading reading, long length) {
        List<Long> shape = new ArrayList<>();
        for (Axis axis : reading.site().axes()) {
            if (axis.size() > 0) {
                shape.add((long) axis.size());
            } else if (axis.role() != Axis.Role.POSITION) {
                shape.add(length);
            }
        }
        return shape;
    }

    /** The tensors' own sizes are right by now, so the product does not overflow. */
    private void checkRow(Reading reading) {
        int longest = 0;
        for (int i = 1; i < size(); i++) {
            longest = length(i) > length(longest) ? i : longest;
        }
        long values = reading.values(length(longest));
        if (values > Integer.MAX_VALUE / Float.BYTES) {
            throw new MalformedFileException(
                    file,
                    "prompt " + (from + longest) + " has " + values + " values of " + reading.site()
                            + "; one buffer holds at most " + Integer.MAX_VALUE / Float.BYTES);
        }
    }

    private long begin(SafetensorsFile header, String name, DType dtype, List<Long> shape) {
        StoredTensor tensor = header.tensors().get(name);
        if (tensor == null) {
            throw new MalformedFileException(
                    file, "has no tensor '" + name + "'; it must be there, " + dtype + " " + shape);
        }
        if (tensor.dtype() != dtype || !tensor.shape().equals(shape)) {
            throw new MalformedFileException(
                    file,
                    "tensor '" + name + "' is " + tensor.dtype() + " " + tensor.shape() + "; it must be " + dtype + " "
                            + shape);
        }
        return tensor.offset();
    }

    public Path file() {
        return file;
    }

    public List<Reading> readings() {
        return readings;
    }

    /** The index of the first prompt in the whole capture; indices below are such too. */
    public int from() {
        return from;
    }

    int size() {
        return offsets.length - 1;
    }

    private int length(int index) {
        return (int) (offsets[index + 1] - offsets[index]);
    }

    private int kept(int index) {
        return (int) (keptOffsets[index + 1] - keptOffsets[index]);
    }

    /** A prompt's ids as they lie in the file, unchecked. */
    LongBuffer rawTokenIds(int prompt) {
        int index = prompt - from;
        return bytes.view(idsBegin + offsets[index] * Long.BYTES, length(index) * Long.BYTES)
                .asLongBuffer();
    }

    private static Optional<Objective> objective(SafetensorsFile header) {
        try {
            return Optional.ofNullable(header.metadata().get(Keys.OBJECTIVE)).map(Objective::told);
        } catch (ModscanException e) {
            throw new MalformedFileException(header.path(), "metadata '" + Keys.OBJECTIVE + "': " + e.getMessage(), e);
        }
    }

    private static Aim aim(PromptJson.Entry entry, Optional<Objective> objective) {
        return new Aim(
                Optional.ofNullable(entry.toward()),
                objective.map(of -> of.ownTokens(entry.id(), entry.labels())).orElse(List.of()));
    }

    /** What a prompt's gradients are about. */
    Aim aim(int prompt) {
        return aims.getOrDefault(prompt - from, Aim.NONE);
    }

    /** What a prompt was run under. */
    Optional<Intervention> intervention(int prompt) {
        return Optional.ofNullable(interventions.get(prompt - from));
    }

    /** Whether a prompt was run from ready tensors. */
    boolean isOfTensors(int prompt) {
        return ofTensors.get(prompt - from);
    }

    PromptTokens tokens(int prompt) {
        int index = prompt - from;
        PromptTokens tokens = PromptTokens.of(tokenIds(prompt), spans.getOrDefault(index, List.of()));
        if (keptBegin < 0) {
            return tokens;
        }
        LongBuffer raw = bytes.view(keptBegin + keptOffsets[index] * Long.BYTES, kept(index) * Long.BYTES)
                .asLongBuffer();
        int[] kept = new int[raw.capacity()];
        for (int i = 0; i < kept.length; i++) {
            // What is no index of a token stays none.
            kept[i] = (int) Math.max(-1, Math.min(raw.get(i), Integer.MAX_VALUE));
        }
        try {
            return tokens.keeping(kept);
        } catch (IllegalArgumentException e) {
            throw new MalformedFileException(
                    file, "tensor 'kept_positions' of prompt " + prompt + ": " + e.getMessage(), e);
        }
    }

    private int[] tokenIds(int prompt) {
        LongBuffer raw = rawTokenIds(prompt);
        int[] ids = new int[raw.capacity()];
        for (int i = 0; i < ids.length; i++) {
            long id = raw.get(i);
            if (isOfTensors(prompt)) {
                if (id != -1) {
                    throw new MalformedFileException(
                            file,
                            "tensor 'input_ids' has the id " + id + " at position " + i + " of prompt " + prompt
                                    + "; it is -1 at each position of ready tensors ('" + PromptJson.TENSORS + "')");
                }
            } else if (id < 0 || id >= vocabularySize.orElse(Integer.MAX_VALUE)) {
                throw new MalformedFileException(
                        file,
                        "tensor 'input_ids' has the id " + id + " at position " + i + " of prompt " + prompt
                                + "; ids are 0 to " + (vocabularySize.orElse(Integer.MAX_VALUE) - 1) + " ('"
                                + Keys.VOCABULARY_SIZE + "')");
            }
            ids[i] = (int) id;
        }
        return ids;
    }

    /** Whether a reading's values have to be computed from what is stored. */
    boolean isRounded(int reading) {
        return types[reading] != DType.F32;
    }

    /** How many values a prompt has of a reading. */
    int values(int reading, int prompt) {
        Reading of = readings.get(reading);
        int index = prompt - from;
        return (int) of.values(of.isPerToken() ? kept(index) : length(index));
    }

    /** All of a prompt's values of a reading, the last axis varying fastest; of rounded ones a copy. */
    FloatBuffer row(int reading, int prompt) {
        int values = values(reading, prompt);
        ByteBuffer row = bytes(reading, prompt, 0, values);
        if (!isRounded(reading)) {
            return row.asFloatBuffer();
        }
        float[] floats = new float[values];
        Halves.toFloats(types[reading], row.asShortBuffer(), floats);
        return FloatBuffer.wrap(floats).asReadOnlyBuffer();
    }

    /** Copies some of a prompt's values, from an index on, without looking at the others. */
    void read(int reading, int prompt, int at, float[] into) {
        Objects.checkFromIndexSize(at, into.length, values(reading, prompt));
        ByteBuffer some = bytes(reading, prompt, at, into.length);
        if (isRounded(reading)) {
            Halves.toFloats(types[reading], some.asShortBuffer(), into);
        } else {
            some.asFloatBuffer().get(into);
        }
    }

    private ByteBuffer bytes(int reading, int prompt, int at, int values) {
        Reading of = readings.get(reading);
        int index = prompt - from;
        long before;
        if (of.site().isPairwise()) {
            before = 0;
        } else if (of.isPerToken()) {
            before = keptOffsets[index] * of.site().width();
        } else {
            before = (long) index * values(reading, prompt);
        }
        long begin = begins[reading][of.site().isPairwise() ? index : 0];
        int size = types[reading].bytes();
        return bytes.view(begin + (before + at) * size, values * size);
    }
}
