/** A small OPT model and 100 prompts of ten topics, to try modscan on. */
module io.modscan.demo {
    requires static transitive org.jspecify;
    requires transitive io.modscan.core;
    requires transitive io.modscan.onnx;

    exports io.modscan.demo;
}
