package io.modscan.report;

import static io.modscan.report.ResponseNumbers.NO_NUMBER;

/** Values as shorts, from 0 for the least to 65,534 for the greatest; 65,535 stands for what is not finite, or not there. */
final class ScaledValues {

    final float low;
    final float high;
    final short[] all;

    ScaledValues(float... values) {
        float least = Float.POSITIVE_INFINITY;
        float most = Float.NEGATIVE_INFINITY;
        for (float value : values) {
            if (Float.isFinite(value)) {
                least = Math.min(least, value);
                most = Math.max(most, value);
            }
        }
        low = least <= most ? least : 0;
        high = least <= most ? most : 0;
        all = new short[values.length];
        // In doubles: from end to end may be more than a float holds.
        double reach = (double) high - low;
        for (int i = 0; i < values.length; i++) {
            double share = reach > 0 ? ((double) values[i] - low) / reach : 0;
            all[i] = (short) (Float.isFinite(values[i]) ? Math.round(share * (NO_NUMBER - 1)) : NO_NUMBER);
        }
    }
}
