package io.modscan.onnx.opt;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.SafetensorsWriter;
import io.modscan.core.safetensors.StoredTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * A checkpoint whose weights are changed by hand, in float32: what an intervention has to equal, without one. Not for use by
 * several threads.
 */
final class EditedOpt {

    private final Map<String, float[]> values = new TreeMap<>();
    private final Map<String, List<Long>> shapes = new TreeMap<>();
    private final Map<String, Object> config;
    private final String prefix;

    EditedOpt(Path folder) {
        SafetensorsFile file = SafetensorsFile.open(folder.resolve("model.safetensors"));
        for (StoredTensor tensor : file.tensors().values()) {
            values.put(tensor.name(), read(file, tensor));
            shapes.put(tensor.name(), tensor.shape());
        }
        this.prefix = values.keySet().stream()
                .filter(name -> name.endsWith("embed_positions.weight"))
                .findFirst()
                .orElseThrow()
                .replace("embed_positions.weight", "");
        try {
            this.config = new TreeMap<>(JSON.std.mapFrom(Files.readString(folder.resolve("config.json"))));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static float[] read(SafetensorsFile file, StoredTensor tensor) {
        ByteBuffer bytes = file.map(tensor.name());
        float[] floats = new float[bytes.remaining() / tensor.dtype().bytes()];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = tensor.dtype() == DType.F16 ? half(bytes.getShort(2 * i)) : bytes.getFloat(4 * i);
        }
        return floats;
    }

    private static float half(short bits) {
        int exponent = bits >> 10 & 0x1f;
        float mantissa = (bits & 0x3ff) / 1024f;
        float size = exponent == 0 ? mantissa * 0x1p-14f : (1 + mantissa) * (float) Math.pow(2, exponent - 15);
        return bits < 0 ? -size : size;
    }

    private float[] get(String name) {
        return Objects.requireNonNull(values.get(prefix + name), name);
    }

    private int columns(String name) {
        return Math.toIntExact(Objects.requireNonNull(shapes.get(prefix + name)).get(1));
    }

    /** What a linear map reads at an input is taken to be {@code keep · input + value}. */
    EditedOpt input(String linear, int column, double keep, double value) {
        float[] weight = get(linear + ".weight");
        int columns = columns(linear + ".weight");
        if (value != 0) {
            withBiases();
            float[] bias = get(linear + ".bias");
            for (int row = 0; row < bias.length; row++) {
                bias[row] += (float) (weight[row * columns + column] * value);
            }
        }
        for (int row = 0; row < weight.length / columns; row++) {
            weight[row * columns + column] *= (float) keep;
        }
        return this;
    }

    /** What a linear map gives at an output becomes {@code keep · output + value}. */
    EditedOpt output(String linear, int row, double keep, double value) {
        float[] weight = get(linear + ".weight");
        int columns = columns(linear + ".weight");
        for (int column = 0; column < columns; column++) {
            weight[row * columns + column] *= (float) keep;
        }
        withBiases();
        float[] bias = get(linear + ".bias");
        bias[row] = (float) (bias[row] * keep + value);
        return this;
    }

    /** Zeros, where there are none. */
    private void withBiases() {
        if (Boolean.TRUE.equals(config.put("enable_bias", true))) {
            return;
        }
        for (String name : List.copyOf(values.keySet())) {
            if (name.matches(".*(k_proj|v_proj|q_proj|out_proj|fc1|fc2)\\.weight")) {
                String bias = name.replace(".weight", ".bias");
                long rows = Objects.requireNonNull(shapes.get(name)).get(0);
                values.put(bias, new float[Math.toIntExact(rows)]);
                shapes.put(bias, List.of(rows));
            }
        }
    }

    OptModel load(Path folder) {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        values.forEach((name, floats) ->
                writer.add(name, DType.F32, Objects.requireNonNull(shapes.get(name)), channel -> {
                    ByteBuffer bytes = ByteBuffer.allocate(floats.length * 4).order(ByteOrder.LITTLE_ENDIAN);
                    bytes.asFloatBuffer().put(floats);
                    channel.write(bytes);
                }));
        try {
            Files.createDirectories(folder);
            Files.writeString(folder.resolve("config.json"), JSON.std.asString(config));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        writer.write(folder.resolve("model.safetensors"));
        return OptModel.open(folder);
    }
}
