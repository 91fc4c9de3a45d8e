package io.modscan.metrics.internal.thread;

import java.util.concurrent.CancellationException;

/**
 * Whether the thread that asked for a result is interrupted: for itself, and for the threads of a pool that help it, which
 * nobody interrupts.
 */
public final class Interrupt {

    private final Thread asking = Thread.currentThread();

    private Interrupt() {}

    /** Of the current thread. */
    public static Interrupt ofThisThread() {
        return new Interrupt();
    }

    /**
     * Ends the work, if its result is no longer wanted. Costs next to nothing, but is not for the innermost loop.
     *
     * @throws CancellationException if the thread is interrupted; its interrupt status stays set
     */
    public void check() {
        if (asking.isInterrupted()) {
            throw new CancellationException("interrupted while it was measured");
        }
    }

    /**
     * The same for work of the current thread alone.
     *
     * @throws CancellationException if the thread is interrupted; its interrupt status stays set
     */
    public static void checkThisThread() {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("interrupted while it was measured");
        }
    }
}
