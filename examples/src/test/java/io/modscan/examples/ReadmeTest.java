package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.demo.DemoModel;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's quick start, compiled and run as it stands there. */
class ReadmeTest {

    @TempDir
    Path folder;

    @Test
    void quickStartCompilesAndRuns() throws Exception {
        assertThat(printed(
                        "QuickStart",
                        DemoModel.folder().toString(),
                        DemoModel.promptFile().toString()))
                .contains("french")
                .contains("blocks.2.attn.hook_z")
                .contains("0.9");
    }

    @Test
    void capturesCompileAndRun() throws Exception {
        Path file = folder.resolve("acts.safetensors");
        assertThat(printed(
                        "Captures",
                        DemoModel.folder().toString(),
                        DemoModel.promptFile().toString(),
                        file.toString()))
                .contains("law", "100 prompts", "Activations[1 prompts", "Activations[100 prompts");
        assertThat(file).exists();
    }

    @Test
    void questionsCompileAndRun() throws Exception {
        assertThat(printed(
                        "Questions",
                        DemoModel.folder().toString(),
                        DemoModel.promptFile().toString()))
                .contains("hook_pattern.behaviour head", "LabelSeparation[prompts=100", "dimensions in use")
                .contains("blocks.2.mlp.hook_post[uncentred]", "french=");
    }

    @Test
    void anyOnnxCompilesAndRuns() throws Exception {
        assertThat(printed(
                        "AnyOnnx",
                        MiniLm.folder().resolve("model.onnx").toString(),
                        DemoModel.promptFile().toString()))
                .contains("Softmax_output_0 float32 [batch_size, 12, sequence_length, sequence_length]")
                .contains("layer.3/intermediate/intermediate_act_fn/Mul_1_output_0 unit 731");
    }

    @Test
    void picturesCompilesAndRuns() throws Exception {
        printed(
                "Pictures",
                DemoModel.folder().toString(),
                DemoModel.promptFile().toString(),
                folder.toString());
        for (String file : List.of("report.html", "heads.svg", "head.png")) {
            assertThat(folder.resolve(file)).isNotEmptyFile();
        }
    }

    /** What a program of the README prints. */
    private String printed(String name, String... args) throws Exception {
        Matcher block = Pattern.compile("```java\\R(// " + name + "\\.java\\R.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(Path.of("../README.md")));
        assertThat(block.find()).as("the README has a %s.java", name).isTrue();
        Path source = Files.writeString(folder.resolve(name + ".java"), block.group(1));
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        ByteArrayOutputStream messages = new ByteArrayOutputStream();
        int status = compiler.run(
                null,
                messages,
                messages,
                "-Xlint:all,-processing",
                "-Werror",
                "-proc:none",
                "-cp",
                System.getProperty("java.class.path"),
                "-d",
                folder.toString(),
                source.toString());
        assertThat(status).as(messages.toString(StandardCharsets.UTF_8)).isZero();

        PrintStream before = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        try (URLClassLoader classes =
                new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            classes.loadClass(name).getMethod("main", String[].class).invoke(null, (Object) args);
        } finally {
            System.setOut(before);
        }
        return printed.toString(StandardCharsets.UTF_8);
    }
}
