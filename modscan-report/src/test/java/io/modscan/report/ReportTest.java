package io.modscan.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.Activations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.ModscanVersion;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.effect.Target;
import io.modscan.metrics.modules.BorderUnit;
import io.modscan.metrics.modules.Member;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.Modules;
import io.modscan.metrics.modules.UnitModule;
import io.modscan.metrics.selectivity.Consistency;
import io.modscan.metrics.selectivity.ConsistencyMap;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {

    @TempDir
    private Path folder;

    /** Cut in the middle of a character, or with half of one in it. */
    @Test
    void halfCharactersDoNotSpoilThePage() throws IOException {
        String faces = "\uD83D\uDE00".repeat(600_000);
        Prompts prompts = Prompts.of(List.of(
                Prompt.of("a", "x" + faces).withLabel("topic", "one"),
                Prompt.of("b", "\uD83D").withLabel("topic", "two\uDE00")));
        Path page = folder.resolve("page.html");
        Report.of(prompts, "topic").write(page);
        assertThat(Files.readString(page)).contains("\uD83D\uDE00…");
    }

    @Test
    void thePageTellsTheVersionsOfTheBuild() throws IOException {
        Prompts prompts = Prompts.of(List.of(Prompt.of("a", "text").withLabel("topic", "one")));
        Path page = folder.resolve("page.html");
        Report.of(prompts, "topic").write(page);
        assertThat(Files.readString(page))
                .contains("Made by modscan " + ModscanVersion.current() + ".")
                .containsPattern("Apache ECharts \\d+\\.\\d+\\.\\d+ .* Tabulator \\d+\\.\\d+\\.\\d+ ");
    }

    /** A hundred labels and many layers keep to the same room. */
    @Test
    void thePageStaysSmall() throws IOException {
        Random random = new Random(3);
        List<Prompt> all = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            all.add(Prompt.of("p" + i, "text").withLabel("topic", "label " + i % 100));
        }
        Prompts prompts = Prompts.of(all);
        Activations.Builder units = Activations.builder(prompts);
        Activations.Builder vectors = Activations.builder(prompts);
        for (int layer = 0; layer < 24; layer++) {
            Site z = new Site(
                    "blocks." + layer + ".attn.hook_z",
                    OptionalInt.of(layer),
                    List.of(Axis.POSITION, Axis.heads(32), Axis.units(16)),
                    false);
            units.site(z.magnitude(), Pooling.mean(), values(random, 32));
            units.site(
                    new Site(
                            "blocks." + layer + ".mlp.hook_post",
                            OptionalInt.of(layer),
                            List.of(Axis.POSITION, Axis.units(500)),
                            false),
                    Pooling.mean(),
                    values(random, 500));
            vectors.site(z, Pooling.mean(), values(random, 512));
        }
        Activations values = units.build();
        Path page = folder.resolve("page.html");
        Report.of(prompts, "topic")
                .units(values.measure(Selectivity.by("topic")), values)
                .halves(values.measure(Consistency.by("topic")))
                .similarity(vectors.build())
                .write(page);
        assertThat(Files.size(page)).isLessThan(9_000_000);
    }

    @Test
    void howHeadsAttendKeepsToItsRoomAndSaysSo() {
        Prompts prompts = Prompts.of(IntStream.range(0, 40)
                .mapToObj(i -> Prompt.of("p" + i, "text").withLabel("topic", "label " + i % 20))
                .toList());
        Random random = new Random(5);
        Activations.Builder activations = Activations.builder(prompts);
        for (int layer = 0; layer < 3; layer++) {
            float[][] rows = new float[40][2_000];
            for (float[] row : rows) {
                for (int i = 0; i < row.length; i++) {
                    row[i] = (float) random.nextGaussian();
                }
            }
            // The last unit of the last layer tells a label apart; it is the one that has to stay.
            for (int prompt = 0; layer == 2 && prompt < rows.length; prompt += 20) {
                rows[prompt][1_999] = 100 + prompt;
            }
            activations.site(
                    new Site(
                            "blocks." + layer + ".attn.hook_pattern.behaviour",
                            OptionalInt.of(layer),
                            List.of(Axis.heads(400), Axis.units(5)),
                            true),
                    Pooling.none(),
                    rows);
        }
        SelectivityMap map = activations.build().measure(Selectivity.by("topic"));
        PageNumbers numbers = new PageNumbers();
        Map<String, Object> facts = BehaviourPictures.write(map, Criterion.standard(), new ResponseNumbers(numbers))
                .get(0);
        assertThat(facts).containsEntry("listed", 5_000).containsEntry("whole", false);
        assertThat(numbers.index().get("behaviour0.ids")).element(1).isEqualTo(5_000);
        assertThat(numbers.index().get("behaviour0.effect")).element(1).isEqualTo(100_000);
    }

    @Test
    void halvesAndBehaviourBelongToTheReport() {
        Activations units = Planted.units();
        Report report = Report.of(units.prompts(), "topic");
        ConsistencyMap halves = units.measure(Consistency.by("topic"));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> report.halves(halves))
                .withMessageContaining("there are none yet");
        report.units(units.measure(Selectivity.by("topic")), units);
        ConsistencyMap some = units.only(site -> site.heads() > 0).measure(Consistency.by("topic"));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> report.halves(some))
                .withMessageContaining("and the units of");
        SelectivityMap neurons = units.measure(Selectivity.by("topic"));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> report.behaviour(neurons))
                .withMessageContaining("a few numbers of each head");
        Report other = Report.of(Prompts.of(List.of(Prompt.of("other", "text").withLabel("topic", "x"))), "topic");
        SelectivityMap behaviour = Planted.behaviour().measure(Selectivity.by("topic"));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> other.behaviour(behaviour))
                .withMessageContaining("the responses are to the labels");
    }

    private static float[][] values(Random random, int width) {
        float[][] rows = new float[300][width];
        for (float[] row : rows) {
            for (int i = 0; i < width; i++) {
                row[i] = (float) random.nextGaussian();
            }
        }
        return rows;
    }

    @Test
    void whatDoesNotBelongTogetherIsRefused() {
        Activations units = Planted.units();
        Prompts others = Prompts.of(List.of(Prompt.of("other", "text").withLabel("topic", "x")));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Report.of(others, "topic").units(units.measure(Selectivity.by("topic")), units))
                .withMessageContaining("of other prompts");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Report.of(units.prompts(), "topic").attention(units, Integer::toString))
                .withMessageContaining("heads, queries and keys");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Report.of(units.prompts(), "topic").separation("cosine", Map.of()))
                .withMessageContaining("of no site");
        assertThatExceptionOfType(ModscanException.class).isThrownBy(() -> Report.of(units.prompts(), "theme"));
    }

    @Test
    void effectsAreInThePageAndOnTheReportsLabels() throws IOException {
        Activations units = Planted.units();
        EffectMap heads = PlantedEffects.heads(units);
        Path page = folder.resolve("effects.html");
        Report.of(units.prompts(), "topic")
                .effects(heads, units.measure(Selectivity.by("topic")))
                .write(page);
        assertThat(Files.readString(page))
                .contains(
                        "\"effects\":{\"array\":\"effects\"",
                        "\"outcome\":\"loss (nats a token)\"",
                        "\"name\":\"L2H3\"")
                .contains("\"effects.auroc\"", "\"lights\":true", "Does it do the work?");
        Report.of(units.prompts(), "topic").effects(heads).write(page);
        assertThat(Files.readString(page)).contains("\"lights\":false").doesNotContain("\"effects.auroc\"");

        Prompts others = Prompts.of(List.of(Prompt.of("other", "text").withLabel("topic", "x")));
        Report report = Report.of(others, "topic");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> report.effects(heads))
                .withMessageContaining("and the report is by [x]");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> report.moduleEffects(heads))
                .withMessageContaining("the effects are on the labels");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> report.effectCurves("loss", PlantedEffects.curves()))
                .withMessageContaining("a curve is of the label");
    }

    @Test
    void whatIsUsedIsInThePageAsHarm() throws IOException {
        Activations units = Planted.units();
        SelectivityMap lights = units.measure(Selectivity.by("topic"));
        Path page = folder.resolve("used.html");
        Report.of(units.prompts(), "topic")
                .used(PlantedEffects.estimated(units, Outcome.Sense.COST), lights)
                .measured(PlantedEffects.heads(units))
                .write(page);
        assertThat(Files.readString(page))
                .contains("\"used\":{\"outcome\":\"loss (nats a token)\",\"falls\":false", "\"name\":\"L2H3\"")
                .contains("\"check\":{\"targets\":[\"L0H0\"", "\"used.estimate\"")
                .doesNotContain("\"effects\":{\"array\"");
        Report score =
                Report.of(units.prompts(), "topic").used(PlantedEffects.estimated(units, Outcome.Sense.SCORE), lights);
        score.write(page);
        assertThat(Files.readString(page)).contains("\"falls\":true").doesNotContain("\"used.estimate\"");

        EffectMap heads = PlantedEffects.heads(units);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> score.measured(heads))
                .withMessageContaining("beside estimates of the same, and there are those of the loss");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Report.of(units.prompts(), "topic").measured(heads))
                .withMessageContaining("there are none yet");
        Report other = Report.of(Prompts.of(List.of(Prompt.of("other", "text").withLabel("topic", "x"))), "topic");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> other.used(heads, lights))
                .withMessageContaining("the effects are on the labels");
    }

    /** Of many units the page keeps the most used, the brightest, and some of the rest. */
    @Test
    void ofManyUnitsAPageKeepsSome() {
        Site site =
                new Site("blocks.0.mlp.hook_post", OptionalInt.of(0), List.of(Axis.POSITION, Axis.units(3000)), false);
        List<Unit> all =
                IntStream.range(0, 3000).mapToObj(unit -> Unit.of(site, unit)).toList();
        Prompts prompts = Prompts.of(IntStream.range(0, 4)
                .mapToObj(i -> Prompt.of("p" + i, "text").withLabel("topic", i < 2 ? "x" : "y"))
                .toList());
        float[][] values = new float[4][3000];
        float[][] effects = new float[3000][4];
        for (int unit = 0; unit < 3000; unit++) {
            for (int prompt = 0; prompt < 4; prompt++) {
                // The last 50 are the brightest for x, the first are the most used by it.
                values[prompt][unit] = prompt < 2 && unit >= 2950 ? 2 + prompt : prompt % 2;
                effects[unit][prompt] = prompt < 2 ? 3000 - unit : 0;
            }
        }
        EffectMap estimated = EffectMap.of(
                "it",
                Target.each(all),
                prompts.stream().map(Prompt::id).toList(),
                prompts.labels("topic"),
                new float[4],
                effects);
        SelectivityMap lights = Activations.builder(prompts)
                .site(site, Pooling.mean(), values)
                .build()
                .measure(Selectivity.by("topic"));
        Map<String, Object> facts =
                new UsedPictures(estimated, lights, Criterion.standard(), new PageNumbers()).write(null);
        assertThat(facts.get("of")).isEqualTo(3000);
        assertThat(facts.get("whole")).isEqualTo(false);
        List<String> names = names((List<?>) facts.getOrDefault("targets", List.of()));
        assertThat(names)
                .contains("L0N0", "L0N199", "L0N2950", "L0N2999", "L0N1500")
                .hasSizeLessThan(1300);
        List<?> counts = (List<?>) facts.getOrDefault("counts", List.of());
        assertThat(counts)
                .hasSize(2)
                .allSatisfy(count -> assertThat((Integer) count).isBetween(200, 600));
    }

    private static List<String> names(List<?> targets) {
        return targets.stream()
                .map(target -> String.valueOf(((Map<?, ?>) target).get("name")))
                .toList();
    }

    @Test
    void membersKeepToTheirRoomAndThePageSaysSo() throws IOException {
        Activations units = Planted.units();
        Site site = units.sites().get(1).site();
        List<Member> members = new ArrayList<>();
        for (int i = 0; i < 2_500; i++) {
            members.add(new Member(Unit.of(site, i % site.width()), i / 2_500.0, Double.NaN));
        }
        List<BorderUnit> border = members.stream()
                .map(member -> new BorderUnit(member, OptionalInt.empty()))
                .toList();
        ModuleMap found = Planted.modules(List.of(new UnitModule(members, 0.5, Double.NaN, Double.NaN)), border);
        Path page = folder.resolve("many.html");
        Report.of(units.prompts(), "topic")
                .modules(
                        "units",
                        found,
                        found.topics(units.measure(Selectivity.by("topic")), Criterion.standard()),
                        units)
                .write(page);
        String text = Files.readString(page);
        text = text.substring(text.indexOf("id=\"meta\">"), text.indexOf("id=\"data\">"));
        assertThat(text.split("0\\.9996", -1))
                .as("the surest of the module and of the border")
                .hasSize(3);
        assertThat(text)
                .contains("\"size\":2500")
                .contains("not shuffled")
                .doesNotContain("0.1996,")
                .doesNotContain(":NaN", "[NaN");
        // A map without any module has a page, too.
        Report.of(units.prompts(), "topic")
                .modules("units", Planted.noModules(), List.of(), units)
                .write(page);
        assertThat(page).content().contains("0 units in 0 modules");
    }

    @Test
    void modulesMayBeOfSomeOfThePromptsInTheirOrder() throws IOException {
        Activations units = Planted.units();
        int size = units.prompts().size();
        Report report = Report.of(units.prompts(), "topic").units(units.measure(Selectivity.by("topic")), units);
        Activations half = Basis.heldOut(Basis.Kind.CENTRED, units);
        ModuleMap found = half.measure(Modules.byCoActivation().absolute().withShuffles(0));
        Path page = folder.resolve("half.html");
        report.modules(
                        "components",
                        found,
                        found.topics(half.measure(Selectivity.by("topic")), Criterion.standard()),
                        half)
                .write(page);
        assertThat(page)
                .content()
                .contains("Fitted to " + size / 2 + " prompts and measured on " + (size - size / 2) + " others: ");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Report.of(half.prompts(), "topic").modules("units", found, List.of(), units))
                .withMessageContaining("of other prompts");
        List<Prompt> turned = new ArrayList<>(units.prompts().stream().toList());
        Collections.reverse(turned);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Report.of(Prompts.of(turned), "topic").modules("units", found, List.of(), half))
                .withMessageContaining("in another order");
    }
}
