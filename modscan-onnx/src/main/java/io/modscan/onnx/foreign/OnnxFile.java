package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.internal.checkpoint.JsonFile;
import io.modscan.onnx.internal.checkpoint.ModelFolder;
import io.modscan.onnx.internal.graph.OnnxGraph;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import io.modscan.onnx.internal.graph.WeightBytes;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * Somebody's ONNX file without its weights. Large initializers stay where they are: one that the file holds itself is
 * passed over while reading, and becomes external data that lies in this very file. So a model of two gigabytes takes as
 * little memory as its graph. All else, fields that are newer than this library too, is kept as it is.
 *
 * @param path    the file, as it was given
 * @param model   the model; its nodes in an order in which each follows what it reads, its external data located from
 *                {@code root}
 * @param root    the folder that all files of weights are in or below
 * @param weights the tensors that lie in files, those within the bodies of nodes included
 * @param stamps  what tells of each file that it is still the one that was read
 */
record OnnxFile(Path path, ModelProto model, Path root, Set<WeightBytes> weights, Map<Path, String> stamps) {

    /** Git LFS makes none that is larger. */
    private static final long LARGEST_POINTER = 1024;

    /** Of ONNX's own operators, where a model of others' only is added to. */
    private static final long TO_IMPORT = 17;

    /**
     * Reads a file and checks that it is a graph: each tensor that a node reads is there, none comes from two places, and no
     * node needs its own output.
     */
    static OnnxFile read(Path path) {
        return read(path, false);
    }

    /** The same, where links may be allowed to lead out of its folder. */
    static OnnxFile read(Path path, boolean links) {
        if (Files.isDirectory(path)) {
            throw new ModscanException(path + ": is a folder; expected is an ONNX model in it, NAME.onnx");
        }
        if (!Files.isRegularFile(path)) {
            throw new ModscanException(path + ": no such file; expected is an ONNX model, NAME.onnx");
        }
        ModelFolder folder = ModelFolder.open(
                Objects.requireNonNull(path.toAbsolutePath().getParent(), "a file lies in a folder"), links);
        Path file = folder.resolve(String.valueOf(path.getFileName()));
        ModelProto model;
        refusePointer(file);
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
            model = ModelProto.parseFrom(new OnnxSkeleton(path, file).read(CodedInputStream.newInstance(in)));
        } catch (InvalidProtocolBufferException e) {
            throw new MalformedFileException(path, "is no ONNX model, or not all of one (truncated?)", e);
        } catch (IOException e) {
            throw new UncheckedIOException(path + ": cannot be read: " + e, e);
        }
        if (!model.hasGraph() || model.getGraph().getNodeCount() == 0) {
            throw new MalformedFileException(path, "is no ONNX model, or one without a graph");
        }
        if (model.getOpsetImportCount() == 0) {
            throw new MalformedFileException(path, "does not say which opset its operators are of");
        }
        checkFunctions(path, model);
        OnnxBounds.check(path, model);
        OnnxFile read = located(path, folder, sorted(path, model));
        Map<Path, String> stamps = new LinkedHashMap<>();
        Stream.concat(Stream.of(file), read.weights().stream().map(WeightBytes::file))
                .distinct()
                .forEach(each -> stamps.put(each, stamp(each)));
        return new OnnxFile(path, read.model(), read.root(), read.weights(), stamps);
    }

    private static void refusePointer(Path file) {
        try {
            JsonFile.refusePointer(file);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
    }

    /** Weights of functions are not looked for in files. */
    private static void checkFunctions(Path path, ModelProto model) {
        model.getFunctionsList()
                .forEach(function -> OnnxGraph.withTensors(
                        GraphProto.newBuilder()
                                .addAllNode(function.getNodeList())
                                .build(),
                        tensor -> {
                            if (tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL) {
                                throw new UnsupportedModelException(
                                        path + ": tensor '" + tensor.getName() + "' of function '"
                                                + function.getName()
                                                + "' lies in another file; what can be read are weights of the graph in other files");
                            }
                            return tensor;
                        }));
    }

    /** Its weights are read by their places, where others lie when a file is another one. */
    void checkUnchanged() {
        stamps.forEach((file, stamp) -> {
            if (!stamp(file).equals(stamp)) {
                throw new ModscanException(
                        file + ": has been replaced or changed since the model " + path + " was opened; open it again");
            }
        });
    }

    /** Where the weights of each file end. */
    Map<Path, Long> ends() {
        Map<Path, Long> ends = new LinkedHashMap<>();
        weights.forEach(weight -> ends.merge(weight.file(), weight.offset() + weight.length(), Math::max));
        return ends;
    }

    /** The bytes of the largest weight. */
    long largestWeight() {
        return weights.stream().mapToLong(WeightBytes::length).max().orElse(0);
    }

    private static String stamp(Path file) {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            return attributes.size() + " " + attributes.lastModifiedTime() + " " + attributes.fileKey();
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
    }

    /** The version of ONNX's own operators; one to be imported, where the file has none of them. */
    long opset() {
        return imported().orElse(TO_IMPORT);
    }

    /** The same model with ONNX's own operators among those that may be used. */
    ModelProto withOwnOperators() {
        return imported().isPresent()
                ? model
                : model.toBuilder()
                        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(TO_IMPORT))
                        .build();
    }

    private OptionalLong imported() {
        return model.getOpsetImportList().stream()
                .filter(opset ->
                        opset.getDomain().isEmpty() || opset.getDomain().equals("ai.onnx"))
                .mapToLong(OperatorSetIdProto::getVersion)
                .findFirst();
    }

    /** The same with some inputs that have a value in the file as inputs without one. */
    OnnxFile asking(Set<String> given) {
        if (graph().getInitializerList().stream().noneMatch(initializer -> given.contains(initializer.getName()))) {
            return this;
        }
        GraphProto.Builder asking = graph().toBuilder().clearInitializer();
        graph().getInitializerList().stream()
                .filter(initializer -> !given.contains(initializer.getName()))
                .forEach(asking::addInitializer);
        return new OnnxFile(path, model.toBuilder().setGraph(asking).build(), root, weights, stamps);
    }

    /** A checksum of all that the file says, and of where its weights lie; not of these themselves. */
    String fingerprint() {
        CRC32C checksum = new CRC32C();
        checksum.update(model.toByteArray());
        return Long.toHexString(checksum.getValue());
    }

    GraphProto graph() {
        return model.getGraph();
    }

    /** Where a tensor of the model lies, if not in the model. */
    Optional<WeightBytes> weight(TensorProto tensor) {
        if (tensor.getDataLocation() != TensorProto.DataLocation.EXTERNAL) {
            return Optional.empty();
        }
        Map<String, String> entries = OnnxProtos.externalData(tensor);
        return Optional.of(new WeightBytes(
                tensor.getName(),
                root.resolve(entries.getOrDefault("location", "")),
                Long.parseLong(entries.getOrDefault("offset", "")),
                Long.parseLong(entries.getOrDefault("length", ""))));
    }

    /** Finds each tensor's bytes, and the folder from which all can be named. */
    private static OnnxFile located(Path path, ModelFolder folder, ModelProto model) {
        Map<TensorProto, WeightBytes> weights = new LinkedHashMap<>();
        Map<String, Path> files = new LinkedHashMap<>();
        OnnxGraph.withTensors(model.getGraph(), tensor -> {
            long bytes = OnnxTypes.bytes(path, tensor);
            if (tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL) {
                weights.put(tensor, weight(path, folder, files, tensor, bytes));
            } else {
                OnnxTypes.checkValues(path, tensor, bytes);
            }
            return tensor;
        });
        Path root = weights.values().stream()
                .map(weight -> Objects.requireNonNull(weight.file().getParent(), "a file lies in a folder"))
                .reduce(OnnxFile::common)
                .orElse(folder.path().toAbsolutePath());
        GraphProto graph = OnnxGraph.withTensors(model.getGraph(), tensor -> {
            WeightBytes weight = weights.get(tensor);
            if (weight == null) {
                return tensor;
            }
            String location = root.relativize(weight.file()).toString().replace('\\', '/');
            return OnnxProtos.external(tensor.toBuilder(), location, weight.offset(), weight.length())
                    .build();
        });
        return new OnnxFile(
                path, model.toBuilder().setGraph(graph).build(), root, Set.copyOf(weights.values()), Map.of());
    }

    private static Path common(Path one, Path other) {
        Path common = one;
        while (!other.startsWith(common)) {
            common = Objects.requireNonNull(common.getParent(), "two folders of one model have one above them");
        }
        return common;
    }

    private static WeightBytes weight(
            Path path, ModelFolder folder, Map<String, Path> files, TensorProto tensor, long bytes) {
        Map<String, String> entries = OnnxProtos.externalData(tensor);
        String where = "tensor '" + tensor.getName() + "'";
        try {
            Path file = files.computeIfAbsent(entries.getOrDefault("location", ""), folder::resolve);
            long offset = Long.parseLong(entries.getOrDefault("offset", "0"));
            long length = Long.parseLong(entries.getOrDefault("length", Long.toString(bytes)));
            if (offset < 0 || length != bytes) {
                throw new MalformedFileException(
                        path,
                        where + " of shape " + tensor.getDimsList() + " takes " + bytes
                                + " bytes and is said to lie at " + entries);
            }
            long size = Files.size(file);
            if (size < LARGEST_POINTER) {
                refusePointer(file);
            }
            if (offset > size - length) {
                throw new MalformedFileException(
                        file,
                        "has " + size + " bytes; " + where + " of " + path + " takes " + length + " bytes at " + offset
                                + " (truncated?)");
            }
            return new WeightBytes(tensor.getName(), file, offset, length);
        } catch (NumberFormatException e) {
            throw new MalformedFileException(path, where + " is not where a tensor can be: " + entries, e);
        } catch (IllegalArgumentException e) {
            throw new MalformedFileException(path, where + " lies in no file that can be: " + entries, e);
        } catch (MalformedFileException e) {
            throw e;
        } catch (ModscanException e) {
            throw new ModscanException(path + ": the file of " + where + ": " + e.getMessage(), e);
        } catch (IOException e) {
            throw new UncheckedIOException(path + ": the file of " + where + " cannot be read: " + e, e);
        }
    }

    /** The same with each node behind those that it reads. */
    private static ModelProto sorted(Path path, ModelProto model) {
        GraphProto graph = model.getGraph();
        Set<String> there = new LinkedHashSet<>();
        graph.getInputList().forEach(input -> {
            if (!there.add(input.getName())) {
                throw new MalformedFileException(path, "has the input '" + input.getName() + "' twice");
            }
        });
        Set<String> initializers = new LinkedHashSet<>();
        graph.getInitializerList().forEach(initializer -> {
            if (!initializers.add(initializer.getName())) {
                throw new MalformedFileException(path, "has the tensor '" + initializer.getName() + "' twice");
            }
        });
        graph.getSparseInitializerList()
                .forEach(initializer -> initializers.add(initializer.getValues().getName()));
        there.addAll(initializers);
        Map<String, NodeProto> producers = new LinkedHashMap<>();
        for (NodeProto node : graph.getNodeList()) {
            for (String output : node.getOutputList()) {
                if (!output.isEmpty() && (there.contains(output) || producers.put(output, node) != null)) {
                    throw new MalformedFileException(path, "has the tensor '" + output + "' from two places");
                }
            }
        }
        List<NodeProto> order = order(path, graph.getNodeList(), producers, there);
        graph.getOutputList().forEach(output -> {
            if (!there.contains(output.getName()) && !producers.containsKey(output.getName())) {
                throw new MalformedFileException(
                        path, "has the output '" + output.getName() + "', which nothing yields");
            }
        });
        return model.toBuilder()
                .setGraph(graph.toBuilder().clearNode().addAllNode(order))
                .build();
    }

    private static List<NodeProto> order(
            Path path, List<NodeProto> nodes, Map<String, NodeProto> producers, Set<String> there) {
        Map<String, List<Integer>> readers = new HashMap<>();
        int[] waitsFor = new int[nodes.size()];
        // As they stand, as far as they can: then a sorted graph stays as it is.
        PriorityQueue<Integer> ready = new PriorityQueue<>();
        for (int index = 0; index < waitsFor.length; index++) {
            NodeProto node = nodes.get(index);
            for (String tensor : OnnxGraph.reads(node)) {
                if (producers.containsKey(tensor)) {
                    waitsFor[index]++;
                    readers.computeIfAbsent(tensor, any -> new ArrayList<>()).add(index);
                } else if (!there.contains(tensor)) {
                    throw new MalformedFileException(
                            path,
                            "node " + OnnxGraph.describe(node) + " reads '" + tensor
                                    + "', which is neither an input nor an initializer nor any node's output");
                }
            }
            if (waitsFor[index] == 0) {
                ready.add(index);
            }
        }
        List<NodeProto> order = new ArrayList<>(nodes.size());
        while (!ready.isEmpty()) {
            NodeProto node = nodes.get(ready.remove());
            order.add(node);
            for (String output : node.getOutputList()) {
                for (int reader : readers.getOrDefault(output, List.of())) {
                    if (--waitsFor[reader] == 0) {
                        ready.add(reader);
                    }
                }
            }
        }
        if (order.size() < nodes.size()) {
            int stuck = IntStream.range(0, waitsFor.length)
                    .filter(index -> waitsFor[index] > 0)
                    .findFirst()
                    .orElseThrow();
            throw new MalformedFileException(
                    path,
                    "has nodes that need their own output, in a circle; one of them, or behind them, is "
                            + OnnxGraph.describe(nodes.get(stuck)));
        }
        return order;
    }
}
