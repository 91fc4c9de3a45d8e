package io.modscan.metrics.selectivity;

/**
 * When a unit is said to light up or to go dark for a label: {@code map.count(criterion::lightsUp)}.
 *
 * <p>The effect is told in AUROC, since it is what the p-value behind q tests: it is there for a label of one prompt, it is
 * finite, an outlier does not carry it, and 0.2 means the same at every site. Of a {@linkplain Selectivity#sketched sketched}
 * measurement the AUROC's possible error is taken off first, so that what lights up would do so in an exact one, as far as the
 * effect goes. Rows with NaN do neither; that is no finding, see {@link UnitSelectivity#isMeasured}.
 *
 * @param q      the false discovery rate, in [0, 1]: at most this
 * @param effect how far the AUROC is from 0.5, in [0, 0.5]: at least this
 */
public record Criterion(double q, double effect) {

    /**
     * Checks the bounds.
     *
     * @param q      see above
     * @param effect see above
     * @throws IllegalArgumentException if one is out of its range, or NaN
     */
    public Criterion {
        if (!(q >= 0 && q <= 1)) {
            throw new IllegalArgumentException("a false discovery rate is in [0, 1], and " + q + " is not");
        }
        if (!(effect >= 0 && effect <= 0.5)) {
            throw new IllegalArgumentException(
                    "an AUROC is at most 0.5 from 0.5, so an effect in [0, 0.5]; " + effect + " is not");
        }
    }

    /**
     * What is usual: q ≤ 0.05 and a large effect, an AUROC of at least 0.8 or at most 0.2: of two prompts, one with the label and
     * one without, the unit tells four times of five which is which.
     *
     * <p>The effect is asked for because q alone says only that there is one. With as many prompts as one likes, every difference is
     * significant; even of the demo's ten prompts a topic, q ≤ 0.05 alone calls 33 to 62 of 100 units for each topic, and with the effect
     * they are 15 to 46. From 0.8 on, Hosmer, Lemeshow and Sturdivant call discrimination excellent (Applied logistic regression,
     * 2013, <a href="https://doi.org/10.1002/9781118548387">doi:10.1002/9781118548387</a>, section 5.2.4). For normal values of
     * one variance it is a difference of 1.19 standard deviations, above the 0.8 that Cohen calls large (Statistical power analysis for the
     * behavioral sciences, 1988, <a href="https://doi.org/10.4324/9780203771587">doi:10.4324/9780203771587</a>), which is an
     * AUROC of 0.714.
     *
     * @return the criterion
     */
    public static Criterion standard() {
        return new Criterion(0.05, 0.3);
    }

    /**
     * The same false discovery rate with any effect: whether a unit responds at all, however little.
     *
     * @return the criterion, with an effect of 0
     */
    public Criterion anyEffect() {
        return new Criterion(q, 0);
    }

    /**
     * Whether a unit is more active for a label than for others.
     *
     * @param unit a unit and a label
     * @return whether q is low enough and the AUROC at least 0.5 + effect, and more than 0.5
     */
    public boolean lightsUp(UnitSelectivity unit) {
        return holds(unit, unit.auroc() - 0.5);
    }

    /**
     * Whether a unit is less active for a label than for others.
     *
     * @param unit a unit and a label
     * @return whether q is low enough and the AUROC at most 0.5 − effect, and less than 0.5
     */
    public boolean goesDark(UnitSelectivity unit) {
        return holds(unit, 0.5 - unit.auroc());
    }

    private boolean holds(UnitSelectivity unit, double distance) {
        double sure = distance - unit.aurocError();
        return unit.q() <= q && sure > 0 && sure >= effect;
    }
}
