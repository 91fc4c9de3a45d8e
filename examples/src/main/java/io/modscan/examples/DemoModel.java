package io.modscan.examples;

import io.modscan.core.prompt.Prompts;
import io.modscan.onnx.opt.OptModel;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The embedded demo: a small OPT trained for this project, and 100 prompts of ten topics. {@code PROVENANCE.md} beside its
 * files tells what it was trained on.
 */
final class DemoModel {

    private static final List<String> FILES = List.of(
            "config.json",
            "model.safetensors",
            "vocab.json",
            "merges.txt",
            "tokenizer_config.json",
            "special_tokens_map.json");

    private static @Nullable Path unpacked;

    private DemoModel() {}

    /** The checkpoint, laid out in a temporary folder: ONNX Runtime reads weights from files, not from a jar. */
    static Path folder() {
        return unpacked().resolve("opt-demo");
    }

    static OptModel model() {
        return OptModel.open(folder());
    }

    /** The file of prompts, labelled by {@code topic}. */
    static Path promptFile() {
        return unpacked().resolve("prompts.csv");
    }

    static Prompts prompts() {
        return Prompts.csv(promptFile());
    }

    /** Unpacks the files once. */
    private static synchronized Path unpacked() {
        if (unpacked == null) {
            Map<String, String> files = new HashMap<>();
            files.put("prompts.csv", "demo/prompts.csv");
            FILES.forEach(name -> files.put("opt-demo/" + name, "demo/model/" + name));
            unpacked = Unpacked.folder(DemoModel.class, files);
        }
        return unpacked;
    }
}
