package io.modscan.core.model;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The implementation that was chosen. */
final class Installed {

    private static final Logger LOG = LoggerFactory.getLogger(MatrixProduct.class);

    private static @Nullable MatrixProduct chosen;

    private Installed() {}

    static synchronized MatrixProduct product() {
        if (chosen == null) {
            chosen = choose(System.getProperty("modscan.product", ""));
        }
        return chosen;
    }

    static MatrixProduct choose(String name) {
        List<MatrixProduct> found = new ArrayList<>();
        List<String> names = new ArrayList<>();
        Iterator<ServiceLoader.Provider<MatrixProduct>> services =
                ServiceLoader.load(MatrixProduct.class, MatrixProduct.class.getClassLoader()).stream()
                        .iterator();
        while (services.hasNext()) {
            ServiceLoader.Provider<MatrixProduct> service = services.next();
            Class<? extends MatrixProduct> type = service.type();
            names.add(type.getName());
            // What is not asked for is not even loaded: its native library may be why another one is.
            if (name.isEmpty()
                    || type.getName().equals(name)
                    || type.getSimpleName().equals(name)) {
                try {
                    found.add(service.get());
                } catch (ServiceConfigurationError | LinkageError e) {
                    LOG.warn("the service {} for matrix products cannot be used here: {}", type, e.toString());
                }
            }
        }
        return found.stream()
                .max(Comparator.comparingInt(MatrixProduct::rank))
                .orElseThrow(() -> new IllegalStateException("no service for matrix products"
                        + (name.isEmpty() ? "" : " named '" + name + "'")
                        + " is on the class path, or can be used here; found were " + names
                        + ". modscan-metrics brings one"));
    }
}
