package io.modscan.onnx.internal.graph;

import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.onnx.runtime.CpuOperators;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Turns the nodes of a graph into {@link CpuOperators}: products with weights, and what lies behind them as far as nobody else reads what
 * lies between. It is done on the finished graph of a plan, so that what is planned, changed or differentiated is seen as any other reader.
 */
public final class ProductFusion {

    /** The name of the mask that is added to scores: 0 where a query may see a key, and the least float where not. */
    public static final String ADDED_MASK = "attention_mask_added";

    /** The types of weights that operators take as they are; others are cast before. */
    private static final Set<DType> TAKEN = Set.of(DType.F32, DType.F16, DType.BF16);

    private static final int HAS_SCALE = 2;
    private static final int HAS_SHIFT = 3;
    private static final int HAS_BIAS = 4;

    /** By what a weight is called where it is read. */
    private final Map<String, StoredTensor> read = new HashMap<>();
    /** By the cast of a weight: the weight, where operators take it as it is. */
    private final Map<String, String> uncast = new HashMap<>();

    private final Map<String, Integer> readers = new HashMap<>();
    /** By the name of what each yields so far. */
    private final Map<String, Product> products = new HashMap<>();

    private final TreeMap<Integer, List<NodeProto>> made = new TreeMap<>();

    /** A product that may still take up what reads it; it is computed where the last of that was. */
    private record Product(int place, String x, String weights, boolean transB, String bias, boolean relu) {}

    private ProductFusion(List<NodeProto> nodes, Set<String> outputs, Map<String, StoredTensor> weights) {
        read.putAll(weights);
        for (NodeProto node : nodes) {
            node.getInputList().forEach(input -> readers.merge(input, 1, Integer::sum));
            StoredTensor stored = node.getOpType().equals("Cast") ? weights.get(node.getInput(0)) : null;
            if (stored != null) {
                read.put(node.getOutput(0), stored);
                if (TAKEN.contains(stored.dtype())) {
                    uncast.put(node.getOutput(0), node.getInput(0));
                }
            }
        }
        outputs.forEach(output -> readers.merge(output, 1, Integer::sum));
    }

    /**
     * The same graph with these operators. Casts of weights that nothing needs any more are still there.
     *
     * @param nodes    in order of computation
     * @param outputs  of the graph
     * @param weights  as they are stored, by name
     */
    static List<NodeProto> of(List<NodeProto> nodes, Set<String> outputs, Map<String, StoredTensor> weights) {
        ProductFusion fusion = new ProductFusion(nodes, outputs, weights);
        for (int i = 0; i < nodes.size(); i++) {
            if (!fusion.takes(i, nodes.get(i))) {
                fusion.put(i, nodes.get(i));
            }
        }
        fusion.products.forEach((output, product) -> fusion.put(product.place(), fusion.node(output, product, "")));
        return fusion.made.values().stream().flatMap(List::stream).toList();
    }

    private boolean takes(int place, NodeProto node) {
        return switch (node.getOpType()) {
            case "FusedMatMul", "MatMul" -> takesProduct(place, node);
            case "Add" -> takesBias(place, node);
            case "Relu" -> takesRelu(place, node);
            case "SkipLayerNormalization" -> takesNorm(place, node);
            case "MultiHeadAttention" -> takesAttention(place, node);
            default -> false;
        };
    }

    private boolean takesProduct(int place, NodeProto node) {
        String weights = node.getInput(1);
        boolean only = node.getAttributeList().stream()
                .allMatch(attribute -> attribute.getName().equals("transB"));
        if (!only || axes(weights) != 2) {
            return false;
        }
        products.put(node.getOutput(0), new Product(place, node.getInput(0), stored(weights), flag(node), "", false));
        return true;
    }

    private static boolean flag(NodeProto node) {
        return node.getAttributeList().stream().anyMatch(attribute -> attribute.getI() == 1);
    }

    private String stored(String weights) {
        return uncast.getOrDefault(weights, weights);
    }

    private boolean takesBias(int place, NodeProto node) {
        Product product = open(node.getInput(0));
        String bias = node.getInput(1);
        if (product == null || !product.bias().isEmpty() || product.relu() || !isBias(bias)) {
            return false;
        }
        products.remove(node.getInput(0));
        products.put(
                node.getOutput(0), new Product(place, product.x(), product.weights(), product.transB(), bias, false));
        return true;
    }

    private boolean isBias(String tensor) {
        return axes(tensor) == 1;
    }

    /** Those of a weight, or -1 of what is none. */
    private int axes(String tensor) {
        StoredTensor weight = read.get(tensor);
        return weight == null ? -1 : weight.shape().size();
    }

    private boolean takesRelu(int place, NodeProto node) {
        Product product = open(node.getInput(0));
        if (product == null || product.relu()) {
            return false;
        }
        products.remove(node.getInput(0));
        products.put(
                node.getOutput(0),
                new Product(place, product.x(), product.weights(), product.transB(), product.bias(), true));
        return true;
    }

    /** A product that nothing else than the node at hand reads. */
    private @Nullable Product open(String tensor) {
        return readers.getOrDefault(tensor, 0) == 1 ? products.get(tensor) : null;
    }

    private boolean takesNorm(int place, NodeProto node) {
        String normalized = node.getOutput(0);
        boolean named = node.getOutputCount() > 3 && !node.getOutput(3).isEmpty();
        String sum = named ? node.getOutput(3) : normalized + "_sum";
        String added = node.getInput(1);
        String bias = input(node, HAS_BIAS);
        Product product = open(added);
        if (product != null
                && !product.relu()
                && (bias.isEmpty() || product.bias().isEmpty())) {
            products.remove(added);
            Product biased = new Product(
                    place,
                    product.x(),
                    product.weights(),
                    product.transB(),
                    bias.isEmpty() ? product.bias() : bias,
                    false);
            put(place, node(sum, biased, node.getInput(0)));
        } else {
            String other = added;
            if (!bias.isEmpty()) {
                other = added + "_biased_" + normalized;
                put(place, plain("Add", other, added, bias));
            }
            put(place, plain("Add", sum, node.getInput(0), other));
        }
        if (readers.getOrDefault(normalized, 0) > 0) {
            put(
                    place,
                    own(
                            "LayerNorm",
                            normalized,
                            Stream.of(sum, input(node, HAS_SCALE), input(node, HAS_SHIFT)),
                            copied(node, "epsilon")));
        }
        return true;
    }

    private boolean takesAttention(int place, NodeProto node) {
        if (copied(node, "unidirectional").getI() != 1) {
            return false;
        }
        List<String> maps = node.getInputList().subList(0, 3);
        String bias = input(node, 3);
        List<AttributeProto> attributes = List.of(copied(node, "num_heads"), copied(node, "scale"));
        String z = node.getOutput(0);
        if (bias.isEmpty()) {
            put(
                    place,
                    own(
                            "Attention",
                            z,
                            Stream.concat(maps.stream(), Stream.of(ADDED_MASK)),
                            attributes.toArray(AttributeProto[]::new)));
            return true;
        }
        List<NodeProto> concat = made.values().stream()
                .flatMap(List::stream)
                .filter(other -> other.getOutputList().contains(bias))
                .toList();
        List<Product> opened = maps.stream().map(this::open).toList();
        if (concat.size() != 1
                || !concat.get(0).getOpType().equals("Concat")
                || concat.get(0).getInputCount() != maps.size()
                || opened.stream()
                        .anyMatch(product ->
                                product == null || !product.bias().isEmpty() || product.relu() || !product.transB())
                || opened.stream().map(Product::x).distinct().count() != 1) {
            return false;
        }
        maps.forEach(products::remove);
        put(
                place,
                own(
                        "SelfAttention",
                        z,
                        Stream.of(
                                        Stream.of(opened.get(0).x()),
                                        opened.stream().map(Product::weights),
                                        concat.get(0).getInputList().stream(),
                                        Stream.of(ADDED_MASK))
                                .flatMap(part -> part),
                        attributes.toArray(AttributeProto[]::new)));
        return true;
    }

    private static String input(NodeProto node, int index) {
        return index < node.getInputCount() ? node.getInput(index) : "";
    }

    private static AttributeProto copied(NodeProto node, String name) {
        return node.getAttributeList().stream()
                .filter(attribute -> attribute.getName().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private void put(int place, NodeProto node) {
        made.computeIfAbsent(place, any -> new ArrayList<>()).add(node);
    }

    private NodeProto node(String output, Product product, String residual) {
        return own(
                "Product",
                output,
                Stream.of(product.x(), product.weights(), product.bias(), residual),
                attribute("transB", product.transB() ? 1L : 0L),
                attribute("relu", product.relu() ? 1L : 0L));
    }

    private static NodeProto own(String type, String output, Stream<String> inputs, AttributeProto... attributes) {
        return NodeProto.newBuilder()
                .setDomain(CpuOperators.DOMAIN)
                .setOpType(type)
                .setName(output)
                .addAllInput(inputs.toList())
                .addOutput(output)
                .addAllAttribute(List.of(attributes))
                .build();
    }

    private static NodeProto plain(String type, String output, String... inputs) {
        return NodeProto.newBuilder()
                .setOpType(type)
                .setName(output)
                .addAllInput(List.of(inputs))
                .addOutput(output)
                .build();
    }
}
