package io.modscan.core.product;

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
        Iterator<MatrixProduct> services = ServiceLoader.load(MatrixProduct.class, MatrixProduct.class.getClassLoader())
                .iterator();
        while (true) {
            try {
                if (!services.hasNext()) {
                    break;
                }
                found.add(services.next());
            } catch (ServiceConfigurationError | LinkageError e) {
                LOG.warn("a service for matrix products cannot be used here: {}", e.toString());
            }
        }
        return found.stream()
                .filter(service -> name.isEmpty()
                        || service.getClass().getName().equals(name)
                        || service.getClass().getSimpleName().equals(name))
                .max(Comparator.comparingInt(MatrixProduct::rank))
                .orElseThrow(() -> new IllegalStateException("no service for matrix products"
                        + (name.isEmpty() ? "" : " named '" + name + "'") + " is on the class path; found were "
                        + found.stream()
                                .map(service -> service.getClass().getName())
                                .toList()
                        + ". modscan-metrics brings one"));
    }
}
