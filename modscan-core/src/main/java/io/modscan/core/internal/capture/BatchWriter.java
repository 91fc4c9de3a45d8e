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
import org.jspecify.annotations.Nullable;

/**
 * Writes what a link gives of one batch to a file while the next batch is computed, what it hands on included. It does so on
 * a thread of its own, which nobody interrupts: an interrupt would close the file. What links have handed on is read there, too.
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

    /** What a link gives of a batch, gathered to be written. What the link before has handed on is in the file. */
    final class Rows implements BatchRunner.Rows, Handover {
        private final List<Row> list = new ArrayList<>();
        private @Nullable ByteBuffer handedOn;

        @Override
        public void take(int reading, int prompt, ByteBuffer values) {
            list.add(new Row(reading, prompt, values));
        }

        @Override
        public void keep(int link, int batch, ByteBuffer values) {
            handedOn = values;
        }

        @Override
        public void give(int link, int batch, ByteBuffer into) {
            finish();
            underWay = thread.submit(() -> part.takeHandedOn(link - 1, batch, into));
            finish();
        }
    }

    BatchWriter(PartFile part) {
        this.part = part;
    }

    Rows rows() {
        return new Rows();
    }

    /**
     * Waits until the batch before is written, and begins to write this one.
     *
     * @param rows what the link gives of it, whose memory must stay as it is until the next call, or {@link #finish}, returns
     */
    void write(int link, int batch, Rows rows) {
        finish();
        underWay = thread.submit(() -> {
            if (rows.handedOn != null) {
                part.writeHandedOn(link, batch, rows.handedOn);
            }
            for (Row row : rows.list) {
                part.write(row.reading(), row.prompt(), row.values());
            }
            part.done(link, batch);
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
