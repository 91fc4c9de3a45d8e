package io.modscan.core;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.Captured;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.internal.recording.RecordedFiles;
import io.modscan.core.internal.recording.RecordedShard;
import io.modscan.core.internal.recording.RecordedShards;
import io.modscan.core.internal.recording.RecordingSource;
import io.modscan.core.internal.recording.TokenIndex;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.model.Weights;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A capture that was written to a file, or to several with an index. It gives what was captured as it is, and, as a model,
 * stands in for the one that it was captured from: without that model, a probe of it captures the same prompts again.
 *
 * <pre>{@code
 * Recording recording = Recording.open(Path.of("acts.safetensors"));
 * recording.activations().measure(metric);
 * try (Probe probe = Probe.builder(recording).sites(Sites.z()).pooling(Pooling.mean()).build()) {
 *     Activations pooled = probe.capture(recording.prompts());
 * }
 * }</pre>
 *
 * <p>As a model it gives each site with the pooling that was recorded. A site that was recorded per token
 * ({@code Pooling.none()}) it also gives with any other pooling, and its magnitudes with any: computed in Java, means in
 * double precision.
 *
 * <p>Values that were {@linkplain Probe.Builder#storeAs stored} as float16 or bfloat16 come back as float32, the rounded ones. They are
 * computed when a row is asked for; rows that were asked for last are kept, in up to an eighth of Java's heap, and given up where it runs short.
 *
 * <p>A capture file is in the safetensors format. A pooled site is one tensor [prompts, …] under its name, float32 unless something
 * shorter was asked for; a
 * site per token is packed as [all tokens, …]; attention scores and patterns are one tensor a prompt,
 * {@code NAME/INDEX} [heads, query, key]. Beside them lie the int64 tensors {@code input_ids} [all tokens], BOS
 * included, and {@code prompt_offsets} [prompts + 1], where each prompt's tokens begin. The metadata hold the
 * provenance, and the prompts' ids and labels as JSON under {@code modscan.prompts}, and the sites under
 * {@code modscan.sites}.
 *
 * <p>A packed tensor whose site's name could be taken for another tensor's has {@code /site} behind its name; that is one
 * named {@code input_ids}, {@code prompt_offsets} or {@code __metadata__}, or one that ends in {@code /site} or in a slash
 * and digits. Its entry under {@code modscan.sites} tells the name in the file as {@code tensor}. Of prompts of ready
 * tensors {@code input_ids} has -1 at each position, and their entries tell a digest of them, {@code tensors_sha256}.
 *
 * <p>The files are mapped, not loaded, whatever their size, and values and token ids are read when they are asked for. So
 * the files must stay as they are while the recording, or what came of it, is in use; one that was replaced before all of
 * it was mapped is refused. Nothing has to be closed. Immutable; safe for use by many threads.
 */
public final class Recording implements Model {

    private final Path path;
    private final RecordedShards shards;
    private final Map<String, String> provenance;
    private final Activations activations;
    private @Nullable TokenIndex tokenIndex;

    private Recording(Path path, RecordedShards shards, Map<String, String> provenance, Prompts prompts) {
        this.path = path;
        this.shards = shards;
        this.provenance = Collections.unmodifiableMap(provenance);
        List<Reading> readings = shards.readings();
        List<List<FloatBuffer>> rows = new ArrayList<>();
        for (int i = 0; i < readings.size(); i++) {
            rows.add(shards.rows(i));
        }
        this.activations = new Activations(new Captured(prompts, shards.tokens(), provenance, readings, rows), false);
    }

    /**
     * Opens a capture file. All sizes and offsets in it are checked; the values are not read.
     *
     * @param path the capture file, such as {@code acts.safetensors}. If the capture lies in several files, it is the name
     *             without their numbers, or their index, {@code acts.safetensors.index.json}
     * @return the recording
     * @throws MalformedFileException       if a file is not a capture file or not consistent, or if the files of an index
     *                                      are not all there or not of one capture
     * @throws ModscanException             if there is no such file, or the capture is unfinished
     * @throws java.io.UncheckedIOException if a file cannot be read
     */
    public static Recording open(Path path) {
        RecordedFiles files = RecordedFiles.find(path);
        List<RecordedShard.Opened> opened = new ArrayList<>();
        for (Path file : files.files()) {
            List<Reading> known =
                    opened.isEmpty() ? List.of() : opened.get(0).shard().readings();
            opened.add(RecordedShard.open(file, files.sharded(), known));
        }
        opened.sort(Comparator.comparingInt(each -> each.shard().from()));
        Map<String, String> facts = facts(files, opened);
        List<Prompt> prompts = new ArrayList<>();
        for (RecordedShard.Opened each : opened) {
            if (each.shard().from() != prompts.size()) {
                throw new MalformedFileException(
                        each.shard().file(),
                        "begins with prompt " + each.shard().from() + "; the files of " + files.named()
                                + " before it end at " + prompts.size());
            }
            prompts.addAll(each.prompts());
        }
        String counted = Integer.toString(prompts.size());
        String told = facts.put(Keys.PROMPT_COUNT, counted);
        if (told != null && !told.equals(counted)) {
            throw new MalformedFileException(
                    files.named(),
                    "metadata '" + Keys.PROMPT_COUNT + "' is " + told + "; there are " + counted + " prompts");
        }
        RecordedShards shards = new RecordedShards(
                opened.stream().map(RecordedShard.Opened::shard).toList());
        try {
            return new Recording(files.named(), shards, facts, Prompts.of(prompts));
        } catch (ModscanException e) {
            throw new MalformedFileException(files.named(), "metadata '" + Keys.PROMPTS + "': " + e.getMessage(), e);
        }
    }

    /** What holds of the whole capture. */
    private static Map<String, String> facts(RecordedFiles files, List<RecordedShard.Opened> opened) {
        RecordedShard.Opened first = opened.get(0);
        Map<String, String> facts = new TreeMap<>(first.facts());
        if (opened.size() > 1) {
            facts.keySet().removeAll(Keys.OF_PROMPTS);
        }
        for (RecordedShard.Opened each : opened) {
            Path file = each.shard().file();
            if (!each.shard().readings().equals(first.shard().readings())) {
                throw new MalformedFileException(
                        file,
                        "metadata '" + Keys.SITES + "' differs from that in "
                                + first.shard().file() + "; files of one capture have the same");
            }
            Set<String> keys = new TreeSet<>(first.facts().keySet());
            keys.addAll(each.facts().keySet());
            for (String key : keys) {
                checkSame(key, file, each.facts(), first.shard().file(), first.facts());
            }
        }
        files.facts().forEach((key, fact) -> {
            if (facts.containsKey(key)) {
                checkSame(key, first.shard().file(), facts, files.named(), files.facts());
            }
            if (!List.of(Keys.PROMPTS, Keys.SITES, Keys.SHARD).contains(key)) {
                facts.put(key, fact);
            }
        });
        return facts;
    }

    private static void checkSame(
            String key, Path file, Map<String, String> facts, Path other, Map<String, String> others) {
        if (!Objects.equals(facts.get(key), others.get(key)) && !Keys.OF_PROMPTS.contains(key)) {
            throw new MalformedFileException(
                    file,
                    "metadata '" + key + "' is " + facts.get(key) + ", and " + others.get(key) + " in " + other
                            + "; files of one capture have the same");
        }
    }

    /**
     * Everything that was captured.
     *
     * @return the activations, mapped from the file
     */
    public Activations activations() {
        return activations;
    }

    /**
     * The prompts that were captured, as ready token ids, which are read from the file when they are asked for. Of prompts that
     * were run from ready tensors only ids, labels and digests are there: to ask for their tensors, as a capture does, is an
     * error.
     *
     * @return the prompts with their ids and labels, in the order of the capture
     */
    public Prompts prompts() {
        return activations.prompts();
    }

    /**
     * {@inheritDoc} These are the sites that were recorded. Magnitudes and picked units are among them only if the site that
     * they are of is not.
     */
    @Override
    public List<Site> sites() {
        // A plan finds the magnitudes of listed sites by itself, and would find them twice if they were listed too.
        List<Site> all = shards.readings().stream().map(Reading::site).toList();
        return all.stream()
                .filter(site -> site.derivedFrom().filter(all::contains).isEmpty())
                .toList();
    }

    /** Gradients and attributions that were recorded. */
    @Override
    public List<Site> differentiable() {
        return shards.readings().stream()
                .map(Reading::site)
                .filter(site -> !site.derivedFrom().orElse(site).backward().isEmpty())
                .map(Site::forward)
                .distinct()
                .toList();
    }

    /** What recorded gradients are of. */
    @Override
    public Optional<Objective> objective() {
        return Optional.ofNullable(provenance.get(Keys.OBJECTIVE)).map(Objective::told);
    }

    @Override
    public OptionalInt maxTokens() {
        return Keys.number(provenance, Keys.MAX_TOKENS);
    }

    @Override
    public OptionalInt vocabularySize() {
        return Keys.number(provenance, Keys.VOCABULARY_SIZE);
    }

    @Override
    public OptionalInt bosTokenId() {
        return Keys.number(provenance, Keys.BOS_TOKEN_ID);
    }

    /**
     * A recording knows prompts by their token ids.
     *
     * @throws ModscanException always
     */
    @Override
    public int positions(Map<String, InputTensor> inputs) {
        throw new ModscanException(path + ": a recording knows prompts by their token ids, so ready tensors cannot be"
                + " captured from it; read what was captured of them from Recording.activations()");
    }

    /** A recording knows what was run under which intervention, and changes nothing: what is not there shows when it is asked for. */
    @Override
    public void check(Intervention intervention, CapturePlan plan, int length) {
        // Each prompt that was recorded may be asked for.
    }

    /**
     * A recording has none.
     *
     * @throws ModscanException always
     */
    @Override
    public Tokenizer tokenizer() {
        throw new ModscanException(
                path
                        + ": a recording holds token ids and no tokenizer; capture Recording.prompts(), or prompts of ready ids");
    }

    /**
     * What the files tell of the model and of the capture.
     *
     * @return facts by key; those of the capture that a new one tells by itself are overwritten there
     */
    @Override
    public Map<String, String> provenance() {
        return provenance;
    }

    @Override
    public boolean pools() {
        return true;
    }

    /**
     * Makes a source that gives the recorded values of the recorded prompts, which it knows by their token ids. The first
     * to be opened reads the ids of all prompts. Of prompts with the same ids it gives the first one's values.
     *
     * @param plan the plan; each of its sites either as it was recorded, or derived from what was recorded per token
     * @return a source; it throws {@link ModscanException} when given other prompts than those recorded
     * @throws ModscanException if the plan asks for what was not recorded and can't be derived from it
     */
    @Override
    public ActivationSource open(CapturePlan plan) {
        if (plan.objective().isPresent() && !plan.objective().equals(objective())) {
            throw new ModscanException(path + ": gradients of "
                    + plan.objective().get() + " are asked for, and "
                    + objective().map(of -> "those recorded are of " + of).orElse("none were recorded"));
        }
        return new RecordingSource(path.toString(), plan, shards, tokenIndex(), bosTokenId());
    }

    private synchronized TokenIndex tokenIndex() {
        if (tokenIndex == null) {
            tokenIndex = new TokenIndex(shards);
        }
        return tokenIndex;
    }

    /**
     * A recording has none.
     *
     * @throws ModscanException always
     */
    @Override
    public Weights weights() {
        throw new ModscanException(path
                + ": a recording holds activations and no weights; ask the model that it was captured from for them");
    }

    @Override
    public String toString() {
        return "Recording[" + path + ", " + prompts().size() + " prompts, "
                + shards.readings().stream().map(Reading::site).toList() + "]";
    }
}
