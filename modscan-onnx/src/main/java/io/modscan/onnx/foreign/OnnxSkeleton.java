package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import io.modscan.core.error.MalformedFileException;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.ProtoWeight;
import io.modscan.onnx.internal.graph.WeightBytes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Copies a file but for the bytes of large initializers, of which it keeps the place. */
final class OnnxSkeleton {
    /** What an initializer has at least for its bytes to be left in the file; shapes and scalars are smaller. */
    private static final int LEFT_IN_FILE = 1 << 10;

    /** Fields of ONNX's messages. */
    private static final int MODEL_GRAPH = 7;

    private static final int GRAPH_INITIALIZER = 5;
    private static final int TENSOR_FLOATS = 4;
    private static final int TENSOR_RAW = 9;
    private static final int TENSOR_DOUBLES = 10;

    private final Path path;
    private final Path file;
    private final ProtoWeight weight;

    OnnxSkeleton(Path path, Path file) {
        this.path = path;
        this.file = file;
        this.weight = new ProtoWeight(path);
    }

    byte[] read(CodedInputStream in) throws IOException {
        // A position that can't be told, behind 2 GiB, is refused as protobuf refuses it.
        return copy(in, ModelProto.getDescriptor(), Integer.MAX_VALUE, (tag, length, out) -> {
            if (tag != OnnxProtos.lengthDelimited(MODEL_GRAPH)) {
                return false;
            }
            out.writeByteArrayNoTag(graph(in, length));
            return true;
        });
    }

    private byte[] graph(CodedInputStream in, int graphLength) throws IOException {
        return copy(in, GraphProto.getDescriptor(), graphLength, (tag, length, out) -> {
            if (tag != OnnxProtos.lengthDelimited(GRAPH_INITIALIZER)) {
                return false;
            }
            out.writeByteArrayNoTag(initializer(in, length));
            return true;
        });
    }

    private byte[] initializer(CodedInputStream in, int tensorLength) throws IOException {
        weight.add(ProtoWeight.MESSAGE);
        List<WeightBytes> left = new ArrayList<>();
        byte[] rest = copy(in, TensorProto.getDescriptor(), tensorLength, (tag, length, out) -> {
            boolean bytes = tag == OnnxProtos.lengthDelimited(TENSOR_RAW)
                    // A packed list of numbers is on disk what raw bytes are.
                    || tag == OnnxProtos.lengthDelimited(TENSOR_FLOATS)
                    || tag == OnnxProtos.lengthDelimited(TENSOR_DOUBLES);
            if (!bytes || length < LEFT_IN_FILE) {
                return false;
            }
            left.add(new WeightBytes("", file, in.getTotalBytesRead(), length));
            in.skipRawBytes(length);
            return true;
        });
        if (left.isEmpty()) {
            return rest;
        }
        TensorProto.Builder tensor = TensorProto.newBuilder().mergeFrom(rest);
        if (left.size() > 1
                || tensor.getExternalDataCount() > 0
                || tensor.getFloatDataCount() > 0
                || tensor.getDoubleDataCount() > 0
                || !tensor.getRawData().isEmpty()) {
            throw new MalformedFileException(path, "has values for the tensor '" + tensor.getName() + "' twice");
        }
        String name = String.valueOf(path.getFileName());
        return OnnxProtos.external(
                        tensor, name, left.get(0).offset(), left.get(0).length())
                .build()
                .toByteArray();
    }

    /** What becomes of a field. */
    private interface Field {
        /** Whether it was written to {@code out} in another form, or left out; its tag stands there already if written. */
        boolean take(int tag, int length, CodedOutputStream out) throws IOException;
    }

    private byte[] copy(CodedInputStream in, Descriptor type, int messageLength, Field field) throws IOException {
        int outer = in.pushLimit(messageLength);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            copyField(in, type, tag, out, field);
        }
        out.flush();
        if (in.getBytesUntilLimit() > 0 && messageLength != Integer.MAX_VALUE) {
            throw new InvalidProtocolBufferException("a message ends before its length");
        }
        in.popLimit(outer);
        return bytes.toByteArray();
    }

    private void copyField(CodedInputStream in, Descriptor type, int tag, CodedOutputStream out, Field field)
            throws IOException {
        if (WireFormat.getTagWireType(tag) != WireFormat.WIRETYPE_LENGTH_DELIMITED) {
            weight.add(Long.BYTES);
        }
        switch (WireFormat.getTagWireType(tag)) {
            case WireFormat.WIRETYPE_VARINT -> {
                out.writeUInt32NoTag(tag);
                out.writeUInt64NoTag(in.readRawVarint64());
                return;
            }
            case WireFormat.WIRETYPE_FIXED64 -> {
                out.writeUInt32NoTag(tag);
                out.writeFixed64NoTag(in.readRawLittleEndian64());
                return;
            }
            case WireFormat.WIRETYPE_FIXED32 -> {
                out.writeUInt32NoTag(tag);
                out.writeFixed32NoTag(in.readRawLittleEndian32());
                return;
            }
            case WireFormat.WIRETYPE_LENGTH_DELIMITED -> {}
            default ->
                throw new InvalidProtocolBufferException(
                        "a field of wire type " + WireFormat.getTagWireType(tag) + ", which ONNX has not");
        }
        int length = in.readRawVarint32();
        if (length < 0) {
            throw new InvalidProtocolBufferException("a field of negative length");
        }
        ByteArrayOutputStream other = new ByteArrayOutputStream();
        CodedOutputStream taken = CodedOutputStream.newInstance(other);
        if (field.take(tag, length, taken)) {
            taken.flush();
            if (other.size() > 0) {
                out.writeUInt32NoTag(tag);
                out.writeRawBytes(other.toByteArray());
            }
        } else {
            out.writeUInt32NoTag(tag);
            weight.add(ProtoWeight.MESSAGE + length);
            byte[] bytes = in.readRawBytes(length);
            @Nullable FieldDescriptor known = type.findFieldByNumber(WireFormat.getTagFieldNumber(tag));
            if (known != null && known.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
                weight.add(bytes, known.getMessageType());
            }
            out.writeByteArrayNoTag(bytes);
        }
    }
}
