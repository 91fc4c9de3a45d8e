package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import io.modscan.onnx.internal.graph.GraphBuilder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Exports that are opened again, where they were written and elsewhere. */
class ExportedFileTest {

    @TempDir
    private Path folder;

    private Path checkpoint() {
        return folder.resolve("tiny");
    }

    private Path export(OptModel model) {
        return model.export().to(checkpoint().resolve("tiny.onnx")).model();
    }

    private static Map<String, float[]> everything(OptModel model) {
        TokenBatch batch = Runs.batch(Padding.LEFT, 5, new int[] {2, 9, 4}, new int[] {2, 30, 31, 32, 33});
        return Runs.run(model, Runs.everything(model), batch);
    }

    private static void assertSame(OptModel actual, OptModel expected) {
        Map<String, float[]> values = everything(expected);
        assertThat(actual.sites()).isEqualTo(expected.sites());
        assertThat(everything(actual))
                .containsOnlyKeys(values.keySet())
                .allSatisfy((name, array) -> assertThat(Arrays.equals(array, values.get(name)))
                        .as(name)
                        .isTrue());
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "F16", "BF16"})
    void anExportInPlaceNeedsNoConfig(DType type) throws IOException {
        OptModel model = new TinyOpt().stored(type).postNorm().projection(8).load(checkpoint());
        Path file = export(model);
        Files.delete(checkpoint().resolve("config.json"));
        OptModel opened = OptModel.open(file);
        assertSame(opened, model);
        assertThat(opened.provenance()).isEqualTo(model.provenance());
        assertThat(opened.bosTokenId()).isEqualTo(model.bosTokenId());
        assertThat(opened.maxTokens()).isEqualTo(model.maxTokens());
    }

    @Test
    void aSelfContainedExportWorksFromAnyFolder() throws IOException {
        OptModel model = new TinyOpt().untiedHead().load(checkpoint());
        Path file = model.export()
                .selfContained()
                .to(folder.resolve("out").resolve("tiny.onnx"))
                .model();
        Map<String, float[]> expected = everything(model);
        Path moved = Files.createDirectories(folder.resolve("moved").resolve("on"));
        Files.move(file, moved.resolve("renamed.onnx"));
        Files.move(file.resolveSibling("tiny.onnx.data"), moved.resolve("tiny.onnx.data"));
        Files.move(checkpoint(), folder.resolve("gone"));
        OptModel opened = OptModel.open(moved.resolve("renamed.onnx"));
        assertThat(everything(opened))
                .allSatisfy((name, array) -> assertThat(array).as(name).isEqualTo(expected.get(name)));
    }

    @Test
    void anExportOfAnExportIsTheSameGraph() throws IOException {
        OptModel model = new TinyOpt().load(checkpoint());
        Path file = export(model);
        Path again = OptModel.open(file)
                .export()
                .to(checkpoint().resolve("again.onnx"))
                .model();
        assertThat(again).hasSameBinaryContentAs(file);
    }

    @Test
    void ofACutExportThoseSitesAreThereWhoseWeightsAre() {
        OptModel model = new TinyOpt().load(checkpoint());
        Path file = model.export()
                .sites(Sites.glob("blocks.0.attn.hook_z"))
                .to(checkpoint().resolve("cut.onnx"))
                .model();
        OptModel cut = OptModel.open(file);
        assertThat(cut.sites())
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
                        "blocks.0.attn.hook_z");
        Map<String, float[]> expected = everything(model);
        assertThat(everything(cut))
                .allSatisfy((name, array) -> assertThat(array).as(name).isEqualTo(expected.get(name)));
        assertThatThrownBy(() -> Runs.plan(cut, Pooling.none(), "logits"))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("logits");
    }

    @Test
    void withoutATokenizerBesideItItTakesOneFromElsewhere() throws IOException {
        OptModel opened = OptModel.open(export(new TinyOpt().load(checkpoint())));
        assertThatThrownBy(opened::tokenizer)
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContaining("has no tokenizer");
        Path elsewhere = Files.createDirectory(folder.resolve("tokenizer"));
        Files.writeString(elsewhere.resolve("vocab.json"), "{\"<s>\": 0, \"<pad>\": 1, \"</s>\": 2, \"a\": 3}");
        Files.writeString(elsewhere.resolve("merges.txt"), "#version: 0.2\n");
        Files.writeString(elsewhere.resolve("tokenizer_config.json"), "{\"bos_token\": \"</s>\"}");
        assertThat(opened.withTokenizer(elsewhere).tokenizer().encode("aa")).containsExactly(2, 3, 3);
    }

    // ---- what is no export, or no longer one ----

    private static void change(Path file, UnaryOperator<ModelProto.Builder> change) throws IOException {
        Files.write(
                file,
                change.apply(ModelProto.parseFrom(Files.readAllBytes(file)).toBuilder())
                        .build()
                        .toByteArray());
    }

    @Test
    void anEditedGraphIsRefused() throws IOException {
        Path file = export(new TinyOpt().load(checkpoint()));
        change(file, model -> {
            model.getGraphBuilder().getNodeBuilder(5).setOpType("Identity");
            return model;
        });
        assertThatThrownBy(() -> OptModel.open(file))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("tiny.onnx", "was changed since modscan wrote it");
    }

    @Test
    void somebodyElsesModelIsRefused() throws IOException {
        Path file = export(new TinyOpt().load(checkpoint()));
        change(file, model -> model.setProducerName("pytorch"));
        assertThatThrownBy(() -> OptModel.open(file))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("tiny.onnx", "'pytorch'", "an export of modscan's");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 100, 5000})
    void atMostSomeBytesAreNoModel(int size) throws IOException {
        Path file = export(new TinyOpt().load(checkpoint()));
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), size));
        assertThatThrownBy(() -> OptModel.open(file))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("tiny.onnx");
    }

    @Test
    void weightsThatWereTruncatedSinceAreTold() throws IOException {
        Path file = export(new TinyOpt().load(checkpoint()));
        Path weights = checkpoint().resolve("model.safetensors");
        try (FileChannel channel = FileChannel.open(weights, StandardOpenOption.WRITE)) {
            channel.truncate(channel.size() - 4);
        }
        assertThatThrownBy(() -> OptModel.open(file))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("model.safetensors", "tiny.onnx", "truncated");
        Files.delete(weights);
        assertThatThrownBy(() -> OptModel.open(file))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll("model.safetensors", "no such file");
    }

    @ParameterizedTest
    @CsvSource({
        "location, /etc/passwd, outside",
        "location, ../outside, outside",
        "location, '', no plain file",
        "offset, -1, not where a tensor can be",
        "offset, 9223372036854775807, truncated",
        "offset, x, not where a tensor can be",
        "length, 9223372036854775807, truncated",
        "length, -8, not where a tensor can be"
    })
    void whereWeightsLieIsCheckedBeforeItIsUsed(String key, String value, String message) throws IOException {
        Path file = export(new TinyOpt().load(checkpoint()));
        Files.writeString(folder.resolve("outside"), "not for the model to see");
        change(file, model -> {
            TensorProto.Builder tensor = model.getGraphBuilder().getInitializerBuilder(0);
            for (StringStringEntryProto.Builder entry : tensor.getExternalDataBuilderList()) {
                if (entry.getKey().equals(key)) {
                    entry.setValue(value);
                }
            }
            return withItsChecksum(model);
        });
        assertThatThrownBy(() -> OptModel.open(file))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining(message);
    }

    @Test
    void weightsThatWereReplacedSinceAreTold() throws IOException {
        Path file = export(new TinyOpt().load(checkpoint()));
        Path weights = checkpoint().resolve("model.safetensors");
        try (FileChannel channel = FileChannel.open(weights, StandardOpenOption.WRITE)) {
            // The last tensor's last numbers, as if it had been trained on.
            channel.write(ByteBuffer.wrap(new byte[] {1, 2, 3, 4}), channel.size() - 4);
        }
        assertThatThrownBy(() -> OptModel.open(file))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("tiny.onnx", "not those that it was written for");
    }

    @ParameterizedTest
    @CsvSource({"'\"num_attention_heads\":3', '\"num_attention_heads\":2'", "relu, gelu"})
    void aConfigThatWasEditedInTheMetadataIsTold(String before, String after) throws IOException {
        Path file = export(new TinyOpt().load(checkpoint()));
        change(file, model -> {
            for (StringStringEntryProto.Builder entry : model.getMetadataPropsBuilderList()) {
                if (entry.getKey().equals(GraphBuilder.CONFIG)) {
                    assertThat(entry.getValue()).contains(before);
                    entry.setValue(entry.getValue().replace(before, after));
                }
            }
            return model;
        });
        assertThatThrownBy(() -> OptModel.open(file))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("tiny.onnx", "config in its metadata");
    }

    @Test
    void aTensorThatIsThereTwiceIsMalformed() throws IOException {
        Path file = export(new TinyOpt().load(checkpoint()));
        change(file, model -> {
            model.getGraphBuilder().addInitializer(model.getGraph().getInitializer(0));
            return withItsChecksum(model);
        });
        assertThatThrownBy(() -> OptModel.open(file))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("tiny.onnx", "embed_tokens.weight' twice");
    }

    @Test
    void whatIsTooLargeForAGraphIsNotRead() throws IOException {
        Path file = Files.createDirectories(checkpoint()).resolve("large.onnx");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(1), 1L << 33);
        }
        assertThatThrownBy(() -> OptModel.open(file))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("large.onnx", "holds no weights");
    }

    private static ModelProto.Builder withItsChecksum(ModelProto.Builder model) {
        String checksum = GraphBuilder.checksum(model.getGraph());
        model.getMetadataPropsBuilderList().stream()
                .filter(entry -> entry.getKey().equals(GraphBuilder.GRAPH_CHECKSUM))
                .forEach(entry -> entry.setValue(checksum));
        return model;
    }

    @Test
    void aSecondSelfContainedExportReplacesBothFiles() throws IOException {
        OptModel first = new TinyOpt().load(checkpoint());
        OptModel second = new TinyOpt().stored(DType.F16).load(folder.resolve("other"));
        Path file = folder.resolve("out").resolve("tiny.onnx");
        first.export().selfContained().to(file);
        second.export().selfContained().to(file);
        assertSame(OptModel.open(file), second);
        try (var files = Files.list(file.getParent())) {
            assertThat(files.map(Path::getFileName).map(Path::toString))
                    .containsExactlyInAnyOrder("tiny.onnx", "tiny.onnx.data");
        }
    }

    @Test
    void anExportThatIsWrittenOverItselfStaysWhole() throws IOException {
        OptModel model = new TinyOpt().load(checkpoint());
        Path file = folder.resolve("out").resolve("tiny.onnx");
        model.export().selfContained().to(file);
        OptModel.open(file).export().selfContained().to(file);
        OptModel.open(file).export().to(file);
        assertSame(OptModel.open(file), model);
        assertThat(List.of(model.provenance().get("model.fingerprint")))
                .containsExactly(OptModel.open(file).provenance().get("model.fingerprint"));
    }
}
