/** What a probe runs: the interfaces of models, sources and tokenizers, and what is handed to and fro. */
@NullMarked
package io.modscan.core.model;

import org.jspecify.annotations.NullMarked;
