/** Similarity and selectivity metrics over captured activations, with statistics. */
module io.modscan.metrics {
    requires static transitive org.jspecify;
    requires transitive io.modscan.core;
    requires ejml.core;
    requires ejml.ddense;
    requires org.apache.commons.numbers.gamma;
    requires sketches.java;

    exports io.modscan.metrics;
    exports io.modscan.metrics.attention;
    exports io.modscan.metrics.basis;
    exports io.modscan.metrics.connections;
    exports io.modscan.metrics.contexts;
    exports io.modscan.metrics.effect;
    exports io.modscan.metrics.modules;
    exports io.modscan.metrics.selectivity;
    exports io.modscan.metrics.similarity;
    exports io.modscan.metrics.statistics;
    exports io.modscan.metrics.subspace;
    exports io.modscan.metrics.tokens;

    provides io.modscan.core.model.LinearAlgebra with
            io.modscan.metrics.internal.linear.EjmlAlgebra;
}
