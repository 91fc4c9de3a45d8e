package io.modscan.metrics.selectivity;

import io.modscan.core.SiteActivations;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Reads activations unit by unit. Blocks of units are transposed, so that a prompt's row is read in stretches and a unit's
 * values lie side by side in a core's cache; blocks are taken up by all processors.
 */
final class UnitColumns {

    /** Sizes a block: as floats, half of a small second-level cache. */
    private static final int VALUES = 1 << 15;

    /** Of fewer, a stretch of a row would be less than what a processor fetches at once. */
    private static final int FEWEST = 16;

    private static final int MOST = 256;

    private UnitColumns() {}

    /** What is done with a unit. One visitor is used by one thread at a time. */
    interface Visitor {
        /**
         * Takes a unit.
         *
         * @param unit   its index among those of all sites
         * @param values holds its values, one a prompt, from an index on; only during the call
         * @param from   that index
         */
        void visit(int unit, float[] values, int from);
    }

    private record Block(SiteActivations site, int from, int to, int firstUnit) {
        void accept(Visitor visitor, Interrupt interrupt) {
            int n = site.size();
            float[] line = new float[to - from];
            float[] columns = new float[line.length * n];
            for (int prompt = 0; prompt < n; prompt++) {
                interrupt.check();
                site.read(prompt, from, line);
                for (int unit = 0; unit < line.length; unit++) {
                    columns[unit * n + prompt] = line[unit];
                }
            }
            for (int unit = 0; unit < line.length; unit++) {
                interrupt.check();
                visitor.visit(firstUnit + from + unit, columns, unit * n);
            }
        }
    }

    /** Shows every unit of some sites, which have one vector a prompt, to a visitor, in no order. */
    static void forEach(List<SiteActivations> sites, Supplier<? extends Visitor> visitors) {
        List<Block> blocks = new ArrayList<>();
        int firstUnit = 0;
        for (SiteActivations site : sites) {
            int width = site.site().width();
            int length = Math.max(FEWEST, Math.min(MOST, VALUES / site.size()));
            for (int from = 0; from < width; from += length) {
                blocks.add(new Block(site, from, Math.min(width, from + length), firstUnit));
            }
            firstUnit += width;
        }
        Interrupt interrupt = Interrupt.ofThisThread();
        blocks.parallelStream().forEach(block -> block.accept(visitors.get(), interrupt));
    }
}
