package io.modscan.metrics.subspace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Weight;
import io.modscan.core.model.Weights;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class WeightOverlapTest {

    static Stream<Map<String, Object>> golden() {
        return Golden.cases("subspace.json", "weights");
    }

    // ---- against D × D products written out ----

    @ParameterizedTest
    @MethodSource("golden")
    @SuppressWarnings("unchecked")
    void sharesAreThoseOfNumPy(Map<String, Object> golden) {
        int heads = Golden.integer(golden.get("heads"));
        int d = Golden.integer(golden.get("d"));
        int width = Golden.integer(golden.get("width"));
        int neurons = Golden.integer(golden.get("neurons"));
        Weights weights = Weights.of(List.of(
                weight(golden, "attn.", "W_Q", heads, width, d),
                weight(golden, "attn.", "W_K", heads, width, d),
                weight(golden, "attn.", "W_V", heads, width, d),
                weight(golden, "attn.", "W_O", heads, d, width),
                weight(golden, "mlp.", "W_in", width, neurons),
                weight(golden, "mlp.", "W_out", neurons, width)));
        Subspace subspace = Subspace.of(Golden.matrix(golden.get("basis")));
        List<WeightShare> shares = WeightOverlap.of(weights).shares(subspace);
        List<Map<String, Object>> rows = (List<Map<String, Object>>) Golden.list(golden.get("rows"));
        assertThat(shares).hasSameSizeAs(rows);
        for (Map<String, Object> row : rows) {
            OptionalInt head =
                    row.get("head") == null ? OptionalInt.empty() : OptionalInt.of(Golden.integer(row.get("head")));
            WeightShare actual = shares.stream()
                    .filter(share -> share.side().name().equals(row.get("name"))
                            && share.head().equals(head))
                    .findFirst()
                    .orElseThrow();
            assertThat(actual.layer()).isZero();
            assertThat(actual.share()).as("%s", actual).isCloseTo(Golden.number(row.get("share")), within(1e-12));
            assertThat(actual.expected()).isEqualTo((double) Golden.integer(golden.get("k")) / width);
            double sd = (actual.share() - actual.expected()) / actual.z();
            assertThat(sd)
                    .as("%s", actual)
                    .isCloseTo(Golden.number(row.get("sd")), within(5 * Golden.number(row.get("sdError"))));
            double tail = Golden.number(row.get("tail"));
            double error = 5 * Golden.number(row.get("tailError"));
            assertThat(actual.p()).as("%s", actual).isCloseTo(tail, within(0.05 + error));
            if (tail >= 0.01) {
                assertThat(actual.p()).as("%s", actual).isCloseTo(tail, within(tail / 3 + error));
            }
        }
    }

    private static Weight weight(Map<String, Object> golden, String block, String name, Integer... shape) {
        return Weight.of("blocks.0." + block + name, List.of(shape), Golden.floats(golden.get(name)));
    }

    // ---- planted truth ----

    private static final int WIDTH = 24;
    private static final int HEADS = 3;
    private static final int HEAD = 8;
    private static final int NEURONS = 40;

    /** Random weights of a layer. */
    private static List<float[]> layer(Random random) {
        List<float[]> weights = new ArrayList<>();
        for (int size : new int[] {
            HEADS * WIDTH * HEAD,
            HEADS * WIDTH * HEAD,
            HEADS * WIDTH * HEAD,
            HEADS * HEAD * WIDTH,
            WIDTH * NEURONS,
            NEURONS * WIDTH
        }) {
            weights.add(SubspaceTest.floats(SubspaceTest.normal(random, 1, size))[0]);
        }
        return weights;
    }

    private static List<Weight> named(int layer, List<float[]> values) {
        String block = "blocks." + layer + ".";
        return List.of(
                Weight.of(block + "attn.W_Q", List.of(HEADS, WIDTH, HEAD), values.get(0)),
                Weight.of(block + "attn.W_K", List.of(HEADS, WIDTH, HEAD), values.get(1)),
                Weight.of(block + "attn.W_V", List.of(HEADS, WIDTH, HEAD), values.get(2)),
                Weight.of(block + "attn.W_O", List.of(HEADS, HEAD, WIDTH), values.get(3)),
                Weight.of(block + "mlp.W_in", List.of(WIDTH, NEURONS), values.get(4)),
                Weight.of(block + "mlp.W_out", List.of(NEURONS, WIDTH), values.get(5)));
    }

    /** Lets a head's [width, head] matrix act on a subspace only, or on all but it. */
    private static void project(float[] matrix, int head, Subspace subspace, boolean onto) {
        int from = head * WIDTH * HEAD;
        for (int unit = 0; unit < HEAD; unit++) {
            double[] inside = new double[WIDTH];
            for (double[] direction : subspace.basis()) {
                double product = 0;
                for (int i = 0; i < WIDTH; i++) {
                    product += direction[i] * matrix[from + i * HEAD + unit];
                }
                for (int i = 0; i < WIDTH; i++) {
                    inside[i] += product * direction[i];
                }
            }
            for (int i = 0; i < WIDTH; i++) {
                int at = from + i * HEAD + unit;
                matrix[at] = (float) (onto ? inside[i] : matrix[at] - inside[i]);
            }
        }
    }

    /** The subspace of four topics' means, found from activations. */
    private static Subspace topics() {
        Random random = new Random(11);
        double[][] means = SubspaceTest.normal(random, 4, WIDTH);
        List<String> labels = new ArrayList<>();
        float[][] vectors = new float[40][WIDTH];
        for (int i = 0; i < vectors.length; i++) {
            labels.add("topic " + i % 4);
            for (int j = 0; j < WIDTH; j++) {
                vectors[i][j] = (float) (means[i % 4][j] + 0.1 * random.nextGaussian());
            }
        }
        Activations activations = PlantedModel.of(labels, vectors);
        return activations.measure(Subspace.ofLabelMeans("topic"));
    }

    @Test
    void theHeadThatReadsTheTopicIsFoundAndTheOneThatDoesNotToo() {
        Subspace topics = topics();
        assertThat(topics.dimension()).isEqualTo(3);
        List<float[]> values = layer(new Random(12));
        float[] value = values.get(2);
        project(value, 1, topics, true);
        project(value, 2, topics, false);
        List<WeightShare> shares =
                WeightOverlap.of(Weights.of(named(0, values))).shares(topics);
        assertThat(shares).hasSize(HEADS * 8 + 2);
        WeightShare reader = row(shares, 1, WeightSide.W_V);
        assertThat(reader.share()).isCloseTo(1, within(1e-12));
        assertThat(reader.expected()).isEqualTo(3.0 / WIDTH);
        assertThat(reader.z()).isGreaterThan(8);
        assertThat(reader.p()).isLessThan(1e-6);
        assertThat(row(shares, 1, WeightSide.W_OV_READ).share()).isCloseTo(1, within(1e-12));
        WeightShare blind = row(shares, 2, WeightSide.W_V);
        assertThat(blind.share()).isLessThan(1e-12);
        assertThat(blind.z()).isLessThan(-2);
        assertThat(blind.p()).isCloseTo(1, within(1e-6));
        assertThat(row(shares, 2, WeightSide.W_OV_READ).share()).isLessThan(1e-12);
        // Nothing was planted elsewhere.
        assertThat(shares.stream()
                        .filter(share -> share.side() != WeightSide.W_V && share.side() != WeightSide.W_OV_READ)
                        .filter(share -> share.p() < 0.001 || share.p() > 0.999))
                .isEmpty();
        assertThat(reader.toString()).startsWith("layer 0 head 1 W_V: share 1.0000, by chance 0.1250, z ");
    }

    private static WeightShare row(List<WeightShare> shares, int head, WeightSide side) {
        return shares.stream()
                .filter(share -> share.side() == side && share.head().equals(OptionalInt.of(head)))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void pIsUniformOverRandomSubspaces() {
        Weights weights = Weights.of(named(0, layer(new Random(13))));
        Random random = new Random(14);
        int runs = 150;
        int below = 0;
        int rows = 0;
        double squares = 0;
        for (int i = 0; i < runs; i++) {
            Subspace subspace = Subspace.of(SubspaceTest.normal(random, 2, WIDTH));
            for (WeightShare share : WeightOverlap.of(weights).shares(subspace)) {
                below += share.p() <= 0.05 ? 1 : 0;
                squares += share.z() * share.z();
                rows++;
            }
        }
        assertThat(below / (double) rows).isBetween(0.03, 0.07);
        assertThat(squares / rows).isBetween(0.85, 1.15);
    }

    // ---- layers, sides, edges ----

    @Test
    void someLayersAndSides() {
        List<Weight> all = new ArrayList<>();
        for (int layer = 0; layer < 3; layer++) {
            all.addAll(named(layer, layer(new Random(layer))));
        }
        WeightOverlap overlap = WeightOverlap.of(Weights.of(all));
        Subspace subspace = SubspaceTest.axes(WIDTH, 0, 7);
        List<WeightShare> everything = overlap.shares(subspace);
        assertThat(everything).hasSize(3 * (HEADS * 8 + 2));
        assertThat(overlap.layers(1, 2).shares(subspace))
                .isEqualTo(everything.stream().filter(row -> row.layer() == 1).toList());
        assertThat(overlap.reads().shares(subspace))
                .isEqualTo(everything.stream().filter(row -> row.side().reads()).toList());
        assertThat(overlap.writes().layers(2, 3).shares(subspace))
                .extracting(WeightShare::side)
                .containsExactly(
                        WeightSide.W_OV_WRITE,
                        WeightSide.W_O,
                        WeightSide.W_OV_WRITE,
                        WeightSide.W_O,
                        WeightSide.W_OV_WRITE,
                        WeightSide.W_O,
                        WeightSide.W_OUT);
        // What is not asked for need not be there.
        List<WeightShare> outputs = WeightOverlap.of(Weights.of(all.subList(5, 6)))
                .only(WeightSide.W_OUT)
                .shares(subspace);
        assertThat(outputs).containsExactly(everything.get(HEADS * 8 + 1));
        assertThat(overlap.only(WeightSide.W_QK_KEY).layers(0, 1).shares(subspace))
                .isEqualTo(everything.stream()
                        .filter(row -> row.layer() == 0 && row.side() == WeightSide.W_QK_KEY)
                        .toList());
    }

    @Test
    void aMatrixThatTreatsAllDirectionsAlikeTellsNothing() {
        float[] identity = new float[16];
        for (int i = 0; i < 4; i++) {
            identity[i * 5] = 3;
        }
        Weights weights = Weights.of(List.of(Weight.of("blocks.0.mlp.W_in", List.of(4, 4), identity)));
        WeightShare share = WeightOverlap.of(weights)
                .only(WeightSide.W_IN)
                .shares(Subspace.of(new double[] {1, 2, 3, 4}))
                .get(0);
        assertThat(share.head()).isEmpty();
        assertThat(share.share()).isCloseTo(0.25, within(1e-15));
        assertThat(share.z()).isNaN();
        assertThat(share.p()).isNaN();
    }

    @Test
    void nothingAndEverything() {
        Weights weights = Weights.of(named(0, layer(new Random(1))));
        for (WeightShare share : WeightOverlap.of(weights).shares(Subspace.of(new double[WIDTH]))) {
            assertThat(share.share()).isZero();
            assertThat(share.expected()).isZero();
            assertThat(share.z()).isNaN();
        }
        Subspace all = Subspace.of(SubspaceTest.normal(new Random(2), WIDTH, WIDTH));
        for (WeightShare share : WeightOverlap.of(weights).shares(all)) {
            assertThat(share.share()).isCloseTo(1, within(1e-12));
            assertThat(share.z()).isNaN();
            assertThat(share.p()).isNaN();
        }
    }

    @Test
    void zerosAndMissingValuesHaveNoShare() {
        List<float[]> values = layer(new Random(1));
        values.set(2, new float[HEADS * WIDTH * HEAD]);
        values.get(4)[5] = Float.NaN;
        values.get(5)[5] = Float.POSITIVE_INFINITY;
        List<WeightShare> shares =
                WeightOverlap.of(Weights.of(named(0, values))).shares(SubspaceTest.axes(WIDTH, 3));
        for (WeightShare share : shares) {
            boolean none = List.of(
                            WeightSide.W_V,
                            WeightSide.W_OV_READ,
                            WeightSide.W_OV_WRITE,
                            WeightSide.W_IN,
                            WeightSide.W_OUT)
                    .contains(share.side());
            assertThat(Double.isNaN(share.share())).as("%s", share).isEqualTo(none);
            assertThat(Double.isNaN(share.z())).as("%s", share).isEqualTo(none);
            assertThat(Double.isNaN(share.p())).as("%s", share).isEqualTo(none);
        }
    }

    @Test
    void saysWhatIsWrong() {
        Weights weights = Weights.of(named(0, layer(new Random(1))));
        WeightOverlap overlap = WeightOverlap.of(weights);
        assertThatThrownBy(() -> overlap.shares(Subspace.of(new double[] {1, 2})))
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll(
                        "2 coordinates", "blocks.0.attn.W_Q[0]", "reads from 24", "ln1.hook_normalized");
        assertThatThrownBy(() -> overlap.only(WeightSide.W_OUT).shares(Subspace.of(new double[] {1, 2})))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("writes to 24");
        for (int[] range : new int[][] {{0, 2}, {-1, 1}, {1, 1}, {0, 0}}) {
            assertThatThrownBy(() -> overlap.layers(range[0], range[1]))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("the layers 0 to 0");
        }
        assertThatThrownBy(() -> overlap.only()).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> overlap.reads().writes()).isInstanceOf(IllegalArgumentException.class);
        Subspace subspace = SubspaceTest.axes(WIDTH, 0);
        Weights few = Weights.of(named(0, layer(new Random(1))).subList(0, 3));
        assertThatThrownBy(() -> WeightOverlap.of(few).shares(subspace))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'blocks.0.attn.W_O'");
        Weights flat = Weights.of(List.of(Weight.of("blocks.0.attn.W_V", List.of(WIDTH, 8), new float[WIDTH * 8])));
        assertThatThrownBy(() -> WeightOverlap.of(flat).only(WeightSide.W_V).shares(subspace))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("heads");
        Weights unequal = Weights.of(List.of(
                Weight.of("blocks.0.attn.W_Q", List.of(1, WIDTH, 2), new float[WIDTH * 2]),
                Weight.of("blocks.0.attn.W_K", List.of(1, WIDTH, 3), new float[WIDTH * 3])));
        assertThatThrownBy(() ->
                        WeightOverlap.of(unequal).only(WeightSide.W_QK_KEY).shares(subspace))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("no product");
    }
}
