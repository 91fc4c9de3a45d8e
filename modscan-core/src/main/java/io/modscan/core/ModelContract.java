package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.core.token.Positions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;

/**
 * Proves that a model of one's own, and the sources that it opens, keep the contracts of {@link Model} and
 * {@link ActivationSource}: for a test, in any test framework.
 *
 * <pre>{@code
 * ModelContract.of(myModel).verify();
 * ModelContract.of(myModel, Prompts.of("a text", "another one")).tolerance(1e-4).verify();
 * }</pre>
 */
public final class ModelContract {

    private static final int PROMPTS = 5;
    private static final int LONGEST = 9;
    private static final int THREADS = 4;

    /** How long a thread runs before it is interrupted. */
    private static final int MILLIS_OF_RUNS = 20;

    /** Against a hang; a second is what is asked for. */
    private static final int SECONDS_TO_END = 60;

    /** How many sites are tried alone, each by a source of its own. */
    private static final int ALONE = 8;

    /** What masks hold in place of minus infinity is no value that others are small beside. */
    private static final double MASKED = 1e30;

    /** What the buffers hold before a run, so that a value is known that was not written: a NaN that no computation gives, and … */
    private static final float UNWRITTEN = Float.intBitsToFloat(0x7fc0d1ce);

    /** … a number, for those who take NaN for something. */
    private static final float OTHER = -1.0e30f;

    private final Model model;
    private final Prompts sample;
    private final double tolerance;

    private ModelContract(Model model, Prompts sample, double tolerance) {
        this.model = model;
        this.sample = sample;
        this.tolerance = tolerance;
    }

    /**
     * Begins a proof on prompts of random ids, BOS in front where the model knows it.
     *
     * @param model the model, whose vocabulary is known
     * @return a proof
     * @throws IllegalArgumentException if nothing tells which ids there are
     */
    public static ModelContract of(Model model) {
        int vocabulary = model.vocabularySize()
                .orElseThrow(
                        () -> new IllegalArgumentException("the model does not tell its vocabulary, so no ids can be"
                                + " made up; give prompts: of(model, prompts)"));
        Random random = new Random(1);
        List<Prompt> prompts = new ArrayList<>();
        int longest = Math.min(LONGEST, model.maxTokens().orElse(LONGEST));
        for (int i = 0; i < PROMPTS; i++) {
            int[] ids = random.ints(Math.max(Math.min(2, longest), longest - 2 * i), 0, vocabulary)
                    .toArray();
            ids[0] = model.bosTokenId().orElse(ids[0]);
            prompts.add(Prompt.ofTokens("prompt " + i, ids));
        }
        return of(model, Prompts.of(prompts));
    }

    /**
     * Begins a proof.
     *
     * @param model  the model
     * @param sample at least two prompts that it takes, best of several lengths: texts, token ids or ready tensors; of a
     *               {@link Recording}, which has to have kept each position, those that were recorded
     * @return a proof in which values may differ by 2e-5 of a tensor's largest
     * @throws IllegalArgumentException if there are fewer prompts, which keep each other no company
     */
    public static ModelContract of(Model model, Prompts sample) {
        Objects.requireNonNull(model, "model");
        if (sample.size() < 2) {
            throw new IllegalArgumentException("one prompt keeps no other company; give at least two");
        }
        return new ModelContract(model, sample, 2e-5);
    }

    /**
     * Sets how much values may change from one run to another, with a prompt's company in a batch, and by who pools them.
     *
     * @param share of the largest absolute value of a tensor; 0 for the same bits
     * @return a copy
     * @throws IllegalArgumentException if negative or not a number
     */
    public ModelContract tolerance(double share) {
        if (!(share >= 0)) {
            throw new IllegalArgumentException("a tolerance of " + share + " holds for nothing; give 0 or more");
        }
        return new ModelContract(model, sample, share);
    }

    /**
     * Tries the model. What it tells of itself is complete and stays the same. Its sources compute what their plan says, write
     * every value that belongs to a token, whatever was in the buffers, give a prompt the same values alone, in company, padded
     * on either side and beside other sites, the same bits again and from several threads; where the model pools, it pools as
     * a probe does, over whichever positions, and keeps those that are asked for. What it says can be changed is changed as
     * interventions ask, and no prompt beside it. Gradients tell what becomes of the loss where a site is scaled, and attributions are what they and a prompt's replacement make. They end when the thread is interrupted, before a run or meanwhile, and refuse
     * to run once they are closed.
     *
     * @throws AssertionError   if one of these does not hold; its message says which
     * @throws ModscanException if the model refuses the prompts
     */
    public void verify() {
        checkFacts();
        CapturePlan plan = model.plan(List.of(new CapturePlan.Selection(Sites.all(), Pooling.none())));
        checkClosed(tried(plan));
        new ChangesContract(model, sample, tolerance).verify();
        new GradientsContract(model, sample, tolerance).verify();
        if (model.pools()) {
            checkPooling();
        }
    }

    /** A source that was tried, and closed. */
    private ActivationSource tried(CapturePlan plan) {
        List<Integer> all = IntStream.range(0, sample.size()).boxed().toList();
        try (ActivationSource source = model.open(plan)) {
            check(plan.equals(source.plan()), "a source's plan() is not the plan that it was opened for");
            List<float[][]> together = run(source, all, OTHER, 0);
            compareAll(
                    plan,
                    together,
                    run(source, all, UNWRITTEN, 0),
                    tolerance,
                    "a run into buffers that held other values");
            compareAll(
                    plan,
                    together,
                    run(source, all, UNWRITTEN, 0, (batch, outputs) -> LinkContract.run(source, batch, outputs)),
                    tolerance,
                    "a run link by link");
            compareAll(plan, together, inThreads(source, all), tolerance, "a run beside others on other threads");
            for (int row : all) {
                List<float[][]> alone = run(source, List.of(row), UNWRITTEN, 0);
                String how = "prompt " + row + " run alone, not in company,";
                compareAll(plan, of(together, row), alone, tolerance, how);
                int padding = Math.min(2, model.maxTokens().orElse(Integer.MAX_VALUE) - ids(sample.get(row)).length);
                if (sample.get(row).tensors().isEmpty() && padding > 0) {
                    List<float[][]> padded = run(source, List.of(row), UNWRITTEN, padding);
                    compareAll(plan, alone, padded, tolerance, "prompt " + row + " padded on the left");
                }
            }
            checkInterrupt(source);
            int step = Math.max(1, plan.readings().size() / ALONE);
            for (int i = 0; i < plan.readings().size(); i += step) {
                CapturePlan one = new CapturePlan(plan.readings().subList(i, i + 1));
                try (ActivationSource single = model.open(one)) {
                    List<float[][]> values = run(single, all, UNWRITTEN, 0);
                    compareAll(one, together.subList(i, i + 1), values, tolerance, "a plan of this site only");
                }
            }
            return source;
        }
    }

    private void checkFacts() {
        List<Site> sites = model.sites();
        check(!sites.isEmpty(), "sites() is empty");
        Set<String> names = new HashSet<>();
        sites.forEach(site -> check(names.add(site.name()), "sites() has " + site + " twice"));
        check(
                sites.stream()
                        .noneMatch(site ->
                                site.derivedFrom().filter(sites::contains).isPresent()),
                "sites() lists what is derived from a site that it lists too");
        check(sites.equals(model.sites()), "sites() gives other sites when asked again");
        check(model.provenance().equals(model.provenance()), "provenance() tells other facts when asked again");
        check(model.maxTokens().orElse(1) > 0, "maxTokens() is " + model.maxTokens() + ", not positive");
        int ids = model.vocabularySize().orElse(Integer.MAX_VALUE);
        check(ids > 0, "vocabularySize() is " + ids + ", not positive");
        check(
                model.bosTokenId().orElse(0) >= 0 && model.bosTokenId().orElse(0) < ids,
                "bosTokenId() is " + model.bosTokenId() + ", outside of the vocabulary");
    }

    private int[] ids(Prompt prompt) {
        Map<String, InputTensor> tensors = prompt.tensors().orElse(Map.of());
        if (!tensors.isEmpty()) {
            int[] none = new int[model.positions(tensors)];
            Arrays.fill(none, -1);
            return none;
        }
        return prompt.tokenIds()
                .orElseGet(() -> model.tokenizer().encode(prompt.text().orElseThrow()));
    }

    private static List<float[][]> of(List<float[][]> values, int prompt) {
        return values.stream()
                .<float[][]>map(rows -> new float[][] {rows[prompt]})
                .toList();
    }

    /** For each reading, each prompt's values without padding. */
    private List<float[][]> run(ActivationSource source, List<Integer> prompts, float before, int padding) {
        return run(source, prompts, before, padding, source::run);
    }

    private List<float[][]> run(
            ActivationSource source,
            List<Integer> prompts,
            float before,
            int padding,
            BiConsumer<TokenBatch, List<FloatBuffer>> runner) {
        List<int[]> ids =
                prompts.stream().map(prompt -> ids(sample.get(prompt))).toList();
        List<Map<String, InputTensor>> tensors = prompts.stream()
                .flatMap(prompt -> sample.get(prompt).tensors().stream())
                .toList();
        int columns = padding + ids.stream().mapToInt(row -> row.length).max().orElse(0);
        int size = ids.size() * columns;
        LongBuffer inputIds = longs(size);
        LongBuffer mask = longs(size);
        for (int row = 0; row < ids.size(); row++) {
            for (int i = 0; i < ids.get(row).length; i++) {
                inputIds.put(row * columns + padding + i, ids.get(row)[i]);
                mask.put(row * columns + padding + i, 1);
            }
        }
        TokenBatch batch = new TokenBatch(ids.size(), columns, inputIds, mask, tensors, List.of());
        List<FloatBuffer> outputs = outputs(source.plan(), batch, before);
        runner.accept(batch, outputs);
        List<float[][]> values = new ArrayList<>();
        for (int reading = 0; reading < outputs.size(); reading++) {
            Reading read = source.plan().readings().get(reading);
            int stride = (int) read.values(columns);
            float[][] rows = new float[ids.size()][];
            for (int row = 0; row < rows.length; row++) {
                rows[row] =
                        real(read, outputs.get(reading).slice(row * stride, stride), columns, padding, ids.get(row));
            }
            checkWritten(read, rows, before);
            values.add(rows);
        }
        return values;
    }

    /** A buffer holds what an earlier batch has left there, which a probe would hand out as the values of this one. */
    private static void checkWritten(Reading reading, float[][] rows, float before) {
        for (int row = 0; row < rows.length; row++) {
            for (int i = 0; i < rows[row].length; i++) {
                check(
                        Float.floatToRawIntBits(rows[row][i]) != Float.floatToRawIntBits(before),
                        "a run leaves the value of " + reading.site() + " at " + i + " of row " + row
                                + " of the batch unwritten, so that it is still what was in the buffer before; run() has to write every"
                                + " value that belongs to a token, in every batch");
            }
        }
    }

    private static LongBuffer longs(int size) {
        return ByteBuffer.allocateDirect(size * Long.BYTES)
                .order(ByteOrder.nativeOrder())
                .asLongBuffer();
    }

    private static List<FloatBuffer> outputs(CapturePlan plan, TokenBatch batch, float before) {
        List<FloatBuffer> outputs = new ArrayList<>();
        for (Reading reading : plan.readings()) {
            int values = Math.toIntExact(batch.rows() * reading.values(batch.columns()));
            FloatBuffer output = ByteBuffer.allocateDirect(values * Float.BYTES)
                    .order(ByteOrder.nativeOrder())
                    .asFloatBuffer();
            for (int i = 0; i < values; i++) {
                output.put(i, before);
            }
            outputs.add(output);
        }
        return outputs;
    }

    private static float[] real(Reading reading, FloatBuffer row, int columns, int first, int... ids) {
        Site site = reading.site();
        int length = ids.length;
        if (!site.isPairwise()) {
            float[] values = new float[(int) reading.values(length)];
            row.get(reading.isPerToken() ? first * site.width() : 0, values);
            return values;
        }
        int squares = Math.max(1, site.heads());
        float[] values = new float[squares * length * length];
        for (int square = 0; square < squares; square++) {
            for (int query = 0; query < length; query++) {
                int from = (square * columns + first + query) * columns + first;
                row.get(from, values, (square * length + query) * length, length);
            }
        }
        return values;
    }

    private List<float[][]> inThreads(ActivationSource source, List<Integer> prompts) {
        List<CompletableFuture<List<float[][]>>> runs = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            runs.add(CompletableFuture.supplyAsync(() -> run(source, prompts, UNWRITTEN, 0)));
        }
        try {
            List<float[][]> first = runs.get(0).join();
            for (CompletableFuture<List<float[][]>> each : runs) {
                compareAll(
                        source.plan(),
                        first,
                        each.join(),
                        tolerance,
                        "one thread's run and another's at the same time");
            }
            return first;
        } catch (CompletionException e) {
            throw new AssertionError("a run beside others on other threads throws " + e.getCause(), e);
        }
    }

    private void checkInterrupt(ActivationSource source) {
        Thread.currentThread().interrupt();
        try {
            run(source, List.of(0), UNWRITTEN, 0);
            throw new AssertionError("a run on an interrupted thread goes on: it must end in a CancellationException");
        } catch (CancellationException asDocumented) {
            check(Thread.currentThread().isInterrupted(), "a cancelled run clears the thread's interrupt status");
        } finally {
            Thread.interrupted(); // ours, which nobody else is to see
        }
        checkInterruptMeanwhile(source);
    }

    /** Interrupts a thread that runs again and again, wherever it is. */
    private void checkInterruptMeanwhile(ActivationSource source) {
        CompletableFuture<Boolean> kept = new CompletableFuture<>();
        AtomicBoolean enough = new AtomicBoolean();
        Thread runner = new Thread(() -> {
            try {
                while (!enough.get()) {
                    run(source, List.of(0), UNWRITTEN, 0);
                }
                kept.completeExceptionally(new AssertionError("a thread that is interrupted during a run goes on"));
            } catch (CancellationException asDocumented) {
                kept.complete(Thread.currentThread().isInterrupted());
            } catch (RuntimeException | Error e) {
                kept.completeExceptionally(new AssertionError(
                        "a run that is interrupted meanwhile throws " + e + ", not a CancellationException", e));
            }
        });
        runner.setDaemon(true);
        runner.start();
        try {
            Thread.sleep(MILLIS_OF_RUNS);
            runner.interrupt();
            check(
                    kept.get(SECONDS_TO_END, TimeUnit.SECONDS),
                    "a run that is interrupted meanwhile clears the thread's interrupt status");
        } catch (TimeoutException e) {
            throw new AssertionError("a run that is interrupted goes on for " + SECONDS_TO_END + " seconds", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof AssertionError told ? told : new AssertionError(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while the model was tried");
        } finally {
            enough.set(true);
        }
    }

    private void checkClosed(ActivationSource source) {
        source.close();
        try {
            run(source, List.of(0), UNWRITTEN, 0);
        } catch (IllegalStateException asDocumented) {
            return;
        }
        throw new AssertionError("a closed source runs: it must throw an IllegalStateException");
    }

    private void checkPooling() {
        Activations perToken = capture(Pooling.none());
        List<Pooling> poolings = new ArrayList<>(List.of(Pooling.mean(), Pooling.max(), Pooling.last()));
        boolean onlyBos = sample.stream()
                .map(this::ids)
                .anyMatch(ids -> ids.length == 1 && OptionalInt.of(ids[0]).equals(model.bosTokenId()));
        if (model.bosTokenId().isPresent()
                && !onlyBos
                && sample.get(0).tensors().isEmpty()) {
            poolings.add(Pooling.mean().withoutBos());
        }
        poolings.add(Pooling.mean().over(Positions.last(2)));
        poolings.add(Pooling.max().over(Positions.first(2)));
        checkKept(perToken);
        for (Pooling pooling : poolings) {
            if (perToken.sites().stream().noneMatch(SiteActivations::isPerToken)) {
                return;
            }
            Activations theirs = capture(pooling);
            Activations ours = perToken.pooled(pooling);
            for (SiteActivations site : theirs.sites()) {
                if (site.pooling().isPooled()) {
                    float[][] expected = ours.at(site.site()).vectors();
                    compare(
                            site.reading(),
                            expected,
                            site.vectors(),
                            tolerance,
                            "the model's own pooling, " + pooling + ",");
                }
            }
        }
    }

    /** Some positions of each prompt, and of all sites the same. */
    private void checkKept(Activations perToken) {
        if (perToken.sites().stream().noneMatch(SiteActivations::isPerToken)) {
            return;
        }
        Pooling some = Pooling.none().over(Positions.last(2));
        Activations theirs = capture(some);
        for (SiteActivations site : theirs.sites()) {
            SiteActivations all = perToken.at(site.site());
            float[][] expected = new float[theirs.prompts().size()][];
            float[][] actual = new float[expected.length][];
            for (int prompt = 0; prompt < expected.length; prompt++) {
                int length = perToken.tokens(prompt).size();
                int from = Math.max(0, length - 2) * site.site().width();
                expected[prompt] = new float[length * site.site().width() - from];
                all.row(prompt).get(from, expected[prompt]);
                actual[prompt] = new float[site.row(prompt).capacity()];
                site.row(prompt).get(actual[prompt]);
            }
            compare(site.reading(), expected, actual, tolerance, "keeping only the last 2 tokens");
        }
    }

    private Activations capture(Pooling pooling) {
        try (Probe probe = Probe.builder(model).sites(pooling, Sites.all()).build()) {
            return probe.capture(sample);
        }
    }

    private static void compareAll(
            CapturePlan plan, List<float[][]> expected, List<float[][]> actual, double share, String how) {
        for (int i = 0; i < expected.size(); i++) {
            compare(plan.readings().get(i), expected.get(i), actual.get(i), share, how);
        }
    }

    private static void compare(Reading reading, float[][] expected, float[][] actual, double share, String how) {
        double largest = 0;
        for (float[] row : expected) {
            for (float value : row) {
                largest = Math.max(largest, Math.abs(value) < MASKED ? Math.abs(value) : 0);
            }
        }
        for (int row = 0; row < expected.length; row++) {
            check(
                    expected[row].length == actual[row].length,
                    how + " gives " + actual[row].length + " values of " + reading.site() + ", not "
                            + expected[row].length);
            for (int i = 0; i < expected[row].length; i++) {
                float one = expected[row][i];
                float other = actual[row][i];
                check(
                        Float.compare(one, other) == 0 || Math.abs((double) one - other) <= share * largest,
                        how + " gives another value of " + reading.site() + " at " + i + " of prompt " + row + ": "
                                + other + ", not " + one);
            }
        }
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
