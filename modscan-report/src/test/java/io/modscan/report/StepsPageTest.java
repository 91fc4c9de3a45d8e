package io.modscan.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.modscan.core.Activations;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.modules.StepMap;
import io.modscan.metrics.modules.StepMean;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.tokens.TokenLabels;
import io.modscan.metrics.tokens.TokenSelectivity;
import io.modscan.metrics.tokens.TokenSelectivityMap;
import io.modscan.metrics.tokens.UnitTokenSelectivity;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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
import org.openqa.selenium.support.ui.Select;

/** Labels of tokens and steps in a browser. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StepsPageTest {

    private final Activations units = Planted.units();
    private final Activations tokens = PlantedSteps.activations();
    private final TokenSelectivityMap map = tokens.measure(TokenSelectivity.by(TokenLabels.spans()));
    private final TokenSelectivityMap parts = tokens.measure(TokenSelectivity.by(TokenLabels.positionBins(3)));
    private final StepMap steps = PlantedSteps.steps();
    private Path folder = Path.of("");
    private Path page = Path.of("");
    private @Nullable Browser opened;

    @BeforeAll
    void write(@TempDir Path temporary) {
        folder = temporary;
        page = folder.resolve("steps.html");
        Report.of(units.prompts(), "topic")
                .units(units.measure(Selectivity.by("topic")), units)
                .tokenLabels("spans " + Planted.SCRIPT, map)
                .tokenLabels("parts of prompts", parts)
                .steps(steps)
                .write(page);
        opened = Browser.open(folder).orElse(null);
        if (opened == null) {
            System.out.println("Steps were not tried: there is no chromium and chromedriver on the path.");
        }
    }

    @BeforeEach
    void load() {
        assumeTrue(opened != null, "no chromium and chromedriver on the path");
        browser().driver().manage().window().setSize(new Dimension(1440, 1000));
        browser().load(page);
    }

    @AfterEach
    void nothingWentWrong() {
        if (opened != null) {
            assertThat(browser().errors()).isEmpty();
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

    private static double number(String text) {
        return Double.parseDouble(text.replace('−', '-').replace("+", ""));
    }

    private static String readout(WebElement figure) {
        return figure.findElement(By.className("readout")).getText();
    }

    private static WebElement chart(WebElement figure) {
        return figure.findElement(By.className("chart"));
    }

    private List<String> cells(WebElement section, String field) {
        return String.valueOf(browser()
                        .script(
                                "return [...arguments[0].querySelector('.table').querySelectorAll('.tabulator-cell[tabulator-field=' + arguments[1] + ']')]"
                                        + ".map((cell) => cell.innerText).join('\\n')",
                                section,
                                field))
                .lines()
                .toList();
    }

    /** A unit as the page calls it; of neurons some were picked. */
    private Unit unit(String name) {
        int layer = name.charAt(1) - '0';
        int unit = Integer.parseInt(name.substring(3));
        boolean isHead = name.charAt(2) == 'H';
        Site site = map.sites().stream()
                .filter(each -> each.layer().orElseThrow() == layer && each.heads() > 0 == isHead)
                .findFirst()
                .orElseThrow();
        return Unit.of(site, isHead ? unit : site.picked().orElseThrow().units().indexOf(unit));
    }

    private boolean passes(UnitTokenSelectivity row) {
        return row.q() <= Criterion.standard().q();
    }

    private boolean isHead(UnitTokenSelectivity row) {
        return row.unit().head().isPresent();
    }

    @Test
    void headsAtEachLabelOfTokensAreThere() {
        WebElement section = browser().section("token-labels");
        List<WebElement> tiles = section.findElements(By.cssSelector("figure:has(.tiles)"))
                .get(0)
                .findElements(By.className("tile"));
        assertThat(tiles).hasSize(PlantedSteps.LABELS.size());
        assertThat(map.count("even", row -> passes(row) && isHead(row))).isEqualTo(Planted.LAYERS);
        for (int label = 0; label < tiles.size(); label++) {
            String name = map.labels().get(label);
            assertThat(tiles.get(label).findElement(By.className("about")).getText())
                    .isEqualTo(map.count(name, row -> passes(row) && isHead(row) && row.auroc() > 0.5) + " brighter, "
                            + map.count(name, row -> passes(row) && isHead(row) && row.auroc() < 0.5) + " darker");
            new Select(section.findElement(By.id("token-label-0"))).selectByIndex(label);
            assertThat(tiles.get(label).findElement(By.tagName("input")).isSelected())
                    .isTrue();
            assertThat(section.findElement(By.className("token-label-what")).getText())
                    .endsWith(map.prompts(name) + " prompts; " + map.count(name, this::passes) + " of "
                            + map.size() / map.labels().size() + " units pass q ≤ 0.05.");
            WebElement figure =
                    section.findElements(By.cssSelector(".panels figure")).get(0);
            chart(figure).sendKeys(Keys.HOME);
            for (int head = 0; head < Planted.HEADS; head++) {
                Matcher told = Pattern.compile("(?s)(L2H\\d) at tokens of .*: AUROC ([\\d.]+), q ([\\d.e-]+), (.*)")
                        .matcher(readout(figure));
                assertThat(told.matches()).as(readout(figure)).isTrue();
                UnitTokenSelectivity row = map.get(unit(told.group(1)), name);
                assertThat(number(told.group(2))).isCloseTo(row.auroc(), within(5.1e-4));
                assertThat(number(told.group(3))).isCloseTo(row.q(), within(0.006 * row.q()));
                assertThat(told.group(4))
                        .isEqualTo(
                                !passes(row)
                                        ? "fails the false discovery rate"
                                        : row.auroc() > 0.5 ? "brighter there" : "darker there");
                chart(figure).sendKeys(Keys.ARROW_RIGHT);
            }
        }
        assertThat(section.findElements(By.tagName("h3")).get(0).getText()).contains("Spans <script>window.hacked");
    }

    @Test
    void theTableHasTheStrongestOfALabel() {
        WebElement section = browser().section("token-labels");
        new Select(section.findElement(By.id("token-label-0"))).selectByVisibleText("even");
        browser().until(() -> cells(section, "unit").contains("L2N7"));
        List<String> names = cells(section, "unit");
        assertThat(names.subList(0, 4)).containsExactlyInAnyOrder("L0H0", "L1H0", "L2H0", "L2N7");
        assertThat(names).contains("L2N2", "L2N11");
        for (int i = 0; i < names.size(); i++) {
            UnitTokenSelectivity row = map.get(unit(names.get(i)), "even");
            assertThat(number(cells(section, "auroc").get(i))).isCloseTo(row.auroc(), within(5.1e-4));
            assertThat(number(cells(section, "dz").get(i))).isCloseTo(row.dz(), within(5.1e-4));
            assertThat(number(cells(section, "difference").get(i))).isCloseTo(row.meanDifference(), within(1e-3));
        }
        section.findElement(By.cssSelector(".tabulator-col[tabulator-field=unit] input"))
                .sendKeys("L2N7");
        browser().until(() -> cells(section, "unit").size() == 1);
        section.findElement(By.cssSelector(".tabulator-row")).sendKeys(Keys.ENTER);
        assertThat(browser().driver().findElement(By.cssSelector("#detail h3")).getText())
                .isEqualTo("L2N7: value for each prompt");
    }

    @Test
    void stepsAreThereWithTheirProfiles() {
        WebElement section = browser().section("steps");
        assertThat(section.getText())
                .contains("Looked at were 360 tokens of 30 prompts; there were 384 of 32.", "taken out");
        List<WebElement> figures = section.findElements(By.cssSelector(".panels figure"));
        assertThat(figures).hasSize(4);
        for (int module = 0; module < 2; module++) {
            List<StepMean> relative = steps.profiles().get(module).relative();
            WebElement figure = figures.get(0);
            chart(figure).sendKeys(Keys.HOME);
            for (int part = 0; part < relative.size(); part++) {
                assertThat(readout(figure).replace('−', '-'))
                        .isEqualTo(String.format(
                                Locale.ROOT,
                                "module %d, at %d–%d %% of a prompt: %+.2f ± %.2f (standard error), 30 prompts",
                                module,
                                10 * part,
                                10 * part + 10,
                                relative.get(part).mean(),
                                relative.get(part).standardError()));
                chart(figure).sendKeys(Keys.ARROW_RIGHT);
            }
            chart(figure).sendKeys(Keys.ARROW_DOWN);
        }
        chart(figures.get(2)).sendKeys(Keys.HOME, Keys.ARROW_RIGHT);
        assertThat(readout(figures.get(2))).doesNotContain("NaN").contains("module 0, at tokens of");
        // The second module is of neurons that were picked: they have the names that they have elsewhere.
        chart(figures.get(0)).sendKeys(Keys.ENTER);
        assertThat(section.findElement(By.id("step-module")).getDomProperty("value"))
                .isEqualTo("1");
        WebElement members = section.findElement(By.id("step-members"));
        browser().until(() -> cells(members, "unit").equals(List.of("L2N7", "L2N11")));
        WebElement course =
                section.findElements(By.cssSelector(".panels figure")).get(3);
        chart(course).sendKeys(Keys.HOME);
        assertThat(readout(course)).startsWith("module 1, at 0–10 % of a prompt: +0.90 ± 0.01");
    }

    /** By the rules of axe for WCAG 2.1 A and AA. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void nobodyIsShutOut(boolean dark) throws IOException {
        for (String id : List.of("mri", "token-labels", "steps")) {
            browser().section(id);
        }
        browser().script("setTheme(arguments[0])", dark);
        try (InputStream axe = Objects.requireNonNull(StepsPageTest.class.getResourceAsStream("/axe.min.js"))) {
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

    @ParameterizedTest
    @ValueSource(ints = {390, 1440})
    void nothingScrollsSideways(int width) {
        browser().driver().manage().window().setSize(new Dimension(width, 900));
        for (String id : List.of("mri", "token-labels", "steps")) {
            browser().section(id);
        }
        assertThat(browser()
                        .script("return document.documentElement.scrollWidth - document.documentElement.clientWidth"))
                .isEqualTo(0L);
    }
}
