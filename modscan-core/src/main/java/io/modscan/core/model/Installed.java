package io.modscan.core.model;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The implementations that were chosen. */
final class Installed {

    private static final Logger LOG = LoggerFactory.getLogger(LinearAlgebra.class);

    private static @Nullable LinearAlgebra chosen;

    /** For each class the next one in rank, which answers what the class leaves out. */
    private static final Map<Class<?>, LinearAlgebra> NEXT = new HashMap<>();

    private Installed() {}

    static synchronized LinearAlgebra algebra() {
        if (chosen == null) {
            chosen = choose(System.getProperty("modscan.algebra", ""));
        }
        return chosen;
    }

    static LinearAlgebra choose(String name) {
        List<String> names = new ArrayList<>();
        return best(
                        type -> {
                            names.add(type.getName());
                            return name.isEmpty()
                                    || type.getName().equals(name)
                                    || type.getSimpleName().equals(name);
                        },
                        Integer.MAX_VALUE)
                .orElseThrow(() -> new IllegalStateException("no service for linear algebra"
                        + (name.isEmpty() ? "" : " named '" + name + "'")
                        + " is on the class path, or can be used here; found were " + names
                        + ". modscan-metrics brings one"));
    }

    /** The implementation of the highest rank below that of another. */
    static synchronized LinearAlgebra below(LinearAlgebra other) {
        return NEXT.computeIfAbsent(
                other.getClass(),
                own -> best(type -> type != own, other.rank())
                        .orElseThrow(() -> new IllegalStateException(own.getName()
                                + " only multiplies, and no service for linear algebra of a lower rank is on the class path,"
                                + " or can be used here. modscan-metrics brings one")));
    }

    /** What is not wanted is not even loaded: its native library may be why another one is. */
    private static Optional<LinearAlgebra> best(Predicate<Class<? extends LinearAlgebra>> wanted, int below) {
        List<LinearAlgebra> found = new ArrayList<>();
        Iterator<ServiceLoader.Provider<LinearAlgebra>> services =
                ServiceLoader.load(LinearAlgebra.class, LinearAlgebra.class.getClassLoader()).stream()
                        .iterator();
        while (services.hasNext()) {
            ServiceLoader.Provider<LinearAlgebra> service = services.next();
            if (wanted.test(service.type())) {
                try {
                    found.add(service.get());
                } catch (ServiceConfigurationError | LinkageError e) {
                    LOG.warn("the service {} for linear algebra cannot be used here: {}", service.type(), reason(e));
                }
            }
        }
        return found.stream()
                .filter(algebra -> algebra.rank() < below)
                .max(Comparator.comparingInt(LinearAlgebra::rank));
    }

    /** What went wrong within the constructor says more than that it did. */
    private static String reason(Throwable e) {
        return e.getCause() == null ? e.toString() : e + ", " + e.getCause();
    }
}
