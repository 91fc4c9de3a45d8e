package io.modscan.onnx.opt;

import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.internal.checkpoint.JsonFile;
import io.modscan.onnx.runtime.Allow;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The settings of an OPT's {@code config.json}: which are read, which change nothing, and which must not be there. */
final class OptSettings {

    private static final Logger LOG = LoggerFactory.getLogger(OptModel.class);

    private static final int LONGEST = 200;

    /** What {@link OptConfig#read} reads. */
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
            "scale_embeddings", false,
            "load_in_4bit", false,
            "load_in_8bit", false);

    /** What must be null or empty: quantized weights, heads cut out, code of the checkpoint's own. */
    private static final Set<String> EMPTY = Set.of(
            "quantization_config",
            "compression_config",
            "pruned_heads",
            "per_layer_config",
            "auto_map",
            "adapters",
            "adapter_fusion_config",
            "peft_config",
            "rope_scaling",
            "rope_parameters");

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
            "_experts_implementation",
            "_experts_implementation_internal",
            "_flash_attn_2_enabled",
            "_name_or_path",
            "architectures",
            "attn_implementation",
            "chunk_size_feed_forward",
            "classifier_bias",
            "classifier_dropout",
            "cls_token_id",
            "cross_attention_hidden_size",
            "decoder_start_token_id",
            "dtype",
            "finetuning_task",
            "gradient_checkpointing",
            "id2label",
            "is_decoder",
            "keys_to_ignore_at_inference",
            "label2id",
            "mask_token_id",
            "name_or_path",
            "num_labels",
            "output_attentions",
            "output_hidden_states",
            "prefix",
            "problem_type",
            "return_dict",
            "revision",
            "sep_token_id",
            "summary_activation",
            "summary_first_dropout",
            "summary_proj_to_logits",
            "summary_type",
            "summary_use_proj",
            "task_specific_params",
            "tf_legacy_loss",
            "tie_encoder_decoder",
            "tie_last_hidden_states",
            "tokenizer_class",
            "torch_dtype",
            "torchscript",
            "transformers_version",
            "trust_remote_code",
            "unk_token_id",
            "unsloth_fixed",
            "unsloth_version",
            "use_bfloat16",
            "use_return_dict",
            "xla_device",
            // generation's, which older releases wrote here
            "assistant_early_exit",
            "assistant_ensemble_weight",
            "assistant_confidence_threshold",
            "assistant_lookbehind",
            "bad_words_ids",
            "begin_suppress_tokens",
            "cache_config",
            "cache_implementation",
            "compile_config",
            "constraints",
            "disable_compile",
            "diversity_penalty",
            "do_sample",
            "dola_layers",
            "early_stopping",
            "encoder_no_repeat_ngram_size",
            "encoder_repetition_penalty",
            "epsilon_cutoff",
            "eta_cutoff",
            "exponential_decay_length_penalty",
            "force_words_ids",
            "forced_bos_token_id",
            "forced_eos_token_id",
            "generation_config",
            "guidance_scale",
            "is_assistant",
            "length_penalty",
            "low_memory",
            "max_cache_len",
            "max_length",
            "max_matching_ngram_size",
            "max_new_tokens",
            "max_time",
            "min_length",
            "min_new_tokens",
            "min_p",
            "no_repeat_ngram_size",
            "num_assistant_tokens",
            "num_assistant_tokens_schedule",
            "num_beam_groups",
            "num_beams",
            "num_return_sequences",
            "output_scores",
            "output_logits",
            "penalty_alpha",
            "prefill_chunk_size",
            "prompt_lookup_num_tokens",
            "remove_invalid_values",
            "renormalize_logits",
            "repetition_penalty",
            "return_dict_in_generate",
            "sequence_bias",
            "stop_strings",
            "suppress_tokens",
            "target_lookbehind",
            "temperature",
            "token_healing",
            "top_h",
            "top_k",
            "top_p",
            "typical_p",
            "watermarking_config");

    private OptSettings() {}

    /**
     * Refuses what changes the network in a way that is not handled, and what is not known, unless that is allowed.
     *
     * @param unknown whether settings that are not known are allowed
     */
    static void check(JsonFile json, boolean unknown) {
        Map<String, String> changing = new TreeMap<>();
        Map<String, String> unheardOf = new TreeMap<>();
        json.values().forEach((key, value) -> {
            boolean harmless = READ.contains(key)
                    || HARMLESS.contains(key)
                    || value == null
                    || value.equals(FIXED.get(key))
                    || (EMPTY.contains(key) && isEmpty(value));
            if (!harmless) {
                boolean changes = FIXED.containsKey(key) || EMPTY.contains(key);
                (changes ? changing : unheardOf).put(shortened(key), shortened(String.valueOf(value)));
            }
        });
        List<String> problems = new ArrayList<>();
        if (!changing.isEmpty()) {
            problems.add("has settings that change what a model computes, and are not handled, " + changing);
        }
        if (!unheardOf.isEmpty() && !unknown) {
            problems.add("has settings that modscan does not know, " + unheardOf
                    + "; they may change what the model computes. If they don't, take them out, or have them passed over ("
                    + Allow.SETTINGS.option() + ")");
        }
        if (!problems.isEmpty()) {
            throw new UnsupportedModelException(json.path() + ": " + String.join("; and ", problems));
        }
        if (!unheardOf.isEmpty()) {
            LOG.warn("{}: passes over the settings {}, which are not known, as allowed", json.path(), unheardOf);
        }
    }

    /** One of several in a message, each of which is to be seen. */
    private static String shortened(String text) {
        String line = ModscanException.printable(text);
        return line.length() <= LONGEST ? line : line.substring(0, LONGEST) + "…";
    }

    private static boolean isEmpty(@Nullable Object value) {
        return (value instanceof Map<?, ?> map && map.isEmpty())
                || (value instanceof Collection<?> list && list.isEmpty());
    }
}
