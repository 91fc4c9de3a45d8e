package io.modscan.core.internal.capture;

import io.modscan.core.model.ActivationSource;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;

/** The runners of all runs on a source, and the memory beside Java's heap that these share. Safe for use by many threads. */
final class Runners {

    private final ActivationSource source;

    /** Runners that wait for the next run, no more than one run uses, since they hold on to their buffers. */
    private final BlockingQueue<BatchRunner> idle = new ArrayBlockingQueue<>(2);

    /** KiB of direct buffers that runs at work may have together: half of what Java allows; the idle have the rest. */
    private final int room =
            (int) Math.min(Integer.MAX_VALUE, (Runtime.getRuntime().maxMemory() / 2) >> 10);

    private final Semaphore freeRoom = new Semaphore(room, true);
    private final Set<Thread> atWork = ConcurrentHashMap.newKeySet();

    Runners(ActivationSource source) {
        this.source = source;
    }

    BatchRunner take() {
        BatchRunner used = idle.poll();
        return used == null ? new BatchRunner(source) : used;
    }

    void giveBack(BatchRunner runner) {
        idle.offer(runner);
    }

    /** Begins a run of the current thread; returns whether it is one within another run of the thread. */
    boolean begin() {
        return !atWork.add(Thread.currentThread());
    }

    void end() {
        atWork.remove(Thread.currentThread());
    }

    /**
     * Waits until the runs at work leave room.
     *
     * @return what was taken, to be given back
     */
    int takeRoom(long bytes) {
        int needed = (int) Math.min(room, (bytes >> 10) + 1);
        try {
            freeRoom.acquire(needed);
            return needed;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while waiting for memory that other runs have");
        }
    }

    void giveRoomBack(int taken) {
        freeRoom.release(taken);
    }

    void clear() {
        idle.clear();
    }
}
