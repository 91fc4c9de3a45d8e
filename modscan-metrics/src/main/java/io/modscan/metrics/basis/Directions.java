package io.modscan.metrics.basis;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Site;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Sums over vectors and their directions, coordinate by coordinate, gathered piece by piece. */
final class Directions {

    private @Nullable Site site;
    private double[] squares = {};
    private double[] units = {};
    private double[] unitSquares = {};
    private long count;
    private long leftOut;

    void add(Activations piece) {
        SiteActivations one = piece.onlySite();
        setSite(one.site());
        Samples.forEach(one, this::take);
    }

    private void setSite(Site of) {
        if (site == null) {
            site = of;
            squares = new double[of.width()];
            units = new double[of.width()];
            unitSquares = new double[of.width()];
        }
    }

    private void take(float[] values, int from) {
        double square = 0;
        for (int i = 0; i < units.length; i++) {
            square += (double) values[from + i] * values[from + i];
        }
        if (!(square > 0 && square < Double.POSITIVE_INFINITY)) {
            leftOut++;
            return;
        }
        count++;
        double length = Math.sqrt(square);
        for (int i = 0; i < units.length; i++) {
            double value = values[from + i];
            double unit = value / length;
            squares[i] += value * value;
            units[i] += unit;
            unitSquares[i] += unit * unit;
        }
    }

    void merge(Directions other) {
        setSite(Objects.requireNonNull(other.site));
        for (int i = 0; i < units.length; i++) {
            squares[i] += other.squares[i];
            units[i] += other.units[i];
            unitSquares[i] += other.unitSquares[i];
        }
        count += other.count;
        leftOut += other.leftOut;
    }

    BrightDimensions dimensions() {
        double all = 0;
        for (double square : squares) {
            all += square;
        }
        double pairs = (double) count * (count - 1.0);
        double[] shares = new double[units.length];
        double[] cosines = new double[units.length];
        for (int i = 0; i < units.length; i++) {
            shares[i] = squares[i] / all;
            cosines[i] = pairs > 0 ? (units[i] * units[i] - unitSquares[i]) / pairs : Double.NaN;
        }
        return new BrightDimensions(Objects.requireNonNull(site), count, leftOut, shares, cosines);
    }
}
