package io.modscan.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.ModelContract;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.onnx.foreign.OnnxModel;
import io.modscan.onnx.opt.OptModel;
import io.modscan.onnx.opt.TinyOpt;
import io.modscan.onnx.runtime.Export.Exported;
import io.modscan.onnx.runtime.RuntimeModel;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelsTest {

    @TempDir
    private Path folder;

    private Path checkpoint;
    private Path export;
    /** An export that was exported as what it is no more: any ONNX model. */
    private Path other;

    @BeforeEach
    void filesOfEachKind() {
        checkpoint = folder.resolve("tiny");
        export = checkpoint.resolve("export.onnx");
        other = checkpoint.resolve("other.onnx");
        new TinyOpt().load(checkpoint).export().to(export);
        OnnxModel.open(export).export().sites(Sites.z()).to(other);
    }

    @Test
    void aModelIsOpenedAsTheKindThatItIs() {
        for (Path opt : List.of(checkpoint, export)) {
            assertThat(Models.open(opt)).isInstanceOf(OptModel.class);
            assertThat(Models.open(opt.toString())).isInstanceOf(OptModel.class);
            assertThat(Models.isOther(opt.toString())).isFalse();
        }
        assertThat(Models.open(other)).isInstanceOf(OnnxModel.class);
        assertThat(Models.open(other.toString())).isInstanceOf(OnnxModel.class);
        assertThat(Models.isOther(other.toString())).isTrue();
        assertThat(Models.isOther("facebook/opt-125m")).isFalse();
    }

    @Test
    void whatIsNotThereIsSaidByTheKindThatItWouldBe() {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Models.open(folder.resolve("no.onnx")))
                .withMessageContaining("no.onnx")
                .withMessageContaining("expected is an ONNX model");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Models.open(folder.resolve("no")))
                .withMessageContaining("no such folder");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Models.open("a\0b.onnx"))
                .withMessageContaining("cannot be a path");
    }

    @Test
    void bothKindsAreSetUpAndExportedAlike() throws IOException {
        for (Path file : List.of(checkpoint, other)) {
            RuntimeModel model = Models.open(file)
                    .withRuntime(RuntimeOptions.cpu().withThreads(1))
                    .withTokenizer(checkpoint);
            Path target = folder.resolve("out").resolve("new.onnx");
            Exported exported = model.export()
                    .sites(Sites.glob("blocks.0.attn.hook_z"))
                    .selfContained()
                    .to(target);
            assertThat(exported.model()).isEqualTo(target.toRealPath());
            assertThat(exported.data())
                    .contains(target.resolveSibling("new.onnx.data").toRealPath());
            assertThat(exported.sites()).extracting(Site::name).containsExactly("blocks.0.attn.hook_z");
            assertThat(Models.open(target).sites()).extracting(Site::name).contains("blocks.0.attn.hook_z");
            assertThat(model.files())
                    .contains(checkpoint.resolve("model.safetensors").toRealPath());
        }
    }

    /** What users prove of a model of their own holds for ours: by the network's family, of an export, of any ONNX model. */
    @Test
    void modelsKeepTheContract() {
        ModelContract.of(Models.open(checkpoint)).verify();
        ModelContract.of(Models.open(export)).verify();
        ModelContract.of(
                        OnnxModel.open(other).withMaxTokens(24),
                        Prompts.of(List.of(
                                Prompt.ofTokens("a", 2, 11, 12, 13, 5),
                                Prompt.ofTokens("b", 2, 7),
                                Prompt.ofTokens("c", 9))))
                .verify();
    }

    @Test
    void aRecordingKeepsTheContract() {
        Prompts prompts = Prompts.of(
                List.of(Prompt.ofTokens("a", 2, 11, 12, 13, 5), Prompt.ofTokens("b", 2, 7), Prompt.ofTokens("c", 9)));
        Path file = folder.resolve("acts.safetensors");
        try (Probe probe = Probe.builder(Models.open(checkpoint)).build()) {
            probe.capture(prompts, file);
        }
        Recording recording = Recording.open(file);
        ModelContract.of(recording, recording.prompts()).verify();
    }
}
