package io.modscan.onnx.internal.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Weights in several files, behind links, or not what they seem. */
class WeightFilesTest {

    private static final String INDEX = "model.safetensors.index.json";

    @TempDir
    private Path folder;

    private WeightFiles read() {
        return WeightFiles.read(ModelFolder.open(folder));
    }

    private void shard(String name, String... tensors) {
        SafetensorsWriter writer = new SafetensorsWriter();
        for (String tensor : tensors) {
            writer.add(tensor, DType.F32, List.of(2L), channel -> channel.write(ByteBuffer.allocate(8)));
        }
        writer.write(folder.resolve(name));
    }

    private void index(String... tensorsAndFiles) throws IOException {
        Map<String, String> map = new LinkedHashMap<>();
        for (int i = 0; i < tensorsAndFiles.length; i += 2) {
            map.put(tensorsAndFiles[i], tensorsAndFiles[i + 1]);
        }
        Files.writeString(folder.resolve(INDEX), JSON.std.asString(Map.of("weight_map", map)));
    }

    @Test
    void shardsAreReadAsOne() throws IOException {
        shard("model-00001-of-00002.safetensors", "a", "b");
        shard("model-00002-of-00002.safetensors", "c");
        index(
                "a", "model-00001-of-00002.safetensors",
                "b", "model-00001-of-00002.safetensors",
                "c", "model-00002-of-00002.safetensors");
        WeightFiles files = read();
        assertThat(files.path()).isEqualTo(folder.resolve(INDEX));
        assertThat(files.tensors()).containsOnlyKeys("a", "b", "c");
        assertThat(files.tensors().get("c"))
                .extracting(tensor -> tensor.file().getFileName().toString())
                .isEqualTo("model-00002-of-00002.safetensors");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../model.safetensors",
                "/etc/model.safetensors",
                "sub/model.safetensors",
                "..\\model.safetensors",
                "C:model.safetensors",
                "model.bin",
                "",
                ".."
            })
    void anIndexNamesFilesOfItsOwnFolderOnly(String file) throws IOException {
        index("a", file);
        assertThatThrownBy(this::read)
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll(INDEX, "'a' in '" + file + "'", "in the same folder", ".safetensors");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"weight_map\": {}}",
                "{\"weight_map\": []}",
                "{\"weight_map\": {\"a\": 1}}",
                "{\"weight_map\": {\"a\": null}}"
            })
    void anIndexWithoutFilesIsMalformed(String json) throws IOException {
        Files.writeString(folder.resolve(INDEX), json);
        assertThatThrownBy(this::read)
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContaining(INDEX);
    }

    @Test
    void aMissingShardIsNamed() throws IOException {
        shard("model-1.safetensors", "a");
        index("a", "model-1.safetensors", "b", "model-2.safetensors");
        assertThatThrownBy(this::read)
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll("model-2.safetensors", "not there", INDEX, "unfinished download");
    }

    @Test
    void twoShardsWithOneTensorAreMalformed() throws IOException {
        shard("model-1.safetensors", "a", "b");
        shard("model-2.safetensors", "b");
        index("a", "model-1.safetensors", "b", "model-2.safetensors");
        assertThatThrownBy(this::read)
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll(INDEX, "'b'", "two of its files", "model-1", "model-2");
    }

    @Test
    void aTensorThatIsInAnotherShardThanTheIndexSaysIsMalformed() throws IOException {
        shard("model-1.safetensors", "a");
        shard("model-2.safetensors", "b");
        index("a", "model-2.safetensors", "b", "model-1.safetensors");
        assertThatThrownBy(this::read)
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll(INDEX, "'a' in model-2.safetensors", "it is in model-1.safetensors");
    }

    @Test
    void aTensorThatIsInNoShardIsMalformed() throws IOException {
        shard("model-1.safetensors", "a");
        index("a", "model-1.safetensors", "b", "model-1.safetensors");
        assertThatThrownBy(this::read)
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll(INDEX, "'b' in model-1.safetensors", "not there");
    }

    @Test
    void linksInACircleAreRefused() throws IOException {
        Files.createSymbolicLink(folder.resolve("model.safetensors"), Path.of("other"));
        Files.createSymbolicLink(folder.resolve("other"), Path.of("model.safetensors"));
        assertThatThrownBy(this::read)
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll("model.safetensors", "links in a circle");
    }

    @Test
    void aLinkOutOfTheFolderIsRefused(@TempDir Path elsewhere) throws IOException {
        Path target = Files.writeString(elsewhere.resolve("secret"), "not for the model to see");
        Files.createSymbolicLink(folder.resolve("model.safetensors"), target);
        assertThatThrownBy(this::read)
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll(
                        "model.safetensors", target.toRealPath().toString(), "outside");
    }

    @Test
    void aLinkWithinTheFolderIsFollowed() {
        shard("weights.safetensors", "a");
        assertThat(links("model.safetensors", "weights.safetensors").tensors()).containsOnlyKeys("a");
    }

    private WeightFiles links(String name, String target) {
        try {
            Files.createSymbolicLink(folder.resolve(name), Path.of(target));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return read();
    }

    @Test
    void aFolderInPlaceOfAFileIsRefused() throws IOException {
        Files.createDirectory(folder.resolve("model.safetensors"));
        assertThatThrownBy(this::read)
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll("model.safetensors", "no plain file");
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.safetensors", "pytorch_model.bin"})
    void aGitLfsPointerIsToldFromWeights(String name) throws IOException {
        Files.writeString(
                folder.resolve(name), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 250540281\n");
        assertThatThrownBy(this::read)
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll(name, "Git LFS pointer", "git lfs pull");
    }

    /** The order in which transformers looks. */
    @Test
    void theFirstOfFourIsPreferred() {
        List<String> order = List.of(
                "model.safetensors",
                "model.safetensors.index.json",
                "pytorch_model.bin",
                "pytorch_model.bin.index.json");
        for (int i = 0; i < order.size(); i++) {
            List<String> there = order.subList(i, order.size());
            assertThat(WeightFiles.preferred(there::contains)).contains(order.get(i));
        }
        assertThat(WeightFiles.preferred(name -> false)).isEmpty();
    }

    /** Newer hub clients link a model's blob on into a store that all models of the cache share. */
    @Test
    void theStoreThatModelsOfTheHubsCacheShareIsFollowed() throws IOException {
        shard("weights", "a");
        Path cache = folder.resolve("hub");
        Path store = Files.createDirectories(cache.resolve("blobs").resolve("ab"));
        Files.move(folder.resolve("weights"), store.resolve("abcd"));
        Path repository = Files.createDirectories(cache.resolve("models--me--tiny"));
        Path blobs = Files.createDirectories(repository.resolve("blobs"));
        Path snapshot = Files.createDirectories(repository.resolve("snapshots").resolve("0123"));
        Files.createSymbolicLink(blobs.resolve("1234"), Path.of("../../blobs/ab/abcd"));
        Files.createSymbolicLink(snapshot.resolve("model.safetensors"), Path.of("../../blobs/1234"));
        ModelFolder opened = ModelFolder.open(snapshot);
        assertThat(WeightFiles.read(opened).tensors()).containsOnlyKeys("a");
        assertThat(opened.modelName()).isEqualTo("me/tiny");
        assertThat(opened.revision()).contains("0123");
    }

    @Test
    void outsideOfTheHubsCacheNoBlobsAreFollowed() throws IOException {
        shard("weights", "a");
        Path snapshot = Files.createDirectories(
                folder.resolve("models").resolve("snapshots").resolve("0123"));
        Path blobs = Files.createDirectories(folder.resolve("models").resolve("blobs"));
        Files.move(folder.resolve("weights"), blobs.resolve("1234"));
        Files.createSymbolicLink(snapshot.resolve("model.safetensors"), Path.of("../../blobs/1234"));
        assertThatThrownBy(() -> WeightFiles.read(ModelFolder.open(snapshot)))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContaining("outside");
    }
}
