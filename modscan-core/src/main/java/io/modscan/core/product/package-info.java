/** The service for products of large matrices. */
@NullMarked
package io.modscan.core.product;

import org.jspecify.annotations.NullMarked;
