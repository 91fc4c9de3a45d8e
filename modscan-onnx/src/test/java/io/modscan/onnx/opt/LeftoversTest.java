package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.Pooling;
import io.modscan.onnx.Logged;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import io.modscan.onnx.runtime.Allow;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What wrappers, training and other tasks leave in a checkpoint, and adapters that are taken for one. */
class LeftoversTest {

    private static final TokenBatch BATCH = Runs.batch(Padding.RIGHT, 4, new int[] {2, 5, 9, 11});

    @TempDir
    private Path folder;

    private static float[] logits(OptModel model) {
        return Runs.get(Runs.run(model, Runs.plan(model, Pooling.none(), "logits"), BATCH), "logits");
    }

    private float[] usual() {
        return logits(new TinyOpt().load(folder.resolve("usual")));
    }

    private static OptModel opened(Path path, String... logged) {
        AtomicReference<OptModel> model = new AtomicReference<>();
        String log = Logged.of(() -> model.set(OptModel.open(path)));
        if (logged.length == 0) {
            assertThat(log).isEmpty();
        } else {
            assertThat(log).contains(logged);
        }
        return Objects.requireNonNull(model.get());
    }

    // ---- prefixes ----

    @ParameterizedTest
    @ValueSource(
            strings = {
                "module.model.decoder.",
                "_orig_mod.model.decoder.",
                "module._orig_mod.model.decoder.",
                "_orig_mod.module.decoder.",
                "module.module.model.decoder.",
                "_forward_module.model.decoder.",
                "_fsdp_wrapped_module.model._fsdp_wrapped_module.decoder.",
                "model._orig_mod.decoder.",
                "model.model.decoder.",
                "pretrained_model.model.decoder.",
                "base_model.model.model.decoder.",
                "module.",
                "transformer.decoder.",
                "lit.net.model.decoder."
            })
    void prefixesOfWrappersArePassedOver(String prefix) {
        float[] expected = usual();
        Path path = new TinyOpt().prefix(prefix).write(folder.resolve("wrapped"));
        assertThat(logits(opened(path, "parts of wrappers", path.toString()))).isEqualTo(expected);
    }

    /** A wrapper around each block, and around some of its parts. */
    @Test
    void wrappersWithinNamesArePassedOver() throws IOException {
        float[] expected = usual();
        Path path = new TinyOpt().write(folder.resolve("compiled"));
        byte[] file = Files.readAllBytes(path.resolve("model.safetensors"));
        String latin = new String(file, StandardCharsets.ISO_8859_1);
        String renamed = latin.replaceAll("layers\\.(\\d)\\.(self_attn|fc1)", "layers.$1._orig_mod.$2");
        int grown = renamed.length() - latin.length();
        byte[] bytes = renamed.getBytes(StandardCharsets.ISO_8859_1);
        ByteBuffer header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        header.putLong(0, header.getLong(0) + grown);
        Files.write(path.resolve("model.safetensors"), bytes);
        assertThat(grown).isPositive();
        assertThat(logits(opened(path, "parts of wrappers"))).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "model.decoder., lm_head.weight",
        "module.model.decoder., module.lm_head.weight",
        "model.model.decoder., model.lm_head.weight",
        "module._orig_mod.model.decoder., module._orig_mod.lm_head.weight",
        "lit.net.model.decoder., lit.net.lm_head.weight"
    })
    void theHeadOfAWrappedModelCounts(String prefix, String head) {
        float[] untied = logits(new TinyOpt().untiedHead().load(folder.resolve("untied")));
        Path path = new TinyOpt()
                .prefix(prefix)
                .config("tie_word_embeddings", false)
                .write(folder.resolve("wrapped"));
        assertThatThrownBy(() -> OptModel.open(path)).hasMessageContaining("lacks the tensors [lm_head.weight]");
        Path whole = new TinyOpt()
                .prefix(prefix)
                .config("tie_word_embeddings", false)
                .tensor(head, DType.F32, TinyOpt.VOCABULARY, 12)
                .write(folder.resolve("whole"));
        float[] logits = logits(OptModel.open(whole));
        assertThat(logits).hasSameSizeAs(untied).isNotEqualTo(usual());
        if (head.equals("lm_head.weight")) {
            assertThat(logits).isEqualTo(untied);
        }
    }

    @Test
    void usualPrefixesAreNotWorthAWord() {
        for (String prefix : List.of("model.decoder.", "decoder.", "")) {
            opened(new TinyOpt().prefix(prefix).write(folder.resolve("p" + prefix)));
        }
    }

    @Test
    void twoModelsInOneFileAreRefused() {
        Path path = new TinyOpt()
                .prefix("policy.model.decoder.")
                .tensor("reference.model.decoder.embed_positions.weight", DType.F32, 26, 12)
                .write(folder);
        assertThatThrownBy(() -> OptModel.open(path))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("several models", "policy.model.decoder.", "reference.model.decoder.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"module.model.decoder.", "_orig_mod.model.decoder.", "decoder."})
    void oneTensorWithAndWithoutAWrapperIsMalformed(String other) {
        Path path = new TinyOpt()
                .tensor(other + "layers.0.fc1.bias", DType.F32, TinyOpt.MLP)
                .write(folder);
        assertThatThrownBy(() -> OptModel.open(path, Set.of(Allow.TENSORS)))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("'layers.0.fc1.bias'", "two names");
    }

    // ---- heads and other tensors ----

    @ParameterizedTest
    @ValueSource(
            strings = {
                "score.weight",
                "v_head.summary.weight",
                "v_head.summary.bias",
                "v_head.weight",
                "qa_outputs.weight",
                "qa_outputs.bias",
                "classifier.dense.weight",
                "module.score.weight",
                "model.score.weight",
                "_orig_mod.v_head.0.bias"
            })
    void headsOfOtherTasksArePassedOver(String head) {
        float[] expected = usual();
        Path path = new TinyOpt().tensor(head, DType.F32, 3, 12).write(folder.resolve("headed"));
        assertThat(logits(opened(path, "passes over the tensors", head))).isEqualTo(expected);
        assertThat(logits(OptModel.open(path))).isEqualTo(expected);
    }

    @Test
    void headsOfAWrappedModelArePassedOver() {
        float[] expected = usual();
        Path path = new TinyOpt()
                .prefix("base_model.model.model.decoder.")
                .tensor("base_model.model.score.weight", DType.F32, 3, 12)
                .tensor("n_averaged", DType.I64, 1)
                .write(folder.resolve("headed"));
        assertThat(logits(opened(path, "score.weight"))).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "model.decoder.score.weight",
                "score",
                "lm_head.bias",
                "model.decoder.layers.2.fc1.weight",
                "vision.score.weight",
                "logit_scale",
                "model.decoder.output_projection.weight"
            })
    void otherTensorsArePassedOverOnlyIfThatIsAllowed(String name) {
        float[] expected = usual();
        Path path = new TinyOpt().tensor(name, DType.F32, 3, 12).write(folder.resolve("more"));
        for (Set<Allow> allowed : List.of(Set.<Allow>of(), Set.of(Allow.LINKS, Allow.SETTINGS))) {
            assertThatThrownBy(() -> OptModel.open(path, allowed))
                    .isInstanceOf(MalformedFileException.class)
                    .hasMessageContainingAll(
                            name.replace("model.decoder.", ""), "does not have", "Allow.TENSORS", "--allow tensors");
        }
        String log = Logged.of(() ->
                assertThat(logits(OptModel.open(path, Set.of(Allow.TENSORS)))).isEqualTo(expected));
        assertThat(log).contains("passes over the tensors", name.replace("model.decoder.", ""));
    }

    @Test
    void namesThatSteerATerminalDoNotReachTheLog() {
        Path path = new TinyOpt()
                .tensor("model.decoder.\u001b[31m" + "x".repeat(5000), DType.F32, 3, 12)
                .write(folder.resolve("more"));
        assertThat(Logged.of(() -> OptModel.open(path, Set.of(Allow.TENSORS))))
                .contains("passes over the tensors", "\\u001B[31mx")
                .doesNotContain("\u001b")
                .hasSizeLessThan(2000);
    }

    @ParameterizedTest
    @CsvSource({
        "model.decoder.layers.0.self_attn.q_proj.lora_A.weight, adapter",
        "model.decoder.layers.0.self_attn.q_proj.lora_B.default.weight, adapter",
        "model.decoder.layers.0.fc1.base_layer.weight, adapter",
        "model.decoder.layers.1.fc1.weight.absmax, quantized",
        "model.decoder.layers.1.fc1.weight.quant_state.bitsandbytes__nf4, quantized",
        "model.decoder.layers.1.fc1.SCB, quantized",
        "model.decoder.layers.1.fc1.qweight, quantized",
        "model.decoder.layers.1.fc1.g_idx, quantized",
        "model.decoder.layers.1.fc1.weight_scale, quantized"
    })
    void whatChangesTheOthersIsRefusedWhateverIsAllowed(String name, String kind) {
        Path path = new TinyOpt().tensor(name, DType.F32, 3, 12).write(folder);
        assertThatThrownBy(() -> OptModel.open(path, Set.of(Allow.values())))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll(name.replace("model.decoder.", ""), kind);
    }

    @Test
    void missingTensorsAreMissingWhateverIsAllowed() {
        Path path = new TinyOpt()
                .withoutTensor("model.decoder.layers.1.fc1.bias")
                .tensor("score.weight", DType.F32, 3, 12)
                .write(folder);
        assertThatThrownBy(() -> OptModel.open(path, Set.of(Allow.values())))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("lacks", "layers.1.fc1.bias");
    }

    @Test
    void aTiedHeadThatDiffersCountsAndIsTold() {
        Path path = new TinyOpt()
                .tensor("lm_head.weight", DType.F32, TinyOpt.VOCABULARY, 12)
                .write(folder.resolve("tied"));
        assertThat(logits(opened(path, "lm_head.weight", "one of its own is stored")))
                .isNotEqualTo(usual());
    }

    // ---- settings ----

    @ParameterizedTest
    @ValueSource(
            strings = {
                "cls_token_id",
                "mask_token_id",
                "unk_token_id",
                "max_new_tokens",
                "cache_implementation",
                "classifier_dropout",
                "summary_type",
                "unsloth_version",
                "use_return_dict",
                "keys_to_ignore_at_inference",
                "_experts_implementation"
            })
    void moreSettingsThatChangeNothingAreTaken(String key) {
        float[] expected = usual();
        Path path = new TinyOpt().config(key, "anything").write(folder.resolve("dressed"));
        assertThat(logits(opened(path))).isEqualTo(expected);
    }

    @Test
    void unknownSettingsArePassedOverOnlyIfThatIsAllowed() {
        float[] expected = usual();
        Path path = new TinyOpt()
                .config("our_experiment", Map.of("run", 7))
                .config("layer_norm_eps", 1e-5)
                .write(folder.resolve("own"));
        for (Set<Allow> allowed : List.of(Set.<Allow>of(), Set.of(Allow.LINKS, Allow.TENSORS))) {
            assertThatThrownBy(() -> OptModel.open(path, allowed))
                    .isInstanceOf(UnsupportedModelException.class)
                    .hasMessageContainingAll(
                            "our_experiment={run=7}", "layer_norm_eps", "Allow.SETTINGS", "--allow settings");
        }
        OptModel[] model = new OptModel[1];
        String log = Logged.of(() -> model[0] = OptModel.open(path, Set.of(Allow.SETTINGS)));
        assertThat(log).contains("passes over the settings {layer_norm_eps", "our_experiment={run=7}");
        assertThat(logits(model[0])).isEqualTo(expected);
        Path export = model[0].export().to(path.resolve("own.onnx")).model();
        assertThat(logits(OptModel.open(export))).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "quantization_config",
                "compression_config",
                "auto_map",
                "pruned_heads",
                "per_layer_config",
                "adapters",
                "rope_scaling"
            })
    void whatChangesTheNetworkIsRefusedWhateverIsAllowed(String key) {
        Path path = new TinyOpt().config(key, Map.of("a", 1)).write(folder);
        assertThatThrownBy(() -> OptModel.open(path, Set.of(Allow.values())))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContaining("not handled, {" + key + "={a=1}}")
                .hasMessageNotContaining("Allow.");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"scale_embeddings", "is_encoder_decoder", "add_cross_attention", "load_in_8bit", "load_in_4bit"})
    void whatChangesTheNetworkIsRefusedIfItIsOn(String key) {
        Path path = new TinyOpt().config(key, true).write(folder);
        assertThatThrownBy(() -> OptModel.open(path, Set.of(Allow.values())))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContaining(key + "=true");
        opened(new TinyOpt().config(key, false).write(folder.resolve("off")));
    }

    // ---- adapters, and what else is no checkpoint ----

    @ParameterizedTest
    @ValueSource(strings = {"adapter_model.safetensors", "adapter_model.bin", "adapter_config.json"})
    void anAdapterIsCalledOne(String file) throws IOException {
        Files.writeString(folder.resolve(file), "{}");
        assertThatThrownBy(() -> OptModel.open(folder))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll(folder.toString(), "is a PEFT adapter", "not a model", "merge");
    }

    @Test
    void anAdapterTellsOfWhichModelItIs() throws IOException {
        Files.writeString(
                folder.resolve("adapter_config.json"),
                "{\"peft_type\": \"LORA\", \"base_model_name_or_path\": \"facebook/opt-125m\\u001b[31m\"}");
        assertThatThrownBy(() -> OptModel.open(folder))
                .hasMessageContaining("is a PEFT adapter (LORA) of facebook/opt-125m?[31m, not a model");
        Files.writeString(folder.resolve("adapter_config.json"), "{not json");
        assertThatThrownBy(() -> OptModel.open(folder)).hasMessageContaining("is a PEFT adapter, not a model");
    }

    /** transformers runs such a model with the adapter. */
    @Test
    void anAdapterBesideItsModelIsRefusedToo() throws IOException {
        Path path = new TinyOpt().write(folder);
        Files.writeString(path.resolve("adapter_config.json"), "{}");
        assertThatThrownBy(() -> OptModel.open(path, Set.of(Allow.values())))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll(
                        "PEFT adapter", "without the adapter", "copy its files without adapter_config.json");
        Files.delete(path.resolve("adapter_config.json"));
        Files.writeString(path.resolve("adapter_model.bin"), "left by a training run");
        opened(path);
    }

    @Test
    void aFolderOfOnnxModelsNamesThem() throws IOException {
        Files.createDirectories(folder.resolve("onnx"));
        Files.writeString(folder.resolve("onnx").resolve("model.onnx"), "");
        assertThatThrownBy(() -> OptModel.open(folder))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll("has no config.json", "opened by its file: [onnx/model.onnx]");
    }
}
