/** Prompts: labelled texts or ready token ids, and the files that they are read from. */
@NullMarked
package io.modscan.core.prompt;

import org.jspecify.annotations.NullMarked;
