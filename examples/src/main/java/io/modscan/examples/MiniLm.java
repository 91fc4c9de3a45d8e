package io.modscan.examples;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.onnx.foreign.OnnxModel;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Which heads and neurons of somebody else's model respond to a topic: all-MiniLM-L6-v2, an encoder of sentences, as
 * LangChain4j ships it. Run it with {@code java -cp examples/target/examples.jar io.modscan.examples.MiniLm}.
 */
final class MiniLm {

    /** The heads' outputs, [batch, 12 heads, positions, 32]: values averaged by the pattern. */
    static final SiteSelector Z = Sites.glob("attention/self/MatMul_1_output_0");

    /** The neurons after the activation function, [batch, positions, 1536]. */
    static final SiteSelector NEURONS = Sites.glob("intermediate/intermediate_act_fn/Mul_1_output_0");

    private static final int CLS = 101;
    private static final int MAX_TOKENS = 512;

    private static @Nullable Path unpacked;

    private MiniLm() {}

    /** A temporary folder with the graph and its tokenizer, which goes with the process: models are read from files. */
    static synchronized Path folder() {
        if (unpacked == null) {
            try {
                Path folder = Files.createTempDirectory("minilm-");
                folder.toFile().deleteOnExit();
                copy("/all-minilm-l6-v2.onnx", folder.resolve("model.onnx"));
                copy("/all-minilm-l6-v2-tokenizer.json", folder.resolve("tokenizer.json"));
                unpacked = folder;
            } catch (IOException e) {
                throw new UncheckedIOException("the model cannot be unpacked: " + e, e);
            }
        }
        return unpacked;
    }

    private static void copy(String resource, Path file) throws IOException {
        try (InputStream in = Objects.requireNonNull(MiniLm.class.getResourceAsStream(resource), resource)) {
            Files.copy(in, file);
        }
        file.toFile().deleteOnExit();
    }

    static OnnxModel model() {
        return OnnxModel.open(folder().resolve("model.onnx"))
                .withBosTokenId(CLS)
                .withMaxTokens(MAX_TOKENS);
    }

    /** Selectivity for topics of each head's magnitude and each neuron. */
    static SelectivityMap selectivity(Prompts prompts) {
        try (Probe probe = Probe.builder(model())
                .sites(Z.magnitude(), NEURONS)
                .pooling(Pooling.mean().withoutBos())
                .build()) {
            Activations activations = probe.capture(prompts);
            return activations.measure(Selectivity.by("topic"));
        }
    }

    public static void main(String[] args) {
        print(selectivity(DemoModel.prompts()), System.out);
    }

    /** A line for each topic: the heads and neurons, LAYER.INDEX, that respond most. */
    static void print(SelectivityMap map, PrintStream out) {
        out.printf("%-18s %-30s %s%n", "topic", "heads (AUROC)", "neurons (AUROC)");
        for (String topic : map.labels()) {
            out.printf("%-18s %-30s %s%n", topic, top(map, topic, Z.magnitude()), top(map, topic, NEURONS));
        }
    }

    private static String top(SelectivityMap map, String topic, SiteSelector sites) {
        return map.top(topic, 2, sites).stream()
                .map(row -> String.format(
                        Locale.ROOT,
                        "%d.%d (%.3f)",
                        row.unit().site().layer().orElseThrow(),
                        row.unit().unit().orElseGet(() -> row.unit().head().orElseThrow()),
                        row.auroc()))
                .collect(Collectors.joining(", "));
    }
}
