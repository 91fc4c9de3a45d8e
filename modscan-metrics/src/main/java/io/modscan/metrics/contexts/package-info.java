/** In which contexts a unit is strongest: tokens with the text around them. */
@NullMarked
package io.modscan.metrics.contexts;

import org.jspecify.annotations.NullMarked;
