package io.modscan.metrics.modules;

import io.modscan.metrics.internal.linear.Columns;
import io.modscan.metrics.internal.linear.Dot;
import java.util.Arrays;
import java.util.List;

/** What the units of a module do together over the prompts: the sum of their values, each centred and of length 1. */
final class Course {

    /** Each makes the course longer, so that it comes to an end; it has not been seen to take ten. */
    private static final int MOST_TURNS = 20;

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
            for (int turn = 0; turn < MOST_TURNS && align(sum()); turn++) {}
            all = sum();
        }
        this.sum = all;
    }

    /** Gives each member the sign with which it goes along; whether one has another now. */
    private boolean align(double[] course) {
        boolean turned = false;
        for (int i = 0; i < signs.length; i++) {
            double sign = Dot.of(members[i], course) < 0 ? -1 : 1;
            turned |= sign != signs[i];
            signs[i] = sign;
        }
        return turned;
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
