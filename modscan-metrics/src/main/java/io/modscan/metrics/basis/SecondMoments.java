package io.modscan.metrics.basis;

import io.modscan.core.Activations;
import io.modscan.core.FittedPrompts;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.LinearAlgebra;
import io.modscan.core.site.Site;
import io.modscan.metrics.internal.linear.DirectBuffers;
import io.modscan.metrics.internal.linear.Scratch;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;
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

    /** Vectors that wait at most, or as many as coordinates if these are more. */
    private static final int BLOCK = 512;

    /** Values of the vectors that are multiplied at once, 16 MiB, unless it is a single vector. */
    private static final int BLOCK_VALUES = 1 << 21;

    /** Vectors that one thread adds up. */
    private static final int CHUNK = 64;

    /** A side of what is mirrored at once. */
    private static final int TILE = 64;

    /** Up to this width the sums lie outside the heap, where the library adds to them without a copy. */
    private static final int DIRECT = 4096;

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
    private DoubleBuffer products = DoubleBuffer.allocate(0);

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
        take(Samples.numbered(one));
    }

    private void take(Samples.Numbered vectors) {
        Interrupt interrupt = Interrupt.ofThisThread();
        int from = 0;
        while (from < vectors.count()) {
            interrupt.check();
            if (summed > 0 && waitingCount == 0 && vectors.count() - from >= most()) {
                from += sumUpAtOnce(vectors, from);
                continue;
            }
            int count = Math.min(most() - waitingCount, vectors.count() - from);
            makeRoom(waitingCount + count);
            boolean[] finite = new boolean[count];
            int first = from;
            Samples.range(count, (long) count * width).forEach(i -> {
                int at = (waitingCount + i) * width;
                vectors.copy(first + i, waiting, at);
                finite[i] = Samples.isFinite(waiting, at, width);
            });
            keep(finite);
            from += count;
        }
    }

    /** How many vectors wait at most. */
    private int most() {
        return Math.max(BLOCK, width);
    }

    private void makeRoom(int vectors) {
        int end = vectors * width;
        if (waiting.length < end) {
            waiting = Arrays.copyOf(waiting, (int) Math.min((long) most() * width, Math.max(2L * waiting.length, end)));
        }
    }

    /** Counts vectors behind those that wait among them, without those that are not finite. */
    private void keep(boolean[] finite) {
        int first = waitingCount;
        for (int i = 0; i < finite.length; i++) {
            if (!finite[i]) {
                leftOut++;
                continue;
            }
            if (waitingCount != first + i) {
                System.arraycopy(waiting, (first + i) * width, waiting, waitingCount * width, width);
            }
            waitingCount++;
        }
        if (waitingCount == most()) {
            sumUp();
        }
    }

    /** Vectors, by their numbers. */
    private interface Rows {
        /** Copies one; false if it is not finite, and counts for nothing. */
        boolean read(int row, float[] to);
    }

    private void sumUp() {
        if (summed == 0) {
            shift = meanOfWaiting();
            sums = new double[width];
            products = width <= DIRECT
                    ? DirectBuffers.doubles((long) width * width)
                    : DoubleBuffer.allocate(width * width);
        }
        int rows = rows(waitingCount);
        for (int from = 0; from < waitingCount; from += rows) {
            int first = from;
            sumUp(Math.min(rows, waitingCount - from), (row, to) -> {
                System.arraycopy(waiting, (first + row) * width, to, 0, width);
                return true;
            });
        }
        waitingCount = 0;
    }

    /** The same for as many vectors as one product takes, which needn't wait; how many these are. */
    private int sumUpAtOnce(Samples.Numbered vectors, int from) {
        int count = rows(vectors.count() - from);
        leftOut += sumUp(count, (row, to) -> {
            vectors.copy(from + row, to, 0);
            return Samples.isFinite(to, 0, width);
        });
        return count;
    }

    /** How many vectors are multiplied at once. */
    private int rows(int count) {
        return Math.max(1, Math.min(count, BLOCK_VALUES / width));
    }

    /** Sums up rows; how many were left out. */
    private int sumUp(int count, Rows rows) {
        try (Scratch scratch = Scratch.doubles(count * width)) {
            DoubleBuffer shifted = scratch.doubleBuffer(count * width);
            int without = addSums(count, rows, shifted);
            LinearAlgebra.installed().addColumnProducts(shifted, width, products);
            summed += count - without;
            return without;
        }
    }

    /** Adds up vectors, less the shift, chunk by chunk, so that sums don't depend on how many threads there are. */
    private int addSums(int count, Rows rows, DoubleBuffer shifted) {
        int chunks = (count + CHUNK - 1) / CHUNK;
        double[][] ofChunks = new double[chunks][width];
        int[] without = new int[chunks];
        Samples.range(chunks, (long) count * width).forEach(chunk -> {
            double[] sum = ofChunks[chunk];
            double[] row = new double[width];
            float[] vector = new float[width];
            for (int i = chunk * CHUNK; i < Math.min(count, (chunk + 1) * CHUNK); i++) {
                if (rows.read(i, vector)) {
                    for (int j = 0; j < width; j++) {
                        row[j] = vector[j] - shift[j];
                        sum[j] += row[j];
                    }
                } else {
                    // A row of zeros adds nothing to any product.
                    Arrays.fill(row, 0);
                    without[chunk]++;
                }
                shifted.put(i * width, row);
            }
        });
        for (double[] sum : ofChunks) {
            for (int j = 0; j < width; j++) {
                sums[j] += sum[j];
            }
        }
        return Arrays.stream(without).sum();
    }

    private double[] meanOfWaiting() {
        double[] mean = new double[width];
        for (int from = 0; from < waitingCount * width; from += width) {
            for (int j = 0; j < width; j++) {
                mean[j] += waiting[from + j];
            }
        }
        for (int j = 0; j < width; j++) {
            mean[j] /= waitingCount;
        }
        return mean;
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
        for (int from = 0; from < other.waitingCount; ) {
            int count = Math.min(most() - waitingCount, other.waitingCount - from);
            makeRoom(waitingCount + count);
            System.arraycopy(other.waiting, from * width, waiting, waitingCount * width, count * width);
            waitingCount += count;
            from += count;
            if (waitingCount == most()) {
                sumUp();
            }
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
                double more = d[i] * other.sums[j] + other.sums[i] * d[j] + other.summed * d[i] * d[j];
                products.put(at, products.get(at) + other.products.get(at) + more);
            }
        }
        for (int i = 0; i < width; i++) {
            sums[i] += other.sums[i] + other.summed * d[i];
        }
        summed += other.summed;
    }

    /** The components of the largest variances, at most so many. */
    Basis basis(Basis.Kind kind, int most) {
        long samples = summed + waitingCount;
        boolean centred = kind != Basis.Kind.UNCENTRED;
        double[] mean;
        Spectrum spectrum;
        if (summed == 0 && waitingCount < width) {
            mean = meanOfWaiting();
            spectrum = Spectrum.ofRows(rows(centred ? mean : new double[width]), width, most);
        } else {
            if (waitingCount > 0) {
                sumUp();
            }
            mean = new double[width];
            for (int i = 0; i < width; i++) {
                mean[i] = shift[i] + sums[i] / samples;
            }
            spectrum = Spectrum.ofSymmetric(matrix(centred), width, samples, most);
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
        products.get(0, matrix);
        // In tiles, in which what is right of the diagonal is written while it stays in the cache.
        Samples.range((width + TILE - 1) / TILE, matrix.length).forEach(tile -> {
            for (int left = 0; left <= tile; left++) {
                fill(matrix, tile * TILE, left * TILE, centred);
            }
        });
        return matrix;
    }

    /** Makes moments of the sums of a tile, and of its mirror image. */
    private void fill(double[] matrix, int top, int left, boolean centred) {
        for (int i = top; i < Math.min(width, top + TILE); i++) {
            double offI = sums[i] / summed;
            for (int j = left; j < Math.min(i + 1, left + TILE); j++) {
                double offJ = sums[j] / summed;
                double value = matrix[i * width + j] / summed;
                value += centred ? -offI * offJ : shift[i] * offJ + offI * shift[j] + shift[i] * shift[j];
                matrix[i * width + j] = value;
                matrix[j * width + i] = value;
            }
        }
    }
}
