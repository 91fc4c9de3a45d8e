package io.modscan.onnx.internal.runtime;

import ai.onnxruntime.OrtSession;
import java.lang.reflect.Field;

/**
 * Addresses of what ONNX Runtime's Java API keeps to itself. They can't be had otherwise than by reflection. ONNX Runtime is no module of
 * its own, and such a one is open on the module path, too.
 */
final class NativeHandles {

    private NativeHandles() {}

    /** That of the C API, whose library is loaded. */
    static long api() throws ReflectiveOperationException {
        Field api = Class.forName("ai.onnxruntime.OnnxRuntime").getDeclaredField("ortApiHandle");
        api.setAccessible(true);
        return api.getLong(null);
    }

    static long of(OrtSession.SessionOptions settings) throws ReflectiveOperationException {
        Field handle = OrtSession.SessionOptions.class.getDeclaredField("nativeHandle");
        handle.setAccessible(true);
        return handle.getLong(settings);
    }
}
