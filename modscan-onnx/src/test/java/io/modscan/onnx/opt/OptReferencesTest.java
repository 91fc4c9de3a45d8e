package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.internal.network.Dialect;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What transformers computes from checkpoints of every shape and container; tools/opt_references.py made them. */
public class OptReferencesTest {

    /** Of a tensor's largest absolute value. */
    private static final double TOLERANCE = 2e-4;

    /** The same where the functions to be told apart differ by little more than {@code 2e-5}. */
    private static final double ACTIVATION_TOLERANCE = 1e-5;

    private static final float MASKED = -Float.MAX_VALUE;

    private static final String ACTIVATIONS = "activations";

    /** The one site on demand that the references hold. */
    private static final String RESULT = "blocks.0.attn.hook_result";

    @TempDir
    private Path folder;

    public static Path references() {
        try {
            return Path.of(Objects.requireNonNull(OptReferencesTest.class.getResource("references"))
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static SafetensorsFile reference(String name) {
        return SafetensorsFile.open(references().resolve(name).resolve("reference.safetensors"));
    }

    public static List<String> checkpoints() throws IOException {
        try (Stream<Path> folders = Files.list(references())) {
            return folders.map(path -> path.getFileName().toString())
                    .filter(name -> !name.equals(ACTIVATIONS))
                    .sorted()
                    .toList();
        }
    }

    static Set<String> activations() {
        return reference(ACTIVATIONS).tensors().keySet().stream()
                .filter(name -> name.contains("/"))
                .map(name -> name.substring(0, name.indexOf('/')))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void noCheckpointIsMissing() throws IOException {
        assertThat(checkpoints())
                .containsExactly(
                        "decoder_prefix_sharded_bin",
                        "galactica_sharded_bin",
                        "narrow_embedding_untied_bin",
                        "no_bias_decoder_prefix",
                        "no_final_norm_mixed",
                        "plain_norm_bare_bin",
                        "post_norm_projected_half",
                        "post_norm_sharded",
                        "pre_norm",
                        "prelu_bin",
                        "shards_beside_other_bin",
                        "tied_but_other_head",
                        "tied_head_without_embedding",
                        "untied_beside_other_bin",
                        "views_bin",
                        "wide_embedding_bfloat16",
                        "xielu");
    }

    @Test
    void noActivationFunctionIsMissing() {
        assertThat(activations())
                .containsExactly(
                        "gelu",
                        "gelu_10",
                        "gelu_accurate",
                        "gelu_fast",
                        "gelu_new",
                        "gelu_python",
                        "gelu_python_tanh",
                        "gelu_pytorch_tanh",
                        "hardswish",
                        "laplace",
                        "leaky_relu",
                        "linear",
                        "mish",
                        "quick_gelu",
                        "relu",
                        "relu2",
                        "relu6",
                        "sigmoid",
                        "silu",
                        "sqrtsoftplus",
                        "swish",
                        "tanh");
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void everySiteIsAsInTransformers(String name) {
        SafetensorsFile reference = reference(name);
        OptModel model = OptModel.open(references().resolve(name));
        Set<String> sites = model.sites().stream()
                .filter(site -> !site.onDemand() || site.name().equals(RESULT))
                .map(Site::name)
                .collect(Collectors.toCollection(TreeSet::new));
        Set<String> tensors = new TreeSet<>(reference.tensors().keySet());
        tensors.removeAll(Set.of("input_ids", "attention_mask"));
        assertThat(sites).isEqualTo(tensors);
        compare(model, reference, "", sites, TOLERANCE);
    }

    @ParameterizedTest
    @MethodSource("activations")
    void everyActivationFunctionIsAsInTransformers(String name) throws IOException {
        Path source = references().resolve(ACTIVATIONS);
        Map<String, Object> config =
                new LinkedHashMap<>(JSON.std.mapFrom(Files.readString(source.resolve("config.json"))));
        config.put("activation_function", name);
        Files.writeString(folder.resolve("config.json"), JSON.std.asString(config));
        Files.copy(source.resolve("model.safetensors"), folder.resolve("model.safetensors"));
        compare(
                OptModel.open(folder),
                reference(ACTIVATIONS),
                name + "/",
                Set.of("blocks.0.mlp.hook_pre", "blocks.0.mlp.hook_post", "logits"),
                ACTIVATION_TOLERANCE);
    }

    /** Runs the reference's padded batch in one go, as captured and as exported, and compares what is not padding. */
    private static void compare(
            OptModel model, SafetensorsFile reference, String prefix, Set<String> sites, double tolerance) {
        for (Dialect dialect : Dialect.values()) {
            compare(model, dialect, reference, prefix, sites, tolerance);
        }
    }

    private static void compare(
            OptModel model,
            Dialect dialect,
            SafetensorsFile reference,
            String prefix,
            Set<String> sites,
            double tolerance) {
        TokenBatch batch = batch(reference);
        CapturePlan plan = Runs.plan(model, Pooling.none(), sites.toArray(String[]::new));
        Map<String, float[]> values;
        try (ActivationSource source = model.open(plan, dialect)) {
            values = Runs.run(source, batch);
        }
        assertThat(values.keySet()).containsExactlyInAnyOrderElementsOf(sites);
        values.forEach((name, actual) -> {
            Site site = Runs.site(model, name);
            String tensor = prefix + name;
            long[] shape = Objects.requireNonNull(reference.tensors().get(tensor), tensor).shape().stream()
                    .mapToLong(Long::longValue)
                    .toArray();
            assertThat(shape).as(name).isEqualTo(Runs.shape(site, batch.rows(), batch.columns()));
            FloatBuffer expected = reference.map(tensor).asFloatBuffer();
            assertThat(difference(site, batch, expected, actual)).as(name).isLessThanOrEqualTo(tolerance);
        });
    }

    private static TokenBatch batch(SafetensorsFile reference) {
        List<Long> shape =
                Objects.requireNonNull(reference.tensors().get("input_ids")).shape();
        return new TokenBatch(
                Math.toIntExact(shape.get(0)),
                Math.toIntExact(shape.get(1)),
                longs(reference, "input_ids"),
                longs(reference, "attention_mask"));
    }

    static LongBuffer longs(SafetensorsFile reference, String name) {
        LongBuffer mapped = reference.map(name).asLongBuffer();
        return Runs.longs(mapped.remaining()).put(mapped).rewind();
    }

    /** The largest difference at real tokens, or of real queries, as a share of the largest value there. */
    private static double difference(Site site, TokenBatch batch, FloatBuffer expected, float[] actual) {
        assertThat(actual).as(site.name()).hasSize(expected.remaining());
        int columns = batch.columns();
        // What lies behind a position: units, heads with theirs, or keys, a query's row for each head.
        int width = site.hasPositions() ? site.width() : columns;
        int heads = site.hasPositions() ? 1 : site.width();
        double largest = 0;
        double difference = 0;
        for (int i = 0; i < actual.length; i++) {
            int position = i / width % columns;
            int row = i / (width * columns * heads);
            if (batch.attentionMask().get(row * columns + position) == 0) {
                continue;
            }
            float value = expected.get(i);
            if (Float.isNaN(value) || value == MASKED) {
                assertThat(Float.compare(actual[i], value))
                        .as("%s, value %d is %s, not %s", site, i, actual[i], value)
                        .isZero();
                continue;
            }
            assertThat(actual[i]).as("%s, value %d", site, i).isFinite();
            largest = Math.max(largest, Math.abs(value));
            difference = Math.max(difference, Math.abs((double) value - actual[i]));
        }
        assertThat(largest).as(site.name()).isPositive();
        return difference / largest;
    }
}
