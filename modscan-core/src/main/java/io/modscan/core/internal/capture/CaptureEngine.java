package io.modscan.core.internal.capture;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.capture.Batching.Batch;
import io.modscan.core.internal.capture.TokenStream.Share;
import io.modscan.core.internal.recording.CaptureLayout;
import io.modscan.core.internal.recording.CaptureWriter;
import io.modscan.core.internal.recording.Captured;
import io.modscan.core.internal.recording.Chunk;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.internal.recording.NonFiniteCount;
import io.modscan.core.internal.recording.PartFile;
import io.modscan.core.internal.recording.TokensDigest;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.ModscanVersion;
import io.modscan.core.model.Progress;
import io.modscan.core.prompt.IdSet;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Reading;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.Spliterator;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The ways to run prompts that a probe offers. Safe for use by many threads, each of which makes runs of its own. */
public final class CaptureEngine implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(CaptureEngine.class);

    /** A file's share of these is in memory while it is written, whatever the size of its prompts' values. */
    private static final long FILE_TOKENS = 1 << 22;

    private static final long FILE_PROMPTS = 100_000;
    private static final long FILE_HEADER = 1 << 25;

    private final Model model;
    private final ActivationSource source;
    private final List<Reading> readings;
    private final boolean cutOverlong;
    private final Batching batching;
    private final long fileSize;
    private final Consumer<Progress> listener;
    /** Runners that wait for the next run, no more than one run uses, since they hold on to their buffers. */
    private final BlockingQueue<BatchRunner> idle = new ArrayBlockingQueue<>(2);

    /** KiB of direct buffers that runs at work may have together: half of what Java allows; the idle have the rest. */
    private final int room =
            (int) Math.min(Integer.MAX_VALUE, (Runtime.getRuntime().maxMemory() / 2) >> 10);

    private final Semaphore freeRoom = new Semaphore(room, true);
    private final Set<Thread> atWork = ConcurrentHashMap.newKeySet();

    public CaptureEngine(
            Model model,
            ActivationSource source,
            Batching batching,
            boolean cutOverlong,
            long fileSize,
            Consumer<Progress> listener) {
        this.model = model;
        this.source = source;
        this.readings = source.plan().readings();
        this.batching = batching;
        this.cutOverlong = cutOverlong;
        this.fileSize = fileSize;
        this.listener = listener;
    }

    /** Keeps everything on the heap. */
    public Captured toMemory(Prompts prompts) {
        List<FloatBuffer[]> rows = new ArrayList<>();
        readings.forEach(reading -> rows.add(new FloatBuffer[prompts.size()]));
        List<int[]> tokenIds = new ArrayList<>(prompts.size());
        HeapCheck heap = new HeapCheck(readings);
        try (Run run = new Run(
                prompts.spliterator(),
                (prompt, ids) -> {
                    heap.add(ids);
                    return (double) ids.length / batching.windowTokens();
                },
                (prompt, ids) -> prompt,
                true)) {
            for (Chunk chunk = run.next(); chunk != null; chunk = run.next()) {
                int first = tokenIds.size();
                tokenIds.addAll(chunk.tokenIds());
                List<Batch> batches = batching.batches(chunk);
                run.makeRoom(BatchRunner.bytesForEach(readings, batches));
                run.runner.reserveForEach(batches);
                for (Batch batch : batches) {
                    run.tokens.failEarly();
                    run.runner.rewind();
                    run.compute(batch, chunk, (reading, prompt, values) -> {
                        float[] kept = new float[values.remaining() / Float.BYTES];
                        values.asFloatBuffer().get(kept);
                        rows.get(reading)[first + prompt] = FloatBuffer.wrap(kept);
                    });
                }
            }
        }
        Map<String, String> facts = new TreeMap<>(provenance());
        facts.putAll(TokensDigest.of(prompts, tokenIds));
        return new Captured(
                prompts, tokenIds, facts, readings, rows.stream().map(List::of).toList());
    }

    /** Writes to a file, or several, and goes on where an earlier run ended. */
    public void toFile(Spliterator<? extends Prompt> prompts, Path file) {
        try (CaptureWriter writer = CaptureWriter.open(file);
                Run run = new Run(
                        prompts,
                        fileShare(),
                        // Without their texts, of which a file's worth may be much.
                        (prompt, ids) -> Prompt.ofTokens(prompt.id(), prompt.labels(), ids::clone),
                        false)) {
            TokensDigest digest = new TokensDigest();
            for (Chunk chunk = run.next(); chunk != null; chunk = run.next()) {
                digest.add(chunk.prompts(), chunk.tokenIds());
                boolean only = chunk.first() == 0 && chunk.last();
                Path next = writer.next(only);
                CaptureLayout layout = new CaptureLayout(next, provenance(), readings, chunk, only);
                if (writer.isThere(next, layout)) {
                    run.skip(chunk);
                    continue;
                }
                List<Batch> batches = batching.batches(chunk);
                try (PartFile part = PartFile.open(
                        next,
                        layout,
                        readings.size(),
                        batches.stream().map(Batch::prompts).toList())) {
                    fill(part, run, chunk, batches);
                    part.finish();
                } catch (CancellationException e) {
                    throw PartFile.keeping(next, e);
                }
            }
            writer.finish(digest.facts());
        } catch (UncheckedIOException e) {
            if (e.getCause() instanceof ClosedByInterruptException) {
                throw new CancellationException(e.getMessage());
            }
            throw e;
        }
    }

    private void fill(PartFile part, Run run, Chunk chunk, List<Batch> batches) {
        run.makeRoom(2 * BatchRunner.bytesForEach(readings, batches));
        try (BatchWriter writer = new BatchWriter(part)) {
            for (int i = 0; i < batches.size(); i++) {
                if (part.has(i)) {
                    run.skip(batches.get(i), chunk);
                } else {
                    // What the other runner has computed may still be on its way to the file.
                    run.swapRunners();
                    run.runner.reserveForEach(batches);
                    BatchWriter.Rows rows = new BatchWriter.Rows();
                    run.compute(batches.get(i), chunk, rows);
                    writer.write(i, rows);
                }
            }
            writer.finish();
        } catch (ModscanException e) {
            throw part.keeping(e);
        }
    }

    /** Which part of a file a prompt takes. */
    private Share fileShare() {
        IdSet ids = new IdSet();
        return (prompt, tokenIds) -> {
            if (!ids.add(prompt.id())) {
                throw new ModscanException("two prompts have the id '" + prompt.id() + "'; ids must be unique");
            }
            long header = CaptureLayout.headerBytes(prompt, readings);
            long bytes = header + (tokenIds.length + 1L) * Long.BYTES + bytes(readings, tokenIds.length);
            double share = Math.max(
                    Math.max((double) bytes / fileSize, (double) header / FILE_HEADER),
                    Math.max((double) tokenIds.length / FILE_TOKENS, 1.0 / FILE_PROMPTS));
            return Math.max(share, held(prompt));
        };
    }

    /**
     * Which part a prompt takes of the ready tensors that may be held at a time. Three such lots can be there at once: what
     * is run, what waits, and what is being gathered; together they take less than half of what Java allows beside its heap.
     */
    private double held(Prompt prompt) {
        return prompt.heldBytes() / (batching.outputLimit() / 2.0);
    }

    private static long bytes(List<Reading> readings, int positions) {
        long bytes = 0;
        for (Reading reading : readings) {
            bytes += reading.values(positions) * Float.BYTES;
        }
        return bytes;
    }

    /** Keeps nothing. */
    public void inPieces(Spliterator<? extends Prompt> prompts, Consumer<? super Captured> action) {
        // Half a buffer's reach, since padding comes on top.
        double most = Math.min(batching.outputLimit(), 1 << 30);
        Share share = (prompt, ids) -> Math.max(
                Math.max((double) ids.length / batching.windowTokens(), bytes(readings, ids.length) / most),
                held(prompt));
        try (Run run = new Run(prompts, share, (prompt, ids) -> prompt, false)) {
            for (Chunk chunk = run.next(); chunk != null; chunk = run.next()) {
                List<Batch> batches = batching.batches(chunk);
                run.makeRoom(BatchRunner.bytesForAll(readings, batches));
                run.runner.reserveForAll(batches);
                List<FloatBuffer[]> rows = new ArrayList<>();
                for (int i = 0; i < readings.size(); i++) {
                    rows.add(new FloatBuffer[chunk.prompts().size()]);
                }
                for (Batch batch : batches) {
                    run.compute(
                            batch,
                            chunk,
                            (reading, prompt, values) -> rows.get(reading)[prompt] = values.asFloatBuffer());
                }
                Map<String, String> facts = new TreeMap<>(provenance());
                facts.putAll(TokensDigest.of(chunk.prompts(), chunk.tokenIds()));
                List<LentRows> lent = rows.stream().map(LentRows::new).toList();
                try {
                    action.accept(new Captured(
                            Prompts.of(chunk.prompts()), chunk.tokenIds(), facts, readings, List.copyOf(lent)));
                } finally {
                    lent.forEach(LentRows::takeBack);
                }
            }
        }
    }

    /** One way through prompts, by one thread. */
    private final class Run implements AutoCloseable {
        private BatchRunner runner = runner();
        private @Nullable BatchRunner spare;
        private final TokenStream tokens;
        private final long begun = System.nanoTime();
        private long promptsDone;
        private long tokensDone;
        private long tokensBefore;
        /** A run within what another one of the thread calls can't wait for that one's room. */
        private final boolean inner = !atWork.add(Thread.currentThread());

        private int taken;
        private final List<NonFiniteCount> nonFinite =
                readings.stream().map(NonFiniteCount::new).toList();

        Run(
                Spliterator<? extends Prompt> prompts,
                Share share,
                BiFunction<Prompt, int[], Prompt> handed,
                boolean ahead) {
            this.tokens = new TokenStream(model, readings, cutOverlong, prompts, share, handed, ahead);
        }

        /** Waits until the runs at work leave room for buffers, none of which is in use now. */
        void makeRoom(long bytes) {
            if (inner) {
                return;
            }
            freeRoom.release(taken);
            taken = 0;
            int needed = (int) Math.min(room, (bytes >> 10) + 1);
            try {
                freeRoom.acquire(needed);
                taken = needed;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CancellationException("interrupted while waiting for memory that other runs have");
            }
        }

        private BatchRunner runner() {
            BatchRunner used = idle.poll();
            return used == null ? new BatchRunner(source) : used;
        }

        void swapRunners() {
            BatchRunner other = spare == null ? runner() : spare;
            spare = runner;
            runner = other;
        }

        @Nullable
        Chunk next() {
            return tokens.next();
        }

        void compute(Batch batch, Chunk chunk, BatchRunner.Rows rows) {
            if (Thread.currentThread().isInterrupted()) {
                throw new CancellationException("interrupted after " + promptsDone + " prompts");
            }
            runner.run(batch, chunk, (reading, prompt, values) -> {
                nonFinite
                        .get(reading)
                        .add(
                                chunk.prompts().get(prompt).id(),
                                values.asFloatBuffer(),
                                readings.get(reading).isPerToken()
                                        || chunk.tokenIds().get(prompt).length == 1);
                rows.take(reading, prompt, values);
            });
            done(batch.rows(), tokensOf(batch, chunk));
        }

        /** Counts what an earlier run has done. */
        void skip(Batch batch, Chunk chunk) {
            long count = tokensOf(batch, chunk);
            tokensBefore += count;
            done(batch.rows(), count);
        }

        void skip(Chunk chunk) {
            tokensBefore += chunk.tokens();
            done(chunk.prompts().size(), chunk.tokens());
        }

        private long tokensOf(Batch batch, Chunk chunk) {
            long count = 0;
            for (int prompt : batch.prompts()) {
                count += chunk.tokenIds().get(prompt).length;
            }
            return count;
        }

        private void done(long prompts, long count) {
            promptsDone += prompts;
            tokensDone += count;
            listener.accept(new Progress(
                    promptsDone,
                    tokens.promptsTotal(),
                    tokensDone,
                    tokens.tokensTotal(),
                    tokensBefore,
                    Duration.ofNanos(System.nanoTime() - begun)));
        }

        /** Of what was run now: what an earlier run has written it has told of. */
        private void tellOfNonFinite() {
            List<NonFiniteCount> found =
                    nonFinite.stream().filter(count -> count.values() > 0).toList();
            if (!found.isEmpty()) {
                NonFiniteCount first = found.get(0);
                LOG.warn(
                        "NaN or infinite values at {} of {} sites; at {} it is {} values, in {} of the prompts, such as {}: what is"
                                + " computed from them is not measured",
                        found.size(),
                        readings.size(),
                        ModscanException.printable(first.reading().site().toString()),
                        first.values(),
                        first.prompts(),
                        ModscanException.printable(first.firstIds().toString()));
            }
        }

        @Override
        public void close() {
            tellOfNonFinite();
            tokens.close();
            freeRoom.release(taken);
            if (!inner) {
                atWork.remove(Thread.currentThread());
            }
            idle.offer(runner);
            if (spare != null) {
                idle.offer(spare);
            }
        }
    }

    /** What is the same whatever the prompts. */
    private Map<String, String> provenance() {
        Map<String, String> facts = new TreeMap<>(model.provenance());
        facts.putAll(source.provenance());
        Keys.put(facts, Keys.BOS_TOKEN_ID, model.bosTokenId());
        Keys.put(facts, Keys.MAX_TOKENS, model.maxTokens());
        Keys.put(facts, Keys.VOCABULARY_SIZE, model.vocabularySize());
        facts.put(Keys.VERSION, ModscanVersion.current());
        facts.put(Keys.BATCHES, batching.toString());
        facts.put(
                Keys.PLAN,
                readings.stream()
                        .map(reading -> reading.site() + " " + reading.pooling())
                        .collect(Collectors.joining("; ")));
        return facts;
    }

    /** Frees the model. */
    @Override
    public void close() {
        source.close();
        idle.clear();
    }
}
