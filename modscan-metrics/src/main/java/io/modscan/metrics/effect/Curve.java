package io.modscan.metrics.effect;

import io.modscan.core.error.ModscanException;
import java.util.List;

/**
 * What becomes of each label's outcome as more and more of a ranking is removed, or kept.
 *
 * @param ranking    the ranking's name
 * @param label      the label
 * @param keepsOnly  whether the first units are all that is kept, or what is removed
 * @param untouched  the mean outcome with nothing removed
 * @param everything the mean outcome with all units of the ranking removed
 * @param points     one a share, smallest first
 */
public record Curve(
        String ranking, String label, boolean keepsOnly, double untouched, double everything, List<Point> points) {

    /**
     * A share of a ranking.
     *
     * @param share   in (0, 1]
     * @param units   how many units that is
     * @param outcome the mean outcome of the label's prompts
     * @param low     the lower end of its 95 % confidence interval: that of the mean effect
     * @param high    the upper end
     */
    public record Point(double share, int units, double outcome, double low, double high) {}

    /**
     * Copies the points.
     *
     * @param ranking    see above
     * @param label      see above
     * @param keepsOnly  see above
     * @param untouched  see above
     * @param everything see above
     * @param points     see above
     */
    public Curve {
        points = List.copyOf(points);
    }

    /**
     * How much of what all units together do is done by the units that were kept: (outcome − everything) / (untouched − everything), 0 for none, 1 as untouched.
     * The faithfulness of Mueller et al., "MIB: A mechanistic interpretability benchmark", 2025
     * (<a href="https://doi.org/10.48550/arXiv.2504.13151">doi:10.48550/arXiv.2504.13151</a>).
     *
     * @param point one of the points
     * @return the faithfulness; NaN or infinite where removing everything changes nothing
     */
    public double faithfulness(Point point) {
        return (point.outcome() - everything) / (untouched - everything);
    }

    /**
     * The area below the faithfulness, over shares from 0 to 1 by trapezoids: the circuit performance ratio of MIB. A ranking that brings the parts that do the work
     * first has a large one; above 1, parts were left out that are in the way.
     *
     * @return the area; NaN without points, as of a ranking of one unit
     * @throws ModscanException if this is a curve of what is removed
     */
    public double cpr() {
        return area(false);
    }

    /**
     * The area between the faithfulness and 1, in the same way: the circuit-model distance of MIB. Small where few parts already behave as the whole does.
     *
     * @return the area
     * @throws ModscanException if this is a curve of what is removed
     */
    public double cmd() {
        return area(true);
    }

    private double area(boolean distance) {
        if (!keepsOnly) {
            throw new ModscanException(
                    "the areas of faithfulness are those of a curve of what is kept, and this is one of what is removed");
        }
        if (points.isEmpty()) {
            return Double.NaN;
        }
        double area = 0;
        double share = 0;
        double height = distance ? 1 : 0;
        for (Point point : points) {
            double next = distance ? Math.abs(1 - faithfulness(point)) : faithfulness(point);
            area += (point.share() - share) * (height + next) / 2;
            share = point.share();
            height = next;
        }
        double last = distance ? 0 : 1;
        return area + (1 - share) * (height + last) / 2;
    }
}
