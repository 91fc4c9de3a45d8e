/** The exceptions of all modules: unchecked, each saying what was wrong, where, and what would be right. */
@NullMarked
package io.modscan.core.error;

import org.jspecify.annotations.NullMarked;
