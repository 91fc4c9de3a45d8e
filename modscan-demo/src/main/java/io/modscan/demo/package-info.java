/** A small OPT model and labelled prompts, to try modscan on without a download. */
@NullMarked
package io.modscan.demo;

import org.jspecify.annotations.NullMarked;
