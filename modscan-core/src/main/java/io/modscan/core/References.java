package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Reference;
import io.modscan.core.site.Pooling;
import java.nio.FloatBuffer;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Makes references for interventions of what was captured. */
final class References {

    private static final String FINGERPRINT = "model.fingerprint";

    private References() {}

    static Reference mean(Activations activations, String name) {
        Map<String, float[]> vectors = new TreeMap<>();
        for (SiteActivations site : activations.sites()) {
            if (isReplaceable(site)) {
                checkMean(site);
                vectors.put(site.site().name(), mean(site));
            }
        }
        return bound(activations, name, vectors.isEmpty() ? null : () -> Reference.of(name, vectors));
    }

    private static boolean isReplaceable(SiteActivations site) {
        return site.site().units() > 0
                && site.site().forward().equals(site.site())
                && !site.site().isPairwise();
    }

    private static void checkMean(SiteActivations site) {
        Pooling.Kind kind = site.pooling().kind();
        if (kind != Pooling.Kind.MEAN && kind != Pooling.Kind.NONE) {
            throw new ModscanException(site.site() + " was pooled by '" + site.pooling()
                    + "', so its mean over positions can't be told; take Pooling.mean() or Pooling.none()");
        }
    }

    private static float[] mean(SiteActivations site) {
        int width = site.site().width();
        double[] sums = new double[width];
        int prompts = 0;
        for (int prompt = 0; prompt < site.size(); prompt++) {
            FloatBuffer row = site.row(prompt);
            int positions = row.remaining() / width;
            prompts += positions > 0 ? 1 : 0; // of one, nothing may have been kept
            for (int i = 0; i < row.remaining(); i++) {
                sums[i % width] += (double) row.get(row.position() + i) / positions;
            }
        }
        if (prompts == 0) {
            throw new ModscanException("nothing of " + site.site() + " was kept at the positions '"
                    + site.pooling().positions() + "', so there is no mean");
        }
        float[] mean = new float[width];
        for (int i = 0; i < width; i++) {
            mean[i] = (float) (sums[i] / prompts);
        }
        return mean;
    }

    static Reference of(Activations activations, int prompt) {
        Objects.checkIndex(prompt, activations.prompts().size());
        String name = "prompt " + activations.prompts().get(prompt).id();
        Map<String, float[][]> vectors = new TreeMap<>();
        for (SiteActivations site : activations.sites()) {
            boolean keepsSome = !site.pooling().positions().isAll();
            if (isReplaceable(site) && site.reading().isPerToken() && keepsSome) {
                throw new ModscanException(site.site() + " was kept at the positions '"
                        + site.pooling().positions()
                        + "' only, so which token's values would replace which can't be told; capture all positions");
            }
            if (isReplaceable(site) && site.reading().isPerToken()) {
                float[][] rows =
                        new float[site.row(prompt).remaining() / site.site().width()][];
                for (int position = 0; position < rows.length; position++) {
                    rows[position] = site.vector(prompt, position);
                }
                vectors.put(site.site().name(), rows);
            }
        }
        return bound(activations, name, vectors.isEmpty() ? null : () -> Reference.ofPositions(name, vectors));
    }

    private static Reference bound(Activations activations, String name, @Nullable Supplier<Reference> made) {
        if (made == null) {
            throw new ModscanException(
                    activations + " has nothing to make '" + name
                            + "' of: a site with units and a tensor of its own is needed, for a prompt's values one with Pooling.none()");
        }
        try {
            Reference reference = made.get();
            String fingerprint = activations.provenance().get(FINGERPRINT);
            return fingerprint == null ? reference : reference.ofModel(fingerprint);
        } catch (IllegalArgumentException e) {
            throw new ModscanException(String.valueOf(e.getMessage()), e);
        }
    }
}
