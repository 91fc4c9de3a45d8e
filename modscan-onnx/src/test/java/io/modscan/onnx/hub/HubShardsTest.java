package io.modscan.onnx.hub;

import static io.modscan.onnx.hub.LocalHub.COMMIT;
import static io.modscan.onnx.hub.LocalHub.MODEL;
import static io.modscan.onnx.hub.LocalHub.bytes;
import static io.modscan.onnx.hub.LocalHub.sha256;
import static io.modscan.onnx.hub.LocalHub.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.SafetensorsWriter;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.Sites;
import io.modscan.onnx.hub.HubException.Reason;
import io.modscan.onnx.internal.checkpoint.HubArrival;
import io.modscan.onnx.internal.checkpoint.ModelFolder;
import io.modscan.onnx.internal.checkpoint.WeightFiles;
import io.modscan.onnx.opt.OptModel;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models whose weights lie in several files, which are fetched only when they are read. */
@Timeout(60)
class HubShardsTest {

    /** A weight that lies in the last shard. */
    private static final String LAST = "blocks.1.attn.W_V";

    @TempDir
    private Path folder;

    @TempDir
    private Path cache;

    private final CountDownLatch latch = new CountDownLatch(1);
    private final LocalHub server = new LocalHub();
    private ShardedOpt shards = ShardedOpt.SAFETENSORS;

    @BeforeEach
    void write() throws IOException {
        serve(ShardedOpt.SAFETENSORS);
    }

    @AfterEach
    void stop() {
        latch.countDown();
        server.close();
    }

    private void serve(ShardedOpt kind) throws IOException {
        shards = kind;
        server.clear();
        shards.write(folder.resolve(kind.name()));
        try (Stream<Path> files = Files.list(served())) {
            for (Path file : files.toList()) {
                String name = String.valueOf(file.getFileName());
                byte[] content = Files.readAllBytes(file);
                if (name.endsWith(".json")) {
                    server.plain(name, content);
                } else {
                    server.large(name, content);
                }
            }
        }
    }

    private Path served() {
        return folder.resolve(shards.name());
    }

    private Hub hub() {
        return hub(Map.of());
    }

    private Hub hub(Map<String, String> environment) {
        Duration patience = Duration.ofSeconds(30);
        return Hub.fromEnvironment(environment, cache)
                .withCache(cache)
                .withEndpoint(server.endpoint())
                .withTiming(new Timing(patience, patience, Duration.ofMillis(1), Duration.ofMillis(5)));
    }

    private OptModel open() {
        return OptModel.open(hub().snapshot(MODEL));
    }

    private Path repository() {
        return cache.resolve("models--acme--tiny-opt");
    }

    private Path ref() {
        return repository().resolve("refs").resolve("main");
    }

    private byte[] content(String shard) throws IOException {
        return Files.readAllBytes(served().resolve(shard));
    }

    private Path blob(String shard) throws IOException {
        return repository().resolve("blobs").resolve(sha256(content(shard)));
    }

    private List<String> present() {
        Path snapshot = repository().resolve("snapshots").resolve(COMMIT);
        return shards.names().stream()
                .filter(name -> Files.isRegularFile(snapshot.resolve(name)))
                .toList();
    }

    private long served(List<String> names) throws IOException {
        long bytes = 0;
        for (String name : names) {
            bytes += Files.size(served().resolve(name));
        }
        return bytes;
    }

    private static void same(OptModel actual, OptModel expected) {
        assertThat(ShardedOpt.numbers(actual)).isDeepEqualTo(ShardedOpt.numbers(expected));
    }

    @ParameterizedTest
    @EnumSource
    void aModelOpensWithoutItsShardsAndIsTheSame(ShardedOpt kind) throws IOException {
        serve(kind);
        OptModel model = open();
        assertThat(present()).isEmpty();
        assertThat(server.sent()).isLessThan(served(shards.names()) / 6);
        assertThat(ref()).doesNotExist();
        assertThat(model.files()).contains(blob(shards.last()));
        same(model, OptModel.open(served()));
        assertThat(present()).isEqualTo(shards.names());
        assertThat(ref()).hasContent(COMMIT);
        int requests = server.seen().size();
        OptModel cached = open();
        assertThat(server.seen()).hasSize(requests + 1);
        assertThat(model.provenance()).isEqualTo(cached.provenance());
        assertThat(model.sites()).isEqualTo(cached.sites());
        assertThat(model.files()).isEqualTo(cached.files());
        assertThat(OptModel.open(served()).provenance())
                .containsEntry("model.fingerprint", model.provenance().get("model.fingerprint"));
        same(model, cached);
    }

    @Test
    void aHeaderOfAnyLengthIsRead() throws IOException {
        Path shard = served().resolve(shards.last());
        SafetensorsFile source = SafetensorsFile.open(shard);
        SafetensorsWriter writer = new SafetensorsWriter().metadata("note", "x".repeat(400_000));
        source.tensors()
                .forEach((name, tensor) ->
                        writer.add(name, tensor.dtype(), tensor.shape(), channel -> channel.write(source.map(name))));
        Path longer = folder.resolve("longer.safetensors");
        writer.write(longer);
        Files.move(longer, shard, StandardCopyOption.REPLACE_EXISTING);
        server.large(shards.last(), content(shards.last()));
        OptModel model = open();
        assertThat(present()).isEmpty();
        same(model, OptModel.open(served()));
    }

    @Test
    void onlyTheShardsThatAreNeededAreFetched() {
        OptModel model = open();
        assertThat(model.weights().get(LAST).values())
                .isEqualTo(OptModel.open(served()).weights().get(LAST).values());
        assertThat(present()).containsExactly(shards.last());
        assertThat(ref()).doesNotExist();
        model.weights().get("embed.W_E");
        assertThat(present()).containsExactly(shards.first(), shards.last());
        same(open(), OptModel.open(served()));
        assertThat(ref()).hasContent(COMMIT);
    }

    @Test
    void anExportAwaitsTheWeightsThatItRefersTo() {
        OptModel model = open();
        Path file = cache.resolve("opt.onnx");
        model.export().sites(Sites.glob("blocks.0.hook_resid_pre")).to(file);
        assertThat(present()).containsExactly(shards.first());
        model.export().to(file);
        same(OptModel.open(file), OptModel.open(served()));
    }

    @Test
    void anEarlierCommitsFileOfTheSameContentIsFoundInTheCache() throws IOException {
        Path blob = blob(shards.last());
        Files.createDirectories(blob.getParent());
        Files.write(blob, content(shards.last()));
        OptModel model = open();
        assertThat(present()).containsExactly(shards.last());
        assertThat(server.seen("STORE " + shards.last())).isEmpty();
        same(model, OptModel.open(served()));
    }

    @Test
    void whereACacheHasNoLinksTheFilesLieInTheSnapshot() {
        OptModel model =
                OptModel.open(hub(Map.of("HF_HUB_DISABLE_SYMLINKS", "1")).snapshot(MODEL));
        assertThat(present()).isEmpty();
        same(model, OptModel.open(served()));
        assertThat(model.files()).allSatisfy(file -> assertThat(file).isRegularFile());
    }

    @Test
    void aShardThatCouldNotBeFetchedIsFetchedAtTheNextCall() {
        OptModel model = open();
        server.script("GET " + shards.last(), status(403, "X-Error-Code", "GatedRepo"));
        assertThatThrownBy(() -> model.weights().get(LAST))
                .isInstanceOfSatisfying(
                        HubException.class, e -> assertThat(e.reason()).isEqualTo(Reason.GATED))
                .hasMessageContainingAll(MODEL, shards.last());
        assertThat(present()).isEmpty();
        model.weights().get(LAST);
        assertThat(present()).containsExactly(shards.last());
    }

    @Test
    void aShardOfTheWrongHashIsRefused() throws IOException {
        OptModel model = open();
        byte[] wrong = content(shards.last());
        wrong[wrong.length - 1]++;
        server.script("STORE " + shards.last(), bytes(wrong), bytes(wrong));
        assertThatThrownBy(() -> model.weights().get(LAST))
                .isInstanceOfSatisfying(
                        HubException.class, e -> assertThat(e.reason()).isEqualTo(Reason.CORRUPT));
        assertThat(present()).isEmpty();
        model.weights().get(LAST);
    }

    @Test
    void aShardThatIsAnotherThanTheOneDescribedIsRefused() throws IOException {
        OptModel model = open();
        byte[] other = content(shards.last());
        other[other.length - 1]++;
        server.large(shards.last(), other);
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> model.weights().get(LAST))
                    .isExactlyInstanceOf(ModscanException.class)
                    .hasMessageContainingAll(shards.last(), "is not the file that it was", "open the model again");
        }
    }

    @Test
    void whatWasReadOfAShardIsComparedWithWhatHasCome() throws IOException {
        byte[] other = content(shards.last());
        other[other.length - 1]++;
        server.script(
                "HEAD " + shards.last(),
                LocalHub.facts("X-Linked-ETag", sha256(other), "X-Linked-Size", String.valueOf(other.length)));
        OptModel model = open();
        server.large(shards.last(), other);
        assertThatThrownBy(() -> model.weights().get(LAST))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll(shards.last(), "is not the file that it was");
    }

    @ParameterizedTest
    @EnumSource
    void aServerWithoutRangesSendsAllBeforeTheModelIsOpen(ShardedOpt kind) throws IOException {
        serve(kind);
        server.withoutRanges();
        OptModel model = open();
        assertThat(present()).isEqualTo(shards.names());
        assertThat(ref()).hasContent(COMMIT);
        same(model, OptModel.open(served()));
    }

    @Test
    void aShardOfWhichTheHubDoesNotSayTheSizeIsFetchedBeforeTheModelIsOpen() throws IOException {
        server.script(
                "HEAD " + shards.last(),
                status(
                        302,
                        "Location",
                        server.storeAddress() + "/elsewhere",
                        "X-Repo-Commit",
                        COMMIT,
                        "X-Linked-ETag",
                        sha256(content(shards.last()))));
        open();
        assertThat(present()).contains(shards.last());
    }

    /** Both are told with the same words as of a folder; a header that may have been damaged on its way, after all has come. */
    @ParameterizedTest
    @ValueSource(ints = {0, 9, 1})
    void aDamagedHeaderIsToldAsOfAFolder(int at) throws IOException {
        byte[] damaged = content(shards.last());
        damaged[at]++;
        if (at == 1) {
            damaged = Arrays.copyOf(damaged, damaged.length - 1);
            damaged[at]--;
        }
        Files.write(served().resolve(shards.last()), damaged);
        server.large(shards.last(), damaged);
        Throwable expected = catchThrowable(() -> OptModel.open(served()));
        Throwable actual = catchThrowable(this::open);
        assertThat(expected).isInstanceOf(MalformedFileException.class);
        assertThat(actual).isExactlyInstanceOf(expected.getClass());
        assertThat(behindName(actual)).isEqualTo(behindName(expected));
        assertThat(present()).containsExactly(shards.last());
        assertThat(ref()).doesNotExist();
    }

    private String behindName(Throwable failure) {
        String message = String.valueOf(failure.getMessage());
        assertThat(message).contains(shards.last());
        return message.substring(message.indexOf(shards.last()));
    }

    @Test
    void whatCannotBeReadInPlaceIsRefusedBeforeItIsFetched() throws IOException {
        serve(ShardedOpt.TORCH);
        byte[] legacy = new byte[1_000_000];
        byte[] head = "\u0080\u0002\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\u0019.".getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(head, 0, legacy, 0, head.length);
        server.large(shards.first(), legacy);
        assertThatThrownBy(this::open)
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll(shards.first(), "before version 1.6");
        assertThat(server.sent()).isLessThan(legacy.length);
        assertThat(present()).isEmpty();
    }

    @Test
    void shardsThatDoNotFitTheConfigAreRefusedBeforeTheyAreFetched() throws IOException {
        String config =
                Files.readString(served().resolve("config.json")).replace("\"vocab_size\":40", "\"vocab_size\":41");
        server.plain("config.json", config.getBytes(StandardCharsets.UTF_8));
        assertThatThrownBy(this::open)
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll(shards.index, "config.json calls for [41, 512]");
        assertThat(present()).isEmpty();
    }

    @Test
    void withoutNetworkMissingShardsAreAnError() {
        OptModel model = open();
        Hub offline = hub().offline();
        assertThatThrownBy(() -> OptModel.open(offline.snapshot(MODEL)))
                .isInstanceOfSatisfying(
                        HubException.class, e -> assertThat(e.reason()).isEqualTo(Reason.OFFLINE))
                .hasMessageContaining("is not in the cache");
        assertThatThrownBy(() -> OptModel.open(offline.snapshot(MODEL, COMMIT)))
                .isInstanceOfSatisfying(
                        HubException.class, e -> assertThat(e.reason()).isEqualTo(Reason.OFFLINE))
                .hasMessageContainingAll("lacks", shards.first(), shards.last());
        same(model, OptModel.open(served()));
        same(OptModel.open(offline.snapshot(MODEL)), model);
    }

    @Test
    @SuppressWarnings("Interruption") // that it is heeded is what is tested
    void anInterruptEndsTheWaitAndKeepsWhatHasCome() throws Exception {
        OptModel model = open();
        server.script("STORE " + shards.last(), server.stall(500_000, latch));
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        AtomicReference<Boolean> flag = new AtomicReference<>();
        Thread reader = new Thread(() -> {
            thrown.set(catchThrowable(() -> model.weights().get(LAST)));
            flag.set(Thread.currentThread().isInterrupted());
        });
        reader.start();
        Path partial = blob(shards.last()).resolveSibling(sha256(content(shards.last())) + ".modscan.incomplete");
        while (!Files.exists(partial) || Files.size(partial) < 500_000) {
            Thread.sleep(10);
        }
        long since = System.nanoTime();
        reader.interrupt();
        reader.join();
        assertThat(Duration.ofNanos(System.nanoTime() - since)).isLessThan(Duration.ofSeconds(1));
        assertThat(thrown.get()).isInstanceOf(CancellationException.class).hasMessageContaining(MODEL);
        assertThat(flag.get()).isTrue();
        model.weights().get(LAST);
        assertThat(server.seen("STORE " + shards.last()))
                .last()
                .satisfies(seen -> assertThat(seen.range()).isEqualTo("bytes=500000-"));
    }

    @Test
    void aThreadThatIsInterruptedBeforeFetchesNothing() {
        OptModel model = open();
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> model.weights().get(LAST)).isInstanceOf(CancellationException.class);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(present()).isEmpty();
    }

    @Test
    void threadsThatWantOneShardFetchItOnce() throws Exception {
        OptModel model = open();
        int before = server.seen("STORE " + shards.last()).size();
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<FloatBuffer>> all = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                Callable<FloatBuffer> read = () -> model.weights().get(LAST).values();
                all.add(threads.submit(read));
            }
            for (Future<FloatBuffer> one : all) {
                assertThat(one.get()).isEqualTo(all.get(0).get());
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(server.seen("STORE " + shards.last())).hasSize(before + 1);
    }

    /** Weights that have been described, and the arrival of their files. */
    private record Described(HubArrival arrival, WeightFiles files) {}

    private List<StoredTensor> of(Described all, String shard) throws IOException {
        Path file = blob(shard);
        return all.files().tensors().values().stream()
                .filter(tensor -> tensor.file().equals(file))
                .toList();
    }

    private Described describe(Hub hub) {
        HubSnapshot snapshot = hub.snapshot(MODEL);
        Path folder = snapshot.atCommit().fetch(List.of("config.json", shards.index));
        HubArrival arrival = new HubArrival(snapshot, snapshot.ask(shards.names()), shards.names(), 1024);
        return new Described(arrival, WeightFiles.read(ModelFolder.open(folder), shards.index, arrival));
    }

    private void waitFor(String... names) throws InterruptedException {
        while (!present().containsAll(List.of(names))) {
            Thread.sleep(10);
        }
    }

    @Test
    void shardsAreFetchedAheadInOrderOneAtATime() throws Exception {
        List<String> heard = new CopyOnWriteArrayList<>();
        Described all = describe(hub().withProgress((file, done, total) -> {
            if (done == total) {
                heard.add(file);
            }
        }));
        List<StoredTensor> order = new ArrayList<>(of(all, shards.last()));
        order.addAll(of(all, shards.first()));
        all.arrival().begin(order);
        all.arrival().begin(order);
        waitFor(shards.first(), shards.last());
        while (!heard.contains(shards.first())) {
            Thread.sleep(10);
        }
        all.arrival().await(order);
        assertThat(present()).hasSize(2);
        assertThat(heard).containsSubsequence(shards.last(), shards.first());
        assertThat(ref()).doesNotExist();
        all.arrival().await(all.files().tensors().values());
        assertThat(ref()).hasContent(COMMIT);
    }

    @Test
    void whoNeedsAShardThatIsBeingFetchedWaitsForIt() throws Exception {
        Described all = describe(hub());
        int before = server.seen("STORE " + shards.last()).size();
        server.script("STORE " + shards.last(), server.stall(500_000, latch));
        all.arrival().begin(of(all, shards.last()));
        Thread opener = new Thread(() -> {
            try {
                Thread.sleep(300);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            latch.countDown();
        });
        opener.start();
        all.arrival().await(of(all, shards.first()));
        all.arrival().await(of(all, shards.last()));
        assertThat(present()).containsExactly(shards.first(), shards.last());
        assertThat(server.seen("STORE " + shards.last())).hasSize(before + 1);
        opener.join();
    }

    @Test
    void whatIsFetchedAheadCanBeStoppedAndBegunAgain() throws Exception {
        Described all = describe(hub());
        server.script("STORE " + shards.first(), server.stall(500_000, latch));
        all.arrival().begin(all.files().tensors().values());
        Path partial = blob(shards.first()).resolveSibling(sha256(content(shards.first())) + ".modscan.incomplete");
        while (!Files.exists(partial) || Files.size(partial) < 500_000) {
            Thread.sleep(10);
        }
        all.arrival().stop();
        all.arrival().begin(of(all, shards.last()));
        waitFor(shards.last());
        assertThat(present()).containsExactly(shards.last());
        all.arrival().await(all.files().tensors().values());
        assertThat(present()).isEqualTo(shards.names());
    }

    @Test
    void aFailureAheadIsLeftToWhoAwaits() throws Exception {
        Described all = describe(hub());
        String key = "GET " + shards.first();
        int before = server.seen(key).size();
        server.script(key, status(403, "X-Error-Code", "GatedRepo"));
        all.arrival().begin(of(all, shards.first()));
        while (server.seen(key).size() == before) {
            Thread.sleep(10);
        }
        all.arrival().await(of(all, shards.first()));
        assertThat(present()).containsExactly(shards.first());
    }

    @Test
    void partsOfAFileCanBeHad() throws IOException {
        HubSnapshot snapshot = hub().snapshot(MODEL);
        snapshot.fetch(List.of("config.json"));
        HubFile file = snapshot.ask(List.of(shards.first())).get(0);
        byte[] content = content(shards.first());
        assertThat(file.name()).isEqualTo(shards.first());
        assertThat(file.size()).hasValue(content.length);
        assertThat(file.isCached()).isFalse();
        assertThat(file.read(List.of(
                        new HubFile.Part(1000, 7), new HubFile.Part(0, 1), new HubFile.Part(content.length - 2, 2))))
                .containsExactly(
                        Arrays.copyOfRange(content, 1000, 1007),
                        Arrays.copyOf(content, 1),
                        Arrays.copyOfRange(content, content.length - 2, content.length));
        assertThatThrownBy(() -> file.read(List.of(new HubFile.Part(content.length, 1))))
                .isInstanceOfSatisfying(
                        HubException.class, e -> assertThat(e.reason()).isEqualTo(Reason.BAD_ANSWER))
                .hasMessageContainingAll(shards.first(), "has no bytes " + content.length);
        assertThatThrownBy(() -> snapshot.ask(List.of("no.bin")))
                .isInstanceOfSatisfying(
                        HubException.class, e -> assertThat(e.reason()).isEqualTo(Reason.FILE_NOT_FOUND));
    }
}
