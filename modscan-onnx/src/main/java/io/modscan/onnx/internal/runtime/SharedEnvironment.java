package io.modscan.onnx.internal.runtime;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtLoggingLevel;
import java.lang.reflect.Method;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * ONNX Runtime's one environment, which outlives a shutdown. ONNX Runtime frees it by a shutdown hook, under the runs of
 * other threads, and that crashes a process that ends during a capture: by Ctrl-C, {@code kill}, {@code System.exit}, or
 * because {@code main} returns. Hooks have no order, so none of ours could end the runs before. But the environment counts
 * its references: with a second one, which nobody gives back, the hook frees nothing, and the system does when the process
 * is gone.
 */
public final class SharedEnvironment {

    private static final Logger LOG = LoggerFactory.getLogger(SharedEnvironment.class);

    /** The level of its log, which is that of the first reference. */
    private static final int WARNING = OrtLoggingLevel.ORT_LOGGING_LEVEL_WARNING.getValue();

    private static final boolean KEPT = keep();

    private SharedEnvironment() {}

    /** The environment that sessions are made in. */
    public static OrtEnvironment get() {
        return OrtEnvironment.getEnvironment();
    }

    /** Whether it outlives a shutdown. */
    static boolean isKept() {
        return KEPT;
    }

    /** Its second reference, too, can't be had otherwise than by reflection. */
    private static boolean keep() {
        try {
            OrtEnvironment.getEnvironment(); // Loads the library, and has the settings that a user may have chosen.
            Method create = OrtEnvironment.class.getDeclaredMethod("createHandle", long.class, int.class, String.class);
            create.setAccessible(true);
            create.invoke(null, NativeHandles.api(), WARNING, OrtEnvironment.DEFAULT_NAME);
            return true;
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            LOG.debug("ONNX Runtime's environment cannot be kept; a process that ends during a run may crash", e);
            return false;
        }
    }
}
