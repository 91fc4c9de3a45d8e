package io.modscan.scan;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * What happens inside of a scan's prompts, at its heads and those neurons that tell labels apart best.
 *
 * @param texts the values of some of the prompts, token by token: of each label the first three, at most 40
 */
public record ScanTokens(Activations texts) {

    static ScanTokens of(Scan scan, TokenUnits units, Measured.Pass pass) {
        Metric<Activations> whole = Metric.whole(activations -> activations);
        Metric<Activations> texts = whole.split(piece -> shown(piece, units.shown()))
                .map(parts -> Objects.requireNonNull(parts.get(""), "each label has a first prompt"));
        Metric.Results results = pass.measure(Metric.suite(texts));
        return new ScanTokens(results.of(texts));
    }

    private static Map<String, Activations> shown(Activations piece, Set<String> ids) {
        return piece.prompts().stream().anyMatch(prompt -> ids.contains(prompt.id()))
                ? Map.of("", piece.where(prompt -> ids.contains(prompt.id())))
                : Map.of();
    }
}
