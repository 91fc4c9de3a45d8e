/** Pictures of what was measured: a self-contained HTML page, and PNG and SVG files. */
module io.modscan.report {
    requires static transitive org.jspecify;
    requires transitive io.modscan.core;
    requires transitive io.modscan.metrics;
    requires com.fasterxml.jackson.jr.ob;
    requires java.desktop;
    requires java.xml;
    requires org.apache.xmlgraphics.batik.svggen;
    requires xchart;

    // What Batik uses but, having no module-info, cannot ask for.
    requires org.apache.commons.logging;

    exports io.modscan.report;
}
