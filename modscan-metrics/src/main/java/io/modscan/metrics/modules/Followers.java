package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.Places;
import io.modscan.metrics.internal.linear.Columns;
import io.modscan.metrics.internal.rank.ChanceLevel;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The units of a group that really go along with the others. A link by chance is enough to be dealt into a group. So a member has to
 * correlate with the course of all others together, which averages their noise out, by more than chance: a level that, were values
 * independent and normal, a hundredth as many units would reach with any of the groups as there are members, or, where there are
 * few members, any unit at all with a probability of at most 0.05.
 *
 * @param columns  the units' values
 * @param degrees  over how many prompts of independent values correlations by chance are as large
 * @param absolute whether a member may follow a course with the opposite sign
 */
record Followers(Columns columns, int degrees, boolean absolute) {

    Followers(Observed observed, boolean absolute) {
        this(observed.columns(), observed.degrees(), absolute);
    }

    /** So many of the members may be there by chance. */
    private static final double BY_CHANCE = 0.01;

    /** Of each group what is left of it, in order; groups of which less than two units are left are not there any more. */
    List<List<Integer>> of(List<List<Integer>> groups) {
        List<List<Integer>> several =
                groups.stream().filter(group -> group.size() > 1).toList();
        double tests = (double) columns.units().size() * several.size();
        List<List<Integer>> sure = followers(several, ChanceLevel.of(degrees, tests, absolute));
        double expected = BY_CHANCE * sure.stream().mapToInt(List::size).sum();
        return expected <= ChanceLevel.LEVEL
                ? sure
                : followers(several, ChanceLevel.of(degrees, tests, absolute, expected));
    }

    private List<List<Integer>> followers(List<List<Integer>> groups, double least) {
        return groups.stream()
                .parallel()
                .map(group -> followersOfOne(group, least))
                .filter(group -> group.size() > 1)
                .toList();
    }

    private List<Integer> followersOfOne(List<Integer> group, double least) {
        List<Integer> left = group;
        while (left.size() > 1) {
            Course course = new Course(columns, left, absolute);
            double[] correlations = IntStream.range(0, left.size())
                    .mapToDouble(course::correlation)
                    .toArray();
            int[] apart = IntStream.range(0, correlations.length)
                    .filter(i -> correlations[i] < least)
                    .boxed()
                    .sorted(Comparator.comparingDouble(i -> correlations[i]))
                    .mapToInt(i -> i)
                    .toArray();
            if (apart.length == 0) {
                return left;
            }
            // The farther half of them only, since without these the course becomes clearer, and the others may follow
            // it.
            Set<Integer> farther = Arrays.stream(apart)
                    .limit((apart.length + 1) / 2)
                    .mapToObj(left::get)
                    .collect(Collectors.toSet());
            left = left.stream().filter(unit -> !farther.contains(unit)).toList();
        }
        return left;
    }

    /** The same as a partition of all units, those that are in no group being alone. */
    int[] partition(List<List<Integer>> groups) {
        return Places.partition(of(groups), columns.units().size());
    }
}
