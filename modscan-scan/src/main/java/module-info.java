/** The main job as a library: which heads and neurons respond to which label, as tables, files and a page. */
module io.modscan.scan {
    requires static transitive org.jspecify;
    requires transitive io.modscan.core;
    requires transitive io.modscan.metrics;
    requires transitive io.modscan.report;
    requires com.fasterxml.jackson.jr.ob;
    requires de.siegmar.fastcsv;

    exports io.modscan.scan;
}
