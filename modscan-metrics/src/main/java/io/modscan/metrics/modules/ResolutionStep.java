package io.modscan.metrics.modules;

import java.util.Locale;

/**
 * What comes out at a resolution.
 *
 * @param resolution γ
 * @param modules    how many groups of at least two units that follow them the best partition has
 * @param largest    how many units the largest has, 0 if there is none
 * @param modularity its modularity at this resolution; NaN without a link
 * @param halves     the mean over splits of the adjusted Rand index between the partitions of two halves of the prompts; NaN without
 *                   splits
 */
public record ResolutionStep(double resolution, int modules, int largest, double modularity, double halves) {

    /**
     * A line to read, numbers rounded.
     *
     * @return the numbers
     */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "resolution %s: %d modules, the largest of %d units, modularity %.3f%s",
                resolution,
                modules,
                largest,
                modularity,
                Double.isNaN(halves) ? "" : String.format(Locale.ROOT, ", halves agree by %.2f", halves));
    }
}
