package io.modscan.onnx.opt;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A small random OPT checkpoint to be. Every number comes from the seed and the tensor's name, so two of the same settings
 * are the same. Settings change this object; not for use by several threads.
 */
public final class TinyOpt {

    static final int BOS = 2;
    static final int VOCABULARY = 40;
    static final int MAX_POSITIONS = 24;
    static final int MLP = 20;

    private static final int SEED = 2026;

    private record Tensor(DType dtype, List<Long> shape) {}

    private int layers = 2;
    private int heads = 3;
    private int hidden = 12;
    private int embedding = 12;
    private boolean preNorm = true;
    private boolean bias = true;
    private boolean affineNorm = true;
    private boolean tiedHead = true;
    private String activation = "relu";
    private DType dtype = DType.F32;
    private String prefix = "model.decoder.";

    private final Map<String, @Nullable Object> configChanges = new LinkedHashMap<>();
    private final Map<String, @Nullable Tensor> tensorChanges = new LinkedHashMap<>();

    TinyOpt layers(int count) {
        layers = count;
        return this;
    }

    /** Heads of four units each. */
    public TinyOpt heads(int count) {
        embedding += 4 * count - hidden;
        hidden = 4 * count;
        heads = count;
        return this;
    }

    TinyOpt postNorm() {
        preNorm = false;
        return this;
    }

    /** Token embeddings of another width than the residual stream. */
    TinyOpt projection(int width) {
        embedding = width;
        return this;
    }

    TinyOpt stored(DType type) {
        dtype = type;
        return this;
    }

    TinyOpt withoutBias() {
        bias = false;
        return this;
    }

    TinyOpt withoutAffineNorm() {
        affineNorm = false;
        return this;
    }

    TinyOpt untiedHead() {
        tiedHead = false;
        return this;
    }

    TinyOpt gelu() {
        activation = "gelu";
        return this;
    }

    TinyOpt prefix(String text) {
        prefix = text;
        return this;
    }

    /** Sets or replaces an entry of {@code config.json}. */
    public TinyOpt config(String key, @Nullable Object value) {
        configChanges.put(key, value);
        return this;
    }

    /** Adds or replaces a tensor, by its full name. */
    public TinyOpt tensor(String name, DType type, long... shape) {
        List<Long> dimensions = new ArrayList<>();
        for (long dimension : shape) {
            dimensions.add(dimension);
        }
        tensorChanges.put(name, new Tensor(type, dimensions));
        return this;
    }

    /** Leaves a tensor out, by its full name. */
    TinyOpt withoutTensor(String name) {
        tensorChanges.put(name, null);
        return this;
    }

    /** Writes the checkpoint and opens it. */
    public OptModel load(Path folder) {
        return OptModel.open(write(folder));
    }

    /** Writes {@code config.json} and {@code model.safetensors} into a folder, which is made. */
    Path write(Path folder) {
        try {
            Files.createDirectories(folder);
            Map<String, @Nullable Object> config = config();
            config.putAll(configChanges);
            Files.writeString(folder.resolve("config.json"), JSON.std.asString(config));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Map<String, @Nullable Tensor> tensors = new LinkedHashMap<>(tensors());
        tensors.putAll(tensorChanges);
        tensors.values().removeIf(Objects::isNull);
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        tensors.forEach((name, tensor) -> {
            Tensor present = Objects.requireNonNull(tensor);
            writer.add(name, present.dtype(), present.shape(), channel -> channel.write(random(name, present)));
        });
        writer.write(folder.resolve("model.safetensors"));
        return folder;
    }

    private Map<String, @Nullable Object> config() {
        Map<String, @Nullable Object> config = new LinkedHashMap<>();
        config.put("architectures", List.of("OPTForCausalLM"));
        config.put("model_type", "opt");
        config.put("vocab_size", VOCABULARY);
        config.put("hidden_size", hidden);
        config.put("num_hidden_layers", layers);
        config.put("num_attention_heads", heads);
        config.put("ffn_dim", MLP);
        config.put("max_position_embeddings", MAX_POSITIONS);
        config.put("word_embed_proj_dim", embedding);
        config.put("do_layer_norm_before", preNorm);
        config.put("_remove_final_layer_norm", false);
        config.put("enable_bias", bias);
        config.put("layer_norm_elementwise_affine", affineNorm);
        config.put("tie_word_embeddings", tiedHead);
        config.put("activation_function", activation);
        config.put("bos_token_id", BOS);
        config.put("eos_token_id", BOS);
        config.put("pad_token_id", 1);
        return config;
    }

    private Map<String, Tensor> tensors() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        add(tensors, "embed_tokens.weight", VOCABULARY, embedding);
        add(tensors, "embed_positions.weight", MAX_POSITIONS + 2, hidden);
        if (embedding != hidden) {
            add(tensors, "project_in.weight", hidden, embedding);
            add(tensors, "project_out.weight", embedding, hidden);
        }
        for (int layer = 0; layer < layers; layer++) {
            String block = "layers." + layer + ".";
            for (String projection : List.of("k_proj", "v_proj", "q_proj", "out_proj")) {
                linear(tensors, block + "self_attn." + projection, hidden, hidden);
            }
            norm(tensors, block + "self_attn_layer_norm");
            linear(tensors, block + "fc1", MLP, hidden);
            linear(tensors, block + "fc2", hidden, MLP);
            norm(tensors, block + "final_layer_norm");
        }
        if (preNorm) {
            norm(tensors, "final_layer_norm");
        }
        if (!tiedHead) {
            tensors.put("lm_head.weight", new Tensor(dtype, List.of((long) VOCABULARY, (long) embedding)));
        }
        return tensors;
    }

    private void add(Map<String, Tensor> tensors, String name, long... shape) {
        List<Long> dimensions = new ArrayList<>();
        for (long dimension : shape) {
            dimensions.add(dimension);
        }
        tensors.put(prefix + name, new Tensor(dtype, dimensions));
    }

    private void linear(Map<String, Tensor> tensors, String name, int out, int in) {
        add(tensors, name + ".weight", out, in);
        if (bias) {
            add(tensors, name + ".bias", out);
        }
    }

    private void norm(Map<String, Tensor> tensors, String name) {
        if (affineNorm) {
            add(tensors, name + ".weight", hidden);
            add(tensors, name + ".bias", hidden);
        }
    }

    /** Scales of LayerNorms around 1, everything else around 0. */
    private ByteBuffer random(String name, Tensor tensor) {
        // By the bare name, so that a checkpoint's numbers don't hang on its prefix.
        Random random = new Random(SEED + bare(name).hashCode());
        boolean scale = name.endsWith("norm.weight");
        int count = tensor.shape().stream().mapToInt(Math::toIntExact).reduce(1, Math::multiplyExact);
        ByteBuffer bytes = ByteBuffer.allocate(count * tensor.dtype().bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            float value = (float) (random.nextGaussian() * (scale ? 0.1 : 0.4) + (scale ? 1 : 0));
            value = name.endsWith("activation_fn.eps") ? -1e-6f : value; // as xIELU has it always
            switch (tensor.dtype()) {
                case F64 -> bytes.putDouble(value);
                case F32 -> bytes.putFloat(value);
                case F16 -> bytes.putShort(half(value));
                case BF16 -> bytes.putShort((short) (Float.floatToIntBits(value) >>> 16));
                case I64, U64 -> bytes.putLong(i);
                case I32, U32 -> bytes.putInt(i);
                case I16, U16 -> bytes.putShort((short) i);
                case I8, U8, BOOL, F8_E4M3, F8_E5M2 -> bytes.put((byte) (i & 1));
            }
        }
        return bytes.flip();
    }

    private String bare(String name) {
        return name.startsWith(prefix) ? name.substring(prefix.length()) : name;
    }

    /** To half precision, cut off rather than rounded; for normal numbers and those so small that they become 0. */
    private static short half(float value) {
        int bits = Float.floatToIntBits(value);
        int sign = (bits >>> 16) & 0x8000;
        int exponent = ((bits >>> 23) & 0xff) - 127 + 15;
        int mantissa = (bits >>> 13) & 0x3ff;
        return (short) (exponent <= 0 ? sign : sign | (exponent << 10) | mantissa);
    }
}
