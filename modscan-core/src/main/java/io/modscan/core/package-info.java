/** What one begins with: the probe, the activations that it captures, metrics, recordings, and the contracts to prove one's own by. */
@NullMarked
package io.modscan.core;

import org.jspecify.annotations.NullMarked;
