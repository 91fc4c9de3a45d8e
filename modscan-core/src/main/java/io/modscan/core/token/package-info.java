/** The tokens inside a prompt: their ids, the spans among them, and which of them count. */
@NullMarked
package io.modscan.core.token;

import org.jspecify.annotations.NullMarked;
