package io.modscan.report;

import java.awt.Color;
import java.util.List;

/**
 * Which colour a number has.
 *
 * @param stops from the least to the most, evenly
 * @param low   the number of the first
 * @param high  the number of the last
 */
record Colours(List<Color> stops, double low, double high) {

    private static final Color NONE = new Color(0xBDBDBD);

    Colours {
        stops = List.copyOf(stops);
    }

    /** Grey for what is not a number; what is beyond the ends has their colour. */
    Color of(double value) {
        if (Double.isNaN(value)) {
            return NONE;
        }
        double share = high > low ? Math.max(0, Math.min(1, (value - low) / (high - low))) : 0.5;
        double at = share * (stops.size() - 1);
        int below = Math.min(stops.size() - 2, (int) at);
        return mixed(stops.get(below), stops.get(below + 1), at - below);
    }

    private static Color mixed(Color one, Color other, double share) {
        return new Color(
                part(one.getRed(), other.getRed(), share),
                part(one.getGreen(), other.getGreen(), share),
                part(one.getBlue(), other.getBlue(), share));
    }

    private static int part(int one, int other, double share) {
        return (int) Math.round(one + share * (other - one));
    }
}
