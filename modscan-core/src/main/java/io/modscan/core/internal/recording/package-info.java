/** Capture files: how they are laid out, written, gone on with, and read. Not for users; may change at any time. */
@NullMarked
package io.modscan.core.internal.recording;

import org.jspecify.annotations.NullMarked;
