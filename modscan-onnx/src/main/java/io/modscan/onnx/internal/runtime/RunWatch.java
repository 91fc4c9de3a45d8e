package io.modscan.onnx.internal.runtime;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends a run of ONNX Runtime when the thread that it blocks is interrupted, which that thread can't see to itself. One
 * thread watches all runs; it is there only while there are any.
 */
public final class RunWatch {

    private static final Logger LOG = LoggerFactory.getLogger(RunWatch.class);

    private static final long MILLIS_BETWEEN_LOOKS = 50;
    private static final int LOOKS_BEFORE_LEAVING = 40;

    private static final Set<RunWatch> RUNS = new HashSet<>();
    private static boolean watched;

    private final Thread runner = Thread.currentThread();
    private final OrtSession.RunOptions options;

    private RunWatch(OrtSession.RunOptions options) {
        this.options = options;
    }

    /** Watches a run that the current thread is about to begin, until told. */
    static RunWatch over(OrtSession.RunOptions options) {
        RunWatch run = new RunWatch(options);
        synchronized (RUNS) {
            if (!watched) {
                Thread watcher = new Thread(RunWatch::watch, "modscan-run-watch");
                watcher.setDaemon(true);
                watcher.start();
                watched = true;
            }
            RUNS.add(run);
        }
        return run;
    }

    private static void watch() {
        int looksInVain = 0;
        while (looksInVain < LOOKS_BEFORE_LEAVING) {
            try {
                Thread.sleep(MILLIS_BETWEEN_LOOKS);
            } catch (InterruptedException e) {
                // Nobody's business: the next look is early.
            }
            synchronized (RUNS) {
                looksInVain = RUNS.isEmpty() ? looksInVain + 1 : 0;
                watched = looksInVain < LOOKS_BEFORE_LEAVING;
                RUNS.forEach(RunWatch::endIfInterrupted);
            }
        }
    }

    private void endIfInterrupted() {
        if (runner.isInterrupted()) {
            try {
                options.setTerminate(true);
            } catch (OrtException | RuntimeException e) {
                LOG.warn("ONNX Runtime cannot end a run early; it goes on to its end", e);
            }
        }
    }

    /** Leaves the run alone; its options can be freed. */
    void end() {
        synchronized (RUNS) {
            RUNS.remove(this);
        }
    }
}
