package io.modscan.onnx.opt;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Weight;
import io.modscan.core.model.Weights;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.onnx.internal.checkpoint.StoredFloats;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.function.Supplier;

/** The weights of an OPT checkpoint in TransformerLens' names and layouts. */
final class OptWeights implements Weights {

    private final Path path;
    private final OptConfig config;
    private final Checkpoint checkpoint;
    private final Map<String, Layout> layouts = new LinkedHashMap<>();
    private final List<String> names;

    /**
     * How a weight comes from what is stored.
     *
     * @param shape   its shape
     * @param tensors the stored tensors that it takes
     * @param values  reads them
     */
    private record Layout(List<Integer> shape, List<String> tensors, Supplier<float[]> values) {}

    /**
     * Finds the weights; none is read.
     *
     * @param path       the folder or the export
     * @param checkpoint the tensors, of which an export may know some only
     */
    OptWeights(Path path, OptConfig config, Checkpoint checkpoint) {
        this.path = path;
        this.config = config;
        this.checkpoint = checkpoint;
        embeddings();
        for (int layer = 0; layer < config.layers(); layer++) {
            String block = "blocks." + layer + ".";
            String stored = "layers." + layer + ".";
            norm(block + "ln1", stored + "self_attn_layer_norm");
            attention(block + "attn.", stored + "self_attn.");
            norm(block + "ln2", stored + "final_layer_norm");
            linear(block + "mlp.", "in", stored + "fc1", config.dModel(), config.dMlp());
            linear(block + "mlp.", "out", stored + "fc2", config.dMlp(), config.dModel());
        }
        if (config.finalNorm()) {
            norm("ln_final", "final_layer_norm");
        }
        unembedding();
        this.names = layouts.entrySet().stream()
                .filter(entry -> isThere(entry.getValue()))
                .map(Map.Entry::getKey)
                .toList();
    }

    private boolean isThere(Layout layout) {
        return checkpoint.tensors().keySet().containsAll(layout.tensors());
    }

    private void embeddings() {
        List<Integer> shape = List.of(config.vocabulary(), config.dModel());
        String table = checkpoint.embedding();
        if (config.dEmbed() == config.dModel()) {
            add("embed.W_E", shape, table, IntUnaryOperator.identity());
        } else {
            String projection = "project_in.weight";
            layouts.put(
                    "embed.W_E",
                    new Layout(
                            shape,
                            List.of(table, projection),
                            () -> product(
                                    read(table, IntUnaryOperator.identity()),
                                    read(projection, transposed(config.dModel(), config.dEmbed())),
                                    config.dEmbed())));
        }
        String positions = "embed_positions.weight";
        layouts.put(
                "pos_embed.W_pos",
                new Layout(
                        List.of(config.maxPositions(), config.dModel()),
                        List.of(positions),
                        () -> positions(positions)));
    }

    private void unembedding() {
        List<Integer> shape = List.of(config.dModel(), config.vocabulary());
        String head = checkpoint.head();
        if (config.dEmbed() == config.dModel()) {
            add("unembed.W_U", shape, head, transposed(config.vocabulary(), config.dModel()));
            return;
        }
        String projection = "project_out.weight";
        layouts.put(
                "unembed.W_U",
                new Layout(
                        shape,
                        List.of(head, projection),
                        () -> product(
                                read(projection, transposed(config.dEmbed(), config.dModel())),
                                read(head, transposed(config.vocabulary(), config.dEmbed())),
                                config.dEmbed())));
    }

    private void attention(String attn, String stored) {
        int d = config.dModel();
        int heads = config.heads();
        int dHead = config.dHead();
        for (String letter : List.of("Q", "K", "V")) {
            String projection = stored + letter.toLowerCase(Locale.ROOT) + "_proj";
            add(attn + "W_" + letter, List.of(heads, d, dHead), projection + ".weight", i -> {
                int row = i / d;
                return (row / dHead * d + i % d) * dHead + row % dHead;
            });
            bias(attn + "b_" + letter, List.of(heads, dHead), projection);
        }
        add(attn + "W_O", List.of(heads, dHead, d), stored + "out_proj.weight", transposed(d, d));
        bias(attn + "b_O", List.of(d), stored + "out_proj");
    }

    private void linear(String block, String name, String stored, int in, int out) {
        add(block + "W_" + name, List.of(in, out), stored + ".weight", transposed(out, in));
        bias(block + "b_" + name, List.of(out), stored);
    }

    private void bias(String name, List<Integer> shape, String stored) {
        if (config.bias()) {
            add(name, shape, stored + ".bias", IntUnaryOperator.identity());
        }
    }

    private void norm(String name, String stored) {
        if (config.affineNorm()) {
            List<Integer> shape = List.of(config.dModel());
            add(name + ".w", shape, stored + ".weight", IntUnaryOperator.identity());
            add(name + ".b", shape, stored + ".bias", IntUnaryOperator.identity());
        }
    }

    private void add(String name, List<Integer> shape, String tensor, IntUnaryOperator place) {
        layouts.put(name, new Layout(shape, List.of(tensor), () -> read(tensor, place)));
    }

    /** Where the elements of a matrix, stored row by row, are in its transpose. */
    private static IntUnaryOperator transposed(int rows, int columns) {
        return i -> i % columns * rows + i / columns;
    }

    private float[] read(String tensor, IntUnaryOperator place) {
        return StoredFloats.read(stored(tensor), place);
    }

    private StoredTensor stored(String tensor) {
        return checkpoint.tensor(tensor).orElseThrow(() -> new IllegalStateException(tensor + " was there before"));
    }

    /** The table of positions without the rows in front of position 0. */
    private float[] positions(String tensor) {
        StoredTensor all = stored(tensor);
        long skipped =
                (long) OptConfig.POSITION_OFFSET * config.dModel() * all.dtype().bytes();
        return StoredFloats.read(
                new StoredTensor(
                        all.name(),
                        all.dtype(),
                        List.of((long) config.maxPositions(), (long) config.dModel()),
                        all.file(),
                        all.offset() + skipped,
                        all.length() - skipped),
                IntUnaryOperator.identity());
    }

    /** A [m, inner] · B [inner, n]. */
    private static float[] product(float[] a, float[] b, int inner) {
        int n = b.length / inner;
        int m = a.length / inner;
        float[] product =
                new float[StoredFloats.checkedSize((long) m * n, "the product of the embedding with its projection")];
        double[] sums = new double[n];
        for (int row = 0; row < m; row++) {
            Arrays.fill(sums, 0);
            for (int k = 0; k < inner; k++) {
                double factor = a[row * inner + k];
                int from = k * n;
                for (int column = 0; column < n; column++) {
                    sums[column] += factor * b[from + column];
                }
            }
            for (int column = 0; column < n; column++) {
                product[row * n + column] = (float) sums[column];
            }
        }
        return product;
    }

    @Override
    public List<String> names() {
        return names;
    }

    @Override
    public int layers() {
        return config.layers();
    }

    @Override
    public Weight get(String name) {
        Layout layout = layouts.get(name);
        if (layout == null) {
            throw new ModscanException(path + ": an OPT with this config has no weight '" + name + "'; it has "
                    + layouts.keySet().stream()
                            .filter(other -> !other.startsWith("blocks.") || other.startsWith("blocks.0."))
                            .toList()
                    + " and the same for each of its " + config.layers() + " blocks");
        }
        if (!isThere(layout)) {
            throw new ModscanException(path + ": the export was cut off before '" + name
                    + "', whose weights it does not know; open the checkpoint, or an export of every site");
        }
        checkpoint.arrival().await(layout.tensors().stream().map(this::stored).toList());
        return Weight.of(name, layout.shape(), layout.values().get());
    }

    @Override
    public String toString() {
        return "OptWeights[" + path + ", " + names.size() + " weights]";
    }
}
