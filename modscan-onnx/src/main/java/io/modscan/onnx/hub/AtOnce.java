package io.modscan.onnx.hub;

import io.modscan.core.error.ModscanException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Threads that talk to a server, several at once. */
final class AtOnce implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Hub.class);

    private final ExecutorService threads;

    AtOnce(int most) {
        threads = Executors.newFixedThreadPool(most, task -> {
            Thread thread = new Thread(task, "modscan-hub");
            thread.setDaemon(true);
            return thread;
        });
    }

    /** What tasks give, in their order; the first that fails ends the wait, and closing ends the others. */
    <T> List<T> all(List<Callable<T>> tasks) throws InterruptedException {
        CompletionService<T> running = new ExecutorCompletionService<>(threads);
        List<Future<T>> futures = new ArrayList<>();
        for (Callable<T> task : tasks) {
            futures.add(running.submit(task));
        }
        for (int done = 0; done < futures.size(); done++) {
            result(running.take());
        }
        List<T> results = new ArrayList<>();
        for (Future<T> future : futures) {
            results.add(result(future));
        }
        return results;
    }

    private static <T> T result(Future<T> finished) throws InterruptedException {
        try {
            return finished.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            if (e.getCause() instanceof Error failure) {
                throw failure;
            }
            throw new ModscanException("a download failed: " + e.getCause(), e.getCause());
        }
    }

    /** Stops what still runs. What it holds, files and locks, is to be free again before the caller goes on; but not at any price. */
    @Override
    public void close() {
        threads.shutdownNow();
        boolean interrupted = Thread.interrupted();
        try {
            boolean free = threads.awaitTermination(5, TimeUnit.SECONDS);
            if (!free) {
                LOG.debug("A download takes its time to stop");
            }
        } catch (InterruptedException e) {
            interrupted = true;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
