package io.modscan.onnx.hub;

import static io.modscan.onnx.hub.LocalHub.COMMIT;
import static io.modscan.onnx.hub.LocalHub.MODEL;
import static io.modscan.onnx.hub.LocalHub.bytes;
import static io.modscan.onnx.hub.LocalHub.contentRange;
import static io.modscan.onnx.hub.LocalHub.facts;
import static io.modscan.onnx.hub.LocalHub.gitHash;
import static io.modscan.onnx.hub.LocalHub.sha256;
import static io.modscan.onnx.hub.LocalHub.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.hub.HubException.Reason;
import io.modscan.onnx.hub.LocalHub.Answer;
import io.modscan.onnx.hub.LocalHub.Seen;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What may happen on the way of a file's bytes. */
@Timeout(60)
class HubDownloadTest {

    private static final String FILE = "model.safetensors";
    private static final String STORE = "STORE " + FILE;
    private static final int HALF = 500_000;
    private static final byte[] WEIGHTS = new byte[2 * HALF];

    static {
        new Random(2).nextBytes(WEIGHTS);
    }

    private final CountDownLatch latch = new CountDownLatch(1);
    private final LocalHub server = new LocalHub().large(FILE, WEIGHTS);

    @TempDir
    Path cache;

    private Hub hub;

    @BeforeEach
    void start() {
        hub = hub(server.endpoint(), cache, Duration.ofSeconds(30));
    }

    @AfterEach
    void stop() {
        latch.countDown();
        server.close();
    }

    private static Hub hub(URI endpoint, Path cache, Duration patience) {
        return Hub.fromEnvironment(Map.of(), cache)
                .withCache(cache)
                .withEndpoint(endpoint)
                .withTiming(new Timing(patience, patience, Duration.ofMillis(1), Duration.ofMillis(5)));
    }

    /** What the second process runs. */
    public static void main(String[] args) {
        hub(URI.create(args[0]), Path.of(args[1]), Duration.ofSeconds(30))
                .snapshot(MODEL)
                .fetch(List.of(FILE));
    }

    private Process process() throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx64m",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        HubDownloadTest.class.getName(),
                        server.endpoint().toString(),
                        cache.toString())
                .redirectErrorStream(true)
                .redirectOutput(new File(cache.toFile(), "process.log"))
                .start();
    }

    private Path blob() {
        return cache.resolve("models--acme--tiny-opt/blobs").resolve(sha256(WEIGHTS));
    }

    private Path partial() {
        return blob().resolveSibling(sha256(WEIGHTS) + ".modscan.incomplete");
    }

    private boolean hasHalf() throws IOException {
        return Files.exists(partial()) && Files.size(partial()) == HALF;
    }

    private void keepPartial(byte[] bytes) throws IOException {
        Files.createDirectories(partial().getParent());
        Files.write(partial(), bytes);
    }

    private void fetch() {
        assertThat(hub.snapshot(MODEL).fetch(List.of(FILE)).resolve(FILE)).hasBinaryContent(WEIGHTS);
        assertThat(partial()).doesNotExist();
        assertThat(blob()).isRegularFile();
    }

    private HubException failure() {
        HubException failure = catchThrowableOfType(
                HubException.class, () -> hub.snapshot(MODEL).fetch(List.of(FILE)));
        assertThat(blob()).doesNotExist();
        assertThat(cache.resolve("models--acme--tiny-opt/snapshots").resolve(COMMIT))
                .doesNotExist();
        assertThat(cache.resolve("models--acme--tiny-opt/refs")).doesNotExist();
        return failure;
    }

    private List<String> ranges() {
        return server.seen(STORE).stream().map(Seen::range).map(String::valueOf).toList();
    }

    private static Answer[] times(int times, Answer answer) {
        Answer[] answers = new Answer[times];
        Arrays.fill(answers, answer);
        return answers;
    }

    private static void await(Callable<Boolean> condition) throws Exception {
        while (!condition.call()) {
            Thread.sleep(5);
        }
    }

    @Test
    void goesOnWhereTheConnectionBroke() {
        // More breaks than there are tries: each brings some bytes, so none of them counts against the next.
        server.script(STORE, times(Timing.TRIES + 2, server.cut(100_000)));
        fetch();
        assertThat(ranges())
                .hasSize(Timing.TRIES + 3)
                .startsWith("null")
                .doesNotHaveDuplicates()
                .endsWith("bytes=" + 100_000 * (Timing.TRIES + 2) + "-");
    }

    @Test
    void givesUpWhereNothingComesAndKeepsWhatHasCome() {
        server.script(STORE, server.cut(HALF)).script(STORE, times(Timing.TRIES, server.cut(0)));
        HubException failure = failure();
        assertThat(failure.reason()).isEqualTo(Reason.UNAVAILABLE);
        assertThat(failure).hasMessageContaining(FILE).hasMessageContaining("what has come is kept");
        assertThat(partial()).hasSize(HALF);
        fetch();
        assertThat(ranges()).endsWith("bytes=" + HALF + "-");
    }

    @Test
    void serverThatAlwaysStartsAnewAndBreaksOffIsGivenUp() {
        byte[] short1 = Arrays.copyOf(WEIGHTS, HALF);
        server.script(STORE, times(Timing.TRIES + 1, bytes(short1)));
        assertThat(failure().reason()).isEqualTo(Reason.UNAVAILABLE);
    }

    @Test
    void partOfAnEarlierAttemptIsGoneOnWith() throws IOException {
        keepPartial(Arrays.copyOf(WEIGHTS, HALF));
        fetch();
        assertThat(ranges()).containsExactly("bytes=" + HALF + "-");
    }

    @Test
    void wholeOfAnEarlierAttemptIsOnlyChecked() throws IOException {
        keepPartial(WEIGHTS);
        fetch();
        assertThat(ranges()).isEmpty();
    }

    @Test
    void answerWithAllInPlaceOfAPartStartsAnew() throws IOException {
        keepPartial(new byte[HALF]);
        server.script(STORE, bytes(WEIGHTS));
        fetch();
        assertThat(ranges()).containsExactly("bytes=" + HALF + "-");
    }

    @Test
    void partThatDoesNotFitStartsAnew() throws IOException {
        keepPartial(Arrays.copyOf(WEIGHTS, HALF));
        server.script(STORE, status(416));
        fetch();
        for (String range : List.of("bytes 7-999999/1000000", "bytes 500000-999999/77", "lines 3-4/5")) {
            Files.delete(cache.resolve("models--acme--tiny-opt/snapshots")
                    .resolve(COMMIT)
                    .resolve(FILE));
            Files.delete(blob());
            keepPartial(Arrays.copyOf(WEIGHTS, HALF));
            server.script(STORE, contentRange(range));
            fetch();
        }
        assertThat(ranges()).hasSize(8).contains("null");
    }

    @Test
    void partThatIsTooLongOrDamagedIsFetchedAnew() throws IOException {
        keepPartial(new byte[3 * HALF]);
        fetch();
        assertThat(ranges()).containsExactly("null");
    }

    @Test
    void damageIsFetchedAnewOnce() throws IOException {
        keepPartial(new byte[HALF]);
        fetch();
        assertThat(ranges()).containsExactly("bytes=" + HALF + "-", "null");
    }

    @Test
    void damageTwiceIsAnError() {
        byte[] wrong = WEIGHTS.clone();
        wrong[HALF]++;
        server.script(STORE, bytes(wrong), bytes(wrong));
        HubException failure = failure();
        assertThat(failure.reason()).isEqualTo(Reason.CORRUPT);
        assertThat(failure).hasMessageContaining(sha256(wrong)).hasMessageContaining(sha256(WEIGHTS));
        assertThat(partial()).doesNotExist();
        server.script(STORE, bytes(new byte[3 * HALF]), bytes(new byte[3 * HALF]));
        assertThat(failure()).hasMessageContaining("more than 1000000 bytes");
    }

    @Test
    void answerWithoutAnEndIsBrokenOff() {
        Answer endless = (exchange, content) -> {
            exchange.sendResponseHeaders(200, 0);
            while (true) {
                exchange.getResponseBody().write(WEIGHTS);
            }
        };
        server.script(STORE, endless, endless);
        assertThat(failure()).hasMessageContaining("more than 1000000 bytes");
    }

    @Test
    void gitHashIsCheckedToo() {
        byte[] right = {1, 2, 3, 4};
        byte[] wrong = {1, 2, 3, 5};
        server.plain("config.json", right).script("GET config.json", bytes(wrong), bytes(wrong), bytes(wrong));
        assertThatThrownBy(() -> hub.snapshot(MODEL).fetch(List.of("config.json")))
                .hasMessageContaining("in place of " + gitHash(right));
        hub.snapshot(MODEL).fetch(List.of("config.json"));
        assertThat(server.seen("GET config.json")).hasSize(4);
    }

    @Test
    void sizeMayBeUnknownAndTheHashOfAnotherKind() {
        byte[] content = "hello".getBytes(StandardCharsets.UTF_8);
        server.plain("a.txt", content)
                .script("HEAD a.txt", status(200, "X-Repo-Commit", COMMIT, "ETag", "\"v-1.0_a\""))
                .script("GET a.txt", server.cut(2));
        assertThat(hub.snapshot(MODEL).fetch(List.of("a.txt")).resolve("a.txt"))
                .hasBinaryContent(content)
                .satisfies(file -> assertThat(file.toRealPath()).hasFileName("v-1.0_a"));
    }

    @Test
    void blobOfTheWrongSizeIsReplaced() throws IOException {
        Files.createDirectories(blob().getParent());
        Files.write(blob(), new byte[5]);
        fetch();
        assertThat(blob()).hasBinaryContent(WEIGHTS);
    }

    @Test
    void blobThatIsThereIsLinkedAndADeadLinkReplaced() throws IOException {
        fetch();
        Path link = cache.resolve("models--acme--tiny-opt/snapshots")
                .resolve(COMMIT)
                .resolve(FILE);
        Files.delete(link);
        Files.createSymbolicLink(link, Path.of("../../blobs/gone"));
        fetch();
        assertThat(Files.readSymbolicLink(link)).isEqualTo(Path.of("../../blobs/" + sha256(WEIGHTS)));
        assertThat(ranges()).hasSize(1);
    }

    @Test
    void busyServerAndExpiredLinkAreTriedAgain() {
        server.script(STORE, status(403), status(503), status(429, "Retry-After", "3600"), status(404));
        fetch();
        assertThat(server.seen("GET " + FILE)).hasSize(5);
    }

    @Test
    void serverThatStopsSendingDoesNotHoldUp() {
        hub = hub(server.endpoint(), cache, Duration.ofMillis(300));
        server.script(STORE, server.stall(HALF, latch));
        fetch();
        assertThat(ranges()).containsExactly("null", "bytes=" + HALF + "-");
        Answer silence = (exchange, content) -> latch.await();
        server.script("API", silence, silence);
        assertThatThrownBy(() -> hub.snapshot(MODEL, "refs/pr/1")).hasMessageContaining("no answer within");
    }

    @Test
    void interruptEndsItAndKeepsWhatHasCome() throws Exception {
        server.script(STORE, server.stall(HALF, latch));
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        AtomicBoolean flag = new AtomicBoolean();
        Thread thread = new Thread(() -> {
            try {
                hub.snapshot(MODEL).fetch(List.of(FILE));
            } catch (ModscanException e) {
                thrown.set(e);
                flag.set(Thread.currentThread().isInterrupted());
            }
        });
        thread.start();
        await(this::hasHalf);
        thread.interrupt();
        thread.join();
        assertThat(thrown.get()).isInstanceOf(ModscanException.class).hasMessageContaining("interrupted");
        assertThat(flag).isTrue();
        assertThat(partial()).hasSize(HALF);
        fetch();
    }

    @Test
    void oneFailureEndsTheOthers() throws Exception {
        server.script(STORE, server.stall(HALF, latch)).plain("config.json", new byte[] {1});
        server.script("GET config.json", (exchange, content) -> {
            try {
                await(this::hasHalf);
            } catch (Exception e) {
                throw new IOException(e);
            }
            status(403).send(exchange, content);
        });
        assertThatExceptionOfType(HubException.class)
                .isThrownBy(() -> hub.snapshot(MODEL).fetch(List.of(FILE, "config.json")))
                .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.UNAUTHORIZED));
        assertThat(partial()).hasSize(HALF);
        fetch();
        assertThat(ranges()).containsExactly("null", "bytes=" + HALF + "-");
    }

    @Test
    void progressIsSerialAndEndsWithAll() {
        for (int i = 0; i < 9; i++) {
            server.large("shard-" + i, new byte[10_000 + i]);
        }
        List<long[]> heard = Collections.synchronizedList(new ArrayList<>());
        AtomicBoolean busy = new AtomicBoolean();
        AtomicBoolean twice = new AtomicBoolean();
        HubSnapshot snapshot = hub.withProgress((file, done, total) -> {
                    if (busy.getAndSet(true)) {
                        twice.set(true);
                    }
                    heard.add(new long[] {done, total});
                    busy.set(false);
                })
                .snapshot(MODEL);
        snapshot.fetch(snapshot.files());
        long total = WEIGHTS.length + 90_036L;
        assertThat(twice).isFalse();
        assertThat(heard).isNotEmpty().allSatisfy(one -> assertThat(one[1]).isEqualTo(total));
        assertThat(heard.stream().map(one -> one[0]).toList()).isSorted().endsWith(total);
        heard.clear();
        snapshot.fetch(snapshot.files());
        assertThat(heard).isEmpty();
    }

    @Test
    void listenersExceptionEndsTheDownload() {
        Hub listened = hub.withProgress((file, done, total) -> {
            throw new IllegalStateException("enough");
        });
        assertThatThrownBy(() -> listened.snapshot(MODEL).fetch(List.of(FILE)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("enough");
    }

    @Test
    void spaceIsLookedForBeforehand() {
        server.script("HEAD " + FILE, facts("X-Linked-Size", String.valueOf(Long.MAX_VALUE)));
        HubException failure = failure();
        assertThat(failure.reason()).isEqualTo(Reason.NO_SPACE);
        assertThat(failure).hasMessageContaining(MODEL).hasMessageContaining("HF_HUB_CACHE");
        assertThat(ranges()).isEmpty();
    }

    @Test
    void diskThatFillsUpIsTold() throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.isWritable(full), "a system with /dev/full");
        IOException failure = catchThrowableOfType(IOException.class, () -> Files.write(full, WEIGHTS));
        HubSettings settings = HubSettings.of(Map.of(), cache).withCache(cache);
        Download download = new Download(
                new HubClient(settings),
                new ModelCache(settings, MODEL),
                new HubClient.Wanted(MODEL, COMMIT, FILE),
                new HubClient.FileFacts(sha256(WEIGHTS), WEIGHTS.length),
                bytes -> {});
        ModscanException told = download.diskFailure(partial(), failure);
        assertThat(told).isInstanceOf(HubException.class).hasMessageContaining("is full");
        assertThat(((HubException) told).reason()).isEqualTo(Reason.NO_SPACE);
        assertThat(download.diskFailure(partial(), new IOException("Permission denied")))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContaining("cannot be written");
    }

    @Test
    void cacheThatCannotBeMadeIsTold() throws IOException {
        Path file = Files.writeString(cache.resolve("file"), "no folder");
        assertThatThrownBy(() -> hub.withCache(file).snapshot(MODEL).fetch(List.of(FILE)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("cannot be made");
    }

    @Test
    void threadsThatWantOneFileFetchItOnce() throws Exception {
        server.script(STORE, server.stall(HALF, latch)).large("copy.safetensors", WEIGHTS);
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                all.add(threads.submit(() -> hub.snapshot(MODEL).fetch(List.of(FILE))));
            }
            await(() -> server.seen("HEAD " + FILE).size() == 3);
            latch.countDown();
            for (Future<?> one : all) {
                one.get();
            }
        } finally {
            threads.shutdownNow();
        }
        hub.snapshot(MODEL).fetch(List.of("copy.safetensors"));
        assertThat(ranges()).hasSize(1);
        assertThat(server.seen("STORE copy.safetensors")).isEmpty();
    }

    @Test
    void anotherProcessIsWaitedFor() throws Exception {
        server.script(STORE, server.stall(HALF, latch));
        Process process = process();
        try {
            await(() -> hasHalf() || !process.isAlive());
            ExecutorService thread = Executors.newSingleThreadExecutor();
            try {
                Future<?> here = thread.submit(this::fetch);
                await(() -> server.seen("HEAD " + FILE).size() == 2);
                Thread.sleep(50);
                latch.countDown();
                here.get();
            } finally {
                thread.shutdownNow();
            }
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue())
                    .as(Files.readString(cache.resolve("process.log")))
                    .isZero();
        } finally {
            process.destroyForcibly();
        }
        assertThat(ranges()).containsExactly("null");
    }

    @Test
    void killedProcessLeavesAPartToGoOnWith() throws Exception {
        server.script(STORE, server.stall(HALF, latch));
        Process process = process();
        await(() -> hasHalf() || !process.isAlive());
        process.destroyForcibly().waitFor();
        assertThat(partial()).hasSize(HALF);
        assertThat(blob()).doesNotExist();
        fetch();
        assertThat(ranges()).containsExactly("null", "bytes=" + HALF + "-");
    }
}
