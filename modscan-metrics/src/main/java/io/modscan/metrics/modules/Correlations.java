package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.Links;
import io.modscan.metrics.internal.graph.PairTile;
import io.modscan.metrics.internal.graph.PairTiles;
import io.modscan.metrics.internal.graph.StrongestLinks;
import io.modscan.metrics.internal.linear.Columns;
import java.util.function.Consumer;

/** The correlation of each pair of units, once, tile by tile: never are all of them held. */
final class Correlations {

    private Correlations() {}

    /**
     * The links of units whose correlation is positive and no smaller than a threshold.
     *
     * @param neighbours how many links a unit keeps; a pair is linked if either of them keeps the link
     * @param absolute   whether a correlation's size counts instead
     */
    static Links links(Columns columns, double threshold, int neighbours, boolean absolute) {
        int units = columns.units().size();
        StrongestLinks strongest = new StrongestLinks(
                units, neighbours, threshold, absolute, PairTiles.off(columns.size()), columns::correlations);
        PairTiles.forEachNear(units, columns.size(), columns::near, strongest::take);
        return strongest.links();
    }

    static void ofPairs(Columns columns, int[] chosen, Consumer<PairTile> tiles) {
        PairTiles.forEach(chosen.length, columns.size(), (from, to) -> columns.standardised(chosen, from, to), tiles);
    }
}
