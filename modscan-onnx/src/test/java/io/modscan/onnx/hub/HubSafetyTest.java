package io.modscan.onnx.hub;

import static io.modscan.onnx.hub.LocalHub.COMMIT;
import static io.modscan.onnx.hub.LocalHub.MODEL;
import static io.modscan.onnx.hub.LocalHub.sha256;
import static io.modscan.onnx.hub.LocalHub.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.hub.HubException.Reason;
import io.modscan.onnx.hub.LocalHub.Answer;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Links that somebody planted in the cache, tokens in the clear, and servers that never come to an end. */
@Timeout(120)
class HubSafetyTest {

    private static final String FILE = "onnx/model.safetensors";
    private static final String STORE = "STORE " + FILE;
    private static final byte[] WEIGHTS = new byte[300_000];

    static {
        new Random(3).nextBytes(WEIGHTS);
    }

    private final LocalHub server = new LocalHub().large(FILE, WEIGHTS);

    @TempDir
    Path folder;

    private Path outside = Path.of("");
    private Path victim = Path.of("");
    private Path cache = Path.of("");
    private Path repository = Path.of("");

    @BeforeEach
    void plant() throws IOException {
        outside = Files.createDirectories(folder.resolve("outside"));
        victim = Files.writeString(outside.resolve("victim"), "mine");
        cache = Files.createDirectories(folder.resolve("hub"));
        repository = cache.resolve("models--acme--tiny-opt");
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private Hub hub() {
        return hub(Duration.ofSeconds(20));
    }

    private Hub hub(Duration patience) {
        return Hub.fromEnvironment(Map.of(), folder)
                .withCache(cache)
                .withEndpoint(server.endpoint())
                .withTiming(new Timing(patience, patience, Duration.ofMillis(1), Duration.ofMillis(5)));
    }

    private static void fetch(Hub hub) {
        assertThat(hub.snapshot(MODEL).fetch(List.of(FILE)).resolve(FILE)).hasBinaryContent(WEIGHTS);
    }

    private static Path link(Path link, Path target) throws IOException {
        Files.createDirectories(link.getParent());
        return Files.createSymbolicLink(link, target);
    }

    private void nothingIsOutside() throws IOException {
        assertThat(victim).hasContent("mine");
        try (Stream<Path> files = Files.walk(outside)) {
            assertThat(files).containsExactlyInAnyOrder(outside, victim);
        }
    }

    private Path blob() {
        return repository.resolve("blobs").resolve(sha256(WEIGHTS));
    }

    // ---- links ----

    @ParameterizedTest
    @ValueSource(strings = {"victim", "none"})
    void aPlantedPartIsTakenAwayAndNotFollowed(String target) throws IOException {
        Path part = link(blob().resolveSibling(sha256(WEIGHTS) + ".modscan.incomplete"), outside.resolve(target));
        fetch(hub());
        nothingIsOutside();
        assertThat(part).doesNotExist();
        assertThat(Files.isRegularFile(blob(), LinkOption.NOFOLLOW_LINKS)).isTrue();
    }

    @Test
    void aPartWithAnotherNameElsewhereIsNotWrittenTo() throws IOException {
        Path part = blob().resolveSibling(sha256(WEIGHTS) + ".modscan.incomplete");
        Files.createDirectories(part.getParent());
        Files.createLink(part, victim);
        fetch(hub());
        nothingIsOutside();
    }

    @Test
    void aDanglingTagIsNotFollowed() throws IOException {
        link(cache.resolve("CACHEDIR.TAG"), outside.resolve("tag"));
        fetch(hub());
        nothingIsOutside();
    }

    @Test
    void aTagThatIsThereIsLeftAsItIs() throws IOException {
        Files.writeString(cache.resolve("CACHEDIR.TAG"), "Python's");
        fetch(hub());
        assertThat(cache.resolve("CACHEDIR.TAG")).hasContent("Python's");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "models--acme--tiny-opt",
                "models--acme--tiny-opt/blobs",
                "models--acme--tiny-opt/snapshots",
                "models--acme--tiny-opt/snapshots/" + COMMIT,
                "models--acme--tiny-opt/snapshots/" + COMMIT + "/onnx",
                ".locks",
                ".locks/models--acme--tiny-opt"
            })
    void aPlantedFolderIsRefusedByName(String name) throws IOException {
        link(cache.resolve(name), outside);
        assertThatThrownBy(() -> fetch(hub()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll(cache.resolve(name).toString(), "is a link to " + outside, "HF_HUB_CACHE");
        nothingIsOutside();
        Files.delete(cache.resolve(name));
        fetch(hub());
    }

    @ParameterizedTest
    @ValueSource(strings = {"refs", "refs/main"})
    void aPlantedRefIsNotFollowed(String name) throws IOException {
        link(repository.resolve(name), name.equals("refs") ? outside : victim);
        fetch(hub());
        nothingIsOutside();
    }

    @ParameterizedTest
    @ValueSource(strings = {"victim", "none"})
    void aPlantedLockIsNotFollowed(String target) throws IOException {
        link(
                cache.resolve(".locks/models--acme--tiny-opt").resolve(sha256(WEIGHTS) + ".modscan.lock"),
                outside.resolve(target));
        fetch(hub());
        nothingIsOutside();
    }

    @Test
    void aBlobOutsideOfTheCacheIsReplacedAndNotCopied() throws IOException {
        Path same = Files.write(folder.resolve("same-size"), new byte[WEIGHTS.length]);
        link(blob(), same);
        fetch(hub());
        assertThat(same).hasBinaryContent(new byte[WEIGHTS.length]);
        nothingIsOutside();
    }

    @Test
    void withoutLinksNothingIsFollowedEither() throws IOException {
        link(repository.resolve("snapshots").resolve(COMMIT).resolve(FILE), outside.resolve("none"));
        Hub plain = Hub.fromEnvironment(Map.of("HF_HUB_DISABLE_SYMLINKS", "1"), folder)
                .withCache(cache)
                .withEndpoint(server.endpoint());
        fetch(plain);
        nothingIsOutside();
    }

    /** That is what the user names, so it may be anywhere. */
    @Test
    void theCacheItselfMayBeALink() throws IOException {
        Path real = cache;
        cache = Files.createSymbolicLink(folder.resolve("link"), real);
        fetch(hub());
        assertThat(real.resolve("models--acme--tiny-opt/blobs").resolve(sha256(WEIGHTS)))
                .hasBinaryContent(WEIGHTS);
    }

    @Test
    void aModelsFolderThatIsALinkIsReadButNotWrittenTo() throws IOException {
        fetch(hub());
        Path moved = Files.move(repository, folder.resolve("disk"));
        Files.createSymbolicLink(repository, moved);
        fetch(hub());
        fetch(hub().offline());
        server.plain("new.json", new byte[] {1});
        assertThatThrownBy(() -> hub().snapshot(MODEL).fetch(List.of("new.json")))
                .hasMessageContaining("nothing is written through links");
    }

    // ---- the token ----

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://hub.example",
                "http://192.168.0.1:8080/hf",
                "HTTP://localhost.example",
                "http://127.0.0.1.example",
                "http://[fe80::1]:80",
                "http://128.0.0.1"
            })
    void aTokenInTheClearIsRefused(String endpoint) {
        Hub hub = Hub.fromEnvironment(Map.of("HF_TOKEN", "hf_verySecret", "HF_ENDPOINT", endpoint), folder);
        HubException failure = catchThrowableOfType(HubException.class, () -> hub.snapshot(MODEL));
        assertThat(failure.reason()).isEqualTo(Reason.INSECURE);
        assertThat(failure)
                .hasMessageContainingAll(
                        endpoint,
                        "not https",
                        "HF_HUB_DISABLE_IMPLICIT_TOKEN",
                        "MODSCAN_HUB_TOKEN_OVER_HTTP",
                        "withTokenOverHttp")
                .hasMessageNotContaining("verySecret");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://localhost:5000",
                "http://LocalHost/hf",
                "http://127.0.0.1",
                "http://127.1.2.3:80",
                "http://[::1]:8080",
                "https://hub.example",
                "HTTPS://hub.example"
            })
    void aTokenGoesToThisMachineAndOverHttps(String endpoint) {
        HubSettings settings = HubSettings.of(Map.of("HF_TOKEN", "hf_a", "HF_ENDPOINT", endpoint), folder);
        assertThatCode(settings::checkTokenIsSafe).doesNotThrowAnyException();
    }

    @Test
    void aTokenInTheClearMayBeAllowed() {
        Map<String, String> environment = Map.of("HF_TOKEN", "hf_a", "HF_ENDPOINT", "http://hub.example");
        assertThatCode(() -> HubSettings.of(environment, folder)
                        .withTokenOverHttp()
                        .withCache(cache)
                        .withToken("hf_b")
                        .checkTokenIsSafe())
                .doesNotThrowAnyException();
        assertThatCode(() -> HubSettings.of(
                                Map.of("HF_ENDPOINT", "http://hub.example", "MODSCAN_HUB_TOKEN_OVER_HTTP", "1"), folder)
                        .checkTokenIsSafe())
                .doesNotThrowAnyException();
    }

    @Test
    void aRefusedTokenDoesNotHideWhatTheCacheHas() {
        fetch(hub());
        Hub clear = Hub.fromEnvironment(Map.of(), folder)
                .withCache(cache)
                .withToken("hf_a")
                .withEndpoint(URI.create("http://hub.example"));
        fetch(clear);
    }

    @Test
    void withoutATokenHttpIsTaken() {
        fetch(hub());
        assertThat(server.seen())
                .allSatisfy(seen -> assertThat(seen.authorization()).isNull());
    }

    // ---- without an end ----

    private static Answer endless() {
        return (exchange, content) -> {
            exchange.sendResponseHeaders(200, 0);
            while (true) {
                exchange.getResponseBody().write(WEIGHTS);
            }
        };
    }

    private static Answer drip(byte[] bytes) {
        return (exchange, content) -> {
            exchange.sendResponseHeaders(200, 0);
            while (true) {
                exchange.getResponseBody().write(bytes);
                exchange.getResponseBody().flush();
                Thread.sleep(20);
            }
        };
    }

    private static Answer[] times(int times, Answer answer) {
        Answer[] answers = new Answer[times];
        Arrays.fill(answers, answer);
        return answers;
    }

    @Test
    void aFileOfUnknownSizeHasAnEndAllTheSame() throws IOException {
        server.plain("a.txt", WEIGHTS)
                .script("HEAD a.txt", status(200, "X-Repo-Commit", COMMIT, "ETag", "\"v1\""))
                .script("GET a.txt", endless());
        HubException failure = catchThrowableOfType(
                HubException.class, () -> hub().snapshot(MODEL).fetch(List.of("a.txt")));
        assertThat(failure.reason()).isEqualTo(Reason.BAD_ANSWER);
        assertThat(failure).hasMessageContainingAll("a.txt", "does not say its size", "Content-Length");
        assertThat(repository.resolve("blobs/v1.modscan.incomplete")).isEmptyFile();
    }

    @Test
    void theAnswersOwnLengthWillDo() {
        server.plain("a.txt", WEIGHTS).script("HEAD a.txt", status(200, "X-Repo-Commit", COMMIT, "ETag", "\"v1\""));
        assertThat(hub().snapshot(MODEL).fetch(List.of("a.txt")).resolve("a.txt"))
                .hasBinaryContent(WEIGHTS);
    }

    @Test
    void aListingWithoutAnEndIsBrokenOff() {
        server.script("API", times(Timing.TRIES, endless()));
        assertThatThrownBy(() -> hub().snapshot(MODEL))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("more than");
    }

    @Test
    void anErrorWithoutAnEndIsBrokenOff() {
        Answer error = (exchange, content) -> {
            exchange.sendResponseHeaders(404, 0);
            while (true) {
                exchange.getResponseBody().write(WEIGHTS);
            }
        };
        server.script("API", times(Timing.TRIES, error));
        assertThatThrownBy(() -> hub(Duration.ofMillis(300)).snapshot(MODEL)).isInstanceOf(HubException.class);
    }

    @Test
    void aServerThatDripsIsGivenUp() {
        server.script(STORE, times(Timing.TRIES, drip(new byte[] {1})));
        assertThatThrownBy(() -> fetch(hub(Duration.ofMillis(150))))
                .isInstanceOf(HubException.class)
                .hasMessageContainingAll("only", "bytes came in", "what has come is kept");
        server.script("API", times(Timing.TRIES, drip(" ".getBytes(StandardCharsets.UTF_8))));
        assertThatThrownBy(() -> hub(Duration.ofMillis(150)).snapshot(MODEL))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("bytes came in");
    }

    @Test
    void aServerThatBreaksOffAfterEachByteIsGivenUp() {
        server.script(STORE, times(3 * Timing.TRIES, (exchange, content) -> {
            String range = exchange.getRequestHeaders().getFirst("Range");
            int from = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
            exchange.getResponseHeaders()
                    .set("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
            exchange.sendResponseHeaders(range == null ? 200 : 206, content.length - from);
            exchange.getResponseBody().write(content, from, 1);
        }));
        assertThatThrownBy(() -> fetch(hub()))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("what has come is kept");
        assertThat(server.seen(STORE)).hasSize(Timing.TRIES);
    }

    /** Slow lines are no fault: what comes above a kilobyte a second is waited for. */
    @Test
    void aSlowServerIsWaitedFor() {
        server.script(STORE, (exchange, content) -> {
            exchange.sendResponseHeaders(200, content.length);
            for (int at = 0; at < content.length; at += 5_000) {
                exchange.getResponseBody().write(content, at, 5_000);
                exchange.getResponseBody().flush();
                Thread.sleep(20);
            }
        });
        fetch(hub(Duration.ofMillis(150)));
        assertThat(server.seen(STORE)).hasSize(1);
    }
}
