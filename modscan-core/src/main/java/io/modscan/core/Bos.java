package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.site.Reading;
import io.modscan.core.token.PromptTokens;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The BOS token at the beginning of prompts: what their activations tell of it, and the activations without it.
 *
 * @param of the activations
 */
record Bos(Activations of) {

    /** The fact that says that BOS is no longer among the token ids. */
    private static final Map<String, String> LEFT_OUT = Map.of(Keys.BOS, "left out");

    private OptionalInt told() {
        return Keys.number(of.facts().get(), Keys.BOS_TOKEN_ID);
    }

    int tokenId() {
        return told().orElseThrow(
                        () -> new ModscanException("no BOS token can be left out: the model has none, or none is"
                                + " known (the provenance has no '" + Keys.BOS_TOKEN_ID + "')"));
    }

    boolean knows(int prompt) {
        PromptTokens tokens = of.tokens(prompt);
        return isLeftOut() || (tokens.size() > 0 && tokens.id(0) >= 0 && told().isPresent());
    }

    boolean begins(int prompt) {
        PromptTokens tokens = of.tokens(prompt);
        if (isLeftOut()) {
            return false;
        }
        int bos = tokenId();
        if (tokens.size() == 0 || tokens.id(0) < 0) {
            throw new ModscanException("the token ids of prompt '"
                    + of.prompts().get(prompt).id() + "' are not known"
                    + (tokens.size() == 0 ? "" : ", since it is of ready tensors")
                    + ", so neither is whether it begins with BOS");
        }
        return tokens.id(0) == bos;
    }

    boolean isLeftOut() {
        return of.facts().get().entrySet().containsAll(LEFT_OUT.entrySet());
    }

    /** A view in which the first position is gone where a prompt begins with BOS. */
    Activations leftOut() {
        List<SiteActivations> sites = of.sites();
        for (SiteActivations site : sites) {
            if (site.site().isPairwise()) {
                throw new ModscanException(
                        site.site() + " has a value for each pair of positions, and BOS cannot be left out"
                                + " of those; leave it out of other sites, with activations.only(…).withoutBos()");
            }
        }
        if (sites.stream().noneMatch(SiteActivations::isPerToken) || isLeftOut()) {
            return of;
        }
        boolean[] begins = new boolean[of.prompts().size()];
        boolean[] isKept = new boolean[begins.length];
        for (int prompt = 0; prompt < begins.length; prompt++) {
            begins[prompt] = begins(prompt);
            isKept[prompt] = begins[prompt] && of.tokens(prompt).keepsFirst();
        }
        List<PromptTokens> tokens = new Views.Changed<>(of.allTokens(), begins, PromptTokens::withoutFirst);
        List<Reading> readings = new ArrayList<>();
        List<List<FloatBuffer>> rows = new ArrayList<>();
        for (SiteActivations site : sites) {
            int width = site.site().width();
            readings.add(site.reading());
            rows.add(site.isPerToken() ? new Views.ShortenedRows(site.rows(), isKept, width) : site.rows());
        }
        return new Activations(
                of.prompts(),
                tokens,
                new Views.WithDigest(of.facts(), LEFT_OUT, of.prompts(), tokens),
                of.isLent(),
                readings,
                rows,
                of.fits());
    }
}
