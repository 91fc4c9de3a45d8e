package io.modscan.onnx.opt;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.internal.checkpoint.JsonFile;
import io.modscan.onnx.internal.network.Activation;
import java.util.Collection;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/**
 * What an OPT checkpoint's {@code config.json} says about the network; the names are those of transformers' OPTConfig, and
 * so are the defaults. Sizes have none: they have to be there. A setting that is neither read here nor known to leave a
 * forward pass as it is, is refused.
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

    /** What {@link #read} reads. */
    private static final Set<String> READ = Set.of(
            "model_type",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "ffn_dim",
            "vocab_size",
            "max_position_embeddings",
            "word_embed_proj_dim",
            "do_layer_norm_before",
            "_remove_final_layer_norm",
            "enable_bias",
            "layer_norm_elementwise_affine",
            "tie_word_embeddings",
            "activation_function",
            "bos_token_id");

    /** What transformers would compute otherwise, and the one value at which it does not. */
    private static final Map<String, Object> FIXED = Map.of(
            "is_encoder_decoder", false,
            "add_cross_attention", false,
            "learned_embeddings", true,
            "scale_embeddings", false);

    /** What must be null or empty: quantized weights, heads cut out, code of the checkpoint's own. */
    private static final Set<String> EMPTY =
            Set.of("quantization_config", "compression_config", "pruned_heads", "per_layer_config", "auto_map");

    /** What concerns training, generation, or how transformers stores and calls a model, but not what it computes. */
    private static final Set<String> HARMLESS = Set.of(
            // OPT's own
            "activation_dropout",
            "attention_dropout",
            "dropout",
            "end_token_id",
            "eos_token_id",
            "init_std",
            "layerdrop",
            "output_projection",
            "pad_token_id",
            "use_cache",
            // every model's
            "_attn_implementation",
            "_attn_implementation_autoset",
            "_attn_implementation_internal",
            "_commit_hash",
            "_flash_attn_2_enabled",
            "_name_or_path",
            "architectures",
            "attn_implementation",
            "chunk_size_feed_forward",
            "cross_attention_hidden_size",
            "decoder_start_token_id",
            "dtype",
            "finetuning_task",
            "gradient_checkpointing",
            "id2label",
            "is_decoder",
            "label2id",
            "num_labels",
            "output_attentions",
            "output_hidden_states",
            "prefix",
            "problem_type",
            "return_dict",
            "sep_token_id",
            "task_specific_params",
            "tf_legacy_loss",
            "tie_encoder_decoder",
            "tie_last_hidden_states",
            "tokenizer_class",
            "torch_dtype",
            "torchscript",
            "transformers_version",
            "use_bfloat16",
            "xla_device",
            // generation's, which older releases wrote here
            "assistant_confidence_threshold",
            "assistant_lookbehind",
            "bad_words_ids",
            "begin_suppress_tokens",
            "diversity_penalty",
            "do_sample",
            "early_stopping",
            "encoder_no_repeat_ngram_size",
            "encoder_repetition_penalty",
            "epsilon_cutoff",
            "eta_cutoff",
            "exponential_decay_length_penalty",
            "forced_bos_token_id",
            "forced_eos_token_id",
            "length_penalty",
            "max_length",
            "min_length",
            "no_repeat_ngram_size",
            "num_assistant_tokens",
            "num_assistant_tokens_schedule",
            "num_beam_groups",
            "num_beams",
            "num_return_sequences",
            "output_scores",
            "remove_invalid_values",
            "repetition_penalty",
            "return_dict_in_generate",
            "suppress_tokens",
            "target_lookbehind",
            "temperature",
            "top_k",
            "top_p",
            "typical_p");

    static OptConfig read(JsonFile json) {
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
        refuseUnknown(json);
        return config;
    }

    private static void refuseUnknown(JsonFile json) {
        Map<String, Object> refused = new TreeMap<>();
        json.values().forEach((key, value) -> {
            boolean known = READ.contains(key)
                    || HARMLESS.contains(key)
                    || value == null
                    || value.equals(FIXED.get(key))
                    || (EMPTY.contains(key) && isEmpty(value));
            if (!known) {
                refused.put(key, Objects.requireNonNull(value));
            }
        });
        if (!refused.isEmpty()) {
            throw new UnsupportedModelException(json.path() + ": has settings that modscan does not know, " + refused
                    + "; they may change what the model computes. If they don't, take them out");
        }
    }

    private static boolean isEmpty(Object value) {
        return (value instanceof Map<?, ?> map && map.isEmpty())
                || (value instanceof Collection<?> list && list.isEmpty());
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
