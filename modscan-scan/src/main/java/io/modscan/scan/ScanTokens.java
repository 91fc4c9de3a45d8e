package io.modscan.scan;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.token.PromptTokens;
import io.modscan.metrics.modules.StepMap;
import io.modscan.metrics.modules.Steps;
import io.modscan.metrics.tokens.TokenLabels;
import io.modscan.metrics.tokens.TokenSelectivity;
import io.modscan.metrics.tokens.TokenSelectivityMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * What happens inside of a scan's prompts, at its heads and those 300 neurons that tell labels apart best.
 *
 * @param texts   the values of some of the prompts, token by token: of each label the first three, at most 40
 * @param labels  which units respond to which kind of token: the prompts' spans, tokens that stood before in the prompt, and, where there is a
 *                tokenizer, words, punctuation, digits. Positions are taken out
 * @param parts   which respond to the beginning, the middle or the end of prompts
 * @param steps   which act together within prompts, and where
 * @param leftOut of labels, parts and steps those that could not be had, and why
 */
public record ScanTokens(
        Activations texts,
        Optional<TokenSelectivityMap> labels,
        Optional<TokenSelectivityMap> parts,
        Optional<StepMap> steps,
        Map<String, String> leftOut) {

    private static final int PARTS = 4;

    /** A result, or why there is none. */
    private record Answer<R>(Optional<R> result, Optional<String> why) {}

    static ScanTokens of(Scan scan, TokenUnits units, Measured.Pass pass) {
        Metric<Activations> whole = Metric.whole(activations -> activations);
        Metric<Activations> texts = whole.split(piece -> shown(piece, units.shown()))
                .map(parts -> Objects.requireNonNull(parts.get(""), "each label has a first prompt"));
        TokenLabels labelling = TokenLabels.of("tokens", labelling(TokenPieces.tokenizer(scan)));
        Metric<Answer<TokenSelectivityMap>> labels = answer(TokenSelectivity.by(labelling));
        Metric<Answer<TokenSelectivityMap>> parts = answer(TokenSelectivity.by(TokenLabels.positionBins(PARTS)));
        Metric<Answer<StepMap>> steps = answer(Steps.find().withLabels(labelling::of));
        SideBySide.Results results = pass.measure(new SideBySide(steps, labels, parts, texts));
        Map<String, String> leftOut = new TreeMap<>();
        results.of(labels).why().ifPresent(why -> leftOut.put("labels of tokens", why));
        results.of(parts).why().ifPresent(why -> leftOut.put("parts of prompts", why));
        results.of(steps).why().ifPresent(why -> leftOut.put("steps", why));
        return new ScanTokens(
                results.of(texts),
                results.of(labels).result(),
                results.of(parts).result(),
                results.of(steps).result(),
                leftOut);
    }

    private static Map<String, Activations> shown(Activations piece, Set<String> ids) {
        return piece.prompts().stream().anyMatch(prompt -> ids.contains(prompt.id()))
                ? Map.of("", piece.where(prompt -> ids.contains(prompt.id())))
                : Map.of();
    }

    /** All labels together, so that their q-values are corrected together. */
    private static Function<PromptTokens, Map<String, int[]>> labelling(Optional<Tokenizer> tokenizer) {
        Optional<TokenLabels> kinds = tokenizer.map(TokenLabels::kind);
        return tokens -> {
            Map<String, int[]> labels = new LinkedHashMap<>();
            TokenLabels.spans().of(tokens).forEach((label, at) -> labels.put("span " + label, at));
            labels.putAll(TokenLabels.repeated().of(tokens));
            kinds.ifPresent(kind -> labels.putAll(kind.of(tokens)));
            return labels;
        };
    }

    /** That there are too few prompts, no tokens of a label, or no ids of tokens is no reason to lose all else. */
    private static <R> Metric<Answer<R>> answer(Metric<R> metric) {
        return () -> new Metric.Accumulator<>() {
            private final Metric.Accumulator<R> inner = metric.start();
            private Optional<String> failed = Optional.empty();

            @Override
            public void add(Activations piece) {
                if (failed.isPresent()) {
                    return;
                }
                try {
                    inner.add(piece);
                } catch (ModscanException e) {
                    failed = Optional.of(String.valueOf(e.getMessage()));
                }
            }

            @Override
            public void merge(Metric.Accumulator<Answer<R>> other) {
                throw new UnsupportedOperationException("one pass over the prompts merges nothing");
            }

            @Override
            public Answer<R> finish() {
                if (failed.isPresent()) {
                    return new Answer<>(Optional.empty(), failed);
                }
                try {
                    return new Answer<>(Optional.of(inner.finish()), Optional.empty());
                } catch (ModscanException e) {
                    return new Answer<>(Optional.empty(), Optional.of(String.valueOf(e.getMessage())));
                }
            }
        };
    }

    /**
     * Copies the map.
     *
     * @param texts   see above
     * @param labels  see above
     * @param parts   see above
     * @param steps   see above
     * @param leftOut see above
     */
    public ScanTokens {
        leftOut = Map.copyOf(leftOut);
    }
}
