package io.modscan.metrics.basis;

import io.modscan.metrics.internal.linear.Products;
import org.jspecify.annotations.Nullable;

/** The maps into a basis and back. Safe for use by many threads. */
final class BasisMaps {

    private final Basis.Kind kind;
    private final Spectrum spectrum;
    private final int width;
    /** What the coordinates count from. */
    private final double[] origin;

    private final AffineMap projection;
    /** Made when it is first needed. */
    private @Nullable AffineMap restoration;

    BasisMaps(Basis.Kind kind, Spectrum spectrum, double[] mean) {
        this.kind = kind;
        this.spectrum = spectrum;
        this.width = mean.length;
        this.origin = kind == Basis.Kind.UNCENTRED ? new double[width] : mean;
        double[] matrix = switch (kind) {
            case UNCENTRED, CENTRED -> spectrum.vectors();
            case WHITENED -> spectrum.vectorsTimes(BasisMaps::inverseRoot);
            case ZCA -> symmetric(spectrum.vectorsTimes(BasisMaps::inverseRoot));
        };
        this.projection = new AffineMap(matrix, origin, new double[size()]);
    }

    private static double inverseRoot(double value) {
        return 1 / Math.sqrt(value);
    }

    /** Uᵀ·S for S = scaled rows of U. */
    private double[] symmetric(double[] scaled) {
        double[] left = Products.transposed(spectrum.vectors(), spectrum.rank(), width);
        double[] right = Products.transposed(scaled, spectrum.rank(), width);
        return Products.timesTransposed(left, width, right, width, spectrum.rank());
    }

    /** The number of coordinates. */
    int size() {
        return kind == Basis.Kind.ZCA ? width : spectrum.rank();
    }

    AffineMap projection() {
        return projection;
    }

    synchronized AffineMap restoration() {
        if (restoration == null) {
            double[] matrix = switch (kind) {
                case UNCENTRED, CENTRED -> Products.transposed(spectrum.vectors(), spectrum.rank(), width);
                case WHITENED -> Products.transposed(spectrum.vectorsTimes(Math::sqrt), spectrum.rank(), width);
                case ZCA -> symmetric(spectrum.vectorsTimes(Math::sqrt));
            };
            restoration = new AffineMap(matrix, new double[size()], origin);
        }
        return restoration;
    }
}
