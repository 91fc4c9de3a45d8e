package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.CommunitySearch;
import io.modscan.metrics.internal.graph.Links;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * Where each unit belongs: into a module, on the border, or nowhere.
 *
 * @param modules   the units of each module, in order of their first units
 * @param border    the units that are linked, and in no module for certain
 * @param alone     the units without a link
 * @param groups    the community of each module
 * @param consensus the communities, and how certain they are
 * @param halves    how stable they are
 */
record Places(
        List<List<Integer>> modules,
        List<Integer> border,
        List<Integer> alone,
        List<Integer> groups,
        CommunitySearch.Consensus consensus,
        Halves.Stability halves) {

    /** The share of searches that a member has to be in its module in. */
    private static final double CERTAIN = 0.8;

    static Places of(CommunitySearch.Consensus consensus, Links links, Halves.Stability halves) {
        Places places = new Places(
                new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), consensus, halves);
        for (List<Integer> together : consensus.partition().members()) {
            if (links.of(together.get(0)).length == 0) {
                places.alone.addAll(together);
            } else {
                places.add(together);
            }
        }
        places.border.sort(null);
        return places;
    }

    /** A community, whose units are all linked. */
    private void add(List<Integer> together) {
        List<Integer> certain = together.stream()
                .filter(unit -> consensus.certainty()[unit] >= CERTAIN)
                .toList();
        if (certain.size() < 2) {
            border.addAll(together);
            return;
        }
        modules.add(certain);
        groups.add(consensus.partition().community(together.get(0)));
        together.stream()
                .filter(unit -> consensus.certainty()[unit] < CERTAIN)
                .forEach(border::add);
    }

    Member member(int unit, Columns columns) {
        return new Member(columns.units().get(unit), consensus.certainty()[unit], halves.nodes()[unit]);
    }

    double stability(int module) {
        return halves.communities()[groups.get(module)];
    }

    /**
     * The module that is in the same community.
     *
     * @param order the modules in the order in which they are numbered
     */
    OptionalInt nearest(int unit, List<Integer> order) {
        int module = groups.indexOf(consensus.partition().community(unit));
        return module < 0 ? OptionalInt.empty() : OptionalInt.of(order.indexOf(module));
    }
}
