/** Linear algebra of large matrices by OpenBLAS. It is found by itself; there is nothing to call. */
@NullMarked
package io.modscan.openblas;

import org.jspecify.annotations.NullMarked;
