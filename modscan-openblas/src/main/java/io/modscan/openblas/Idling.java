package io.modscan.openblas;

import com.sun.jna.NativeLibrary;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How long the library's threads look for work after a call before they sleep. By itself it is some 20 ms, at full speed, in which
 * they take the processors from Java's threads: these gather what is multiplied next.
 */
final class Idling {

    private static final Logger LOG = LoggerFactory.getLogger(Idling.class);

    /** The power of two of the processor's cycles, 0.1 ms: as long as a decomposition has between two calls of many threads. */
    private static final String CYCLES = "18";

    private Idling() {}

    /** Sets it, unless the environment does; to be called before the library is loaded, which reads the environment then. */
    static void shorten() {
        try {
            NativeLibrary.getProcess()
                    .getFunction("setenv")
                    .invokeInt(new Object[] {"OPENBLAS_THREAD_TIMEOUT", CYCLES, 0});
        } catch (LinkageError e) {
            // Windows has another function, and OpenBLAS another way to wait there.
            LOG.debug("OpenBLAS's threads wait as long as they do by themselves: {}", e.toString());
        }
    }
}
