package io.modscan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OptionNamesTest {

    private static final Pattern LITERAL = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"");

    /** A method of Java's: of a type, or of nothing and with its brackets. */
    private static final Pattern METHOD = Pattern.compile(
            "\\b[A-Z]\\w*[a-z]\\w*\\.[a-z]\\w*(?![\\w.])|\\b[a-z]\\w*\\([^)?]{0,30}\\)|\\b[a-z]+\\w*\\.[a-z]\\w*\\(");

    /** Python's, which users of checkpoints are told to call. */
    private static final Pattern PYTHON = Pattern.compile(
            "\\b(torch|numpy)\\.|state_dict|resolve_|\\.contiguous|items\\(|named_parameters|in Python: ");

    /** What no command comes to say, since it asks the library for nothing of the kind; of files by their folder. */
    private static final Set<String> NOT_REACHED = Set.of(
            // contracts for those who write a model or a metric
            "ModelContract.java",
            "LinkContract.java",
            "ChangesContract.java",
            "GradientsContract.java",
            "MetricContract.java",
            // asking activations in memory for what they don't have
            "Activations.java",
            "SiteActivations.java",
            "Bos.java",
            // giving a recording other prompts than its own
            "Recording.java",
            "RecordedShard.java",
            "RecordingSource.java",
            // asking metrics for what a scan does not ask them
            "HeadBehaviour.java",
            "HeadReach.java",
            "EstimatedEffects.java",
            "Metric.java",
            "SubspaceOverlap.java",
            "Circle.java",
            "Connections.java",
            "StreamReader.java",
            // building a scan
            "Scan.java",
            "AblationScan.java");

    /** So that a new message with a method in it is met here: give it a row in the table, or better words. */
    @Test
    void noMessageOfTheLibraryNamesAMethodOnTheCommandLine() throws IOException {
        Set<String> named = new TreeSet<>();
        int literals = 0;
        for (String module : List.of("core", "onnx", "metrics", "report", "scan", "demo", "cli")) {
            Path root = Path.of("..", "modscan-" + module, "src", "main", "java");
            try (Stream<Path> files = Files.walk(root)) {
                for (Path file :
                        files.filter(path -> path.toString().endsWith(".java")).toList()) {
                    String name = file.getFileName().toString();
                    if (NOT_REACHED.contains(name) || name.equals("OptionNames.java")) {
                        continue;
                    }
                    for (String line : Files.readAllLines(file)) {
                        if (line.strip().startsWith("*") || line.strip().startsWith("/")) {
                            continue;
                        }
                        Matcher literal = LITERAL.matcher(line);
                        while (literal.find()) {
                            literals++;
                            String said = OptionNames.in(literal.group(1).replace("\\\"", "\""));
                            // What is no sentence is a pattern, a key or a query.
                            if (said.contains(" ")
                                    && METHOD.matcher(said).find()
                                    && !PYTHON.matcher(said).find()) {
                                named.add(name + ": " + said);
                            }
                        }
                    }
                }
            }
        }
        assertThat(literals).isGreaterThan(2000);
        assertThat(named).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "say its role (OnnxModel.withInput), or | say its role (--input NAME=ROLE), or",
                "say so (OnnxModel.withBatch) | say so (--batch AXIS)",
                "positions (OnnxModel.withPositions(\"197\")), so | positions (--position-axis 197), so",
                "first (OnnxModel.withPositions) | first (--position-axis AXIS)",
                "given (OnnxModel.withDimension): h | given (--dimension SYMBOL=N): h",
                "takes (say so: OnnxModel.withMaxTokens), or | takes (say so: --max-tokens N), or",
                "let the probe cut it: cutOverlong()) | let the probe cut it: --cut)",
                "or use RuntimeOptions.cpu() | or use --device cpu",
                "read it with Pooling.none() | read it with --pooling none",
                "a lower memoryLimit, or | a lower --memory, or",
                "tensors (Prompt.ofTensors) | tensors (\"inputs\" in a .jsonl file)",
                "(Allow.LINKS, on the command line --allow links) | (--allow links)",
                "elsewhere (withTokenizer, on the command line --tokenizer; there | elsewhere (--tokenizer; there",
                "(OnnxOpening.usual; --trust on the command line) | (--trust)",
                "what is no method stays $1 \\x | what is no method stays $1 \\x"
            })
    void namesTheOption(String message, String expected) {
        assertThat(OptionNames.in(message)).isEqualTo(expected);
    }
}
