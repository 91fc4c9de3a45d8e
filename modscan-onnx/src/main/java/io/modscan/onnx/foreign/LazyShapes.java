package io.modscan.onnx.foreign;

import io.modscan.onnx.internal.graph.Inferred;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Shapes that are inferred when they are first asked for. */
final class LazyShapes {

    private final Supplier<Map<String, Inferred>> infer;
    private @Nullable Map<String, Inferred> shapes;

    LazyShapes(Supplier<Map<String, Inferred>> infer) {
        this.infer = infer;
    }

    synchronized Map<String, Inferred> get() {
        if (shapes == null) {
            shapes = infer.get();
        }
        return shapes;
    }
}
