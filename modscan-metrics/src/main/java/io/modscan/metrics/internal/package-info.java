/** What all families of metrics need. Not for users; may change at any time. */
@NullMarked
package io.modscan.metrics.internal;

import org.jspecify.annotations.NullMarked;
