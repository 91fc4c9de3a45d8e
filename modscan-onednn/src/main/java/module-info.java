/** Matrix products by oneDNN inside ONNX Runtime's sessions. */
module io.modscan.onednn {
    requires static transitive org.jspecify;
    requires transitive io.modscan.onnx;
    requires com.sun.jna;
    requires org.bytedeco.javacpp;
    requires org.slf4j;

    exports io.modscan.onednn;

    provides io.modscan.onnx.runtime.CpuOperators with
            io.modscan.onednn.OneDnn;
}
