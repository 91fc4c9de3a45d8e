package io.modscan.metrics.modules;

/**
 * What comes out at a resolution.
 *
 * @param resolution γ
 * @param modules    how many groups of at least two units the best partition has
 * @param largest    how many units the largest has, 0 if there is none
 * @param modularity its modularity at this resolution; NaN without a link
 * @param halves     the mean over splits of the adjusted Rand index between the partitions of two halves of the prompts; NaN without
 *                   splits
 */
public record ResolutionStep(double resolution, int modules, int largest, double modularity, double halves) {}
