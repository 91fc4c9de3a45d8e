package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Small models as exporters write them, each of which was once read wrongly or refused. Values are those that Python's
 * onnxruntime 1.30 gives.
 */
class ForeignInputsTest {

    @TempDir
    private Path folder;

    private OnnxModel open(String name) {
        try (InputStream in = Objects.requireNonNull(getClass().getResourceAsStream("inputs/" + name), name)) {
            return OnnxModel.open(Files.write(folder.resolve(name), in.readAllBytes()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static float[] sines(int count, int seed) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) Math.sin(seed * 100 + i);
        }
        return values;
    }

    private static void assertBegins(float[] values, float... first) {
        assertThat(Arrays.copyOf(values, first.length)).containsExactly(first, within(1e-5f));
    }

    @Test
    void aDecoderBesideAnEncoder() {
        OnnxModel model = open("encoder_cache.onnx");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> HandGraph.values(model, "logits", Prompt.ofTokens("a", 3, 5, 7)))
                .withMessageContaining("input 'past_key_values.0.encoder.key'");
        Map<String, InputTensor> sample = new HashMap<>();
        sample.put("input_ids", InputTensor.of(new long[] {3, 5, 7}, 3));
        for (String kind : List.of("key", "value")) {
            sample.put("past_key_values.0.decoder." + kind, InputTensor.of(sines(2 * 8, kind.length()), 1, 2, 8));
            sample.put("past_key_values.0.encoder." + kind, InputTensor.of(sines(6 * 8, 10 + kind.length()), 1, 6, 8));
        }
        float[] logits = HandGraph.values(model, "logits", Prompt.ofTensors("a", sample));
        assertThat(logits).hasSize(60);
        assertBegins(logits, 0.20094219f, 0.1317427f, -0.14900774f, -0.26335323f, -0.27057567f, -0.02095976f);
    }

    @Test
    void aMaskThatIsTrueAtPadding() {
        OnnxModel model = open("padding_mask.onnx");
        Prompts prompts =
                Prompts.of(List.of(Prompt.ofTokens("long", 3, 5, 7, 9, 11, 2, 4, 6), Prompt.ofTokens("short", 8, 1)));
        try (Probe probe = Probe.builder(model.withInput("padding_mask", InputRole.PADDING_MASK))
                .sites("z")
                .tokenBudget(1000)
                .build()) {
            Activations z = probe.capture(prompts);
            assertBegins(z.at("z").vector(0, 0), 1.7969366f, 1.3129835f, 0.35210085f, -1.2064465f);
            double sum = 0;
            for (int prompt = 0; prompt < 2; prompt++) {
                for (int i = 0; i < z.at("z").row(prompt).remaining(); i++) {
                    sum += z.at("z").row(prompt).get(i);
                }
            }
            assertThat(sum).isCloseTo(0.74825, within(1e-4));
        }
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> HandGraph.values(model, "z", Prompt.ofTokens("a", 8, 1)))
                .withMessageContaining("InputRole.PADDING_MASK");
    }

    @Test
    void aPastWhoseBatchIsNotFirst() {
        OnnxModel model = open("past_batch.onnx").withInput("past_0", InputRole.PAST);
        assertThat(model.sites()).hasSize(28);
        assertBegins(
                HandGraph.values(model, "logits", Prompt.ofTokens("a", 3, 5, 7)),
                -0.12587096f,
                0.15983993f,
                -0.22572841f,
                -0.19049136f);
        float[] ones = new float[11];
        Arrays.fill(ones, 1);
        Prompt withPast = Prompt.ofTensors(
                "p",
                Map.of(
                        "input_ids", InputTensor.of(new long[] {3, 5, 7, 9, 11, 2, 4, 6}, 8),
                        "attention_mask", InputTensor.of(ones, 11),
                        "past_0", InputTensor.of(sines(48, 1), 2, 2, 3, 4)));
        for (OnnxModel either : List.of(model, model.withInput("past_0", InputRole.NONE))) {
            float[] logits = HandGraph.values(either, "logits", withPast);
            assertThat(logits).hasSize(160);
            assertBegins(logits, -0.03897633f, -0.06935036f, 0.03187269f, -0.01679349f);
        }
    }

    @Test
    void asWideAsLong() {
        OnnxModel model = open("fixed_length.onnx").withPositions("16");
        float[] z = HandGraph.values(model, "z", Prompt.ofTokens("a", 8, 1));
        assertThat(z).hasSize(2 * 16);
        assertBegins(z, -0.16876346f, -0.25602785f, -0.20502481f, 0.13793212f);
        assertBegins(Arrays.copyOfRange(z, 29, 32), 0.09176506f, -0.12851962f, 0.01199344f);
        assertThat(HandGraph.values(model, "p", Prompt.ofTokens("a", 8, 1))).hasSize(4);
        try (Probe probe =
                Probe.builder(model).sites("z").pooling(Pooling.mean()).build()) {
            float[] mean = probe.capture(Prompts.of(List.of(Prompt.ofTokens("a", 8, 1))))
                    .at("z")
                    .vector(0);
            assertThat(mean[15]).isCloseTo((z[15] + z[31]) / 2, within(1e-6f));
        }
    }

    @Test
    void weightsThatTheRuntimeInfersWrongly() {
        float[] weights = HandGraph.values(open("attention23.onnx"), "qk", Prompt.ofTokens("a", 3, 5, 7));
        assertThat(weights).hasSize(18);
        assertBegins(weights, 1, 0, 0, 0.1710907f, 0.8289092f, 0, 0.9275982f, 0.05723867f, 0.01516321f);
    }

    @Test
    void treesWithoutAnyName() {
        Prompt first = row(1, 2, 3, 4);
        Prompt second = row(0.1f, -1, 5, 0.5f);
        OnnxModel classes = open("tree_cls.onnx").withBatch("float_input.0");
        assertBegins(HandGraph.values(classes, "probabilities", first), 0.06666667f, 0.19333333f, 0.74f);
        assertThat(HandGraph.values(classes, "output_label", first)).containsExactly(2);
        assertThat(HandGraph.values(classes, "label", second)).containsExactly(1);
        OnnxModel values = open("tree_reg.onnx").withBatch("float_input.0");
        assertBegins(HandGraph.values(values, "variable", first), 2.1492133f);
        assertBegins(HandGraph.values(values, "variable", second), -0.50121236f);
        OnnxModel scaled = open("no_main_opset.onnx");
        assertBegins(HandGraph.values(scaled, "y.magnitude", second), 20.4f);
    }

    private static Prompt row(float... values) {
        return Prompt.ofTensors("row", Map.of("float_input", InputTensor.of(values, 4)));
    }

    @Test
    void namesThatAreNumbers() {
        Prompt prompt = Prompt.ofTensors("a", Map.of("0", InputTensor.of(new float[] {-1, 2}, 2)));
        assertThat(HandGraph.values(open("numeric_input.onnx").withPositions("input.0.1"), "1", prompt))
                .containsExactly(0, 2);
        assertThat(HandGraph.values(
                        open("numeric_symbol.onnx").withBatch("input.0.0").withDimension("n", 2), "1", prompt))
                .containsExactly(0, 2);
    }
}
