package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class OptModelTest {

    private static final TokenBatch BATCH = Runs.batch(Padding.RIGHT, 4, new int[] {2, 5, 9, 11});

    @TempDir
    private Path folder;

    private ThrowingCallable loading(TinyOpt opt) {
        opt.write(folder);
        return () -> OptModel.open(folder);
    }

    private static float[] logits(OptModel model) {
        return Runs.get(Runs.run(model, Runs.plan(model, Pooling.none(), "logits"), BATCH), "logits");
    }

    // ---- the folder ----

    @Test
    void aFolderThatIsNotThereIsNamed() {
        Path none = folder.resolve("opt-125m");
        assertThatThrownBy(() -> OptModel.open(none))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll(none.toString(), "no such folder", "config.json");
    }

    @Test
    void aFileInPlaceOfTheFolderIsRefused() throws IOException {
        Path file = Files.writeString(folder.resolve("model.bin"), "");
        assertThatThrownBy(() -> OptModel.open(file))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll(file.toString(), "is a file, and no model");
    }

    @Test
    void aFolderWithoutConfigIsNoCheckpoint() {
        assertThatThrownBy(() -> OptModel.open(folder))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll(folder.toString(), "has no config.json");
    }

    @Test
    void aFolderWithoutWeightsSaysWhichFilesWouldDo() throws IOException {
        Files.delete(new TinyOpt().write(folder).resolve("model.safetensors"));
        assertThatThrownBy(() -> OptModel.open(folder))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll(folder.toString(), "has no weights", "model.safetensors", "pytorch_model.bin");
    }

    /** A header of 19,280 bytes makes a safetensors file begin with the letters of a zip. */
    @Test
    void aSafetensorsFileThatBeginsLikeAZipIsRead() throws IOException {
        Path file = new TinyOpt().write(folder).resolve("model.safetensors");
        ByteBuffer old = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int header = (int) old.getLong();
        int padded = 'P' + ('K' << 8);
        ByteBuffer zipLike =
                ByteBuffer.allocate(old.capacity() - header + padded).order(ByteOrder.LITTLE_ENDIAN);
        zipLike.putLong(padded).put(old.slice(8, header));
        zipLike.put(" ".repeat(padded - header).getBytes(StandardCharsets.US_ASCII));
        zipLike.put(old.slice(8 + header, old.capacity() - 8 - header));
        Files.write(file, zipLike.array());
        assertThat(new String(Files.readAllBytes(file), 0, 2, StandardCharsets.US_ASCII))
                .isEqualTo("PK");
        assertThat(OptModel.open(folder).sites()).isNotEmpty();
    }

    // ---- config.json ----

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[1, 2]", "null", "opt", "{\"model_type\": \"opt\",}"})
    void aConfigThatIsNoJsonObjectIsMalformed(String json) throws IOException {
        Files.writeString(folder.resolve("config.json"), json);
        assertThatThrownBy(() -> OptModel.open(folder))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("config.json", "not a JSON object");
    }

    @Test
    void aConfigThatIsNotUtf8IsMalformed() throws IOException {
        Files.write(
                folder.resolve("config.json"),
                "{\"model_type\": \"opt\", \"_name_or_path\": \"caf\u00e9\"}".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> OptModel.open(folder))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("config.json", "UTF-8");
    }

    @Test
    void anotherModelTypeIsRefusedByName() {
        assertThatThrownBy(loading(new TinyOpt().config("model_type", "gpt2")))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("config.json", "'model_type' is 'gpt2'", "OPT");
    }

    @Test
    void aMissingModelTypeIsRefused() {
        assertThatThrownBy(loading(new TinyOpt().config("model_type", null)))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("config.json", "'model_type'", "'opt'");
    }

    static Stream<Arguments> wrongNumbers() {
        return Stream.of(
                        "hidden_size",
                        "num_hidden_layers",
                        "num_attention_heads",
                        "ffn_dim",
                        "vocab_size",
                        "max_position_embeddings")
                .flatMap(key ->
                        Stream.of(0, -1, 2.5, "12", 3_000_000_000L, true).map(value -> Arguments.of(key, value)));
    }

    @ParameterizedTest
    @MethodSource("wrongNumbers")
    void aSizeThatIsNoPositiveIntegerIsMalformed(String key, Object value) {
        assertThatThrownBy(loading(new TinyOpt().config(key, value)))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("config.json", "'" + key + "' is " + value, "positive integer");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hidden_size",
                "num_hidden_layers",
                "num_attention_heads",
                "ffn_dim",
                "vocab_size",
                "max_position_embeddings"
            })
    void aMissingSizeIsNamed(String key) throws IOException {
        Path file = new TinyOpt().write(folder).resolve("config.json");
        Files.writeString(file, Files.readString(file).replace("\"" + key + "\"", "\"another\""));
        assertThatThrownBy(() -> OptModel.open(folder))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("config.json", "has no '" + key + "'", "positive integer");
    }

    @ParameterizedTest
    @CsvSource({
        "num_hidden_layers, 2147483647",
        "num_hidden_layers, 513",
        "hidden_size, 2147483646",
        "ffn_dim, 2147483647",
        "vocab_size, 2147483647",
        "max_position_embeddings, 2147483647",
        "word_embed_proj_dim, 2147483647",
        "word_embed_proj_dim, 0",
        "hidden_size, -12"
    })
    void aSizeThatNoModelHasIsMalformed(String key, int value) {
        assertThatThrownBy(loading(new TinyOpt().config(key, value)))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("config.json", "'" + key + "' is " + value, "a positive integer up to");
    }

    @Test
    void itsFilesAreThoseThatItReads() throws IOException {
        OptModel model = new TinyOpt().load(folder.resolve("tiny"));
        Path real = folder.resolve("tiny").toRealPath();
        assertThat(model.files())
                .containsExactlyInAnyOrder(real.resolve("config.json"), real.resolve("model.safetensors"));
        Files.writeString(folder.resolve("tiny").resolve("vocab.json"), "{}");
        assertThat(model.files()).contains(real.resolve("vocab.json"));
        Path export = model.export()
                .selfContained()
                .to(folder.resolve("out").resolve("m.onnx"))
                .model();
        Path tokenizer = Files.writeString(folder.resolve("t.json"), "{}").toRealPath();
        assertThat(OptModel.open(export).withTokenizer(tokenizer).files())
                .containsExactlyInAnyOrder(
                        export.toRealPath(),
                        export.resolveSibling("m.onnx.data").toRealPath(),
                        tokenizer);
    }

    @Test
    void whatCannotBeAPathIsTold() {
        assertThatThrownBy(() -> OptModel.open("a\0b"))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContaining("'a?b' cannot be a path");
        assertThatThrownBy(() -> OptModel.open(""))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll("no model is named", "facebook/opt-125m");
    }

    /** Opens what its argument names, and tells how that ended. */
    static final class Opening {
        private Opening() {}

        public static void main(String[] args) {
            try {
                OptModel.open(args[0]);
            } catch (ModscanException e) {
                System.out.println(e);
            }
        }
    }

    /** In a process of its own, since the hub's settings come from the environment. */
    @Test
    void aPathWithASlipIsCalledAMissingFolderBeforeTheHubIsSpokenOf() throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Opening.class.getName(),
                "modles/opt");
        builder.environment().put("HF_HUB_OFFLINE", "1");
        builder.environment().put("HF_HUB_CACHE", folder.toString());
        Process process = builder.redirectError(ProcessBuilder.Redirect.DISCARD).start();
        assertThat(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .startsWith("io.modscan.onnx.hub.HubException: modles/opt: no such folder or file;")
                .contains("HF_HUB_OFFLINE");
    }

    @ParameterizedTest
    @ValueSource(strings = {"modles", "./modles/opt", "modles/opt/", "my/modles/opt", "/modles/opt", "../modles"})
    void whatCanBeNoNameOfTheHubIsAMissingFolder(String path) {
        assertThatThrownBy(() -> OptModel.open(path))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContaining("no such folder");
    }

    @Test
    void aFlagThatIsNoBooleanIsMalformed() {
        assertThatThrownBy(loading(new TinyOpt().config("do_layer_norm_before", "yes")))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("'do_layer_norm_before' is yes", "true or false");
    }

    @Test
    void headsThatDoNotDivideTheWidthAreMalformed() {
        assertThatThrownBy(loading(new TinyOpt().config("num_attention_heads", 5)))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("config.json", "'hidden_size' 12", "not divisible", "'num_attention_heads' 5");
    }

    @Test
    void anUnknownActivationIsRefusedByName() {
        assertThatThrownBy(loading(new TinyOpt().config("activation_function", "swiglu")))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("config.json", "'activation_function' is 'swiglu'", "relu", "gelu");
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "1.5", "\"</s>\""})
    void aBosThatIsNoTokenIdIsMalformed(String bos) throws IOException {
        Path file = new TinyOpt().write(folder).resolve("config.json");
        Files.writeString(file, Files.readString(file).replace("\"bos_token_id\":2", "\"bos_token_id\":" + bos));
        assertThatThrownBy(() -> OptModel.open(folder))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("'bos_token_id'", "integer from 0");
    }

    @Test
    void tokenZeroMayBeTheBos() {
        assertThat(new TinyOpt().config("bos_token_id", 0).load(folder).bosTokenId())
                .hasValue(0);
    }

    static Stream<Arguments> defaults() {
        return Stream.of(
                        "word_embed_proj_dim",
                        "do_layer_norm_before",
                        "_remove_final_layer_norm",
                        "enable_bias",
                        "layer_norm_elementwise_affine",
                        "tie_word_embeddings",
                        "activation_function",
                        "bos_token_id")
                .map(Arguments::of);
    }

    @ParameterizedTest
    @MethodSource("defaults")
    void aSettingThatIsNullHasThatOfOpt125m(String key) {
        OptModel whole = new TinyOpt().load(folder.resolve("whole"));
        OptModel without = new TinyOpt().config(key, null).load(folder.resolve("without"));
        assertThat(logits(without)).isEqualTo(logits(whole));
        assertThat(without.bosTokenId()).hasValue(2);
    }

    // ---- tensors ----

    @Test
    void missingTensorsAreNamed() {
        assertThatThrownBy(loading(new TinyOpt()
                        .withoutTensor("model.decoder.layers.1.fc1.bias")
                        .withoutTensor("model.decoder.embed_positions.weight")))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll(
                        "model.safetensors",
                        "lacks",
                        "layers.1.fc1.bias",
                        "embed_positions.weight",
                        "config.json calls for");
    }

    @Test
    void aLayerMoreThanThereIsCountsAsMissing() {
        assertThatThrownBy(loading(new TinyOpt().layers(2).config("num_hidden_layers", 3)))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("lacks", "layers.2.self_attn.q_proj.weight", "more");
    }

    @Test
    void moreLayersThanTensorsAreRefusedAtOnce() {
        assertThatThrownBy(loading(new TinyOpt().config("num_hidden_layers", 500)))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("36 tensors", "too few", "'num_hidden_layers' 500");
    }

    @Test
    void aMisshapenTensorIsNamedWithBothShapes() {
        assertThatThrownBy(loading(new TinyOpt().tensor("model.decoder.layers.0.fc2.weight", DType.F32, 20, 12)))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll(
                        "model.safetensors", "'model.decoder.layers.0.fc2.weight'", "[20, 12]", "[12, 20]");
    }

    @Test
    void aTensorThatNoOptHasIsNamed() {
        assertThatThrownBy(loading(new TinyOpt().tensor("model.decoder.layers.0.fc3.weight", DType.F32, 2)))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("model.safetensors", "layers.0.fc3.weight", "does not have");
    }

    @Test
    void biasesThatTheConfigDeniesAreExtra() {
        assertThatThrownBy(loading(new TinyOpt().config("enable_bias", false)))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("layers.0.self_attn.q_proj.bias", "does not have");
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"I64", "I32", "I16", "I8", "U8", "BOOL"})
    void weightsThatAreNoFloatsAreRefused(DType type) {
        assertThatThrownBy(loading(new TinyOpt().tensor("model.decoder.layers.0.fc1.bias", type, 20)))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("'model.decoder.layers.0.fc1.bias'", "type " + type, "F16", "BF16", "F32");
    }

    @Test
    void oneTensorUnderTwoPrefixesIsMalformed() {
        assertThatThrownBy(loading(new TinyOpt().tensor("decoder.layers.0.fc1.bias", DType.F32, 20)))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("'layers.0.fc1.bias'", "two names");
    }

    @Test
    void aHeadOfItsOwnCountsEvenWhereTheConfigSaysThatItIsTied() {
        float[] plain = logits(new TinyOpt().load(folder.resolve("plain")));
        float[] tied = logits(new TinyOpt()
                .tensor("lm_head.weight", DType.F32, TinyOpt.VOCABULARY, 12)
                .load(folder.resolve("tied")));
        float[] untied = logits(new TinyOpt().untiedHead().load(folder.resolve("untied")));
        assertThat(tied).isEqualTo(untied).isNotEqualTo(plain);
    }

    @ParameterizedTest
    @CsvSource({
        "quantization_config, bits",
        "pruned_heads, 0",
        "auto_map, AutoModel",
    })
    void aSettingThatChangesWhatIsComputedIsRefusedByName(String key, String inner) {
        assertThatThrownBy(loading(new TinyOpt().config(key, Map.of(inner, 1))))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("config.json", key + "={" + inner + "=1}");
    }

    @Test
    void settingsThatAreNotKnownAreRefusedByNameAllAtOnce() {
        assertThatThrownBy(loading(new TinyOpt()
                        .config("rotary_dim", 4)
                        .config("scale_embeddings", true)
                        .config("dropout", 0.1)
                        .config("parallel_attn", true)))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll(
                        "config.json",
                        "not handled, {scale_embeddings=true}; and",
                        "does not know, {parallel_attn=true, rotary_dim=4};");
    }

    @Test
    void settingsThatChangeNothingAreTaken() {
        float[] plain = logits(new TinyOpt().load(folder.resolve("plain")));
        float[] dressed = logits(new TinyOpt()
                .config("prefix", "</s>")
                .config("learned_embeddings", true)
                .config("scale_embeddings", false)
                .config("pruned_heads", Map.of())
                .config("quantization_config", null)
                .config("num_beams", 4)
                .config("something_new", null)
                .load(folder.resolve("dressed")));
        assertThat(dressed).isEqualTo(plain);
    }

    @Test
    void anUntiedHeadWithoutWeightsIsMissing() {
        assertThatThrownBy(loading(new TinyOpt().config("tie_word_embeddings", false)))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("lacks", "lm_head.weight");
    }

    @Test
    void theVersionCounterOfFairseqIsPassedOver() {
        OptModel model = new TinyOpt()
                .prefix("decoder.")
                .tensor("decoder.version", DType.F32, 1)
                .load(folder);
        assertThat(logits(model)).doesNotContain(Float.NaN);
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.decoder.", "decoder.", ""})
    void everyPrefixInUseGivesTheSameNumbers(String prefix) {
        OptModel usual = new TinyOpt().load(folder.resolve("usual"));
        OptModel model = new TinyOpt().prefix(prefix).load(folder.resolve("prefixed"));
        assertThat(logits(model)).isEqualTo(logits(usual));
    }

    @ParameterizedTest
    @CsvSource({"F16, 2e-2", "BF16, 2e-1", "F64, 1e-6"})
    void weightsOfAnyFloatTypeRunAsFloat32(DType type, float tolerance) {
        float[] usual = logits(new TinyOpt().load(folder.resolve("usual")));
        float[] stored = logits(new TinyOpt().stored(type).load(folder.resolve("stored")));
        assertThat(stored).hasSameSizeAs(usual);
        for (int i = 0; i < usual.length; i++) {
            assertThat(stored[i]).isCloseTo(usual[i], within(tolerance));
        }
    }

    // ---- the weights' file ----

    @ParameterizedTest
    @ValueSource(longs = {0, 7, 8, 300, 10_000, -1})
    void truncatedSafetensorsAreMalformed(long size) throws IOException {
        Path file = new TinyOpt().write(folder).resolve("model.safetensors");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(size < 0 ? channel.size() + size : size);
        }
        assertThatThrownBy(() -> OptModel.open(folder))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContaining("model.safetensors");
    }

    @Test
    void weightsBehindLinksOfAHubCacheLoadAndRun() throws IOException {
        OptModel plain = new TinyOpt().load(folder.resolve("plain"));
        Path snapshot = hubCache(folder.resolve("plain"), "model.safetensors");
        assertThat(logits(OptModel.open(snapshot))).isEqualTo(logits(plain));
    }

    @Test
    void aSnapshotThatIsReachedByALinkRuns() throws IOException {
        OptModel plain = new TinyOpt().load(folder.resolve("plain"));
        Path snapshot = hubCache(folder.resolve("plain"), "model.safetensors");
        Path link = Files.createSymbolicLink(folder.resolve("main"), snapshot);
        assertThat(logits(OptModel.open(link))).isEqualTo(logits(plain));
    }

    @Test
    void aTorchFileBehindALinkIsToldByItsNameNotItsTargets() throws IOException {
        Path plain = new TinyOpt().write(folder.resolve("plain"));
        Files.move(plain.resolve("model.safetensors"), plain.resolve("pytorch_model.bin"));
        Files.writeString(plain.resolve("pytorch_model.bin"), "cut off at the very beginning");
        Path snapshot = hubCache(plain, "pytorch_model.bin");
        assertThatThrownBy(() -> OptModel.open(snapshot))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContaining("torch file");
    }

    @Test
    void aLinkToABlobThatIsNotThereIsToldFromNoWeights() throws IOException {
        Path plain = new TinyOpt().write(folder.resolve("plain"));
        Path snapshot = hubCache(plain, "model.safetensors");
        Path blob = snapshot.resolve("model.safetensors").toRealPath();
        Files.delete(blob);
        assertThatThrownBy(() -> OptModel.open(snapshot))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll(
                        snapshot.resolve("model.safetensors").toString(),
                        "link",
                        blob.getFileName().toString());
    }

    /** The same files as the hub's own client leaves them: links in snapshots to blobs that are named by their hash. */
    private Path hubCache(Path plain, String weights) throws IOException {
        Path cache = folder.resolve("models--me--tiny");
        Path snapshot = Files.createDirectories(cache.resolve("snapshots").resolve("0123abcd"));
        Path blobs = Files.createDirectories(cache.resolve("blobs"));
        int number = 0;
        for (String name : List.of("config.json", weights)) {
            String hash = "9f86d081884c7d65" + number++;
            Files.copy(plain.resolve(name), blobs.resolve(hash));
            Files.createSymbolicLink(snapshot.resolve(name), Path.of("..", "..", "blobs", hash));
        }
        return snapshot;
    }

    // ---- what a model tells of itself ----

    @Test
    void sitesOfPreNormAreThoseOfTheTableInOrder() {
        assertThat(new TinyOpt().load(folder).sites())
                .extracting(Site::name)
                .containsExactly(
                        "hook_embed",
                        "hook_pos_embed",
                        "blocks.0.hook_resid_pre",
                        "blocks.0.ln1.hook_normalized",
                        "blocks.0.attn.hook_q",
                        "blocks.0.attn.hook_k",
                        "blocks.0.attn.hook_v",
                        "blocks.0.attn.hook_attn_scores",
                        "blocks.0.attn.hook_pattern",
                        "blocks.0.attn.hook_z",
                        "blocks.0.attn.hook_result",
                        "blocks.0.hook_attn_out",
                        "blocks.0.hook_resid_mid",
                        "blocks.0.ln2.hook_normalized",
                        "blocks.0.mlp.hook_pre",
                        "blocks.0.mlp.hook_post",
                        "blocks.0.hook_mlp_out",
                        "blocks.0.hook_resid_post",
                        "blocks.1.hook_resid_pre",
                        "blocks.1.ln1.hook_normalized",
                        "blocks.1.attn.hook_q",
                        "blocks.1.attn.hook_k",
                        "blocks.1.attn.hook_v",
                        "blocks.1.attn.hook_attn_scores",
                        "blocks.1.attn.hook_pattern",
                        "blocks.1.attn.hook_z",
                        "blocks.1.attn.hook_result",
                        "blocks.1.hook_attn_out",
                        "blocks.1.hook_resid_mid",
                        "blocks.1.ln2.hook_normalized",
                        "blocks.1.mlp.hook_pre",
                        "blocks.1.mlp.hook_post",
                        "blocks.1.hook_mlp_out",
                        "blocks.1.hook_resid_post",
                        "ln_final.hook_normalized",
                        "logits",
                        "log_probs",
                        "loss");
    }

    @Test
    void sitesOfPostNormHaveEachNormBehindItsHalfAndNoLast() {
        assertThat(new TinyOpt().layers(1).postNorm().projection(8).load(folder).sites())
                .extracting(Site::name)
                .containsExactly(
                        "hook_embed",
                        "hook_pos_embed",
                        "blocks.0.hook_resid_pre",
                        "blocks.0.attn.hook_q",
                        "blocks.0.attn.hook_k",
                        "blocks.0.attn.hook_v",
                        "blocks.0.attn.hook_attn_scores",
                        "blocks.0.attn.hook_pattern",
                        "blocks.0.attn.hook_z",
                        "blocks.0.attn.hook_result",
                        "blocks.0.hook_attn_out",
                        "blocks.0.ln1.hook_normalized",
                        "blocks.0.hook_resid_mid",
                        "blocks.0.mlp.hook_pre",
                        "blocks.0.mlp.hook_post",
                        "blocks.0.hook_mlp_out",
                        "blocks.0.ln2.hook_normalized",
                        "blocks.0.hook_resid_post",
                        "logits",
                        "log_probs",
                        "loss");
    }

    @Test
    void removingTheLastNormRemovesItsSite() {
        OptModel model = new TinyOpt()
                .config("_remove_final_layer_norm", true)
                .withoutTensor("model.decoder.final_layer_norm.weight")
                .withoutTensor("model.decoder.final_layer_norm.bias")
                .load(folder);
        assertThat(model.sites()).extracting(Site::name).doesNotContain("ln_final.hook_normalized");
        assertThat(logits(model)).doesNotContain(Float.NaN);
    }

    @Test
    void shapesFollowTheConfig() {
        OptModel model = new TinyOpt().projection(6).load(folder);
        assertThat(Runs.shape(Runs.site(model, "hook_embed"), 1, 5)).containsExactly(1, 5, 12);
        assertThat(Runs.shape(Runs.site(model, "blocks.1.attn.hook_z"), 1, 5)).containsExactly(1, 5, 3, 4);
        assertThat(Runs.shape(Runs.site(model, "blocks.1.attn.hook_pattern"), 1, 5))
                .containsExactly(1, 3, 5, 5);
        assertThat(Runs.shape(Runs.site(model, "blocks.1.attn.hook_result"), 1, 5))
                .containsExactly(1, 5, 3, 12);
        assertThat(Runs.shape(Runs.site(model, "blocks.1.mlp.hook_post"), 1, 5)).containsExactly(1, 5, 20);
        assertThat(Runs.shape(Runs.site(model, "logits"), 1, 5)).containsExactly(1, 5, 40);
        assertThat(Runs.shape(Runs.site(model, "loss"), 1, 5)).containsExactly(1, 5);
    }

    @Test
    void onlyEachHeadsResultAndLogProbabilitiesAreOnDemand() {
        assertThat(new TinyOpt().load(folder).sites())
                .filteredOn(Site::onDemand)
                .extracting(Site::hook)
                .containsExactly("hook_result", "hook_result", "log_probs");
    }

    @Test
    void sizesAreThoseOfTheConfig() {
        OptModel model = new TinyOpt().load(folder);
        assertThat(model.maxTokens()).hasValue(TinyOpt.MAX_POSITIONS);
        assertThat(model.vocabularySize()).hasValue(TinyOpt.VOCABULARY);
        assertThat(model.bosTokenId()).hasValue(TinyOpt.BOS);
        assertThat(model).hasToString("OptModel[" + folder + ", 2 layers, 3 heads, 20 neurons a layer]");
    }

    @Test
    void provenanceTellsCheckpointsApart() {
        OptModel model = new TinyOpt().load(folder.resolve("tiny"));
        OptModel same = new TinyOpt().load(folder.resolve("same"));
        OptModel other = new TinyOpt().stored(DType.BF16).load(folder.resolve("other"));
        assertThat(model.provenance())
                .containsEntry("model.type", "opt")
                .containsEntry("model.name", "tiny")
                .containsEntry("model.weights", "model.safetensors");
        assertThat(fingerprint(model)).matches("[0-9a-f]{64}").isEqualTo(fingerprint(same));
        assertThat(fingerprint(model)).isNotEqualTo(fingerprint(other));
    }

    private static @Nullable String fingerprint(OptModel model) {
        return model.provenance().get("model.fingerprint");
    }
}
