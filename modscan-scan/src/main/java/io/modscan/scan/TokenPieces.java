package io.modscan.scan;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Model;
import io.modscan.core.model.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** What tokens are called: by their texts where a model has a tokenizer, else by their ids. */
final class TokenPieces {

    private TokenPieces() {}

    static Function<int[], List<String>> of(Scan settings) {
        return tokenizer(settings)
                .<Function<int[], List<String>>>map(tokenizer -> tokenizer::pieces)
                .orElse(ids -> Arrays.stream(ids).mapToObj(id -> "#" + id + " ").toList());
    }

    static Optional<Tokenizer> tokenizer(Scan settings) {
        Model model = settings.model();
        try {
            return model == null ? Optional.empty() : Optional.of(model.tokenizer());
        } catch (ModscanException e) {
            return Optional.empty(); // a recording, or a model that came without one
        }
    }
}
