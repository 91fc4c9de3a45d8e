package io.modscan.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** all-MiniLM-L6-v2, an encoder of sentences that others exported, as LangChain4j ships it. */
final class MiniLm {

    private MiniLm() {}

    /** Lays out the graph and its tokenizer. */
    static void copyTo(Path folder) throws IOException {
        copy("/all-minilm-l6-v2.onnx", folder.resolve("model.onnx"));
        copy("/all-minilm-l6-v2-tokenizer.json", folder.resolve("tokenizer.json"));
    }

    private static void copy(String resource, Path file) throws IOException {
        try (InputStream in = MiniLm.class.getResourceAsStream(resource)) {
            Files.copy(in, file);
        }
    }
}
