/** The command line: {@link io.modscan.cli.Modscan} and its commands, each a page of library calls. */
@NullMarked
package io.modscan.cli;

import org.jspecify.annotations.NullMarked;
