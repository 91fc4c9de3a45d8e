package io.modscan.scan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.similarity.LabelSeparation;
import io.modscan.onnx.opt.OptModel;
import io.modscan.scan.Scan.Part;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ScanTest {

    private static final List<String> FILES = List.of(
            "units.csv",
            "sites.csv",
            "heads.csv",
            "contexts.csv",
            "token-labels.csv",
            "steps.csv",
            "step-profiles.csv",
            "provenance.json",
            "heads.png",
            "modules.csv",
            "modularity.csv",
            "resolutions.csv",
            "report.html");

    @TempDir
    Path folder;

    private final OptModel model = DemoModel.open();

    /** Five texts each of two topics, short enough to be run in a moment. */
    private final Prompts prompts = texts("french", "law");

    private static Prompts texts(String... topics) {
        List<Prompt> texts = new ArrayList<>();
        for (String topic : topics) {
            DemoModel.prompts().stream()
                    .filter(prompt -> topic.equals(prompt.labels().get("topic")))
                    .limit(5)
                    .map(prompt -> Prompt.of(
                                    prompt.id(), prompt.text().orElseThrow().substring(0, 60))
                            .withLabel("topic", topic)
                            .withLabel("length", prompt.text().orElseThrow().length() % 2 == 0 ? "even" : "odd"))
                    .forEach(texts::add);
        }
        return Prompts.of(texts);
    }

    private Scan small() {
        return Scan.of(model).prompts(prompts).moduleUnits(60);
    }

    private static List<String> names(List<Path> files) {
        return files.stream().map(file -> file.getFileName().toString()).toList();
    }

    @Test
    void byDefaultAllIsMeasuredAndWritten() throws IOException {
        AtomicInteger done = new AtomicInteger();
        Set<String> searched = new TreeSet<>();
        List<String> steps = new ArrayList<>();
        ScanResult result = small().title("French or law?")
                .progress(steps::add)
                .moduleProgress((of, step) -> searched.add(of + (step.done() < step.total() ? " begun" : " done")))
                .probe(probe -> probe.progress(progress -> done.incrementAndGet()))
                .run();
        assertThat(done).hasPositiveValue();
        assertThat(result.leftOut()).isEmpty();
        assertThat(result.label()).isEqualTo("topic");
        assertThat(result.prompts().stream().map(Prompt::id))
                .containsExactlyElementsOf(prompts.stream().map(Prompt::id).toList());
        assertThat(result.units().size()).isEqualTo((6 * 8 + 6 * 1024) * 2);
        assertThat(result.halves()).isPresent();
        assertThat(result.importance()).isPresent();
        assertThat(result.behaviour()).isPresent();
        assertThat(result.patterns().orElseThrow().prompts().size()).isEqualTo(2);
        assertThat(result.separation()).containsOnlyKeys("cosine", "scaled cosine", "closeness");
        assertThat(searched).isEmpty();
        assertThat(result.modules()).extracting(ScanModules::of).containsExactly("units", "components");
        assertThat(searched).containsExactly("components begun", "components done", "units begun", "units done");
        assertThat(result.moduleSummary())
                .isEqualTo(result.modules().get(0).summary()
                        + result.modules().get(1).summary());
        assertThat(result.modules().get(0).summary()).startsWith("Modules of heads and neurons: ");
        ScanModules components = result.modules().get(1);
        assertThat(components.values().prompts().labels("topic"))
                .containsOnly("french", "law")
                .hasSize(6);
        assertThat(components.values().sites()).allSatisfy(site -> {
            assertThat(site.fittedTo().size()).isEqualTo(4);
            assertThat(site.inFit()).isZero();
        });
        assertThat(components.summary())
                .startsWith("Modules of principal components (fitted to 4 prompts, measured on 6 others): ");
        assertThat(result.summary()).contains("french (5 prompts)", "law (5 prompts)", "Residual streams");
        assertThat(result.provenance()).containsKey("model.fingerprint");
        assertThat(result.provenance().get("scan.tokens"))
                .startsWith("10 of 10 prompts")
                .endsWith("in the same pass");
        assertThat(result.provenance().getOrDefault("scan.tokenPrompts", "").split("; ", -1))
                .hasSize(10);
        assertThat(result.provenance().getOrDefault("scan.tokenNeurons", "").split("[,;]", -1))
                .hasSize(300);
        assertThat(steps)
                .contains("separation of labels", "what happens inside of prompts")
                .endsWith("");

        Path out = folder.resolve("new").resolve("out");
        List<Path> written = result.writeTo(out);
        assertThat(written).allMatch(file -> out.equals(file.getParent()));
        assertThat(names(written)).isEqualTo(FILES);
        assertThat(steps).contains("units.csv", "report.html").endsWith("");
        assertThat(out).isDirectoryNotContaining("glob:**part");
        assertThat(Files.readAllLines(out.resolve("units.csv"))).hasSize(1 + (6 * 8 + 6 * 1024) * 2);
        assertThat(out.resolve("report.html"))
                .content()
                .contains("<title>French or law?</title>")
                // Both halves, and how heads attend.
                .contains("\"halves\":true", "\"behaviour0.effect\"");

        result.report().title("Another").write(folder.resolve("another.html"));
        assertThat(folder.resolve("another.html")).content().contains("<title>Another</title>");
    }

    @ParameterizedTest
    @EnumSource(Part.class)
    void eachPartCanBeSwitchedOff(Part part) throws IOException {
        // So that the parts that are on take no time either.
        Scan scan = small().without(Part.MODULES, Part.PAGE).without(part);
        ScanResult result = scan.run();
        Set<Part> off = EnumSet.of(Part.MODULES, Part.PAGE, part);
        for (String name : FILES) {
            Files.writeString(folder.resolve(name), "of an earlier scan");
        }
        List<String> expected = new ArrayList<>(FILES);
        expected.removeAll(List.of("modules.csv", "modularity.csv", "resolutions.csv", "report.html"));
        if (off.contains(Part.SEPARATION)) {
            expected.remove("sites.csv");
        }
        if (off.contains(Part.ATTENTION)) {
            expected.remove("heads.csv");
        }
        if (off.contains(Part.CONTEXTS)) {
            expected.remove("contexts.csv");
        }
        if (off.contains(Part.TOKENS)) {
            expected.removeAll(List.of("token-labels.csv", "steps.csv", "step-profiles.csv"));
        }
        if (off.contains(Part.PICTURE)) {
            expected.remove("heads.png");
        }
        assertThat(names(result.writeTo(folder))).isEqualTo(expected);
        for (String name : FILES) {
            if (expected.contains(name)) {
                assertThat(folder.resolve(name)).isNotEmptyFile();
            } else {
                assertThat(folder.resolve(name)).doesNotExist();
            }
        }
        assertThat(result.leftOut()).isEmpty();
        assertThat(result.modules()).isEmpty();
        assertThat(result.halves().isPresent()).isEqualTo(part != Part.HALVES);
        assertThat(result.importance().isPresent()).isEqualTo(part != Part.IMPORTANCE);
        assertThat(result.behaviour().isPresent()).isEqualTo(part != Part.ATTENTION);
        assertThat(result.contexts().isPresent()).isEqualTo(part != Part.CONTEXTS);
        assertThat(result.tokens().isPresent()).isEqualTo(part != Part.TOKENS);
        assertThat(result.separation().isEmpty()).isEqualTo(part == Part.SEPARATION);
        assertThat(result.vectors().isPresent()).isEqualTo(part != Part.SEPARATION);
        List<String> first =
                List.of(Files.readAllLines(folder.resolve("units.csv")).get(1).split(",", -1));
        assertThat(first.get(14).isEmpty()).isEqualTo(part == Part.HALVES);
        assertThat(first.get(16).isEmpty()).isEqualTo(part == Part.IMPORTANCE);
        assertThat(reads(scan, Sites.pattern()::selects)).isEqualTo(part != Part.ATTENTION);
        assertThat(reads(scan, Sites.residPost()::selects)).isEqualTo(part != Part.SEPARATION);
        assertThat(reads(scan, Sites.z()::selects)).as("only the page shows it").isFalse();
    }

    private static boolean reads(Scan scan, Predicate<Site> which) {
        return scan.plan().readings().stream().anyMatch(reading -> which.test(reading.site()));
    }

    @Test
    void aRecordingGivesWhatTheModelGave() {
        Path file = folder.resolve("acts.safetensors");
        try (Probe probe = Probe.builder(model)
                .sites("hook_z.magnitude", "mlp.hook_post", "hook_resid_post", "hook_pattern")
                .build()) {
            probe.capture(prompts, file);
        }
        Path out = folder.resolve("recorded");
        ScanResult recorded =
                Scan.of(Recording.open(file)).without(Part.MODULES).run();
        recorded.writeTo(out);
        Path direct = folder.resolve("direct");
        ScanResult ofModel = small().without(Part.MODULES).run();
        ofModel.writeTo(direct);
        for (String name : List.of("units.csv", "heads.csv")) {
            assertThat(out.resolve(name)).hasSameTextualContentAs(direct.resolve(name));
        }
        // What the model's scan kept of its only pass is what was recorded.
        assertThat(partsOfPrompts(ofModel)).isNotEmpty().isEqualTo(partsOfPrompts(recorded));
        // The residual stream is pooled by the model here, and in Java there.
        assertThat(gaps(recorded))
                .hasSize(18)
                .usingElementComparator(ScanTest::roughly)
                .isEqualTo(gaps(ofModel));
        assertThat(out.resolve("report.html")).isNotEmptyFile();
    }

    private static List<String> partsOfPrompts(ScanResult scan) {
        return scan.tokens()
                .flatMap(ScanTokens::parts)
                .orElseThrow()
                .rows()
                .map(Object::toString)
                .toList();
    }

    private static List<Double> gaps(ScanResult scan) {
        return scan.separation().values().stream()
                .flatMap(bySite -> bySite.values().stream())
                .map(LabelSeparation::gap)
                .toList();
    }

    private static int roughly(double one, double other) {
        return Math.abs(one - other) < 1e-6 ? 0 : Double.compare(one, other);
    }

    @Test
    void ofActivationsThatWerePooledWhatIsOverTokensIsLeftOut() {
        Activations pooled;
        try (Probe probe = Probe.builder(model)
                .sites("hook_z.magnitude", "mlp.hook_post", "hook_resid_post")
                .pooling(Pooling.mean().withoutBos())
                .build()) {
            pooled = probe.capture(prompts);
        }
        ScanResult result = Scan.of(pooled).without(Part.MODULES).run();
        assertThat(result.leftOut()).containsOnlyKeys(Part.IMPORTANCE, Part.ATTENTION, Part.CONTEXTS, Part.TOKENS);
        assertThat(result.importance()).isEmpty();
        assertThat(result.behaviour()).isEmpty();
        ScanResult direct = small().without(Part.MODULES).run();
        // Pooled by the model here, and in Java there.
        assertThat(direct.units().top("french", 20, Sites.z().magnitude()))
                .hasSize(20)
                .allSatisfy(head -> assertThat(
                                result.units().get(head.unit(), "french").hedgesG())
                        .isCloseTo(head.hedgesG(), within(1e-3)));
        assertThat(names(result.writeTo(folder)))
                .containsExactly("units.csv", "sites.csv", "provenance.json", "heads.png", "report.html");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Scan.of(pooled).prompts(prompts))
                .withMessageContaining("have their prompts");
    }

    @Test
    void anotherLabelCanBeAskedFor() {
        ScanResult result = small().label("length")
                .without(Part.MODULES, Part.PAGE, Part.SEPARATION)
                .run();
        assertThat(result.units().labels()).containsExactly("even", "odd");
    }

    @Test
    void aSettingLeavesTheScanAsItWas() {
        Scan scan = small();
        scan.without(Part.values());
        assertThat(reads(scan, Sites.pattern()::selects)).isTrue();
    }

    @Test
    void whatDoesNotFitIsLeftOutAndSaidBeforeAndAfter() {
        Scan scan = small().memoryLimit(1024).without(Part.MODULES, Part.PAGE);
        assertThat(scan.plan().leftOut().get(Part.ATTENTION)).contains("the patterns of the longest prompt", "memory");
        ScanResult result = scan.run();
        assertThat(result.leftOut()).containsOnlyKeys(Part.ATTENTION);
        assertThat(result.behaviour()).isEmpty();
        Prompts two = Prompts.of(List.of(prompts.get(0), prompts.get(5)));
        assertThat(Scan.of(model).prompts(two).plan().leftOut().get(Part.MODULES))
                .contains("2 prompts");
    }

    @Test
    void ofOnePromptALabelNothingIsHalved() throws IOException {
        Prompts one = Prompts.of(List.of(prompts.get(0), prompts.get(5)));
        ScanResult result = Scan.of(model).prompts(one).run();
        assertThat(result.leftOut()).containsOnlyKeys(Part.HALVES, Part.MODULES);
        assertThat(result.leftOut().get(Part.HALVES)).contains("no 'topic' has two prompts");
        assertThat(result.halves()).isEmpty();
        assertThat(names(result.writeTo(folder))).contains("units.csv", "report.html");
    }

    @Test
    void componentsTakeHalvesThatCanBeFittedAndMeasured() {
        List<Prompt> lone = new ArrayList<>();
        prompts.slice(0, 4).forEach(prompt -> lone.add(prompt.withLabel("topic", "only " + prompt.id())));
        Scan alone = Scan.of(model).prompts(Prompts.of(lone)).moduleUnits(60);
        ScanResult found = alone.without(Part.PAGE).run();
        assertThat(found.modules()).extracting(ScanModules::of).containsExactly("units");
        assertThat(found.moduleSummary())
                .endsWith(
                        "Modules of principal components: not looked for, half of each label's prompts is too little: 0 to fit"
                                + " them, which takes 2, and 4 others of 4 labels to measure them, which takes 3 of 2\n\n");
        // The halves don't depend on the order of prompts.
        List<Prompt> turned = new ArrayList<>(prompts.stream().toList());
        Collections.reverse(turned);
        Scan reversed = Scan.of(model).prompts(Prompts.of(turned)).moduleUnits(60);
        assertThat(ids(reversed)).containsExactlyInAnyOrderElementsOf(ids(small()));
    }

    private static List<String> ids(Scan scan) {
        return scan.without(Part.PAGE, Part.SEPARATION, Part.HALVES).run().modules().get(1).values().prompts().stream()
                .map(Prompt::id)
                .toList();
    }

    @Test
    void promptsThatTellNothingApartAreRefused() {
        assertRefused(Scan.of(model), "no prompts");
        assertRefused(Scan.of(model).prompts(texts("law")), "all prompts have the same 'topic'");
        assertRefused(small().label("author"), "no label 'author'");
        assertThatIllegalArgumentException().isThrownBy(() -> small().moduleUnits(0));
        assertThatIllegalArgumentException().isThrownBy(() -> small().memoryLimit(0));
    }

    @Test
    void missingSitesAreNamed() {
        Activations neurons;
        Activations units;
        try (Probe probe = Probe.builder(model)
                .sites("hook_z.magnitude", "mlp.hook_post")
                .pooling(Pooling.mean().withoutBos())
                .build()) {
            units = probe.capture(prompts);
            neurons = units.only(Sites.mlpPost());
        }
        assertRefused(
                Scan.of(neurons),
                "no hook_z.magnitude, which heads are told by; the sites are [blocks.0.mlp.hook_post");
        assertRefused(Scan.of(units.only(Sites.z().magnitude())), "no mlp.hook_post");
    }

    @Test
    void withoutTheStreamLabelsAreNotToldApart() {
        Activations units;
        try (Probe probe = Probe.builder(model)
                .sites("hook_z.magnitude", "mlp.hook_post")
                .pooling(Pooling.mean().withoutBos())
                .build()) {
            units = probe.capture(prompts);
        }
        ScanResult result = Scan.of(units).without(Part.MODULES).run();
        assertThat(result.leftOut().get(Part.SEPARATION)).contains("there is no hook_resid_post");
        assertThat(result.separation()).isEmpty();
        assertThat(result.vectors()).isEmpty();
    }

    /** The same model, of which nobody knows which token is BOS. */
    private record Unaware(OptModel model) implements Model {
        @Override
        public List<Site> sites() {
            return model.sites();
        }

        @Override
        public OptionalInt maxTokens() {
            return model.maxTokens();
        }

        @Override
        public OptionalInt vocabularySize() {
            return model.vocabularySize();
        }

        @Override
        public OptionalInt bosTokenId() {
            return OptionalInt.empty();
        }

        @Override
        public Tokenizer tokenizer() {
            return model.tokenizer();
        }

        @Override
        public Map<String, String> provenance() {
            return model.provenance();
        }

        @Override
        public ActivationSource open(CapturePlan plan) {
            return model.open(plan);
        }
    }

    @Test
    void aModelOfWhichBosIsNotKnownIsPooledWithIt() {
        Scan scan = Scan.of(new Unaware(model)).prompts(prompts).without(Part.MODULES, Part.PAGE);
        assertThat(scan.plan().readings())
                .anyMatch(reading -> reading.pooling().equals(Pooling.mean()))
                .noneMatch(reading -> reading.pooling().positions().isWithoutBos());
        ScanResult result = scan.run();
        assertThat(result.leftOut()).isEmpty();
        assertThat(result.importance()).isPresent();
        assertThat(result.units().size())
                .isEqualTo(
                        small().without(Part.MODULES, Part.PAGE).run().units().size());
    }

    private static void assertRefused(Scan scan, String message) {
        assertThatExceptionOfType(ModscanException.class).isThrownBy(scan::plan).withMessageContaining(message);
    }

    @Test
    void whatWasWrittenBeforeAFailureStays() throws IOException {
        ScanResult result = small().without(Part.MODULES).run();
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> result.writeTo(file))
                .withMessageContaining("folder cannot be made");
        Path out = Files.createDirectories(folder.resolve("out"));
        Files.createDirectory(out.resolve("report.html"));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> result.writeTo(out))
                .withMessageContaining("is a folder");
        assertThat(out.resolve("units.csv")).isNotEmptyFile();
        assertThat(out.resolve("heads.png")).isNotEmptyFile();
    }
}
