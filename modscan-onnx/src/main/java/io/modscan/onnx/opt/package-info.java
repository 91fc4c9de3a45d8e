/** The OPT family: its checkpoints as models, with their config, sites, weights and network. A family is a room such as this. */
@NullMarked
package io.modscan.onnx.opt;

import org.jspecify.annotations.NullMarked;
