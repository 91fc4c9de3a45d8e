package io.modscan.core.internal.capture;

import io.modscan.core.internal.recording.PartFile;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Writes one batch's rows to a file while the next batch is computed. It does so on a thread of its own, which nobody
 * interrupts: an interrupt would close the file.
 */
public final class BatchWriter implements AutoCloseable {

    private final PartFile part;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(work -> {
        Thread writer = new Thread(work, "modscan-writer");
        writer.setDaemon(true);
        return writer;
    });
    private Future<?> underWay = CompletableFuture.completedFuture(null);

    private record Row(int reading, int prompt, ByteBuffer values) {}

    /** A batch's rows, gathered to be written. */
    static final class Rows implements BatchRunner.Rows {
        private final List<Row> list = new ArrayList<>();

        @Override
        public void take(int reading, int prompt, ByteBuffer values) {
            list.add(new Row(reading, prompt, values));
        }
    }

    BatchWriter(PartFile part) {
        this.part = part;
    }

    /**
     * Waits until the batch before is written, and begins to write this one.
     *
     * @param rows its rows, whose memory must stay as it is until the next call, or {@link #finish}, returns
     */
    void write(int batch, Rows rows) {
        finish();
        underWay = thread.submit(() -> {
            for (Row row : rows.list) {
                part.write(row.reading(), row.prompt(), row.values());
            }
            part.done(batch);
        });
    }

    /**
     * Waits until all is written.
     *
     * @throws RuntimeException what writing threw
     */
    void finish() {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    underWay.get();
                    return;
                } catch (InterruptedException e) {
                    interrupted = true; // A batch is written soon, and would otherwise be lost.
                } catch (ExecutionException e) {
                    throw unwrapped(e);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private RuntimeException unwrapped(ExecutionException e) {
        underWay = CompletableFuture.completedFuture(null);
        if (e.getCause() instanceof Error error) {
            throw error;
        }
        return e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e);
    }

    /** Waits too, so that what was computed is kept whatever else went wrong. */
    @Override
    public void close() {
        try {
            finish();
        } finally {
            thread.shutdown();
        }
    }
}
