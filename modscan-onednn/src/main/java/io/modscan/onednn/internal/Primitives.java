package io.modscan.onednn.internal;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** The primitives that a workspace used last; oneDNN itself keeps what all can share of them. */
final class Primitives {

    /** A batch of another shape needs some eight. */
    private static final int MOST = 256;

    private final Map<List<Object>, Primitive> used = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<List<Object>, Primitive> eldest) {
            if (size() <= MOST) {
                return false;
            }
            eldest.getValue().close();
            return true;
        }
    };

    /** @param key all that the primitive hangs on */
    Primitive get(List<Object> key, Supplier<Primitive> maker) {
        Primitive found = used.get(key);
        if (found == null) {
            found = maker.get();
            used.put(key, found);
        }
        return found;
    }
}
