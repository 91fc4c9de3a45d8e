/** Sites, the places in a network that can be read, and the plan of what a capture reads from them. */
@NullMarked
package io.modscan.core.site;

import org.jspecify.annotations.NullMarked;
