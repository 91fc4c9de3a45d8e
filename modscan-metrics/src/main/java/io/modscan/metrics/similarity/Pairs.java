package io.modscan.metrics.similarity;

/** A number for each ordered pair of prompts. */
@FunctionalInterface
interface Pairs {

    double get(int i, int j);
}
