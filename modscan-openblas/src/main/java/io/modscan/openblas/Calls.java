package io.modscan.openblas;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts the calls that are in the library, so that a process can end meanwhile. When it ends, OpenBLAS joins its threads and gives back
 * its memory, even under a call that uses them: one process in a dozen would then hang for ever.
 */
final class Calls {

    private static final Logger LOG = LoggerFactory.getLogger(Calls.class);

    /** How long the end of the process waits for calls in milliseconds: most have ended by then. */
    private static final long PATIENCE = 200;

    private static final ReentrantLock TURN = new ReentrantLock();

    private static final ReentrantLock LOCK = new ReentrantLock();
    private static final Condition NONE_LEFT = LOCK.newCondition();
    private static int running;
    private static boolean ending;

    static {
        try {
            Runtime.getRuntime().addShutdownHook(new Thread(Calls::end, "modscan-openblas-end"));
        } catch (IllegalStateException e) {
            // It ends already.
            ending = true;
        }
    }

    private Calls() {}

    /**
     * Calls a function of the library that uses all of its threads, and waits until those of others have ended: the library itself waits by asking again
     * and again, which takes several times as long for all.
     *
     * @throws CancellationException if the thread is interrupted, or the process is about to end
     */
    static <T extends @Nullable Object> T inTurn(Supplier<T> call) {
        try {
            TURN.lockInterruptibly();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted in linear algebra");
        }
        try {
            return get(call);
        } finally {
            TURN.unlock();
        }
    }

    /** The same of a function that returns nothing. */
    static void inTurn(Runnable call) {
        Calls.<@Nullable Void>inTurn(() -> {
            call.run();
            return null;
        });
    }

    /**
     * Calls the library. An interrupt meanwhile is heard behind the call: on a busy machine a short one takes long.
     *
     * @throws CancellationException if the thread is interrupted, or the process is about to end
     */
    static <T extends @Nullable Object> T get(Supplier<T> call) {
        LOCK.lock();
        try {
            if (ending) {
                throw new CancellationException("the process ends");
            }
            running++;
        } finally {
            LOCK.unlock();
        }
        try {
            T result = call.get();
            OpenBlasAlgebra.checkInterrupt();
            return result;
        } finally {
            LOCK.lock();
            try {
                running--;
                NONE_LEFT.signalAll();
            } finally {
                LOCK.unlock();
            }
        }
    }

    private static void end() {
        LOCK.lock();
        try {
            ending = true;
            long left = TimeUnit.MILLISECONDS.toNanos(PATIENCE);
            while (running > 0 && left > 0) {
                left = NONE_LEFT.awaitNanos(left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            if (running > 0) {
                leaveWithoutTidying();
            }
            LOCK.unlock();
        }
    }

    /** Has C's {@code exit(status)}, which Java ends with, call {@code _exit(status)} before anything of a library's. */
    private static void leaveWithoutTidying() {
        try {
            NativeLibrary process = NativeLibrary.getProcess();
            Function leave = process.getFunction("_exit");
            process.getFunction("on_exit").invokeInt(new Object[] {leave, Pointer.NULL});
        } catch (LinkageError e) {
            // Linux has it; what other systems' OpenBLAS does at the end is not known.
            LOG.debug("the process ends while OpenBLAS works: {}", e.toString());
        }
    }
}
