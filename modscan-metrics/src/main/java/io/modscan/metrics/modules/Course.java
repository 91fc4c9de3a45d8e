package io.modscan.metrics.modules;

import io.modscan.metrics.internal.linear.Dot;
import java.util.Arrays;
import java.util.List;

/** What the units of a module do together over the prompts: the sum of their values, each centred and of length 1. */
final class Course {

    private final double[][] members;
    private final double[] signs;
    private final double[] sum;

    /**
     * Sums up.
     *
     * @param absolute whether a member may follow the course with the opposite sign
     */
    Course(Columns columns, List<Integer> members, boolean absolute) {
        this.members = members.stream().map(columns::standardised).toArray(double[][]::new);
        this.signs = new double[this.members.length];
        Arrays.fill(signs, 1);
        double[] all = sum();
        if (absolute) {
            // With which sign each goes along with the first, then, since that is but one of them, with all.
            align(this.members[0]);
            align(sum());
            all = sum();
        }
        this.sum = all;
    }

    private void align(double[] course) {
        for (int i = 0; i < signs.length; i++) {
            signs[i] = Dot.of(members[i], course) < 0 ? -1 : 1;
        }
    }

    private double[] sum() {
        double[] all = new double[members[0].length];
        for (int i = 0; i < members.length; i++) {
            for (int k = 0; k < all.length; k++) {
                all[k] += signs[i] * members[i][k];
            }
        }
        return all;
    }

    int size() {
        return members.length;
    }

    /** The sum of all members; not a copy. */
    double[] values() {
        return sum;
    }

    double sign(int member) {
        return signs[member];
    }

    /** What a member correlates with all others together: the sum of its correlations. */
    double withOthers(int member) {
        return signs[member] * Dot.of(members[member], sum) - Dot.of(members[member], members[member]);
    }

    /** A member's correlation with the course of the others, 0 if they have none. */
    double correlation(int member) {
        double own = Dot.of(members[member], members[member]);
        double others = Dot.of(sum, sum) - 2 * signs[member] * Dot.of(members[member], sum) + own;
        return others > 0 ? withOthers(member) / Math.sqrt(others) : 0;
    }
}
