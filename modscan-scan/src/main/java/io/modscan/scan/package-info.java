/**
 * The main job as a library: which heads and neurons respond to which label, how far apart the labels are, and which modules
 * the units form; as tables, as files and as a page. {@link io.modscan.scan.Scan} is the door. Beside it
 * {@link io.modscan.scan.AttributionScan} estimates what labels use, and {@link io.modscan.scan.AblationScan} measures what they need.
 */
@NullMarked
package io.modscan.scan;

import org.jspecify.annotations.NullMarked;
