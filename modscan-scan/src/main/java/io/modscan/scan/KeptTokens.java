package io.modscan.scan;

import static io.modscan.scan.ScanSites.HEADS;
import static io.modscan.scan.ScanSites.NEURONS;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.SiteActivations;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The values at all tokens of some prompts, as long as they are few enough to be kept until it is known which units are looked into: then the
 * prompts need not be run again.
 */
final class KeptTokens implements Metric.Accumulator<Optional<Activations>> {

    private static final long MOST_BYTES = 256L << 20;
    private static final int SHARE_OF_HEAP = 8;

    private final Set<String> prompts;
    private final long most;
    private @Nullable Gathered inner = new Gathered();
    private long bytes;

    /** What is kept so far. */
    private static final class Gathered {
        private final Metric.Accumulator<Activations> values =
                Metric.whole(activations -> activations).start();
        private boolean any;
    }

    private KeptTokens(Set<String> prompts, long most) {
        this.prompts = prompts;
        this.most = most;
    }

    /** The values of some prompts, by their ids; nothing if they take more than an eighth of the heap, or 256 MB. */
    static Metric<Optional<Activations>> of(Set<String> prompts) {
        long most = Math.min(MOST_BYTES, Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP);
        return () -> new KeptTokens(prompts, most);
    }

    @Override
    public void add(Activations piece) {
        Gathered kept = inner;
        if (kept == null || piece.prompts().stream().noneMatch(prompt -> prompts.contains(prompt.id()))) {
            return;
        }
        Activations some = piece.only(HEADS, NEURONS).where(prompt -> prompts.contains(prompt.id()));
        for (SiteActivations site : some.sites()) {
            for (int prompt = 0; prompt < site.size(); prompt++) {
                bytes += (long) site.row(prompt).capacity() * Float.BYTES;
            }
        }
        if (bytes > most) {
            inner = null;
        } else {
            kept.values.add(some);
            kept.any = true;
        }
    }

    @Override
    public void merge(Metric.Accumulator<Optional<Activations>> other) {
        throw new UnsupportedOperationException("one pass over the prompts merges nothing");
    }

    @Override
    public Optional<Activations> finish() {
        Gathered kept = inner;
        return kept != null && kept.any ? Optional.of(kept.values.finish()) : Optional.empty();
    }
}
