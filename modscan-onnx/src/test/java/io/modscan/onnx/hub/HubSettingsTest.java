package io.modscan.onnx.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HubSettingsTest {

    @TempDir
    Path home;

    private HubSettings settings(Map<String, String> environment) {
        return HubSettings.of(environment, home);
    }

    @Test
    void cacheIsWherePythonHasIt() {
        assertThat(settings(Map.of()).cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
        assertThat(settings(Map.of("XDG_CACHE_HOME", "/x")).cache()).isEqualTo(Path.of("/x/huggingface/hub"));
        assertThat(settings(Map.of("XDG_CACHE_HOME", "/x", "HF_HOME", "~/hf")).cache())
                .isEqualTo(home.resolve("hf/hub"));
        assertThat(settings(Map.of("HF_HOME", "/h", "HUGGINGFACE_HUB_CACHE", "${DISK}/c", "DISK", "/d"))
                        .cache())
                .isEqualTo(Path.of("/d/c"));
        assertThat(settings(Map.of("HUGGINGFACE_HUB_CACHE", "/c", "HF_HUB_CACHE", "/$A/$UNSET", "A", "a"))
                        .cache())
                .isEqualTo(Path.of("/a/$UNSET"));
        assertThat(settings(Map.of("HF_HUB_CACHE", "")).cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
        assertThatThrownBy(() -> settings(Map.of("HF_HOME", "~other/hf")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("HF_HOME is '~other/hf'");
    }

    @Test
    void tokenIsWherePythonHasIt() throws IOException {
        Files.writeString(home.resolve("secret"), " hf_file\n");
        Map<String, String> file = Map.of("HF_TOKEN_PATH", "~/secret");
        assertThat(settings(Map.of()).token()).isNull();
        assertThat(settings(file).token()).isEqualTo("hf_file");
        Files.createDirectories(home.resolve(".cache/huggingface"));
        Files.writeString(home.resolve(".cache/huggingface/token"), "hf_default");
        assertThat(settings(Map.of()).token()).isEqualTo("hf_default");
        assertThat(settings(Map.of("HUGGING_FACE_HUB_TOKEN", "hf_old")).token()).isEqualTo("hf_old");
        assertThat(settings(Map.of("HUGGING_FACE_HUB_TOKEN", "hf_old", "HF_TOKEN", "hf_new\n"))
                        .token())
                .isEqualTo("hf_new");
        assertThat(settings(Map.of("HF_TOKEN", " ")).token()).isEqualTo("hf_default");
        assertThat(settings(Map.of("HF_TOKEN", "hf_new", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "yes"))
                        .token())
                .isNull();
    }

    @Test
    void tokenIsNeverShown() {
        Hub hub = Hub.fromEnvironment(Map.of(), home).withToken("hf_verySecret");
        assertThat(hub.toString()).doesNotContain("verySecret").contains("not shown");
        assertThatThrownBy(() -> hub.withToken("hf_verySecret\u00e9"))
                .isInstanceOf(ModscanException.class)
                .hasMessageNotContaining("verySecret");
        assertThatThrownBy(() -> hub.withEndpoint(URI.create("https://user:verySecret@host")))
                .isInstanceOf(ModscanException.class)
                .hasMessageNotContaining("verySecret");
    }

    @Test
    void switchesAreAsInPython() {
        assertThat(settings(Map.of("HF_HUB_OFFLINE", "true")).offline()).isTrue();
        assertThat(settings(Map.of("TRANSFORMERS_OFFLINE", "on")).offline()).isTrue();
        assertThat(settings(Map.of("HF_HUB_OFFLINE", "0", "TRANSFORMERS_OFFLINE", "1"))
                        .offline())
                .isFalse();
        assertThat(settings(Map.of("HF_ENDPOINT", "https://mirror.example/hf/")).endpoint())
                .isEqualTo(URI.create("https://mirror.example/hf"));
        assertThat(settings(Map.of("HF_HUB_ETAG_TIMEOUT", "3")).timing().answer())
                .isEqualTo(Duration.ofSeconds(3));
        assertThatThrownBy(() -> settings(Map.of("HF_HUB_DOWNLOAD_TIMEOUT", "soon")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("HF_HUB_DOWNLOAD_TIMEOUT is 'soon'");
        for (String wrong : new String[] {"huggingface.co", "ftp://host", "https://host/?a=b", "https:// host"}) {
            assertThatThrownBy(() -> settings(Map.of("HF_ENDPOINT", wrong)))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("https://huggingface.co");
        }
    }

    @Test
    void pausesGrowAndHeedTheServerWithinLimits() {
        Timing timing = settings(Map.of()).timing();
        assertThat(timing.after(1, -1)).isEqualTo(Duration.ofSeconds(1));
        assertThat(timing.after(3, -1)).isEqualTo(Duration.ofSeconds(4));
        assertThat(timing.after(70, -1)).isEqualTo(Duration.ofSeconds(8));
        assertThat(timing.after(1, 20)).isEqualTo(Duration.ofSeconds(20));
        assertThat(timing.after(1, 999_999_999)).isEqualTo(Duration.ofSeconds(60));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "a/b/c",
                "../x",
                "a/..",
                "a..b",
                "a--b",
                "-a",
                "a.",
                "a b",
                "a/",
                "/a",
                "a\\b",
                "a.git",
                "caf\u00e9",
                "models--a--b"
            })
    void refusesWhatIsNoModel(String model) {
        assertThatThrownBy(() -> Hub.fromEnvironment(Map.of(), home).offline().snapshot(model))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("organisation/name");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "..", "../../etc", "/etc", "a/../b", "a\\b", "a//b", "C:x", "a b", "a\nb", "a^", "a?b"})
    void refusesWhatIsNoRevision(String revision) {
        assertThatThrownBy(() -> Hub.fromEnvironment(Map.of(), home).offline().snapshot("gpt2", revision))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("name of a revision");
    }

    @Test
    void acceptsWhatIsOne() {
        for (String model : new String[] {"gpt2", "facebook/opt-125m", "a/b", "A_1.b-c/x_Y.z-9"}) {
            HubNames.checkModel(model);
        }
        for (String revision : new String[] {"main", "refs/pr/1", "v1.0", "feature#1", LocalHub.COMMIT}) {
            HubNames.checkRevision(revision);
        }
        HubNames.checkFile("onnx/model (1).onnx");
    }
}
