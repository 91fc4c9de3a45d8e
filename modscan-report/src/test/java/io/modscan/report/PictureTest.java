package io.modscan.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.modscan.core.Activations;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.similarity.Cosine;
import io.modscan.metrics.similarity.SimilarityMatrix;
import io.modscan.report.Picture.Scale;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;

class PictureTest {

    @TempDir
    private Path folder;

    private BufferedImage png(Picture picture) throws IOException {
        Path file = folder.resolve("picture.png");
        picture.png(file);
        return ImageIO.read(file.toFile());
    }

    private String svg(Picture picture) throws Exception {
        Path file = folder.resolve("picture.svg");
        picture.svg(file);
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
        Document document = factory.newDocumentBuilder().parse(file.toFile());
        assertThat(document.getDocumentElement().getTagName()).isEqualTo("svg");
        return Files.readString(file);
    }

    private static long pixels(BufferedImage image, int colour) {
        int[] all = image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
        return Arrays.stream(all)
                .filter(pixel -> pixel == (0xFF000000 | colour))
                .count();
    }

    @Test
    void aHeatMapHasItsColours() throws Exception {
        Picture picture = Picture.heatMap(
                "a title",
                List.of("left", "right"),
                List.of("low", "high"),
                new double[][] {{-2, 0}, {2, Double.NaN}},
                Scale.DIVERGING);
        BufferedImage image = png(picture);
        long blue = pixels(image, 0x2166AC);
        assertThat(blue).isGreaterThan(1000);
        assertThat(pixels(image, 0xB2182B)).isBetween(blue * 9 / 10, blue * 11 / 10);
        assertThat(pixels(image, 0xF7F7F7)).isGreaterThan(blue / 2);
        assertThat(pixels(image, 0xBDBDBD)).isGreaterThan(blue / 2);
        assertThat(svg(picture)).containsPattern("<title\\s*>a title<").contains("rgb(33,102,172)", ">left<", ">high<");
    }

    @Test
    void namesThatAreAlikeOrHostileAreShown() throws Exception {
        Picture picture = Picture.heatMap(
                Planted.SCRIPT,
                List.of("same", "same", "same"),
                List.of("<&>", "\"'"),
                new double[][] {{1, 2, 3}, {4, 5, 6}},
                Scale.SEQUENTIAL);
        assertThat(svg(picture)).doesNotContain("<script>").contains("&lt;script&gt;");
        assertThat(pixels(png(picture), 0xFDE725)).isPositive();
    }

    @Test
    void theEndsOfAScaleAreToldApart() throws Exception {
        Picture picture = Picture.heatMap(
                "close", List.of("a", "b"), List.of("x"), new double[][] {{0.9201, 0.9234}}, Scale.SEQUENTIAL);
        assertThat(svg(picture)).contains(">0.9201<", ">0.9234<").doesNotContain(">0.92<");
        assertThat(Grid.told(0.5, 1, 1.5)).containsExactly("0.50", "1.00", "1.50");
        assertThat(Grid.told(12_345.1, 12_345.2, 12_345.3)).doesNotHaveDuplicates();
        assertThat(Grid.told(-1e-6, 0, 1e-6)).doesNotHaveDuplicates();
        assertThat(Grid.told(-3e6, 0, 3e6)).doesNotHaveDuplicates();
        assertThat(svg(Picture.heatMap(
                        "all alike", List.of("a", "b"), List.of("x"), new double[][] {{2, 2}}, Scale.SEQUENTIAL)))
                .containsOnlyOnce(">2.00<");
    }

    @Test
    void nothingToShowIsGrey() throws IOException {
        Picture picture =
                Picture.heatMap("", List.of("a"), List.of("b"), new double[][] {{Double.NaN}}, Scale.SEQUENTIAL);
        assertThat(pixels(png(picture), 0xBDBDBD)).isGreaterThan(1000);
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        Picture.heatMap("", List.of("a", "b"), List.of("b"), new double[][] {{1}}, Scale.SEQUENTIAL))
                .withMessageContaining("row 0 has 1 values for 2 columns");
    }

    @Test
    void curvesHaveIntervalsAndGaps() throws Exception {
        Picture picture = Picture.curves(
                "curves",
                "layer",
                "gap",
                new double[] {0, 1, 2},
                Map.of("cosine", new double[] {0.1, Double.NaN, 0.3}),
                Map.of("cosine", new double[] {0.05, 0.05, 0.05}));
        assertThat(pixels(png(picture), 0x0072B2)).isGreaterThan(100);
        assertThat(svg(picture)).containsPattern("<title\\s*>curves<").contains("rgb(0,114,178)");
    }

    @Test
    void multiplesStandBesideEachOther() throws Exception {
        Activations units = Planted.units();
        Picture heads = Picture.heads(units.measure(Selectivity.by("topic")), Criterion.standard());
        BufferedImage image = png(heads);
        assertThat(image.getWidth()).isGreaterThan(1800);
        assertThat(new Color(image.getRGB(5, 5))).isEqualTo(Color.WHITE);
        // Planted are heads that light up; how red they are says how much.
        assertThat(Arrays.stream(image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth()))
                        .mapToObj(Color::new)
                        .filter(colour -> colour.getRed() > colour.getBlue() + 100)
                        .count())
                .isGreaterThan(100);
        assertThat(svg(heads)).contains("Hedges’ g");
    }

    @Test
    void whatWasNotMeasuredIsCrossedOut() throws Exception {
        Activations units = Planted.units();
        Activations broken = units.map(site -> site.derived(site.site(), site.pooling(), prompt -> {
            float[] vector = site.vector(prompt);
            vector[0] = prompt == 0 ? Float.NaN : vector[0];
            return vector;
        }));
        Picture whole = Picture.heads(units.measure(Selectivity.by("topic")), Criterion.standard());
        Picture crossed = Picture.heads(broken.measure(Selectivity.by("topic")), Criterion.standard());
        assertThat(svg(whole)).doesNotContain("crossed out");
        assertThat(svg(crossed)).contains("crossed out is not measured");
        assertThat(pixels(png(crossed), 0)).isGreaterThan(pixels(png(whole), 0));
    }

    @Test
    void similarPromptsStandBesideEachOther() throws Exception {
        Activations stream = Planted.vectors().only(site -> site.name().equals("blocks.2.hook_resid_post"));
        Picture picture = Picture.similarity(
                stream.measure(Cosine.pairwise()), stream.prompts().labels("topic"));
        assertThat(pixels(png(picture), 0xFDE725)).isGreaterThan(100);
    }

    @Test
    void similarityHasATitleAndARangeOfOnesOwn() throws Exception {
        Activations stream = Planted.vectors().only(site -> site.name().equals("blocks.2.hook_resid_post"));
        SimilarityMatrix matrix = stream.measure(Cosine.pairwise());
        List<String> labels = stream.prompts().labels("topic");
        // All are less than this range, and so have its first colour.
        Picture picture = Picture.similarity("Layer 2", matrix, labels, 2, 3);
        assertThat(pixels(png(picture), 0x440154)).isGreaterThan(100);
        assertThat(svg(picture)).containsPattern("<title\\s*>Layer 2<");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Picture.similarity("none", matrix, labels, 1, -1))
                .withMessageContaining("from 1.0 to -1.0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Picture.similarity("none", matrix, labels, Double.NaN, 1));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Picture.similarity("none", matrix, List.of("one"), 0, 1))
                .withMessageContaining("1 labels");
    }
}
