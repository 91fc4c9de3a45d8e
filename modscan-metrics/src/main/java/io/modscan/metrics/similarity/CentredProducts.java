package io.modscan.metrics.similarity;

import io.modscan.core.SiteActivations;
import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.linear.DirectBuffers;
import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The alignment of sites by their U-centred matrices of dot products. HSIC(K, L) is the scalar product of two of these, over
 * n (n − 3), so that they are made and multiplied a tile at a time.
 */
final class CentredProducts {

    /** Values of a tile at all sites together: 128 MB. */
    private static final int TILE_VALUES = 1 << 24;

    /** Values of a site's vectors that are multiplied at once, on either side, unless it is a single vector: 64 MB. */
    private static final int BLOCK_VALUES = 1 << 23;

    private static final int MOST_ROWS = 1024;

    /** How small the centred products of scaled vectors are, root mean square, where there is but rounding. */
    private static final double NOTHING = 1e-13;

    private final List<SiteActivations> sites;
    private final List<CentredSite> centred;
    private final int prompts;
    private final int tile;

    CentredProducts(List<SiteActivations> sites) {
        this(sites, rows(sites.size(), widest(sites)));
    }

    /** The same in tiles of so many rows. */
    CentredProducts(List<SiteActivations> sites, int tile) {
        this.sites = sites;
        this.prompts = sites.get(0).size();
        this.tile = Math.min(prompts, tile);
        // Reading the first vectors says what is wrong where prompts have none, before any thread is started.
        sites.forEach(site -> site.vector(0));
        Interrupt interrupt = Interrupt.ofThisThread();
        this.centred = sites.parallelStream()
                .map(site -> new CentredSite(site, interrupt))
                .toList();
    }

    /** How many rows a tile has, for so many sites of at most so many values a vector. */
    static int rows(int sites, int width) {
        int ofTiles = (int) Math.sqrt((double) TILE_VALUES / sites);
        return Math.max(1, Math.min(Math.min(MOST_ROWS, ofTiles), BLOCK_VALUES / width));
    }

    private static int widest(List<SiteActivations> sites) {
        return sites.stream().mapToInt(site -> site.site().width()).max().orElseThrow();
    }

    SiteSimilarity cka() {
        int s = sites.size();
        double[] products = prompts < 4 ? new double[s * s] : products();
        double[][] values = new double[s][s];
        double nothing = NOTHING * prompts * NOTHING * prompts;
        for (int a = 0; a < s; a++) {
            for (int b = 0; b <= a; b++) {
                double self = products[a * s + a];
                double other = products[b * s + b];
                double cosine = products[a * s + b] / (Math.sqrt(self) * Math.sqrt(other));
                boolean defined = self > nothing && other > nothing;
                values[a][b] = !defined ? Double.NaN : a == b ? 1 : Math.max(-1, Math.min(1, cosine));
                values[b][a] = values[a][b];
            }
        }
        return new SiteSimilarity(
                "linear CKA", sites.stream().map(SiteActivations::site).toList(), values);
    }

    /** The scalar products of the sites' U-centred matrices, sites × sites. */
    private double[] products() {
        int s = sites.size();
        LinearAlgebra product = LinearAlgebra.installed();
        DoubleBuffer tiles = DirectBuffers.doubles((long) s * tile * tile);
        long block = (long) tile * widest(sites);
        DoubleBuffer above = DirectBuffers.doubles(block);
        DoubleBuffer beside = DirectBuffers.doubles(block);
        DoubleBuffer ofTile = DoubleBuffer.allocate(s * s);
        double[] sums = new double[s * s];
        for (int top = 0; top < prompts; top += tile) {
            for (int left = 0; left <= top; left += tile) {
                int rows = Math.min(tile, prompts - top);
                int columns = Math.min(tile, prompts - left);
                for (int i = 0; i < s; i++) {
                    Interrupt.checkThisThread();
                    CentredSite site = centred.get(i);
                    DoubleBuffer a = site.pack(top, rows, above);
                    DoubleBuffer b = left == top ? a : site.pack(left, columns, beside);
                    DoubleBuffer values = tiles.slice(i * rows * columns, rows * columns);
                    product.timesTransposed(a, b, site.width(), values);
                    site.centre(top, left, rows, columns, values);
                }
                DoubleBuffer all = tiles.slice(0, s * rows * columns);
                product.timesTransposed(all, all, rows * columns, ofTile);
                // A tile beside the diagonal also stands for the one above it.
                int times = left == top ? 1 : 2;
                for (int i = 0; i < sums.length; i++) {
                    sums[i] += times * ofTile.get(i);
                }
            }
        }
        return sums;
    }

    /** A site's vectors x, centred and scaled to a mean square of 1, and what U-centring takes off their products. */
    private static final class CentredSite {
        private final SiteActivations site;
        private final Interrupt interrupt;
        private final double[] mean;
        private final double scale;
        private final double[] offsets;

        CentredSite(SiteActivations site, Interrupt interrupt) {
            this.site = site;
            this.interrupt = interrupt;
            int n = site.size();
            this.mean = new double[site.vector(0).length];
            for (int i = 0; i < n; i++) {
                float[] vector = vector(i);
                for (int k = 0; k < mean.length; k++) {
                    mean[k] += vector[k];
                }
            }
            for (int k = 0; k < mean.length; k++) {
                mean[k] /= n;
            }
            double squares = 0;
            for (int i = 0; i < n; i++) {
                double[] vector = from(vector(i), mean, 1);
                squares += Dot.of(vector, vector);
            }
            // A site without a spread, or with a value that is not a number, becomes zeros, and so is undefined in the
            // end.
            this.scale = squares > 0 && squares < Double.POSITIVE_INFINITY ? 1 / Math.sqrt(squares / n) : 0;
            this.offsets = scale > 0 ? offsets(n) : new double[n];
        }

        private float[] vector(int i) {
            interrupt.check();
            return site.vector(i);
        }

        private static double[] from(float[] vector, double[] mean, double scale) {
            double[] centred = new double[vector.length];
            for (int k = 0; k < centred.length; k++) {
                centred[k] = (vector[k] - mean[k]) * scale;
            }
            return centred;
        }

        /**
         * What to take off row i and column i: r<sub>i</sub> / (n − 2) − Σr / (2 (n − 1)(n − 2)), with the sums of rows without
         * the diagonal, r<sub>i</sub> = x<sub>i</sub>·Σx − |x<sub>i</sub>|².
         */
        private double[] offsets(int n) {
            double[] sum = new double[mean.length];
            for (int i = 0; i < n; i++) {
                double[] vector = from(vector(i), mean, scale);
                for (int k = 0; k < sum.length; k++) {
                    sum[k] += vector[k];
                }
            }
            double[] rows = new double[n];
            double total = 0;
            for (int i = 0; i < n; i++) {
                double[] vector = from(vector(i), mean, scale);
                rows[i] = Dot.of(vector, sum) - Dot.of(vector, vector);
                total += rows[i];
            }
            double share = total / (2.0 * (n - 1) * (n - 2));
            for (int i = 0; i < n; i++) {
                rows[i] = rows[i] / (n - 2) - share;
            }
            return rows;
        }

        int width() {
            return mean.length;
        }

        DoubleBuffer pack(int from, int rows, DoubleBuffer buffer) {
            IntStream.range(0, rows).parallel().forEach(row -> {
                double[] vector = scale > 0 ? from(vector(from + row), mean, scale) : new double[width()];
                buffer.put(row * width(), vector);
            });
            return buffer.slice(0, rows * width());
        }

        void centre(int top, int left, int rows, int columns, DoubleBuffer values) {
            IntStream.range(0, rows).parallel().forEach(i -> {
                double[] row = new double[columns];
                values.get(i * columns, row);
                for (int j = 0; j < columns; j++) {
                    row[j] = top + i == left + j ? 0 : row[j] - offsets[top + i] - offsets[left + j];
                }
                values.put(i * columns, row);
            });
        }
    }
}
