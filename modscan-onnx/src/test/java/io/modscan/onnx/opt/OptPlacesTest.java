package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.Models;
import io.modscan.onnx.runtime.Allow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Checkpoints in the hub's cache, named by more than their snapshot, and checkpoints that are folders of links. */
class OptPlacesTest {

    private static final String ONE = "1111111111111111111111111111111111111111";
    private static final String TWO = "2222222222222222222222222222222222222222";

    @TempDir
    private Path folder;

    private Path repository() {
        return folder.resolve("hub").resolve("models--me--my--opt");
    }

    private void snapshot(String commit, int layers) throws IOException {
        Path plain = new TinyOpt().layers(layers).write(folder.resolve("plain" + commit));
        Path snapshot =
                Files.createDirectories(repository().resolve("snapshots").resolve(commit));
        Path blobs = Files.createDirectories(repository().resolve("blobs"));
        for (String name : List.of("config.json", "model.safetensors")) {
            Files.copy(plain.resolve(name), blobs.resolve(name + commit));
            Files.createSymbolicLink(snapshot.resolve(name), Path.of("../../blobs", name + commit));
        }
    }

    private void main(String commit) throws IOException {
        Files.createDirectories(repository().resolve("refs"));
        Files.writeString(repository().resolve("refs").resolve("main"), commit);
    }

    private static String revision(OptModel model) {
        return String.valueOf(model.provenance().get("model.revision"));
    }

    @Test
    void aModelsFolderInTheCacheIsItsSnapshotOfMain() throws IOException {
        snapshot(ONE, 1);
        snapshot(TWO, 2);
        main(TWO + "\n");
        for (Path path : List.of(
                repository(), repository().resolve("snapshots"), repository().resolve("."))) {
            OptModel model = OptModel.open(path);
            assertThat(revision(model)).isEqualTo(TWO);
            assertThat(model.provenance()).containsEntry("model.name", "me/my/opt");
            assertThat(model.weights().layers()).isEqualTo(2);
        }
        assertThat(revision((OptModel) Models.open(repository().toString()))).isEqualTo(TWO);
        assertThat(revision(OptModel.open(repository().resolve("snapshots").resolve(ONE))))
                .isEqualTo(ONE);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "none", TWO, "../../../outside", "\0", "main main"})
    void theOnlySnapshotWillDo(String main) throws IOException {
        snapshot(ONE, 1);
        main(main);
        assertThat(revision(OptModel.open(repository()))).isEqualTo(ONE);
    }

    @Test
    void ofSeveralSnapshotsOneIsAskedFor() throws IOException {
        snapshot(ONE, 1);
        snapshot(TWO, 2);
        assertThatThrownBy(() -> OptModel.open(repository()))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll(
                        repository().toString(),
                        "2 snapshots",
                        "refs/main",
                        repository().resolve("snapshots").resolve(ONE).toString(),
                        TWO);
    }

    @Test
    void anEmptyModelsFolderIsToldFromNone() throws IOException {
        Files.createDirectories(repository().resolve("snapshots"));
        assertThatThrownBy(() -> OptModel.open(repository()))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContaining("holds no snapshot");
    }

    @Test
    void aModelsFolderOnAnotherDiskIsFollowed() throws IOException {
        snapshot(ONE, 1);
        Path moved = Files.move(repository(), folder.resolve("disk"));
        Files.createSymbolicLink(repository(), moved);
        OptModel model = OptModel.open(repository());
        assertThat(model.provenance()).containsEntry("model.name", "me/my/opt").containsEntry("model.revision", ONE);
        Path link = Files.createSymbolicLink(folder.resolve("mine"), repository());
        assertThatThrownBy(() -> OptModel.open(link)).hasMessageContaining("has no config.json");
    }

    /** A folder that is called so and is a checkpoint itself. */
    @Test
    void aCheckpointOfThatNameIsItself() throws IOException {
        Path path = new TinyOpt().write(repository());
        Files.createDirectories(path.resolve("snapshots").resolve(ONE));
        assertThat(OptModel.open(path).provenance()).doesNotContainKey("model.revision");
    }

    @Test
    void aFolderOfLinksNeedsLeave() throws IOException {
        Path plain = new TinyOpt().write(folder.resolve("plain"));
        Path links = Files.createDirectories(folder.resolve("links"));
        Files.createSymbolicLink(links.resolve("config.json"), plain.resolve("config.json"));
        Files.createSymbolicLink(links.resolve("model.safetensors"), plain.resolve("model.safetensors"));
        assertThatThrownBy(() -> OptModel.open(links, Set.of(Allow.SETTINGS, Allow.TENSORS)))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll("config.json", "Allow.LINKS", "--allow links");
        OptModel model = OptModel.open(links, Set.of(Allow.LINKS));
        assertThat(model.files()).contains(plain.toRealPath().resolve("model.safetensors"));
        assertThat(model.weights().get("embed.W_E").values())
                .isEqualTo(OptModel.open(plain).weights().get("embed.W_E").values());
        // The weights lie elsewhere, so the export has a copy of them.
        assertThat(model.export().to(links.resolve("m.onnx")).data()).isPresent();
        assertThat(OptModel.open(links.resolve("m.onnx")).sites()).isNotEmpty();
    }

    @Test
    void aCachedFileIsALinkWithinTheCacheOnly() throws IOException {
        snapshot(ONE, 1);
        Path file = repository().resolve("snapshots").resolve(ONE).resolve("model.safetensors");
        Files.delete(file);
        Files.createSymbolicLink(file, folder.resolve("plain" + ONE).resolve("model.safetensors"));
        assertThatThrownBy(() -> OptModel.open(repository()))
                .hasMessageContainingAll("outside of the model's folder", "--allow links");
        assertThat(OptModel.open(repository(), Set.of(Allow.LINKS)).sites()).isNotEmpty();
    }
}
