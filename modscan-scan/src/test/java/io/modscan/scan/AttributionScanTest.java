package io.modscan.scan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.core.site.Unit;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.effect.Attribution;
import io.modscan.metrics.effect.Curve;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.effect.UnitEffect;
import io.modscan.metrics.selectivity.UnitSelectivity;
import io.modscan.onnx.opt.OptModel;
import io.modscan.scan.AblationScan.By;
import io.modscan.scan.AblationScan.Part;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AttributionScanTest {

    /** Of layer 5 alone: behind it lies little that could bend an estimate. */
    private static final int LAST = 5;

    @TempDir
    Path folder;

    private final OptModel model = DemoModel.open();

    /** Two topics, three texts each, with tokens of their own. */
    private final Prompts prompts = Prompts.of(AblationScanTest.prompts().stream()
            .map(prompt -> prompt.withLabel("answer", "464").withLabel("foil", "318"))
            .toList());

    private AttributionScan small() {
        return AttributionScan.of(model).prompts(prompts);
    }

    @Test
    void estimatesStandBesideWhatLightsUp() throws IOException {
        Set<String> parts = new TreeSet<>();
        AttributionResult result = small().progress(step -> parts.add(step.part()))
                .curves(List.of("law"))
                .check(2)
                .modules(40)
                .run();
        EffectMap estimated = result.estimated();
        assertThat(estimated.targets()).hasSize(6 * 8 + 6 * 1024);
        assertThat(result.used().size()).isEqualTo(result.units().size()).isEqualTo((6 * 8 + 6 * 1024) * 2);
        assertThat(parts).containsExactly("attributions", "curves", "units");
        assertThat(result.curves())
                .extracting(Curve::ranking)
                .containsExactly(
                        "used for law", "used for law", "lit up for law", "lit up for law", "random", "random");
        assertThat(result.modules()).extracting(ScanModules::of).containsExactly("units by use", "units");
        EffectMap measured = result.measured().orElseThrow();
        double most = estimated
                .rows()
                .mapToDouble(UnitEffect::selective)
                .filter(Double::isFinite)
                .max()
                .orElseThrow();
        assertThat(measured.targets()).hasSize(2);
        assertThat(estimated.rows().filter(row -> row.selective() == most).map(UnitEffect::target))
                .contains(measured.targets().get(0).name());
        assertThat(result.summary())
                .contains("law (3 prompts): uses ", "of 6192 units", "used for law", "lit up for law")
                .contains(
                        "2 units were switched off",
                        "Is what lights up used? Over heads",
                        "Over neurons",
                        "Modules of units by use: ",
                        "Modules of heads and neurons: ")
                .doesNotContain("NaN untouched", "estimated of each");

        Files.writeString(folder.resolve("modularity.csv"), "of an earlier run");
        assertThat(result.writeTo(folder))
                .extracting(file -> file.getFileName().toString())
                .containsExactly(
                        "attributions.csv",
                        "check.csv",
                        "curves.csv",
                        "modules.csv",
                        "modularity.csv",
                        "provenance.json",
                        "attributions.html");
        Unit head = Unit.of(site("blocks.3.attn.hook_z").magnitude(), 5);
        UnitEffect effect = estimated.get(head, "law");
        UnitSelectivity lit = result.units().get(head, "law");
        UnitSelectivity used =
                result.used().get(Unit.of(site("blocks.3.attn.hook_z").attribution(), 5), "law");
        assertThat(AblationScanTest.rows(folder.resolve("attributions.csv")))
                .hasSize(6192 * 2)
                .anySatisfy(row -> {
                    assertThat(row.getField("site")).isEqualTo("blocks.3.attn.hook_z");
                    assertThat(row.getField("head")).isEqualTo("5");
                    assertThat(row.getField("label")).isEqualTo("law");
                    assertThat(row.getField("untouched")).isEmpty();
                    assertThat(row.getField("effect")).isEqualTo(Double.toString(effect.effect()));
                    assertThat(row.getField("auroc")).isEqualTo(Double.toString(lit.auroc()));
                    assertThat(row.getField("used_auroc")).isEqualTo(Double.toString(used.auroc()));
                });
        UnitEffect first = measured.rows().findFirst().orElseThrow();
        assertThat(AblationScanTest.rows(folder.resolve("check.csv")))
                .hasSize(4)
                .first()
                .satisfies(row -> {
                    assertThat(row.getField("effect")).isEqualTo(Double.toString(first.effect()));
                    assertThat(row.getField("estimated"))
                            .isEqualTo(Double.toString(
                                    estimated.get(first.target(), first.label()).effect()));
                });
        assertThat(Files.readString(folder.resolve("attributions.html")))
                .contains(
                        "What does the model use?",
                        "\"used\":{",
                        "\"check\":{",
                        "L3H5",
                        "\"ranking\":\"lit up for law\"");
        assertThat(result.provenance()).containsEntry("attribution.by", "mean").containsKey("model.fingerprint");
    }

    @Test
    void stepsAreForHeadsOnly() {
        SiteSelector heads = Sites.z().inLayers(LAST);
        SiteSelector neurons = Sites.mlpPost().inLayers(LAST);
        AttributionResult result = small().sites(neurons, heads).steps(2).run();
        EffectMap estimated = result.estimated();
        assertThat(estimated.targets()).hasSize(8 + 1024);
        assertSame(estimated, Attribution.of(model).sites(heads).steps(2));
        assertSame(estimated, Attribution.of(model).sites(neurons));
        assertThat(estimated.provenance()).containsEntry("attribution.steps", "2 of heads, 1 of others");
    }

    private void assertSame(EffectMap estimated, Attribution study) {
        EffectMap part = EffectMap.estimated(study.run(prompts), "topic");
        part.targets()
                .forEach(target -> assertThat(estimated.effects(target.name()))
                        .as(target.name())
                        .containsExactly(part.effects(target.name()), within(1e-6f)));
    }

    /** The same effects as an ablation's, and where nothing bends them, the same numbers. */
    @Test
    void headsAreCheckedAsAnAblationMeasuresThem() {
        AttributionResult result = small().by(By.ZERO)
                .steps(8)
                .sites(Sites.z().inLayers(LAST))
                .check()
                .run();
        EffectMap measured = result.measured().orElseThrow();
        EffectMap ablated = AblationScan.of(model)
                .prompts(prompts)
                .by(By.ZERO)
                .without(Part.MODULES, Part.CURVES)
                .targets(measured.targets())
                .run()
                .heads();
        assertThat(measured.targets()).hasSize(8).isEqualTo(result.estimated().targets());
        assertThat(measured.rows())
                .allSatisfy(row -> assertThat(row.effect())
                        .isCloseTo(ablated.get(row.target(), row.label()).effect(), within(1e-5)));
        assertThat(result.estimated().rankCorrelation(measured, UnitEffect::effect))
                .isGreaterThan(0.9);
        assertThat(result.curves()).isEmpty();
        assertThat(result.summary()).contains("replaced by: zero", "8 units were switched off");
    }

    @Test
    void whatIsUsedForAnAnswerIsAScore() throws IOException {
        AttributionResult result = small().objective(Objective.logitDifference("answer", "foil"))
                .sites(Sites.z().inLayers(LAST), Sites.mlpPost().inLayers(LAST))
                .by(By.RESAMPLE)
                .check()
                .run();
        EffectMap measured = result.measured().orElseThrow();
        assertThat(result.estimated().sense()).isEqualTo(Outcome.Sense.SCORE);
        assertThat(measured.sense()).isEqualTo(Outcome.Sense.SCORE);
        assertThat(measured.outcome()).isEqualTo("logit of the token in 'answer' over the token in 'foil'");
        assertThat(result.estimated().rankCorrelation(measured, UnitEffect::effect))
                .isGreaterThan(0.8);
        result.writeTo(folder);
        assertThat(Files.readString(folder.resolve("attributions.html"))).contains("\"falls\":true");
        assertThat(folder.resolve("curves.csv")).doesNotExist();

        assertThat(List.of(Objective.logit(464), Objective.logProb("answer"), Objective.logProb(318)))
                .allSatisfy(objective -> {
                    AttributionResult of = small().objective(objective)
                            .sites(Sites.z().inLayers(LAST))
                            .check()
                            .run();
                    EffectMap effects = of.measured().orElseThrow();
                    assertThat(effects.outcome()).isEqualTo(objective.toString());
                    assertThat(of.estimated().rankCorrelation(effects, UnitEffect::effect))
                            .isGreaterThan(0.8);
                });
    }

    @Test
    void whatCannotBeDoneIsSaidBeforeTheWork() {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(AttributionScan.of(model)::run)
                .withMessageContaining("no prompts to run");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(small().curves(List.of("german"))::run)
                .withMessageContaining("german");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(small().objective(Objective.loss().at(-1)).check()::run)
                .withMessageContaining("no outcome is the loss at [-1]");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(small().objective(Objective.logProb("nothing")).curves()::run)
                .withMessageContaining("no label 'nothing'");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(small().sites(Sites.mlpPost().inLayers(LAST)).check()::run)
                .withMessageContaining("no heads to check");
        assertThatIllegalArgumentException().isThrownBy(() -> small().steps(0));
        assertThatIllegalArgumentException().isThrownBy(() -> small().check(-1));
        assertThatIllegalArgumentException().isThrownBy(() -> small().modules(0));
        assertThatIllegalArgumentException().isThrownBy(() -> small().memoryLimit(0));
    }

    private Site site(String name) {
        return model.sites().stream()
                .filter(site -> site.name().equals(name))
                .findFirst()
                .orElseThrow();
    }
}
