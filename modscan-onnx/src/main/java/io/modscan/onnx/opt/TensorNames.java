package io.modscan.onnx.opt;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.runtime.Allow;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the tensors of a state dict are called without the prefixes of the classes around the decoder: those of transformers,
 * and those of wrappers that a training script left. And which of them a language model does without.
 */
final class TensorNames {

    private static final Logger LOG = LoggerFactory.getLogger(OptModel.class);

    /** Those of transformers' classes, of which no one has to be told. */
    private static final List<String> USUAL = List.of("model.decoder.", "decoder.", "");

    /** Parts that data parallelism, compiling and checkpointing put into names, at any place. */
    private static final Set<String> WRAPPERS = Set.of(
            "module",
            "_orig_mod",
            "_fsdp_wrapped_module",
            "_fpw_module",
            "_checkpoint_wrapped_module",
            "_forward_module");

    /** A tensor that every decoder has just once, so that what stands before its name is the prefix. */
    private static final String LANDMARK = "embed_positions.weight";

    /** Heads that read the decoder's output and which nothing else reads. */
    private static final Set<String> HEADS = Set.of(
            "score",
            "v_head",
            "qa_outputs",
            "classifier",
            "classification_head",
            "regression_head",
            "ranking_head",
            "value_head",
            "reward_head",
            "ilql_heads");

    /** Counters of fairseq and of weight averaging. */
    private static final Set<String> COUNTERS = Set.of("version", "n_averaged");

    private static final Pattern ADAPTER =
            Pattern.compile(".*(lora_|\\.base_layer\\.|\\.modules_to_save\\.|adapter).*|prompt_embeddings");

    /** Beside a weight of the decoder: elsewhere a scale may be anything, such as {@code logit_scale}. */
    private static final Pattern QUANTIZED = Pattern.compile(
            "(layers|embed_\\w+|project_\\w+|lm_head)\\..*[._](qweight|qzeros|g_idx|scales?|scale_inv|zeros|zero_points?"
                    + "|absmax|quant_map|quant_state.*|nested_.*|SCB|CB|weight_format|input_scale|weight_packed|weight_shape|codes)");

    private final Path path;
    private final String prefix;
    private final boolean wrapped;
    private final List<String> passedOver = new ArrayList<>();

    TensorNames(Path path, Set<String> names) {
        this.path = path;
        Set<String> prefixes = names.stream()
                .map(TensorNames::unwrapped)
                .filter(name -> name.equals(LANDMARK) || name.endsWith("." + LANDMARK))
                .map(name -> name.substring(0, name.length() - LANDMARK.length()))
                .collect(Collectors.toCollection(TreeSet::new));
        if (prefixes.size() > 1 && !USUAL.containsAll(prefixes)) {
            throw new MalformedFileException(
                    path,
                    "holds several models, whose tensors begin with " + prefixes
                            + "; save the one that is meant by itself");
        }
        this.prefix = prefixes.size() == 1 ? prefixes.iterator().next() : "";
        this.wrapped = !USUAL.contains(prefix) || names.stream().anyMatch(name -> !name.equals(unwrapped(name)));
    }

    private static String unwrapped(String name) {
        return Arrays.stream(name.split("\\.", -1))
                .filter(part -> !WRAPPERS.contains(part))
                .collect(Collectors.joining("."));
    }

    /** The name within the decoder, or that of the head beside it. */
    String bare(String name) {
        String plain = unwrapped(name);
        if (!prefix.isEmpty() && plain.startsWith(prefix)) {
            return plain.substring(prefix.length());
        }
        for (String usual : USUAL) {
            if (!usual.isEmpty() && plain.startsWith(usual)) {
                return plain.substring(usual.length());
            }
        }
        String beside = beside(plain);
        return beside.equals(Checkpoint.LM_HEAD) ? beside : plain;
    }

    /** The name beside the decoder: without those parts of the prefix that it begins with. */
    private String beside(String plain) {
        String rest = prefix;
        String name = plain;
        while (!rest.isEmpty()) {
            String part = rest.substring(0, rest.indexOf('.') + 1);
            if (!name.startsWith(part)) {
                break;
            }
            name = name.substring(part.length());
            rest = rest.substring(part.length());
        }
        return name;
    }

    /** Whether a tensor is one that a language model does without; it is noted if so. */
    boolean isPassedOver(String name) {
        if (COUNTERS.contains(bare(name))) {
            // What no one reads is not worth a word.
            return true;
        }
        String plain = unwrapped(name);
        boolean inDecoder = !prefix.isEmpty() && plain.startsWith(prefix);
        String beside = beside(plain);
        boolean head = !inDecoder && beside.contains(".") && HEADS.contains(beside.substring(0, beside.indexOf('.')));
        if (head) {
            passedOver.add(name);
        }
        return head;
    }

    /** Takes out the tensors that a model of this config does not have, where that is allowed; else they are refused. */
    <T> void passOverExtra(Map<String, T> tensors, Set<String> expected, Set<Allow> allowed) {
        List<String> extra = tensors.keySet().stream()
                .filter(name -> !expected.contains(name) && !name.equals(Checkpoint.LM_HEAD))
                .toList();
        refuse(
                extra,
                ADAPTER,
                "of an adapter (LoRA or another), which changes what the model computes; merge it into the model"
                        + " first (in PEFT: merge_and_unload), and save that");
        refuse(
                extra,
                QUANTIZED,
                "of quantized weights, which are not read; save the model in float16, bfloat16 or float32");
        if (extra.isEmpty()) {
            return;
        }
        if (!allowed.contains(Allow.TENSORS)) {
            throw new MalformedFileException(
                    path,
                    "holds the tensors " + Checkpoint.few(extra)
                            + " that an OPT with this config.json does not have; if the"
                            + " model does without them, have them passed over (" + Allow.TENSORS.option() + ")");
        }
        passedOver.addAll(extra);
        tensors.keySet().removeAll(extra);
    }

    private void refuse(List<String> extra, Pattern kind, String what) {
        List<String> those =
                extra.stream().filter(name -> kind.matcher(name).matches()).toList();
        if (!those.isEmpty()) {
            throw new UnsupportedModelException(path + ": holds tensors " + what + ": " + Checkpoint.few(those));
        }
    }

    /** Tells in the log what is not as transformers saves a language model. */
    void tell() {
        if (wrapped) {
            LOG.warn(
                    "{}: the names of its tensors have parts of wrappers ('{}…'), which are passed over",
                    path,
                    ModscanException.printable(example()));
        }
        if (!passedOver.isEmpty()) {
            LOG.warn(
                    "{}: passes over the tensors {}, which play no part in the language model",
                    path,
                    ModscanException.printable(Checkpoint.few(passedOver)));
        }
    }

    private String example() {
        return USUAL.contains(prefix) ? "module., _orig_mod." : prefix;
    }
}
