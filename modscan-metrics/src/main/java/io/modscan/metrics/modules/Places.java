package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.CommunitySearch;
import io.modscan.metrics.internal.graph.Links;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Where each unit belongs: into a module, on the border, or nowhere.
 *
 * @param modules the units of each module, in falling size, among equals in order of their first units
 * @param border  the units that are linked, and in no module for certain
 * @param alone   the units without a link
 * @param nearest of each unit that module whose community it is in; negative if there is none
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
record Places(List<List<Integer>> modules, List<Integer> border, List<Integer> alone, int[] nearest) {

    static Places of(CommunitySearch.Consensus consensus, Links links, Followers followers) {
        List<List<Integer>> modules = new ArrayList<>(followers.of(consensus.certain()));
        modules.sort((one, other) -> other.size() - one.size());
        int[] communities = consensus.partition().communities();
        int[] nearest = new int[communities.length];
        Arrays.fill(nearest, -1);
        boolean[] member = new boolean[communities.length];
        for (int module = 0; module < modules.size(); module++) {
            int community = communities[modules.get(module).get(0)];
            int number = module;
            Arrays.setAll(nearest, unit -> communities[unit] == community ? number : nearest[unit]);
            modules.get(module).forEach(unit -> member[unit] = true);
        }
        List<Integer> border = new ArrayList<>();
        List<Integer> alone = new ArrayList<>();
        for (int unit = 0; unit < communities.length; unit++) {
            if (!member[unit]) {
                (links.of(unit).length == 0 ? alone : border).add(unit);
            }
        }
        return new Places(modules, border, alone, nearest);
    }

    /** As a partition of all units, those that are in no module being alone. */
    int[] partition() {
        int[] partition = IntStream.range(0, nearest.length)
                .map(unit -> modules.size() + unit)
                .toArray();
        for (int module = 0; module < modules.size(); module++) {
            for (int unit : modules.get(module)) {
                partition[unit] = module;
            }
        }
        return partition;
    }
}
