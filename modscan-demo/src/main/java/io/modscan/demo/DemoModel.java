package io.modscan.demo;

import io.modscan.core.prompt.Prompts;
import io.modscan.onnx.opt.OptModel;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The demo: a small OPT trained for this project (6 layers of 8 heads and 1,024 neurons), and 100 prompts of ten topics.
 * {@code PROVENANCE.md} beside its files tells what it was trained on.
 *
 * <p>The files lie in the jar. They are laid out once, when they are first asked for, in a temporary folder that goes with
 * the process, since ONNX Runtime reads weights from files. Safe for use by many threads.
 */
public final class DemoModel {

    private static final List<String> CHECKPOINT = List.of(
            "config.json",
            "model.safetensors",
            "vocab.json",
            "merges.txt",
            "tokenizer_config.json",
            "special_tokens_map.json");

    private static @Nullable Path unpacked;

    private DemoModel() {}

    /**
     * Opens the model, which runs on the CPU unless told otherwise.
     *
     * @return the model, with its tokenizer
     * @throws UncheckedIOException if the temporary folder can't be written
     */
    public static OptModel open() {
        return OptModel.open(folder());
    }

    /**
     * The checkpoint.
     *
     * @return a temporary folder as a checkpoint of the hub looks
     * @throws UncheckedIOException if the temporary folder can't be written
     */
    public static Path folder() {
        return unpacked().resolve("opt-demo");
    }

    /**
     * The prompts.
     *
     * @return 100 texts, ten of each label {@code topic}
     * @throws UncheckedIOException if the temporary folder can't be written
     */
    public static Prompts prompts() {
        return Prompts.csv(promptFile());
    }

    /**
     * The file of the prompts.
     *
     * @return a temporary CSV file with the columns {@code id,topic,text}
     * @throws UncheckedIOException if the temporary folder can't be written
     */
    public static Path promptFile() {
        return unpacked().resolve("prompts.csv");
    }

    private static synchronized Path unpacked() {
        if (unpacked == null) {
            try {
                Path folder = Files.createTempDirectory("modscan-");
                Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(folder)));
                Files.createDirectory(folder.resolve("opt-demo"));
                for (String name : CHECKPOINT) {
                    copy("model/" + name, folder.resolve("opt-demo").resolve(name));
                }
                copy("prompts.csv", folder.resolve("prompts.csv"));
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
            Files.copy(in, target);
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
