package io.modscan.onnx.internal.graph;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Counts what a file's messages will take in Java's heap once they are parsed, before they are. Two bytes of a file can be a
 * message of a hundred.
 */
public final class ProtoWeight {

    /** An object of a message, with its place in a list. */
    public static final long MESSAGE = 150;

    /** A text or a field that is not known. */
    private static final long TEXT = 56;

    /** As deep as protobuf's own parser goes. */
    private static final int MAX_DEPTH = 100;

    private final Path path;
    /** What is read is held as bytes, as messages, and for a moment as other messages. */
    private final long limit = Runtime.getRuntime().maxMemory() / 5;

    private long taken;

    public ProtoWeight(Path path) {
        this.path = path;
    }

    /**
     * Adds bytes that are about to be read.
     *
     * @throws ModscanException if all that was added is too much
     */
    public void add(long bytes) {
        taken += bytes;
        if (taken > limit) {
            throw new ModscanException(path + ": its graph takes more than " + limit
                    + " bytes beside its weights, too many for Java's heap; give it more (-Xmx)");
        }
    }

    /**
     * Adds all that is in a message.
     *
     * @param type the message's
     * @throws ModscanException if all that was added is too much
     * @throws IOException      if the bytes are no message
     */
    public void add(byte[] message, Descriptor type) throws IOException {
        add(CodedInputStream.newInstance(message), type, 0);
    }

    private void add(CodedInputStream in, Descriptor type, int depth) throws IOException {
        if (depth > MAX_DEPTH) {
            throw new InvalidProtocolBufferException("messages are nested more than " + MAX_DEPTH + " deep");
        }
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            @Nullable FieldDescriptor field = type.findFieldByNumber(WireFormat.getTagFieldNumber(tag));
            if (WireFormat.getTagWireType(tag) != WireFormat.WIRETYPE_LENGTH_DELIMITED) {
                add(field == null ? TEXT : Long.BYTES);
                in.skipField(tag);
                continue;
            }
            int length = in.readRawVarint32();
            if (field != null && field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
                add(MESSAGE);
                int outer = in.pushLimit(length);
                add(in, field.getMessageType(), depth + 1);
                in.popLimit(outer);
            } else {
                add(field != null && field.isPackable() ? packed(field, length) : TEXT + length);
                in.skipRawBytes(length);
            }
        }
    }

    /** A small number is one byte in the file. */
    private static long packed(FieldDescriptor field, long length) {
        return switch (field.getType()) {
            case FLOAT, DOUBLE -> length;
            case INT32, ENUM -> Integer.BYTES * length;
            default -> Long.BYTES * length;
        };
    }
}
