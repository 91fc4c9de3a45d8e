/** Makes the site of the guide. */
@NullMarked
package io.modscan.docs;

import org.jspecify.annotations.NullMarked;
