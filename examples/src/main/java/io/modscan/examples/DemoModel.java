package io.modscan.examples;

import io.modscan.core.prompt.Prompts;
import io.modscan.onnx.OptModel;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
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
        return OptModel.load(folder());
    }

    /** The file of prompts, labelled by {@code topic}. */
    static Path promptFile() {
        return unpacked().resolve("prompts.csv");
    }

    static Prompts prompts() {
        return Prompts.csv(promptFile());
    }

    /** Unpacks the files once, and sees to it that they go with the process. */
    private static synchronized Path unpacked() {
        if (unpacked == null) {
            try {
                Path folder = Files.createTempDirectory("modscan-demo");
                Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(folder)));
                Path model = Files.createDirectory(folder.resolve("opt-demo"));
                for (String name : FILES) {
                    copy("demo/model/" + name, model.resolve(name));
                }
                copy("demo/prompts.csv", folder.resolve("prompts.csv"));
                unpacked = folder;
            } catch (IOException e) {
                throw new UncheckedIOException("the demo model cannot be unpacked: " + e, e);
            }
        }
        return unpacked;
    }

    private static void copy(String resource, Path target) throws IOException {
        try (InputStream in = DemoModel.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException("the build left out " + resource);
            }
            Files.copy(in, target, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static void delete(Path folder) {
        try (var files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder())
                    .forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            // A leftover in the temporary folder is the operating system's to clear.
        }
    }
}
