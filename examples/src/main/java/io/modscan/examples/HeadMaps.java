package io.modscan.examples;

import io.modscan.core.site.Site;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.SelectivityMap;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;

/**
 * A picture of the heads: for each label a grid, layer × head, coloured by AUROC on a diverging, colour-blind-safe scale
 * with 0.5 (tells nothing apart) in the middle. What fails the false discovery rate is left grey.
 */
final class HeadMaps {

    private static final Color DARK = new Color(0x21, 0x66, 0xAC);
    private static final Color MIDDLE = new Color(0xF7, 0xF7, 0xF7);
    private static final Color LIT = new Color(0xB2, 0x18, 0x2B);
    private static final Color FAILED = new Color(0xBD, 0xBD, 0xBD);

    private static final int COLUMNS = 5;
    private static final int CAPTION_HEIGHT = 54;
    private static final int CAPTION_WIDTH = 640;
    private static final List<String> CAPTION = List.of(
            "Attention heads by magnitude of z: AUROC of each label against the rest.",
            "Red lights up, blue goes dark, grey fails the false discovery rate (q > "
                    + Criterion.standard().q() + ").");

    private HeadMaps() {}

    static void write(SelectivityMap units, Path file) {
        List<Site> layers =
                units.sites().stream().filter(site -> site.heads() > 0).toList();
        List<HeatMapChart> charts = units.labels().stream()
                .map(label -> chart(units, layers, label))
                .toList();
        int columns = Math.min(COLUMNS, charts.size());
        int rows = (charts.size() + columns - 1) / columns;
        int width = Math.max(charts.get(0).getWidth(), CAPTION_WIDTH / columns);
        int height = charts.get(0).getHeight();
        BufferedImage picture =
                new BufferedImage(columns * width, CAPTION_HEIGHT + rows * height, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = picture.createGraphics();
        try {
            graphics.setColor(Color.WHITE);
            graphics.fillRect(0, 0, picture.getWidth(), picture.getHeight());
            graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
            graphics.setColor(Color.BLACK);
            graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 14));
            for (int line = 0; line < CAPTION.size(); line++) {
                graphics.drawString(CAPTION.get(line), 12, 22 + 18 * line);
            }
            for (int i = 0; i < charts.size(); i++) {
                BufferedImage chart = BitmapEncoder.getBufferedImage(charts.get(i));
                graphics.drawImage(chart, (i % columns) * width, CAPTION_HEIGHT + (i / columns) * height, null);
            }
        } finally {
            graphics.dispose();
        }
        try {
            ImageIO.write(picture, "png", file.toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be written: " + e, e);
        }
    }

    private static HeatMapChart chart(SelectivityMap units, List<Site> layers, String label) {
        int heads = layers.get(0).heads();
        HeatMapChart chart = new HeatMapChartBuilder()
                .width(Math.max(340, 140 + 26 * heads))
                .height(Math.max(280, 120 + 26 * layers.size()))
                .title(label)
                .xAxisTitle("head")
                .yAxisTitle("layer")
                .build();
        chart.getStyler()
                .setRangeColors(new Color[] {DARK, MIDDLE, LIT})
                .setMin(0)
                .setMax(1)
                .setPlotGridLinesVisible(false)
                .setPlotBackgroundColor(FAILED)
                .setChartBackgroundColor(Color.WHITE);
        List<Number[]> cells = new ArrayList<>();
        for (int layer = 0; layer < layers.size(); layer++) {
            for (int head = 0; head < heads; head++) {
                var unit = units.get(layers.get(layer), head, label);
                if (unit.q() <= Criterion.standard().q()) {
                    cells.add(new Number[] {head, layer, unit.auroc()});
                }
            }
        }
        if (cells.isEmpty()) {
            // A chart without a cell is refused, so one cell is drawn in the colour of those left out.
            chart.getStyler().setRangeColors(new Color[] {FAILED, FAILED});
            cells.add(new Number[] {0, 0, 0.5});
        }
        chart.addSeries(
                "AUROC",
                IntStream.range(0, heads).boxed().toList(),
                IntStream.range(0, layers.size()).boxed().toList(),
                cells);
        return chart;
    }
}
