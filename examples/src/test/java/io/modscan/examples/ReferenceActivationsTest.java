package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.cli.Modscan;
import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.SiteActivations;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.demo.DemoModel;
import io.modscan.onnx.opt.OptModel;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What transformers computes, tensor by tensor. */
class ReferenceActivationsTest {

    @TempDir
    Path folder;

    private static Path model(String name) {
        return name.equals("demo") ? DemoModel.folder() : ReferenceActivations.resource(name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"demo", "pre_ln", "post_ln_proj"})
    void probeReproducesEveryTensor(String name) {
        ReferenceActivations reference = new ReferenceActivations(name);
        Path file = folder.resolve("capture.safetensors");
        try (Probe probe = Probe.builder(OptModel.open(model(name))).build()) {
            probe.capture(reference.prompts()).save(file);
        }
        assertThat(reference.compare(file).keySet()).isEqualTo(reference.sites());
    }

    @ParameterizedTest
    @ValueSource(strings = {"demo", "pre_ln", "post_ln_proj"})
    void commandLineReproducesEveryTensor(String name) {
        ReferenceActivations reference = new ReferenceActivations(name);
        Path file = folder.resolve("capture.safetensors");
        StringWriter printed = new StringWriter();
        int status = Modscan.run(
                new PrintWriter(printed),
                new PrintWriter(printed),
                "capture",
                "--model",
                model(name).toString(),
                "--ids",
                reference.writeIds(folder).toString(),
                "--out",
                file.toString());
        assertThat(status).as(printed.toString()).isZero();
        assertThat(reference.compare(file).keySet()).isEqualTo(reference.sites());
    }

    /** The sites are spelled out, so that one missing from the reference or from the model fails. */
    @Test
    void demoReferenceHasEverySiteOfTheModel() {
        Set<String> expected =
                new TreeSet<>(Set.of("hook_embed", "hook_pos_embed", "ln_final.hook_normalized", "logits", "loss"));
        for (int layer = 0; layer < 6; layer++) {
            for (String hook : List.of(
                    "hook_resid_pre",
                    "ln1.hook_normalized",
                    "attn.hook_q",
                    "attn.hook_k",
                    "attn.hook_v",
                    "attn.hook_attn_scores",
                    "attn.hook_pattern",
                    "attn.hook_z",
                    "hook_attn_out",
                    "hook_resid_mid",
                    "ln2.hook_normalized",
                    "mlp.hook_pre",
                    "mlp.hook_post",
                    "hook_mlp_out",
                    "hook_resid_post")) {
                expected.add("blocks." + layer + "." + hook);
            }
        }
        assertThat(new ReferenceActivations("demo").sites()).isEqualTo(expected);
        Set<String> exported = DemoModel.open().sites().stream()
                .filter(site -> !site.onDemand())
                .map(Site::name)
                .collect(Collectors.toSet());
        assertThat(exported).isEqualTo(expected);
    }

    /** The smaller references hold fewer sites, but these for every layer. */
    @ParameterizedTest
    @ValueSource(strings = {"pre_ln", "post_ln_proj"})
    void smallReferencesHoldTheSitesThatTheyWereMadeWith(String name) {
        Set<String> expected = new TreeSet<>(Set.of("logits"));
        for (int layer = 0; layer < 3; layer++) {
            for (String hook : List.of(
                    "hook_resid_pre",
                    "attn.hook_q",
                    "attn.hook_k",
                    "attn.hook_v",
                    "attn.hook_pattern",
                    "attn.hook_z",
                    "hook_attn_out",
                    "mlp.hook_pre",
                    "mlp.hook_post",
                    "hook_mlp_out",
                    "hook_resid_post")) {
                expected.add("blocks." + layer + "." + hook);
            }
        }
        assertThat(new ReferenceActivations(name).sites()).isEqualTo(expected);
    }

    @Test
    void pooledCaptureOfAllPromptsReproducesTheReference() {
        SafetensorsFile expected =
                SafetensorsFile.open(ReferenceActivations.resource("demo").resolve("pooled.safetensors"));
        Prompts prompts = DemoModel.prompts();
        Activations activations;
        try (Probe probe = Probe.builder(DemoModel.open())
                .sites(Pooling.mean(), Sites.z(), Sites.mlpPost(), Sites.loss())
                .sites(Pooling.last(), Sites.residPost())
                .build()) {
            activations = probe.capture(prompts);
        }
        for (SiteActivations site : activations.sites()) {
            String name = site.site() + (site.pooling().equals(Pooling.last()) ? ".last" : ".mean");
            FloatBuffer reference = expected.map(name).asFloatBuffer();
            double largest = 0;
            double difference = 0;
            for (int prompt = 0; prompt < prompts.size(); prompt++) {
                float[] vector = site.vector(prompt);
                for (int i = 0; i < vector.length; i++) {
                    float value = reference.get(prompt * vector.length + i);
                    largest = Math.max(largest, Math.abs(value));
                    difference = Math.max(difference, Math.abs((double) value - vector[i]));
                }
            }
            assertThat(difference / largest).as(name).isLessThanOrEqualTo(ReferenceActivations.TOLERANCE);
        }
        LongBuffer tokens = expected.map("n_tokens").asLongBuffer();
        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            assertThat(activations.tokenIds(prompt)).hasSize((int) tokens.get(prompt));
        }
        assertThat(activations.sites())
                .as("all but n_tokens")
                .hasSize(expected.tensors().size() - 1);
    }

    @Test
    void demoTokenizerGivesTheReferenceIds() {
        Prompts expected = Prompts.jsonl(ReferenceActivations.resource("demo").resolve("tokens.jsonl"));
        Tokenizer tokenizer = DemoModel.open().tokenizer();
        List<Prompt> texts = DemoModel.prompts().stream().toList();
        assertThat(texts).hasSize(expected.size()).hasSize(100);
        for (int i = 0; i < texts.size(); i++) {
            assertThat(tokenizer.encode(texts.get(i).text().orElseThrow()))
                    .as("prompt " + i)
                    .isEqualTo(expected.get(i).tokenIds().orElseThrow());
        }
    }
}
