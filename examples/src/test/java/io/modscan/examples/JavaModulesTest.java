package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.model.ModscanVersion;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A program that is a Java module itself, on a module path without anything on the class path. */
class JavaModulesTest {

    private static final String DESCRIPTOR = """
            module user {
                requires io.modscan.core;
                requires io.modscan.onnx;
                requires io.modscan.metrics;
                requires io.modscan.report;
                requires io.modscan.scan;
                requires io.modscan.demo;
            }
            """;

    private static final String PROGRAM = """
            package user;

            import io.modscan.core.model.ModscanVersion;
            import io.modscan.demo.DemoModel;
            import io.modscan.scan.Scan;
            import java.nio.file.Path;

            public class Main {
                public static void main(String[] args) throws Exception {
                    Scan.of(DemoModel.open()).prompts(DemoModel.prompts()).moduleUnits(500).run().writeTo(Path.of(args[0]));
                    System.out.println(Scan.class.getModule() + " " + ModscanVersion.current());
                }
            }
            """;

    @TempDir
    Path folder;

    @Test
    void programThatIsAModuleCompilesAndScans() throws Exception {
        Path descriptor = Files.writeString(folder.resolve("module-info.java"), DESCRIPTOR);
        Path program = Files.writeString(
                Files.createDirectories(folder.resolve("user")).resolve("Main.java"), PROGRAM);
        Path classes = folder.resolve("classes");
        String path = modulePath();
        ByteArrayOutputStream messages = new ByteArrayOutputStream();
        int status = ToolProvider.getSystemJavaCompiler()
                .run(
                        null,
                        messages,
                        messages,
                        "-proc:none",
                        "--module-path",
                        path,
                        "-d",
                        classes.toString(),
                        descriptor.toString(),
                        program.toString());
        assertThat(status).as(messages.toString(StandardCharsets.UTF_8)).isZero();

        Path results = folder.resolve("results");
        String printed = run(classes + File.pathSeparator + path, results);

        assertThat(printed).contains("module io.modscan.scan " + ModscanVersion.current());
        assertThat(results.resolve("modules.csv")).isNotEmptyFile();
        assertThat(results.resolve("heads.png")).isNotEmptyFile();
        assertThat(results.resolve("report.html")).content().contains("Apache ECharts");
    }

    private String run(String modulePath, Path results) throws IOException, InterruptedException {
        Path output = folder.resolve("output");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx1g",
                        "-Djava.awt.headless=true",
                        "--module-path",
                        modulePath,
                        "--module",
                        "user/user.Main",
                        results.toString())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        String printed = Files.readString(output);
        assertThat(process.exitValue()).as(printed).isZero();
        return printed;
    }

    /** What a project that depends on the library has; neither this one's own classes nor what only its tests need. */
    private static String modulePath() {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> Files.exists(Path.of(entry)))
                .filter(entry -> !entry.contains(File.separator + "examples" + File.separator))
                .filter(entry -> !entry.matches(
                        ".*(langchain4j|jackson-databind|jackson-annotations|modscan-cli|picocli|junit|archunit|assertj"
                                + "|byte-buddy|opentest4j|apiguardian|surefire).*"))
                .collect(Collectors.joining(File.pathSeparator));
    }
}
