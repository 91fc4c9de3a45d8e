package io.modscan.onnx;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.UnsupportedModelException;
import java.nio.file.Path;

/**
 * What an OPT checkpoint's {@code config.json} says about the network; the names are those of transformers' OPTConfig, and
 * so are the defaults. Sizes have none: they have to be there.
 *
 * @param dModel        width of the residual stream, {@code hidden_size}
 * @param layers        number of blocks
 * @param heads         attention heads a block
 * @param dMlp          neurons a block, {@code ffn_dim}
 * @param vocabulary    number of token ids
 * @param maxPositions  longest sequence
 * @param dEmbed        width of the token embedding, {@code word_embed_proj_dim}
 * @param preNorm       LayerNorm before each half of a block (true for all sizes but 350m), or after it
 * @param finalNorm     whether a LayerNorm follows the last block
 * @param bias          whether the linear layers have biases
 * @param affineNorm    whether LayerNorms have scale and shift
 * @param tiedHead      whether the language-model head is the transposed token embedding
 * @param activation    the neurons' activation function
 * @param bosTokenId    id of the token in front of every sequence
 */
record OptConfig(
        int dModel,
        int layers,
        int heads,
        int dMlp,
        int vocabulary,
        int maxPositions,
        int dEmbed,
        boolean preNorm,
        boolean finalNorm,
        boolean bias,
        boolean affineNorm,
        boolean tiedHead,
        Activation activation,
        int bosTokenId) {

    /** Rows that OPT's table of positions has in front of position 0; row 1 is what padding gets. */
    static final int POSITION_OFFSET = 2;

    /** The activation functions that are handled. */
    enum Activation {
        RELU,
        /** The exact one, with the error function. */
        GELU
    }

    static OptConfig read(Path file) {
        JsonFile json = JsonFile.read(file);
        String type = json.string("model_type", "");
        if (!type.equals("opt")) {
            throw new UnsupportedModelException(
                    file + ": 'model_type' is '" + type + "'; modscan reads OPT checkpoints ('opt')");
        }
        int dModel = json.positive("hidden_size");
        int heads = json.positive("num_attention_heads");
        if (dModel % heads != 0) {
            throw new MalformedFileException(
                    file, "'hidden_size' " + dModel + " is not divisible by 'num_attention_heads' " + heads);
        }
        boolean preNorm = json.flag("do_layer_norm_before", true);
        return new OptConfig(
                dModel,
                json.positive("num_hidden_layers"),
                heads,
                json.positive("ffn_dim"),
                json.positive("vocab_size"),
                json.positive("max_position_embeddings"),
                json.positive("word_embed_proj_dim", dModel),
                preNorm,
                preNorm && !json.flag("_remove_final_layer_norm", false),
                json.flag("enable_bias", true),
                json.flag("layer_norm_elementwise_affine", true),
                json.flag("tie_word_embeddings", true),
                activation(file, json.string("activation_function", "relu")),
                json.index("bos_token_id", 2));
    }

    private static Activation activation(Path file, String name) {
        return switch (name) {
            case "relu" -> Activation.RELU;
            case "gelu" -> Activation.GELU;
            default ->
                throw new UnsupportedModelException(
                        file + ": 'activation_function' is '" + name + "'; handled are relu and gelu");
        };
    }

    int dHead() {
        return dModel / heads;
    }
}
