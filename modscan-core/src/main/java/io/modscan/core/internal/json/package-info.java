/** What readers of JSON have in common. Not for users; may change at any time. */
@NullMarked
package io.modscan.core.internal.json;

import org.jspecify.annotations.NullMarked;
