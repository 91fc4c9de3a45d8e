package io.modscan.metrics.connections;

import io.modscan.core.Activations;
import io.modscan.core.model.Weight;
import io.modscan.core.model.Weights;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;

/** A network of neurons whose weights are set by hand: in each layer as many, which write and read directions of the stream. */
final class Network {

    final int layers;
    final int neurons;
    final int width;
    private final double[][][] writes;
    private final double[][][] reads;

    Network(int layers, int neurons, int width) {
        this.layers = layers;
        this.neurons = neurons;
        this.width = width;
        this.writes = new double[layers][neurons][width];
        this.reads = new double[layers][neurons][width];
    }

    /** Normal noise in all weights; a row of it has about that length. */
    Network noise(Random random, double length) {
        for (double[][][] side : List.of(writes, reads)) {
            for (double[][] layer : side) {
                for (double[] row : layer) {
                    for (int i = 0; i < width; i++) {
                        row[i] += length * random.nextGaussian() / Math.sqrt(width);
                    }
                }
            }
        }
        return this;
    }

    static double[] direction(Random random, int width) {
        double[] direction = IntStream.range(0, width)
                .mapToDouble(i -> random.nextGaussian())
                .toArray();
        double length = Math.sqrt(IntStream.range(0, width)
                .mapToDouble(i -> direction[i] * direction[i])
                .sum());
        return IntStream.range(0, width).mapToDouble(i -> direction[i] / length).toArray();
    }

    static double[] coordinate(int index, int width) {
        double[] direction = new double[width];
        direction[index] = 1;
        return direction;
    }

    Network writes(int layer, int neuron, double factor, double[] direction) {
        add(writes[layer][neuron], factor, direction);
        return this;
    }

    Network reads(int layer, int neuron, double factor, double[] direction) {
        add(reads[layer][neuron], factor, direction);
        return this;
    }

    private static void add(double[] row, double factor, double[] direction) {
        for (int i = 0; i < row.length; i++) {
            row[i] += factor * direction[i];
        }
    }

    Weights weights() {
        List<Weight> weights = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            float[] in = new float[width * neurons];
            float[] out = new float[width * neurons];
            for (int neuron = 0; neuron < neurons; neuron++) {
                for (int i = 0; i < width; i++) {
                    in[i * neurons + neuron] = (float) reads[layer][neuron][i];
                    out[neuron * width + i] = (float) writes[layer][neuron][i];
                }
            }
            weights.add(Weight.of("blocks." + layer + ".mlp.W_in", List.of(width, neurons), in));
            weights.add(Weight.of("blocks." + layer + ".mlp.W_out", List.of(neurons, width), out));
        }
        return Weights.of(weights);
    }

    Site site(int layer) {
        return new Site(
                "blocks." + layer + ".mlp.hook_post",
                OptionalInt.of(layer),
                List.of(Axis.POSITION, Axis.units(neurons)),
                false);
    }

    Unit unit(int layer, int neuron) {
        return Unit.of(site(layer), neuron);
    }

    /** Activations of all layers, each [prompts, neurons]. */
    Activations activations(float[][]... values) {
        Activations.Builder builder = Activations.builder(Prompts.of(IntStream.range(0, values[0].length)
                .mapToObj(i -> Prompt.ofTokens("p" + i, i))
                .toList()));
        for (int layer = 0; layer < values.length; layer++) {
            builder.site(site(layer), Pooling.mean(), values[layer]);
        }
        return builder.build();
    }
}
