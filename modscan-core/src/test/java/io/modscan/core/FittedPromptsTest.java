package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FittedPromptsTest {

    @TempDir
    Path folder;

    private final Prompts prompts = Prompts.of(List.of(
            Prompt.ofTokens("a", FakeModel.BOS, 5, 6),
            Prompt.ofTokens("b", FakeModel.BOS, 7),
            Prompt.ofTokens("c", 7, 8, 9),
            Prompt.ofTokens("d", FakeModel.BOS)));

    private static Activations capture(Prompts prompts, Pooling pooling) {
        try (Probe probe = Probe.builder(new FakeModel())
                .sites(site -> site.equals(FakeModel.POST) || site.equals(FakeModel.Z))
                .pooling(pooling)
                .build()) {
            return probe.capture(prompts);
        }
    }

    private static int among(Activations fit, Activations measured) {
        return measured.sites().get(0).withFittedTo(FittedPrompts.of(fit)).inFit();
    }

    @Test
    void aPromptIsTheSameHoweverItWasCaptured() {
        Activations tokens = capture(prompts, Pooling.none());
        Path file = folder.resolve("acts.safetensors");
        tokens.save(file);
        List<Activations> ways = new ArrayList<>(List.of(
                tokens,
                capture(prompts, Pooling.mean()),
                tokens.pooled(Pooling.last()),
                tokens.where(prompt -> true),
                tokens.inOrderOfIds(),
                Recording.open(file).activations()));
        for (Activations way : ways) {
            assertThat(among(tokens, way)).isEqualTo(4);
            assertThat(among(way, tokens)).isEqualTo(4);
            assertThat(among(way.slice(0, 2), tokens)).isEqualTo(2);
        }
        // Of "d" nothing is left but its id.
        assertThat(among(tokens.withoutBos(), tokens)).isEqualTo(3);
        assertThat(among(tokens, tokens.withoutBos())).isEqualTo(3);
        assertThat(FittedPrompts.of(tokens)).isEqualTo(FittedPrompts.of(tokens.inOrderOfIds()));
    }

    @Test
    void otherTokensOrAnotherIdMakeAnotherPrompt() {
        Activations tokens = capture(prompts, Pooling.mean());
        Prompts others = Prompts.of(List.of(
                Prompt.ofTokens("a", FakeModel.BOS, 5, 7),
                Prompt.ofTokens("e", FakeModel.BOS, 7),
                Prompt.ofTokens("c", 7, 8),
                Prompt.ofTokens("d", FakeModel.BOS).withLabel("topic", "law")));
        // A label makes no other prompt.
        assertThat(among(tokens, capture(others, Pooling.mean()))).isEqualTo(1);
    }

    @Test
    void textsAreToldApartWhereNoTokensAreKnown() {
        Site site = new Site("site", OptionalInt.empty(), List.of(Axis.units(1)), false);
        Activations one = made(site, "x", "y", "z");
        assertThat(among(one, made(site, "x", "other", "z"))).isEqualTo(2);
        assertThat(among(one, made(site, "x"))).isEqualTo(1);
    }

    private static Activations made(Site site, String... texts) {
        return Activations.builder(Prompts.of(texts))
                .site(site, Pooling.none(), new float[texts.length][1])
                .build();
    }

    @Test
    void setsComeTogether() {
        Activations tokens = capture(prompts, Pooling.mean());
        FittedPrompts first = FittedPrompts.of(tokens.slice(0, 3));
        FittedPrompts last = FittedPrompts.of(tokens.slice(2, 4));
        assertThat(FittedPrompts.together(List.of(first, last, FittedPrompts.none())))
                .isEqualTo(FittedPrompts.of(tokens))
                .hasSameHashCodeAs(FittedPrompts.of(tokens))
                .hasToString("FittedPrompts[4]");
        assertThat(FittedPrompts.together(List.of())).isEqualTo(FittedPrompts.none());
        assertThat(first.size()).isEqualTo(3);
        assertThat(first).isNotEqualTo(last);
    }

    @Test
    void viewsKeepThemSiteBySite() {
        Activations tokens = capture(prompts, Pooling.none());
        FittedPrompts fit = FittedPrompts.of(tokens.slice(0, 2));
        Activations seen = tokens.map(site -> site.site().equals(FakeModel.Z) ? site.withFittedTo(fit) : site);
        for (Activations view : List.of(
                seen,
                seen.withoutBos(),
                seen.slice(0, 4),
                seen.where(prompt -> true),
                seen.only(site -> true),
                seen.pooled(Pooling.mean()),
                seen.kept(),
                seen.measure(Metric.<Activations>whole(all -> all)))) {
            assertThat(view.at(FakeModel.Z).fittedTo()).isEqualTo(fit);
            assertThat(view.at(FakeModel.POST).fittedTo()).isEqualTo(FittedPrompts.none());
        }
        assertThat(seen.at(FakeModel.Z).head(1).fittedTo()).isEqualTo(fit);
        assertThat(seen.at(FakeModel.Z).inFit()).isEqualTo(2);
        // Pieces that were fitted to different prompts are of all of them.
        Metric.Accumulator<Activations> whole =
                Metric.<Activations>whole(all -> all).start();
        whole.add(seen.slice(0, 1));
        whole.add(tokens.map(site -> site.withFittedTo(FittedPrompts.of(tokens.slice(3, 4))))
                .slice(1, 4));
        assertThat(whole.finish().at(FakeModel.Z).fittedTo().size()).isEqualTo(3);
    }
}
