/** What was measured, as a page to look at and as pictures in files. */
@NullMarked
package io.modscan.report;

import org.jspecify.annotations.NullMarked;
