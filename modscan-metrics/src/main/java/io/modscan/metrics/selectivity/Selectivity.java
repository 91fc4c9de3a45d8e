package io.modscan.metrics.selectivity;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import io.modscan.core.site.Site;
import java.util.List;
import java.util.Objects;

/**
 * Which units respond to which label. For each unit and each label, the values of the prompts with that label ("in") are
 * set against those of all other prompts ("out"); {@link UnitSelectivity} tells what is computed.
 */
public final class Selectivity {

    private Selectivity() {}

    /**
     * The selectivity of every unit of every measured site for every label.
     *
     * <p>Takes any number of sites whose values are [prompts, …] with no positions left. Every coordinate is a unit: H × d
     * at a site of H heads with d units each, H at a site of heads without units (the magnitudes of {@code hook_z}), one
     * at a site with neither (the magnitude of the residual stream). Keeps all values, 4 bytes each, since exact ranks
     * need them, and takes O(n log n + k) time a unit, for n prompts with k labels; the result is 40 bytes a unit and
     * label. The numbers do not depend on the order of prompts or pieces, to the last bit. The metric is immutable and safe
     * for use by many threads.
     *
     * <p>Adding activations throws a {@link io.modscan.core.error.ModscanException} if a prompt has no label for the key, a
     * site was not pooled, or the sites are others than in the pieces before; finishing does without any activations, with
     * fewer than two labels, or if units × labels exceed 2³¹ − 1.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return a metric
     */
    public static Metric<SelectivityMap> by(String key) {
        Objects.requireNonNull(key, "key");
        return Metric.whole(activations -> measure(activations, key));
    }

    private static SelectivityMap measure(Activations activations, String key) {
        List<float[][]> vectors =
                activations.sites().stream().map(SiteActivations::vectors).toList();
        List<String> ofPrompts = activations.prompts().labels(key);
        Labels labels = Labels.of(ofPrompts);
        if (labels.size() < 2) {
            throw new ModscanException("all prompts have the " + key + " '" + ofPrompts.get(0)
                    + "'; selectivity sets one label against others, so at least two are needed");
        }
        List<Site> sites =
                activations.sites().stream().map(SiteActivations::site).toList();
        long rows = sites.stream().mapToLong(Site::width).sum() * labels.size();
        if (rows > Integer.MAX_VALUE) {
            throw new ModscanException("units × labels are " + rows + ", and one result holds at most "
                    + Integer.MAX_VALUE + ": measure the sites in several runs");
        }
        return new SelectivityScan(labels, labels.indices(ofPrompts), (int) rows).run(sites, vectors);
    }
}
