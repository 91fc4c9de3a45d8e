/** Files in the safetensors format: read with every offset checked, written whole or not at all. */
@NullMarked
package io.modscan.core.safetensors;

import org.jspecify.annotations.NullMarked;
