/**
 * The main job as a library: which heads and neurons respond to which label, how far apart the labels are, and which modules
 * the units form; as tables, as files and as a page. {@link io.modscan.scan.Scan} is the door.
 */
@NullMarked
package io.modscan.scan;

import org.jspecify.annotations.NullMarked;
