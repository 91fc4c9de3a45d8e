package io.modscan.openblas;

import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Function;

/** Waits for a call of the library that nothing can end. */
final class Waiting {

    private Waiting() {}

    /**
     * Has a matrix used up.
     *
     * @param matrix what is used up; if it takes long, a copy of it, since an interrupted caller may do with it what it likes
     * @param isLong whether the call may take so long that an interrupt is to end the waiting
     * @throws CancellationException if the thread is interrupted meanwhile; its interrupt status stays set
     */
    static <T> T call(double[] matrix, boolean isLong, Function<double[], T> call) {
        if (!isLong) {
            return Calls.get(() -> call.apply(matrix));
        }
        double[] own = matrix.clone();
        FutureTask<T> task = new FutureTask<>(() -> Calls.get(() -> call.apply(own)));
        Thread thread = new Thread(task, "modscan-openblas");
        thread.setDaemon(true);
        thread.start();
        try {
            return task.get();
        } catch (InterruptedException e) {
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
