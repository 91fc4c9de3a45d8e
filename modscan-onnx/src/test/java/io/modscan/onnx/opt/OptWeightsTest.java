package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Weight;
import io.modscan.core.model.Weights;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.site.Sites;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.internal.checkpoint.StoredFloats;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class OptWeightsTest {

    /** Of the largest absolute value of what the weights compute. */
    private static final double TOLERANCE = 1e-5;

    @TempDir
    private Path folder;

    // ---- the weights make of one site what transformers made of it ----

    static List<String> checkpoints() throws IOException {
        return OptReferencesTest.checkpoints();
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void theWeightsComputeWhatTransformersDoes(String name) {
        OptModel model = OptModel.open(OptReferencesTest.references().resolve(name));
        SafetensorsFile reference = OptReferencesTest.reference(name);
        Weights weights = model.weights();
        boolean postNorm = name.startsWith("post_norm");
        assertThat(weights.layers()).isPositive();
        for (int layer = 0; layer < weights.layers(); layer++) {
            String block = "blocks." + layer + ".";
            String given = block + (postNorm ? "hook_resid_pre" : "ln1.hook_normalized");
            for (String letter : List.of("Q", "K", "V")) {
                String hook = block + "attn.hook_" + letter.toLowerCase(Locale.ROOT);
                checkHeads(
                        values(reference, given),
                        weights.get(layer, "attn.W_" + letter),
                        bias(weights, block + "attn.b_" + letter),
                        values(reference, hook));
            }
            if (layer == 0) {
                checkResult(
                        values(reference, block + "attn.hook_z"),
                        weights.get(layer, "attn.W_O"),
                        values(reference, block + "attn.hook_result"));
            }
            check(
                    values(reference, block + (postNorm ? "hook_resid_mid" : "ln2.hook_normalized")),
                    weights.get(layer, "mlp.W_in"),
                    bias(weights, block + "mlp.b_in"),
                    values(reference, block + "mlp.hook_pre"));
            check(
                    values(reference, block + "mlp.hook_post"),
                    weights.get(layer, "mlp.W_out"),
                    bias(weights, block + "mlp.b_out"),
                    values(reference, block + "hook_mlp_out"));
            // Each head's write summed, and the bias, is what the attention writes.
            Weight output = weights.get(layer, "attn.W_O");
            List<Integer> shape = output.shape();
            check(
                    values(reference, block + "attn.hook_z"),
                    Weight.of("flat", List.of(shape.get(0) * shape.get(1), shape.get(2)), array(output)),
                    bias(weights, block + "attn.b_O"),
                    values(reference, block + "hook_attn_out"));
        }
        checkEmbeddings(weights, reference);
        String last = "blocks." + (weights.layers() - 1) + ".hook_resid_post";
        boolean finalNorm = reference.tensors().containsKey("ln_final.hook_normalized");
        check(
                values(reference, finalNorm ? "ln_final.hook_normalized" : last),
                weights.get("unembed.W_U"),
                new float[weights.get("unembed.W_U").shape().get(1)],
                values(reference, "logits"));
    }

    private static void checkEmbeddings(Weights weights, SafetensorsFile reference) {
        LongBuffer ids = OptReferencesTest.longs(reference, "input_ids");
        LongBuffer mask = OptReferencesTest.longs(reference, "attention_mask");
        float[] embedded = values(reference, "hook_embed");
        float[] positioned = values(reference, "hook_pos_embed");
        Weight table = weights.get("embed.W_E");
        Weight positions = weights.get("pos_embed.W_pos");
        int d = table.shape().get(1);
        int columns = embedded.length / d / rows(reference);
        double largest = 0;
        for (float value : embedded) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < ids.remaining(); i++) {
            if (mask.get(i) == 0) {
                continue;
            }
            int position = -1;
            for (int before = i - i % columns; before <= i; before++) {
                position += (int) mask.get(before);
            }
            for (int unit = 0; unit < d; unit++) {
                assertThat(Math.abs(table.part((int) ids.get(i)).values().get(unit) - embedded[i * d + unit]))
                        .isLessThanOrEqualTo((float) (TOLERANCE * largest));
                assertThat(positions.part(position).values().get(unit)).isEqualTo(positioned[i * d + unit]);
            }
        }
    }

    private static int rows(SafetensorsFile reference) {
        return Objects.requireNonNull(reference.tensors().get("input_ids"))
                .shape()
                .get(0)
                .intValue();
    }

    private static float[] bias(Weights weights, String name) {
        return weights.names().contains(name) ? array(weights.get(name)) : new float[0];
    }

    /** x [tokens, D] · W [H, D, d] + b [H, d] against [tokens, H, d]. */
    private static void checkHeads(float[] x, Weight w, float[] b, float[] expected) {
        int heads = w.shape().get(0);
        int d = w.shape().get(1);
        int dHead = w.shape().get(2);
        int tokens = x.length / d;
        float[] actual = new float[tokens * heads * dHead];
        for (int head = 0; head < heads; head++) {
            FloatBuffer one = w.part(head).values();
            for (int token = 0; token < tokens; token++) {
                for (int unit = 0; unit < dHead; unit++) {
                    double sum = b.length == 0 ? 0 : b[head * dHead + unit];
                    for (int i = 0; i < d; i++) {
                        sum += (double) x[token * d + i] * one.get(i * dHead + unit);
                    }
                    actual[(token * heads + head) * dHead + unit] = (float) sum;
                }
            }
        }
        assertClose(w, actual, expected);
    }

    /** z [tokens, H, d] · W_O [H, d, D] against [tokens, H, D]. */
    private static void checkResult(float[] z, Weight w, float[] expected) {
        int heads = w.shape().get(0);
        int dHead = w.shape().get(1);
        int d = w.shape().get(2);
        float[] actual = new float[expected.length];
        for (int i = 0; i < actual.length; i++) {
            int head = i / d % heads;
            double sum = 0;
            for (int unit = 0; unit < dHead; unit++) {
                sum += (double) z[i / d * dHead + unit]
                        * w.part(head).part(unit).values().get(i % d);
            }
            actual[i] = (float) sum;
        }
        assertClose(w, actual, expected);
    }

    /** x [tokens, in] · W [in, out] + b [out]. */
    private static void check(float[] x, Weight w, float[] b, float[] expected) {
        checkHeads(x, Weight.of(w.name(), List.of(1, w.shape().get(0), w.shape().get(1)), array(w)), b, expected);
    }

    private static void assertClose(Weight weight, float[] actual, float[] expected) {
        assertThat(actual).as(weight.name()).hasSameSizeAs(expected);
        double largest = 0;
        double difference = 0;
        for (int i = 0; i < actual.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            difference = Math.max(difference, Math.abs((double) actual[i] - expected[i]));
        }
        assertThat(largest).as(weight.name()).isPositive();
        assertThat(difference / largest).as(weight.name()).isLessThanOrEqualTo(TOLERANCE);
    }

    private static float[] values(SafetensorsFile reference, String name) {
        FloatBuffer mapped = reference.map(name).asFloatBuffer();
        float[] values = new float[mapped.remaining()];
        mapped.get(values);
        return values;
    }

    private static float[] array(Weight weight) {
        return Runs.array(weight.values());
    }

    // ---- types, shapes, names ----

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F64", "F32", "F16", "BF16"})
    void everyTypeIsReadExactly(DType type) {
        OptModel exact = new TinyOpt().load(folder.resolve("exact"));
        OptModel stored = new TinyOpt().stored(type).load(folder.resolve("stored"));
        float[] values = array(stored.weights().get("blocks.1.attn.W_K"));
        float[] expected = array(exact.weights().get("blocks.1.attn.W_K"));
        // TinyOpt cuts off what a type has no bits for.
        double step = type == DType.F16 ? 0x1p-10 : type == DType.BF16 ? 0x1p-7 : 0;
        assertThat(values).hasSameSizeAs(expected);
        for (int i = 0; i < values.length; i++) {
            assertThat(Math.abs(values[i])).isLessThanOrEqualTo(Math.abs(expected[i]));
            assertThat(Math.abs(values[i] - expected[i]))
                    .isLessThanOrEqualTo((float) Math.max(step * Math.abs(expected[i]), step * 0x1p-14));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0x0000, 0x0p0",
        "0x3c00, 0x1p0",
        "0xc000, -0x1p1",
        "0x7bff, 65504",
        "0x0400, 0x1p-14",
        "0x0001, 0x1p-24",
        "0x83ff, -0x3ffp-24",
        "0x7c00, Infinity",
        "0xfc00, -Infinity",
        "0x3555, 0.33325195",
        "0x7e00, NaN"
    })
    void halfPrecision(String bits, float value) {
        assertThat(Float.compare(StoredFloats.half(Integer.decode(bits).shortValue()), value))
                .isZero();
    }

    @Test
    void theZeroOfHalfPrecisionHasASign() {
        assertThat(Float.floatToRawIntBits(StoredFloats.half((short) 0x8000)))
                .isEqualTo(Float.floatToRawIntBits(-0.0f));
    }

    @Test
    void namesAndShapesAreThoseOfTransformerLens() {
        Weights weights = new TinyOpt().layers(1).load(folder).weights();
        assertThat(weights.names().stream().map(name -> weights.get(name).toString()))
                .containsExactly(
                        "Weight[embed.W_E [40, 12]]",
                        "Weight[pos_embed.W_pos [24, 12]]",
                        "Weight[blocks.0.ln1.w [12]]",
                        "Weight[blocks.0.ln1.b [12]]",
                        "Weight[blocks.0.attn.W_Q [3, 12, 4]]",
                        "Weight[blocks.0.attn.b_Q [3, 4]]",
                        "Weight[blocks.0.attn.W_K [3, 12, 4]]",
                        "Weight[blocks.0.attn.b_K [3, 4]]",
                        "Weight[blocks.0.attn.W_V [3, 12, 4]]",
                        "Weight[blocks.0.attn.b_V [3, 4]]",
                        "Weight[blocks.0.attn.W_O [3, 4, 12]]",
                        "Weight[blocks.0.attn.b_O [12]]",
                        "Weight[blocks.0.ln2.w [12]]",
                        "Weight[blocks.0.ln2.b [12]]",
                        "Weight[blocks.0.mlp.W_in [12, 20]]",
                        "Weight[blocks.0.mlp.b_in [20]]",
                        "Weight[blocks.0.mlp.W_out [20, 12]]",
                        "Weight[blocks.0.mlp.b_out [12]]",
                        "Weight[ln_final.w [12]]",
                        "Weight[ln_final.b [12]]",
                        "Weight[unembed.W_U [12, 40]]");
        assertThat(weights.layers()).isEqualTo(1);
    }

    @Test
    void aHeadIsAPart() {
        Weight query = new TinyOpt().load(folder).weights().get(1, "attn.W_Q");
        Weight head = query.part(2);
        assertThat(head.name()).isEqualTo("blocks.1.attn.W_Q[2]");
        assertThat(head.shape()).containsExactly(12, 4);
        assertThat(head.values().capacity()).isEqualTo(48);
        assertThat(head.values().get(7)).isEqualTo(query.values().get(2 * 48 + 7));
        assertThat(head.part(1).values().get(3)).isEqualTo(head.values().get(7));
        assertThat(head.values().isReadOnly()).isTrue();
        assertThatThrownBy(() -> query.part(3)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> head.part(0).part(0))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("is a vector");
    }

    @Test
    void aWeightThatNoOptHasIsRefused() {
        Weights weights = new TinyOpt().withoutBias().load(folder).weights();
        assertThat(weights.names()).noneMatch(name -> name.contains("b_"));
        assertThatThrownBy(() -> weights.get("blocks.0.attn.b_Q"))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll(
                        folder.toString(), "no weight 'blocks.0.attn.b_Q'", "blocks.0.attn.W_Q", "2 blocks");
        assertThatThrownBy(() -> weights.get("blocks.2.attn.W_Q")).isExactlyInstanceOf(ModscanException.class);
    }

    // ---- exports ----

    @Test
    void anExportGivesTheWeightsThatItsOutputsNeed() {
        OptModel model = new TinyOpt().load(folder);
        Weights all = OptModel.open(
                        model.export().to(folder.resolve("all.onnx")).model())
                .weights();
        assertThat(all.names()).isEqualTo(model.weights().names());
        Weights cut = OptModel.open(model.export()
                        .sites(Sites.glob("blocks.0.attn.hook_z"))
                        .selfContained()
                        .to(folder.resolve("cut.onnx"))
                        .model())
                .weights();
        assertThat(cut.names())
                .contains("embed.W_E", "blocks.0.attn.W_V")
                .doesNotContain("blocks.0.attn.W_O", "blocks.0.mlp.W_in", "blocks.1.attn.W_Q");
        for (String name : cut.names()) {
            assertThat(array(cut.get(name)))
                    .as(name)
                    .isEqualTo(array(model.weights().get(name)));
            assertThat(array(all.get(name)))
                    .as(name)
                    .isEqualTo(array(model.weights().get(name)));
        }
        assertThatThrownBy(() -> cut.get("blocks.0.attn.W_O"))
                .isExactlyInstanceOf(ModscanException.class)
                .hasMessageContainingAll("cut.onnx", "was cut off before 'blocks.0.attn.W_O'");
    }

    @Test
    void aFileThatWasTruncatedSinceIsTold() throws IOException {
        Weights weights = new TinyOpt().load(folder).weights();
        try (FileChannel channel = FileChannel.open(folder.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
            channel.truncate(channel.size() / 2);
        }
        assertThatThrownBy(() -> weights.names().forEach(weights::get))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContainingAll("model.safetensors", "ends within the tensor");
    }
}
