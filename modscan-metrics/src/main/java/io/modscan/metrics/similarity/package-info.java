/** How alike prompts are at a site, and how far apart labels. */
@NullMarked
package io.modscan.metrics.similarity;

import org.jspecify.annotations.NullMarked;
