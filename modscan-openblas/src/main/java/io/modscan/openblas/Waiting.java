package io.modscan.openblas;

import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;

/** Waits for a call of the library that nothing can end. */
final class Waiting {

    private Waiting() {}

    /**
     * Calls in a thread of its own, and waits.
     *
     * @param call works on memory that nobody else uses, since it goes on after an interrupt
     * @throws CancellationException if the thread is interrupted meanwhile; its interrupt status stays set
     */
    static <T> T call(Supplier<T> call) {
        FutureTask<T> task = new FutureTask<>(() -> Calls.inTurn(call));
        Thread thread = new Thread(task, "modscan-openblas");
        thread.setDaemon(true);
        thread.start();
        try {
            return task.get();
        } catch (InterruptedException e) {
            // If its turn has not come, it need not begin.
            task.cancel(true);
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted in linear algebra");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException thrown) {
                throw thrown;
            }
            if (e.getCause() instanceof Error thrown) {
                throw thrown;
            }
            throw new IllegalStateException(e.getCause());
        }
    }
}
