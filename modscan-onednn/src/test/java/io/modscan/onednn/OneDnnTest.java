package io.modscan.onednn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.demo.DemoModel;
import io.modscan.onnx.runtime.CpuOperators;
import io.modscan.onnx.runtime.ProductPrecision;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** That the module is found, what it computes, and that it gives back what it takes. */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class OneDnnTest {

    private static final String PROPERTY = "modscan.operators";

    /** Of the norm of a site's values, in the whole demo model; docs/validation.md has what was measured. */
    private static final double BFLOAT16_ERROR = 0.02;

    private static final double FLOAT32_ERROR = 2e-5;

    /** Bytes that the process may take more after some hundred captures; what as many captures of ours take is many times that. */
    private static final long GROWTH = 64L << 20;

    private static final String[] SITES = {
        "blocks.*.attn.hook_q",
        "blocks.*.attn.hook_z",
        "blocks.*.hook_attn_out",
        "blocks.*.hook_resid_mid",
        "blocks.*.mlp.hook_post",
        "blocks.*.hook_resid_post",
        "logits"
    };

    @AfterEach
    void forget() {
        System.clearProperty(PROPERTY);
    }

    private static Probe probe(RuntimeOptions options, Pooling pooling, String... sites) {
        return Probe.builder(DemoModel.open().withRuntime(options))
                .sites(sites)
                .pooling(pooling)
                .build();
    }

    private static Prompts prompts(int count) {
        List<Prompt> prompts = new ArrayList<>();
        DemoModel.prompts().stream().limit(count).forEach(prompts::add);
        return Prompts.of(prompts);
    }

    private static Activations capture(RuntimeOptions options) {
        try (Probe probe = probe(options, Pooling.none(), SITES)) {
            return probe.capture(prompts(12));
        }
    }

    /** How far apart two captures are at each site, as a share of the norm of the second. */
    private static Map<String, Double> errors(Activations actual, Activations expected) {
        Map<String, Double> errors = new TreeMap<>();
        expected.sites().forEach(at -> {
            Site site = at.site();
            double difference = 0;
            double norm = 0;
            for (int prompt = 0; prompt < expected.prompts().size(); prompt++) {
                float[] a = values(actual, site.name(), prompt);
                float[] e = values(expected, site.name(), prompt);
                assertThat(a).hasSameSizeAs(e);
                for (int i = 0; i < e.length; i++) {
                    difference += Math.pow(a[i] - (double) e[i], 2);
                    norm += Math.pow(e[i], 2);
                }
            }
            errors.put(site.name(), Math.sqrt(difference / norm));
        });
        return errors;
    }

    private static float[] values(Activations activations, String site, int prompt) {
        FloatBuffer row = activations.at(site).row(prompt);
        float[] values = new float[row.remaining()];
        row.get(values);
        return values;
    }

    @Test
    void isFoundAndSaysWhatItIs() {
        assertThat(CpuOperators.installed()).hasValueSatisfying(operators -> {
            assertThat(operators).isInstanceOf(OneDnn.class);
            assertThat(operators.describe()).matches("onednn 3\\.\\d+\\.\\d+ \\(.+\\)");
            assertThat(operators.isFast(ProductPrecision.FLOAT32)).isTrue();
        });
        Activations captured = capture(RuntimeOptions.cpu());
        assertThat(captured.provenance())
                .containsEntry(
                        "runtime.operators",
                        CpuOperators.installed().orElseThrow().describe())
                .containsEntry("runtime.precision", "float32");
    }

    @Test
    void floatsAreThoseOfOnnxRuntime() {
        Activations fast = capture(RuntimeOptions.cpu());
        System.setProperty(PROPERTY, "onnxruntime");
        Activations plain = capture(RuntimeOptions.cpu());
        assertThat(plain.provenance()).doesNotContainKey("runtime.operators");
        assertThat(errors(fast, plain))
                .allSatisfy((site, error) -> assertThat(error).as(site).isLessThan(FLOAT32_ERROR));
    }

    @Test
    void bfloat16IsOffByLittleAndSaid() {
        CpuOperators operators = CpuOperators.installed().orElseThrow();
        if (!operators.computes(ProductPrecision.BFLOAT16)) {
            assertThatThrownBy(() -> capture(RuntimeOptions.cpu().bfloat16()))
                    .hasMessageContaining("this processor can't")
                    .hasMessageContaining(operators.describe());
            return;
        }
        Activations rounded = capture(RuntimeOptions.cpu().bfloat16());
        Map<String, Double> errors = errors(rounded, capture(RuntimeOptions.cpu()));
        assertThat(errors)
                .allSatisfy((site, error) -> assertThat(error)
                        .as(site)
                        .isGreaterThan(1e-5) // it is another number
                        .isLessThan(BFLOAT16_ERROR));
        assertThat(rounded.provenance()).containsEntry("runtime.precision", "bfloat16");
    }

    @Test
    void bfloat16WithoutTheModuleIsRefused() {
        System.setProperty(PROPERTY, "onnxruntime");
        assertThatThrownBy(() -> capture(RuntimeOptions.cpu().bfloat16()))
                .hasMessageContaining("modscan-onednn")
                .hasMessageContaining("bfloat16");
        System.setProperty(PROPERTY, "onedn");
        assertThatThrownBy(() -> capture(RuntimeOptions.cpu()))
                .hasMessageContaining("modscan.operators=onedn")
                .hasMessageContaining("onnxruntime");
    }

    @Test
    void threadsShareASession() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try (Probe probe = probe(RuntimeOptions.cpu(), Pooling.mean(), SITES)) {
            Activations expected = probe.capture(prompts(6));
            List<Callable<Activations>> captures = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                captures.add(() -> probe.capture(prompts(6)));
            }
            for (Future<Activations> captured : threads.invokeAll(captures)) {
                assertThat(errors(captured.get(), expected))
                        .allSatisfy((site, error) -> assertThat(error).as(site).isLessThan(FLOAT32_ERROR));
            }
        } finally {
            threads.shutdown();
        }
    }

    /** The long form: CaptureScale of the benchmarks, with this module on the class path. */
    @Test
    void memoryDoesNotGrowWithCapturesNorSessions() throws IOException {
        RuntimeOptions options = CpuOperators.installed().orElseThrow().computes(ProductPrecision.BFLOAT16)
                ? RuntimeOptions.cpu().bfloat16()
                : RuntimeOptions.cpu();
        try (Probe probe = probe(options, Pooling.mean(), "blocks.*.mlp.hook_post")) {
            // Batches of all shapes, more than a workspace keeps kernels for.
            captures(probe, 900);
            assertThat(leastGrowth(() -> captures(probe, 900))).as("bytes").isLessThan(GROWTH);
        }
        sessions(10);
        assertThat(leastGrowth(() -> sessions(20))).as("bytes").isLessThan(GROWTH);
    }

    /** Of two turns: on a busy machine other threads' memory may come between, but what leaks does so in both. */
    private static long leastGrowth(Runnable work) throws IOException {
        long least = Long.MAX_VALUE;
        for (int turn = 0; turn < 2; turn++) {
            long before = resident();
            work.run();
            least = Math.min(least, resident() - before);
        }
        return least;
    }

    /** Each asynchronous capture has a thread of its own. */
    @Test
    void memoryDoesNotGrowWithThreads() throws Exception {
        try (Probe probe = probe(RuntimeOptions.cpu(), Pooling.mean(), "blocks.*.mlp.hook_post")) {
            inNewThreads(probe, 30);
            long before = resident();
            inNewThreads(probe, 150);
            assertThat(resident() - before).as("bytes").isLessThan(GROWTH);
        }
    }

    private static void inNewThreads(Probe probe, int count) throws InterruptedException {
        for (int i = 0; i < count; i++) {
            Thread thread = new Thread(() -> captures(probe, 1));
            thread.start();
            thread.join();
        }
    }

    private static void captures(Probe probe, int count) {
        for (int i = 0; i < count; i++) {
            int[] ids = new int[1 + i % 60];
            Arrays.fill(ids, 4 + i % 100);
            probe.capture(Prompts.of(List.of(Prompt.ofTokens("p", ids))));
        }
    }

    private static void sessions(int count) {
        for (int i = 0; i < count; i++) {
            try (Probe probe = probe(RuntimeOptions.cpu(), Pooling.mean(), "blocks.*.mlp.hook_post")) {
                captures(probe, 2);
            }
        }
    }

    /** Bytes of memory that the process has beside Java's heap. */
    private static long resident() throws IOException {
        System.gc();
        String status = Files.readString(Path.of("/proc/self/status"));
        long resident = status.lines()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                .findFirst()
                .orElseThrow();
        return resident
                - ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getCommitted();
    }
}
