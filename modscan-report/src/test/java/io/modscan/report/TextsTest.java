package io.modscan.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Unit;
import io.modscan.core.token.PromptTokens;
import io.modscan.metrics.contexts.ContextMap;
import io.modscan.metrics.contexts.TokenContext;
import io.modscan.metrics.contexts.TopContexts;
import io.modscan.metrics.contexts.UnitContexts;
import io.modscan.metrics.selectivity.Selectivity;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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

/** Texts and contexts of a unit in a browser. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TextsTest {

    private final Activations units = Planted.units();
    private final Activations tokens = PlantedTokens.activations();
    private final ContextMap contexts = tokens.measure(TopContexts.of(3).withWidth(2));
    private Path folder = Path.of("");
    private Path page = Path.of("");
    private @Nullable Browser opened;

    /** A token as the page shows it. */
    private record Shown(String text, String told, String classes) {}

    @BeforeAll
    void write(@TempDir Path temporary) {
        folder = temporary;
        page = folder.resolve("texts.html");
        Report.of(units.prompts(), "topic")
                .units(units.measure(Selectivity.by("topic")), units)
                .texts(tokens, PlantedTokens::pieces)
                .contexts(contexts, PlantedTokens::pieces)
                .write(page);
        opened = Browser.open(folder).orElse(null);
        if (opened == null) {
            System.out.println("Texts were not tried: there is no chromium and chromedriver on the path.");
        }
    }

    @BeforeEach
    void load() {
        assumeTrue(opened != null, "no chromium and chromedriver on the path");
        browser().driver().manage().window().setSize(new Dimension(1440, 1000));
        browser().load(page);
    }

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

    /** As a click in a picture does. */
    private void choose(String name) {
        browser()
                .script(
                        "const name = arguments[0]; for (const family of families) for (let id = 0; id < family.layers.length * family.width; id++)"
                                + " if (family.name(id) === name) chosenUnit.choose(family, id, 0);",
                        name);
    }

    private Unit measured(String name) {
        int layer = name.charAt(1) - '0';
        int unit = Integer.parseInt(name.substring(3));
        boolean isHead = name.charAt(2) == 'H';
        SiteActivations site = tokens.sites().stream()
                .filter(each -> each.site().layer().orElseThrow() == layer
                        && each.site().heads() > 0 == isHead)
                .findFirst()
                .orElseThrow();
        boolean isPicked = site.site().picked().isPresent();
        return Unit.of(site.site(), isPicked ? Arrays.binarySearch(PlantedTokens.PICKED, unit) : unit);
    }

    private List<WebElement> items(String where) {
        return browser().driver().findElements(By.cssSelector("#" + where + " li"));
    }

    private List<Shown> shown(WebElement item) {
        List<?> all = (List<?>) browser()
                .script(
                        "return [...arguments[0].querySelectorAll('.token')].map((each) => [each.textContent, each.title, each.className])",
                        item);
        return all.stream()
                .map(each -> (List<?>) each)
                .map(each -> new Shown((String) each.get(0), (String) each.get(1), (String) each.get(2)))
                .toList();
    }

    private static double number(String text) {
        return Double.parseDouble(text.replace('−', '-'));
    }

    private String readout(String where) {
        return browser()
                .driver()
                .findElement(By.cssSelector("#" + where + " .readout"))
                .getText();
    }

    /** How a token's text is shown: line ends as signs, controls as pictures, long ones cut, halves of characters as UTF-8 has them. */
    private static String visible(String text) {
        return (text.length() > 200 ? text.substring(0, 200) + "…" : text)
                .replace("\n", "↵\n")
                .replace("\u0000", "\u2400")
                .replace("\u0007", "\u2407")
                .replace(PlantedTokens.HALF, "?");
    }

    @ParameterizedTest
    @ValueSource(strings = {"L0H0", "L2H3", "L0N0", "L0N149", "L1N3", "L1N17", "L0N" + PlantedTokens.NOT_FINITE})
    void eachTokensValueIsTheOneThatWasCaptured(String name) {
        choose(name);
        Unit unit = measured(name);
        SiteActivations site = tokens.at(unit.site());
        List<WebElement> items = items("unit-texts");
        assertThat(items).hasSize(tokens.prompts().size());
        List<Double> highest = new ArrayList<>();
        for (WebElement item : items) {
            List<WebElement> names = item.findElements(By.tagName("bdi"));
            String id = names.get(1).getText();
            int prompt = Integer.parseInt(id.substring(1).split(" ", 2)[0]);
            PromptTokens of = tokens.tokens(prompt);
            List<Shown> shown = shown(item);
            assertThat(shown.stream().map(Shown::text))
                    .isEqualTo(PlantedTokens.pieces(of.ids()).stream()
                            .map(TextsTest::visible)
                            .toList());
            double most = Double.NEGATIVE_INFINITY;
            int row = 0;
            for (int token = 0; token < of.size(); token++) {
                boolean isKept = row < of.keptSize() && of.kept()[row] == token;
                String told = shown.get(token).told();
                if (token == 0 && of.id(0) == PlantedTokens.BOS) {
                    assertThat(told).startsWith("the beginning of the sequence");
                } else if (!isKept) {
                    assertThat(told).isEqualTo("no value was kept here");
                } else if (Float.isNaN(site.vector(prompt, row)[unit.inSite()])) {
                    assertThat(told).isEqualTo("not a number");
                } else {
                    double value = site.vector(prompt, row)[unit.inSite()];
                    assertThat(number(told)).isCloseTo(value, within(1.1e-4));
                    most = Math.max(most, value);
                }
                row += isKept ? 1 : 0;
            }
            assertThat(number(item.findElement(By.tagName("strong")).getText())).isCloseTo(most, within(1.1e-4));
            highest.add(-most);
        }
        assertThat(highest).isSorted();
    }

    @ParameterizedTest
    @ValueSource(strings = {"L0H1", "L1N17"})
    void contextsAreThoseThatWereMeasured(String name) {
        choose(name);
        UnitContexts of = contexts.get(measured(name));
        List<TokenContext> all = new ArrayList<>(of.top());
        of.samples().forEach(sample -> all.add(sample.context()));
        List<WebElement> items = items("unit-contexts");
        assertThat(items).hasSameSizeAs(all).hasSizeGreaterThan(5);
        for (int i = 0; i < items.size(); i++) {
            TokenContext context = all.get(i);
            assertThat(number(items.get(i).findElement(By.tagName("strong")).getText()))
                    .isCloseTo(context.value(), within(1.1e-4));
            assertThat(items.get(i).getText())
                    .contains(context.promptId().split(" ", 2)[0], ", token " + context.position());
            List<Shown> shown = shown(items.get(i));
            assertThat(shown.stream().map(Shown::text))
                    .isEqualTo(PlantedTokens.pieces(context.ids()).stream()
                            .map(TextsTest::visible)
                            .toList());
            float[] values = context.values();
            for (int token = 0; token < values.length; token++) {
                assertThat(shown.get(token).classes().contains("about")).isEqualTo(token == context.at());
                if (Float.isNaN(values[token])) {
                    assertThat(shown.get(token).told()).isEqualTo("no value was kept here");
                } else {
                    assertThat(number(shown.get(token).told())).isCloseTo(values[token], within(1.1e-4));
                }
            }
        }
    }

    @Test
    void theKeyboardGoesFromTokenToToken() {
        WebElement chart = browser().section("mri").findElement(By.cssSelector(".panels figure .chart"));
        chart.sendKeys(Keys.HOME, Keys.ENTER);
        List<WebElement> lines = browser().driver().findElements(By.cssSelector("#unit-texts .tokens"));
        assertThat(lines).hasSize(tokens.prompts().size());
        assertThat(browser().driver().findElements(By.cssSelector("#unit-texts [tabindex='0']")))
                .hasSameSizeAs(lines);
        for (WebElement line : lines) {
            List<Shown> shown = shown(line);
            line.sendKeys(Keys.HOME);
            boolean fromRight = "rtl".equals(browser().script("return getComputedStyle(arguments[0]).direction", line));
            for (int token = 0; token < shown.size(); token++) {
                assertThat(readout("unit-texts"))
                        .startsWith("Token " + token + " of prompt")
                        .endsWith(": " + shown.get(token).told());
                assertThat(browser()
                                .script(
                                        "return [...arguments[0].children].findIndex((each) => each.classList.contains('cursor'))",
                                        line))
                        .isEqualTo((long) token);
                line.sendKeys(fromRight ? Keys.ARROW_LEFT : Keys.ARROW_RIGHT);
            }
            line.sendKeys(Keys.HOME);
            assertThat(readout("unit-texts")).startsWith("Token 0 ");
        }
        lines.get(0).sendKeys(Keys.TAB);
        assertThat(browser().driver().switchTo().activeElement()).isEqualTo(lines.get(1));
        assertThat(browser().driver().findElements(By.className("cursor"))).hasSize(1);
    }

    @Test
    void thePointerTellsAToken() {
        choose("L0N1");
        WebElement token = browser()
                .driver()
                .findElements(By.cssSelector("#unit-texts .token:not(.part)"))
                .get(1);
        new Actions(browser().driver()).moveToElement(token).perform();
        browser().until(() -> readout("unit-texts").endsWith(": " + token.getDomAttribute("title")));
    }

    /** The lines below tokens tell what colours do. */
    @ParameterizedTest
    @ValueSource(strings = {"L0H2", "L0N2"})
    void whoSeesNoColoursSeesLines(String name) {
        browser()
                .driver()
                .executeCdpCommand(
                        "Emulation.setEmulatedMedia",
                        Map.of("features", List.of(Map.of("name", "forced-colors", "value", "active"))));
        try {
            choose(name);
            List<?> all = (List<?>) browser()
                    .script("return [...document.querySelectorAll('#unit-texts .token')].map((each) => [each.title,"
                            + " getComputedStyle(each).borderBottomWidth, getComputedStyle(each).borderBottomStyle])");
            record Line(double value, double width, String style) {}
            List<Line> lines = all.stream()
                    .map(each -> (List<?>) each)
                    .filter(each -> each.get(0).toString().matches("−?[\\d.]+"))
                    .map(each -> new Line(
                            number(each.get(0).toString()),
                            Double.parseDouble(each.get(1).toString().replace("px", "")),
                            each.get(2).toString()))
                    .sorted((one, other) -> Double.compare(Math.abs(one.value()), Math.abs(other.value())))
                    .toList();
            assertThat(lines.stream().map(Line::width)).isSorted().contains(0.0, 2.0, 4.0);
            assertThat(lines)
                    .filteredOn(line -> line.width() > 0)
                    .allSatisfy(line -> assertThat(line.style()).isEqualTo(line.value() < 0 ? "dashed" : "solid"));
        } finally {
            browser().driver().executeCdpCommand("Emulation.setEmulatedMedia", Map.of("features", List.of()));
        }
    }

    /** By WCAG 2.1's formula, on what the browser shows. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void tokensCanBeReadOnEveryBackground(boolean dark) {
        choose("L0N2");
        browser().script("setTheme(arguments[0])", dark);
        Object least = browser()
                .script(
                        "const light = (colour) => { const [r, g, b] = colour.match(/[\\d.]+/g).map((c) => c / 255)"
                                + ".map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };"
                                + "const of = [...document.querySelectorAll('#unit-texts .token')].map((each) => getComputedStyle(each))"
                                + ".filter((look) => look.backgroundColor !== 'rgba(0, 0, 0, 0)').map((look) => [light(look.color), light(look.backgroundColor)]);"
                                + "return [of.length, Math.min(...of.map(([a, b]) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)))].map(String)");
        List<?> found = (List<?>) least;
        assertThat(Integer.parseInt(found.get(0).toString())).isGreaterThan(15);
        assertThat(Double.parseDouble(found.get(1).toString())).isGreaterThanOrEqualTo(4.5);
        // And whatever a scale makes of numbers between.
        assertThat(
                        browser()
                                .script(
                                        "const light = (colour) => { const [r, g, b] = (colour[0] === '#' ? [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16)) : colour.match(/\\d+/g)).map((c) => c / 255)"
                                                + ".map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };"
                                                + "let bad = 0; for (let i = 0; i <= 1000; i++) { const fill = mix(stops(true), i / 1000); const [a, b] = [light(inkOn(fill)), light(fill)];"
                                                + "if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) bad++; } return bad"))
                .isEqualTo(0L);
    }

    @Test
    void coloursFollowTheThemeAndScalesHaveZeroInTheMiddleWhereBothSignsAre() {
        choose("L0N2");
        String colours =
                "return [...document.querySelectorAll('#unit-texts .token')].map((each) => each.style.background).join()";
        Object light = browser().script(colours);
        browser().script("setTheme(true)");
        assertThat(browser().script(colours)).isNotEqualTo(light);
        assertThat(
                        browser()
                                .script(
                                        "const scale = textScale(-1, 4); return [scale.fill(0) === mix(stops(true), 0.5), scale.share(-1), scale.share(4)].join()"))
                .isEqualTo("true,-0.25,1");
        assertThat(
                        browser()
                                .script(
                                        "return [textScale(2, 4).share(2), textScale(3, 3).share(3), textScale(0, 0).share(0)].join()"))
                .isEqualTo("0,0,0");
        assertThat(
                        browser()
                                .script(
                                        "return [textScale(-4, -2).share(-4), textScale(-4, -2).share(-2), textScale(2, 4).share(4)].join()"))
                .isEqualTo("-1,0,1");
    }

    @Test
    void textsFromRightToLeftKeepTheirOrder() {
        choose("L0H0");
        WebElement item = items("unit-texts").stream()
                .filter(each -> each.getText().contains("p" + PlantedTokens.RIGHT_TO_LEFT))
                .findFirst()
                .orElseThrow();
        assertThat(browser()
                        .script(
                                "const left = [...arguments[0].querySelectorAll('.token')].map((each) => each.getBoundingClientRect().left);"
                                        + "return left.every((each, i) => i === 0 || each < left[i - 1])",
                                item))
                .isEqualTo(true);
        // What turns its text round turns nothing else.
        WebElement turned = items("unit-texts").stream()
                .filter(each -> each.getText().contains("p1"))
                .findFirst()
                .orElseThrow();
        assertThat(browser().script("return getComputedStyle(arguments[0].querySelector('.tokens')).display", turned))
                .isEqualTo("block");
    }

    @Test
    void unitsWithoutTextsSaySo() {
        choose("L2N4");
        assertThat(readout("unit-texts"))
                .isEqualTo("L2N4 is not among the 164 units whose values at each token are in this page.");
        assertThat(readout("unit-contexts"))
                .isEqualTo("L2N4 is not among the 164 units whose contexts are in this page.");
        choose("L0H0");
        assertThat(items("unit-texts")).isNotEmpty();
    }

    @Test
    void valuesAreSavedAsNumbers() throws IOException {
        choose("L1N3");
        browser()
                .driver()
                .findElement(By.cssSelector("#unit-texts .head button"))
                .click();
        Path saved = folder.resolve("L1N3-token-by-token.csv");
        browser().until(() -> Files.exists(saved));
        String csv = Files.readString(saved);
        assertThat(csv).startsWith("unit,prompt,label,position,token,value\r\n").contains("<script>");
        assertThat(csv.lines().filter(line -> line.startsWith("L1N3,"))).hasSize(30);
        Files.delete(saved);
    }

    /** By the rules of axe for WCAG 2.1 A and AA. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void nobodyIsShutOut(boolean dark) throws IOException {
        browser().section("mri");
        choose("L0N2");
        browser().script("setTheme(arguments[0])", dark);
        browser().driver().findElement(By.cssSelector("#unit-texts .tokens")).sendKeys(Keys.ARROW_RIGHT);
        try (InputStream axe = Objects.requireNonNull(TextsTest.class.getResourceAsStream("/axe.min.js"))) {
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
        browser().section("mri");
        choose("L0N2");
        assertThat(browser()
                        .script("return document.documentElement.scrollWidth - document.documentElement.clientWidth"))
                .isEqualTo(0L);
    }
}
