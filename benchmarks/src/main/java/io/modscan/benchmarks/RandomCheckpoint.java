package io.modscan.benchmarks;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** A checkpoint in the shape of one of the hub's, float16 safetensors, with random weights or, to save space, with none. */
record RandomCheckpoint(int layers, int hidden, int heads, int vocabulary) {

    static final RandomCheckpoint TINY = new RandomCheckpoint(2, 64, 4, 512);
    static final RandomCheckpoint DEMO = new RandomCheckpoint(6, 256, 8, 8192);
    static final RandomCheckpoint OPT_125M = new RandomCheckpoint(12, 768, 12, 50272);
    static final RandomCheckpoint OPT_13B = new RandomCheckpoint(40, 5120, 40, 50272);

    private static final int POSITIONS = 2048;

    /** The number of weights. */
    long parameters() {
        return tensors().values().stream().mapToLong(RandomCheckpoint::elements).sum();
    }

    /** Writes the checkpoint with random weights of some hundredths, as trained ones are. */
    void write(Path folder) throws IOException {
        try (FileChannel channel = writeSparse(folder)) {
            long begin = channel.position();
            SplittableRandom random = new SplittableRandom(2026);
            ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
            for (long left = channel.size() - begin; left > 0; left -= buffer.limit()) {
                buffer.clear().limit((int) Math.min(left, buffer.capacity()));
                while (buffer.remaining() >= Long.BYTES) {
                    // Four halves of any sign and mantissa between 2^-6 and 2^-5.
                    buffer.putLong((random.nextLong() & 0x83ff_83ff_83ff_83ffL) | 0x2400_2400_2400_2400L);
                }
                buffer.rewind();
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
            }
        }
    }

    /** Writes the checkpoint as a sparse file, all zero, and leaves it open where its data begins. */
    FileChannel writeSparse(Path folder) throws IOException {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("model_type", "opt");
        config.put("vocab_size", vocabulary);
        config.put("hidden_size", hidden);
        config.put("num_hidden_layers", layers);
        config.put("num_attention_heads", heads);
        config.put("ffn_dim", 4 * hidden);
        config.put("max_position_embeddings", POSITIONS);
        Files.writeString(folder.resolve("config.json"), JSON.std.asString(config));

        Map<String, Object> header = new LinkedHashMap<>();
        long end = 0;
        for (Map.Entry<String, List<Integer>> tensor : tensors().entrySet()) {
            long begin = end;
            end += 2 * elements(tensor.getValue());
            header.put(
                    tensor.getKey(),
                    Map.of("dtype", "F16", "shape", tensor.getValue(), "data_offsets", List.of(begin, end)));
        }
        byte[] json = JSON.std.asString(header).getBytes(StandardCharsets.UTF_8);
        FileChannel channel = FileChannel.open(
                folder.resolve("model.safetensors"),
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.WRITE,
                StandardOpenOption.SPARSE);
        ByteBuffer head = ByteBuffer.allocate(8 + json.length).order(ByteOrder.LITTLE_ENDIAN);
        channel.write(head.putLong(json.length).put(json).flip());
        channel.write(ByteBuffer.allocate(1), channel.position() + end - 1);
        return channel;
    }

    private static long elements(List<Integer> shape) {
        return shape.stream().mapToLong(Integer::longValue).reduce(1, (a, b) -> a * b);
    }

    private Map<String, List<Integer>> tensors() {
        Map<String, List<Integer>> tensors = new LinkedHashMap<>();
        String decoder = "model.decoder.";
        tensors.put(decoder + "embed_tokens.weight", List.of(vocabulary, hidden));
        tensors.put(decoder + "embed_positions.weight", List.of(POSITIONS + 2, hidden));
        norm(tensors, decoder + "final_layer_norm");
        for (int layer = 0; layer < layers; layer++) {
            String block = decoder + "layers." + layer + ".";
            for (String projection : List.of("k_proj", "v_proj", "q_proj", "out_proj")) {
                linear(tensors, block + "self_attn." + projection, hidden, hidden);
            }
            norm(tensors, block + "self_attn_layer_norm");
            linear(tensors, block + "fc1", 4 * hidden, hidden);
            linear(tensors, block + "fc2", hidden, 4 * hidden);
            norm(tensors, block + "final_layer_norm");
        }
        return tensors;
    }

    private static void linear(Map<String, List<Integer>> tensors, String name, int out, int in) {
        tensors.put(name + ".weight", List.of(out, in));
        tensors.put(name + ".bias", List.of(out));
    }

    private void norm(Map<String, List<Integer>> tensors, String name) {
        tensors.put(name + ".weight", List.of(hidden));
        tensors.put(name + ".bias", List.of(hidden));
    }
}
