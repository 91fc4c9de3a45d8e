package io.modscan.core.internal.capture;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.capture.Batching.Batch;
import io.modscan.core.internal.recording.Chunk;
import io.modscan.core.internal.recording.NonFiniteCount;
import io.modscan.core.model.Link;
import io.modscan.core.model.Progress;
import io.modscan.core.site.Reading;
import io.modscan.core.token.PromptTokens;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One way through prompts, by one thread. It counts what is done, and what is no number. */
final class CaptureRun implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(CaptureEngine.class);

    private final Runners runners;
    private final List<Link> links;
    private final List<Reading> readings;
    private final TokenStream tokens;
    private final Consumer<Progress> listener;
    private final List<NonFiniteCount> nonFinite;
    private final int blocks;
    private final long begun = System.nanoTime();

    private BatchRunner runner;
    private @Nullable BatchRunner spare;
    private long promptsDone;
    private long tokensDone;
    /** Tokens times the blocks that they have passed, the tokens that are done among them; and what an earlier run had done of it. */
    private long tokenBlocks;

    private long tokenBlocksBefore;
    /** A run within what another one of the thread calls can't wait for that one's room. */
    private final boolean inner;

    private int taken;

    /** A batch's way through a link. */
    @FunctionalInterface
    interface Step {
        /**
         * Takes it.
         *
         * @param link   the link's index
         * @param opened the link
         * @param batch  the batch's place in the window
         */
        void take(int link, Link.Opened opened, int batch);
    }

    CaptureRun(
            Runners runners,
            List<Link> links,
            List<Reading> readings,
            TokenStream tokens,
            Consumer<Progress> listener) {
        this.runners = runners;
        this.links = links;
        this.readings = readings;
        this.tokens = tokens;
        this.listener = listener;
        this.nonFinite = readings.stream().map(NonFiniteCount::new).toList();
        this.blocks = links.stream().mapToInt(Link::blocks).sum();
        this.inner = runners.begin();
        this.runner = runners.take();
    }

    @Nullable
    Chunk next() {
        return tokens.next();
    }

    void failEarly() {
        tokens.failEarly();
    }

    BatchRunner runner() {
        return runner;
    }

    void swapRunners() {
        BatchRunner other = spare == null ? runners.take() : spare;
        spare = runner;
        runner = other;
    }

    /** Waits until the runs at work leave room for buffers, none of which is in use now. */
    void makeRoom(long bytes) {
        if (inner) {
            return;
        }
        runners.giveRoomBack(taken);
        taken = 0;
        taken = runners.takeRoom(bytes);
    }

    /**
     * Takes the batches of a window through the links, all through one before the next is opened.
     *
     * @param begins for each batch the first link that it has to go through
     */
    @SuppressWarnings("try") // A link is open as long as batches go through it, whether or not it is touched.
    void each(int[] begins, Step step) {
        for (int link = 0; link < links.size(); link++) {
            int at = link;
            if (Arrays.stream(begins).noneMatch(begin -> begin <= at)) {
                continue;
            }
            checkInterrupt();
            try (Link.Opened opened = links.get(link).open()) {
                for (int batch = 0; batch < begins.length; batch++) {
                    if (begins[batch] <= link) {
                        step.take(link, opened, batch);
                    }
                }
            }
        }
    }

    private void checkInterrupt() {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("interrupted after " + promptsDone + " prompts");
        }
    }

    /**
     * Takes one of these steps.
     *
     * @return what the link gives; values that are no numbers are counted when it is handed on, which is to be over before this is closed
     */
    BatchRunner.Computed compute(int link, Link.Opened opened, int index, Batch batch, Chunk chunk, Handover between) {
        checkInterrupt();
        BatchRunner.Computed computed = runner.run(link, opened, index, batch, chunk, between);
        long count = chunk.count(batch.prompts());
        tokenBlocks += count * links.get(link).blocks();
        boolean last = link == links.size() - 1;
        tell(last ? batch.rows() : 0, last ? count : 0);
        return rows -> computed.hand((reading, prompt, values) -> {
            nonFinite
                    .get(reading)
                    .add(
                            chunk.prompts().get(prompt).id(),
                            values.asFloatBuffer(),
                            beginsAtFirst(readings.get(reading), chunk.tokens().get(prompt)));
            rows.take(reading, prompt, values);
        });
    }

    /** Whether the first of a prompt's values is of its first token alone, which has no loss. */
    private static boolean beginsAtFirst(Reading reading, PromptTokens tokens) {
        return reading.isPerToken() ? tokens.keepsFirst() : tokens.size() == 1;
    }

    /** Counts the links that an earlier run has taken a batch through: those before one. */
    void skip(int begin, Batch batch, Chunk chunk) {
        long count = chunk.count(batch.prompts());
        for (int link = 0; link < begin; link++) {
            tokenBlocks += count * links.get(link).blocks();
            tokenBlocksBefore += count * links.get(link).blocks();
        }
        if (begin == links.size()) {
            tell(batch.rows(), count);
        }
    }

    void skip(Chunk chunk) {
        tokenBlocks += chunk.count() * blocks;
        tokenBlocksBefore += chunk.count() * blocks;
        tell(chunk.prompts().size(), chunk.count());
    }

    private void tell(long prompts, long count) {
        promptsDone += prompts;
        tokensDone += count;
        listener.accept(new Progress(
                promptsDone,
                tokens.promptsTotal(),
                tokensDone,
                tokens.tokensTotal(),
                tokenBlocks / blocks - tokensDone,
                tokenBlocksBefore / blocks,
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
        runners.giveRoomBack(taken);
        if (!inner) {
            runners.end();
        }
        runners.giveBack(runner);
        if (spare != null) {
            runners.giveBack(spare);
        }
    }
}
