/** OPT checkpoints as ONNX graphs with every tensor as an output, and ONNX models of others, run by ONNX Runtime. */
module io.modscan.onnx {
    requires static transitive org.jspecify;
    requires transitive io.modscan.core;
    requires ai.djl.tokenizers;
    requires com.fasterxml.jackson.core;
    requires com.fasterxml.jackson.jr.ob;
    requires com.google.protobuf;
    requires com.microsoft.onnxruntime;
    requires java.management;
    requires java.net.http;
    requires jdk.management;
    requires org.apache.commons.compress;
    requires org.slf4j;
    requires org.tribuo.util.onnx;

    // What the libraries above use but, having no module-info, cannot ask for.
    requires com.google.gson;
    requires java.logging;
    requires jdk.unsupported;

    exports io.modscan.onnx;
    exports io.modscan.onnx.foreign;
    exports io.modscan.onnx.hub;
    exports io.modscan.onnx.opt;
    exports io.modscan.onnx.runtime;

    uses io.modscan.onnx.runtime.CpuOperators;

    provides io.modscan.core.model.LinearAlgebra with
            io.modscan.onnx.internal.runtime.OrtProduct;
}
