package io.modscan.metrics.basis;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Site;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Mean and sum of squared distances from it, for each coordinate, gathered piece by piece. */
final class Deviations {

    private @Nullable Site site;
    private double[] means = {};
    private double[] squares = {};
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
            means = new double[of.width()];
            squares = new double[of.width()];
        }
    }

    private void take(float[] values, int from) {
        if (!Samples.isFinite(values, from, means.length)) {
            leftOut++;
            return;
        }
        count++;
        for (int i = 0; i < means.length; i++) {
            double distance = values[from + i] - means[i];
            means[i] += distance / count;
            squares[i] += distance * (values[from + i] - means[i]);
        }
    }

    void merge(Deviations other) {
        setSite(Objects.requireNonNull(other.site));
        leftOut += other.leftOut;
        if (other.count == 0) {
            return;
        }
        double both = (double) count + other.count;
        for (int i = 0; i < means.length; i++) {
            double distance = other.means[i] - means[i];
            means[i] += distance * (other.count / both);
            squares[i] += other.squares[i] + distance * distance * (count * (other.count / both));
        }
        count += other.count;
    }

    Standardised standardised() {
        double[] mean = new double[means.length];
        double[] deviation = new double[means.length];
        for (int i = 0; i < means.length; i++) {
            mean[i] = count == 0 ? Double.NaN : means[i];
            deviation[i] = Math.sqrt(squares[i] / count);
        }
        return new Standardised(Objects.requireNonNull(site), count, leftOut, mean, deviation);
    }
}
