package io.modscan.metrics.basis;

import io.modscan.core.Activations;
import io.modscan.core.FittedPrompts;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.metrics.internal.linear.Products;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The first and second moments of a site's vectors, gathered piece by piece: n, Σ(x − s) and Σ(x − s)(x − s)ᵀ in double
 * precision, where the shift s is the mean of the first vectors, so that a mean far from zero does not drown the variance.
 *
 * <p>The first max(512, width) vectors are kept as they are, which takes no more memory than the sums would: if there are
 * no more than that, and fewer than coordinates, the few rows are decomposed instead of the large matrix.
 */
final class SecondMoments {

    /** Vectors a product: enough for a matrix product at full speed, few enough for the caches. */
    private static final int BLOCK = 512;

    /** The largest width whose square is the size of an array. */
    private static final int WIDEST = 46_340;

    private @Nullable Site site;
    private int width;
    private long leftOut;

    /** The prompts of the pieces, and what their coordinates had been fitted to before. */
    private final List<FittedPrompts> prompts = new ArrayList<>();

    private final Set<FittedPrompts> before = new LinkedHashSet<>();

    /** Vectors that are not in the sums yet. */
    private float[] waiting = {};

    private int waitingCount;

    /** How many vectors are in the sums; what follows is empty where there are none. */
    private long summed;

    private double[] shift = {};
    private double[] sums = {};
    /** Row by row; what is right of the diagonal is not used. */
    private double[] products = {};

    void add(Activations piece) {
        SiteActivations one = piece.onlySite();
        if (one.site().width() > WIDEST) {
            throw new ModscanException(one.site() + " has " + one.site().width()
                    + " coordinates; a basis holds at most " + WIDEST + ", since each is multiplied with each");
        }
        site = one.site();
        width = site.width();
        prompts.add(FittedPrompts.of(piece));
        before.add(one.fittedTo());
        Samples.forEach(one, this::take);
    }

    private void take(float[] values, int from) {
        if (!Samples.isFinite(values, from, width)) {
            leftOut++;
            return;
        }
        int most = Math.max(BLOCK, width);
        int end = (waitingCount + 1) * width;
        if (waiting.length < end) {
            waiting = Arrays.copyOf(waiting, (int) Math.min((long) most * width, Math.max(2L * waiting.length, end)));
        }
        System.arraycopy(values, from, waiting, end - width, width);
        waitingCount++;
        if (waitingCount == most) {
            sumUp();
        }
    }

    private void sumUp() {
        if (summed == 0) {
            shift = meanOfWaiting();
            sums = new double[width];
            products = new double[width * width];
        }
        for (int from = 0; from < waitingCount; from += BLOCK) {
            sumUp(from, Math.min(BLOCK, waitingCount - from));
        }
        summed += waitingCount;
        waitingCount = 0;
    }

    private double[] meanOfWaiting() {
        double[] mean = new double[width];
        for (int at = 0; at < waitingCount * width; at++) {
            mean[at % width] += waiting[at];
        }
        for (int j = 0; j < width; j++) {
            mean[j] /= waitingCount;
        }
        return mean;
    }

    private void sumUp(int first, int count) {
        double[] block = new double[width * count];
        for (int j = 0; j < width; j++) {
            double sum = 0;
            for (int i = 0; i < count; i++) {
                double value = waiting[(first + i) * width + j] - shift[j];
                block[j * count + i] = value;
                sum += value;
            }
            sums[j] += sum;
        }
        double[] ofBlock = Products.timesTransposed(block, width, block, width, count);
        for (int i = 0; i < width; i++) {
            for (int at = i * width; at <= i * width + i; at++) {
                products[at] += ofBlock[at];
            }
        }
    }

    void merge(SecondMoments other) {
        site = other.site;
        width = other.width;
        leftOut += other.leftOut;
        prompts.addAll(other.prompts);
        before.addAll(other.before);
        if (summed == 0) {
            summed = other.summed;
            shift = other.shift;
            sums = other.sums;
            products = other.products;
        } else if (other.summed > 0) {
            mergeSums(other);
        }
        for (int i = 0; i < other.waitingCount; i++) {
            take(other.waiting, i * width);
        }
    }

    /** With d = their shift − ours, their Σ(x − s)(x − s)ᵀ lacks d·Σᵀ + Σ·dᵀ + n·d·dᵀ to be one of ours. */
    private void mergeSums(SecondMoments other) {
        double[] d = new double[width];
        for (int i = 0; i < width; i++) {
            d[i] = other.shift[i] - shift[i];
        }
        for (int i = 0; i < width; i++) {
            for (int j = 0; j <= i; j++) {
                int at = i * width + j;
                products[at] +=
                        other.products[at] + d[i] * other.sums[j] + other.sums[i] * d[j] + other.summed * d[i] * d[j];
            }
        }
        for (int i = 0; i < width; i++) {
            sums[i] += other.sums[i] + other.summed * d[i];
        }
        summed += other.summed;
    }

    Basis basis(Basis.Kind kind) {
        long samples = summed + waitingCount;
        boolean centred = kind != Basis.Kind.UNCENTRED;
        double[] mean;
        Spectrum spectrum;
        if (summed == 0 && waitingCount < width) {
            mean = meanOfWaiting();
            spectrum = Spectrum.ofRows(rows(centred ? mean : new double[width]), width);
        } else {
            if (waitingCount > 0) {
                sumUp();
            }
            mean = new double[width];
            for (int i = 0; i < width; i++) {
                mean[i] = shift[i] + sums[i] / samples;
            }
            spectrum = Spectrum.ofSymmetric(matrix(centred), width, samples);
        }
        return new Basis(
                Objects.requireNonNull(site),
                kind,
                samples,
                leftOut,
                mean,
                spectrum,
                FittedPrompts.together(before),
                FittedPrompts.together(prompts));
    }

    /** The vectors that wait, less an origin. */
    private double[] rows(double[] origin) {
        double[] rows = new double[waitingCount * width];
        for (int at = 0; at < rows.length; at++) {
            rows[at] = waiting[at] - origin[at % width];
        }
        return rows;
    }

    /** The covariance, or, with the means left in, E[x·xᵀ]. */
    private double[] matrix(boolean centred) {
        double[] matrix = new double[width * width];
        for (int i = 0; i < width; i++) {
            double offI = sums[i] / summed;
            for (int j = 0; j <= i; j++) {
                double offJ = sums[j] / summed;
                double value = products[i * width + j] / summed;
                value += centred ? -offI * offJ : shift[i] * offJ + offI * shift[j] + shift[i] * shift[j];
                matrix[i * width + j] = value;
                matrix[j * width + i] = value;
            }
        }
        return matrix;
    }
}
