package io.modscan.onnx.runtime;

import java.util.Iterator;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The operators that were chosen. */
final class InstalledOperators {

    private static final Logger LOG = LoggerFactory.getLogger(CpuOperators.class);

    private static final String PROPERTY = "modscan.operators";

    private static final Optional<CpuOperators> FOUND = find();

    private InstalledOperators() {}

    /** Looks at the property each time, so that a test can compare both. */
    static Optional<CpuOperators> get() {
        String wanted = System.getProperty(PROPERTY, "");
        if (wanted.equals("onnxruntime")) {
            return Optional.empty();
        }
        if (!wanted.isEmpty()) {
            throw new IllegalStateException(PROPERTY + "=" + wanted
                    + ": only 'onnxruntime' can be asked for, which keeps to ONNX Runtime's own operators; without"
                    + " the property, those on the class path are used");
        }
        return FOUND;
    }

    private static Optional<CpuOperators> find() {
        try {
            Iterator<CpuOperators> services = ServiceLoader.load(
                            CpuOperators.class, CpuOperators.class.getClassLoader())
                    .iterator();
            if (services.hasNext()) {
                CpuOperators operators = services.next();
                LOG.debug("products by {}", operators.describe());
                return Optional.of(operators);
            }
        } catch (ServiceConfigurationError | LinkageError e) {
            LOG.warn(
                    "operators that are on the class path cannot be used here; ONNX Runtime's own are: {}",
                    root(e).toString());
        }
        return Optional.empty();
    }

    private static Throwable root(Throwable e) {
        return e.getCause() == null ? e : root(e.getCause());
    }
}
