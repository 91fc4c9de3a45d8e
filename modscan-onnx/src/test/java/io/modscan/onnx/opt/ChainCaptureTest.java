package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.Activations;
import io.modscan.core.ModelContract;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Progress;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.runtime.Loading;
import io.modscan.onnx.runtime.PlanMemory;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Captures of a chain are those of the whole network, whatever becomes of them and whatever comes between. */
class ChainCaptureTest {

    private static final int LAYERS = 3;
    private static final int LINKS = LAYERS + 2;

    @TempDir
    private Path folder;

    private OptModel model() {
        return new TinyOpt().layers(LAYERS).load(folder);
    }

    /** With room for one stage at a time. */
    private static OptModel chained(OptModel model) {
        return chained(model, 1);
    }

    private static OptModel chained(OptModel model, int stages) {
        long largest = model.memory(Runs.everything(model), 1, 1).largestBlock();
        return model.withRuntime(RuntimeOptions.cpu().withLoading(Loading.CHAIN).withWeightMemory(stages * largest));
    }

    private static Prompts prompts() {
        Random random = new Random(2026);
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            int[] ids = random.ints(1 + random.nextInt(TinyOpt.MAX_POSITIONS - 1), 3, TinyOpt.VOCABULARY)
                    .toArray();
            prompts.add(Prompt.ofTokens(
                    "p" + i,
                    IntStream.concat(IntStream.of(TinyOpt.BOS), Arrays.stream(ids))
                            .limit(TinyOpt.MAX_POSITIONS)
                            .toArray()));
        }
        return Prompts.of(prompts);
    }

    private static Probe.Builder probe(OptModel model) {
        return Probe.builder(model)
                .sites(Pooling.none(), Sites.residPost(), Sites.glob("blocks.*.attn.hook_pattern"), Sites.glob("loss"))
                .sites(Pooling.mean(), Sites.z(), Sites.mlpPost())
                .tokenBudget(60);
    }

    private static void assertSame(Activations actual, Activations expected) {
        assertThat(actual.sites()).hasSameSizeAs(expected.sites());
        for (SiteActivations site : expected.sites()) {
            for (int prompt = 0; prompt < site.size(); prompt++) {
                assertThat(Arrays.equals(values(actual.at(site.site()), prompt), values(site, prompt)))
                        .as(
                                "%s of %s",
                                site.site(), expected.prompts().get(prompt).id())
                        .isTrue();
            }
        }
    }

    private static float[] values(SiteActivations site, int prompt) {
        return Runs.array(site.row(prompt));
    }

    private static Activations whole(OptModel model) {
        try (Probe probe = probe(model).build()) {
            return probe.capture(prompts());
        }
    }

    @Test
    void aChainCapturesWhatTheWholeDoes() {
        OptModel model = model();
        try (Probe probe = probe(chained(model)).build()) {
            Activations chained = probe.capture(prompts());
            assertSame(chained, whole(model));
            assertThat(chained.provenance())
                    .containsEntry("runtime.links", "embedding, block 0, block 1, block 2, head")
                    .extractingByKey("modscan.batches")
                    .asString()
                    .endsWith(", in 5 links");
        }
    }

    @Test
    void theStreamMayGoThroughAFile() {
        OptModel model = model();
        try (Probe probe = probe(chained(model)).memoryLimit(1).build();
                Probe whole = probe(model).memoryLimit(1).build()) {
            assertSame(probe.capture(prompts()), whole.capture(prompts()));
        }
    }

    @Test
    void piecesAreTheSame() {
        OptModel model = model();
        Activations whole = whole(model);
        try (Probe probe = probe(chained(model)).memoryLimit(100_000).build()) {
            AtomicInteger seen = new AtomicInteger();
            AtomicInteger pieces = new AtomicInteger();
            probe.forEach(prompts(), piece -> {
                pieces.incrementAndGet();
                int first = seen.getAndAdd(piece.prompts().size());
                for (SiteActivations site : piece.sites()) {
                    for (int i = 0; i < site.size(); i++) {
                        assertThat(values(site, i))
                                .usingComparatorWithPrecision(1e-5f)
                                .containsExactly(values(whole.at(site.site()), first + i));
                    }
                }
            });
            assertThat(seen).hasValue(30);
            assertThat(pieces).hasValueGreaterThan(1);
        }
    }

    @Test
    void aFileOfAChainHoldsTheSame() {
        OptModel model = model();
        Path file = folder.resolve("acts.safetensors");
        try (Probe probe = probe(chained(model)).build()) {
            probe.capture(prompts(), file);
        }
        assertSame(Recording.open(file).activations(), whole(model));
    }

    /** Ended behind each step in turn, as by a kill: what is done is not done again, and the file is the same to the byte. */
    @Test
    void aChainGoesOnWhereItWasEndedWhereverThatWas() throws IOException {
        OptModel model = chained(model());
        Path uninterrupted = folder.resolve("uninterrupted.safetensors");
        List<Progress> steps = new ArrayList<>();
        capture(model, uninterrupted, steps::add);
        assertThat(steps.size()).isGreaterThan(3 * LINKS).isEqualTo(steps.size() / LINKS * LINKS);
        for (int last = 1; last < steps.size(); last++) {
            Path file = folder.resolve("acts-" + last + ".safetensors");
            int end = last;
            AtomicInteger count = new AtomicInteger();
            assertThatExceptionOfType(IllegalStateException.class)
                    .isThrownBy(() -> capture(model, file, progress -> {
                        if (count.incrementAndGet() == end) {
                            throw new IllegalStateException("ended");
                        }
                    }));
            List<Progress> rest = new ArrayList<>();
            capture(model, file, rest::add);
            // The step that was told of last may not have been written.
            Progress first = rest.get(0);
            assertThat(rest.size()).isBetween(steps.size() - last, steps.size() - last + 1 + steps.size() / LINKS);
            assertThat(first.tokensBefore()).isBetween(0L, first.tokens() + first.tokensUnderWay());
            assertThat(Files.mismatch(file, uninterrupted)).isEqualTo(-1);
            assertThat(folder.resolve("acts-" + last + ".safetensors.part")).doesNotExist();
        }
    }

    private static void capture(OptModel model, Path file, Consumer<Progress> listener) {
        try (Probe probe = probe(model).progress(listener).build()) {
            probe.capture(prompts(), file);
        }
    }

    @Test
    void progressCountsTokensByTheBlocksThatTheyHavePassed() {
        OptModel model = chained(model());
        List<Progress> steps = new ArrayList<>();
        try (Probe probe = probe(model).progress(steps::add).build()) {
            probe.capture(prompts());
        }
        long last = 0;
        for (Progress step : steps) {
            long passed = step.tokens() + step.tokensUnderWay();
            assertThat(passed).isGreaterThanOrEqualTo(last);
            last = passed;
        }
        Progress end = steps.get(steps.size() - 1);
        assertThat(end.tokensUnderWay()).isZero();
        assertThat(end.tokens()).isEqualTo(end.tokensTotal().orElseThrow());
        assertThat(end.prompts()).isEqualTo(30);
        Progress middle = steps.get(steps.size() / 2);
        assertThat(middle.prompts()).isZero();
        assertThat(middle.tokensUnderWay()).isBetween(end.tokens() * 2 / 5, end.tokens() * 4 / 5);
    }

    @Test
    void manyThreadsShareTheRoomForWeights() {
        OptModel model = model();
        Activations whole = whole(model);
        for (int stages : new int[] {1, 2, 3}) {
            try (Probe probe = probe(chained(model, stages)).build()) {
                List<CompletableFuture<Activations>> captures = Stream.generate(
                                () -> CompletableFuture.supplyAsync(() -> probe.capture(prompts())))
                        .limit(6)
                        .toList();
                captures.forEach(capture -> assertSame(capture.join(), whole));
            }
        }
    }

    @Test
    void aRunWithinARunDoesNotWaitForItsRoom() {
        OptModel model = chained(model());
        Prompts one = Prompts.of(List.of(prompts().get(0)));
        try (Probe probe = Probe.builder(model).sites("loss").build()) {
            AtomicInteger within = new AtomicInteger();
            probe.forEach(one, piece -> probe.forEach(one, inner -> within.incrementAndGet()));
            assertThat(within).hasValue(1);
        }
        AtomicInteger depth = new AtomicInteger();
        Probe[] self = new Probe[1];
        try (Probe probe = Probe.builder(model)
                .sites("loss")
                .progress(progress -> {
                    if (depth.incrementAndGet() == 1) {
                        self[0].capture(one);
                    }
                })
                .build()) {
            self[0] = probe;
            assertThat(probe.capture(one).prompts().size()).isEqualTo(1);
        }
    }

    /** Threads whose listeners run the same probe, with room for one stage. */
    @Test
    void runsWithinRunsOnManyThreadsComeToTheirEnd() {
        OptModel model = chained(model());
        Prompts one = Prompts.of(List.of(prompts().get(0)));
        ThreadLocal<Boolean> within = ThreadLocal.withInitial(() -> false);
        Probe[] self = new Probe[1];
        try (Probe probe = Probe.builder(model)
                .sites("loss")
                .progress(progress -> {
                    if (!within.get()) {
                        within.set(true);
                        self[0].capture(one);
                        within.set(false);
                    }
                })
                .build()) {
            self[0] = probe;
            List<CompletableFuture<Activations>> captures = Stream.generate(
                            () -> CompletableFuture.supplyAsync(() -> probe.capture(one)))
                    .limit(4)
                    .toList();
            captures.forEach(capture -> assertThat(capture.orTimeout(60, TimeUnit.SECONDS)
                            .join()
                            .prompts()
                            .size())
                    .isEqualTo(1));
        }
    }

    @Test
    void anInterruptEndsAChainAndWhatIsDoneIsKept() throws InterruptedException {
        OptModel model = new TinyOpt().layers(30).load(folder);
        Path file = folder.resolve("interrupted.safetensors");
        List<Prompt> many = new ArrayList<>();
        for (int i = 0; i < 600; i++) {
            many.add(Prompt.ofTokens(
                    "p" + i, IntStream.range(0, TinyOpt.MAX_POSITIONS).toArray()));
        }
        AtomicInteger steps = new AtomicInteger();
        try (Probe probe = Probe.builder(chained(model))
                .sites(Pooling.last(), Sites.residPost())
                .progress(progress -> steps.incrementAndGet())
                .build()) {
            CompletableFuture<Throwable> thrown = new CompletableFuture<>();
            Thread runner = new Thread(() -> {
                try {
                    probe.capture(many, file);
                    thrown.complete(new AssertionError("it came to its end"));
                } catch (Throwable e) {
                    thrown.complete(e);
                }
            });
            runner.start();
            while (steps.get() < 100) {
                Thread.sleep(10);
            }
            runner.interrupt();
            runner.join(Duration.ofSeconds(20).toMillis());
            assertThat(thrown.getNow(new AssertionError("it goes on")))
                    .isInstanceOf(CancellationException.class)
                    .hasMessageContaining("kept in");
            List<Progress> rest = new ArrayList<>();
            try (Probe again = Probe.builder(chained(model))
                    .sites(Pooling.last(), Sites.residPost())
                    .progress(rest::add)
                    .build()) {
                again.capture(many, file);
            }
            assertThat(rest.get(0).tokensBefore()).isPositive();
        }
    }

    @Test
    void aClosedChainSaysSo() {
        Probe probe = probe(chained(model())).build();
        probe.close();
        probe.close();
        assertThatExceptionOfType(IllegalStateException.class).isThrownBy(() -> probe.capture(prompts()));
    }

    @Test
    void aChainKeepsTheContractOfModelsAndSoDoesOneThatIsStartedLate() {
        OptModel model = model();
        ModelContract.of(chained(model)).verify();
        Recording stream = stream(model, Pooling.none(), "blocks.1.hook_resid_pre");
        ModelContract.of(
                        chained(model.startingAt(stream)),
                        Prompts.of(stream.prompts().stream().limit(5).toList()))
                .verify();
    }

    // ---- memory ----

    @Test
    void memoryIsToldBeforehand() {
        OptModel model = model();
        CapturePlan everything = Runs.everything(model);
        PlanMemory whole = model.memory(everything, 2, 10);
        assertThat(whole.links()).isEqualTo(1);
        assertThat(whole.weights()).isGreaterThan(3 * whole.largestBlock());
        assertThat(whole.stored()).isEqualTo(whole.weights());
        assertThat(whole.outputs()).isEqualTo(everything.bytes(2, 10));
        assertThat(whole.room()).isPositive();
        assertThat(model.memory(Runs.plan(model, Pooling.none(), "blocks.0.attn.hook_z"), 2, 10)
                        .weights())
                .isLessThan(whole.weights() / 2);
        assertThat(chained(model).memory(everything, 2, 10).links()).isEqualTo(LINKS);
        assertThat(chained(model, 100).memory(everything, 2, 10).links()).isEqualTo(1);
    }

    @Test
    void whatDoesNotFitRunsInAChainByItself() {
        OptModel model = model();
        long weights = model.memory(Runs.everything(model), 1, 1).weights();
        OptModel tight = model.withRuntime(RuntimeOptions.cpu().withWeightMemory(weights - 1));
        assertThat(tight.memory(Runs.everything(model), 1, 1).links()).isGreaterThan(1);
        OptModel enough = model.withRuntime(RuntimeOptions.cpu().withWeightMemory(weights));
        assertThat(enough.memory(Runs.everything(model), 1, 1).links()).isEqualTo(1);
    }

    @Test
    void noRoomForABlockIsSaidBeforeAnythingIsLoaded() {
        OptModel model = model().withRuntime(RuntimeOptions.cpu().withWeightMemory(1000));
        assertThat(model.memory(Runs.everything(model), 1, 1).links()).isZero();
        assertThatThrownBy(() -> probe(model).build())
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("the largest block of this plan takes")
                .hasMessageContaining("give weights more");
        OptModel whole = model.withRuntime(
                RuntimeOptions.cpu().withLoading(Loading.WHOLE).withWeightMemory(1000));
        assertThatThrownBy(() -> probe(whole).build())
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("this plan takes")
                .hasMessageContaining("Loading.AUTOMATIC or CHAIN");
    }

    // ---- starting late ----

    private Recording stream(OptModel model, Pooling pooling, String... sites) {
        Path file = folder.resolve("stream" + pooling + sites.length + ".safetensors");
        try (Probe probe = Probe.builder(model)
                .sites(sites)
                .pooling(pooling)
                .tokenBudget(60)
                .build()) {
            probe.capture(prompts(), file);
        }
        return Recording.open(file);
    }

    @Test
    void aRecordedStreamIsASourceForAllSitesBehindIt() {
        OptModel model = model();
        Activations whole = whole(model);
        for (String site : List.of("blocks.1.hook_resid_pre", "blocks.0.hook_resid_post", "blocks.1.hook_resid_post")) {
            Recording stream = stream(model, Pooling.none(), site);
            OptModel late = model.startingAt(stream);
            for (OptModel started : List.of(late, chained(late))) {
                try (Probe probe = probe(started).build()) {
                    Activations behind = probe.capture(stream.prompts());
                    assertThat(behind.sites()).hasSizeLessThan(whole.sites().size());
                    for (SiteActivations each : behind.sites()) {
                        for (int prompt = 0; prompt < each.size(); prompt++) {
                            assertThat(Arrays.equals(values(each, prompt), values(whole.at(each.site()), prompt)))
                                    .as("%s of prompt %d from %s", each.site(), prompt, site)
                                    .isTrue();
                        }
                    }
                    assertThat(behind.sites()
                                    .get(behind.sites().size() - 1)
                                    .site()
                                    .name())
                            .isEqualTo("loss");
                }
            }
        }
    }

    @Test
    void theLastStreamBeforeThePlanIsUsed() {
        OptModel model = model();
        Recording stream = stream(model, Pooling.none(), "blocks.1.hook_resid_pre", "blocks.2.hook_resid_pre");
        OptModel late = model.startingAt(stream);
        CapturePlan plan =
                late.plan(List.of(new CapturePlan.Selection(Sites.glob("blocks.2.hook_resid_post"), Pooling.none())));
        CapturePlan earlier =
                late.plan(List.of(new CapturePlan.Selection(Sites.glob("blocks.1.hook_resid_post"), Pooling.none())));
        assertThat(late.memory(plan, 1, 1).weights())
                .isEqualTo(late.memory(earlier, 1, 1).weights());
        assertThat(late.sites().get(0).name()).isEqualTo("blocks.1.hook_resid_pre");
    }

    @Test
    void aStartThatIsNoneIsRefused() {
        OptModel model = model();
        Recording pooled = stream(model, Pooling.mean(), "blocks.1.hook_resid_pre");
        assertThatThrownBy(() -> model.startingAt(pooled))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("blocks.1.hook_resid_pre (mean)")
                .hasMessageContaining("Pooling.none()");
        Recording without = stream(model, Pooling.none(), "blocks.1.attn.hook_z");
        assertThatThrownBy(() -> model.startingAt(without))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("no residual stream");
        Recording stream = stream(model, Pooling.none(), "blocks.1.hook_resid_pre", "blocks.1.hook_resid_mid");
        OptModel other = new TinyOpt().layers(LAYERS).untiedHead().load(folder.resolve("other"));
        assertThatThrownBy(() -> other.startingAt(stream))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("is of another model");
        assertThatThrownBy(() -> Probe.builder(model.startingAt(stream))
                        .sites("blocks.0.attn.hook_z")
                        .build())
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("blocks.0.attn.hook_z lies before blocks.1.hook_resid_pre");
        try (Probe probe = Probe.builder(model.startingAt(stream)).sites("loss").build()) {
            assertThatThrownBy(() -> probe.capture(Prompts.of(List.of(Prompt.ofTokens("new", 2, 3, 4)))))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("none of the 30");
        }
    }
}
