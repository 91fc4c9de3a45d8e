package io.modscan.core.internal.capture;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Does what is left to do of one batch while the next is computed, on a thread of its own, which nobody interrupts and which is there only
 * once something was left to it. One batch is on its way at a time. For one thread at a time.
 */
final class Behind implements AutoCloseable {

    private final ExecutorService thread;
    private Future<?> underWay = CompletableFuture.completedFuture(null);

    Behind(String name) {
        this.thread = Executors.newSingleThreadExecutor(work -> {
            Thread thread = new Thread(work, name);
            thread.setDaemon(true);
            return thread;
        });
    }

    /**
     * Waits until the batch before is done, and begins with this one.
     *
     * @param work whose memory must stay as it is until the next call, or {@link #finish}, returns
     */
    void begin(Runnable work) {
        finish();
        underWay = thread.submit(work);
    }

    /** Waits until the batch before is done, and does this at once where nothing is computed meanwhile. */
    void begin(Runnable work, boolean nothingFollows) {
        if (nothingFollows) {
            finish();
            work.run();
        } else {
            begin(work);
        }
    }

    /**
     * Waits until all is done.
     *
     * @throws RuntimeException what the work threw
     */
    void finish() {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    underWay.get();
                    return;
                } catch (InterruptedException e) {
                    interrupted = true; // A batch is done soon, and would otherwise be lost.
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
