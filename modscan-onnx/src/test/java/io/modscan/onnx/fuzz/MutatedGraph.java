package io.modscan.onnx.fuzz;

import ai.onnx.proto.OnnxMl.ModelProto;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Makes an ONNX model into one that is almost it, and still a message that any reader of protocol buffers takes. */
final class MutatedGraph {

    private final Random random;
    private final Mutation mutation;
    private final List<String> strings = new ArrayList<>(List.of(
            "",
            "ConvTranspose",
            "Reshape",
            "Expand",
            "ConstantOfShape",
            "Div",
            "Mod",
            "Loop",
            "If",
            "Scan",
            "Pad",
            "Tile",
            "Resize",
            "Range",
            "OneHot",
            "Gather",
            "Slice",
            "Split",
            "Attention",
            "LayerNormalization",
            "com.microsoft",
            "ai.onnx.ml",
            "axis",
            "group",
            "location",
            "../outside"));

    MutatedGraph(Random random) {
        this.random = random;
        this.mutation = new Mutation(random);
    }

    byte[] of(byte[] valid) {
        ModelProto.Builder model;
        try {
            model = ModelProto.parseFrom(valid).toBuilder();
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalArgumentException(e);
        }
        collect(model.build());
        for (int times = 1 + random.nextInt(3); times > 0; times--) {
            change(model);
        }
        return model.build().toByteArray();
    }

    private void collect(Message message) {
        message.getAllFields().forEach((field, value) -> {
            for (Object each : field.isRepeated() ? (List<?>) value : List.of(value)) {
                if (each instanceof Message part) {
                    collect(part);
                } else if (each instanceof String text && strings.size() < 400) {
                    strings.add(text);
                }
            }
        });
    }

    private void change(Message.Builder message) {
        List<FieldDescriptor> present = new ArrayList<>(message.getAllFields().keySet());
        List<FieldDescriptor> all = message.getDescriptorForType().getFields();
        FieldDescriptor field = present.isEmpty() || random.nextInt(12) == 0
                ? all.get(random.nextInt(all.size()))
                : present.get(random.nextInt(present.size()));
        boolean parts = field.getJavaType() == FieldDescriptor.JavaType.MESSAGE;
        if (field.isRepeated()) {
            changeList(message, field, parts);
        } else if (parts && random.nextInt(20) > 0) {
            change(message.getFieldBuilder(field));
        } else if (random.nextInt(5) == 0) {
            message.clearField(field);
        } else if (!parts) {
            message.setField(field, scalar(message, field, message.getField(field)));
        }
    }

    private void changeList(Message.Builder message, FieldDescriptor field, boolean parts) {
        int count = message.getRepeatedFieldCount(field);
        int how = random.nextInt(parts ? 14 : 5);
        if (count == 0 || how == 0) {
            message.addRepeatedField(
                    field,
                    count > 0
                            ? message.getRepeatedField(field, random.nextInt(count))
                            : parts
                                    ? message.newBuilderForField(field).build()
                                    : scalar(
                                            message,
                                            field,
                                            field.getJavaType() == FieldDescriptor.JavaType.ENUM
                                                    ? null
                                                    : defaultOf(field)));
        } else if (how == 1) {
            List<?> items = new ArrayList<>((List<?>) message.getField(field));
            items.remove(random.nextInt(count));
            message.setField(field, items);
        } else if (parts) {
            change(message.getRepeatedFieldBuilder(field, random.nextInt(count)));
        } else {
            int at = random.nextInt(count);
            message.setRepeatedField(field, at, scalar(message, field, message.getRepeatedField(field, at)));
        }
    }

    private static Object defaultOf(FieldDescriptor field) {
        return switch (field.getJavaType()) {
            case INT -> 0;
            case LONG -> 0L;
            case FLOAT -> 0f;
            case DOUBLE -> 0d;
            case BOOLEAN -> false;
            case STRING -> "";
            case BYTE_STRING -> ByteString.EMPTY;
            case ENUM, MESSAGE -> throw new IllegalArgumentException(field.toString());
        };
    }

    private Object scalar(Message.Builder message, FieldDescriptor field, Object value) {
        return switch (field.getJavaType()) {
            case INT -> random.nextBoolean() ? random.nextInt(30) : (int) mutation.interesting();
            case LONG -> random.nextBoolean() ? (long) random.nextInt(30) - 4 : mutation.interesting();
            case FLOAT -> random.nextBoolean() ? Float.NaN : (float) mutation.interesting();
            case DOUBLE -> (double) mutation.interesting();
            case BOOLEAN -> random.nextBoolean();
            case STRING -> strings.get(random.nextInt(strings.size()));
            case BYTE_STRING -> ByteString.copyFrom(mutation.bytes(((ByteString) value).toByteArray()));
            case ENUM ->
                field.getEnumType()
                        .getValues()
                        .get(random.nextInt(field.getEnumType().getValues().size()));
            case MESSAGE -> throw new IllegalArgumentException(message.toString());
        };
    }
}
