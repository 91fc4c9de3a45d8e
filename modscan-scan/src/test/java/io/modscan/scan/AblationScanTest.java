package io.modscan.scan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.NamedCsvRecord;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.core.site.Unit;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.effect.Curve;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.effect.Target;
import io.modscan.metrics.effect.UnitEffect;
import io.modscan.onnx.opt.OptModel;
import io.modscan.scan.AblationScan.By;
import io.modscan.scan.AblationScan.Part;
import io.modscan.scan.AblationScan.Step;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AblationScanTest {

    @TempDir
    Path folder;

    private final OptModel model = DemoModel.open();

    /** Three texts each of two topics, short enough to be run in a moment. */
    private final Prompts prompts = prompts();

    static Prompts prompts() {
        List<Prompt> texts = new ArrayList<>();
        for (String topic : List.of("french", "law")) {
            DemoModel.prompts().stream()
                    .filter(prompt -> topic.equals(prompt.labels().get("topic")))
                    .limit(3)
                    .map(prompt -> Prompt.of(
                                    prompt.id(), prompt.text().orElseThrow().substring(0, 60))
                            .withLabel("topic", topic))
                    .forEach(texts::add);
        }
        return Prompts.of(texts);
    }

    private AblationScan small() {
        return AblationScan.of(model).prompts(prompts);
    }

    private AblationScan headsOnly() {
        return small().without(Part.MODULES, Part.CURVES);
    }

    static List<NamedCsvRecord> rows(Path file) throws IOException {
        try (CsvReader<NamedCsvRecord> reader = CsvReader.builder().ofNamedCsvRecord(file)) {
            return reader.stream().toList();
        }
    }

    @Test
    void byDefaultHeadsModulesAndCurvesAreThere() throws IOException {
        Set<String> parts = new TreeSet<>();
        AblationResult result = small().moduleUnits(60)
                .rankings(List.of("law"))
                .progress(step -> {
                    if (step.done() == step.total()) {
                        parts.add(step.part());
                    }
                })
                .run();
        assertThat(result.heads().targets()).hasSize(6 * 8);
        assertThat(result.heads().labels()).containsExactly("french", "law");
        assertThat(result.units().orElseThrow().size()).isEqualTo((6 * 8 + 6 * 1024) * 2);
        assertThat(result.curves())
                .extracting(Curve::ranking)
                .containsExactly("selectivity for law", "selectivity for law", "random", "random");
        assertThat(parts).contains("heads", "curves");
        assertThat(parts.contains("modules")).isEqualTo(result.modules().isPresent());
        result.modules().ifPresent(modules -> {
            assertThat(modules.targets()).hasSizeLessThanOrEqualTo(AblationScan.MOST_MODULES);
            assertThat(modules.targets().get(0).name()).startsWith("module 0");
        });
        // Heads of six layers, eight each: 1 + 8 · (6 + 5 + … + 1) / 6 passes, besides the untouched one.
        assertThat(result.passes()).isGreaterThan(1 + 29);
        assertThat(result.summary())
                .contains(
                        "french (3 prompts, ",
                        "law (3 prompts, ",
                        "of 48 heads",
                        "Spearman",
                        "Cost: ",
                        " of 6 prompts");

        Files.writeString(folder.resolve("curves.csv"), "of an earlier run");
        assertThat(result.writeTo(folder))
                .extracting(file -> file.getFileName().toString())
                .containsExactly("effects.csv", "curves.csv", "provenance.json", "effects.html");
        List<NamedCsvRecord> effects = rows(folder.resolve("effects.csv"));
        int modules = result.modules().map(map -> map.targets().size()).orElse(0);
        assertThat(effects).hasSize((48 + modules) * 2);
        UnitEffect head = result.heads()
                .get(
                        Unit.of(
                                model.sites().stream()
                                        .filter(Sites.z()::selects)
                                        .toList()
                                        .get(3)
                                        .magnitude(),
                                5),
                        "law");
        assertThat(effects).anySatisfy(row -> {
            assertThat(row.getField("site")).isEqualTo("blocks.3.attn.hook_z");
            assertThat(row.getField("layer")).isEqualTo("3");
            assertThat(row.getField("head")).isEqualTo("5");
            assertThat(row.getField("unit")).isEmpty();
            assertThat(row.getField("units")).isEqualTo("1");
            assertThat(row.getField("label")).isEqualTo("law");
            assertThat(Double.parseDouble(row.getField("effect"))).isEqualTo(head.effect());
            assertThat(Double.parseDouble(row.getField("selective_q"))).isEqualTo(head.selectiveQ());
            assertThat(row.getField("matched")).isEmpty();
        });
        List<NamedCsvRecord> curves = rows(folder.resolve("curves.csv"));
        Curve law = result.curves().get(1);
        assertThat(law.label()).isEqualTo("law");
        assertThat(curves.get(law.points().size()).getField("outcome"))
                .isEqualTo(Double.toString(law.points().get(0).outcome()));
        assertThat(Files.readString(folder.resolve("effects.html")))
                .contains("Does it do the work?", "\"effectCurves\":[{\"ranking\":\"selectivity for law\"", "L3H5");
    }

    @Test
    void whatIsNamedIsSwitchedOffInPlaceOfHeads() throws IOException {
        Site post =
                model.sites().stream().filter(Sites.mlpPost()::selects).toList().get(2);
        Target both = new Target("both", List.of(Unit.of(post, 17), Unit.of(post, 18)));
        List<Step> steps = new ArrayList<>();
        AblationScan scan = headsOnly().targets(List.of(Target.of(Unit.of(post, 17)), both));
        AblationResult result = scan.by(By.ZERO).matched(2).progress(steps::add).run();
        assertThat(result.heads().targets())
                .extracting(Target::name)
                .containsExactly("blocks.2.mlp.hook_post unit 17", "both");
        assertThat(result.heads().rows())
                .allSatisfy(row -> assertThat(row.matched()).isFinite());
        assertThat(result.curves()).isEmpty();
        assertThat(result.modules()).isEmpty();
        assertThat(steps).last().satisfies(step -> assertThat(step.part()).isEqualTo("units"));
        assertThat(result.summary())
                .contains("replaced by: zero", "of 2 targets", "random ", "2 random sets beside each target");
        Files.writeString(folder.resolve("curves.csv"), "of an earlier run");
        result.writeTo(folder);
        assertThat(folder.resolve("curves.csv")).doesNotExist();
        assertThat(rows(folder.resolve("effects.csv")).get(2).getField("site")).isEmpty();
        assertThat(rows(folder.resolve("effects.csv")).get(2).getField("target"))
                .isEqualTo("both");

        AblationResult other = scan.by(By.RESAMPLE).outcome(Outcome.kl()).run();
        assertThat(other.heads().outcome()).startsWith("KL");
        assertThat(other.heads().rows())
                .allSatisfy(row -> assertThat(row.effect()).isGreaterThan(-1e-5));
        assertThat(other.passes()).isCloseTo(2 + 1 + 2 * 4 / 6.0, within(1e-9));
    }

    @Test
    void whatCannotBeDoneIsSaidBeforeTheWork() {
        Site nowhere =
                new Site("blocks.9.mlp.hook_post", OptionalInt.of(9), List.of(Axis.POSITION, Axis.units(4)), false);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(headsOnly().targets(List.of(Target.of(Unit.of(nowhere, 1))))::run)
                .withMessageContaining("blocks.9.mlp.hook_post can't be changed");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(AblationScan.of(model)::run)
                .withMessageContaining("no prompts to run");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(small().rankings(List.of("german"))::run)
                .withMessageContaining("german");
        Prompts alike = prompts.filter(prompt -> "law".equals(prompt.labels().get("topic")));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(small().prompts(alike)::run)
                .withMessageContaining("at least one other");
        assertThatIllegalArgumentException().isThrownBy(() -> small().matched(-1));
        assertThatIllegalArgumentException().isThrownBy(() -> small().moduleUnits(0));
        assertThatIllegalArgumentException().isThrownBy(() -> small().memoryLimit(0));
    }
}
