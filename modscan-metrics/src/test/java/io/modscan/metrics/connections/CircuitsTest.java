package io.modscan.metrics.connections;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.model.Weights;
import io.modscan.core.site.Unit;
import io.modscan.metrics.AdjustedRand;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.UnitModule;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Circuits that are set by hand are found again, and none where there is none. */
class CircuitsTest {

    private static final int LAYERS = 4;
    private static final int CIRCUITS = 3;
    private static final int OF_CIRCUIT = 8;
    private static final int NEURONS = 40;
    private static final int WIDTH = 128;
    private static final int PROMPTS = 200;
    private static final int SEEDS = Integer.getInteger("modscan.seeds", 20);

    /** The circuit of a neuron, in each layer the same; those from 24 on are of none. */
    private static int circuit(int neuron) {
        return neuron < CIRCUITS * OF_CIRCUIT ? neuron / OF_CIRCUIT : -1;
    }

    /**
     * Each neuron of a circuit reads the direction that those of the layer before write, and writes the next one.
     *
     * @param opposite whether every second neuron writes and reads the other way round
     */
    private static Network circuits(Random random, double noise, boolean opposite) {
        Network network = new Network(LAYERS, NEURONS, WIDTH).noise(random, noise);
        for (int circuit = 0; circuit < CIRCUITS; circuit++) {
            for (int layer = 0; layer < LAYERS; layer++) {
                double[] direction = Network.direction(random, WIDTH);
                for (int i = 0; i < OF_CIRCUIT; i++) {
                    double sign = opposite && i % 2 == 1 ? -1 : 1;
                    int neuron = circuit * OF_CIRCUIT + i;
                    network.writes(layer, neuron, sign, direction);
                    if (layer + 1 < LAYERS) {
                        network.reads(layer + 1, neuron, sign, direction);
                    }
                }
            }
        }
        return network;
    }

    /** How well modules and circuits agree, over all neurons; those of no circuit and those in no module are each alone. */
    private static double agreement(ModuleMap map, Network network) {
        Map<Unit, Integer> modules = new HashMap<>();
        for (UnitModule module : map.modules()) {
            module.units().forEach(unit -> modules.put(unit, map.modules().indexOf(module)));
        }
        List<Integer> found = new ArrayList<>();
        List<Integer> planted = new ArrayList<>();
        for (int layer = 0; layer < network.layers; layer++) {
            for (int neuron = 0; neuron < network.neurons; neuron++) {
                int alone = -1 - found.size();
                found.add(modules.getOrDefault(network.unit(layer, neuron), alone));
                planted.add(circuit(neuron) < 0 ? alone : circuit(neuron));
            }
        }
        return AdjustedRand.index(found, planted);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void circuitsAreModules(boolean opposite) {
        for (int seed = 0; seed < 5; seed++) {
            Network network = circuits(new Random(seed), 0.5, opposite);
            ModuleMap map = Connections.of(network.weights()).withSeed(seed).modules();
            assertThat(agreement(map, network)).as("seed %s", seed).isGreaterThanOrEqualTo(0.95);
            assertThat(map.modularity().p()).isEqualTo(0.05);
            assertThat(map.modules().subList(0, CIRCUITS))
                    .allSatisfy(module -> assertThat(module.p()).isEqualTo(0.05));
        }
    }

    @Test
    void circuitsOfUnequalStrengthAndOnSingleCoordinatesAreModulesToo() {
        Random random = new Random(3);
        Network network = new Network(LAYERS, NEURONS, WIDTH).noise(random, 0.5);
        for (int layer = 0; layer < LAYERS; layer++) {
            for (int neuron = 0; circuit(neuron) >= 0; neuron++) {
                double[] axis = Network.coordinate(7 * circuit(neuron) + layer, WIDTH);
                network.writes(layer, neuron, 0.7 + random.nextDouble(), axis);
                if (layer + 1 < LAYERS) {
                    network.reads(layer + 1, neuron, 0.7 + random.nextDouble(), axis);
                }
            }
        }
        ModuleMap map = Connections.of(network.weights()).modules();
        assertThat(agreement(map, network)).isGreaterThanOrEqualTo(0.95);
        assertThat(map.modularity().p()).isEqualTo(0.05);
    }

    // ---- a coordinate that all write to ----

    private static final int BRIGHT = 17;

    private static Network bright(Network network, Random random) {
        for (int layer = 0; layer < network.layers; layer++) {
            for (int neuron = 0; neuron < network.neurons; neuron++) {
                network.writes(layer, neuron, 10 + random.nextGaussian(), Network.coordinate(BRIGHT, network.width));
            }
        }
        return network;
    }

    @Test
    void aBrightCoordinateHidesCircuitsUntilItIsLeftOut() {
        Random random = new Random(4);
        Network network = bright(circuits(random, 0.5, true), random);
        Connections connections = Connections.of(network.weights());
        assertThat(agreement(connections.modules(), network)).isLessThan(0.5);
        ModuleMap map = connections.withoutCoordinates(BRIGHT).modules();
        assertThat(agreement(map, network)).isGreaterThanOrEqualTo(0.95);
        assertThat(map.modularity().p()).isEqualTo(0.05);
    }

    // ---- opposite and parallel pairs, in the basis ----

    /**
     * A feature a circuit, which in each layer four neurons carry, and four with the opposite sign; values are not what these
     * weights give, but what neurons of a feature do.
     */
    private static Activations opposites(Network network, Random random) {
        float[][][] values = new float[LAYERS][PROMPTS][NEURONS];
        for (int prompt = 0; prompt < PROMPTS; prompt++) {
            for (int circuit = 0; circuit < CIRCUITS + NEURONS; circuit++) {
                double feature = random.nextGaussian() * (1 + 0.2 * circuit / NEURONS);
                for (int layer = 0; layer < LAYERS; layer++) {
                    for (int neuron = 0; neuron < NEURONS; neuron++) {
                        int own = circuit(neuron) < 0 ? CIRCUITS + neuron : circuit(neuron);
                        if (own == circuit) {
                            double sign = circuit < CIRCUITS && neuron % 2 == 1 ? -1 : 1;
                            values[layer][prompt][neuron] = (float) (sign * feature + 0.05 * random.nextGaussian());
                        }
                    }
                }
            }
        }
        return network.activations(values);
    }

    private static List<Basis> bases(Activations activations) {
        return activations.sites().stream()
                .map(site -> site.measure(Basis.uncentred()))
                .toList();
    }

    /** The component of a layer that is a circuit's feature. */
    private static Unit component(Basis basis, int circuit) {
        int best = IntStream.range(0, basis.rank())
                .boxed()
                .max((a, b) ->
                        Double.compare(inCircuit(basis.component(a), circuit), inCircuit(basis.component(b), circuit)))
                .orElseThrow();
        return Unit.of(basis.projectedSite(), best);
    }

    private static double inCircuit(double[] component, int circuit) {
        double sum = 0;
        for (int i = 0; i < OF_CIRCUIT; i++) {
            sum += (i % 2 == 1 ? -1 : 1) * component[circuit * OF_CIRCUIT + i];
        }
        return Math.abs(sum);
    }

    @Test
    void oppositeNeuronsThatWriteOppositelyAreOneComponentACircuit() {
        Random random = new Random(5);
        Network network = circuits(random, 0.5, true);
        Activations activations = opposites(network, random);
        List<Basis> bases = bases(activations);
        ModuleMap map =
                Connections.of(network.weights()).among(activations).in(bases).modules();
        for (int circuit = 0; circuit < CIRCUITS; circuit++) {
            int c = circuit;
            List<Unit> chain = bases.stream().map(basis -> component(basis, c)).toList();
            assertThat(map.modules().stream().filter(module -> module.units().contains(chain.get(0))))
                    .singleElement()
                    .satisfies(module -> assertThat(module.units()).containsAll(chain));
            for (int layer = 0; layer + 1 < LAYERS; layer++) {
                assertThat(Connections.of(network.weights())
                                .among(activations)
                                .in(bases)
                                .between(chain.get(layer), chain.get(layer + 1))
                                .strength())
                        .isGreaterThan(0.9);
            }
        }
        assertThat(map.modularity().p()).isEqualTo(0.05);
        // The same names as the co-activation's view has, so that the two can be compared.
        assertThat(map.modules().get(0).units())
                .allMatch(unit -> bases.stream()
                        .anyMatch(basis -> unit.site()
                                .equals(activations
                                        .at(basis.site())
                                        .alone()
                                        .measure(io.modscan.core.Metric.<SiteActivations>whole(a -> a.onlySite())
                                                .through(basis))
                                        .site())));
    }

    @Test
    void oppositeNeuronsThatWriteTheSameAreCircuitsRawAndNoneInTheBasis() {
        Random random = new Random(6);
        Network network = circuits(random, 0.5, false);
        Activations activations = opposites(network, random);
        ModuleMap raw = Connections.of(network.weights()).among(activations).modules();
        assertThat(agreement(raw, network)).isGreaterThanOrEqualTo(0.95);
        List<Basis> bases = bases(activations);
        Connections inBasis =
                Connections.of(network.weights()).among(activations).in(bases);
        for (int circuit = 0; circuit < CIRCUITS; circuit++) {
            for (int layer = 0; layer + 1 < LAYERS; layer++) {
                assertThat(inBasis.between(
                                        component(bases.get(layer), circuit), component(bases.get(layer + 1), circuit))
                                .strength())
                        .isLessThan(0.25);
            }
        }
    }

    // ---- nothing planted ----

    /** Weights of very different sizes, so that it shows if these counted. */
    private static Weights random(int seed) {
        Random random = new Random(100 + seed);
        Network network = new Network(3, 30, 24);
        for (int layer = 0; layer < 3; layer++) {
            for (int neuron = 0; neuron < 30; neuron++) {
                double scale = Math.exp(random.nextGaussian());
                network.writes(layer, neuron, scale, Network.direction(random, 24));
                network.reads(layer, neuron, scale, Network.direction(random, 24));
            }
        }
        return network.weights();
    }

    @Test
    void randomWeightsHaveNoModulesThatAreClaimed() {
        long linked = 0;
        long claims = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            ModuleMap map = Connections.of(random(seed)).withSeed(seed).modules();
            linked += map.links() > 0 ? 1 : 0;
            claims += map.modularity().p() <= 0.05 || map.modules().stream().anyMatch(module -> module.p() <= 0.05)
                    ? 1
                    : 0;
        }
        System.out.println("of " + SEEDS + " networks of random weights " + linked + " have a link, and " + claims
                + " a module or modularity of p ≤ 0.05");
        assertThat(claims).isLessThanOrEqualTo(SEEDS / 20);
    }

    /** Then permuted weights meet as often as these, and many as strongly as can be. */
    @Test
    void weightsOnFewCoordinatesAreNoModulesByThemselves() {
        long linked = 0;
        long claims = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            Random random = new Random(200 + seed);
            Network network = new Network(3, 30, 24);
            for (int layer = 0; layer < 3; layer++) {
                for (int neuron = 0; neuron < 30; neuron++) {
                    network.writes(layer, neuron, 1, Network.coordinate(random.nextInt(24), 24));
                    network.reads(layer, neuron, -1, Network.coordinate(random.nextInt(24), 24));
                }
            }
            ModuleMap map = Connections.of(network.weights()).withSeed(seed).modules();
            linked += map.links() > 0 ? 1 : 0;
            claims += map.modularity().p() <= 0.05 ? 1 : 0;
        }
        assertThat(linked).isEqualTo(SEEDS);
        System.out.println(
                claims + " of " + SEEDS + " with weights on single coordinates have a modularity of p ≤ 0.05");
        assertThat(claims).isLessThanOrEqualTo((long) Math.ceil(0.05 * SEEDS + 3.1 * Math.sqrt(0.05 * SEEDS)));
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.3})
    void whereManyLinksAreChanceThePValueKeepsItsLevel(double threshold) {
        int claims = 0;
        int ofModules = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            ModuleMap map = Connections.of(random(seed))
                    .withSeed(seed)
                    .withThreshold(threshold)
                    .modules();
            assertThat(map.links()).isGreaterThan(50);
            claims += map.modularity().p() <= 0.05 ? 1 : 0;
            ofModules += map.modules().stream().anyMatch(module -> module.p() <= 0.05) ? 1 : 0;
        }
        System.out.println("from a strength of " + threshold + " on, " + claims + " of " + SEEDS
                + " have a modularity of p ≤ 0.05, and " + ofModules + " a module");
        // 5 % on average; more than this happen by chance about once in a thousand runs.
        int most = (int) Math.ceil(0.05 * SEEDS + 3.1 * Math.sqrt(0.05 * SEEDS));
        assertThat(claims).isLessThanOrEqualTo(most);
        assertThat(ofModules).isLessThanOrEqualTo(most);
    }
}
