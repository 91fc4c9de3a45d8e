/** Linear algebra of large matrices by OpenBLAS, picked up where it is on the class path. */
module io.modscan.openblas {
    requires static transitive org.jspecify;
    requires transitive io.modscan.core;
    requires com.sun.jna;
    requires org.bytedeco.javacpp;
    requires org.bytedeco.openblas;
    requires org.slf4j;

    exports io.modscan.openblas;

    provides io.modscan.core.model.LinearAlgebra with
            io.modscan.openblas.OpenBlasAlgebra;
}
