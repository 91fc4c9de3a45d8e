package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Reading;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Captures a model's activations for sets of prompts.
 *
 * <pre>{@code
 * try (Probe probe = Probe.builder(model).sites(Sites.z(), Sites.mlpPost()).pooling(Pooling.mean()).build()) {
 *     Activations activations = probe.capture(Prompts.csv(Path.of("prompts.csv")));
 * }
 * }</pre>
 *
 * <p>Building loads the model; closing frees it. Safe for use by many threads.
 */
public final class Probe implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Probe.class);

    /**
     * Bounds what a batch's outputs take, so that a plan with attention patterns takes smaller batches. Java allows as much
     * in direct buffers as on the heap.
     */
    private static final long BATCH_OUTPUT_BYTES =
            Math.min(256L << 20, Runtime.getRuntime().maxMemory() / 4);

    private final Model model;
    private final ActivationSource source;
    private final int tokenBudget;
    private final boolean cutOverlong;
    private volatile boolean closed;

    private Probe(Builder builder, CapturePlan plan) {
        this.model = builder.model;
        this.tokenBudget = builder.tokenBudget;
        this.cutOverlong = builder.cutOverlong;
        this.source = model.open(plan);
    }

    /**
     * Begins a probe of a model.
     *
     * @param model the model
     * @return a builder that reads every site, each position kept, unless told otherwise
     */
    public static Builder builder(Model model) {
        return new Builder(model);
    }

    /** Settings of a probe to be. Not safe for use by several threads. */
    public static final class Builder {
        private final Model model;
        private final List<SiteSelector> selectors = new ArrayList<>();
        private final List<Selection> selections = new ArrayList<>();
        private Pooling pooling = Pooling.none();
        private int tokenBudget = 4096;
        private boolean cutOverlong;

        private Builder(Model model) {
            this.model = Objects.requireNonNull(model, "model");
        }

        /**
         * Adds sites, pooled as {@link #pooling} says.
         *
         * @param selectors which sites, see {@link Sites}
         * @return this
         */
        public Builder sites(SiteSelector... selectors) {
            this.selectors.addAll(List.of(selectors));
            return this;
        }

        /**
         * Adds sites, pooled as {@link #pooling} says.
         *
         * @param globs names or patterns, see {@link Sites#glob}
         * @return this
         */
        public Builder sites(String... globs) {
            return sites(Arrays.stream(globs).map(Sites::glob).toArray(SiteSelector[]::new));
        }

        /**
         * Adds sites with a pooling of their own.
         *
         * @param pooling   how these are pooled
         * @param selectors which sites, see {@link Sites}
         * @return this
         */
        public Builder sites(Pooling pooling, SiteSelector... selectors) {
            for (SiteSelector selector : selectors) {
                selections.add(new Selection(selector, pooling));
            }
            return this;
        }

        /**
         * Sets how sites are pooled that were added without a pooling of their own.
         *
         * @param pooling the pooling; {@link Pooling#none()} unless set
         * @return this
         */
        public Builder pooling(Pooling pooling) {
            this.pooling = Objects.requireNonNull(pooling, "pooling");
            return this;
        }

        /**
         * Sets how many tokens, padding included, are run at once. A prompt longer than this is run alone.
         *
         * @param tokens at least 1; 4096 unless set
         * @return this
         * @throws IllegalArgumentException if not positive
         */
        public Builder tokenBudget(int tokens) {
            if (tokens < 1) {
                throw new IllegalArgumentException("a token budget of " + tokens + " runs nothing; give at least 1");
            }
            this.tokenBudget = tokens;
            return this;
        }

        /**
         * Lets prompts that are longer than the model takes be cut at their end, with a warning in the log. Unless this
         * is called, such a prompt is an error.
         *
         * @return this
         */
        public Builder cutOverlong() {
            this.cutOverlong = true;
            return this;
        }

        /**
         * Resolves the sites and loads the model.
         *
         * @return the probe, which the caller closes
         * @throws ModscanException if a selector matches nothing or a site can't be pooled as asked, or the model can't be
         *                          loaded
         */
        public Probe build() {
            List<Selection> all = new ArrayList<>(selections);
            selectors.forEach(selector -> all.add(new Selection(selector, pooling)));
            if (all.isEmpty()) {
                all.add(new Selection(Sites.all(), pooling));
            }
            return new Probe(this, CapturePlan.of(model.sites(), all));
        }
    }

    /**
     * What this probe captures.
     *
     * @return the plan
     */
    public CapturePlan plan() {
        return source.plan();
    }

    /**
     * Captures prompts: tokenizes them, runs them in batches of similar length, and gives the planned values back in the
     * order of the prompts. A prompt's values don't depend on its neighbours beyond float rounding.
     *
     * @param prompts the prompts
     * @return their activations
     * @throws ModscanException      if a prompt is longer than the model takes (unless {@link Builder#cutOverlong} was
     *                               called), has an id outside the vocabulary or nothing to pool, if the values don't
     *                               fit into Java's heap, or if running fails
     * @throws IllegalStateException if the probe is closed
     */
    public Activations capture(Prompts prompts) {
        if (closed) {
            throw new IllegalStateException("the probe is closed; build another to capture more");
        }
        List<int[]> tokenIds = tokenize(prompts);
        checkMemory(tokenIds);
        List<Reading> readings = plan().readings();
        List<FloatBuffer[]> rows = new ArrayList<>();
        readings.forEach(reading -> rows.add(new FloatBuffer[prompts.size()]));
        List<List<Integer>> batches = batches(tokenIds);
        List<FloatBuffer> buffers = buffers(batches, tokenIds);
        for (List<Integer> batch : batches) {
            run(batch, tokenIds, buffers, rows);
        }
        return new Activations(
                prompts,
                tokenIds,
                provenance(tokenIds),
                readings,
                rows.stream().map(List::of).toList());
    }

    /** Says beforehand what would otherwise end in an error without a hint, after much work. */
    private void checkMemory(List<int[]> tokenIds) {
        long bytes = 0;
        for (int[] ids : tokenIds) {
            for (Reading reading : plan().readings()) {
                bytes += reading.values(ids.length) * Float.BYTES;
            }
        }
        long most = Runtime.getRuntime().maxMemory();
        if (bytes > most) {
            throw new ModscanException("the values of " + tokenIds.size() + " prompts at "
                    + plan().readings().size()
                    + " sites take " + (bytes >> 20) + " MiB and Java's heap has at most " + (most >> 20)
                    + " MiB: pool them, capture fewer sites or prompts, or give Java more (-Xmx)");
        }
    }

    private List<int[]> tokenize(Prompts prompts) {
        Tokenizer tokenizer = null;
        List<int[]> all = new ArrayList<>(prompts.size());
        for (Prompt prompt : prompts) {
            int[] ids = prompt.tokenIds().orElse(null);
            if (ids == null) {
                tokenizer = tokenizer == null ? model.tokenizer() : tokenizer;
                ids = tokenizer.encode(prompt.text().orElseThrow());
            }
            ids = fit(prompt, ids);
            check(prompt, ids);
            all.add(ids);
        }
        return all;
    }

    private int[] fit(Prompt prompt, int[] ids) {
        if (ids.length <= model.maxTokens()) {
            return ids;
        }
        if (!cutOverlong) {
            throw new ModscanException("prompt '" + prompt.id() + "' has " + ids.length
                    + " tokens; the model takes at most " + model.maxTokens()
                    + " (shorten it, or let the probe cut it: cutOverlong())");
        }
        LOG.warn("prompt '{}' cut from {} to {} tokens", prompt.id(), ids.length, model.maxTokens());
        return Arrays.copyOf(ids, model.maxTokens());
    }

    private void check(Prompt prompt, int[] ids) {
        if (ids.length == 0) {
            throw new ModscanException("prompt '" + prompt.id() + "' has no tokens");
        }
        for (int id : ids) {
            if (id < 0 || id >= model.vocabularySize()) {
                throw new ModscanException("prompt '" + prompt.id() + "' has the token id " + id
                        + "; the model's ids are 0 to " + (model.vocabularySize() - 1));
            }
        }
        boolean onlyBos = ids.length == 1 && ids[0] == model.bosTokenId();
        for (Reading reading : plan().readings()) {
            if (reading.values(ids.length) > Integer.MAX_VALUE / Float.BYTES) {
                throw new ModscanException(
                        "prompt '" + prompt.id() + "' has " + ids.length + " tokens, so its values of "
                                + reading.site() + " take " + reading.values(ids.length) * Float.BYTES
                                + " bytes, more than one buffer holds; capture shorter prompts or pool them");
            }
            if (onlyBos && reading.pooling().skipBos()) {
                throw new ModscanException("prompt '" + prompt.id() + "' is only a BOS token, so nothing of "
                        + reading.site() + " is left to pool; drop the prompt, or pool with BOS");
            }
        }
    }

    /** Indices of prompts, grouped so that each group has similar lengths and fits the budget. */
    private List<List<Integer>> batches(List<int[]> tokenIds) {
        List<Integer> byLength = IntStream.range(0, tokenIds.size())
                .boxed()
                .sorted(Comparator.comparingInt(i -> tokenIds.get(i).length))
                .toList();
        List<List<Integer>> batches = new ArrayList<>();
        List<Integer> batch = new ArrayList<>();
        for (int index : byLength) {
            // Sorted, so the newcomer is the longest and sets the padded length.
            if (!batch.isEmpty() && !fits(batch.size() + 1, tokenIds.get(index).length)) {
                batches.add(batch);
                batch = new ArrayList<>();
            }
            batch.add(index);
        }
        batches.add(batch);
        return batches;
    }

    private boolean fits(long rows, int columns) {
        long outputs = plan().readings().stream()
                .mapToLong(reading -> rows * reading.values(columns) * Float.BYTES)
                .sum();
        return rows * columns <= tokenBudget && outputs <= BATCH_OUTPUT_BYTES;
    }

    /** One buffer a reading, large enough for every batch. */
    private List<FloatBuffer> buffers(List<List<Integer>> batches, List<int[]> tokenIds) {
        List<FloatBuffer> buffers = new ArrayList<>();
        for (Reading reading : plan().readings()) {
            long largest = batches.stream()
                    .mapToLong(batch -> batch.size() * reading.values(columns(batch, tokenIds)))
                    .max()
                    .orElse(0);
            buffers.add(ByteBuffer.allocateDirect((int) largest * Float.BYTES)
                    .order(ByteOrder.nativeOrder())
                    .asFloatBuffer());
        }
        return buffers;
    }

    private static int columns(List<Integer> batch, List<int[]> tokenIds) {
        return tokenIds.get(batch.get(batch.size() - 1)).length;
    }

    private void run(List<Integer> batch, List<int[]> tokenIds, List<FloatBuffer> buffers, List<FloatBuffer[]> rows) {
        TokenBatch tokens =
                TokenBatch.padRight(batch.stream().map(tokenIds::get).toList());
        List<Reading> readings = plan().readings();
        List<FloatBuffer> outputs = new ArrayList<>();
        for (int i = 0; i < readings.size(); i++) {
            long values = tokens.rows() * readings.get(i).values(tokens.columns());
            outputs.add(buffers.get(i).slice(0, (int) values));
        }
        source.run(tokens, outputs);
        for (int i = 0; i < readings.size(); i++) {
            Reading reading = readings.get(i);
            int stride = (int) reading.values(tokens.columns());
            for (int row = 0; row < batch.size(); row++) {
                int index = batch.get(row);
                FloatBuffer padded = outputs.get(i).slice(row * stride, stride);
                rows.get(i)[index] = unpad(reading, padded, tokens.columns(), tokenIds.get(index).length);
            }
        }
    }

    /** Copies a prompt's values out of its padded row. */
    private static FloatBuffer unpad(Reading reading, FloatBuffer padded, int columns, int length) {
        float[] values = new float[(int) reading.values(length)];
        if (!SiteActivations.isPerPair(reading.site())) {
            padded.get(0, values);
        } else {
            int squares = Math.max(1, reading.site().heads());
            for (int square = 0; square < squares; square++) {
                for (int query = 0; query < length; query++) {
                    padded.get(
                            (square * columns + query) * columns, values, (square * length + query) * length, length);
                }
            }
        }
        return FloatBuffer.wrap(values);
    }

    private Map<String, String> provenance(List<int[]> tokenIds) {
        Map<String, String> facts = new TreeMap<>(model.provenance());
        @Nullable String version = Probe.class.getPackage().getImplementationVersion();
        facts.put("modscan.version", version == null ? "development" : version);
        facts.put(
                "modscan.plan",
                plan().readings().stream()
                        .map(reading -> reading.site() + " " + reading.pooling())
                        .collect(Collectors.joining("; ")));
        facts.putAll(provenanceOf(tokenIds));
        return facts;
    }

    /** The part of the provenance that tells of the prompts. */
    static Map<String, String> provenanceOf(List<int[]> tokenIds) {
        return Map.of(
                "modscan.prompt_count", Integer.toString(tokenIds.size()), "modscan.tokens_sha256", sha256(tokenIds));
    }

    private static String sha256(List<int[]> tokenIds) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (int[] ids : tokenIds) {
                digest.update((Arrays.toString(ids) + "\n").getBytes(StandardCharsets.UTF_8));
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** Frees the model. Closing a second time does nothing. */
    @Override
    public void close() {
        closed = true;
        source.close();
    }
}
