package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.demo.DemoModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every program in the README and the guide is compiled and run as it stands there, but for the names of files: the hub's
 * model is the demo's (its first layer, where the page prints no numbers of it and looks for modules among all units), and
 * what is written goes to a folder of its own. A block with a class is a program; the others of a page
 * are one program together, in order, with the library's packages imported. What a page says is printed is.
 */
class DocumentsTest {

    private static final Path ROOT = Path.of("..");
    private static final Path README = Path.of("README.md");
    private static final Pattern BLOCK =
            Pattern.compile("^```(\\w+)([^\\n]*)\\n(.*?)^```$", Pattern.DOTALL | Pattern.MULTILINE);
    private static final Pattern PROGRAM = Pattern.compile("// (\\w+)\\.java\\n");
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)#:]+)(#[^)]*)?\\)");
    private static final Pattern FILE = Pattern.compile("Path\\.of\\(\"([^/\"][^\"]*)\"\\)");

    private static final JavaCompiler COMPILER = ToolProvider.getSystemJavaCompiler();

    /** One for all programs: it knows the class path's jars once it has read them. */
    private static final StandardJavaFileManager FILES =
            COMPILER.getStandardFileManager(null, null, StandardCharsets.UTF_8);

    @TempDir
    Path folder;

    @AfterAll
    static void closeFiles() throws IOException {
        FILES.close();
    }

    /** A fenced block. */
    private record Block(String language, String info, String text) {}

    /** Source code and what its page says that it prints. */
    private record Program(String name, String source, List<String> output) {}

    static Stream<Path> documents() throws IOException {
        List<Path> documents = new ArrayList<>(List.of(README, Path.of("CONTRIBUTING.md")));
        try (Stream<Path> files = Files.walk(ROOT.resolve("docs"))) {
            files.filter(file -> file.toString().endsWith(".md"))
                    .map(ROOT::relativize)
                    .sorted()
                    .forEach(documents::add);
        }
        return documents.stream();
    }

    private static String text(Path document) {
        try {
            return Files.readString(ROOT.resolve(document));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void readmeIsShort() throws IOException {
        assertThat(Files.size(ROOT.resolve("README.md"))).isLessThanOrEqualTo(7_000);
    }

    @ParameterizedTest
    @MethodSource("documents")
    void linksLeadSomewhere(Path document) {
        Path here = ROOT.resolve(document);
        Matcher links = LINK.matcher(text(document));
        while (links.find()) {
            assertThat(here.resolveSibling(links.group(1)))
                    .as("%s links to %s", document, links.group(1))
                    .exists();
        }
    }

    @ParameterizedTest
    @MethodSource("documents")
    void programsCompileRunAndPrintWhatIsSaid(Path document) throws Exception {
        for (Program program : programs(document)) {
            String printed = printed(document, program);
            for (String line : program.output()) {
                assertThat(printed)
                        .as("%s, %s prints", document, program.name())
                        .contains(line);
            }
        }
    }

    private static List<Program> programs(Path document) {
        List<Block> blocks = new ArrayList<>();
        Matcher found = BLOCK.matcher(text(document));
        while (found.find()) {
            blocks.add(new Block(found.group(1), found.group(2).strip(), found.group(3)));
        }
        List<Program> programs = new ArrayList<>();
        StringBuilder page = new StringBuilder();
        List<String> output = new ArrayList<>();
        for (int i = 0; i < blocks.size(); i++) {
            Block block = blocks.get(i);
            if (!block.language().equals("java")) {
                continue;
            }
            List<String> said = i + 1 < blocks.size() ? output(blocks.get(i + 1)) : List.of();
            Matcher own = PROGRAM.matcher(block.text());
            if (own.lookingAt()) {
                programs.add(new Program(own.group(1), block.text(), said));
            } else {
                page.append(block.text()).append('\n');
                output.addAll(said);
            }
        }
        if (!page.isEmpty()) {
            String name = "Page_" + document.getFileName().toString().replaceAll("\\W", "_");
            programs.add(new Program(
                    name,
                    imports() + "public class " + name
                            + " {\n    public static void main(String[] args) throws Exception {\n" + page
                            + "    }\n}\n",
                    output));
        }
        return programs;
    }

    private static List<String> output(Block block) {
        return block.language().equals("text") && block.info().equals("output")
                ? block.text()
                        .lines()
                        .map(String::strip)
                        .filter(line -> !line.isEmpty() && !line.equals("…"))
                        .toList()
                : List.of();
    }

    /** Optional modules are not, as long as the examples do without them. */
    private static boolean isOnTheClassPath(String name) {
        return DocumentsTest.class.getResource("/" + name.replace('.', '/') + "/package-info.class") != null;
    }

    /** The packages that users see. */
    private static String imports() {
        TreeSet<String> packages = new TreeSet<>(List.of("java.nio.file", "java.util", "java.util.stream"));
        try (Stream<Path> files = Files.walk(ROOT, 12)) {
            files.filter(file -> file.endsWith("package-info.java")
                            && file.toString().contains("modscan-")
                            && file.toString().contains("src/main/java"))
                    .map(file -> file.resolveSibling("")
                            .toString()
                            .replaceFirst(".*src/main/java/", "")
                            .replace('/', '.'))
                    .filter(name -> !name.contains(".internal.") && !name.contains(".cli"))
                    .filter(name -> !name.contains(".examples") && !name.contains(".benchmarks"))
                    .filter(DocumentsTest::isOnTheClassPath)
                    .forEach(packages::add);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return packages.stream().map(name -> "import " + name + ".*;\n").collect(Collectors.joining());
    }

    /** The program with the names of files that are there, or may be written. */
    private String here(Path document, String source) throws IOException {
        String here = source;
        Map<String, Path> names = Map.of(
                "facebook/opt-125m", document.equals(README) ? firstLayers() : DemoModel.folder(),
                "prompts.csv", DemoModel.promptFile(),
                "minilm/model.onnx", MiniLm.folder().resolve("model.onnx"));
        for (Map.Entry<String, Path> name : names.entrySet()) {
            here = here.replace('"' + name.getKey() + '"', '"' + name.getValue().toString() + '"');
        }
        return FILE.matcher(here).replaceAll("Path.of(\"" + folder + "/$1\")");
    }

    private Path firstLayers() throws IOException {
        Path cut = folder.resolve("first-layers");
        return Files.exists(cut) ? cut : FirstLayers.write(1, Files.createDirectory(cut));
    }

    private String printed(Path document, Program program) throws Exception {
        Path source = Files.writeString(folder.resolve(program.name() + ".java"), here(document, program.source()));
        StringWriter messages = new StringWriter();
        boolean compiled = COMPILER.getTask(
                        messages,
                        FILES,
                        null,
                        List.of(
                                "-Xlint:all,-processing",
                                "-Werror",
                                "-proc:none",
                                "-cp",
                                System.getProperty("java.class.path"),
                                "-d",
                                folder.toString()),
                        null,
                        FILES.getJavaFileObjects(source))
                .call();
        assertThat(compiled)
                .as("%s, %s: %s", document, program.name(), messages)
                .isTrue();

        PrintStream before = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        try (URLClassLoader classes =
                new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            classes.loadClass(program.name()).getMethod("main", String[].class).invoke(null, (Object) new String[0]);
        } catch (InvocationTargetException e) {
            throw new AssertionError(document + ", " + program.name() + " throws " + e.getCause(), e.getCause());
        } finally {
            System.setOut(before);
        }
        return printed.toString(StandardCharsets.UTF_8);
    }
}
