package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Progress;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import java.nio.FloatBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Runs that keep nothing, and how a run is followed and cancelled. */
class StreamTest {

    private final FakeModel model = new FakeModel();

    private static Prompt prompt(int i) {
        return Prompt.ofTokens(
                "p" + i,
                IntStream.range(0, 1 + i % 11).map(k -> 3 + (i + k) % 97).toArray());
    }

    private static Prompts prompts(int count) {
        return Prompts.of(IntStream.range(0, count).mapToObj(StreamTest::prompt).toList());
    }

    private static float[] floats(FloatBuffer buffer) {
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    @Nested
    class Pieces {

        @Test
        void comeInTheOrderOfThePromptsWithEveryValue() {
            List<String> ids = new ArrayList<>();
            try (Probe probe = Probe.builder(model).memoryLimit(1 << 18).build()) {
                probe.forEach(prompts(500), piece -> {
                    for (int i = 0; i < piece.prompts().size(); i++) {
                        ids.add(piece.prompts().get(i).id());
                        for (SiteActivations site : piece.sites()) {
                            assertThat(floats(site.row(i)))
                                    .containsExactly(
                                            FakeModel.expected(site.site(), site.pooling(), piece.tokenIds(i)));
                        }
                    }
                });
                assertThat(model.batches).hasSizeGreaterThan(2);
            }
            assertThat(ids)
                    .containsExactlyElementsOf(
                            IntStream.range(0, 500).mapToObj(i -> "p" + i).toList());
        }

        @Test
        void canBeReadOnlyUntilTheCallReturns() {
            List<Activations> kept = new ArrayList<>();
            try (Probe probe = Probe.builder(model).sites(Sites.z()).build()) {
                probe.forEach(prompts(5), kept::add);
            }
            SiteActivations site = kept.get(0).at(FakeModel.Z);
            assertThatIllegalStateException()
                    .isThrownBy(() -> site.row(0))
                    .withMessageContainingAll("until the call", "capture the prompts");
            assertThatIllegalStateException()
                    .isThrownBy(() -> kept.get(0).slice(0, 2).at(FakeModel.Z).vector(0, 0));
        }

        @Test
        void areNotRunBeforeTheLastOneWasTaken() {
            AtomicLong read = new AtomicLong();
            Stream<Prompt> endless = Stream.generate(() -> prompt((int) read.getAndIncrement()));
            AtomicLong pieces = new AtomicLong();
            try (Probe probe = Probe.builder(model)
                    .sites(Sites.z())
                    .pooling(Pooling.mean())
                    .memoryLimit(1 << 12)
                    .build()) {
                assertThatIllegalStateException()
                        .isThrownBy(() -> probe.forEach(endless, piece -> {
                            int batches = model.batches.size();
                            if (pieces.incrementAndGet() == 5) {
                                throw new IllegalStateException("enough");
                            }
                            assertThat(model.batches).hasSize(batches);
                        }))
                        .withMessage("enough");
            }
            // 48 bytes a prompt and half of 4 KiB a piece: the fifth, and the one that is to be next.
            assertThat(read.get()).isBetween(5L * 42, 7L * 43);
        }

        @Test
        void ofManyPromptsAddUpToWhatOneCaptureMeasures() {
            Metric<Double> total = () -> new Metric.Accumulator<>() {
                private double sum;

                @Override
                public void add(Activations piece) {
                    for (int i = 0; i < piece.prompts().size(); i++) {
                        for (float value : piece.at(FakeModel.Z).vector(i)) {
                            sum += value;
                        }
                    }
                }

                @Override
                public void merge(Metric.Accumulator<Double> other) {
                    throw new UnsupportedOperationException();
                }

                @Override
                public Double finish() {
                    return sum;
                }
            };
            try (Probe probe = Probe.builder(model)
                    .sites(Sites.z())
                    .pooling(Pooling.max())
                    .memoryLimit(1 << 14)
                    .build()) {
                assertThat(probe.measure(prompts(3000), total))
                        .isEqualTo(probe.capture(prompts(3000)).measure(total));
            }
        }

        @Test
        void mayRunOtherPromptsOfTheSameProbeMeanwhile() {
            try (Probe probe = Probe.builder(model).build()) {
                probe.forEach(
                        prompts(3),
                        piece -> probe.forEach(prompts(4), inner -> {
                            assertThat(floats(piece.at(FakeModel.Z).row(2)))
                                    .containsExactly(
                                            FakeModel.expected(FakeModel.Z, Pooling.none(), piece.tokenIds(2)));
                            assertThat(inner.prompts().size()).isEqualTo(4);
                        }));
            }
        }

        @Test
        void ofManyThreadsShareTheMemoryThatThereIs() throws Exception {
            Site wide = new Site("wide", OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(1 << 20)), false);
            FakeModel wideModel = new FakeModel(List.of(wide), false);
            long before = Runtime.getRuntime().maxMemory();
            try (Probe probe = Probe.builder(wideModel)
                    .memoryLimit(before)
                    .tokenBudget(4096)
                    .build()) {
                // A token takes 4 MiB, so a thread's piece up to a quarter of the heap, and eight would take twice of
                // it.
                int tokens = (int) Math.min(40, (before / 5) >> 22);
                List<CompletableFuture<Integer>> runs = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    runs.add(probe.async(p -> {
                        AtomicLong count = new AtomicLong();
                        p.forEach(
                                Prompts.of(IntStream.range(0, tokens / 4)
                                        .mapToObj(k -> Prompt.ofTokens("p" + k, 5, 6, 7, 8))
                                        .toList()),
                                piece -> count.addAndGet(piece.prompts().size()));
                        return count.intValue();
                    }));
                }
                for (CompletableFuture<Integer> run : runs) {
                    assertThat(run.get(300, TimeUnit.SECONDS)).isEqualTo(tokens / 4);
                }
            }
        }

        @Test
        void endWithWhatTheIteratorThrows() {
            try (Probe probe = Probe.builder(model).sites(Sites.z()).build()) {
                Stream<Prompt> broken = Stream.of(1, 2, 3).map(i -> {
                    if (i == 3) {
                        throw new ModscanException("the source of prompts broke");
                    }
                    return prompt(i);
                });
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> probe.forEach(broken, piece -> {}))
                        .withMessage("the source of prompts broke");
                Stream<Prompt> worse = Stream.of(1).map(i -> {
                    throw new StackOverflowError("no way");
                });
                assertThatExceptionOfType(StackOverflowError.class).isThrownBy(() -> probe.forEach(worse, piece -> {}));
            }
        }
    }

    @Nested
    class Cancelling {

        @Test
        void byInterruptEndsBeforeTheNextBatchAndKeepsTheFlag() {
            model.onRun = batch -> Thread.currentThread().interrupt();
            try (Probe probe = Probe.builder(model).tokenBudget(12).build()) {
                assertThatExceptionOfType(CancellationException.class).isThrownBy(() -> probe.capture(prompts(50)));
                assertThat(Thread.interrupted()).isTrue();
                assertThat(model.batches).hasSize(1);
                model.onRun = batch -> {};
                assertThat(probe.capture(prompts(50)).prompts().size()).isEqualTo(50);
            }
        }

        @Test
        void byInterruptEndsWaitingForPrompts() throws InterruptedException {
            CountDownLatch asked = new CountDownLatch(1);
            Stream<Prompt> slow = Stream.generate(() -> {
                asked.countDown();
                try {
                    Thread.sleep(60_000);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                return prompt(1);
            });
            try (Probe probe = Probe.builder(model).build()) {
                CompletableFuture<Void> run = probe.async(p -> {
                    p.forEach(slow, piece -> {});
                    return null;
                });
                assertThat(asked.await(60, TimeUnit.SECONDS)).isTrue();
                assertThat(run.cancel(true)).isTrue();
                awaitNoThread("modscan-capture");
                awaitNoThread("modscan-tokenizer");
            }
        }

        @Test
        void aFutureInterruptsItsRun() throws InterruptedException {
            CountDownLatch running = new CountDownLatch(1);
            CountDownLatch interrupted = new CountDownLatch(1);
            model.onRun = batch -> {
                running.countDown();
                try {
                    Thread.sleep(60_000);
                } catch (InterruptedException e) {
                    interrupted.countDown();
                    Thread.currentThread().interrupt();
                }
            };
            try (Probe probe = Probe.builder(model).build()) {
                CompletableFuture<Activations> run = probe.async(p -> p.capture(prompts(5)));
                assertThat(running.await(60, TimeUnit.SECONDS)).isTrue();
                assertThat(run.cancel(false)).isTrue();
                assertThat(interrupted.await(60, TimeUnit.SECONDS)).isTrue();
            }
        }

        @Test
        void aFutureThatTimesOutInterruptsItsRunToo() throws InterruptedException {
            CountDownLatch interrupted = new CountDownLatch(1);
            model.onRun = batch -> {
                try {
                    Thread.sleep(60_000);
                } catch (InterruptedException e) {
                    interrupted.countDown();
                    Thread.currentThread().interrupt();
                }
            };
            try (Probe probe = Probe.builder(model).build()) {
                CompletableFuture<Activations> run =
                        probe.async(p -> p.capture(prompts(5))).orTimeout(50, TimeUnit.MILLISECONDS);
                assertThat(interrupted.await(60, TimeUnit.SECONDS)).isTrue();
                assertThat(run).isCompletedExceptionally();
            }
        }

        @Test
        void isNotNeededWhereAFutureCompletes() throws Exception {
            try (Probe probe = Probe.builder(model).sites(Sites.z()).build()) {
                assertThat(probe.async(p -> p.capture(prompts(5)))
                                .get(60, TimeUnit.SECONDS)
                                .prompts()
                                .size())
                        .isEqualTo(5);
                assertThat(probe.async(p -> p.capture(Prompts.of(List.of(Prompt.ofTokens("odd", -1))))))
                        .failsWithin(Duration.ofSeconds(60))
                        .withThrowableThat()
                        .withMessageContaining("'odd'");
            }
        }

        private void awaitNoThread(String name) throws InterruptedException {
            for (int i = 0; i < 600; i++) {
                if (Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().equals(name))) {
                    return;
                }
                Thread.sleep(100);
            }
            throw new AssertionError(name + " is still there");
        }
    }

    @Nested
    class ProgressIsTold {

        @Test
        void ofEachBatchWithTotals() {
            List<Progress> told = new ArrayList<>();
            Prompts prompts = prompts(50);
            long tokens = prompts.stream()
                    .mapToLong(prompt -> prompt.tokenIds().orElseThrow().length)
                    .sum();
            try (Probe probe =
                    Probe.builder(model).tokenBudget(30).progress(told::add).build()) {
                probe.capture(prompts);
            }
            assertThat(told).hasSameSizeAs(model.batches);
            assertThat(told).isSortedAccordingTo((a, b) -> Long.compare(a.tokens(), b.tokens()));
            Progress last = told.get(told.size() - 1);
            assertThat(last.prompts()).isEqualTo(50);
            assertThat(last.promptsTotal()).isEqualTo(OptionalLong.of(50));
            assertThat(last.tokens()).isEqualTo(tokens);
            assertThat(last.tokensTotal()).isEqualTo(OptionalLong.of(tokens));
            assertThat(last.tokensBefore()).isZero();
        }

        @Test
        void withoutTotalsOfAStreamThatHasNotEnded() {
            List<Progress> told = new ArrayList<>();
            try (Probe probe = Probe.builder(model)
                    .sites(Sites.z())
                    .pooling(Pooling.mean())
                    .memoryLimit(1 << 10)
                    .progress(told::add)
                    .build()) {
                probe.forEach(
                        IntStream.iterate(0, i -> i < 3000, i -> i + 1).mapToObj(StreamTest::prompt), piece -> {});
            }
            assertThat(told.get(0).promptsTotal()).isEmpty();
            assertThat(told.get(0).tokensTotal()).isEmpty();
            assertThat(told.get(told.size() - 1).promptsTotal()).isEqualTo(OptionalLong.of(3000));
        }
    }
}
