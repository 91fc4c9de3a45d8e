/** The probe, the activations that it captures, and the interfaces of models, sources and metrics. */
@NullMarked
package io.modscan.core;

import org.jspecify.annotations.NullMarked;
