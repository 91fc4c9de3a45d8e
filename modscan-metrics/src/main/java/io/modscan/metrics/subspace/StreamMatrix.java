package io.modscan.metrics.subspace;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Weight;
import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.linear.Products;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.FloatBuffer;
import java.util.Arrays;
import org.apache.commons.numbers.gamma.RegularizedBeta;

/**
 * A matrix between the residual stream and r inner dimensions, laid out as [r, D] whichever way it works, and scaled, which
 * makes no difference to a share.
 */
final class StreamMatrix {

    /** How far above 1 the ratio q·D must be for the spread of shares to be more than rounding. */
    private static final double ROUNDING = 1e-12;

    private final String name;
    private final double[] values;
    private final int inner;
    private final int width;
    /** The products of the inner dimensions, [r, r]; or of the stream's coordinates, [D, D], if these are fewer. */
    private final double[] gram;

    /**
     * What part of a matrix lies in a subspace.
     *
     * @param share    its share of the squared norm
     * @param expected that of a random subspace
     * @param z        the distance in standard deviations of a random subspace's
     * @param p        that a random subspace's is as large
     */
    record Share(double share, double expected, double z, double p) {}

    private StreamMatrix(String name, double[] values, int inner, int width, double[] gram) {
        this.name = name;
        this.values = values;
        this.inner = inner;
        this.width = width;
        this.gram = gram;
    }

    /**
     * Makes one of a weight.
     *
     * @param reads whether it is [D, r] rather than [r, D]
     * @param width D, as the subspace has it
     */
    static StreamMatrix of(Weight weight, boolean reads, int width) {
        Interrupt.checkThisThread();
        boolean matrix = weight.shape().size() == 2;
        if (!matrix || weight.shape().get(reads ? 0 : 1) != width) {
            throw new ModscanException("the subspace is one of " + width + " coordinates, and " + weight
                    + (matrix && reads ? " reads from " + weight.shape().get(0) : "")
                    + (matrix && !reads ? " writes to " + weight.shape().get(1) : "")
                    + "; take it from a site of the residual stream, such as ln1.hook_normalized");
        }
        int inner = weight.shape().get(reads ? 1 : 0);
        double[] stored = scaled(weight.values());
        double[] values = reads ? Products.transposed(stored, width, inner) : stored;
        boolean few = inner <= width;
        double[] across = few || reads ? stored : Products.transposed(stored, inner, width);
        return new StreamMatrix(weight.name(), values, inner, width, few ? gram(values, width) : gram(across, inner));
    }

    private static double[] scaled(FloatBuffer floats) {
        double[] values = new double[floats.capacity()];
        double largest = 0;
        for (int i = 0; i < values.length; i++) {
            values[i] = floats.get(i);
            largest = Math.max(largest, Math.abs(values[i]));
        }
        if (largest > 0) {
            double scale = largest;
            Arrays.setAll(values, i -> values[i] / scale);
        }
        return values;
    }

    private static double[] gram(double[] rows, int length) {
        int count = rows.length / length;
        return Products.timesTransposed(rows, count, rows, count, length);
    }

    /** The share of the matrix itself: of W·Wᵀ, if W is [D, r]. */
    Share share(Subspace subspace) {
        double[] projected = projected(subspace);
        double total = 0;
        int side = side(gram);
        for (int i = 0; i < side; i++) {
            total += gram[i * side + i];
        }
        return share(subspace.dimension(), Dot.of(projected, projected), total, Dot.of(gram, gram));
    }

    /** The share of the product with another matrix of as many inner dimensions: of W·M·Wᵀ with the other's products M [r, r]. */
    Share share(Subspace subspace, StreamMatrix other) {
        if (other.inner != inner) {
            throw new ModscanException(name + " has " + inner + " inner dimensions and " + other.name + " has "
                    + other.inner + ", so they have no product");
        }
        double[] own = innerGram();
        double[] others = other.innerGram();
        double[] projected = projected(subspace);
        // Both factors are symmetric, so that a product with one's transpose is a product.
        double part =
                Dot.of(Products.timesTransposed(projected, subspace.dimension(), others, inner, inner), projected);
        double[] product = Products.timesTransposed(own, inner, others, inner, inner);
        double squared = Dot.of(product, Products.transposed(product, inner, inner));
        return share(subspace.dimension(), part, Dot.of(own, others), squared);
    }

    private double[] innerGram() {
        return side(gram) == inner ? gram : gram(values, width);
    }

    private static int side(double[] square) {
        return (int) Math.round(Math.sqrt(square.length));
    }

    /** The basis times the matrix, [k, r]. */
    private double[] projected(Subspace subspace) {
        double[] flat =
                Arrays.stream(subspace.basis()).flatMapToDouble(Arrays::stream).toArray();
        return Products.timesTransposed(flat, subspace.dimension(), values, inner, width);
    }

    /**
     * Compares with a random subspace.
     *
     * @param part    the trace of the part of A = W·M·Wᵀ in the subspace
     * @param total   tr A
     * @param squared tr A²
     */
    private Share share(int k, double part, double total, double squared) {
        // tr A = 0 gives NaN, here and in all that follows.
        double share = Math.max(0, Math.min(1, part / total));
        double mean = (double) k / width;
        double excess = squared / (total * total) * width - 1;
        double variance =
                2 * mean * (1 - mean) / ((width - 1.0) * (width + 2.0)) * (excess > ROUNDING ? excess : Double.NaN);
        if (!(variance > 0) || Double.isNaN(share)) {
            return new Share(share, mean, Double.NaN, Double.NaN);
        }
        // The beta distribution of this mean and variance.
        double concentration = mean * (1 - mean) / variance - 1;
        double p = RegularizedBeta.complement(share, mean * concentration, (1 - mean) * concentration);
        return new Share(share, mean, (share - mean) / Math.sqrt(variance), p);
    }
}
