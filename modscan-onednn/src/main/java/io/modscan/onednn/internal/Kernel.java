package io.modscan.onednn.internal;

/** What computes one node of a graph, in any number of threads; closed with its session. */
interface Kernel extends AutoCloseable {

    void compute(Run run);

    @Override
    default void close() {}
}
