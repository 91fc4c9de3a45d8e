package io.modscan.metrics.modules;

/**
 * How far a search for modules has come. A step is one graph of links and the search in it; the first takes the longest.
 *
 * @param part  what the step was for: {@code prompts}, {@code halves}, {@code planted} or {@code shuffles}; {@code weights}
 *              in place of prompts where modules are by connections
 * @param done  the steps that are done
 * @param total how many there are
 */
public record ModuleProgress(String part, int done, int total) {}
