package io.modscan.metrics.connections;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Weight;
import io.modscan.core.model.Weights;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.ModuleProgress;
import io.modscan.metrics.modules.Modules;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConnectionsTest {

    private static final int WIDTH = 32;
    private static final int PROMPTS = 50;

    // ---- two neurons carry one feature with opposite signs, and a third reads both ----

    private static final int PLUS = 0;
    private static final int MINUS = 1;
    private static final int OTHER = 2;

    /**
     * Three neurons, and three that read what the first two write.
     *
     * @param signs of what the first two write along the direction that is read
     */
    private static Network pair(double... signs) {
        double[] direction = Network.direction(new Random(1), WIDTH);
        Network network = new Network(2, 3, WIDTH).noise(new Random(2), 0.01);
        return network.writes(0, PLUS, signs[0], direction)
                .writes(0, MINUS, signs[1], direction)
                .writes(0, OTHER, 1, Network.direction(new Random(3), WIDTH))
                .reads(1, 0, 1, direction);
    }

    /** A feature that one neuron carries, and another with a sign or not at all; the third has one of its own. */
    private static Activations carried(Network network, double sign) {
        Random random = new Random(4);
        float[][] front = new float[PROMPTS][3];
        float[][] behind = new float[PROMPTS][3];
        for (int i = 0; i < PROMPTS; i++) {
            double feature = 1.5 * random.nextGaussian();
            front[i][PLUS] = (float) feature;
            front[i][MINUS] = (float) (sign * feature);
            front[i][OTHER] = (float) random.nextGaussian();
            for (int j = 0; j < 3; j++) {
                behind[i][j] = (float) Math.max(0, random.nextGaussian());
            }
        }
        return network.activations(front, behind);
    }

    private static Basis basis(Activations activations, int layer, Basis.Kind kind) {
        return activations.at("blocks." + layer + ".mlp.hook_post").measure(Basis.fit(kind));
    }

    @ParameterizedTest
    @EnumSource(names = {"UNCENTRED", "CENTRED", "WHITENED"})
    void oppositeNeuronsThatWriteTheSameAreTwoStrongLinksRawAndHardlyOneInTheBasis(Basis.Kind kind) {
        Network network = pair(1, 1);
        Activations activations = carried(network, -1);
        Unit reader = network.unit(1, 0);
        for (Connections raw : List.of(
                Connections.of(network.weights()),
                Connections.of(network.weights()).among(activations))) {
            assertThat(raw.strongest(reader, 2))
                    .extracting(Connection::from)
                    .containsExactlyInAnyOrder(network.unit(0, PLUS), network.unit(0, MINUS));
            assertThat(raw.strongest(reader, 2))
                    .allSatisfy(row -> assertThat(row.strength()).isGreaterThan(0.95));
        }
        Basis basis = basis(activations, 0, kind);
        assertThat(basis.rank()).isEqualTo(2);
        Connections inBasis =
                Connections.of(network.weights()).among(activations).in(basis);
        assertThat(inBasis.strongest(reader, 9).stream()
                        .filter(row -> row.from().site().equals(basis.projectedSite())))
                .allSatisfy(row -> assertThat(row.strength()).isLessThan(0.4))
                .hasSize(2);
        Unit feature = Unit.of(basis.projectedSite(), Math.abs(basis.component(0)[PLUS]) > 0.5 ? 0 : 1);
        assertThat(inBasis.between(feature, reader).strength()).isLessThan(0.02);
    }

    @ParameterizedTest
    @ValueSource(doubles = {1, -1})
    void whatAFeatureWritesByTwoNeuronsIsOneStrongLinkInTheBasis(double sign) {
        Network network = pair(1, sign);
        Activations activations = carried(network, sign);
        Basis basis = basis(activations, 0, Basis.Kind.UNCENTRED);
        Connections inBasis =
                Connections.of(network.weights()).among(activations).in(basis);
        List<Connection> rows = inBasis.strongest(network.unit(1, 0), 9);
        assertThat(rows.stream().filter(row -> row.strength() > 0.9)).hasSize(1);
        assertThat(rows.get(0).from().site()).isEqualTo(basis.projectedSite());
        // The component's larger entry is positive, the first of two that are alike: so the feature drives the reader
        // up.
        assertThat(rows.get(0).cosine()).isGreaterThan(0.9);
    }

    @Test
    void aReaderWhoseNeuronsReadOppositeDirectionsHearsNothing() {
        double[] direction = Network.direction(new Random(1), WIDTH);
        Network network = new Network(2, 2, WIDTH)
                .writes(0, 0, 1, direction)
                .writes(0, 1, 1, Network.direction(new Random(2), WIDTH))
                .reads(1, 0, 1, direction)
                .reads(1, 1, -1, direction);
        Random random = new Random(3);
        float[][] front = new float[PROMPTS][2];
        float[][] behind = new float[PROMPTS][2];
        for (int i = 0; i < PROMPTS; i++) {
            front[i] = new float[] {(float) random.nextGaussian(), (float) random.nextGaussian()};
            float feature = (float) random.nextGaussian();
            behind[i] = new float[] {feature, feature};
        }
        Activations activations = network.activations(front, behind);
        Basis basis = basis(activations, 1, Basis.Kind.UNCENTRED);
        assertThat(basis.rank()).isEqualTo(1);
        Connections connections =
                Connections.of(network.weights()).among(activations).in(basis);
        Connection row = connections.between(network.unit(0, 0), Unit.of(basis.projectedSite(), 0));
        assertThat(row.strength()).isLessThan(1e-6);
        assertThat(Connections.of(network.weights())
                        .among(activations)
                        .between(network.unit(0, 0), network.unit(1, 1))
                        .cosine())
                .isCloseTo(-1, within(1e-6));
    }

    // ---- who reaches whom ----

    private static final int HEADS = 2;
    private static final int OF_HEAD = 3;
    private static final int NEURONS = 4;

    private static List<Weight> layer(int layer, Random random) {
        String block = "blocks." + layer + ".";
        return new ArrayList<>(List.of(
                weight(block + "attn.W_V", random, HEADS, WIDTH, OF_HEAD),
                weight(block + "attn.W_O", random, HEADS, OF_HEAD, WIDTH),
                weight(block + "mlp.W_in", random, WIDTH, NEURONS),
                weight(block + "mlp.W_out", random, NEURONS, WIDTH)));
    }

    private static Weight weight(String name, Random random, Integer... shape) {
        int size = Stream.of(shape).reduce(1, (a, b) -> a * b);
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return Weight.of(name, List.of(shape), values);
    }

    private static List<Weight> layers(int layers) {
        Random random = new Random(5);
        return new ArrayList<>(IntStream.range(0, layers)
                .boxed()
                .flatMap(layer -> layer(layer, random).stream())
                .toList());
    }

    private static Unit head(int layer, int head, int unit) {
        return Unit.of(
                new Site(
                        "blocks." + layer + ".attn.hook_z",
                        OptionalInt.of(layer),
                        List.of(Axis.POSITION, Axis.heads(HEADS), Axis.units(OF_HEAD)),
                        false),
                head,
                unit);
    }

    private static Unit neuron(int layer, int neuron) {
        return Unit.of(
                new Site(
                        "blocks." + layer + ".mlp.hook_post",
                        OptionalInt.of(layer),
                        List.of(Axis.POSITION, Axis.units(NEURONS)),
                        false),
                neuron);
    }

    @Test
    void aUnitReachesThoseBehindItOnly() {
        Connections connections = Connections.of(Weights.of(layers(3)));
        assertThat(connections.between(head(1, 1, 2), neuron(1, 0)).strength()).isPositive();
        assertThat(connections.between(head(1, 1, 2), head(2, 0, 0)).strength()).isPositive();
        for (Unit notBehind : List.of(head(1, 0, 0), head(1, 1, 2), neuron(0, 0), head(0, 0, 0))) {
            assertThatThrownBy(() -> connections.between(head(1, 1, 2), notBehind))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("'" + notBehind + "' doesn't lie behind '" + head(1, 1, 2) + "'");
        }
        assertThatThrownBy(() -> connections.between(neuron(1, 0), neuron(1, 1)))
                .hasMessageContaining("doesn't lie behind");
        assertThatThrownBy(() -> connections.between(neuron(1, 0), head(1, 0, 0)))
                .hasMessageContaining("doesn't lie behind")
                .hasMessageContaining("turn them round");

        List<Connection> rows = connections.strongest(neuron(1, 3), 1000);
        // From two layers' heads and a layer's neurons; to a layer's heads and neurons.
        assertThat(rows.stream().filter(row -> row.to().equals(neuron(1, 3)))).hasSize(2 * 6 + 4);
        assertThat(rows.stream().filter(row -> row.from().equals(neuron(1, 3)))).hasSize(6 + 4);
        assertThat(rows).isSortedAccordingTo((a, b) -> Double.compare(b.strength(), a.strength()));
        assertThat(connections.strongest(neuron(1, 3), 5)).isEqualTo(rows.subList(0, 5));
        assertThat(connections.strongest(neuron(1, 3), 0)).isEmpty();
        assertThat(connections.between(rows.get(0).from(), rows.get(0).to()).strength())
                .isCloseTo(rows.get(0).strength(), within(1e-6));
        assertThat(rows.get(0).toString()).contains(" to ", "cosine ", ", strength 0.");
    }

    @Test
    void modelsOfAttentionOrMlpsAloneAreTakenAsTheyAre() {
        List<Weight> weights = layers(3);
        weights.removeIf(weight -> weight.name().contains("mlp"));
        assertThat(Connections.of(Weights.of(weights)).strongest(head(0, 0, 0), 99))
                .hasSize(12);
        weights = layers(3);
        weights.removeIf(weight -> weight.name().contains("1.attn"));
        assertThat(Connections.of(Weights.of(weights)).strongest(head(0, 0, 0), 99))
                .hasSize(3 * 4 + 6);
    }

    @Test
    void scalesOfANeuronsWeightsDontMatter() {
        List<Weight> weights = layers(2);
        List<Weight> scaled = weights.stream()
                .map(weight -> {
                    float factor =
                            weight.name().contains("W_in") || weight.name().contains("W_V") ? 1e-3f : 1e6f;
                    float[] values = new float[weight.values().capacity()];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = weight.values().get(i) * factor;
                    }
                    return Weight.of(weight.name(), weight.shape(), values);
                })
                .toList();
        List<Connection> rows = Connections.of(Weights.of(weights)).strongest(neuron(0, 1), 9);
        List<Connection> ofScaled = Connections.of(Weights.of(scaled)).strongest(neuron(0, 1), 9);
        for (int i = 0; i < rows.size(); i++) {
            assertThat(ofScaled.get(i).to()).isEqualTo(rows.get(i).to());
            assertThat(ofScaled.get(i).cosine()).isCloseTo(rows.get(i).cosine(), within(1e-5));
        }
    }

    @Test
    void theMeanOfTheStreamConnectsNothing() {
        double[] all = new double[WIDTH];
        Arrays.fill(all, 5);
        Network network = new Network(2, 3, WIDTH).noise(new Random(1), 1);
        Connection before = Connections.of(network.weights()).between(network.unit(0, 0), network.unit(1, 2));
        network.writes(0, 0, 1, all).reads(1, 2, 1, all);
        Connection after = Connections.of(network.weights()).between(network.unit(0, 0), network.unit(1, 2));
        assertThat(after.cosine()).isCloseTo(before.cosine(), within(1e-4));
        assertThat(before.strength()).isPositive();
    }

    // ---- what doesn't take part ----

    @Test
    void deadAndNonFiniteUnitsAreLeftOutAndPoisonNothing() {
        Network network = pair(1, 1);
        Activations activations = carried(network, -1);
        float[][] front = activations.at("blocks.0.mlp.hook_post").vectors();
        float[][] behind = activations.at("blocks.1.mlp.hook_post").vectors();
        for (float[] row : front) {
            row[MINUS] = 0;
        }
        behind[7][2] = Float.NEGATIVE_INFINITY;
        behind[8][2] = Float.POSITIVE_INFINITY;
        Connections connections = Connections.of(network.weights()).among(network.activations(front, behind));
        assertThat(connections
                        .between(network.unit(0, MINUS), network.unit(1, 0))
                        .strength())
                .isZero();
        assertThat(connections
                        .between(network.unit(0, PLUS), network.unit(1, 0))
                        .strength())
                .isGreaterThan(0.95);
        ModuleMap map = connections.modules();
        assertThat(map.leftOut()).containsExactly(network.unit(0, MINUS), network.unit(1, 2));
        assertThat(map.singletons()).doesNotContainAnyElementsOf(map.leftOut());
    }

    @Test
    void weightsThatAreNotFiniteAreLeftOut() {
        Network network = pair(1, 1).writes(0, MINUS, Double.NaN, new double[WIDTH]);
        network.reads(1, 1, Double.POSITIVE_INFINITY, Network.coordinate(3, WIDTH));
        Connections connections = Connections.of(network.weights());
        assertThat(connections.modules().leftOut()).containsExactly(network.unit(0, MINUS), network.unit(1, 1));
        assertThat(connections.strongest(network.unit(1, 0), 9))
                .extracting(Connection::from)
                .containsExactly(network.unit(0, PLUS), network.unit(0, OTHER));
    }

    @Test
    void faintUnitsConnectLittle() {
        Network network = pair(1, 1);
        float[][] front = carried(network, 1).at("blocks.0.mlp.hook_post").vectors();
        for (float[] row : front) {
            row[MINUS] *= 0.01f;
        }
        Connections connections = Connections.of(network.weights())
                .among(network.activations(
                        front, carried(network, 1).at("blocks.1.mlp.hook_post").vectors()));
        Connection faint = connections.between(network.unit(0, MINUS), network.unit(1, 0));
        assertThat(faint.cosine()).isGreaterThan(0.95);
        assertThat(faint.strength()).isBetween(0.005, 0.02);
    }

    @Test
    void sitesThatWereNotCapturedDontTakePart() {
        Network network = new Network(3, 4, WIDTH).noise(new Random(1), 1);
        float[][] values = new float[PROMPTS][4];
        for (float[] row : values) {
            Arrays.fill(row, 1);
        }
        Activations activations = network.activations(values, values, values).map(site -> site);
        Connections connections = Connections.of(network.weights())
                .among(activations.only(selected -> selected.layer().orElse(0) != 1));
        assertThat(connections.strongest(network.unit(0, 0), 99)).hasSize(4);
        assertThatThrownBy(() -> connections.strongest(network.unit(1, 0), 99))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'blocks.1.mlp.hook_post unit 0' is none of the units")
                .hasMessageContaining("blocks.0.mlp.hook_post (4)");
    }

    @Test
    void tokensCountAsPromptsDo() {
        Network network = pair(1, 1);
        Activations pooled = carried(network, 1);
        Activations.Builder builder = Activations.builder(Prompts.of("a", "b"));
        for (int layer = 0; layer < 2; layer++) {
            float[][] vectors = pooled.at(network.site(layer).name()).vectors();
            builder.site(network.site(layer), Pooling.none(), flat(vectors, 0, 13), flat(vectors, 13, vectors.length));
        }
        Unit from = network.unit(0, OTHER);
        Unit to = network.unit(1, 0);
        assertThat(Connections.of(network.weights()).among(builder.build()).between(from, to))
                .isEqualTo(Connections.of(network.weights()).among(pooled).between(from, to));
    }

    private static float[] flat(float[][] rows, int from, int to) {
        float[] flat = new float[(to - from) * rows[0].length];
        for (int i = from; i < to; i++) {
            System.arraycopy(rows[i], 0, flat, (i - from) * rows[0].length, rows[0].length);
        }
        return flat;
    }

    // ---- heads in the basis ----

    /** W_V·R and Rᵀ·W_O for a rotation R of a head's dimensions are the same head. */
    @Test
    void inTheBasisARotationOfAHeadChangesNothing() {
        List<Weight> weights = layers(2);
        Random random = new Random(6);
        float[][] z = new float[PROMPTS][HEADS * OF_HEAD];
        for (float[] row : z) {
            for (int i = 0; i < row.length; i++) {
                row[i] = (float) ((i + 1) * random.nextGaussian());
            }
        }
        double[][] rotation = {{0.6, -0.8, 0}, {0.8, 0.6, 0}, {0, 0, 1}};
        float[][] turnedZ = new float[PROMPTS][HEADS * OF_HEAD];
        for (int i = 0; i < PROMPTS; i++) {
            turnedZ[i] = turned(z[i], 1, rotation);
        }
        List<Weight> turned = weights.stream()
                .map(weight -> {
                    float[] values = new float[weight.values().capacity()];
                    weight.values().get(0, values);
                    if (weight.name().equals("blocks.0.attn.W_V")) {
                        values = turned(values, 1, rotation);
                    } else if (weight.name().equals("blocks.0.attn.W_O")) {
                        values = turned(values, WIDTH, rotation);
                    }
                    return Weight.of(weight.name(), weight.shape(), values);
                })
                .toList();
        Connection before = inHeadBasis(Weights.of(weights), z);
        Connection after = inHeadBasis(Weights.of(turned), turnedZ);
        assertThat(after.strength()).isCloseTo(before.strength(), within(1e-5));
        assertThat(before.strength()).isGreaterThan(0.01);
    }

    /** Turns each run of OF_HEAD stretches of values. */
    private static float[] turned(float[] values, int stretch, double[][] rotation) {
        float[] turned = new float[values.length];
        for (int at = 0; at < values.length; at++) {
            int unit = at / stretch % OF_HEAD;
            double sum = 0;
            for (int other = 0; other < OF_HEAD; other++) {
                sum += rotation[unit][other] * values[at + (other - unit) * stretch];
            }
            turned[at] = (float) sum;
        }
        return turned;
    }

    private static Connection inHeadBasis(Weights weights, float[][] z) {
        float[][] post = new float[PROMPTS][NEURONS];
        for (int i = 0; i < PROMPTS; i++) {
            post[i][i % NEURONS] = 1;
        }
        Activations activations = Activations.builder(Prompts.of(
                        IntStream.range(0, PROMPTS).mapToObj(i -> "prompt " + i).toArray(String[]::new)))
                .site(head(0, 0, 0).site(), Pooling.mean(), z)
                .site(neuron(0, 0).site(), Pooling.mean(), post)
                .build();
        Basis basis = activations.at("blocks.0.attn.hook_z").measure(Basis.uncentred());
        return Connections.of(weights)
                .among(activations)
                .in(basis)
                .between(Unit.of(basis.projectedSite(), 2), neuron(0, 1));
    }

    // ---- beside co-activation ----

    @Test
    void unitsAndComponentsHaveTheNamesThatCoActivationHas() {
        Network network = pair(1, 1);
        Activations activations = carried(network, -1);
        List<Unit> units = units(activations.measure(Modules.byCoActivation().withShuffles(0)));
        assertThat(units(Connections.of(network.weights())
                        .among(activations)
                        .withShuffles(0)
                        .modules()))
                .containsExactlyInAnyOrderElementsOf(units);
        Basis basis = basis(activations, 0, Basis.Kind.UNCENTRED);
        assertThat(units(Connections.of(network.weights())
                        .among(activations)
                        .in(basis)
                        .withShuffles(0)
                        .modules()))
                .containsExactlyInAnyOrderElementsOf(basis.apply(activations).sites().stream()
                        .flatMap(site -> IntStream.range(0, site.site().width()).mapToObj(i -> Unit.of(site.site(), i)))
                        .toList());
    }

    private static List<Unit> units(ModuleMap map) {
        List<Unit> units = new ArrayList<>(map.outside());
        units.addAll(map.leftOut());
        map.modules().forEach(module -> units.addAll(module.units()));
        return units;
    }

    @Test
    void theResultIsTheSameEachTime() {
        Connections connections = Connections.of(
                        new Network(3, 40, WIDTH).noise(new Random(9), 1).weights())
                .withThreshold(0.2)
                .withSeed(3);
        ModuleMap map = connections.modules();
        assertThat(connections.modules()).isEqualTo(map);
        assertThat(connections.withShuffles(0).modules().modules())
                .extracting(module -> module.units())
                .containsExactlyElementsOf(
                        map.modules().stream().map(module -> module.units()).toList());
        assertThat(map.absolute()).isTrue();
        assertThat(map.threshold()).isEqualTo(0.2);
        assertThat(map.modules())
                .allSatisfy(module -> assertThat(module.correlation()).isBetween(0.0, 1.0));
    }

    @Test
    void ofMoreUnitsThanATileHasTheRightOnesAreLinked() {
        Random random = new Random(10);
        Network network = new Network(3, 1100, WIDTH).noise(random, 0.05);
        double[] one = Network.direction(random, WIDTH);
        double[] other = Network.direction(random, WIDTH);
        network.writes(0, 1050, 1, one).reads(1, 1090, 1, one);
        network.writes(0, 3, 1, other).reads(2, 1030, -1, other);
        ModuleMap map = Connections.of(network.weights())
                .withThreshold(0.98)
                .withShuffles(0)
                .modules();
        assertThat(map.links()).isEqualTo(2);
        assertThat(map.modules())
                .extracting(module -> module.units())
                .containsExactly(
                        List.of(network.unit(0, 3), network.unit(2, 1030)),
                        List.of(network.unit(0, 1050), network.unit(1, 1090)));
        assertThat(map.modules())
                .allSatisfy(module -> assertThat(module.correlation()).isGreaterThan(0.98));
    }

    @Test
    void tellsHowFarItIs() {
        Network network = pair(1, 1);
        List<ModuleProgress> told = new ArrayList<>();
        Connections connections = Connections.of(network.weights()).withProgress(told::add);
        ModuleMap map = connections.withShuffles(2).modules();
        assertThat(told)
                .containsExactly(
                        new ModuleProgress("weights", 1, 3),
                        new ModuleProgress("shuffles", 2, 3),
                        new ModuleProgress("shuffles", 3, 3));
        assertThat(map)
                .isEqualTo(Connections.of(network.weights()).withShuffles(2).modules());
        told.clear();
        connections.withShuffles(0).modules();
        assertThat(told).containsExactly(new ModuleProgress("weights", 1, 1));
    }

    @Test
    void unitsOfOneSiteCannotHearEachOther() {
        StreamSites sites =
                new StreamReader(pair(1, 1).weights(), Optional.empty(), List.of(), Optional.empty(), Set.of()).read();
        assertThat(sites.span(List.of())).isFalse();
        assertThat(sites.span(List.of(4))).isFalse();
        assertThat(sites.span(List.of(0, 2))).isFalse();
        assertThat(sites.span(List.of(3, 5))).isFalse();
        assertThat(sites.span(List.of(2, 3))).isTrue();
    }

    @Test
    void settingsThatWereMadeAreTold() {
        Connections connections = Connections.of(pair(1, 1).weights());
        assertThat(connections.toString()).doesNotContain("threshold", "LayerNorms", "coordinates");
        assertThat(connections
                        .withThreshold(0.3)
                        .normsBehind()
                        .withoutCoordinates(2)
                        .toString())
                .contains(", threshold 0.3, ", ", LayerNorms behind", ", without the coordinates [2]");
        assertThat(connections.normsInFront().toString()).contains(", LayerNorms in front");
    }

    @Test
    void settingsDoWhatTheySay() {
        Connections connections = Connections.of(
                        new Network(3, 40, WIDTH).noise(new Random(9), 1).weights())
                .withThreshold(0)
                .withShuffles(0);
        assertThat(connections.withNeighbours(2).modules().links())
                .isLessThan(connections.withNeighbours(10).modules().links());
        assertThat(connections.withNeighbours(Integer.MAX_VALUE).modules().links())
                .isEqualTo(3 * 40 * 40);
        assertThat(connections.withResolution(4).modules().modules().size())
                .isGreaterThan(
                        connections.withResolution(0.5).modules().modules().size());
        assertThat(connections.withStarts(2).withSeed(5).toString())
                .contains("20 neighbours", "resolution 1.0", "2 starts", "0 shuffles", "seed 5");
        assertThat(connections.modules().modularity().p()).isNaN();
    }

    // ---- LayerNorms ----

    private static List<Weight> withNorms(boolean last) {
        List<Weight> weights = layers(2);
        Random random = new Random(7);
        for (int layer = 0; layer < 2; layer++) {
            for (String norm : List.of("ln1.w", "ln2.w")) {
                float[] scales = new float[WIDTH];
                for (int i = 0; i < WIDTH; i++) {
                    scales[i] = (float) Math.exp(random.nextGaussian());
                }
                weights.add(Weight.of("blocks." + layer + "." + norm, List.of(WIDTH), scales));
            }
        }
        if (last) {
            weights.add(weight("ln_final.w", random, WIDTH));
        }
        return weights;
    }

    @Test
    void whereLayerNormsMayBeInFrontOrBehindOneIsAsked() {
        Connections unsaid = Connections.of(Weights.of(withNorms(false)));
        assertThatThrownBy(unsaid::modules)
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("no ln_final.w")
                .hasMessageContaining("say normsBehind() or normsInFront()");
        Connection inFront = unsaid.normsInFront().between(head(0, 0, 0), neuron(1, 0));
        Connection behind = unsaid.normsBehind().between(head(0, 0, 0), neuron(1, 0));
        assertThat(Math.abs(inFront.cosine() - behind.cosine())).isGreaterThan(0.01);
        assertThat(Connections.of(Weights.of(withNorms(true))).between(head(0, 0, 0), neuron(1, 0)))
                .isEqualTo(inFront);
    }

    // ---- bad input ----

    @Test
    void badSettingsAreRefused() {
        Connections connections = Connections.of(Weights.of(layers(2)));
        assertThatThrownBy(() -> connections.withNeighbours(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> connections.withThreshold(1.5)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> connections.withThreshold(Double.NaN)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> connections.withResolution(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> connections.withStarts(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> connections.withShuffles(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> connections.strongest(neuron(0, 0), -1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> connections.withoutCoordinates(WIDTH).modules())
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("coordinates 0 to 31, so there is no coordinate 32");
        assertThatThrownBy(() -> connections
                        .withoutCoordinates(IntStream.range(0, WIDTH - 2).toArray())
                        .modules())
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("over a residual stream of 2 coordinates");
    }

    @Test
    void basesThatDontFitAreRefused() {
        Network network = pair(1, 1);
        Activations activations = carried(network, -1);
        Basis basis = basis(activations, 0, Basis.Kind.UNCENTRED);
        Connections connections = Connections.of(network.weights());
        assertThatThrownBy(() -> connections.in(basis))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("among(activations)");
        assertThatThrownBy(() -> connections.among(activations).in(basis, basis))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("two bases of 'blocks.0.mlp.hook_post'");
        Basis zca = basis(activations, 0, Basis.Kind.ZCA);
        assertThatThrownBy(() -> connections.among(activations).in(zca))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no components");
        Basis elsewhere = Activations.builder(activations.prompts())
                .site(
                        new Site("blocks.0.hook_resid_post", OptionalInt.of(0), List.of(Axis.units(3)), false),
                        Pooling.none(),
                        activations.at("blocks.0.mlp.hook_post").vectors())
                .build()
                .measure(Basis.uncentred());
        assertThatThrownBy(() -> connections.among(activations).in(elsewhere).modules())
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("the basis of 'blocks.0.hook_resid_post' is of no site that writes");
    }

    @Test
    void basesOfOtherModelsOrOfSitesThatWereNotCapturedAreRefused() {
        Network network = pair(1, 1);
        Activations activations = carried(network, -1);
        Network other = new Network(2, 5, WIDTH);
        float[][] ones = new float[PROMPTS][5];
        for (float[] row : ones) {
            Arrays.fill(row, 1);
        }
        Connections connections = Connections.of(network.weights());
        Basis wider = basis(other.activations(ones, ones), 0, Basis.Kind.UNCENTRED);
        assertThatThrownBy(() -> connections.among(activations).in(wider).modules())
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("is of 5 units, and the weights have 3");
        Basis ofSecond = basis(activations, 1, Basis.Kind.UNCENTRED);
        Activations first = activations.at("blocks.0.mlp.hook_post").alone();
        assertThatThrownBy(() -> connections.among(first).in(ofSecond).modules())
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("basis of 'blocks.1.mlp.hook_post', which the activations don't have");
    }

    @Test
    void aDeadSiteHasNoComponents() {
        Network network = pair(1, 1);
        Activations activations = network.activations(
                new float[PROMPTS][3],
                carried(network, 1).at("blocks.1.mlp.hook_post").vectors());
        List<Basis> bases = activations.sites().stream()
                .map(site -> site.measure(Basis.uncentred()))
                .toList();
        assertThat(bases.get(0).rank()).isZero();
        Connections connections =
                Connections.of(network.weights()).among(activations).in(bases);
        assertThat(units(connections.modules())).hasSize(bases.get(1).rank());
        assertThat(connections.strongest(Unit.of(bases.get(1).projectedSite(), 0), 9))
                .isEmpty();
        assertThat(connections.in(bases.get(0)).modules().links()).isZero();
        Activations dead = network.activations(new float[PROMPTS][3], new float[PROMPTS][3]);
        assertThat(units(Connections.of(network.weights())
                        .among(dead)
                        .in(dead.sites().stream()
                                .map(site -> site.measure(Basis.uncentred()))
                                .toList())
                        .modules()))
                .isEmpty();
        assertThat(Connections.of(network.weights()).among(dead).modules().leftOut())
                .hasSize(6);
    }

    @Test
    void weightsAndActivationsThatDontFitAreRefused() {
        assertRefused(
                List.of(weight("embed.W_E", new Random(1), 3, WIDTH)),
                "there is nothing that writes to a residual stream and reads from it");
        List<Weight> half = layers(2);
        half.removeIf(weight -> weight.name().equals("blocks.1.mlp.W_out"));
        assertRefused(half, "of blocks.1.mlp.hook_post there is only what it reads, mlp.W_in");
        assertRefused(
                replaced("blocks.1.mlp.W_in", weight("blocks.1.mlp.W_in", new Random(1), WIDTH, NEURONS + 1)),
                "Weight[blocks.1.mlp.W_in [32, 5]] and Weight[blocks.1.mlp.W_out [4, 32]] don't fit each other");
        assertRefused(
                replaced("blocks.1.attn.W_V", weight("blocks.1.attn.W_V", new Random(1), 1, WIDTH, OF_HEAD)),
                "don't fit each other");
        assertRefused(
                replaced("blocks.1.attn.W_O", weight("blocks.1.attn.W_O", new Random(1), HEADS * OF_HEAD, WIDTH)),
                "don't fit each other");
        List<Weight> wider = layers(1);
        wider.add(weight("blocks.1.mlp.W_in", new Random(1), WIDTH + 1, NEURONS));
        wider.add(weight("blocks.1.mlp.W_out", new Random(1), NEURONS, WIDTH + 1));
        assertRefused(wider, "write to a stream of 33 coordinates");
        List<Weight> scaled = layers(1);
        scaled.add(weight("blocks.0.ln2.w", new Random(1), WIDTH - 1));
        scaled.add(weight("ln_final.w", new Random(1), WIDTH));
        assertRefused(scaled, "doesn't scale a stream of 32 coordinates");
        List<Weight> gated = layers(1);
        gated.add(weight("blocks.0.mlp.W_gate", new Random(1), WIDTH, NEURONS));
        assertRefused(gated, "blocks.0.mlp.W_gate: neurons with a gate read the stream in two ways");

        Network network = pair(1, 1);
        Network other = new Network(2, 5, WIDTH);
        Activations activations = other.activations(new float[2][5], new float[2][5]);
        assertThatThrownBy(() ->
                        Connections.of(network.weights()).among(activations).modules())
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'blocks.0.mlp.hook_post' has 5 units in the activations, and 3 in the weights");
        Activations stream = Activations.builder(Prompts.of("a"))
                .site(
                        new Site("blocks.0.hook_resid_post", OptionalInt.of(0), List.of(Axis.units(3)), false),
                        Pooling.none(),
                        new float[3])
                .build();
        assertThatThrownBy(() -> Connections.of(network.weights()).among(stream).modules())
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("the activations are of [blocks.0.hook_resid_post]; capture some of")
                .hasMessageContaining("blocks.1.mlp.hook_post");
    }

    private static List<Weight> replaced(String name, Weight weight) {
        List<Weight> weights = layers(2);
        weights.replaceAll(old -> old.name().equals(name) ? weight : old);
        return weights;
    }

    private static void assertRefused(List<Weight> weights, String message) {
        assertThatThrownBy(() -> Connections.of(Weights.of(weights)).modules())
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining(message);
    }

    // ---- interrupts ----

    @Test
    void onAnInterruptedThreadNoneBegins() {
        Connections connections = Connections.of(pair(1, 1).weights());
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(connections::modules).isInstanceOf(CancellationException.class);
        } finally {
            assertThat(Thread.interrupted()).as("the interrupt is kept").isTrue();
        }
    }

    @Test
    @Timeout(60)
    void anInterruptEndsIt() throws InterruptedException {
        Connections connections = Connections.of(
                        new Network(4, 300, WIDTH).noise(new Random(1), 1).weights())
                .withThreshold(0)
                .withShuffles(1_000_000);
        List<Throwable> thrown = new ArrayList<>();
        Thread thread = new Thread(connections::modules);
        thread.setUncaughtExceptionHandler((t, e) -> thrown.add(e));
        thread.start();
        thread.join(1000);
        assertThat(thread.isAlive()).isTrue();
        thread.interrupt();
        thread.join();
        assertThat(thrown).singleElement().isInstanceOf(CancellationException.class);
    }
}
