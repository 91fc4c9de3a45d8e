/** What tokens inside a prompt are, and which units respond to them, with statistics that know that tokens of one prompt are not independent. */
@NullMarked
package io.modscan.metrics.tokens;

import org.jspecify.annotations.NullMarked;
