package io.modscan.cli;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Model;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.site.Unit;
import io.modscan.metrics.contexts.TokenContext;
import io.modscan.metrics.contexts.UnitContexts;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A unit's contexts for a terminal: each token's text, coloured by the unit's value on one scale, the token itself in brackets. */
final class ContextText {

    /** From the background's own to the strongest, of the 256 colours that terminals have; what is below zero in blues. */
    private static final int[] ABOVE = {0, 230, 223, 216, 209, 202};

    private static final int[] BELOW = {0, 195, 153, 117, 75, 33};

    private final @Nullable Tokenizer tokenizer;
    private final boolean coloured;

    /** Without a tokenizer, tokens are shown by their ids. */
    ContextText(Model model, boolean coloured) {
        this.tokenizer = tokenizer(model);
        this.coloured = coloured;
    }

    private static @Nullable Tokenizer tokenizer(Model model) {
        try {
            return model.tokenizer();
        } catch (ModscanException e) {
            return null; // it has none, and its prompts are ids
        }
    }

    String of(Unit unit, UnitContexts contexts) {
        StringBuilder text = new StringBuilder();
        text.append(String.format(Locale.ROOT, "%s: %d tokens", unit, contexts.tokens()));
        if (contexts.notFinite() > 0) {
            text.append(", at ").append(contexts.notFinite()).append(" of them NaN or infinite, which are left out");
        }
        text.append("\n\nStrongest, each of another prompt\n");
        double scale = contexts.top().stream()
                .mapToDouble(context -> Math.abs(context.value()))
                .max()
                .orElse(0);
        contexts.top().forEach(context -> text.append(line("", context, scale)));
        if (!contexts.samples().isEmpty()) {
            text.append("\nSamples: the token at a quantile of a random sample\n");
            contexts.samples()
                    .forEach(sample -> text.append(line(
                            String.format(Locale.ROOT, "%3.0f %%  ", 100 * sample.quantile()),
                            sample.context(),
                            scale)));
        }
        return text.append('\n').toString();
    }

    private String line(String before, TokenContext context, double scale) {
        String labels = context.labels().values().stream()
                .map(ModscanException::printable)
                .collect(Collectors.joining(", "));
        return String.format(
                Locale.ROOT,
                "  %s%9.4f  %s%s, token %d: %s%n",
                before,
                context.value(),
                ModscanException.printable(context.promptId()),
                labels.isEmpty() ? "" : " (" + labels + ")",
                context.position(),
                text(context, scale));
    }

    private String text(TokenContext context, double scale) {
        List<String> pieces = pieces(context.ids());
        float[] values = context.values();
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < values.length; i++) {
            String piece = printable(pieces.get(i));
            text.append(coloured(i == context.at() ? "[" + piece + "]" : piece, values[i], scale));
        }
        return text.toString();
    }

    private List<String> pieces(int... ids) {
        return tokenizer == null ? Arrays.stream(ids).mapToObj(id -> " #" + id).toList() : tokenizer.pieces(ids);
    }

    /** Line ends as signs, since a context is one line. */
    private static String printable(String piece) {
        return ModscanException.printable(
                piece.replace("\r", "").replace('\n', '\u21b5').replace('\t', ' '));
    }

    private String coloured(String piece, float value, double scale) {
        int step = Double.isNaN(value) || scale == 0
                ? 0
                : (int) Math.min(ABOVE.length - 1, Math.round(Math.abs(value) / scale * (ABOVE.length - 1)));
        return !coloured || step == 0
                ? piece
                : "\u001b[30;48;5;" + (value > 0 ? ABOVE : BELOW)[step] + "m" + piece + "\u001b[0m";
    }
}
