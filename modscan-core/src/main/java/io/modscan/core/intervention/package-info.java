/** What is changed in a run: which units of which sites, at which positions, replaced by what. */
@NullMarked
package io.modscan.core.intervention;

import org.jspecify.annotations.NullMarked;
