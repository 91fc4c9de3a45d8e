package io.modscan.onnx.opt;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.internal.checkpoint.JsonFile;
import io.modscan.onnx.internal.network.Activation;
import io.modscan.onnx.runtime.Allow;
import java.util.Set;

/**
 * What an OPT checkpoint's {@code config.json} says about the network; the names are those of transformers' OPTConfig, and
 * so are the defaults. Sizes have none: they have to be there. A setting that is neither read here nor known to leave a
 * forward pass as it is, is refused unless it is allowed ({@link OptSettings}).
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
 * @param bosTokenId    id of the token that marks the beginning of a sequence
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

    // Far above any OPT (66b: 64 layers, 36,864 neurons), so that no number in a file costs much memory.
    private static final int MAX_LAYERS = 1 << 9;
    private static final int MAX_WIDTH = 1 << 20;
    private static final int MAX_ROWS = 1 << 28;

    static OptConfig read(JsonFile json, Set<Allow> allowed) {
        String type = json.string("model_type", "");
        if (!type.equals("opt")) {
            throw new UnsupportedModelException(
                    json.path() + ": 'model_type' is '" + type + "'; modscan reads OPT checkpoints ('opt')");
        }
        int dModel = json.positive("hidden_size", MAX_WIDTH);
        int heads = json.positive("num_attention_heads", MAX_WIDTH);
        if (dModel % heads != 0) {
            throw new MalformedFileException(
                    json.path(), "'hidden_size' " + dModel + " is not divisible by 'num_attention_heads' " + heads);
        }
        boolean preNorm = json.flag("do_layer_norm_before", true);
        OptConfig config = new OptConfig(
                dModel,
                json.positive("num_hidden_layers", MAX_LAYERS),
                heads,
                json.positive("ffn_dim", MAX_WIDTH),
                json.positive("vocab_size", MAX_ROWS),
                json.positive("max_position_embeddings", MAX_ROWS),
                json.positive("word_embed_proj_dim", MAX_WIDTH, dModel),
                preNorm,
                preNorm && !json.flag("_remove_final_layer_norm", false),
                json.flag("enable_bias", true),
                json.flag("layer_norm_elementwise_affine", true),
                json.flag("tie_word_embeddings", true),
                activation(json),
                json.index("bos_token_id", 2));
        OptSettings.check(json, allowed.contains(Allow.SETTINGS));
        return config;
    }

    private static Activation activation(JsonFile json) {
        try {
            return new Activation(json.string("activation_function", "relu"));
        } catch (IllegalArgumentException e) {
            throw new UnsupportedModelException(json.path() + ": 'activation_function' is " + e.getMessage());
        }
    }

    int dHead() {
        return dModel / heads;
    }
}
