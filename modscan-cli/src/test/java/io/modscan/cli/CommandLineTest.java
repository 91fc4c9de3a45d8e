package io.modscan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.NamedCsvRecord;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Unit;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.modules.Member;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.Modules;
import io.modscan.metrics.modules.UnitModule;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

class CommandLineTest {

    @TempDir
    Path folder;

    private String file(String name) {
        return folder.resolve(name).toString();
    }

    private String file(String name, String... lines) throws IOException {
        return Files.write(folder.resolve(name), List.of(lines)).toString();
    }

    private static String model() {
        return DemoModel.folder().toString();
    }

    /** The counts and figures that were computed with transformers and scikit-learn when the model was made. */
    @Test
    void scanOfTheDemoFindsWhatPythonFound() throws IOException {
        CommandLineRun run = CommandLineRun.of("scan", "--module-units", "400", "--out", file("scan"));
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.err()).containsPattern("looked for modules of units in \\d+m?\\d*s");
        assertThat(run.out())
                .contains("p 0.025, the least that 39 shuffles can give")
                .containsPattern("halves of the prompts agree by 0\\.\\d\\d \\(")
                .containsPattern("0\\.5: \\d+ \\(0\\.\\d\\d\\), 1\\.0: ")
                .contains("L1H6")
                .contains("AUROC 0.962")
                .contains("units.csv")
                .contains("heads.png")
                .contains("report.html");
        assertThat(Files.size(folder.resolve("scan/report.html"))).isBetween(1_500_000L, 6_000_000L);
        assertThat(Files.readString(folder.resolve("scan/report.html")))
                .contains("The demo model", "\"attention\"", "\"angles\"", "blocks.*.mlp.hook_post");

        List<NamedCsvRecord> units;
        try (CsvReader<NamedCsvRecord> reader =
                CsvReader.builder().ofNamedCsvRecord(folder.resolve("scan/units.csv"))) {
            units = reader.stream().toList();
        }
        assertThat(units.get(0).getHeader())
                .containsExactly(
                        "site",
                        "layer",
                        "head",
                        "unit",
                        "label",
                        "mean_in",
                        "mean_out",
                        "selectivity_index",
                        "hedges_g",
                        "auroc",
                        "p",
                        "q",
                        "kruskal_p",
                        "kruskal_q",
                        "auroc_first_half",
                        "auroc_second_half",
                        "share_active",
                        "mean_abs",
                        "rms",
                        "sd",
                        "non_finite");
        assertThat(units).hasSize((6 * 8 + 6 * 1024) * 10);
        Predicate<NamedCsvRecord> isHead = unit -> unit.getField("unit").isEmpty();
        assertThat(units.stream().filter(isHead.and(unit -> auroc(unit) > 0.95)))
                .hasSize(20);
        assertThat(units.stream().filter(isHead.negate().and(unit -> auroc(unit) > 0.95)))
                .hasSize(2708);
        assertThat(units.stream().filter(isHead.negate().and(unit -> auroc(unit) > 0.99)))
                .hasSize(1171);
        assertThat(units.stream().filter(isHead)).anySatisfy(unit -> {
            assertThat(unit.getField("site")).isEqualTo("blocks.4.attn.hook_z");
            assertThat(unit.getField("layer")).isEqualTo("4");
            assertThat(unit.getField("head")).isEqualTo("5");
            assertThat(unit.getField("label")).isEqualTo("medicine");
            assertThat(auroc(unit)).isBetween(0.9985, 0.9995);
            assertThat(Double.parseDouble(unit.getField("q"))).isLessThan(0.001);
            assertThat(Double.parseDouble(unit.getField("hedges_g"))).isGreaterThan(2);
            assertThat(Double.parseDouble(unit.getField("kruskal_q"))).isLessThan(0.001);
        });
        // A head's magnitude is always above 0; a ReLU's value never below, and dead neurons are always 0.
        assertThat(units.stream().filter(isHead))
                .allSatisfy(unit -> assertThat(unit.getField("share_active")).isEqualTo("1.0"));
        assertThat(units.stream().filter(isHead.negate())).allSatisfy(unit -> {
            double share = Double.parseDouble(unit.getField("share_active"));
            assertThat(share).isBetween(0.0, 1.0);
            assertThat(Double.parseDouble(unit.getField("rms")) > 0).isEqualTo(share > 0);
        });

        try (CsvReader<NamedCsvRecord> reader =
                CsvReader.builder().ofNamedCsvRecord(folder.resolve("scan/sites.csv"))) {
            List<NamedCsvRecord> sites = reader.stream().toList();
            assertThat(sites)
                    .hasSize(6 * 3)
                    .extracting(row -> row.getField("similarity"))
                    .containsOnly("cosine", "scaled cosine", "closeness");
            NamedCsvRecord last = sites.get(5);
            assertThat(last.getField("similarity")).isEqualTo("cosine");
            assertThat(last.getField("site")).isEqualTo("blocks.5.hook_resid_post");
            assertThat(Double.parseDouble(last.getField("within"))).isBetween(0.8185, 0.8195);
            assertThat(Double.parseDouble(last.getField("between"))).isBetween(0.1625, 0.1635);
            assertThat(last.getField("accuracy_p")).isEqualTo("0.001");
        }
        try (CsvReader<NamedCsvRecord> reader =
                CsvReader.builder().ofNamedCsvRecord(folder.resolve("scan/heads.csv"))) {
            List<NamedCsvRecord> heads = reader.stream().toList();
            assertThat(heads)
                    .hasSize(48 * 5 * 10)
                    .allSatisfy(row -> assertThat(Double.parseDouble(row.getField("mean_in")))
                            .isNotNegative());
            assertThat(heads)
                    .extracting(row -> row.getField("behaviour"))
                    .contains("entropy", "distance", "bos", "self", "previous");
        }
        try (CsvReader<NamedCsvRecord> reader =
                CsvReader.builder().ofNamedCsvRecord(folder.resolve("scan/modules.csv"))) {
            List<NamedCsvRecord> members = reader.stream().toList();
            NamedCsvRecord first = members.get(0);
            assertThat(members.stream()
                            .filter(row -> row.getField("of").equals("units")
                                    && row.getField("module").equals("0")))
                    .hasSize(Integer.parseInt(first.getField("size")))
                    .allSatisfy(row -> assertThat(row.getField("topic")).isEqualTo(first.getField("topic")));
            assertThat(members).extracting(row -> row.getField("of")).contains("components");
        }
        try (CsvReader<NamedCsvRecord> reader =
                CsvReader.builder().ofNamedCsvRecord(folder.resolve("scan/modularity.csv"))) {
            NamedCsvRecord ofUnits = reader.stream().findFirst().orElseThrow();
            assertThat(ofUnits.getField("units_left_out")).isEqualTo(Integer.toString(6192 - 400));
            assertThat(Double.parseDouble(ofUnits.getField("modularity"))).isGreaterThan(0.5);
            assertThat(Double.parseDouble(ofUnits.getField("shuffled_mean"))).isLessThan(0.05);
            assertThat(ofUnits.getField("p")).isEqualTo("0.025").isEqualTo(ofUnits.getField("least_p"));
            assertThat(Double.parseDouble(ofUnits.getField("halves_mean")))
                    .isBetween(
                            Double.parseDouble(ofUnits.getField("halves_least")),
                            Double.parseDouble(ofUnits.getField("halves_most")));
            int placed = Integer.parseInt(ofUnits.getField("units_in_modules"))
                    + Integer.parseInt(ofUnits.getField("units_on_border"));
            assertThat(placed + Integer.parseInt(ofUnits.getField("units_alone")))
                    .isEqualTo(400);
            assertThat(rows("scan/modules.csv").stream()
                            .filter(row -> row.getField("of").equals("units")))
                    .as("nobody is lost")
                    .hasSize(placed);
        }
        assertThat(rows("scan/resolutions.csv").stream()
                        .filter(row -> row.getField("of").equals("units")))
                .extracting(row -> row.getField("resolution"))
                .containsExactly("0.5", "1.0", "2.0", "4.0");
        BufferedImage picture = ImageIO.read(folder.resolve("scan/heads.png").toFile());
        assertThat(picture.getWidth()).isGreaterThan(1000);
        assertThat(folder.resolve("scan")).isDirectoryNotContaining("glob:**part-*");
    }

    private List<NamedCsvRecord> rows(String file) throws IOException {
        try (CsvReader<NamedCsvRecord> reader = CsvReader.builder().ofNamedCsvRecord(folder.resolve(file))) {
            return reader.stream().toList();
        }
    }

    /** Pooled in Java by both: the graph's own sums differ in their last bits. The sites come in another order. */
    @Test
    void theLibraryFindsTheModulesOfTheCommandLineBitForBit() throws IOException {
        String recording = file("layer.safetensors");
        CommandLineRun captured = CommandLineRun.of(
                "capture",
                "--model",
                model(),
                "--prompts",
                DemoModel.promptFile().toString(),
                "--sites",
                "blocks.5.attn.hook_z.magnitude,blocks.5.mlp.hook_post",
                "--out",
                recording);
        assertThat(captured.status()).as(captured.err()).isZero();
        CommandLineRun scan = CommandLineRun.of("scan", "--recording", recording, "--out", file("layer"));
        assertThat(scan.status()).as(scan.err()).isZero();
        ModuleMap map;
        try (Probe probe = Probe.builder(DemoModel.open())
                .sites("blocks.5.mlp.hook_post", "blocks.5.attn.hook_z.magnitude")
                .pooling(Pooling.none())
                .build()) {
            map = probe.capture(DemoModel.prompts())
                    .pooled(Pooling.mean().withoutBos())
                    .measure(Modules.byCoActivation());
        }
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < map.modules().size(); i++) {
            UnitModule module = map.modules().get(i);
            String facts = module.size() + " " + module.correlation() + " " + module.stability() + " " + module.p();
            for (Member member : module.members()) {
                expected.add(i + "  " + facts + " " + text(member));
            }
        }
        map.border()
                .forEach(unit -> expected.add(
                        " " + (unit.nearest().isPresent() ? unit.nearest().getAsInt() : "") + "     "
                                + text(unit.member())));
        assertThat(map.modules()).hasSizeGreaterThan(1);
        assertThat(rows("layer/modules.csv").stream()
                        .filter(row -> row.getField("of").equals("units"))
                        .map(row -> Stream.of(
                                        "module",
                                        "nearest",
                                        "size",
                                        "correlation",
                                        "stability",
                                        "p",
                                        "head",
                                        "unit",
                                        "certainty",
                                        "member_stability")
                                .map(row::getField)
                                .collect(Collectors.joining(" "))))
                .containsExactlyElementsOf(expected);
        NamedCsvRecord whole = rows("layer/modularity.csv").get(0);
        assertThat(whole.getField("modularity"))
                .isEqualTo(Double.toString(map.modularity().observed()));
        assertThat(whole.getField("shuffled_mean"))
                .isEqualTo(Double.toString(map.modularity().mean()));
        assertThat(whole.getField("halves_planted"))
                .isEqualTo(Double.toString(map.halves().planted()));
    }

    private static String text(Member member) {
        Unit unit = member.unit();
        return (unit.head().isPresent() ? unit.head().getAsInt() : "") + " "
                + (unit.unit().isPresent() ? unit.unit().getAsInt() : "") + " " + member.certainty() + " "
                + member.stability();
    }

    @Test
    void scanOfARecordingFindsWhatTheScanOfTheModelFound() throws IOException {
        String recording = file("acts.safetensors");
        CommandLineRun captured = CommandLineRun.of(
                "capture",
                "--model",
                model(),
                "--prompts",
                DemoModel.promptFile().toString(),
                "--sites",
                "hook_z.magnitude,mlp.hook_post,hook_resid_post,hook_pattern",
                "--out",
                recording);
        assertThat(captured.status()).as(captured.err()).isZero();
        CommandLineRun first = CommandLineRun.of("scan", "--module-units", "100", "--out", file("first"));
        CommandLineRun second =
                CommandLineRun.of("scan", "--recording", recording, "--module-units", "100", "--out", file("second"));
        assertThat(second.status()).as(second.err()).isZero();
        assertThat(second.out())
                .startsWith(recording + ", 100 prompts by topic")
                .contains("L1H6");
        assertThat(first.status()).isZero();
        for (String name : List.of("units.csv", "heads.csv", "modules.csv", "modularity.csv", "resolutions.csv")) {
            assertThat(folder.resolve("second").resolve(name))
                    .hasSameTextualContentAs(folder.resolve("first").resolve(name));
        }
        CommandLineRun both = CommandLineRun.of("scan", "--recording", recording, "--model", model());
        assertThat(both.status()).isEqualTo(2);
        assertThat(both.err()).contains("--recording");
    }

    @Test
    void whatIsStoredAsHalvesIsScanned() throws IOException {
        String recording = file("half.safetensors");
        CommandLineRun captured = CommandLineRun.of(
                "capture",
                "--model",
                model(),
                "--prompts",
                DemoModel.promptFile().toString(),
                "--sites",
                "blocks.1.attn.hook_z.magnitude,blocks.1.mlp.hook_post",
                "--store",
                "f16",
                "--out",
                recording);
        assertThat(captured.status()).as(captured.err()).isZero();
        assertThat(SafetensorsFile.open(Path.of(recording)).tensors().values())
                .filteredOn(tensor -> tensor.name().startsWith("blocks."))
                .extracting(StoredTensor::dtype)
                .containsExactly(DType.F16, DType.F16);
        CommandLineRun scan = CommandLineRun.of(
                "scan", "--recording", recording, "--module-units", "0", "--token-prompts", "0", "--out", file("half"));
        assertThat(scan.status()).as(scan.err()).isZero();
        assertThat(scan.out()).contains("L1H6");
        assertThat(Files.readString(folder.resolve("half/provenance.json")))
                .contains("modscan.rounded_to", "\"float16\"");
    }

    @Test
    void scanOfWhatWasRecordedPooledLeavesTokensOut() throws IOException {
        String recording = file("pooled.safetensors");
        CommandLineRun captured = CommandLineRun.of(
                "capture",
                "--model",
                model(),
                "--prompts",
                DemoModel.promptFile().toString(),
                "--sites",
                "hook_z.magnitude,mlp.hook_post,hook_resid_post",
                "--pooling",
                "mean",
                "--skip-bos",
                "--out",
                recording);
        assertThat(captured.status()).as(captured.err()).isZero();
        String out = file("of-pooled");
        Files.createDirectory(Path.of(out));
        Files.writeString(Path.of(out).resolve("heads.csv"), "of an earlier scan");
        Files.writeString(Path.of(out).resolve("modules.csv"), "of an earlier scan");
        CommandLineRun run = CommandLineRun.of("scan", "--recording", recording, "--module-units", "0", "--out", out);
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.out()).contains("L1H6").doesNotContain("attention depends");
        assertThat(Path.of(out).resolve("heads.csv")).doesNotExist();
        assertThat(Path.of(out).resolve("modules.csv")).doesNotExist();
        try (CsvReader<NamedCsvRecord> reader =
                CsvReader.builder().ofNamedCsvRecord(Path.of(out).resolve("units.csv"))) {
            List<NamedCsvRecord> units = reader.stream().toList();
            assertThat(units).extracting(unit -> unit.getField("share_active")).containsOnly("");
            assertThat(units.stream().filter(unit -> unit.getField("unit").isEmpty() && auroc(unit) > 0.95))
                    .hasSize(20);
        }
    }

    @Test
    void scanLooksForModulesAmongWhatVariesMostAndLeavesOutPatternsThatDontFit() throws IOException {
        String ids = file(
                "few.jsonl",
                "{\"id\": 0, \"topic\": \"a\", \"ids\": [2, 40, 9]}",
                "{\"id\": 1, \"topic\": \"a\", \"ids\": [2, 45, 19]}",
                "{\"id\": 2, \"topic\": \"b\", \"ids\": [2, 60, 29]}",
                "{\"id\": 3, \"topic\": \"b\", \"ids\": [2, 70, 39]}");
        CommandLineRun run = CommandLineRun.of(
                "scan", "--prompts", ids, "--memory", "1k", "--module-units", "50", "--out", file("few"));
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.err())
                .contains("leaving out what heads attend to: the patterns of the longest prompt, 3 tokens");
        assertThat(folder.resolve("few/heads.csv")).doesNotExist();
        assertThat(run.out()).contains("of 6192 units");
        try (CsvReader<NamedCsvRecord> reader =
                CsvReader.builder().ofNamedCsvRecord(folder.resolve("few/modularity.csv"))) {
            NamedCsvRecord ofUnits = reader.stream().findFirst().orElseThrow();
            assertThat(ofUnits.getField("units_left_out")).isEqualTo(Integer.toString(6192 - 50));
        }
        assertThat(CommandLineRun.of("scan", "--module-units", "some").status()).isEqualTo(2);
    }

    @Test
    void scanThatFindsNothingSaysSo() throws IOException {
        String[] lines = new String[8];
        for (int i = 0; i < lines.length; i++) {
            lines[i] = "{\"id\": " + i + ", \"topic\": \"" + (i % 2 == 0 ? "even" : "odd") + "\", \"ids\": [2, "
                    + (40 + 17 * i) + ", 9]}";
        }
        CommandLineRun run = CommandLineRun.of(
                "scan", "--prompts", file("ids.jsonl", lines), "--module-units", "300", "--out", file("scan"));
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.out()).contains("even (4 prompts): heads 0 lit, 0 dark; neurons 0 lit, 0 dark");
        assertThat(ImageIO.read(folder.resolve("scan/heads.png").toFile())).isNotNull();
    }

    private static double auroc(NamedCsvRecord unit) {
        return Double.parseDouble(unit.getField("auroc"));
    }

    @Test
    void captureOfTextsIsPooled() throws IOException {
        String prompts = file("prompts.csv", "id,topic,text", "a,x,The letter lay unopened", "b,y,def f(x): return x");
        CommandLineRun run = CommandLineRun.of(
                "capture",
                "--model",
                model(),
                "--prompts",
                prompts,
                "--sites",
                "blocks.*.attn.hook_z,blocks.5.mlp.hook_post,hook_z.magnitude",
                "--pooling",
                "mean",
                "--skip-bos",
                "--out",
                file("out.safetensors"));
        assertThat(run.status()).as(run.err()).isZero();
        SafetensorsFile capture = SafetensorsFile.open(folder.resolve("out.safetensors"));
        assertThat(capture.tensors().get("blocks.5.attn.hook_z"))
                .satisfies(tensor -> assertThat(tensor.shape()).containsExactly(2L, 8L, 32L));
        assertThat(capture.tensors().get("blocks.5.mlp.hook_post"))
                .satisfies(tensor -> assertThat(tensor.shape()).containsExactly(2L, 1024L));
        assertThat(capture.tensors().get("blocks.0.attn.hook_z.magnitude"))
                .satisfies(tensor -> assertThat(tensor.shape()).containsExactly(2L, 8L));
        assertThat(capture.metadata()).containsKeys("model.fingerprint", "modscan.plan", "modscan.tokens_sha256");
        assertThat(capture.metadata().get("modscan.prompts")).contains("\"topic\":\"x\"");
        assertThat(capture.map("input_ids").asLongBuffer().get(0)).isEqualTo(2);
    }

    @Test
    void exportOpensInOnnxRuntime() throws Exception {
        CommandLineRun run = CommandLineRun.of(
                "export", "--model", model(), "--out", file("demo.onnx"), "--sites", "hook_resid_post,logits");
        assertThat(run.status()).as(run.err()).isZero();
        try (OrtSession session = OrtEnvironment.getEnvironment().createSession(file("demo.onnx"))) {
            assertThat(session.getOutputNames()).hasSize(7).contains("logits", "blocks.5.hook_resid_post");
        }
    }

    @Test
    void anExportServesAsTheModel() throws IOException {
        Path exported = folder.resolve("moved").resolve("demo.onnx");
        CommandLineRun export =
                CommandLineRun.of("export", "--model", model(), "--self-contained", "--out", exported.toString());
        assertThat(export.status()).as(export.err()).isZero();
        String prompts = file("prompts.txt", "The letter lay unopened");
        CommandLineRun direct = capture(model(), prompts, "direct.safetensors");
        assertThat(direct.status()).as(direct.err()).isZero();
        CommandLineRun again = capture(exported.toString(), prompts, "again.safetensors", "--tokenizer", model());
        assertThat(again.status()).as(again.err()).isZero();
        assertThat(folder.resolve("again.safetensors")).hasSameBinaryContentAs(folder.resolve("direct.safetensors"));
        CommandLineRun without = capture(exported.toString(), prompts, "without.safetensors");
        assertThat(without.status()).isOne();
        assertThat(without.err()).contains("has no tokenizer");
    }

    private CommandLineRun capture(String model, String prompts, String out, String... more) {
        List<String> args = new ArrayList<>(List.of(
                "capture", "--model", model, "--prompts", prompts, "--sites", "hook_z,loss", "--out", file(out)));
        args.addAll(List.of(more));
        return CommandLineRun.of(args.toArray(String[]::new));
    }

    /** As Python's tools leave a model: links into blobs. */
    private Path hubCache() throws IOException {
        Path repository = Files.createDirectories(folder.resolve("hub").resolve("models--me--tiny"));
        String commit = "0123456789abcdef0123456789abcdef01234567";
        Path snapshot = Files.createDirectories(repository.resolve("snapshots").resolve(commit));
        Path blobs = Files.createDirectories(repository.resolve("blobs"));
        Files.createDirectories(repository.resolve("refs"));
        Files.writeString(repository.resolve("refs").resolve("main"), commit);
        try (Stream<Path> files = Files.list(DemoModel.folder())) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                Files.copy(file, blobs.resolve("hash-of-" + name));
                Files.createSymbolicLink(snapshot.resolve(name), Path.of("..", "..", "blobs", "hash-of-" + name));
            }
        }
        return folder.resolve("hub");
    }

    /** In a process of its own, since the hub's settings come from the environment. */
    @Test
    void aModelOfTheHubIsFoundInTheCache() throws IOException, InterruptedException {
        String prompts = file("prompts.txt", "The letter lay unopened");
        Path cache = hubCache();
        assertThat(offline(cache, "me/tiny", prompts, "hub.safetensors")).isEqualTo("0");
        assertThat(capture(model(), prompts, "folder.safetensors").status()).isZero();
        SafetensorsFile ofHub = SafetensorsFile.open(folder.resolve("hub.safetensors"));
        SafetensorsFile ofFolder = SafetensorsFile.open(folder.resolve("folder.safetensors"));
        assertThat(ofHub.tensors().keySet()).isEqualTo(ofFolder.tensors().keySet());
        assertThat(ofHub.map("blocks.5.attn.hook_z")).isEqualTo(ofFolder.map("blocks.5.attn.hook_z"));
        assertThat(ofHub.metadata()).containsEntry("model.name", "me/tiny");
        assertThat(offline(cache, "me/absent", prompts, "absent.safetensors"))
                .startsWith("1me/absent: no such folder or file, so it is taken for a model's name on the hub")
                .contains("modscan: me/absent: no such folder or file", "is not in the cache", "HF_HUB_OFFLINE")
                .hasLineCount(2);
    }

    @Test
    void aModelsFolderInTheCacheIsItsSnapshot() throws IOException {
        CommandLineRun run = CommandLineRun.of(
                "sites", "--model", hubCache().resolve("models--me--tiny").toString(), "--sites", "hook_embed");
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.out()).contains("hook_embed");
    }

    @Test
    void aFolderOfLinksIsOpenedIfThatIsAllowed() throws IOException {
        Path links = Files.createDirectories(folder.resolve("links"));
        try (Stream<Path> files = Files.list(DemoModel.folder())) {
            for (Path file : files.toList()) {
                Files.createSymbolicLink(links.resolve(file.getFileName().toString()), file);
            }
        }
        assertFailure("--allow links", "sites", "--model", links.toString());
        for (String allowed : List.of("links", "LINKS", "settings,links,tensors")) {
            CommandLineRun run = CommandLineRun.of("sites", "--model", links.toString(), "--allow", allowed);
            assertThat(run.status()).as(run.err()).isZero();
        }
        String prompts = file("prompts.txt", "The letter lay unopened");
        CommandLineRun run = CommandLineRun.of(
                "capture",
                "--model",
                links.toString(),
                "--allow",
                "links",
                "--prompts",
                prompts,
                "--sites",
                "loss",
                "--out",
                file("linked.safetensors"));
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(CommandLineRun.of("sites", "--model", links.toString(), "--allow", "everything")
                        .status())
                .isEqualTo(2);
    }

    /** The exit status, and what was printed on standard error if it is not 0. */
    private String offline(Path cache, String model, String prompts, String out)
            throws IOException, InterruptedException {
        Path err = folder.resolve("err.txt");
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Modscan.class.getName(),
                        "capture",
                        "--model",
                        model,
                        "--prompts",
                        prompts,
                        "--sites",
                        "hook_z,loss",
                        "--out",
                        file(out))
                .redirectError(err.toFile())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD);
        builder.environment().put("HF_HUB_CACHE", cache.toString());
        builder.environment().put("HF_HUB_OFFLINE", "1");
        int status = builder.start().waitFor();
        return status + (status == 0 ? "" : Files.readString(err));
    }

    @Test
    void aCaptureDoesNotReplaceTheWeightsOfAnExport() throws IOException {
        Path checkpoint = Files.createDirectories(folder.resolve("in").resolve("checkpoint"));
        for (String name : List.of("config.json", "model.safetensors")) {
            Files.copy(DemoModel.folder().resolve(name), checkpoint.resolve(name));
        }
        String export = folder.resolve("in").resolve("demo.onnx").toString();
        assertThat(CommandLineRun.of("export", "--model", checkpoint.toString(), "--out", export)
                        .status())
                .isZero();
        assertFailure(
                "one of the files that are read",
                "capture",
                "--model",
                export,
                "--ids",
                file("ids.jsonl", "{\"id\": 1, \"ids\": [2, 5]}"),
                "--out",
                checkpoint.resolve("model.safetensors").toString());
        assertThat(checkpoint.resolve("model.safetensors"))
                .hasSameBinaryContentAs(DemoModel.folder().resolve("model.safetensors"));
    }

    /** What a line of a prompt file says is done, if the command allows it. */
    @Test
    void promptsAreCapturedUnderTheirInterventions() throws IOException {
        String change =
                "{\"name\": \"off\", \"changes\": [{\"site\": \"blocks.1.attn.hook_z\", \"heads\": [2], \"by\": \"zero\"}]}";
        String prompts = file(
                "ids.jsonl",
                "{\"id\": \"a\", \"ids\": [2, 5, 9]}\n{\"id\": \"b\", \"of\": \"a\", \"ids\": [2, 5, 9], \"intervention\": "
                        + change + "}\n");
        String[] capture = {
            "capture",
            "--model",
            model(),
            "--ids",
            prompts,
            "--sites",
            "loss,logits[5,17]",
            "--pooling",
            "last",
            "--out",
            file("a.safetensors")
        };
        assertFailure("--changing GLOB", capture);
        List<String> changing = new ArrayList<>(List.of(capture));
        changing.addAll(List.of("--changing", "blocks.1.attn.hook_z"));
        assertThat(CommandLineRun.of(changing.toArray(String[]::new)).status()).isZero();
        Recording recording = Recording.open(Path.of(file("a.safetensors")));
        assertThat(recording.prompts().get(1).intervention().orElseThrow().name())
                .isEqualTo("off");
        assertThat(recording.activations().at("logits[5,17]").vector(1))
                .hasSize(2)
                .isNotEqualTo(recording.activations().at("logits[5,17]").vector(0));
    }

    @Test
    void onlyAHubsModelHasRevisions() {
        assertFailure("no model of the hub", "scan", "--revision", "v1", "--out", file("scan"));
        assertFailure("no model of the hub", "export", "--model", model(), "--revision", "v1", "--out", file("m.onnx"));
        assertFailure("facebook/opt-125m", "export", "--model", "opt-125n", "--out", file("m.onnx"));
    }

    @Test
    void eachCommandTellsItsOptions() {
        for (String command : List.of("export", "capture", "scan", "ablate", "attribute")) {
            CommandLineRun run = CommandLineRun.of(command, "--help");
            assertThat(run.status()).isZero();
            assertThat(run.out()).contains("--out", "--model");
        }
    }

    @Test
    void wrongUsageExitsWithTwo() throws IOException {
        String ids = file("ids.jsonl", "{\"id\": 1, \"ids\": [2, 5]}");
        assertThat(CommandLineRun.of("capture", "--model", model(), "--out", file("x"))
                        .status())
                .isEqualTo(2);
        assertThat(CommandLineRun.of("sing").status()).isEqualTo(2);
        assertThat(CommandLineRun.of("capture", "--model", model(), "--ids", ids, "--prompts", ids, "--out", file("x"))
                        .status())
                .isEqualTo(2);
        CommandLineRun type =
                CommandLineRun.of("capture", "--model", model(), "--ids", ids, "--store", "f64", "--out", file("x"));
        assertThat(type.status()).isEqualTo(2);
        assertThat(type.err()).contains("--store", "'f64' is none of f32, f16 and bf16");
        CommandLineRun twice = CommandLineRun.of(
                "capture", "--model", model(), "--ids", ids, "--skip-bos", "--positions", "last:2", "--out", file("x"));
        assertThat(twice.status()).isEqualTo(2);
        assertThat(twice.err()).contains("--positions last:2");
        assertThat(CommandLineRun.of(
                                "capture", "--model", model(), "--ids", ids, "--pooling", "median", "--out", file("x"))
                        .status())
                .isEqualTo(2);
        assertThat(CommandLineRun.of("scan", "--device", "tpu").status()).isEqualTo(2);
    }

    @Test
    void theGuideHasEveryOption() throws IOException {
        String guide = Files.readString(Path.of("..", "docs", "guide", "command-line.md"));
        CommandLine line =
                Modscan.commandLine(new PrintWriter(new StringWriter()), new PrintWriter(new StringWriter()));
        assertThat(line.getSubcommands()).hasSize(7);
        line.getSubcommands()
                .values()
                .forEach(command -> assertThat(
                                command.getCommandSpec().options().stream().map(OptionSpec::longestName))
                        .hasSizeGreaterThan(8)
                        .allSatisfy(option -> assertThat(guide).containsPattern("`[^`]*" + option + "\\b[^`-]*`")));
    }

    @Test
    void wrongUsageIsSaidInTheFirstLineAndNotInSixty() throws IOException {
        CommandLineRun run = CommandLineRun.of("scan", "--promts", "p.csv");
        assertThat(run.status()).isEqualTo(2);
        assertThat(run.out()).isEmpty();
        assertThat(run.err().lines())
                .hasSizeLessThanOrEqualTo(3)
                .startsWith("modscan: Unknown options: '--promts', 'p.csv'")
                .contains("'modscan scan --help' tells its options");
        assertThat(run.err()).contains("--prompts");
        assertThat(CommandLineRun.of("sites", "--modle", "x").err())
                .startsWith("modscan: Unknown option: '--modle'; Missing required option: '--model=");
        assertThat(CommandLineRun.of("sites", "--model", "x.onnx", "--heads", "y")
                        .err())
                .startsWith("modscan: Value for option '--heads' (GLOB=N) should be in KEY=VALUE format");
        assertThat(CommandLineRun.of("capture", "--model", "x", "--out", "y").err())
                .startsWith("modscan: Missing required argument");
        for (String[] args : new String[][] {
            {"capture"},
            {"sing"},
            {"scan", "--threads", "many"},
            {"scan", "--precision", "bf16"},
            {"scan", "--token-budget", "0"},
            {"capture", "--model", model(), "--prompts", "p.csv", "--skip-bos", "--positions", "all", "--out", file("x")
            },
            {"scan", "--device", "\u001b[31m" + "tpu".repeat(10_000)}
        }) {
            CommandLineRun wrong = CommandLineRun.of(args);
            assertThat(wrong.status()).isEqualTo(2);
            assertThat(wrong.err()).startsWith("modscan: ").contains("--help'").doesNotContain("\u001b");
            assertThat(wrong.err().lines()).hasSizeLessThanOrEqualTo(3).allMatch(line -> line.length() <= 900);
        }
    }

    @Test
    void whatAFileHoldsNeitherFillsNorSteersTheTerminal() throws IOException {
        String evil = "\u001b[31m\u0007\u202Ename\u2028";
        for (String prompts : List.of(
                file("a.csv", "id,topic," + evil.repeat(10_000), "1,2,3"),
                file("b.csv", "id,text", evil.repeat(10_000) + ",x", evil.repeat(10_000) + ",x"),
                file("c.jsonl", "{\"id\": [\"" + "\\u001b[2J".repeat(10_000) + "\"], \"text\": \"x\"}"),
                file("d.jsonl", "{\"" + "\\u001b[2J".repeat(1000) + "\": [1], \"text\": \"x\"}"),
                file("e.jsonl", "{\"id\": \"" + "\\u009b2J".repeat(10_000) + "\", \"ids\": [99999999]}"))) {
            for (String debug : List.of("--no", "--debug")) {
                CommandLineRun run = debug.equals("--no")
                        ? CommandLineRun.of("capture", "--model", model(), "--prompts", prompts, "--out", file("x"))
                        : CommandLineRun.of(
                                "capture", "--model", model(), "--prompts", prompts, "--out", file("x"), debug);
                assertThat(run.status()).isEqualTo(1);
                assertThat(run.err()).doesNotContainPattern("[\\p{Cc}\\p{Cf}\\p{Zl}&&[^\n\r\t]]");
                assertThat(run.err().lines()).allMatch(line -> line.length() <= 900);
            }
        }
        String labelled = file(
                "labels.jsonl",
                "{\"id\": 0, \"topic\": \"a\\u001b[31m\\nb\", \"ids\": [2, 40, 9]}",
                "{\"id\": 1, \"topic\": \"a\\u001b[31m\\nb\", \"ids\": [2, 45, 19]}",
                "{\"id\": 2, \"topic\": \"=1+1|cmd\", \"ids\": [2, 60, 29]}",
                "{\"id\": 3, \"topic\": \"=1+1|cmd\", \"ids\": [2, 70, 39]}");
        CommandLineRun scan =
                CommandLineRun.of("scan", "--prompts", labelled, "--module-units", "50", "--out", file("scan"));
        assertThat(scan.status()).as(scan.err()).isZero();
        assertThat(scan.out()).contains("a\\u001B[31m\\nb (2 prompts)").doesNotContain("\u001b");
        for (String table : List.of("units.csv", "heads.csv", "modules.csv")) {
            try (CsvReader<NamedCsvRecord> reader =
                    CsvReader.builder().ofNamedCsvRecord(folder.resolve("scan").resolve(table))) {
                assertThat(reader.stream().flatMap(row -> row.getFields().stream()))
                        .noneMatch(cell -> cell.startsWith("=") || cell.startsWith("\t"));
            }
        }
        assertThat(folder.resolve("scan/units.csv")).content().contains(",'=1+1|cmd,");
    }

    @Test
    void messagesSpeakOfOptionsNotOfMethods() throws IOException {
        String overlong = file("long.jsonl", "{\"id\": \"tale\", \"ids\": [2" + ", 5".repeat(512) + "]}");
        assertFailure("--cut", "capture", "--model", model(), "--ids", overlong, "--out", file("x"));
        assertFailure(
                "--device cpu",
                "capture",
                "--model",
                model(),
                "--ids",
                overlong,
                "--cut",
                "--device",
                "cuda",
                "--out",
                file("x"));
        assertFailure(
                "--pooling none",
                "capture",
                "--model",
                model(),
                "--ids",
                file("ids.jsonl", "{\"id\": 1, \"ids\": [2, 5]}"),
                "--sites",
                "hook_pattern",
                "--pooling",
                "mean",
                "--out",
                file("x"));
    }

    @Test
    void aFileThatIsNoModelIsNotCalledAMissingFolder() throws IOException {
        String table = file("p.csv", "id,text", "1,x");
        assertFailure("is a file, and no model", "sites", "--model", table);
        assertFailure("is a file, and no model", "export", "--model", table, "--out", file("m.onnx"));
    }

    @Test
    void howManyTokensAreRunAtOnceCanBeSaid() throws IOException {
        String ids = file("ids.jsonl", "{\"id\": 1, \"ids\": [2, 5]}", "{\"id\": 2, \"ids\": [2, 5]}");
        CommandLineRun run = CommandLineRun.of(
                "capture",
                "--model",
                model(),
                "--ids",
                ids,
                "--sites",
                "loss",
                "--token-budget",
                "2",
                "--out",
                file("x"));
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(SafetensorsFile.open(folder.resolve("x")).metadata().get("modscan.batches"))
                .contains("2 tokens");
    }

    @Test
    void sitesAreDividedByCommasThatNoBackslashStandsBefore() {
        CommandLine line =
                Modscan.commandLine(new PrintWriter(new StringWriter()), new PrintWriter(new StringWriter()));
        assertThat(SiteList.globs(List.of("logits[5,17],x[0],y[a,b], log_probs[1, 2]"), line))
                .containsExactly("logits[5,17]", "x[0]", "y[a", "b]", " log_probs[1, 2]");
        assertThat(SiteList.globs(List.of("a,b\\,c", "d", ",e,", "\\x\\\\,"), line))
                .containsExactly("a", "b,c", "d", "e", "\\x\\,");
        CommandLineRun run = CommandLineRun.of(
                "sites", "--model", model(), "--sites", "logits,loss", "--sites", "hook_embed", "--tsv");
        assertThat(run.out().lines()).hasSize(4);
        assertThat(run.err())
                .startsWith("to capture 3 sites of these: weights ")
                .contains("a batch of 8 prompts");
        for (String none : List.of("", ",")) {
            CommandLineRun empty = CommandLineRun.of("export", "--model", model(), "--out", file("x"), "--sites", none);
            assertThat(empty.status()).isEqualTo(2);
            assertThat(empty.err()).startsWith("modscan: --sites names no site; leave it away for all of them");
        }
        assertFailure("'a,b'", "sites", "--model", model(), "--sites", "logits,a\\,b");
    }

    @Test
    void failureExitsWithOneClearLine() throws IOException {
        String ids = file("ids.jsonl", "{\"id\": 1, \"ids\": [2, 5]}");
        String book = file("book.txt", "a".repeat(2_000_001));
        assertFailure(
                "prompt '0': a text of 2000001", "capture", "--model", model(), "--prompts", book, "--out", file("x"));
        assertFailure("no such folder", "capture", "--model", "nowhere", "--ids", ids, "--out", file("x"));
        assertFailure("no such file", "capture", "--model", model(), "--ids", file("none.jsonl"), "--out", file("x"));
        assertFailure(
                "hook_z",
                "capture",
                "--model",
                model(),
                "--ids",
                ids,
                "--sites",
                "blocks.*.attn.hook_zz",
                "--out",
                file("x"));
        String texts = file("texts.jsonl", "{\"id\": \"a\", \"text\": \"hi\"}");
        assertFailure("'a' has no ready token ids", "capture", "--model", model(), "--ids", texts, "--out", file("x"));
        assertFailure("one of the files that are read", "capture", "--model", model(), "--ids", ids, "--out", ids);
        assertThat(Path.of(ids)).content().contains("\"ids\"");
        assertFailure("is a device", "capture", "--model", model(), "--ids", ids, "--out", "/dev/null");
        assertFailure("is a folder", "capture", "--model", model(), "--ids", ids, "--out", folder.toString());
        String unlabelled = file("unlabelled.csv", "id,topic,text", "1,x,hi", "2,,there");
        assertFailure("prompt '2' has no label 'topic'", "scan", "--prompts", unlabelled, "--out", file("scan"));
        assertFailure("no label 'author'", "scan", "--label", "author", "--out", file("scan"));
        assertFailure(
                "onnxruntime_gpu", "capture", "--model", model(), "--ids", ids, "--device", "cuda", "--out", file("x"));
        // modscan-onednn is not among the command line's own dependencies.
        assertFailure(
                "Put io.modscan:modscan-onednn on the class path (Linux, x86-64), or leave --precision bfloat16 out",
                "capture",
                "--model",
                model(),
                "--ids",
                ids,
                "--precision",
                "bfloat16",
                "--out",
                file("x"));
        assertFailure(
                "--precision bfloat16 is for the CPU",
                "capture",
                "--model",
                model(),
                "--ids",
                ids,
                "--precision",
                "bfloat16",
                "--device",
                "cuda",
                "--out",
                file("x"));
        String overlong = file("long.jsonl", "{\"id\": \"tale\", \"ids\": [2" + ", 5".repeat(512) + "]}");
        assertFailure(
                "'tale' has 513 tokens; the model takes at most 512",
                "capture",
                "--model",
                model(),
                "--ids",
                overlong,
                "--out",
                file("x"));
        assertThat(folder.resolve("x")).doesNotExist();
    }

    private static void assertFailure(String message, String... args) {
        CommandLineRun run = CommandLineRun.of(args);
        assertThat(run.status()).isEqualTo(1);
        List<String> lines =
                run.err().lines().filter(line -> !line.startsWith("capturing")).toList();
        assertThat(lines).hasSize(1);
        assertThat(lines.get(0)).startsWith("modscan: ").contains(message);
    }

    @Test
    void overlongPromptIsCutOnDemand() throws IOException {
        String overlong = file("long.jsonl", "{\"id\": \"tale\", \"ids\": [2" + ", 5".repeat(512) + "]}");
        CommandLineRun run = CommandLineRun.of(
                "capture", "--model", model(), "--ids", overlong, "--sites", "loss", "--cut", "--out", file("x"));
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(SafetensorsFile.open(folder.resolve("x"))
                        .map("input_ids")
                        .asLongBuffer()
                        .capacity())
                .isEqualTo(512);
    }

    @Test
    void debugShowsTheStackTrace() {
        CommandLineRun run = CommandLineRun.of("scan", "--model", "nowhere", "--debug");
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err()).contains("ModscanException").contains("\tat ");
    }
}
