package io.modscan.onnx.hub;

import java.time.Duration;

/**
 * How long to wait for what.
 *
 * @param answer  for the head of an answer about a model or a file
 * @param data    for the head of a download's answer, and then for each next piece of its body
 * @param pause   after a first failure; it doubles with each further one
 * @param longest the longest pause that a server may ask for
 */
record Timing(Duration answer, Duration data, Duration pause, Duration longest) {

    /** How often in a row something may fail, without a byte of progress, before it is given up. */
    static final int TRIES = 5;

    /** The pause after a number of failures in a row, or what the server asks for; -1 where it asks for nothing. */
    Duration after(int failures, long askedSeconds) {
        if (askedSeconds >= 0) {
            Duration asked = Duration.ofSeconds(askedSeconds);
            return asked.compareTo(longest) < 0 ? asked : longest;
        }
        return pause.multipliedBy(1L << Math.min(failures - 1, 3));
    }
}
