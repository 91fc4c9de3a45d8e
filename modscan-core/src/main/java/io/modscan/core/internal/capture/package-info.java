/** How prompts are run: tokenized ahead, cut into batches, computed, handed on. Not for users; may change at any time. */
@NullMarked
package io.modscan.core.internal.capture;

import org.jspecify.annotations.NullMarked;
