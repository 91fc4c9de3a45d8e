package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.onnx.Models;
import io.modscan.onnx.runtime.Allow;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where ONNX models, their weights and tokenizers lie: in folders of a snapshot in the hub's cache, behind links, elsewhere. */
class OnnxPlacesTest {

    private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    @TempDir
    private Path folder;

    private Path snapshot = Path.of("");

    private Path plain = Path.of("");
    private float[] expected = {};

    @BeforeEach
    void aModelWithItsWeightsBesideIt() throws IOException {
        folder = folder.toRealPath();
        snapshot = folder.resolve("hub/models--me--m/snapshots").resolve(COMMIT);
        plain = Files.createDirectories(folder.resolve("plain"));
        Files.write(plain.resolve("model.onnx_data"), HandGraph.littleEndian(HandGraph.table()));
        HandGraph.opset(17)
                .input("input_ids", DataType.INT64, "batch", "sequence")
                .external("table", new HashMap<>(Map.of("location", "model.onnx_data")), 16, 4)
                .node("Gather", "table input_ids", "hidden")
                .output("hidden")
                .write(plain.resolve("model.onnx"));
        expected = values(OnnxModel.open(plain.resolve("model.onnx")));
    }

    private Path repository() {
        return folder.resolve("hub/models--me--m");
    }

    private static float[] values(OnnxModel model) {
        return HandGraph.values(model, "hidden", Prompt.ofTokens("p", 5, 1));
    }

    /** Puts a file into a snapshot as Python does: a link to a blob. */
    private Path cached(String name, Path content) throws IOException {
        Path blobs = Files.createDirectories(repository().resolve("blobs"));
        Path blob = blobs.resolve("hash-of-" + name.replace("/", "-"));
        Files.copy(content, blob);
        Path link = snapshot.resolve(name);
        Files.createDirectories(link.getParent());
        return Files.createSymbolicLink(
                link, Objects.requireNonNull(link.getParent()).relativize(blob));
    }

    private Path cachedModel(String where) throws IOException {
        cached(where + "model.onnx_data", plain.resolve("model.onnx_data"));
        return cached(where + "model.onnx", plain.resolve("model.onnx"));
    }

    private static Path tokenizer() {
        try {
            return Path.of(Objects.requireNonNull(OnnxPlacesTest.class.getResource("tokenizers/bert_uncased"))
                            .toURI())
                    .resolve("tokenizer.json");
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "onnx/", "onnx/fp16/", "other/"})
    void anyFolderOfASnapshotIsOfTheSnapshot(String where) throws IOException {
        Path file = cachedModel(where);
        cached("tokenizer.json", tokenizer());
        OnnxModel model = OnnxModel.open(file);
        assertThat(values(model)).isEqualTo(expected);
        assertThat(model.tokenizer().encode("the")).isNotEmpty();
        assertThat(model.files())
                .contains(file.toRealPath(), snapshot.resolve("tokenizer.json").toRealPath());
    }

    @Test
    void aTokenizerBesideTheModelGoesFirst() throws IOException {
        Path file = cachedModel("onnx/");
        cached("tokenizer.json", plain.resolve("model.onnx"));
        cached("onnx/tokenizer.json", tokenizer());
        assertThat(OnnxModel.open(file).tokenizer().encode("the")).isNotEmpty();
    }

    @Test
    void aTokenizerOfAnotherModelOfTheCacheIsNotTaken() throws IOException {
        Path file = cachedModel("onnx/");
        Files.copy(tokenizer(), snapshot.resolveSibling("tokenizer.json"));
        OnnxModel model = OnnxModel.open(file);
        assertThatThrownBy(model::tokenizer)
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll("has no tokenizer", "--tokenizer");
    }

    /** As repositories are laid out, without a cache: from git, or copied into a folder of one's own. */
    @Test
    void theFolderAboveOneCalledOnnxIsOfTheModel() throws IOException {
        Path repository = Files.createDirectories(folder.resolve("m"));
        Path file = Files.move(plain, repository.resolve("onnx")).resolve("model.onnx");
        Files.copy(tokenizer(), repository.resolve("tokenizer.json"));
        assertThat(OnnxModel.open(file).tokenizer().encode("the")).isNotEmpty();
    }

    /** Which would be a guess; but it is named. */
    @Test
    void theFolderAboveAnyOtherIsNot() throws IOException {
        Files.copy(tokenizer(), folder.resolve("tokenizer.json"));
        OnnxModel model = OnnxModel.open(plain.resolve("model.onnx"));
        assertThatThrownBy(model::tokenizer)
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll("withTokenizer", "--tokenizer", "there is one in " + folder);
        assertThat(model.withTokenizer(folder).tokenizer().encode("the")).isNotEmpty();
    }

    @Test
    void aModelsFolderOnAnotherDiskIsFollowed() throws IOException {
        cachedModel("onnx/");
        Path repository = repository();
        Path moved = Files.move(repository, folder.resolve("disk"));
        Files.createSymbolicLink(repository, moved);
        assertThat(values(OnnxModel.open(snapshot.resolve("onnx/model.onnx")))).isEqualTo(expected);
    }

    @Test
    void blobsOnAnotherDiskAreFollowed() throws IOException {
        Path file = cachedModel("onnx/");
        Path blobs = repository().resolve("blobs");
        Path moved = Files.move(blobs, folder.resolve("disk"));
        Files.createSymbolicLink(blobs, moved);
        assertThat(values(OnnxModel.open(file))).isEqualTo(expected);
    }

    @Test
    void theBlobsOfAnotherModelAreNotFollowed() throws IOException {
        cachedModel("onnx/");
        Path other = Files.createDirectories(
                folder.resolve("hub/models--me--other/snapshots").resolve(COMMIT));
        Path file = Files.createSymbolicLink(
                other.resolve("model.onnx"), snapshot.resolve("onnx/model.onnx").toRealPath());
        assertThatThrownBy(() -> OnnxModel.open(file))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("outside of the model's folder");
    }

    private Path links() throws IOException {
        Path links = Files.createDirectories(folder.resolve("links"));
        for (String name : new String[] {"model.onnx", "model.onnx_data"}) {
            Files.createSymbolicLink(links.resolve(name), plain.resolve(name));
        }
        Files.createSymbolicLink(links.resolve("tokenizer.json"), tokenizer());
        return links.resolve("model.onnx");
    }

    @Test
    void aFolderOfLinksNeedsLeave() throws IOException {
        Path file = links();
        for (Set<Allow> allowed : List.of(Set.<Allow>of(), Set.of(Allow.SETTINGS, Allow.TENSORS))) {
            assertThatThrownBy(() -> Models.open(file, allowed))
                    .isExactlyInstanceOf(ModscanException.class)
                    .hasMessageContainingAll(
                            file.toString(), "lies at " + plain.resolve("model.onnx"), "Allow.LINKS", "--allow links");
        }
        OnnxModel model = (OnnxModel) Models.open(file, Set.of(Allow.LINKS));
        assertThat(values(model)).isEqualTo(expected);
        assertThat(model.withMaxTokens(7).tokenizer().encode("the")).isNotEmpty();
        assertThat(model.files()).contains(plain.resolve("model.onnx"), plain.resolve("model.onnx_data"));
    }

    /** Leave is given to links that lie in the folder, not to whatever path the model names. */
    @ParameterizedTest
    @ValueSource(strings = {"../plain/model.onnx_data", "sub/../../inner/../plain/model.onnx_data", "ABSOLUTE"})
    void whatTheModelItselfNamesStaysInTheFolder(String location) throws IOException {
        Path inner = Files.createDirectories(folder.resolve("inner"));
        Files.createDirectories(inner.resolve("sub"));
        String name =
                location.equals("ABSOLUTE") ? plain.resolve("model.onnx_data").toString() : location;
        Path file = HandGraph.opset(17)
                .input("input_ids", DataType.INT64, "batch", "sequence")
                .external("table", new HashMap<>(Map.of("location", name)), 16, 4)
                .node("Gather", "table input_ids", "hidden")
                .output("hidden")
                .write(inner.resolve("model.onnx"));
        for (Set<Allow> allowed : List.of(Set.<Allow>of(), Set.of(Allow.values()))) {
            assertThatThrownBy(() -> OnnxModel.open(file, OnnxOpening.usual().allowing(allowed)))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("outside")
                    .hasMessageNotContaining("--allow");
        }
    }

    /** To the system, {@code sub/..} is the folder above the one that the link leads to. */
    @Test
    void leaveForALinkIsNoneForTheFolderAboveItsTarget() throws IOException {
        Path inner = Files.createDirectories(folder.resolve("inner"));
        Files.createSymbolicLink(inner.resolve("sub"), plain);
        Path file = HandGraph.opset(17)
                .input("input_ids", DataType.INT64, "batch", "sequence")
                .external("table", new HashMap<>(Map.of("location", "sub/../plain/model.onnx_data")), 16, 4)
                .node("Gather", "table input_ids", "hidden")
                .output("hidden")
                .write(inner.resolve("model.onnx"));
        assertThatThrownBy(() -> OnnxModel.open(file)).hasMessageContaining("outside");
        assertThatThrownBy(() -> OnnxModel.open(file, OnnxOpening.usual().allowing(Set.of(Allow.LINKS))))
                .hasMessageContaining("no such file");
    }

    @Test
    void aLinkedFolderNeedsNoLeave() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("link"), plain);
        assertThat(values(OnnxModel.open(link.resolve("model.onnx")))).isEqualTo(expected);
    }
}
