package io.modscan.onnx.opt;

import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.internal.checkpoint.JsonFile;
import io.modscan.onnx.internal.checkpoint.ModelFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;

/** Tells what lies in a folder that is no checkpoint of transformers. */
final class NoCheckpoint {

    static final String WITHOUT_CONFIG = "has no " + ModelFolder.CONFIG + ", so it is no checkpoint of transformers";

    private static final String ADAPTER = "adapter_config.json";
    private static final List<String> ADAPTER_WEIGHTS = List.of("adapter_model.safetensors", "adapter_model.bin");
    private static final int LONGEST = 200;

    private NoCheckpoint() {}

    static void check(ModelFolder folder) {
        List<String> files = files(folder.path());
        refuseAdapter(files, folder.path() + ": ", base(folder));
        if (!folder.has(ModelFolder.CONFIG)) {
            throw new ModscanException(folder.path() + ": " + WITHOUT_CONFIG + onnx(files));
        }
    }

    /**
     * Refuses the adapter of a model. Where there are a config and weights beside it, transformers would still run them with
     * the adapter.
     *
     * @param files  the names that are there
     * @param where  what a message begins with
     * @param ofWhat what it is an adapter of, or nothing
     */
    static void refuseAdapter(Collection<String> files, String where, String ofWhat) {
        boolean config = files.contains(ModelFolder.CONFIG);
        if (files.contains(ADAPTER) || (!config && ADAPTER_WEIGHTS.stream().anyMatch(files::contains))) {
            throw new UnsupportedModelException(
                    where + "is a PEFT adapter" + ofWhat + ", not a model: merge it into its model"
                            + " first (in Python: PeftModel.from_pretrained(model, adapter).merge_and_unload().save_pretrained(folder)),"
                            + " and open the folder with the merged model"
                            + (config
                                    ? "; to open the model beside it without the adapter, copy its files without "
                                            + ADAPTER + " into a folder of their own"
                                    : ""));
        }
    }

    private static String base(ModelFolder folder) {
        if (!folder.has(ADAPTER)) {
            return "";
        }
        try {
            JsonFile adapter = JsonFile.read(folder.resolve(ADAPTER));
            return text(adapter, "peft_type", " (", ")") + text(adapter, "base_model_name_or_path", " of ", "");
        } catch (ModscanException | UncheckedIOException e) {
            return ""; // it is one all the same
        }
    }

    private static String text(JsonFile json, String key, String before, String behind) {
        if (!(json.get(key) instanceof String value) || value.isBlank()) {
            return "";
        }
        String line = value.replaceAll("\\p{Cntrl}", "?");
        return before + (line.length() <= LONGEST ? line : line.substring(0, LONGEST) + "…") + behind;
    }

    /** Says that there are ONNX models, where there are. */
    static String onnx(Collection<String> files) {
        List<String> models = files.stream()
                .filter(name -> name.endsWith(".onnx"))
                .sorted()
                .limit(4)
                .toList();
        return models.isEmpty() ? "" : "; it has models in ONNX, each of which is opened by its file: " + models;
    }

    /** The names of the files in a folder, and of those in its folder {@code onnx}. */
    private static List<String> files(Path folder) {
        return Stream.concat(list(folder, ""), list(folder.resolve("onnx"), "onnx/"))
                .toList();
    }

    private static Stream<String> list(Path folder, String before) {
        if (!Files.isDirectory(folder)) {
            return Stream.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> before + file.getFileName()).toList().stream();
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": cannot be read: " + e, e);
        }
    }
}
