package io.modscan.metrics;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.CapturePlan.Reading;
import io.modscan.core.site.Site;
import java.util.ArrayList;
import java.util.List;

/** Keeps every prompt's label and values: exact ranks need all of them at once. */
final class SelectivityAccumulator implements Metric.Accumulator<SelectivityMap> {

    private final String key;
    private final Pieces pieces = new Pieces();
    private final List<String> labels = new ArrayList<>();
    /** For each site, a vector a prompt. */
    private final List<List<float[]>> vectors = new ArrayList<>();

    SelectivityAccumulator(String key) {
        this.key = key;
    }

    @Override
    public void add(Activations piece) {
        List<String> more = piece.prompts().labels(key);
        List<SiteActivations> sites = piece.sites();
        pieces.accept(sites);
        labels.addAll(more);
        for (int s = 0; s < sites.size(); s++) {
            for (int i = 0; i < more.size(); i++) {
                ofSite(s).add(sites.get(s).vector(i));
            }
        }
    }

    @Override
    public void merge(Metric.Accumulator<SelectivityMap> other) {
        SelectivityAccumulator theirs = (SelectivityAccumulator) other;
        if (pieces.accept(theirs.pieces)) {
            labels.addAll(theirs.labels);
            for (int s = 0; s < theirs.vectors.size(); s++) {
                ofSite(s).addAll(theirs.vectors.get(s));
            }
        }
    }

    private List<float[]> ofSite(int index) {
        if (index == vectors.size()) {
            vectors.add(new ArrayList<>());
        }
        return vectors.get(index);
    }

    @Override
    public SelectivityMap finish() {
        List<Reading> readings = pieces.readings();
        List<String> names = Labels.namesOf(labels);
        if (names.size() < 2) {
            throw new ModscanException("all prompts have the " + key + " '" + names.get(0)
                    + "'; selectivity sets one label against others, so at least two are needed");
        }
        List<Site> sites = readings.stream().map(Reading::site).toList();
        long rows = sites.stream().mapToLong(Site::width).sum() * names.size();
        if (rows > Integer.MAX_VALUE) {
            throw new ModscanException("units × labels are " + rows + ", and one result holds at most "
                    + Integer.MAX_VALUE + ": measure the sites in several runs");
        }
        return new SelectivityScan(names, Labels.indices(labels, names), (int) rows).run(sites, vectors);
    }
}
