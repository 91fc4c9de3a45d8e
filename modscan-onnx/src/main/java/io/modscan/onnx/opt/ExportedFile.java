package io.modscan.onnx.opt;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.onnx.internal.checkpoint.ModelFolder;
import io.modscan.onnx.internal.checkpoint.WeightFiles;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import io.modscan.onnx.internal.graph.ProtoWeight;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * An ONNX file that an {@linkplain OptModel#export() export} wrote, read back as what it was made from: the config, which is in its metadata, and
 * the weights, which it knows by file and offset.
 *
 * @param config     the text of {@code config.json}
 * @param provenance of the model that was exported
 * @param weights    those that the export's outputs need
 * @param fingerprint of config and weights when the export was written
 */
record ExportedFile(String config, Map<String, String> provenance, WeightFiles weights, String fingerprint) {

    /** The key under which the fingerprint of the config and of the weights in the graph stands. */
    static final String WEIGHTS = "modscan.weights";

    /** Without weights a layer takes some ten thousand bytes. */
    private static final long MAX_SIZE = 8L << 20;

    /** Tags of the fields that tell an export: all are texts or messages. */
    private static final int PRODUCER_NAME = OnnxProtos.lengthDelimited(ModelProto.PRODUCER_NAME_FIELD_NUMBER);

    private static final int METADATA = OnnxProtos.lengthDelimited(ModelProto.METADATA_PROPS_FIELD_NUMBER);
    private static final int KEY = OnnxProtos.lengthDelimited(StringStringEntryProto.KEY_FIELD_NUMBER);

    /** Whether a file says that it is an export, changed since or not. All that doesn't tell is passed over. */
    static boolean is(Path file) {
        if (!Files.isRegularFile(file)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(file)) {
            CodedInputStream fields = CodedInputStream.newInstance(in);
            boolean ours = false;
            boolean config = false;
            for (int tag = fields.readTag(); tag != 0 && !(ours && config); tag = fields.readTag()) {
                if (tag == PRODUCER_NAME) {
                    ours = isText(fields, GraphBuilder.PRODUCER);
                } else if (tag == METADATA) {
                    config |= isConfig(fields);
                } else if (WireFormat.getTagWireType(tag) == WireFormat.WIRETYPE_START_GROUP
                        || !fields.skipField(tag)) {
                    return false; // ONNX has no groups
                }
            }
            return ours && config;
        } catch (InvalidProtocolBufferException e) {
            return false;
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
    }

    /** Reads an entry of the metadata, its key only; it stands first, as all writers have it. */
    private static boolean isConfig(CodedInputStream fields) throws IOException {
        int outer = fields.pushLimit(fields.readRawVarint32());
        boolean config = fields.readTag() == KEY && isText(fields, GraphBuilder.CONFIG);
        fields.skipRawBytes(fields.getBytesUntilLimit());
        fields.popLimit(outer);
        return config;
    }

    /** Reads a text, or passes over it if it has another length. */
    private static boolean isText(CodedInputStream fields, String expected) throws IOException {
        int length = fields.readRawVarint32();
        if (length != expected.length()) {
            fields.skipRawBytes(length);
            return false;
        }
        return expected.equals(new String(fields.readRawBytes(length), StandardCharsets.UTF_8));
    }

    static ExportedFile read(Path file, boolean links) {
        ModelProto model = parse(file);
        Map<String, String> metadata = model.getMetadataPropsList().stream()
                .collect(Collectors.toMap(
                        StringStringEntryProto::getKey,
                        StringStringEntryProto::getValue,
                        (first, second) -> second,
                        LinkedHashMap::new));
        String config = metadata.remove(GraphBuilder.CONFIG);
        if (!model.getProducerName().equals(GraphBuilder.PRODUCER) || config == null) {
            throw new UnsupportedModelException(file + ": is an ONNX model of "
                    + (model.getProducerName().isEmpty() ? "unknown origin" : "'" + model.getProducerName() + "'")
                    + "; what can be opened here is an export of modscan's");
        }
        String checksum = metadata.get(GraphBuilder.GRAPH_CHECKSUM);
        if (!GraphBuilder.checksum(model.getGraph()).equals(checksum)) {
            throw new UnsupportedModelException(
                    file + ": was changed since modscan wrote it, so what it computes is not"
                            + " what its config says; export the checkpoint again");
        }
        String fingerprint = metadata.getOrDefault(WEIGHTS, "");
        metadata.keySet().removeIf(key -> !key.startsWith("model."));
        ModelFolder folder = ModelFolder.open(
                Objects.requireNonNull(file.toAbsolutePath().getParent(), "a file lies in a folder"), links);
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        for (TensorProto tensor : model.getGraph().getInitializerList()) {
            if (tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL
                    && tensors.put(tensor.getName(), located(file, folder, tensor)) != null) {
                throw new MalformedFileException(file, "has the tensor '" + tensor.getName() + "' twice");
            }
        }
        return new ExportedFile(config, metadata, new WeightFiles(file, tensors), fingerprint);
    }

    private static ModelProto parse(Path file) {
        try {
            long size = Files.size(file);
            if (size > MAX_SIZE) {
                throw new UnsupportedModelException(file + ": has " + size
                        + " bytes; an export of modscan's holds no weights and has at most " + MAX_SIZE);
            }
            ProtoWeight weight = new ProtoWeight(file);
            weight.add(size);
            byte[] bytes = Files.readAllBytes(file);
            weight.add(bytes, ModelProto.getDescriptor());
            return ModelProto.parseFrom(bytes);
        } catch (InvalidProtocolBufferException e) {
            throw new MalformedFileException(file, "is no ONNX model, or not all of one (truncated?)", e);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
    }

    private static StoredTensor located(Path file, ModelFolder folder, TensorProto tensor) {
        Map<String, String> entries = OnnxProtos.externalData(tensor);
        String where = "tensor '" + tensor.getName() + "'";
        DType type = OnnxTypes.stored(tensor.getDataType())
                .orElseThrow(() -> new MalformedFileException(file, where + " is of type " + tensor.getDataType()));
        try {
            Path data = folder.resolve(entries.getOrDefault("location", ""));
            List<Long> shape = tensor.getDimsList();
            long offset = Long.parseLong(entries.getOrDefault("offset", ""));
            long length = Long.parseLong(entries.getOrDefault("length", ""));
            long size = Files.size(data);
            if (offset > size - length) {
                throw new MalformedFileException(
                        data,
                        "has " + size + " bytes; " + where + " of " + file + " has " + length + " bytes at " + offset
                                + " (truncated, or changed since the export?)");
            }
            return new StoredTensor(tensor.getName(), type, shape, data, offset, length);
        } catch (IllegalArgumentException e) {
            throw new MalformedFileException(file, where + " is not where a tensor can be: " + entries, e);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": the file of " + where + " cannot be read: " + e, e);
        }
    }
}
