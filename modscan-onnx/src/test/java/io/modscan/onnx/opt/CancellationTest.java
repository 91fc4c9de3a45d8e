package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.Probe;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An interrupt ends what ONNX Runtime is at; a batch here takes it seconds. */
class CancellationTest {

    private static final int[] ROW = IntStream.range(0, TinyOpt.MAX_POSITIONS).toArray();
    private static final int ROWS = 5000;

    @TempDir
    private Path folder;

    private OptModel deep() {
        return new TinyOpt().layers(120).load(folder);
    }

    private static TokenBatch manyRows() {
        int[][] rows = new int[ROWS][];
        Arrays.fill(rows, ROW);
        return Runs.batch(Padding.RIGHT, ROW.length, rows);
    }

    @Test
    void anInterruptEndsABatchUnderWayAndTheSourceStaysUsable() throws InterruptedException {
        OptModel model = deep();
        try (ActivationSource source = model.open(Runs.plan(model, Pooling.last(), "ln_final.hook_normalized"))) {
            TokenBatch batch = manyRows();
            List<FloatBuffer> outputs = Runs.outputs(source.plan(), batch);
            AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
            Thread runner = new Thread(() -> {
                try {
                    source.run(batch, outputs);
                } catch (RuntimeException e) {
                    thrown.set(Thread.currentThread().isInterrupted() ? e : new AssertionError("the flag is gone", e));
                }
            });
            runner.start();
            Thread.sleep(300);
            runner.interrupt();
            runner.join();
            assertThat(thrown.get()).isInstanceOf(CancellationException.class).hasMessageContaining("5000 × 24 tokens");
            assertThat(Runs.run(source, Runs.batch(Padding.RIGHT, ROW.length, ROW)))
                    .hasSize(1);
        }
    }

    @Test
    void aThreadThatIsInterruptedAlreadyRunsNothing() {
        OptModel model = deep();
        try (ActivationSource source = model.open(Runs.plan(model, Pooling.last(), "ln_final.hook_normalized"))) {
            TokenBatch batch = Runs.batch(Padding.RIGHT, ROW.length, ROW);
            List<FloatBuffer> outputs = Runs.outputs(source.plan(), batch);
            Thread.currentThread().interrupt();
            assertThatExceptionOfType(CancellationException.class).isThrownBy(() -> source.run(batch, outputs));
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void oneOfSeveralRunsIsEndedAloneAndClosingNeedNotWaitForIt() throws Exception {
        Prompts prompts = Prompts.of(IntStream.range(0, ROWS)
                .mapToObj(i -> Prompt.ofTokens("p" + i, ROW))
                .toList());
        OptModel model = deep();
        try (Probe probe = Probe.builder(model)
                .sites("ln_final.hook_normalized")
                .pooling(Pooling.last())
                .tokenBudget(ROWS * ROW.length)
                .memoryLimit(4L << 30)
                .build()) {
            CompletableFuture<Integer> few =
                    probe.async(p -> p.capture(prompts.slice(0, 50)).prompts().size());
            CompletableFuture<Integer> all =
                    probe.async(p -> p.capture(prompts).prompts().size());
            Thread.sleep(300);
            assertThat(all.cancel(true)).isTrue();
            assertThat(few.get(60, TimeUnit.SECONDS)).isEqualTo(50);
        }
    }
}
