package io.modscan.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.attention.HeadBehaviour;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.effect.UnitEffect;
import io.modscan.metrics.modules.Member;
import io.modscan.metrics.modules.ModuleComparison;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.Modules;
import io.modscan.metrics.selectivity.Consistency;
import io.modscan.metrics.selectivity.ConsistencyMap;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitConsistency;
import io.modscan.metrics.selectivity.UnitSelectivity;
import io.modscan.metrics.similarity.Closeness;
import io.modscan.metrics.similarity.Cosine;
import io.modscan.metrics.similarity.LabelSeparation;
import io.modscan.metrics.similarity.ScaledCosine;
import io.modscan.metrics.similarity.Separation;
import io.modscan.metrics.similarity.SimilarityMatrix;
import io.modscan.metrics.subspace.LabelOverlaps;
import io.modscan.metrics.subspace.SubspaceOverlap;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.support.ui.Select;

/** The page in a browser, as one who looks at it would use it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PageTest {

    private static final Pattern TOLD =
            Pattern.compile("(?s)(L\\d[HN]\\d+) for .*: effect ([+−\\d.]+), AUROC ([\\d.]+), q ([\\d.e-]+), (.*)");

    private static final List<String> SECTIONS = List.of(
            "mri",
            "units",
            "halves",
            "behaviour",
            "similarity",
            "head",
            "separation",
            "modules",
            "comparison",
            "used",
            "effects",
            "bases",
            "angles",
            "attention");

    private final Activations units = Planted.units();
    private final Activations vectors = Planted.vectors();
    private final SelectivityMap map = units.measure(Selectivity.by("topic"));
    private final ConsistencyMap halves = units.measure(Consistency.by("topic"));
    private final SelectivityMap behaviour = Planted.behaviour().measure(Selectivity.by("topic"));
    private final Map<Site, LabelSeparation> separation = vectors.only(site -> site.heads() == 0)
            .measure(Separation.by("topic").withShuffles(49).perSite());
    private final Map<Site, LabelOverlaps> overlaps = vectors.only(site -> site.heads() == 0)
            .measure(SubspaceOverlap.by("topic", 2).withShuffles(9).perSite());
    private ModuleMap found = Planted.noModules();
    private ModuleMap others = Planted.noModules();
    private Path folder = Path.of("");
    private Path page = Path.of("");
    private @Nullable Browser opened;

    @BeforeAll
    void write(@TempDir Path temporary) {
        folder = temporary;
        found = units.measure(Modules.byCoActivation().withShuffles(9));
        others = units.measure(
                Modules.byCoActivation().withResolution(4).withShuffles(0).withSplits(0));
        Activations streams = vectors.only(site -> site.heads() == 0);
        page = folder.resolve("report.html");
        Report.of(units.prompts(), "topic")
                .title(Planted.SCRIPT + Planted.QUOTES)
                .units(map, units)
                .halves(halves)
                .behaviour(behaviour)
                .similarity(vectors)
                .separation("cosine", separation)
                .separation(
                        "closeness",
                        streams.measure(Separation.by("topic", Closeness.pairwise())
                                .withShuffles(49)
                                .perSite()))
                .modules(Planted.SCRIPT, found, found.topics(map, Criterion.standard()), units)
                .comparison(Planted.SCRIPT, Planted.RIGHT_TO_LEFT, ModuleComparison.of(found, others))
                .used(PlantedEffects.estimated(units, Outcome.Sense.COST), map)
                .measured(PlantedEffects.heads(units))
                .effects(PlantedEffects.heads(units))
                .moduleEffects(PlantedEffects.modules(units))
                .effectCurves("loss (nats a token)", PlantedEffects.curves())
                .bases(streams.measure(Basis.centred().perSite()))
                .subspaces(overlaps)
                .attention(Planted.patterns(), id -> id == 0 ? Planted.SCRIPT : "token " + id)
                .provenance(Map.of("model.name", Planted.SCRIPT, "long", Planted.LONG))
                .write(page);
        opened = Browser.open(folder).orElse(null);
        if (opened == null) {
            System.out.println("The page was not tried: there is no chromium and chromedriver on the path.");
        }
    }

    @BeforeEach
    void load() {
        assumeTrue(opened != null, "no chromium and chromedriver on the path");
        browser().driver().manage().window().setSize(new Dimension(1440, 1000));
        browser().load(page);
    }

    /** Whatever was done, nothing went wrong, nothing was loaded, and no text was taken for markup. */
    @AfterEach
    void nothingLeavesThePage() {
        if (opened != null) {
            assertThat(browser().errors()).isEmpty();
            assertThat(browser().requests())
                    .isNotEmpty()
                    .allMatch(url -> url.startsWith(folder.toUri().toString())
                            || url.startsWith("data:")
                            || url.startsWith("blob:"));
            assertThat(browser().script("return String(window.hacked)")).isEqualTo("undefined");
        }
    }

    @AfterAll
    void close() {
        if (opened != null) {
            opened.close();
        }
    }

    private Browser browser() {
        return Objects.requireNonNull(opened, "there is a browser");
    }

    private static String readout(WebElement figure) {
        return figure.findElement(By.className("readout")).getText();
    }

    private static List<WebElement> figures(WebElement section) {
        return section.findElements(By.cssSelector(".panels figure"));
    }

    private static WebElement chart(WebElement figure) {
        return figure.findElement(By.className("chart"));
    }

    private static double number(String text) {
        return Double.parseDouble(text.replace('−', '-').replace("+", ""));
    }

    private Site site(String name) {
        char kind = name.charAt(2);
        String site = "blocks." + name.charAt(1) + (kind == 'H' ? ".attn.hook_z.magnitude" : ".mlp.hook_post");
        return units.at(site).site();
    }

    /** What the page says of a unit is what was measured, as the CSV file has it. */
    private String assertTold(String text, String label) {
        Matcher told = TOLD.matcher(text);
        assertThat(told.matches()).as(text).isTrue();
        String name = told.group(1);
        UnitSelectivity unit = map.get(Unit.of(site(name), Integer.parseInt(name.substring(3))), label);
        assertThat(number(told.group(2))).isCloseTo(unit.hedgesG(), within(5.1e-4));
        assertThat(number(told.group(3))).isCloseTo(unit.auroc(), within(5.1e-4));
        assertThat(number(told.group(4))).isCloseTo(unit.q(), within(0.006 * unit.q()));
        assertThat(told.group(5))
                .isEqualTo(
                        Criterion.standard().lightsUp(unit)
                                ? "lights up"
                                : Criterion.standard().goesDark(unit)
                                        ? "goes dark"
                                        : unit.q() > Criterion.standard().q()
                                                ? "fails the false discovery rate"
                                                : "has too small an effect");
        return name;
    }

    @Test
    void labelsSwitchAndTheKeyboardShowsTheirNumbers() {
        WebElement section = browser().section("mri");
        for (int label = 0; label < Planted.LABELS.size(); label++) {
            new Select(section.findElement(By.id("mri-label"))).selectByIndex(label);
            WebElement chart = chart(figures(section).get(0));
            List<String> seen = new ArrayList<>();
            for (int layer = 0; layer < Planted.LAYERS; layer++) {
                chart.sendKeys(Keys.HOME);
                for (int head = 0; head < Planted.HEADS; head++) {
                    seen.add(assertTold(
                            readout(figures(section).get(0)), map.labels().get(label)));
                    chart.sendKeys(Keys.ARROW_RIGHT);
                }
                chart.sendKeys(Keys.ARROW_DOWN);
            }
            assertThat(seen).hasSize(Planted.LAYERS * Planted.HEADS).doesNotHaveDuplicates();
        }
    }

    @Test
    void thePointerShowsNumbers() {
        WebElement section = browser().section("mri");
        WebElement figure = figures(section).get(0);
        List<String> seen = new ArrayList<>();
        for (int x : new int[] {-150, 0, 150}) {
            new Actions(browser().driver()).moveToElement(chart(figure), x, 0).perform();
            browser().until(() -> !readout(figure).isEmpty());
            String name = assertTold(readout(figure), map.labels().get(0));
            if (!seen.contains(name)) {
                seen.add(name);
            }
        }
        assertThat(seen).hasSizeGreaterThan(1);
    }

    @Test
    void effectsStandBesideWhatLightsUp() {
        WebElement section = browser().section("effects");
        List<WebElement> figures = figures(section);
        assertThat(figures).hasSize(6);
        chart(figures.get(0)).sendKeys(Keys.HOME);
        EffectMap heads = PlantedEffects.heads(units);
        UnitEffect first = heads.rows()
                .max(Comparator.comparingDouble((UnitEffect row) ->
                        row.target().equals(heads.targets().get(0).name())
                                ? row.selective()
                                : Double.NEGATIVE_INFINITY))
                .orElseThrow();
        assertThat(first.isNeeded()).isTrue();
        assertThat(readout(figures.get(0)))
                .startsWith("\u2068L0H0\u2069 off, ")
                .contains(String.format(Locale.ROOT, "+%.3f", first.effect()))
                .endsWith("; needed");
        chart(figures.get(1)).sendKeys(Keys.HOME);
        assertThat(readout(figures.get(1))).contains("L2H0", "; needed", "AUROC");
        assertThat(section.getText())
                .contains(
                        String.format(Locale.ROOT, "%.3f", Math.abs(heads.rankCorrelation(map, UnitEffect::selective))))
                .contains("12 of 12 heads are needed by a label");
        chart(figures.get(3)).sendKeys(Keys.HOME);
        assertThat(readout(figures.get(3))).contains("module 0 (<script>");
        chart(figures.get(4)).sendKeys(Keys.HOME, Keys.ARROW_RIGHT);
        assertThat(readout(figures.get(4))).contains("first 10 of selectivity for", "10.00 %", "untouched 3.000");
        new Select(section.findElements(By.tagName("select")).get(0)).selectByIndex(1);
        assertThat(figures(section)).hasSize(6);
    }

    @Test
    void whatIsUsedStandsBesideWhatLightsUp() {
        WebElement section = browser().section("used");
        assertThat(figures(section)).hasSize(5);
        EffectMap estimated = PlantedEffects.estimated(units, Outcome.Sense.COST);
        String label = map.labels().get(1);
        new Select(section.findElements(By.tagName("select")).get(0)).selectByIndex(1);
        UnitEffect first = estimated
                .rows(label)
                .filter(row -> row.unit().head().isPresent())
                .max(Comparator.comparingDouble(UnitEffect::selective))
                .orElseThrow();
        List<WebElement> figures = figures(section);
        chart(figures.get(0)).sendKeys(Keys.HOME);
        assertThat(readout(figures.get(0)))
                .contains(String.format(Locale.ROOT, "rise by +%.3f", first.effect()))
                .contains(String.format(
                        Locale.ROOT, "AUROC %.3f", map.get(first.unit(), label).auroc()))
                .endsWith("; used");
        chart(figures.get(1)).sendKeys(Keys.HOME);
        assertThat(readout(figures.get(1))).startsWith("\u2068L2H0\u2069, ");
        chart(figures.get(4)).sendKeys(Keys.HOME);
        assertThat(readout(figures.get(4))).contains("L0H0", "estimated +", "measured +");
        assertThat(section.getText())
                .contains(String.format(
                        Locale.ROOT,
                        "is +%.3f; of their differences",
                        estimated.rankCorrelation(PlantedEffects.heads(units), UnitEffect::effect)))
                .doesNotContain("NaN");
        browser().until(() -> !cells(section, "own").isEmpty());
        assertThat(cells(section, "used").get(0)).isEqualTo("yes");
    }

    @Test
    void labelsStandSideBySide() {
        WebElement section = browser().section("mri");
        assertThat(figures(section)).hasSize(2);
        Select mode = new Select(section.findElement(By.id("mri-mode")));
        mode.selectByIndex(1);
        assertThat(figures(section)).hasSize(4);
        new Select(section.findElement(By.id("mri-beside"))).selectByIndex(3);
        WebElement right = figures(section).get(1);
        chart(right).sendKeys(Keys.ARROW_RIGHT);
        assertTold(readout(right), map.labels().get(3));
    }

    private static List<WebElement> tiles(WebElement section) {
        return section.findElements(By.className("tile"));
    }

    /** How many of a family's units have a call. */
    private long calls(String hook, String label, Predicate<UnitSelectivity> which) {
        return map.rows()
                .filter(row ->
                        row.label().equals(label) && row.unit().site().name().endsWith(hook))
                .filter(which)
                .count();
    }

    @Test
    void allLabelsAreThereAtAGlance() {
        WebElement section = browser().section("mri");
        for (int family = 0; family < 2; family++) {
            new Select(section.findElement(By.id("mri-of"))).selectByIndex(family);
            String hook = family == 0 ? "hook_z.magnitude" : "hook_post";
            List<WebElement> tiles = tiles(section);
            assertThat(tiles).hasSize(Planted.LABELS.size());
            for (int label = 0; label < tiles.size(); label++) {
                String name = map.labels().get(label);
                assertThat(tiles.get(label).findElement(By.className("about")).getText())
                        .isEqualTo(calls(hook, name, Criterion.standard()::lightsUp) + " lit, "
                                + calls(hook, name, Criterion.standard()::goesDark) + " dark");
            }
            String drawn = pixels(tiles.get(0));
            assertThat(Integer.parseInt(drawn.substring(0, drawn.indexOf(' ')))).isGreaterThan(1);
            assertThat(pixels(tiles.get(1))).isNotEqualTo(drawn);
        }
        assertThat(tiles(section).get(map.labels().indexOf(Planted.SCRIPT)).getText())
                .startsWith("<script>window.hacked");
    }

    /** How many colours a small picture has, and which. */
    private String pixels(WebElement tile) {
        return String.valueOf(browser()
                .script(
                        "const drawn = arguments[0].querySelector('canvas'); const canvas = drawn.cloneNode();"
                                + "const pen = canvas.getContext('2d', { willReadFrequently: true }); pen.drawImage(drawn, 0, 0);"
                                + "const all = pen.getImageData(0, 0, canvas.width, canvas.height).data;"
                                + "const of = []; for (let i = 0; i < all.length; i += 4) of.push(all.slice(i, i + 3).join());"
                                + "return new Set(of).size + ' ' + of.filter((each, i) => each !== of[i - 1]).join(';')",
                        tile));
    }

    @Test
    void aSmallPictureIsReadByThePointerAndChosenByKeyboard() {
        WebElement section = browser().section("mri");
        WebElement canvas = tiles(section).get(2).findElement(By.tagName("canvas"));
        WebElement readout = section.findElement(By.className("readout"));
        new Actions(browser().driver())
                .moveToElement(
                        canvas,
                        2 - canvas.getSize().getWidth() / 2,
                        canvas.getSize().getHeight() / 2 - 2)
                .perform();
        browser().until(() -> !readout.getText().isEmpty());
        assertThat(assertTold(readout.getText(), map.labels().get(2))).isEqualTo("L0H0");
        tiles(section)
                .get(0)
                .findElement(By.tagName("input"))
                .sendKeys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT);
        assertThat(section.findElement(By.id("mri-label")).getDomProperty("value"))
                .isEqualTo("3");
        WebElement large = figures(section).get(0);
        chart(large).sendKeys(Keys.HOME);
        assertTold(readout(large), map.labels().get(3));
        // The other way round, too.
        new Select(section.findElement(By.id("mri-label"))).selectByIndex(1);
        assertThat(tiles(section).get(1).findElement(By.tagName("input")).isSelected())
                .isTrue();
        tiles(section).get(0).click();
        chart(figures(section).get(0)).sendKeys(Keys.HOME);
        assertTold(readout(figures(section).get(0)), map.labels().get(0));
    }

    @Test
    void smallPicturesFollowTheThemeAndAreSaved() throws IOException {
        WebElement section = browser().section("mri");
        String light = pixels(tiles(section).get(0));
        browser().script("setTheme(true)");
        assertThat(pixels(tiles(section).get(0))).isNotEqualTo(light);
        List<WebElement> buttons =
                section.findElement(By.tagName("figure")).findElements(By.cssSelector(".head button"));
        buttons.get(0).click();
        buttons.get(1).click();
        browser()
                .until(() -> files("all-labels.png").size() == 1
                        && files("all-labels.csv").size() == 1);
        assertThat(ImageIO.read(files("all-labels.png").get(0).toFile()).getWidth())
                .isCloseTo(
                        2 * section.findElement(By.className("tiles")).getSize().getWidth(), within(2));
        String csv = Files.readString(files("all-labels.csv").get(0));
        assertThat(csv).startsWith("unit,layer,number,label,effect,auroc,q");
        assertThat(csv.lines().filter(line -> line.startsWith("L2H3,"))).hasSize(Planted.LABELS.size());
        for (String ending : List.of("all-labels.png", "all-labels.csv")) {
            Files.delete(files(ending).get(0));
        }
    }

    @Test
    void titlesAreWordsAndTheSitesAreBesideThem() {
        for (String id : SECTIONS) {
            browser().section(id);
        }
        List<String> titles = browser().driver().findElements(By.cssSelector("figure .head h3")).stream()
                .map(WebElement::getText)
                .toList();
        assertThat(titles)
                .hasSizeGreaterThan(SECTIONS.size())
                .allSatisfy(title ->
                        assertThat(title).doesNotContain("hook_", "blocks.").matches("(?s)[A-Z].*"));
        assertThat(titles.get(0)).isEqualTo("Heads: how much each writes, for all labels");
        assertThat(browser().section("mri").findElement(By.className("pattern")).getText())
                .isEqualTo("blocks.*.attn.hook_z.magnitude");
        assertThat(browser()
                        .section("separation")
                        .findElement(By.className("pattern"))
                        .getText())
                .isEqualTo("blocks.*.hook_resid_post");
        browser().until(() -> !cells(browser().section("units"), "of").isEmpty());
        assertThat(cells(browser().section("units"), "of")).allMatch(of -> of.contains(": how "));
    }

    @Test
    void foreignSitesKeepTheirNames() {
        Activations foreign = units.map(site -> site.derived(
                new Site(
                        site.site().name().replace("blocks.", "/model/layers.").replace(".hook_", "/hook_"),
                        site.site().layer(),
                        List.of(Axis.POSITION, Axis.units(site.site().width())),
                        false),
                Pooling.mean(),
                site::vector));
        Path other = folder.resolve("foreign.html");
        Report.of(units.prompts(), "topic")
                .units(foreign.measure(Selectivity.by("topic")), foreign)
                .write(other);
        browser().load(other);
        WebElement section = browser().section("mri");
        assertThat(section.findElement(By.cssSelector(".head h3")).getText())
                .isEqualTo("/model/layers.*.attn/hook_z.magnitude, for all labels");
        assertThat(section.findElements(By.className("pattern"))).isEmpty();
    }

    /** What is written along the axes of all pictures that are there, an entry for each axis. */
    private List<?> axes(String which) {
        return (List<?>) browser()
                .script("return drawn.filter((each) => each.chart).flatMap((each) => ['xAxis', 'yAxis']"
                        + ".map((of) => each.chart.getModel().getComponent(of).axis)"
                        + ".filter((axis) => " + which + ")"
                        + ".map((axis) => axis.getViewLabels().map((label) => label.formattedLabel)))");
    }

    @Test
    void noAxisSaysTheSameTwice() {
        chart(figures(browser().section("mri")).get(0)).sendKeys(Keys.HOME, Keys.ENTER);
        for (String id : SECTIONS) {
            browser().section(id);
        }
        String numbers = "axis.scale.type !== 'ordinal'";
        for (int what = 0; what < 3; what++) {
            new Select(browser().section("separation").findElement(By.tagName("select"))).selectByIndex(what);
            assertThat(axes(numbers))
                    .hasSizeGreaterThan(15)
                    .allSatisfy(labels -> assertThat((List<?>) labels)
                            .hasSizeBetween(2, 12)
                            .doesNotHaveDuplicates()
                            .allSatisfy(
                                    label -> assertThat(String.valueOf(label)).matches("−?\\d+(\\.\\d+)?")));
        }
        // Tokens may come twice in a text; names may not be cut until they are alike.
        assertThat(
                        axes(
                                "axis.scale.type === 'ordinal' && !document.getElementById('attention').contains(each.chart.getDom())"))
                .hasSizeGreaterThan(15)
                .allSatisfy(labels -> assertThat(((List<?>) labels).stream().filter(label -> !"".equals(label)))
                        .doesNotHaveDuplicates());
    }

    @Test
    void ticksAreRoundAndEndsOfScalesAreToldApart() {
        assertThat(browser()
                        .script("const { min, max, interval, axisLabel } = ticks([0.921, 0.9234, null, NaN]);"
                                + "return [min, max, interval].map(axisLabel.formatter)"))
                .isEqualTo(List.of("0.9210", "0.9235", "0.0005"));
        assertThat(
                        browser()
                                .script(
                                        "const { min, max, axisLabel } = ticks([0.2, 1]); return [min, max].map(axisLabel.formatter)"))
                .isEqualTo(List.of("0.2", "1.0"));
        // However close or far: labels differ, and the ends hold what is there.
        assertThat(
                        browser()
                                .script(
                                        "let seed = 7; const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647; const bad = [];"
                                                + "for (let i = 0; i < 2000; i++) { const low = (random() - 0.5) * 10 ** Math.floor(8 * random() - 4);"
                                                + "const high = low + random() * 10 ** Math.floor(10 * random() - 6);"
                                                + "const { min, max, interval, axisLabel } = ticks([low, high]); const told = [];"
                                                + "for (let k = 0; min + k * interval <= max + interval / 2; k++) told.push(axisLabel.formatter(min + k * interval));"
                                                + "if (new Set(told).size < told.length || told.length < 2 || told.length > 9 || min > low || max < high) bad.push([low, high, told]);"
                                                + "const ends = scaleLegend(low, high); if (ends.from === ends.to) bad.push([low, high, ends]); } return bad.map(String)"))
                .isEqualTo(List.of());
        assertThat(browser().script("return [ticks([3, 3]), ticks([0]), ticks([])].every(({ min, max }) => min < max)"))
                .isEqualTo(true);
        assertThat(browser().script("const { from, to } = scaleLegend(0.9201, 0.9234); return [from, to]"))
                .isEqualTo(List.of("0.9201", "0.9234"));
        assertThat(browser().script("return scaleLegend(0.92, 0.92).chips[0][1]"))
                .isEqualTo("all 0.92");
        assertThat(browser().script("const { min, max } = logTicks([0.996, 1.02, 40]); return [min, max].join()"))
                .isEqualTo("0.5,50");
    }

    @Test
    void namesAreNotCutUntilTheyAreAlike() {
        assertThat(browser().script("return axisNames(['network_protocol_a', 'network_protocol_b', 'law'], 14)"))
                .isEqualTo(List.of("networ…tocol_a", "networ…tocol_b", "law"));
        assertThat(
                        browser()
                                .script(
                                        "return new Set(axisNames(['x'.repeat(50) + 'a' + 'y'.repeat(50), 'x'.repeat(50) + 'b' + 'y'.repeat(50)], 14)).size"))
                .isEqualTo(2L);
        // The same name twice is the same twice.
        assertThat(browser().script("return axisNames(['the', 'the', ''], 14)")).isEqualTo(List.of("the", "the", ""));
    }

    @Test
    void bothHalvesAreThere() {
        WebElement section = browser().section("halves");
        String label = map.labels().get(1);
        new Select(section.findElement(By.id("halves-label"))).selectByIndex(1);
        assertThat(section.findElement(By.id("halves-agree")).getText())
                .contains(String.format(Locale.ROOT, "is %+.3f", halves.correlation(label)));
        WebElement figure = figures(section).get(0);
        chart(figure).sendKeys(Keys.HOME, Keys.ARROW_RIGHT);
        Matcher told = Pattern.compile(
                        "(?s)(L\\dH\\d) for .*: AUROC ([\\d.]+) in the first half and ([\\d.]+) in the second; of all prompts, .*")
                .matcher(readout(figure));
        assertThat(told.matches()).as(readout(figure)).isTrue();
        UnitConsistency unit = halves.get(unit(told.group(1)), label);
        assertThat(number(told.group(2))).isCloseTo(unit.firstAuroc(), within(0.0071));
        assertThat(number(told.group(3))).isCloseTo(unit.secondAuroc(), within(0.0071));

        WebElement table = browser().section("units");
        browser().until(() -> !cells(table, "first").isEmpty());
        UnitConsistency first =
                halves.get(unit(cells(table, "unit").get(0)), map.labels().get(0));
        assertThat(number(cells(table, "first").get(0))).isCloseTo(first.firstAuroc(), within(0.0071));
        assertThat(number(cells(table, "second").get(0))).isCloseTo(first.secondAuroc(), within(0.0071));
        chart(figures(browser().section("mri")).get(0)).sendKeys(Keys.HOME, Keys.ENTER);
        assertThat(browser().driver().findElement(By.id("detail-halves")).getText())
                .isEqualTo(String.format(
                        Locale.ROOT,
                        "In either half of the prompts: AUROC %.2f and %.2f.",
                        rounded(halves.get(unit("L2H0"), map.labels().get(0)).firstAuroc()),
                        rounded(halves.get(unit("L2H0"), map.labels().get(0)).secondAuroc())));
    }

    /** As the page has it. */
    private static double rounded(double auroc) {
        return Math.round(250 * auroc) / 250.0;
    }

    private Unit unit(String name) {
        return Unit.of(site(name), Integer.parseInt(name.substring(3)));
    }

    @Test
    void howHeadsAttendIsThere() {
        WebElement section = browser().section("behaviour");
        String label = map.labels().get(2);
        new Select(section.findElement(By.id("behaviour-label"))).selectByIndex(2);
        assertThat(figures(section)).hasSize(HeadBehaviour.values().length);
        WebElement previous = figures(section).get(HeadBehaviour.PREVIOUS.index());
        chart(previous).sendKeys(Keys.HOME, Keys.ARROW_RIGHT);
        Matcher told = Pattern.compile(
                        "(?s)L2H1, attention to the token before, for .*: effect ([+−\\d.]+), AUROC ([\\d.]+), q ([\\d.e-]+), (.*)")
                .matcher(readout(previous));
        assertThat(told.matches()).as(readout(previous)).isTrue();
        Site last = behaviour.sites().get(Planted.LAYERS - 1);
        UnitSelectivity expected =
                behaviour.get(Unit.of(last, HeadBehaviour.values().length + HeadBehaviour.PREVIOUS.index()), label);
        assertThat(number(told.group(1))).isCloseTo(expected.hedgesG(), within(5.1e-4));
        assertThat(number(told.group(2))).isCloseTo(expected.auroc(), within(5.1e-4));
        assertThat(told.group(4))
                .isEqualTo(
                        Criterion.standard().lightsUp(expected)
                                ? "more than for other labels"
                                : Criterion.standard().goesDark(expected)
                                        ? "less than for other labels"
                                        : "not told from other labels, or too little");
        browser().until(() -> !cells(section, "auroc").isEmpty());
        double farthest = behaviour
                .rows()
                .filter(row -> row.label().equals(label))
                .mapToDouble(row -> Math.abs(row.auroc() - 0.5))
                .max()
                .orElseThrow();
        assertThat(Math.abs(number(cells(section, "auroc").get(0)) - 0.5)).isCloseTo(farthest, within(5.1e-4));
        assertThat(section.getText()).doesNotContain("undefined", "NaN");
    }

    /** Of all layers, the least and the largest similarity of two prompts are the ends of the one scale. */
    @Test
    void layersAreComparedOnOneScale() {
        WebElement section = browser().section("similarity");
        double[] all = vectors.sites().stream()
                .filter(site -> site.site().heads() == 0)
                .map(site -> vectors.only(only -> only.equals(site.site())).measure(ScaledCosine.pairwise()))
                .flatMapToDouble(matrix -> IntStream.range(0, matrix.size())
                        .boxed()
                        .flatMapToDouble(i -> IntStream.range(0, i).mapToDouble(j -> matrix.get(i, j))))
                .sorted()
                .toArray();
        new Select(section.findElement(By.id("similarity-measure"))).selectByIndex(1);
        List<String> legend = section.findElements(By.cssSelector("figure:has(.tiles) .legend span:not(.bar)")).stream()
                .map(WebElement::getText)
                .toList();
        assertThat(legend).hasSize(2);
        assertThat(number(legend.get(0))).isCloseTo(all[0], within(5.1e-3));
        assertThat(number(legend.get(1))).isCloseTo(all[all.length - 1], within(5.1e-3));
        assertThat(tiles(section)).hasSize(Planted.LAYERS);
        tiles(section).get(0).click();
        assertThat(section.findElements(By.tagName("select")).get(1).getDomProperty("value"))
                .isEqualTo("0");
        assertMatrices(section, vectors.only(site -> site.name().equals("blocks.0.hook_resid_post")), 2e-3);
        new Select(section.findElements(By.tagName("select")).get(1)).selectByIndex(1);
        assertThat(tiles(section).get(1).findElement(By.tagName("input")).isSelected())
                .isTrue();
        // Of heads, those of a layer.
        new Select(section.findElements(By.tagName("select")).get(0)).selectByIndex(1);
        assertThat(tiles(section)).hasSize(Planted.HEADS);
        assertThat(tiles(section).get(3).getText()).startsWith("Head L2H3");
    }

    @Test
    void aUnitShowsItsValuesWithTheTexts() {
        WebElement section = browser().section("mri");
        WebElement chart = chart(figures(section).get(0));
        chart.sendKeys(Keys.HOME, Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ENTER);
        String name = assertTold(readout(figures(section).get(0)), map.labels().get(0));
        WebElement detail = browser().driver().findElement(By.id("detail"));
        assertTold(
                detail.findElement(By.id("detail-unit")).getText(), map.labels().get(0));
        List<WebElement> items = detail.findElements(By.cssSelector("ol li"));
        int unit = Integer.parseInt(name.substring(3));
        float[][] rows = units.at(site(name)).vectors();
        List<Integer> order = IntStream.range(0, rows.length)
                .boxed()
                .sorted(Comparator.comparingDouble(prompt -> -rows[prompt][unit]))
                .toList();
        assertThat(items).hasSize(rows.length);
        for (int i = 0; i < items.size(); i++) {
            Prompt prompt = units.prompts().get(order.get(i));
            assertThat(number(items.get(i).findElement(By.tagName("strong")).getText()))
                    .isCloseTo(rows[order.get(i)][unit], within(2e-4));
            assertThat(items.get(i).findElement(By.className("text")).getDomProperty("textContent"))
                    .isEqualTo(prompt.text().orElseThrow());
        }
    }

    @Test
    void aBinOfNeuronsListsThem() {
        browser().section("units");
        WebElement section = browser().section("mri");
        WebElement strip = figures(section).get(1);
        chart(strip).sendKeys(Keys.END, Keys.ENTER);
        assertThat(readout(strip)).contains("bin 120 of 120");
        WebElement what = browser().driver().findElement(By.id("units-what"));
        browser().until(() -> what.getText().startsWith("Of one bin of layer 2"));
        List<WebElement> rows = browser().section("units").findElements(By.cssSelector(".tabulator-row"));
        assertThat(rows)
                .isNotEmpty()
                .allSatisfy(row -> assertThat(row.getText()).startsWith("L2N"));
    }

    @Test
    void tablesSortAndFilter() {
        WebElement section = browser().section("units");
        browser()
                .until(() ->
                        !section.findElements(By.className("tabulator-row")).isEmpty());
        List<UnitSelectivity> best = map.top(map.labels().get(0), 3);
        assertThat(cells(section, "auroc").get(0))
                .isEqualTo(String.format(Locale.ROOT, "%.3f", best.get(0).auroc()));
        section.findElement(By.cssSelector(".tabulator-col[tabulator-field=effect] .tabulator-col-title"))
                .click();
        browser()
                .until(() -> isSorted(
                        cells(section, "effect").stream().map(PageTest::number).toList()));
        section.findElement(By.cssSelector(".tabulator-col[tabulator-field=unit] input"))
                .sendKeys("L1H");
        browser().until(() -> cells(section, "unit").size() == Planted.HEADS);
        assertThat(cells(section, "unit")).containsExactlyInAnyOrder("L1H0", "L1H1", "L1H2", "L1H3");
    }

    /** As they are at this moment; rows come and go. */
    private List<String> cells(WebElement section, String field) {
        String cells = String.valueOf(browser()
                .script(
                        "return [...arguments[0].querySelectorAll('.tabulator-cell[tabulator-field=' + arguments[1] + ']')]"
                                + ".map((cell) => cell.innerText).join('\\n')",
                        section,
                        field));
        return cells.lines().toList();
    }

    private static boolean isSorted(List<Double> numbers) {
        return numbers.equals(numbers.stream().sorted().toList())
                || numbers.equals(
                        numbers.stream().sorted(Comparator.reverseOrder()).toList());
    }

    @Test
    void matricesAreTheMetrics() {
        WebElement section = browser().section("similarity");
        Activations last = vectors.only(site -> site.name().equals("blocks.2.hook_resid_post"));
        assertMatrices(section, last, 2e-3);
        new Select(section.findElements(By.tagName("select")).get(0)).selectByIndex(1);
        new Select(section.findElements(By.tagName("select")).get(2)).selectByIndex(3);
        Activations head = vectors.at("blocks.2.attn.hook_z").head(3).alone();
        assertMatrices(section, head, 0.02);
    }

    private void assertMatrices(WebElement section, Activations site, double tolerance) {
        List<SimilarityMatrix> expected = List.of(
                site.measure(Cosine.pairwise()),
                site.measure(ScaledCosine.pairwise()),
                site.measure(Closeness.pairwise()));
        for (int which = 0; which < 3; which++) {
            WebElement figure = figures(section).get(which);
            chart(figure).sendKeys(Keys.HOME);
            for (int step = 0; step < 12; step++) {
                Matcher told = Pattern.compile("(?s).*? (−?[\\d.]+) of .*?(p\\d+) .*? and .*?(p\\d+) .*")
                        .matcher(readout(figure));
                assertThat(told.matches()).as(readout(figure)).isTrue();
                SimilarityMatrix matrix = expected.get(which);
                assertThat(number(told.group(1)))
                        .as(readout(figure))
                        .isCloseTo(matrix.get(index(told.group(2)), index(told.group(3))), within(tolerance));
                chart(figure).sendKeys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_DOWN);
            }
        }
    }

    private static int index(String id) {
        return Integer.parseInt(id.substring(1));
    }

    @Test
    void oneHeadIsShownAsItIs() {
        WebElement section = browser().section("head");
        WebElement values = figures(section).get(1);
        chart(values).sendKeys(Keys.HOME, Keys.ARROW_UP);
        Matcher told = Pattern.compile("(?s)dimension (\\d) of L2H0: ([+−\\d.]+) for .*?(p\\d+) .*")
                .matcher(readout(values));
        assertThat(told.matches()).as(readout(values)).isTrue();
        float value =
                vectors.at("blocks.2.attn.hook_z").vectors()[index(told.group(3))][Integer.parseInt(told.group(1))];
        assertThat(number(told.group(2))).isCloseTo(value, within(0.03));
    }

    @Test
    void curvesHaveIntervals() {
        WebElement section = browser().section("separation");
        new Select(section.findElement(By.tagName("select"))).selectByIndex(1);
        WebElement figure = figures(section).get(0);
        chart(figure).sendKeys(Keys.HOME);
        Matcher told = Pattern.compile(
                        "cosine, layer 0: gap (−?[\\d.]+), 95 % from (−?[\\d.]+) to (−?[\\d.]+), p ([\\d.]+)")
                .matcher(readout(figure));
        assertThat(told.matches()).as(readout(figure)).isTrue();
        LabelSeparation first = separation.values().iterator().next();
        assertThat(number(told.group(1))).isCloseTo(first.gap(), within(6e-4));
        assertThat(number(told.group(2))).isCloseTo(first.gap() - 1.96 * first.gapError(), within(6e-4));
        assertThat(number(told.group(3))).isCloseTo(first.gap() + 1.96 * first.gapError(), within(6e-4));
        assertThat(number(told.group(4))).isCloseTo(first.gapP(), within(6e-4));
    }

    @ParameterizedTest
    @ValueSource(strings = {"modules", "comparison", "bases", "angles", "attention"})
    void theOtherPartsAreReadByKeyboard(String id) {
        WebElement section = browser().section(id);
        for (WebElement figure : figures(section)) {
            chart(figure).sendKeys(Keys.HOME, Keys.ARROW_RIGHT);
            assertThat(readout(figure)).isNotBlank().doesNotContain("undefined").doesNotContain("NaN");
        }
        assertThat(figures(section)).isNotEmpty();
    }

    @Test
    void numbersAndPicturesAreSaved() throws IOException {
        WebElement section = browser().section("mri");
        List<WebElement> buttons = figures(section).get(0).findElements(By.cssSelector(".head button"));
        buttons.get(0).click();
        buttons.get(1).click();
        browser().until(() -> files(".png").size() == 1 && files(".csv").size() == 1);
        WebElement chart = chart(figures(section).get(0));
        BufferedImage saved = ImageIO.read(files(".png").get(0).toFile());
        // Twice as dense, with room for the title above and the legend below.
        assertThat(saved.getWidth()).isCloseTo(2 * chart.getSize().getWidth(), within(2));
        assertThat(saved.getHeight()).isGreaterThanOrEqualTo(2 * chart.getSize().getHeight() + 140);
        assertThat(IntStream.range(0, 80 * saved.getWidth())
                        .map(at -> saved.getRGB(at % saved.getWidth(), at / saved.getWidth()))
                        .distinct()
                        .count())
                .isGreaterThan(1);
        List<String> lines = Files.readAllLines(files(".csv").get(0));
        assertThat(lines.get(0)).isEqualTo("unit,layer,number,label,effect,auroc,q");
        assertThat(lines).hasSize(1 + Planted.LAYERS * Planted.HEADS);
        UnitSelectivity first = map.get(Unit.of(site("L0H0"), 0), map.labels().get(0));
        String[] cells = lines.get(1).split(",", -1);
        assertThat(Double.parseDouble(cells[cells.length - 2])).isCloseTo(first.auroc(), within(1e-5));
    }

    private List<Path> files(String ending) {
        try (var all = Files.list(folder)) {
            return all.filter(file -> file.toString().endsWith(ending)).toList();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** As texts, to the last character. */
    @Test
    void hostileTextsAreShownAsTheyAre() {
        assertThat(browser().driver().findElement(By.id("title")).getText())
                .isEqualTo(Planted.SCRIPT + Planted.QUOTES.replace("  ", " "));
        WebElement section = browser().section("mri");
        List<String> options = new Select(section.findElement(By.id("mri-label")))
                .getOptions().stream().map(WebElement::getText).toList();
        assertThat(options.get(0)).isEqualTo(Planted.QUOTES);
        assertThat(options).anyMatch(text -> text.startsWith("<script>window.hacked"));
        assertThat(browser().script("return meta.labels")).isEqualTo(map.labels());
        assertThat(browser().script("return meta.prompts.map((prompt) => prompt.text)"))
                .isEqualTo(units.prompts().stream()
                        .map(prompt -> prompt.text().orElseThrow())
                        .toList());
    }

    @ParameterizedTest
    @ValueSource(ints = {390, 1440})
    void nothingScrollsSideways(int width) {
        browser().driver().manage().window().setSize(new Dimension(width, 900));
        for (String id : SECTIONS) {
            browser().section(id);
        }
        assertThat(browser()
                        .script("return document.documentElement.scrollWidth - document.documentElement.clientWidth"))
                .isEqualTo(0L);
    }

    @Test
    void lightAndDark() {
        browser().section("mri");
        String light = String.valueOf(browser().script("return getComputedStyle(document.body).backgroundColor"));
        browser().driver().findElement(By.id("theme")).click();
        String dark = String.valueOf(browser().script("return getComputedStyle(document.body).backgroundColor"));
        assertThat(dark).isNotEqualTo(light);
        assertThat(browser().driver().findElement(By.id("theme")).getDomAttribute("aria-pressed"))
                .isEqualTo("true");
    }

    @Test
    void eachPictureHasATextAndEachControlAName() {
        for (String id : SECTIONS) {
            browser().section(id);
        }
        assertThat(
                        browser()
                                .script(
                                        "return [...document.querySelectorAll('.chart')].filter((e) => !e.getAttribute('aria-label') || e.tabIndex !== 0).length"))
                .isEqualTo(0L);
        assertThat(
                        browser()
                                .script(
                                        "return [...document.querySelectorAll('select, button')].filter((e) => !(e.labels && e.labels.length) && !e.textContent.trim() && !e.getAttribute('aria-label')).length"))
                .isEqualTo(0L);
        assertThat(browser().script("return document.querySelectorAll('section[aria-labelledby]').length"))
                .isEqualTo((long) SECTIONS.size());
    }

    @Test
    void anEmptyReportIsAPage() {
        Path empty = folder.resolve("empty.html");
        Report.of(units.prompts(), "topic").write(empty);
        browser().load(empty);
        assertThat(browser().script("return document.querySelectorAll('section').length"))
                .isEqualTo(0L);
    }

    /** By the rules of axe for WCAG 2.1 A and AA. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void nobodyIsShutOut(boolean dark) throws IOException {
        for (String id : SECTIONS) {
            browser().section(id);
        }
        if (dark) {
            browser().driver().findElement(By.id("theme")).click();
        }
        try (InputStream axe = Objects.requireNonNull(PageTest.class.getResourceAsStream("/axe.min.js"))) {
            browser().script(new String(axe.readAllBytes(), StandardCharsets.UTF_8));
        }
        Object found = browser()
                .driver()
                .executeAsyncScript("const done = arguments[0];"
                        + "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
                        + ".then((run) => done(run.violations.map((each) => each.id + ': ' + each.nodes.length + ' ' + each.nodes[0].html"
                        + " + each.nodes[0].failureSummary)));");
        assertThat((List<?>) found).isEmpty();
    }

    @Test
    void whatGoesDarkCanBeFiltered() {
        WebElement section = browser().section("units");
        browser()
                .until(() ->
                        !section.findElements(By.className("tabulator-row")).isEmpty());
        section.findElement(By.cssSelector(".tabulator-col[tabulator-field=effect] input"))
                .sendKeys("< -0.5");
        browser()
                .until(() -> cells(section, "effect").stream()
                        .mapToDouble(PageTest::number)
                        .allMatch(effect -> effect < -0.5));
        assertThat(cells(section, "effect")).isNotEmpty();
    }

    @Test
    void modulesTellTheirStabilityAndTheirMembers() {
        WebElement section = browser().section("modules");
        browser().until(() -> !cells(section, "certainty").isEmpty());
        assertThat(section.getText())
                .contains(
                        found.border().size() + " on the border",
                        "the least that 9 shuffles can give is 0.100",
                        String.format(
                                Locale.ROOT,
                                "adjusted Rand index of %.2f",
                                found.halves().mean()),
                        "planted modules of the same strength");
        assertThat(cells(section, "halves")).hasSize(found.resolutions().size());
        assertThat(number(cells(section, "stability").get(0)))
                .isCloseTo(found.modules().get(0).stability(), within(0.0051));
        Select group = new Select(section.findElement(By.tagName("select")));
        assertThat(group.getOptions()).hasSize(found.modules().size() + 1);
        for (int module = 0; module < Math.min(2, found.modules().size()); module++) {
            group.selectByIndex(module);
            List<Member> members = found.modules().get(module).members();
            browser().until(() -> !memberCells(section, "unit").isEmpty());
            assertThat(section.findElement(By.className("members")).getText())
                    .startsWith(members.size() + " units, the surest first");
            String name = memberCells(section, "unit").get(0);
            Member member = members.stream()
                    .filter(each -> each.unit().site().equals(site(name))
                            && each.unit().inSite() == Integer.parseInt(name.substring(3)))
                    .findFirst()
                    .orElseThrow();
            assertThat(number(memberCells(section, "certainty").get(0))).isCloseTo(member.certainty(), within(0.0051));
            assertThat(number(memberCells(section, "stability").get(0))).isCloseTo(member.stability(), within(0.0051));
        }
        group.selectByIndex(found.modules().size());
        assertThat(section.findElement(By.className("members")).getText())
                .startsWith(found.border().size() + " units");
    }

    private List<String> memberCells(WebElement section, String field) {
        return cells(section.findElement(By.className("members")), field);
    }

    @Test
    void aModuleThatIsPickedShowsItsMembers() {
        WebElement section = browser().section("modules");
        browser()
                .until(() ->
                        !section.findElements(By.className("tabulator-row")).isEmpty());
        section.findElements(By.className("tabulator-row")).get(1).sendKeys(Keys.ENTER);
        assertThat(section.findElement(By.tagName("select")).getDomProperty("value"))
                .isEqualTo("1");
        assertThat(section.findElement(By.className("members")).getText())
                .startsWith(found.modules().get(1).size() + " units");
    }

    @Test
    void mapsAreComparedByNumbersAndOverlaps() {
        ModuleComparison expected = ModuleComparison.of(found, others);
        WebElement section = browser().section("comparison");
        browser().until(() -> !cells(section, "jaccard").isEmpty());
        assertThat(section.getText())
                .contains(
                        String.format(
                                Locale.ROOT,
                                "All units (%d): adjusted Rand index %.3f, variation of information %.3f nats",
                                expected.all().units(),
                                expected.all().adjustedRand(),
                                expected.all().variationOfInformation()),
                        "Units in modules of both (" + expected.inModules().units() + ")");
        WebElement figure = figures(section).get(0);
        chart(figure).sendKeys(Keys.HOME);
        assertThat(readout(figure)).startsWith("module 0 of ").contains(" units in common, Jaccard ");
        assertThat(cells(section, "like").get(0))
                .isEqualTo(Integer.toString(
                        expected.counterpartsOfOne().get(0).orElseThrow().other()));
        assertThat(cells(section, "one")).hasSameSizeAs(expected.overlaps());
    }

    @Test
    void anglesOverLayersAreTheMedianOfPairs() {
        WebElement figure = figures(browser().section("angles")).get(1);
        LabelOverlaps first = overlaps.values().iterator().next();
        double[] angles = first.pairs().stream()
                .mapToDouble(pair -> Math.toDegrees(pair.angles().get(0)))
                .sorted()
                .toArray();
        double median = (angles[(angles.length - 1) / 2] + angles[angles.length / 2]) / 2;
        chart(figure).sendKeys(Keys.HOME);
        Matcher told = Pattern.compile("layer 0: .* the median is ([\\d.]+)°").matcher(readout(figure));
        assertThat(told.matches()).as(readout(figure)).isTrue();
        assertThat(number(told.group(1))).isCloseTo(median, within(6e-4));
    }

    @Test
    void theChosenUnitFollowsTheLabelAndTheCursorTheTheme() {
        WebElement section = browser().section("mri");
        WebElement chart = chart(figures(section).get(0));
        chart.sendKeys(Keys.HOME, Keys.ENTER);
        new Select(section.findElement(By.id("mri-label"))).selectByIndex(2);
        assertTold(
                browser().driver().findElement(By.id("detail-unit")).getText(),
                map.labels().get(2));
        WebElement again = chart(figures(section).get(0));
        again.sendKeys(Keys.ARROW_RIGHT);
        browser().script("setTheme(true)");
        assertThat(browser()
                        .script(
                                "return drawn.find((each) => each.place === arguments[0])"
                                        + ".chart.getOption().series[1].data.length",
                                again))
                .isEqualTo(1L);
    }

    /** Prompts of very different length share what room there is. */
    @Test
    void everyPromptsPatternsAreThere() {
        WebElement section = browser().section("attention");
        Select prompt = new Select(section.findElement(By.tagName("select")));
        assertThat(prompt.getOptions()).hasSize(2);
        prompt.selectByIndex(1);
        WebElement figure = figures(section).get(0);
        chart(figure).sendKeys(Keys.HOME);
        assertThat(readout(figure)).contains("token 5").contains("(0)").endsWith(": 1.00");
    }

    @Test
    void theKeyboardStaysWhereItIsAndOpensRows() {
        WebElement section = browser().section("similarity");
        WebElement layer = section.findElements(By.tagName("select")).get(1);
        layer.sendKeys(Keys.ARROW_UP);
        assertThat(browser().script("return document.activeElement.tagName + document.activeElement.value"))
                .isEqualTo("SELECT1");
        WebElement units = browser().section("units");
        browser().until(() -> !units.findElements(By.className("tabulator-row")).isEmpty());
        WebElement row = units.findElement(By.className("tabulator-row"));
        String name = row.findElement(By.cssSelector("[tabulator-field=unit]")).getText();
        row.sendKeys(Keys.ENTER);
        assertThat(browser().driver().findElement(By.id("detail-unit")).getText())
                .startsWith(name + " for");
    }
}
