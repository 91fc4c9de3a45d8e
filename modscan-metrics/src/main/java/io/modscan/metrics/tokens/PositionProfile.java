package io.modscan.metrics.tokens;

import io.modscan.metrics.tokens.LabelledPrompt.Placed;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What positions have to do with labels, over some prompts. A token's centred rank is taken as position + δ · (has the label) + noise, the
 * prompt's own mean, zero, taken out of all three. With Z the tokens' bins and l whether they have the label, each less its mean in the prompt,
 * least squares give δ = (l − Zκ)ᵀr / s with κ = (ZᵀZ)⁻ Zᵀl and s = |l − Zκ|², and the positions' part (ZᵀZ)⁻ Zᵀr − κδ. All of
 * this but Zᵀr and lᵀr is the same for every unit that is not silent in the same prompts. Immutable.
 */
final class PositionProfile {

    /** Of a label's variance within prompts, positions must leave so much. */
    private static final double LEAST = 0.1;

    /** A bin of which the others leave less than this share says nothing of its own. */
    private static final double SINGULAR = 1e-9;

    private final double[][] inverse;
    private final OfLabel[] ofLabels;

    /** What concerns a label. Never changed. */
    private static final class OfLabel {
        /** How much of "has the label" each bin explains. */
        private final double[] kappa;

        /** The label's sum of squares. */
        private final double square;

        /** What positions leave of it, s. */
        private final double left;

        /** The share of the label's tokens in each bin less that of the others, as a mean over prompts. */
        private final double[] meanWeights;

        /** How much wider the mean of the prompts' numbers spreads than the numbers tell, at least 1. */
        private final double wider;

        OfLabel(double[] kappa, double square, double left, double[] meanWeights, double wider) {
            this.kappa = kappa;
            this.square = square;
            this.left = left;
            this.meanWeights = meanWeights;
            this.wider = wider;
        }
    }

    private PositionProfile(double[][] inverse, OfLabel[] ofLabels) {
        this.inverse = inverse;
        this.ofLabels = ofLabels;
    }

    /**
     * Sets up.
     *
     * @param prompts all prompts
     * @param active  the indices of those that count
     * @param placed  for each label and prompt where the label stands; null where it stands on no token or on all
     * @param bins    the number of bins
     */
    static PositionProfile of(List<LabelledPrompt> prompts, int[] active, @Nullable Placed[][] placed, int bins) {
        double[][] products = new double[bins][bins];
        for (int prompt : active) {
            LabelledPrompt one = prompts.get(prompt);
            for (int i = 0; i < one.bins.length; i++) {
                double[] row = products[one.bins[i]];
                double share = (double) one.counts[i] / one.tokens;
                row[one.bins[i]] += one.counts[i];
                for (int j = 0; j < one.bins.length; j++) {
                    row[one.bins[j]] -= share * one.counts[j];
                }
            }
        }
        double[][] inverse = invert(products);
        OfLabel[] ofLabels = Arrays.stream(placed)
                .map(ofLabel -> ofLabel(prompts, active, ofLabel, inverse))
                .toArray(OfLabel[]::new);
        return new PositionProfile(inverse, ofLabels);
    }

    private static OfLabel ofLabel(
            List<LabelledPrompt> prompts, int[] active, @Nullable Placed[] placed, double[][] inverse) {
        int bins = inverse.length;
        double[] together = new double[bins];
        double[] meanWeights = new double[bins];
        double square = 0;
        double noise = 0;
        int counting = 0;
        for (int prompt : active) {
            Placed label = placed[prompt];
            if (label == null) {
                continue;
            }
            LabelledPrompt one = prompts.get(prompt);
            double in = label.at.length;
            double out = one.tokens - in;
            for (int i = 0; i < one.bins.length; i++) {
                int inBin = label.inBins[i];
                int bin = one.bins[i];
                together[bin] += inBin - one.counts[i] * in / one.tokens;
                meanWeights[bin] += inBin / in - (one.counts[i] - inBin) / out;
            }
            square += in * out / one.tokens;
            noise += 1 / in + 1 / out;
            counting++;
        }
        double n = counting;
        Arrays.setAll(meanWeights, bin -> meanWeights[bin] / n);
        double[] kappa = product(inverse, together);
        double left = square - dot(kappa, together);
        // The variance of the mean of n numbers, and of one number, times n, for noise of variance 1 a token. A
        // number's own
        // share in the estimate brings it nearer to zero, by some 1/n.
        double explained = dot(kappa, meanWeights);
        double spread = noise / n
                + n
                        * (2 * explained / left
                                - dot(meanWeights, product(inverse, meanWeights))
                                - explained * explained / left);
        double wider = counting < 2 ? 1 : spread / (noise / n * (1 - 1 / n));
        return new OfLabel(kappa, square, left, meanWeights, Math.max(1, wider));
    }

    /** Whether a label and positions can be told apart. A label that never counts can. */
    boolean tells(int label) {
        return ofLabels[label].square == 0 || ofLabels[label].left >= LEAST * ofLabels[label].square;
    }

    double wider(int label) {
        return ofLabels[label].wider;
    }

    /**
     * The positions' part of a unit's ranks.
     *
     * @param ofBins   Zᵀr
     * @param ofLabel  lᵀr
     * @return one number a bin
     */
    double[] profile(int label, double[] ofBins, double ofLabel) {
        OfLabel one = ofLabels[label];
        double effect = (ofLabel - dot(one.kappa, ofBins)) / one.left;
        double[] profile = product(inverse, ofBins);
        Arrays.setAll(profile, bin -> profile[bin] - one.kappa[bin] * effect);
        return profile;
    }

    /** What a profile makes of the difference between the label's tokens and the others, as a mean over prompts. */
    double meanProfiled(int label, double[] profile) {
        return dot(ofLabels[label].meanWeights, profile);
    }

    /**
     * A generalised inverse of a symmetric matrix without negative eigenvalues, by the sweeps of Goodnight, "A tutorial on the SWEEP
     * operator", 1979 (doi:10.1080/00031305.1979.10482685). Rows that follow from those before are zero in it.
     */
    private static double[][] invert(double[][] matrix) {
        int size = matrix.length;
        double[] before = new double[size];
        Arrays.setAll(before, i -> matrix[i][i]);
        boolean[] follows = new boolean[size];
        for (int k = 0; k < size; k++) {
            double pivot = matrix[k][k];
            follows[k] = !(pivot > SINGULAR * before[k]);
            if (follows[k]) {
                continue;
            }
            double[] row = matrix[k];
            for (int j = 0; j < size; j++) {
                row[j] /= pivot;
            }
            for (int i = 0; i < size; i++) {
                double factor = matrix[i][k];
                if (i != k && factor != 0) {
                    for (int j = 0; j < size; j++) {
                        matrix[i][j] -= factor * row[j];
                    }
                    matrix[i][k] = -factor / pivot;
                }
            }
            row[k] = 1 / pivot;
        }
        for (int i = 0; i < size; i++) {
            for (int j = 0; j < size; j++) {
                matrix[i][j] = follows[i] || follows[j] ? 0 : matrix[i][j];
            }
        }
        return matrix;
    }

    private static double[] product(double[][] matrix, double[] vector) {
        return Arrays.stream(matrix).mapToDouble(row -> dot(row, vector)).toArray();
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
