package io.modscan.scan;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Work that does not depend on each other, on as many threads as there are processors. An interrupt of the thread that asked is handed on to all of
 * them, and so is the end of one that fails; none is left at work.
 */
final class Together {

    private static final int SHARE_OF_HEAP = 4;

    private Together() {}

    /** How many pieces have room. */
    static int atOnce(long room, long bytes) {
        return (int) Math.max(1, Math.min(Integer.MAX_VALUE, room / Math.max(1, bytes)));
    }

    /**
     * Does the work.
     *
     * @param work pieces of work, begun in this order: the longest first
     * @return what each gave, in the same order
     * @throws CancellationException if the thread is interrupted; its interrupt status stays set
     */
    static <T> List<T> of(List<? extends Supplier<? extends T>> work) {
        return of(work, 1);
    }

    /**
     * The same of work that takes much memory: a quarter of what Java's heap may have is for all that are at work, and one works in any
     * case.
     *
     * @param bytes that a piece takes while it is at work, on the heap or outside of it
     */
    static <T> List<T> of(List<? extends Supplier<? extends T>> work, long bytes) {
        int threads = Math.min(
                Math.min(work.size(), Runtime.getRuntime().availableProcessors()),
                atOnce(Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP, bytes));
        if (threads < 2) {
            List<T> results = new ArrayList<>();
            for (Supplier<? extends T> piece : work) {
                results.add(piece.get());
                if (Thread.currentThread().isInterrupted()) {
                    throw new CancellationException("interrupted while it was measured");
                }
            }
            return results;
        }
        return new Run<T>(work).on(threads);
    }

    /** The same of work that gives nothing. */
    static void run(List<Runnable> work) {
        of(work.stream()
                .<Supplier<Boolean>>map(piece -> () -> {
                    piece.run();
                    return true;
                })
                .toList());
    }

    private static final class Run<T> {

        private final List<? extends Supplier<? extends T>> work;
        private final List<AtomicReference<@Nullable T>> results;
        private final AtomicInteger next = new AtomicInteger();
        private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        private final List<Thread> threads = new ArrayList<>();

        Run(List<? extends Supplier<? extends T>> work) {
            this.work = work;
            this.results = work.stream()
                    .map(piece -> new AtomicReference<@Nullable T>())
                    .toList();
        }

        List<T> on(int number) {
            CountDownLatch ended = new CountDownLatch(number);
            for (int i = 0; i < number; i++) {
                Thread thread = new Thread(
                        () -> {
                            try {
                                work();
                            } finally {
                                ended.countDown();
                            }
                        },
                        "modscan-scan-" + i);
                thread.setDaemon(true);
                threads.add(thread);
            }
            threads.forEach(Thread::start);
            boolean interrupted = awaited(ended);
            Throwable failed = failure.get();
            if (interrupted) {
                Thread.currentThread().interrupt();
                throw new CancellationException("interrupted while it was measured");
            }
            if (failed instanceof RuntimeException unchecked) {
                throw unchecked;
            }
            if (failed instanceof Error error) {
                throw error;
            }
            List<T> all = new ArrayList<>();
            for (AtomicReference<@Nullable T> result : results) {
                T one = result.get();
                if (one == null) {
                    throw new IllegalStateException("a piece of work gave nothing");
                }
                all.add(one);
            }
            return all;
        }

        /** Waits for all threads, also when interrupted; returns whether that was so. */
        private boolean awaited(CountDownLatch ended) {
            boolean interrupted = false;
            while (true) {
                try {
                    ended.await();
                    return interrupted;
                } catch (InterruptedException e) {
                    interrupted = true;
                    stop();
                }
            }
        }

        private void stop() {
            next.set(work.size());
            threads.forEach(Thread::interrupt);
        }

        private void work() {
            for (int i = next.getAndIncrement(); i < work.size(); i = next.getAndIncrement()) {
                try {
                    results.get(i).set(work.get(i).get());
                } catch (Throwable e) {
                    // The first one counts: what the others threw, they threw because they were ended.
                    if (failure.compareAndSet(null, e)) {
                        stop();
                    }
                    return;
                }
            }
        }
    }
}
