/** How metrics end that nobody waits for any more. Not for users; may change at any time. */
@NullMarked
package io.modscan.metrics.internal.thread;

import org.jspecify.annotations.NullMarked;
