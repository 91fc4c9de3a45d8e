package io.modscan.metrics.basis;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import java.nio.FloatBuffer;
import java.util.function.UnaryOperator;

/** Which tokens' vectors are looked at, where positions were kept. */
public final class Positions {

    private Positions() {}

    /**
     * All positions but a BOS token at the beginning of a prompt, whose activations are outliers in OPT. For metrics that take vectors
     * without asking which token they are of, such as {@code Basis.centred().through(Positions.withoutBos())}: sites keep their names, while
     * a position is no longer an index among the token ids. A prompt of BOS alone is left with no vector. Sites that were pooled, or
     * have no axis of positions, stay as they are. The view copies what it keeps.
     *
     * @return a view, which throws a {@link io.modscan.core.error.ModscanException} if a site has positions and the provenance does not tell
     *     which token is BOS
     */
    public static UnaryOperator<Activations> withoutBos() {
        return activations -> activations.map(site ->
                site.pooling().isPooled() || !site.site().hasPositions() ? site : withoutBos(site, activations));
    }

    private static SiteActivations withoutBos(SiteActivations site, Activations activations) {
        int bos = activations.bosTokenId();
        return site.derived(site.site(), site.pooling(), prompt -> {
            int[] ids = activations.tokenIds(prompt);
            int skipped = ids.length > 0 && ids[0] == bos ? site.site().width() : 0;
            FloatBuffer row = site.row(prompt);
            float[] rest = new float[row.capacity() - skipped];
            row.get(skipped, rest);
            return rest;
        });
    }
}
