package io.modscan.metrics.internal.linear;

/** Brings a matrix to a size at which no square overflows, and none that matters underflows. */
public final class Scale {

    private Scale() {}

    /**
     * Divides by a power of two, which rounds nothing, so that the largest entry is near 1.
     *
     * @param entries finite; overwritten
     * @return the power of two, by which what is found is to be multiplied; 1 if all are 0
     */
    public static double down(double[] entries) {
        double largest = 0;
        for (double entry : entries) {
            largest = Math.max(largest, Math.abs(entry));
        }
        if (largest == 0) {
            return 1;
        }
        int exponent = Math.getExponent(largest);
        if (exponent == 0) {
            return 1;
        }
        for (int i = 0; i < entries.length; i++) {
            entries[i] = Math.scalb(entries[i], -exponent);
        }
        return Math.scalb(1.0, exponent);
    }
}
