package io.modscan.onnx.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.onnx.opt.OptModel;
import io.modscan.onnx.runtime.Allow;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models that are loaded by their names on a hub. */
class HubModelTest {

    private static final String TOKENIZER = "../internal/tokenizer/tokenizers/galactica";

    @TempDir
    private Path cache;

    private final LocalHub server = new LocalHub();

    @AfterEach
    void stop() {
        server.close();
    }

    private Hub hub() {
        return Hub.fromEnvironment(Map.of(), cache)
                .withCache(cache)
                .withEndpoint(server.endpoint())
                .withToken("");
    }

    private OptModel load() {
        return OptModel.open(hub().snapshot(LocalHub.MODEL));
    }

    private static Path resource(String name) {
        try {
            return Path.of(Objects.requireNonNull(OptModel.class.getResource(name), name)
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Serves the files of a folder, weights from the store. */
    private void serve(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (name.endsWith(".bin") || (name.endsWith(".safetensors") && !name.startsWith("reference"))) {
                    server.large(name, Files.readAllBytes(file));
                } else {
                    server.plain(name, Files.readAllBytes(file));
                }
            }
        }
    }

    private void serveOthers() {
        for (String name : List.of("README.md", ".gitattributes", "generation_config.json")) {
            server.plain(name, "{}".getBytes(StandardCharsets.UTF_8));
        }
        for (String name : List.of("flax_model.msgpack", "tf_model.h5", "rust_model.ot", "onnx/model.onnx")) {
            server.large(name, new byte[1000]);
        }
    }

    private List<String> fetched() throws IOException {
        Path snapshot =
                cache.resolve("models--acme--tiny-opt").resolve("snapshots").resolve(LocalHub.COMMIT);
        try (Stream<Path> files = Files.walk(snapshot)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> snapshot.relativize(file).toString())
                    .sorted()
                    .toList();
        }
    }

    private static List<float[]> numbers(OptModel model) {
        try (Probe probe =
                Probe.builder(model).sites("*").pooling(Pooling.mean()).build()) {
            Activations activations = probe.capture(Prompts.of(List.of(Prompt.ofTokens("a", 2, 5, 30, 7))));
            List<float[]> values = new ArrayList<>();
            activations.sites().forEach(site -> values.add(site.vector(0)));
            return values;
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "pre_norm",
                "post_norm_sharded",
                "galactica_sharded_bin",
                "decoder_prefix_sharded_bin",
                "views_bin"
            })
    void aModelOfTheHubIsTheSameAsItsFolder(String name) throws IOException {
        Path folder = resource("references/" + name);
        serve(folder);
        serveOthers();
        OptModel model = load();
        List<float[]> expected = numbers(OptModel.open(folder));
        List<float[]> actual = numbers(model);
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); i++) {
            assertThat(actual.get(i)).isEqualTo(expected.get(i));
        }
        assertThat(model.provenance())
                .containsEntry("model.name", LocalHub.MODEL)
                .containsEntry("model.revision", LocalHub.COMMIT);
    }

    @Test
    void onlyTheFilesThatAreNeededAreFetched() throws IOException {
        serve(resource("references/shards_beside_other_bin"));
        serve(resource(TOKENIZER));
        serveOthers();
        numbers(load());
        assertThat(fetched())
                .contains("config.json", "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json")
                .anyMatch(name -> name.matches("model-00001-of-0000\\d\\.safetensors"))
                .allMatch(
                        name -> name.matches(
                                "config\\.json|model.*\\.safetensors(\\.index\\.json)?|tokenizer.*\\.json|special_tokens_map\\.json"));
    }

    @Test
    void aSecondTimeNothingIsFetchedAndWithoutNetworkNothingIsMissing() throws IOException {
        serve(resource("references/pre_norm"));
        serve(resource(TOKENIZER));
        load();
        int requests = server.seen().size();
        load();
        assertThat(server.seen()).hasSize(requests + 1);
        assertThat(server.seen().get(requests).key()).isEqualTo("API");
        OptModel.open(hub().snapshot(LocalHub.MODEL, LocalHub.COMMIT));
        OptModel.open(hub().offline().snapshot(LocalHub.MODEL));
        assertThat(server.seen()).hasSize(requests + 1);
    }

    @Test
    void weightsThatAreInTheCacheAreNotFetchedInAnotherContainer() throws IOException {
        Path folder = resource("references/untied_beside_other_bin");
        serve(folder);
        hub().snapshot(LocalHub.MODEL).fetch(List.of("config.json", "pytorch_model.bin"));
        assertThat(load().provenance()).containsEntry("model.weights", "pytorch_model.bin");
        assertThat(fetched()).doesNotContain("model.safetensors");
    }

    @Test
    void whatIsNoOptIsRefusedBeforeItsWeightsAreFetched() {
        server.plain("config.json", "{\"model_type\": \"gpt2\"}".getBytes(StandardCharsets.UTF_8));
        server.large("model.safetensors", new byte[10]);
        assertThatThrownBy(this::load)
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("config.json", "'gpt2'");
        assertThat(server.seen("HEAD model.safetensors")).isEmpty();
    }

    @Test
    void aModelWithoutConfigOrWithoutWeightsIsRefused() throws IOException {
        server.plain("README.md", new byte[] {'#'});
        assertThatThrownBy(this::load)
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll(LocalHub.MODEL, "has no config.json");
        server.plain("config.json", Files.readAllBytes(resource("references/pre_norm/config.json")));
        server.large("tf_model.h5", new byte[10]);
        assertThatThrownBy(this::load)
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll(LocalHub.MODEL, "no weights", "model.safetensors");
    }

    @Test
    void anAdapterIsCalledOneBeforeAnythingIsFetched() throws IOException {
        serve(resource("references/pre_norm"));
        server.plain("adapter_config.json", new byte[] {'{', '}'});
        assertThatThrownBy(this::load)
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll(LocalHub.MODEL, "is a PEFT adapter, not a model");
        assertThat(server.seen("HEAD model.safetensors")).isEmpty();
    }

    @Test
    void aRepositoryOfOnnxModelsNamesThem() throws IOException {
        server.large("onnx/model.onnx", new byte[10]);
        assertThatThrownBy(this::load)
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("has no config.json", "opened by its file: [onnx/model.onnx]");
        server.plain("config.json", Files.readAllBytes(resource("references/pre_norm/config.json")));
        assertThatThrownBy(this::load)
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("no weights", "opened by its file: [onnx/model.onnx]");
    }

    @Test
    void leaveIsHeededBeforeTheWeightsAreFetched() throws IOException {
        serve(resource("references/pre_norm"));
        serve(resource(TOKENIZER));
        String config = Files.readString(resource("references/pre_norm/config.json"));
        server.plain("config.json", config.replaceFirst("\\{", "{\"own\": 1,").getBytes(StandardCharsets.UTF_8));
        assertThatThrownBy(this::load)
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("own=1", "--allow settings");
        assertThat(server.seen("HEAD model.safetensors")).isEmpty();
        HubSnapshot snapshot = hub().snapshot(LocalHub.MODEL);
        assertThat(numbers(OptModel.open(snapshot, Set.of(Allow.SETTINGS)))).isNotEmpty();
    }

    @Test
    void anUnfinishedFetchGoesOnTheNextTime() throws IOException {
        serve(resource("references/galactica_sharded_bin"));
        String last = "pytorch_model-00003-of-00003.bin";
        server.script("HEAD " + last, LocalHub.status(404));
        assertThatThrownBy(this::load)
                .isInstanceOfSatisfying(
                        HubException.class, e -> assertThat(e.reason()).isEqualTo(HubException.Reason.FILE_NOT_FOUND))
                .hasMessageContaining(last);
        assertThat(numbers(load())).isNotEmpty();
    }

    private static void assertReason(HubException.Reason reason, Runnable load, String... parts) {
        assertThatThrownBy(load::run)
                .isInstanceOfSatisfying(
                        HubException.class, e -> assertThat(e.reason()).isEqualTo(reason))
                .hasMessageContainingAll(parts);
    }

    @Test
    void aPartOfAModelIsToldFromNoCheckpointWithoutNetwork() throws IOException {
        serve(resource("references/pre_norm"));
        serve(resource(TOKENIZER));
        hub().snapshot(LocalHub.MODEL).fetch(List.of("tokenizer.json"));
        assertReason(
                HubException.Reason.OFFLINE,
                () -> OptModel.open(hub().offline().snapshot(LocalHub.MODEL)),
                LocalHub.MODEL,
                "lacks [config.json]");
        hub().snapshot(LocalHub.MODEL).fetch(List.of("config.json"));
        assertReason(
                HubException.Reason.OFFLINE,
                () -> OptModel.open(hub().offline().snapshot(LocalHub.MODEL)),
                LocalHub.MODEL,
                "lacks [model.safetensors]");
        URI nobody = URI.create("http://localhost:1");
        assertReason(
                HubException.Reason.OFFLINE,
                () -> OptModel.open(hub().withEndpoint(nobody).snapshot(LocalHub.MODEL)),
                LocalHub.MODEL,
                "cannot be reached");
    }

    @Test
    void theBranchIsNotedOnlyOnceAllIsThere() throws IOException {
        serve(resource("references/post_norm_sharded"));
        Path ref = cache.resolve("models--acme--tiny-opt").resolve("refs").resolve("main");
        String former = "89abcdef0123456789abcdef0123456789abcdef";
        Files.createDirectories(ref.getParent());
        Files.writeString(ref, former);
        server.script("HEAD model-00002-of-00003.safetensors", LocalHub.status(403, "X-Error-Code", "GatedRepo"));
        assertReason(HubException.Reason.GATED, this::load, LocalHub.MODEL);
        assertThat(ref).hasContent(former);
        OptModel model = load();
        assertThat(ref).hasContent(former);
        numbers(model);
        assertThat(ref).hasContent(LocalHub.COMMIT);
    }

    /** As a download of all *.json and *.bin leaves it. */
    @Test
    void anIndexWithoutItsFilesDoesNotHideWeightsThatAreThere() throws IOException {
        Path folder = resource("references/shards_beside_other_bin");
        serve(folder);
        hub().snapshot(LocalHub.MODEL)
                .fetch(List.of("config.json", "model.safetensors.index.json", "pytorch_model.bin"));
        assertThat(load().provenance()).containsEntry("model.weights", "pytorch_model.bin");
    }

    @Test
    void aMissingFolderIsNotTakenForAModel() {
        for (String name : List.of("opt-125n", "/no/such/folder", "a/b/c", "./a", "../a/b", "no-such.onnx")) {
            assertThat(OptModel.isHubName(name)).as(name).isFalse();
            assertThatThrownBy(() -> OptModel.open(name)).hasMessageContainingAll(name, "facebook/opt-125m");
        }
        assertThat(OptModel.isHubName("facebook/opt-125m")).isTrue();
        assertThat(OptModel.isHubName("src/main")).isFalse();
        try {
            Files.createDirectories(cache.resolve("x"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        assertThatThrownBy(() -> OptModel.open(cache.resolve("x").toString())).hasMessageContaining("no config.json");
    }
}
