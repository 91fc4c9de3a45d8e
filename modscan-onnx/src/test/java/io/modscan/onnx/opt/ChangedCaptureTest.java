package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.ModelContract;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Change;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Reference;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.intervention.UnitSet;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Prompts under interventions go all the ways that prompts go: memory, pieces, files in one or several, recordings. */
class ChangedCaptureTest {

    private static final String Z = "blocks.0.attn.hook_z";
    private static final String POST = "blocks.1.mlp.hook_post";

    @TempDir
    private Path folder;

    private OptModel model;

    @BeforeEach
    void open() {
        model = new TinyOpt().load(folder.resolve("model"));
    }

    private static final Intervention HEAD =
            Intervention.of("head off", Change.of(Z, UnitSet.heads(1), Replacement.zero()));
    private static final Intervention LAST = Intervention.of(
            "last neurons",
            Change.of(POST, UnitSet.units(3, 4), Replacement.factor(-2)).at(-1));

    /** The same tokens untouched and under two interventions, side by side. */
    private static Prompts prompts() {
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            int[] ids = new int[3 + i % 5];
            Arrays.setAll(ids, position -> (position * 7 + 3) % TinyOpt.VOCABULARY);
            ids[0] = 4 + i;
            Prompt prompt = Prompt.ofTokens("p" + i, ids).withLabel("topic", i % 2 == 0 ? "even" : "odd");
            prompts.add(prompt);
            prompts.add(prompt.under(HEAD));
            prompts.add(prompt.under(LAST));
        }
        return Prompts.of(prompts);
    }

    private Probe.Builder probe() {
        return Probe.builder(model)
                .sites(Pooling.none(), Sites.glob(Z), Sites.glob("blocks.1.hook_resid_post"))
                .sites(Pooling.mean(), Sites.loss(), Sites.glob(POST))
                .sites(Pooling.last(), Sites.logits(3, 17))
                .changing(HEAD, LAST);
    }

    private Activations each() {
        // Each alone, so that nothing can be taken for a neighbour's.
        try (Probe probe = probe().tokenBudget(1).build()) {
            return probe.capture(prompts());
        }
    }

    private static void assertSame(Activations actual, Activations expected) {
        assertThat(actual.prompts().stream().map(Prompt::id))
                .containsExactlyElementsOf(
                        expected.prompts().stream().map(Prompt::id).toList());
        expected.sites().forEach(site -> {
            for (int i = 0; i < site.size(); i++) {
                assertThat(row(actual.at(site.site().name()), i))
                        .as("%s of %s", site.site(), expected.prompts().get(i).id())
                        .usingComparatorWithPrecision(1e-5f)
                        .containsExactly(row(site, i));
            }
        });
    }

    private static float[] row(SiteActivations site, int prompt) {
        FloatBuffer row = site.row(prompt);
        float[] values = new float[row.remaining()];
        row.get(values);
        return values;
    }

    @Test
    void allWaysGiveTheSame() {
        Activations each = each();
        Map<String, float[]> losses = new HashMap<>();
        for (int i = 0; i < each.prompts().size(); i++) {
            losses.put(each.prompts().get(i).id(), each.at("loss").vector(i));
        }
        assertThat(losses.get("p5@head off")).isNotEqualTo(losses.get("p5"));
        assertThat(losses.get("p5@last neurons")).isNotEqualTo(losses.get("p5@head off"));
        try (Probe probe = probe().build();
                Probe several = probe().fileSize(4000).build()) {
            assertSame(probe.capture(prompts()), each);
            List<Prompt> seen = new ArrayList<>();
            probe.forEach(prompts(), piece -> {
                piece.prompts().forEach(seen::add);
                for (int i = 0; i < piece.prompts().size(); i++) {
                    assertThat(piece.at("loss").vector(i)[0])
                            .isCloseTo(
                                    Objects.requireNonNull(
                                            losses.get(piece.prompts().get(i).id()))[0],
                                    within(1e-5f));
                }
            });
            assertThat(seen).isEqualTo(prompts().stream().toList());
            probe.capture(prompts(), folder.resolve("one.safetensors"));
            several.capture(prompts(), folder.resolve("several.safetensors"));
        }
        assertThat(folder.resolve("several-00002.safetensors")).exists();
        for (String name : List.of("one.safetensors", "several.safetensors.index.json")) {
            Recording recording = Recording.open(folder.resolve(name));
            assertSame(recording.activations(), each);
            for (int i = 0; i < recording.prompts().size(); i++) {
                Prompt prompt = recording.prompts().get(i);
                Prompt given = prompts().get(i);
                assertThat(prompt.intervention()).isEqualTo(given.intervention());
                assertThat(prompt.untouchedId()).isEqualTo(given.untouchedId());
                assertThat(prompt.labels()).isEqualTo(given.labels());
            }
            // The same tokens have other values under other interventions.
            try (Probe again = Probe.builder(recording)
                    .sites(Pooling.none(), Sites.glob(Z), Sites.glob("blocks.1.hook_resid_post"))
                    .sites(Pooling.mean(), Sites.loss(), Sites.glob(POST))
                    .sites(Pooling.last(), Sites.glob("logits[3,17]"))
                    .build()) {
                assertSame(again.capture(recording.prompts()), each);
            }
        }
    }

    @Test
    void itIsSaidOfACapture() {
        Activations each = each();
        assertThat(each.provenance().get("modscan.changing")).isEqualTo(Z + "; " + POST);
        assertThat(each.provenance().get("modscan.interventions"))
                .isEqualTo("[" + HEAD.toJson() + "," + LAST.toJson() + "]");
        try (Probe probe = Probe.builder(model).sites(Sites.loss()).build()) {
            assertThat(probe.capture(prompts()
                                    .filter(prompt -> prompt.intervention().isEmpty()))
                            .provenance())
                    .doesNotContainKeys("modscan.changing", "modscan.interventions");
        }
        assertThat(each.prompts().labelKeys()).containsExactly("topic", "intervention");
        each.save(folder.resolve("saved.safetensors"));
        assertSame(Recording.open(folder.resolve("saved.safetensors")).activations(), each);
    }

    /** A capture of other values is another capture, though ids, labels and names are the same. */
    @Test
    void aFileIsNotTakenForThatOfAnotherReference() {
        Path file = folder.resolve("acts.safetensors");
        List<float[]> losses = new ArrayList<>();
        for (float value : new float[] {1, 2, 1}) {
            float[] mean = new float[12];
            Arrays.fill(mean, value);
            Intervention same = Intervention.of(
                    "mean", Change.of(Z, UnitSet.all(), Replacement.mean(Reference.of("mean", Map.of(Z, mean)))));
            try (Probe probe = Probe.builder(model)
                    .sites(Sites.loss())
                    .pooling(Pooling.mean())
                    .changing(same)
                    .build()) {
                probe.capture(
                        prompts()
                                .filter(prompt -> prompt.intervention().isEmpty())
                                .under(same),
                        file);
            }
            losses.add(Recording.open(file).activations().onlySite().vector(0));
        }
        assertThat(losses.get(1)).isNotEqualTo(losses.get(0));
        assertThat(losses.get(2)).isEqualTo(losses.get(0));
    }

    @Test
    void aMeanAndAPromptsValuesAreReferences() {
        Prompts plain = prompts().filter(prompt -> prompt.intervention().isEmpty());
        Activations captured;
        try (Probe probe = Probe.builder(model)
                .sites(Pooling.none(), Sites.glob(Z))
                .sites(Pooling.mean(), Sites.glob(POST))
                .build()) {
            captured = probe.capture(plain);
        }
        Reference mean = captured.mean("all");
        assertThat(mean.sites()).containsExactly(Z, POST);
        double sum = 0;
        for (int i = 0; i < plain.size(); i++) {
            double ofPrompt = 0;
            int length = captured.tokenIds(i).length;
            for (int position = 0; position < length; position++) {
                ofPrompt += captured.at(Z).vector(i, position)[5];
            }
            sum += ofPrompt / length;
        }
        assertThat(mean.at(Z, 0)[5]).isCloseTo((float) (sum / plain.size()), within(1e-6f));
        Reference third = captured.reference(3);
        assertThat(third.name()).isEqualTo("prompt p3");
        assertThat(third.sites()).containsExactly(Z);
        assertThat(third.at(Z, 2)).isEqualTo(captured.at(Z).vector(3, 2));
        // Of another model it is refused.
        OptModel other = new TinyOpt().gelu().load(folder.resolve("other"));
        Intervention foreign = Intervention.of("foreign", Change.of(Z, UnitSet.all(), Replacement.mean(mean)));
        try (Probe probe =
                Probe.builder(other).sites(Sites.loss()).changing(foreign).build()) {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> probe.capture(plain.under(foreign)))
                    .withMessageContaining("prompt 'p0@foreign'")
                    .withMessageContaining("another model");
        }
    }

    @Test
    void whatMayNotBeChangedIsRefused() {
        try (Probe probe = Probe.builder(model).sites(Sites.loss()).build()) {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> probe.capture(prompts()))
                    .withMessageContaining("prompt 'p0@head off'")
                    .withMessageContaining("nothing may be changed here")
                    .withMessageContaining("Probe.Builder.changing");
        }
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Probe.builder(model)
                        .sites(Sites.loss())
                        .changing(Intervention.of("x", Change.of("hook_embed", UnitSet.all(), Replacement.zero())))
                        .build())
                .withMessageContaining("hook_embed")
                .withMessageContaining("blocks.N.attn.hook_z");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Probe.builder(model).sites(Sites.kl()).build())
                .withMessageContaining("startingAt")
                .withMessageContaining("blocks.1.hook_resid_post");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Probe.builder(model).sites(Sites.logits(40)).build())
                .withMessageContaining("0 to 39");
    }

    @Test
    void pickedUnitsAreThoseOfTheWhole() {
        Prompts plain = prompts().filter(prompt -> prompt.intervention().isEmpty());
        try (Probe probe = Probe.builder(model)
                        .sites(Pooling.none(), Sites.logits(), Sites.glob("log_probs"), Sites.glob(POST), Sites.loss())
                        .build();
                Probe picking = Probe.builder(model)
                        .sites(Pooling.none(), Sites.logits(17, 3), Sites.logProbs(5), Sites.glob(POST + "[4, 0]"))
                        .build()) {
            Activations whole = probe.capture(plain);
            Activations picked = picking.capture(plain);
            for (int i = 0; i < plain.size(); i++) {
                for (int position = 0; position < whole.tokenIds(i).length; position++) {
                    float[] logits = whole.at("logits").vector(i, position);
                    float[] logProbs = whole.at("log_probs").vector(i, position);
                    float[] neurons = whole.at(POST).vector(i, position);
                    assertThat(picked.at("logits[17,3]").vector(i, position)).containsExactly(logits[17], logits[3]);
                    assertThat(picked.at("log_probs[5]").vector(i, position)).containsExactly(logProbs[5]);
                    assertThat(picked.at(POST + "[4,0]").vector(i, position)).containsExactly(neurons[4], neurons[0]);
                    double sum = 0;
                    for (float logProb : logProbs) {
                        sum += Math.exp(logProb);
                    }
                    assertThat(sum).isCloseTo(1, within(1e-5));
                    if (position > 0) {
                        int token = whole.tokenIds(i)[position];
                        assertThat(whole.at("log_probs").vector(i, position - 1)[token])
                                .isCloseTo(-whole.at("loss").vector(i, position)[0], within(1e-5f));
                    }
                }
            }
            Site site = picked.at("logits[17,3]").site();
            assertThat(site.unitName(1)).contains("3");
            picked.save(folder.resolve("picked.safetensors"));
            Recording recording = Recording.open(folder.resolve("picked.safetensors"));
            assertThat(recording.activations().at("logits[17,3]").site()).isEqualTo(site);
        }
    }

    /** What a prompt file says is what is run. */
    @Test
    void aFileOfPromptsIsRunAsItSays() throws IOException {
        Path file = Files.writeString(
                folder.resolve("prompts.jsonl"),
                "{\"id\": \"a\", \"ids\": [2, 5, 9]}\n{\"id\": \"b\", \"of\": \"a\", \"ids\": [2, 5, 9], \"intervention\": "
                        + HEAD.toJson() + "}\n");
        try (Probe probe = Probe.builder(model)
                .sites(Sites.loss())
                .pooling(Pooling.mean())
                .changing(Sites.z())
                .build()) {
            Activations fromFile = probe.capture(Prompts.jsonl(file));
            Activations made = probe.capture(
                    Prompts.of(List.of(Prompt.ofTokens("a", 2, 5, 9).under(HEAD))));
            assertThat(fromFile.onlySite().vector(1)).isEqualTo(made.onlySite().vector(0));
            assertThat(fromFile.onlySite().vector(0))
                    .isNotEqualTo(made.onlySite().vector(0));
        }
    }

    /** A model that says what can be changed, and then runs as ever. */
    @Test
    void theContractOfModelsFindsWhoChangesNothing() {
        Model deaf = (Model) Proxy.newProxyInstance(
                Model.class.getClassLoader(), new Class<?>[] {Model.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("open")) {
                        CapturePlan plan = (CapturePlan) arguments[0];
                        return new Untouched(plan, model.open(plan.changing(List.of())));
                    }
                    return method.invoke(model, arguments);
                });
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> ModelContract.of(deaf).verify())
                .withMessageContaining("where it was set to 0")
                .withMessageContaining("SiteChange");
        ModelContract.of(model).verify();
    }

    private record Untouched(CapturePlan plan, ActivationSource source) implements ActivationSource {
        @Override
        public void run(TokenBatch batch, List<FloatBuffer> outputs) {
            source.run(batch, outputs);
        }

        @Override
        public void close() {
            source.close();
        }
    }
}
