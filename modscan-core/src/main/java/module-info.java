/**
 * Prompts, sites, the probe and what it captures; the interfaces of models, sources, metrics and matrix products; capture
 * files. Nothing native.
 */
module io.modscan.core {
    requires static transitive org.jspecify;
    requires org.slf4j;
    requires de.siegmar.fastcsv;
    requires com.fasterxml.jackson.core;
    requires com.fasterxml.jackson.jr.ob;
    requires static java.desktop; // pictures as ready tensors

    exports io.modscan.core;
    exports io.modscan.core.error;
    exports io.modscan.core.file;
    exports io.modscan.core.intervention;
    exports io.modscan.core.model;
    exports io.modscan.core.prompt;
    exports io.modscan.core.safetensors;
    exports io.modscan.core.site;
    exports io.modscan.core.token;

    uses io.modscan.core.model.LinearAlgebra;
}
