package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.langchain4j.model.embedding.onnx.allminilml6v2.AllMiniLmL6V2EmbeddingModel;
import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import io.modscan.onnx.foreign.GraphTensor;
import io.modscan.onnx.foreign.OnnxModel;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real model that others made: each of its tensors, its embedding, and what its heads and neurons respond to. */
class MiniLmTest {

    private static final Prompts SENTENCES = Prompts.of(List.of(
            Prompt.of("short", "Salt."),
            Prompt.of("cooking", "Simmer the onions in butter until they're soft, then add the crème fraîche."),
            Prompt.of(
                    "law",
                    "The court held that the contract was void for want of consideration; an appeal is pending.")));

    private final OnnxModel model = MiniLm.model();

    @Test
    void embeddingIsThatOfTheLibraryThatShipsTheModel() {
        var theirs = new AllMiniLmL6V2EmbeddingModel();
        try (Probe probe = Probe.builder(model)
                .sites("last_hidden_state")
                .pooling(Pooling.mean())
                .build()) {
            Activations activations = probe.capture(SENTENCES);
            for (int prompt = 0; prompt < SENTENCES.size(); prompt++) {
                float[] pooled = activations.onlySite().vector(prompt);
                double length = Math.sqrt(IntStream.range(0, pooled.length)
                        .mapToDouble(i -> (double) pooled[i] * pooled[i])
                        .sum());
                float[] expected = theirs.embed(SENTENCES.get(prompt).text().orElseThrow())
                        .content()
                        .vector();
                assertThat(pooled).hasSameSizeAs(expected);
                for (int i = 0; i < expected.length; i++) {
                    assertThat(pooled[i] / length).isCloseTo(expected[i], within(1e-6));
                }
            }
        }
    }

    @Test
    void tensorsAreListedWithTheirShapes() {
        Map<String, GraphTensor> tensors =
                model.tensors().stream().collect(Collectors.toMap(GraphTensor::name, tensor -> tensor));

        assertThat(tensors).hasSize(3 + 637);
        GraphTensor pattern = Objects.requireNonNull(tensors.get("/encoder/layer.3/attention/self/Softmax_output_0"));
        assertThat(pattern.shape()).contains(List.of("batch_size", "12", "sequence_length", "sequence_length"));
        assertThat(pattern.operator()).isEqualTo("Softmax");
        assertThat(pattern.layer()).hasValue(3);
        assertThat(tensors.values())
                .allSatisfy(
                        tensor -> assertThat(tensor.shape()).as(tensor.name()).isPresent());
        // What doesn't hang on the input is no site; all else is.
        Set<String> refused = new TreeSet<>();
        tensors.values().stream()
                .filter(tensor -> tensor.refusal().isPresent())
                .forEach(tensor -> refused.add(tensor.operator()));
        assertThat(refused).containsExactly("", "Constant");
        assertThat(model.sites()).hasSize(637 - 146);
    }

    @Test
    void eachTensorIsWhatTheModelComputesForTheSentenceAlone(@TempDir Path folder) throws OrtException {
        Path instrumented = folder.resolve("all.onnx");
        assertThat(model.export().sites(named(site -> true)).to(instrumented).sites())
                .hasSize(model.sites().size());
        Map<String, GraphTensor> tensors =
                model.tensors().stream().collect(Collectors.toMap(GraphTensor::name, tensor -> tensor));
        try (Probe padded = Probe.builder(model).build();
                // With what is computed once a batch, prompts run one at a time.
                Probe alone = Probe.builder(model).sites(named(site -> true)).build();
                OrtSession session = OrtEnvironment.getEnvironment().createSession(instrumented.toString())) {
            Activations together = padded.capture(SENTENCES);
            Activations each = alone.capture(SENTENCES);
            assertThat(each.sites()).hasSize(model.sites().size());
            assertThat(together.sites())
                    .hasSizeGreaterThan(300)
                    .hasSizeLessThan(each.sites().size());
            for (int prompt = 0; prompt < SENTENCES.size(); prompt++) {
                try (OrtSession.Result result = run(session, model.tokenizer().encode(text(prompt)))) {
                    for (Map.Entry<String, OnnxValue> output : result) {
                        GraphTensor tensor = Objects.requireNonNull(tensors.get(output.getKey()));
                        float[] expected = values((OnnxTensor) output.getValue(), tensor);
                        compare(each, tensor.name(), prompt, expected);
                        if (together.sites().stream()
                                .anyMatch(site -> site.site().name().equals(tensor.name()))) {
                            compare(together, tensor.name(), prompt, expected);
                        }
                    }
                }
            }
        }
    }

    private static String text(int prompt) {
        return SENTENCES.get(prompt).text().orElseThrow();
    }

    private static void compare(Activations activations, String site, int prompt, float[] expected) {
        FloatBuffer captured = activations.at(site).row(prompt);
        float[] actual = new float[captured.remaining()];
        captured.get(actual);
        assertThat(actual).as(site).hasSameSizeAs(expected);
        double largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) actual[i])
                    .as("%s of %d at %d", site, prompt, i)
                    .isCloseTo(expected[i], within(2e-5 * largest));
        }
    }

    /** Selects, by name, what is on demand too. */
    private static SiteSelector named(SiteSelector selector) {
        return new SiteSelector() {
            @Override
            public boolean selects(Site site) {
                return site.magnitudeOf().isEmpty() && selector.selects(site);
            }

            @Override
            public boolean names(Site site) {
                return true;
            }
        };
    }

    private static OrtSession.Result run(OrtSession session, int[] ids) throws OrtException {
        long[][] row = {Arrays.stream(ids).asLongStream().toArray()};
        long[][] ones = {new long[ids.length]};
        Arrays.fill(ones[0], 1);
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OnnxTensor tokens = OnnxTensor.createTensor(environment, row);
                OnnxTensor mask = OnnxTensor.createTensor(environment, ones);
                OnnxTensor types = OnnxTensor.createTensor(environment, new long[][] {new long[ids.length]})) {
            return session.run(Map.of("input_ids", tokens, "attention_mask", mask, "token_type_ids", types));
        }
    }

    /** A tensor's values, the axis of positions in front where there is one alone. */
    private static float[] values(OnnxTensor tensor, GraphTensor described) {
        float[] values = switch (tensor.getInfo().type) {
            case FLOAT -> array(tensor.getFloatBuffer());
            case INT64 -> array(tensor.getLongBuffer());
            default -> throw new AssertionError(described + " " + tensor.getInfo());
        };
        List<String> axes = described.shape().orElseThrow();
        List<Integer> positions = IntStream.range(0, axes.size())
                .filter(axis -> axes.get(axis).equals("sequence_length"))
                .boxed()
                .toList();
        if (positions.size() != 1) {
            return values;
        }
        long[] shape = tensor.getInfo().getShape();
        int before = 1;
        int at = positions.get(0);
        for (int axis = 0; axis < at; axis++) {
            before *= (int) shape[axis];
        }
        int length = (int) shape[at];
        int behind = values.length / before / length;
        float[] moved = new float[values.length];
        for (int i = 0; i < before; i++) {
            for (int position = 0; position < length; position++) {
                System.arraycopy(
                        values, (i * length + position) * behind, moved, (position * before + i) * behind, behind);
            }
        }
        return moved;
    }

    private static float[] array(FloatBuffer values) {
        float[] array = new float[values.remaining()];
        values.get(array);
        return array;
    }

    private static float[] array(LongBuffer values) {
        float[] array = new float[values.remaining()];
        for (int i = 0; i < array.length; i++) {
            array[i] = values.get(i);
        }
        return array;
    }

    /** Golden values of tools/minilm_golden.py. */
    @Test
    void headsAndNeuronsRespondToTopicsAsOtherToolsFind() {
        SelectivityMap map = MiniLm.selectivity(DemoModel.prompts());

        assertThat(map.size()).isEqualTo((6 * 12 + 6 * 1536) * 10);
        assertThat(selectiveUnits(map, MiniLm.Z.magnitude())).isEqualTo(12);
        assertThat(selectiveUnits(map, MiniLm.NEURONS)).isEqualTo(1340);
        UnitSelectivity head = map.top("law", 1, MiniLm.Z.magnitude()).get(0);
        assertThat(head.unit().site().layer()).hasValue(3);
        assertThat(head.unit().head()).hasValue(2);
        assertThat(head.auroc()).isCloseTo(0.9722222222222222, within(1e-9));
        assertThat(head.meanIn()).isCloseTo(1.5428312489011842, within(1e-5));
        UnitSelectivity neuron = map.top("law", 1, MiniLm.NEURONS).get(0);
        assertThat(neuron.unit().site().layer()).hasValue(3);
        assertThat(neuron.unit().unit()).hasValue(731);
        assertThat(neuron.auroc()).isCloseTo(0.9977777777777778, within(1e-9));
        assertThat(neuron.meanIn()).isCloseTo(0.4200227391087038, within(1e-5));
    }

    private static long selectiveUnits(SelectivityMap map, SiteSelector sites) {
        return map.rows()
                .filter(row -> row.auroc() > 0.9505 && sites.selects(row.unit().site()))
                .map(UnitSelectivity::unit)
                .distinct()
                .count();
    }

    @Test
    void exampleNamesUnitsOfEachTopic() {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        MiniLm.print(MiniLm.selectivity(DemoModel.prompts()), new PrintStream(printed, true, StandardCharsets.UTF_8));

        assertThat(printed.toString(StandardCharsets.UTF_8).lines())
                .hasSize(11)
                .anySatisfy(line -> assertThat(line).startsWith("law").contains("3.2", "3.731"));
    }
}
