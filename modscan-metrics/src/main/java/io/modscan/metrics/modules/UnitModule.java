package io.modscan.metrics.modules;

import io.modscan.core.site.Unit;
import java.util.List;
import java.util.Locale;

/**
 * Units that respond together.
 *
 * @param members     at least two, in order of sites, then units: those whose place is certain
 * @param correlation how closely they go together: the mean over all pairs of members, whether linked or not, of their
 *                    correlation (its absolute value, if modules were found by that), in [−1, 1]
 * @param stability   whether it is found again over other prompts: the mean over halves of the prompts of the Jaccard index of the
 *                    module and that group of the half's own partition which is most like it, in [0, 1]; NaN without halves. That is the
 *                    clusterwise stability of Hennig, "Cluster-wise assessment of cluster stability", 2007 (<a
 *                    href="https://doi.org/10.1016/j.csda.2006.11.025">doi:10.1016/j.csda.2006.11.025</a>), who takes more than 0.75
 *                    for stable and 0.5 or less for dissolved. A half has half of the prompts, so that it is somewhat less than over
 *                    as many other prompts
 * @param p           (1 + the number of shuffles in which any module is as close, or closer) / (1 + the number of
 *                    shuffles), closeness being the sum over pairs of members of r² − 1/(n − 1), the mean of r² over
 *                    permutations of n prompts being 1/(n − 1). This is the probability that units which have nothing in
 *                    common make even one such module, so it need not be corrected for the number of modules; NaN without
 *                    shuffles
 */
public record UnitModule(List<Member> members, double correlation, double stability, double p) {

    /**
     * Copies the members.
     *
     * @param members     see above
     * @param correlation see above
     * @param stability   see above
     * @param p           see above
     */
    public UnitModule {
        members = List.copyOf(members);
    }

    /**
     * The number of members.
     *
     * @return how many units it has
     */
    public int size() {
        return members.size();
    }

    /**
     * The members' units.
     *
     * @return in order of sites, then units
     */
    public List<Unit> units() {
        return members.stream().map(Member::unit).toList();
    }

    /**
     * The members that stay with it over other prompts.
     *
     * @param stability the least {@linkplain Member#stability() stability}, such as 0.5
     * @return those that have it, in order
     */
    public List<Unit> core(double stability) {
        return members.stream()
                .filter(member -> member.stability() >= stability)
                .map(Member::unit)
                .toList();
    }

    /**
     * Whether it lasts: it is more than chance (p ≤ 0.05), and found again over other prompts (stability &gt; 0.5), where halves
     * of the prompts were searched.
     *
     * @return false also without shuffles
     */
    public boolean lasts() {
        return p <= 0.05 && !(stability <= 0.5);
    }

    /**
     * A line to read, numbers rounded.
     *
     * @return size, numbers and the first members
     */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "UnitModule[%d units, correlation %.2f%s%s: %s%s]",
                size(),
                correlation,
                Double.isNaN(stability) ? "" : String.format(Locale.ROOT, ", stability %.2f", stability),
                Double.isNaN(p) ? "" : String.format(Locale.ROOT, ", p %.2g", p),
                units().subList(0, Math.min(2, size())),
                size() > 2 ? " and others" : "");
    }
}
