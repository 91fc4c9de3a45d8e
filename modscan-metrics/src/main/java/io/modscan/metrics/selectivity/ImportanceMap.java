package io.modscan.metrics.selectivity;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import io.modscan.core.site.Site;
import java.util.List;

/**
 * How important every unit is for every label: one {@linkplain UnitImportance row} for each pair. Rows are made when asked
 * for; what is kept is 64 bytes each. {@code map.highest("cooking", 10, row -> row.ratio().rms())} gives the units that the
 * paper prunes first. Immutable; safe for use by many threads.
 */
public final class ImportanceMap extends UnitTable<UnitImportance> {

    private final ImportanceColumns in;
    private final ImportanceColumns out;
    private final long[][] counts;

    /** The counts are those of values of a unit, by label and site. */
    ImportanceMap(List<Site> sites, Labels labels, ImportanceColumns in, ImportanceColumns out, long[][] counts) {
        super(sites, labels);
        this.in = in;
        this.out = out;
        this.counts = counts;
    }

    /**
     * How many values of each unit of a site there are for a label.
     *
     * @param site  one of the sites
     * @param label one of the labels
     * @return the number of tokens that count, or, where the site was pooled, of prompts
     * @throws ModscanException if the site was not measured or there is no such label; the message lists them
     */
    public long values(Site site, String label) {
        prompts(label);
        return counts[labels().indexOf(label)][indexOf(site)];
    }

    @Override
    UnitImportance row(int row) {
        return new UnitImportance(unit(row), labelOf(row), in.get(row), out.get(row));
    }
}
