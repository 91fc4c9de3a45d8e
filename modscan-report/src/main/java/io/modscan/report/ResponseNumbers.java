package io.modscan.report;

import io.modscan.metrics.selectivity.UnitSelectivity;
import java.util.LinkedHashMap;
import java.util.Map;

/** Responses as numbers of a page: effects, AUROC, calls, and the places of their q-values in one list, since few of these differ. */
final class ResponseNumbers {

    /** What stands for an effect that is none. */
    static final short NO_EFFECT = Short.MIN_VALUE;

    /** What stands for any other number that is none. */
    static final int NO_NUMBER = 0xffff;

    /** Effects are told in thousandths. */
    private static final double EFFECT = 1000;

    private static final double AUROC = 60_000;

    /** A false discovery rate below this is told to its power of ten. */
    private static final double LEAST_Q = 1e-30;

    private final PageNumbers numbers;
    private final Map<Float, Integer> rates = new LinkedHashMap<>();

    ResponseNumbers(PageNumbers numbers) {
        this.numbers = numbers;
    }

    /**
     * Writes the responses of some units to all labels, label by label.
     *
     * @param name what the arrays' names begin with
     * @param ids  which units, ascending; they are written, too, unless they are all
     */
    void write(String name, Responses responses, int[] ids) {
        int count = responses.labels * ids.length;
        short[] effect = new short[count];
        short[] auroc = new short[count];
        short[] q = new short[count];
        byte[] call = new byte[count];
        for (int label = 0; label < responses.labels; label++) {
            for (int row = 0; row < ids.length; row++) {
                UnitSelectivity response = responses.get(label, ids[row]);
                int to = label * ids.length + row;
                effect[to] = thousandths(response.hedgesG());
                auroc[to] = (short) (Double.isNaN(response.auroc()) ? NO_NUMBER : Math.round(response.auroc() * AUROC));
                call[to] = (byte) responses.call(response);
                q[to] = (short) (int) rates.computeIfAbsent(rounded(response.q()), any -> rates.size());
            }
        }
        numbers.shorts(name + ".effect", effect);
        numbers.unsignedShorts(name + ".auroc", auroc);
        numbers.unsignedShorts(name + ".q", q);
        numbers.bytes(name + ".call", call);
        if (ids.length < responses.units) {
            numbers.ints(name + ".ids", ids);
        }
    }

    /** Writes the list of q-values, when all responses are written. */
    void writeRates() {
        float[] known = new float[rates.size()];
        rates.forEach((rate, place) -> known[place] = rate);
        numbers.floats("q", known);
    }

    /** Infinite effects keep their sign, beyond all finite ones. */
    static short thousandths(double effect) {
        if (Double.isNaN(effect)) {
            return NO_EFFECT;
        }
        double most = Double.isInfinite(effect) ? Short.MAX_VALUE : Short.MAX_VALUE - 1;
        return (short) Math.max(-most, Math.min(most, Math.rint(effect * EFFECT)));
    }

    /** To three digits, so that few differ. */
    private static float rounded(double q) {
        if (Double.isNaN(q) || q == 0) {
            return (float) q;
        }
        double power = Math.pow(10, Math.floor(Math.log10(q)) - (q < LEAST_Q ? 0 : 2));
        return (float) (Math.rint(q / power) * power);
    }
}
