package io.modscan.onnx.hub;

import static io.modscan.onnx.hub.LocalHub.COMMIT;
import static io.modscan.onnx.hub.LocalHub.FORMER;
import static io.modscan.onnx.hub.LocalHub.GATED;
import static io.modscan.onnx.hub.LocalHub.MODEL;
import static io.modscan.onnx.hub.LocalHub.TOKEN;
import static io.modscan.onnx.hub.LocalHub.facts;
import static io.modscan.onnx.hub.LocalHub.gitHash;
import static io.modscan.onnx.hub.LocalHub.sha256;
import static io.modscan.onnx.hub.LocalHub.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.hub.HubException.Reason;
import io.modscan.onnx.hub.LocalHub.Answer;
import io.modscan.onnx.hub.LocalHub.Seen;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is found where, and what is said if it is not. */
class HubTest {

    private static final Timing QUICK =
            new Timing(Duration.ofSeconds(20), Duration.ofSeconds(20), Duration.ofMillis(1), Duration.ofMillis(5));

    private static final byte[] CONFIG = "{\"model_type\": \"opt\"}".getBytes(StandardCharsets.UTF_8);
    private static final byte[] WEIGHTS = new byte[300_000];
    private static final byte[] NESTED = {1, 2, 3};

    static {
        new Random(1).nextBytes(WEIGHTS);
    }

    @TempDir
    Path home;

    private final LocalHub server = new LocalHub()
            .plain("config.json", CONFIG)
            .large("model.safetensors", WEIGHTS)
            .plain("onnx/a b+c#%.bin", NESTED)
            .plain("empty.txt", new byte[0]);

    @AfterEach
    void stop() {
        server.close();
    }

    private Hub hub() {
        return Hub.fromEnvironment(Map.of(), home)
                .withEndpoint(server.endpoint())
                .withTiming(QUICK);
    }

    private Path repository() {
        return home.resolve(".cache/huggingface/hub/models--acme--tiny-opt");
    }

    private static void assertFails(Reason reason, ThrowingCallable call, String... said) {
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(call)
                .satisfies(e -> assertThat(e.reason()).isEqualTo(reason))
                .satisfies(
                        e -> assertThat(said).allSatisfy(part -> assertThat(e).hasMessageContaining(part)));
    }

    @Test
    void fillsTheCacheInPythonsLayout() throws IOException {
        HubSnapshot snapshot = hub().snapshot(MODEL);
        assertThat(snapshot.model()).isEqualTo(MODEL);
        assertThat(snapshot.commit()).isEqualTo(COMMIT);
        assertThat(snapshot.files())
                .containsExactly("config.json", "empty.txt", "model.safetensors", "onnx/a b+c#%.bin");
        assertThat(snapshot.cached()).isEmpty();
        Path folder = snapshot.fetch(snapshot.files());
        assertThat(folder).isEqualTo(repository().resolve("snapshots").resolve(COMMIT));
        assertThat(folder.resolve("config.json")).hasBinaryContent(CONFIG);
        assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(folder.resolve("onnx/a b+c#%.bin")).hasBinaryContent(NESTED);
        assertThat(folder.resolve("empty.txt")).isEmptyFile();
        assertThat(Files.readSymbolicLink(folder.resolve("model.safetensors")))
                .isEqualTo(Path.of("../../blobs/" + sha256(WEIGHTS)));
        assertThat(Files.readSymbolicLink(folder.resolve("onnx/a b+c#%.bin")))
                .isEqualTo(Path.of("../../../blobs/" + gitHash(NESTED)));
        assertThat(repository().resolve("refs/main")).hasContent(COMMIT);
        assertThat(home.resolve(".cache/huggingface/hub/CACHEDIR.TAG"))
                .content()
                .startsWith("Signature: 8a477f597d");
        assertThat(snapshot.cached()).isEqualTo(snapshot.files());
        try (var blobs = Files.list(repository().resolve("blobs"))) {
            assertThat(blobs.map(blob -> blob.getFileName().toString()))
                    .containsExactlyInAnyOrder(gitHash(CONFIG), sha256(WEIGHTS), gitHash(NESTED), gitHash(new byte[0]));
        }
        assertThat(server.seen()).allSatisfy(seen -> assertThat(seen.agent()).startsWith("modscan/"));
    }

    @Test
    void fetchesWhatIsAskedForAndOnlyOnce() {
        HubSnapshot snapshot = hub().snapshot(MODEL);
        snapshot.fetch(List.of("config.json"));
        assertThat(snapshot.cached()).containsExactly("config.json");
        snapshot.fetch(List.of("config.json", "model.safetensors", "config.json"));
        hub().snapshot(MODEL).fetch(List.of("config.json", "model.safetensors"));
        assertThat(server.seen("GET config.json")).hasSize(1);
        assertThat(server.seen("STORE model.safetensors")).hasSize(1);
        assertThat(server.seen("HEAD config.json")).hasSize(1);
    }

    @Test
    void commitThatIsThereNeedsNoNetwork() {
        hub().snapshot(MODEL).fetch(List.of("config.json"));
        int asked = server.seen().size();
        HubSnapshot snapshot = hub().snapshot(MODEL, COMMIT);
        assertThat(snapshot.cached()).containsExactly("config.json");
        assertThat(snapshot.fetch(List.of("config.json"))).isDirectoryContaining("glob:**config.json");
        assertThat(server.seen()).hasSize(asked);
        assertThat(snapshot.files()).contains("model.safetensors");
        assertThat(server.seen()).hasSize(asked + 1);
        assertThat(repository().resolve("refs").resolve(COMMIT)).doesNotExist();
    }

    @Test
    void branchWithSlashesIsOnePathOfRefs() {
        hub().snapshot(MODEL, "refs/pr/1").fetch(List.of("config.json"));
        assertThat(repository().resolve("refs/refs/pr/1")).hasContent(COMMIT);
        assertThat(hub().offline().snapshot(MODEL, "refs/pr/1").commit()).isEqualTo(COMMIT);
    }

    @Test
    void offlineFindsWhatIsThereAndSaysWhatIsNot() {
        hub().snapshot(MODEL).fetch(List.of("config.json", "onnx/a b+c#%.bin"));
        int asked = server.seen().size();
        HubSnapshot snapshot = hub().offline().snapshot(MODEL);
        assertThat(snapshot.files()).containsExactly("config.json", "onnx/a b+c#%.bin");
        assertThat(snapshot.fetch(List.of("config.json")).resolve("config.json"))
                .hasBinaryContent(CONFIG);
        assertFails(
                Reason.OFFLINE,
                () -> snapshot.fetch(List.of("config.json", "model.safetensors")),
                MODEL,
                "[model.safetensors]",
                "HF_HUB_OFFLINE");
        assertFails(Reason.OFFLINE, () -> hub().offline().snapshot(MODEL, "v2"), "v2", "HF_HUB_CACHE");
        assertFails(Reason.OFFLINE, () -> hub().offline().snapshot("acme/other"), "acme/other");
        assertFails(Reason.OFFLINE, () -> hub().offline().snapshot(MODEL, COMMIT.replace('0', '9')));
        assertThat(server.seen()).hasSize(asked);
    }

    @Test
    void refWithoutSnapshotOrWithoutCommitIsNone() throws IOException {
        Path refs = Files.createDirectories(repository().resolve("refs"));
        Files.writeString(refs.resolve("main"), COMMIT);
        assertFails(Reason.OFFLINE, () -> hub().offline().snapshot(MODEL));
        Files.writeString(refs.resolve("main"), "../../elsewhere");
        assertFails(Reason.OFFLINE, () -> hub().offline().snapshot(MODEL));
    }

    @Test
    void serverOutOfReachLeavesTheCache() {
        hub().snapshot(MODEL).fetch(List.of("config.json"));
        server.close();
        HubSnapshot snapshot = hub().snapshot(MODEL);
        assertThat(snapshot.commit()).isEqualTo(COMMIT);
        assertThat(snapshot.files()).containsExactly("config.json");
        snapshot.fetch(List.of("config.json"));
        assertFails(
                Reason.OFFLINE,
                () -> snapshot.fetch(List.of("model.safetensors")),
                "model.safetensors",
                "cannot be reached",
                server.endpoint().toString());
        assertThat(hub().snapshot(MODEL, COMMIT).files()).containsExactly("config.json");
        assertFails(Reason.OFFLINE, () -> hub().snapshot("acme/other"), "acme/other", "HF_ENDPOINT");
    }

    /** As Python does: what a server refuses to say again does not take away what it has said before. */
    @Test
    void cacheCountsMoreThanARefusalButLessThanAMissingRevision() {
        hub().snapshot(MODEL).fetch(List.of("config.json"));
        server.script("API", status(401, "X-Error-Code", "RepoNotFound"), status(503), status(403));
        for (int i = 0; i < 3; i++) {
            assertThat(hub().snapshot(MODEL).files()).containsExactly("config.json");
        }
        server.script("API", status(404, "X-Error-Code", "RevisionNotFound"));
        assertFails(Reason.REVISION_NOT_FOUND, () -> hub().snapshot(MODEL));
    }

    @Test
    void tellsApartWhatIsMissing() {
        assertFails(
                Reason.MODEL_NOT_FOUND, () -> hub().snapshot("acme/nothing"), "acme/nothing", "HF_TOKEN", "private");
        assertFails(
                Reason.MODEL_NOT_FOUND,
                () -> hub().withToken(TOKEN).snapshot("acme/nothing"),
                "the token given has no access");
        assertFails(Reason.REVISION_NOT_FOUND, () -> hub().snapshot(MODEL, "v9"), "'v9'");
        assertFails(
                Reason.FILE_NOT_FOUND,
                () -> hub().snapshot(MODEL).fetch(List.of("config.json", "tokenizer.json")),
                "tokenizer.json",
                COMMIT);
        assertThat(repository().resolve("refs/main")).doesNotExist();
        server.script("API", status(404));
        assertFails(Reason.MODEL_NOT_FOUND, () -> hub().snapshot(MODEL));
        server.script("HEAD config.json", status(404));
        assertFails(Reason.FILE_NOT_FOUND, () -> hub().snapshot(MODEL).fetch(List.of("config.json")));
    }

    @Test
    void saysHowToBeLetIn() {
        assertFails(
                Reason.GATED, () -> hub().snapshot(GATED), server.endpoint() + "/" + GATED, "HF_TOKEN", "on request");
        assertFails(Reason.GATED, () -> hub().withToken("hf_otherToken").snapshot(GATED), "account that has it");
        hub().withToken(TOKEN).snapshot(GATED).fetch(List.of("config.json"));
        String invalid = "Invalid credentials in Authorization header";
        server.script("API", status(401, "X-Error-Message", invalid), status(403), status(401));
        assertFails(Reason.UNAUTHORIZED, () -> hub().withToken("hf_x").snapshot(MODEL), "refuses", invalid);
        assertFails(Reason.UNAUTHORIZED, () -> hub().snapshot(MODEL), "without a token");
        assertFails(Reason.MODEL_NOT_FOUND, () -> hub().snapshot(MODEL));
    }

    @Test
    void tokenGoesToTheHubAndNowhereElse() {
        hub().withToken(TOKEN).snapshot(MODEL).fetch(List.of("config.json", "model.safetensors"));
        assertThat(server.seen("STORE model.safetensors"))
                .singleElement()
                .extracting(Seen::authorization)
                .isNull();
        List<Seen> others = new ArrayList<>(server.seen());
        others.removeAll(server.seen("STORE model.safetensors"));
        assertThat(others)
                .hasSizeGreaterThan(4)
                .allSatisfy(seen -> assertThat(seen.authorization()).isEqualTo("Bearer " + TOKEN));
        // Another host, or another port, that is asked for a file's facts, as a mirror's original would be.
        String store = server.storeAddress().toString();
        for (String other : new String[] {store, store.replace("127.0.0.1", "localhost")}) {
            server.script("HEAD empty.txt", status(302, "Location", other + "/empty.txt"));
            assertThatThrownBy(() -> hub().withToken(TOKEN).snapshot(MODEL).fetch(List.of("empty.txt")))
                    .isInstanceOf(HubException.class);
        }
        assertThat(server.seen("STORE empty.txt"))
                .hasSize(2)
                .extracting(Seen::authorization)
                .containsOnlyNulls();
    }

    @Test
    void followsARenamedModel() {
        HubSnapshot snapshot = hub().snapshot(FORMER);
        snapshot.fetch(List.of("config.json", "model.safetensors"));
        assertThat(hub().offline().snapshot(FORMER).files()).containsExactly("config.json", "model.safetensors");
    }

    @Test
    void redirectsThatLeadNowhereAreRefused() {
        Answer[] circle = new Answer[11];
        Arrays.fill(circle, status(302, "Location", "/" + MODEL + "/resolve/" + COMMIT + "/config.json"));
        server.script("HEAD config.json", circle);
        assertFails(Reason.BAD_ANSWER, () -> hub().snapshot(MODEL).fetch(List.of("config.json")), "more than 10 times");
        for (String location : new String[] {"file:///etc/passwd", "ftp://host/x", "http://[", "https:"}) {
            server.script("HEAD config.json", status(302, "Location", location));
            assertFails(Reason.BAD_ANSWER, () -> hub().snapshot(MODEL).fetch(List.of("config.json")), "redirected to");
        }
    }

    @Test
    void namesOfFilesThatLeadOutAreNeverUsed() {
        String[] hostile = {
            "../../../outside",
            "/etc/outside",
            "a/../../outside",
            "a\\..\\outside",
            "C:/outside",
            "a//b",
            "./a",
            "",
            "a/"
        };
        for (String name : hostile) {
            server.plain(name, NESTED);
        }
        HubSnapshot snapshot = hub().snapshot(MODEL);
        assertThat(snapshot.files()).hasSize(4).doesNotContain(hostile);
        for (String name : hostile) {
            assertThatThrownBy(() -> snapshot.fetch(List.of(name)))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("name of a file");
        }
        assertThat(server.seen()).hasSize(1);
        assertThat(repository()).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"\"../../../evil\"", "\"a/b\"", "\"..\"", "\"\"", "\"a\\b\"", "\".locks\"", "\"a:b\"", "\"a b\""
            })
    void etagsThatAreNoNamesAreRefused(String etag) {
        server.script("HEAD config.json", facts("ETag", etag));
        assertFails(Reason.BAD_ANSWER, () -> hub().snapshot(MODEL).fetch(List.of("config.json")), "ETag");
        assertThat(repository()).doesNotExist();
    }

    @Test
    void otherAnswersOfAStrangerAreRefused() {
        server.script("HEAD config.json", status(200, "ETag", "\"abc\"", "Content-Length", "3"));
        assertFails(Reason.BAD_ANSWER, () -> hub().snapshot(MODEL).fetch(List.of("config.json")), "X-Repo-Commit");
        server.script("HEAD config.json", facts("X-Repo-Commit", "../../../evil"));
        assertFails(Reason.BAD_ANSWER, () -> hub().snapshot(MODEL).fetch(List.of("config.json")), "../../../evil");
        server.script("HEAD config.json", facts("X-Linked-Size", "many"));
        assertFails(Reason.BAD_ANSWER, () -> hub().snapshot(MODEL).fetch(List.of("config.json")), "size");
        server.script("HEAD config.json", facts("X-Linked-Size", "-5"));
        assertFails(Reason.BAD_ANSWER, () -> hub().snapshot(MODEL).fetch(List.of("config.json")), "size");
        String[] listings = {
            "<html>Log in to the hotel's network</html>",
            "null",
            "[1]",
            "{}",
            "{\"sha\": \"../../x\", \"siblings\": []}",
            "{\"sha\": \"" + COMMIT + "\"}",
            "{\"sha\": 7, \"siblings\": []}"
        };
        for (String listing : listings) {
            server.script("API", LocalHub.bytes(listing.getBytes(StandardCharsets.UTF_8)));
            assertFails(Reason.BAD_ANSWER, () -> hub().snapshot(MODEL), "check that it is a hub");
        }
        server.script("API", status(418));
        assertFails(Reason.BAD_ANSWER, () -> hub().snapshot(MODEL), "418");
    }

    @Test
    void hubThatIsBusyIsAskedAgain() {
        server.script("API", status(503), status(429, "Retry-After", "1"), status(500), status(504));
        server.script("HEAD config.json", status(502));
        hub().snapshot(MODEL).fetch(List.of("config.json"));
        assertThat(server.seen("API")).hasSize(5);
        Answer[] down = new Answer[Timing.TRIES];
        Arrays.fill(down, status(503, "X-Error-Message", "Maintenance"));
        server.script("API", down);
        assertFails(Reason.UNAVAILABLE, () -> hub().snapshot(MODEL, "refs/pr/1"), "503", "Maintenance", "try again");
    }

    @Test
    void unknownHostIsOffline() {
        Hub nowhere = hub().withEndpoint(URI.create("http://hub.invalid"));
        assertFails(Reason.OFFLINE, () -> nowhere.snapshot(MODEL), "http://hub.invalid cannot be reached");
    }

    @Test
    void interruptEndsTheQuestion() {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> hub().snapshot(MODEL))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("interrupted");
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void withoutLinksTheSnapshotHasTheFilesThemselves() throws IOException {
        Hub plain = Hub.fromEnvironment(Map.of("HF_HUB_DISABLE_SYMLINKS", "1"), home)
                .withEndpoint(server.endpoint())
                .withTiming(QUICK);
        server.plain("same.json", CONFIG);
        Path folder = plain.snapshot(MODEL).fetch(List.of("config.json", "model.safetensors"));
        assertThat(folder.resolve("config.json")).isRegularFile().hasBinaryContent(CONFIG);
        assertThat(Files.isSymbolicLink(folder.resolve("config.json"))).isFalse();
        assertThat(repository().resolve("blobs")).isEmptyDirectory();
        Files.write(repository().resolve("blobs").resolve(gitHash(CONFIG)), CONFIG);
        plain.snapshot(MODEL).fetch(List.of("same.json"));
        assertThat(folder.resolve("same.json")).hasBinaryContent(CONFIG);
        assertThat(repository().resolve("blobs").resolve(gitHash(CONFIG))).exists();
        assertThat(hub().offline().snapshot(MODEL).files())
                .isEqualTo(Set.of("config.json", "model.safetensors", "same.json"));
    }
}
