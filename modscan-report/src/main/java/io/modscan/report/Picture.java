package io.modscan.report;

import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import io.modscan.metrics.similarity.SimilarityMatrix;
import java.awt.Color;
import java.awt.Dimension;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.apache.batik.svggen.SVGGraphics2D;
import org.apache.batik.svggen.SVGSyntax;
import org.jspecify.annotations.Nullable;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/**
 * A picture drawn without a browser, to be saved as PNG or SVG: heat maps, curves, and small multiples of them. Colours can be
 * told apart by the colour-blind; red is more than the middle and blue is less. Immutable.
 */
public final class Picture {

    /** How a heat map's numbers are coloured. */
    public enum Scale {
        /** From blue to red, zero in the middle. */
        DIVERGING,
        /** From the least to the most. */
        SEQUENTIAL
    }

    private static final List<Color> DIVERGING = List.of(new Color(0x2166AC), new Color(0xF7F7F7), new Color(0xB2182B));
    private static final List<Color> SEQUENTIAL = List.of(
            new Color(0x440154), new Color(0x3B528B), new Color(0x21918C), new Color(0x5EC962), new Color(0xFDE725));
    private static final Color[] LINES = {
        new Color(0x0072B2),
        new Color(0xD55E00),
        new Color(0x009E73),
        new Color(0xCC79A7),
        new Color(0xE69F00),
        new Color(0x56B4E9)
    };
    private static final int CAPTION = 40;
    /** Pixels of a PNG for each unit of length. */
    private static final double SHARPNESS = 2;

    private final String title;
    private final int width;
    private final int height;
    private final Painter painter;

    private interface Painter {
        void paint(Graphics2D graphics);
    }

    private Picture(String title, int width, int height, Painter painter) {
        this.title = title;
        this.width = width;
        this.height = height;
        this.painter = painter;
    }

    private static Picture of(String title, Chart<?, ?> chart) {
        // A chart keeps what it has computed when it was painted.
        return new Picture(title, chart.getWidth(), chart.getHeight(), graphics -> {
            synchronized (chart) {
                chart.paint(graphics, chart.getWidth(), chart.getHeight());
            }
        });
    }

    /**
     * A grid of coloured cells; what is not a number is grey.
     *
     * @param title   above it
     * @param columns their names, left to right
     * @param rows    their names, from the bottom
     * @param values  of each row, each column
     * @param scale   how they are coloured
     * @return the picture
     * @throws IllegalArgumentException if there are no values, or they are not as many as the names
     */
    public static Picture heatMap(
            String title, List<String> columns, List<String> rows, double[][] values, Scale scale) {
        if (columns.isEmpty() || values.length != rows.size() || rows.isEmpty()) {
            throw new IllegalArgumentException("a heat map of " + rows.size() + " rows and " + columns.size()
                    + " columns needs as many values; there are " + values.length + " rows of them");
        }
        for (int row = 0; row < values.length; row++) {
            if (values[row].length != columns.size()) {
                throw new IllegalArgumentException(
                        "row " + row + " has " + values[row].length + " values for " + columns.size() + " columns");
            }
        }
        double[] finite = Arrays.stream(values)
                .flatMapToDouble(Arrays::stream)
                .filter(Double::isFinite)
                .sorted()
                .toArray();
        double low = finite.length == 0 ? 0 : finite[0];
        double high = finite.length == 0 ? 0 : finite[finite.length - 1];
        double limit = Math.max(Math.abs(low), Math.abs(high));
        Colours colours =
                scale == Scale.DIVERGING ? new Colours(DIVERGING, -limit, limit) : new Colours(SEQUENTIAL, low, high);
        return of(new Grid(title, columns, rows, values, colours, Set.of()));
    }

    private static Picture of(Grid grid) {
        return new Picture(grid.title(), grid.width(), grid.height(), grid::paint);
    }

    /**
     * The similarity of prompts, those of a label beside each other, the first at the bottom left; named as the matrix is, and
     * coloured from the least to the most similar two different prompts.
     *
     * @param matrix the similarities
     * @param labels of the prompts, in the matrix's order
     * @return the picture
     * @throws IllegalArgumentException if there are not as many labels as prompts
     */
    public static Picture similarity(SimilarityMatrix matrix, List<String> labels) {
        double[] others = IntStream.range(0, matrix.size())
                .boxed()
                .flatMapToDouble(i -> IntStream.range(0, i).mapToDouble(j -> matrix.get(i, j)))
                .filter(Double::isFinite)
                .sorted()
                .toArray();
        return others.length == 0
                ? similarity(matrix.name(), matrix, labels, 0, 1)
                : similarity(matrix.name(), matrix, labels, others[0], others[others.length - 1]);
    }

    /**
     * The similarity of prompts, as {@link #similarity(SimilarityMatrix, List)}, with a title and a range of one's own, so that
     * several pictures can be compared.
     *
     * @param title  above it
     * @param matrix the similarities
     * @param labels of the prompts, in the matrix's order
     * @param low    the similarity with the first colour of the scale; what is less has this colour too
     * @param high   the similarity with the last, likewise; both the same gives all the middle colour
     * @return the picture
     * @throws IllegalArgumentException if there are not as many labels as prompts, or the range is not one of numbers, from less
     *                                  to more
     */
    public static Picture similarity(
            String title, SimilarityMatrix matrix, List<String> labels, double low, double high) {
        if (!Double.isFinite(low) || !Double.isFinite(high) || low > high) {
            throw new IllegalArgumentException(
                    "colours from " + low + " to " + high + " are none; give two numbers, the lesser one first");
        }
        if (labels.size() != matrix.size()) {
            throw new IllegalArgumentException(
                    "there are " + labels.size() + " labels for " + matrix.size() + " prompts; give one for each");
        }
        int[] order = IntStream.range(0, labels.size())
                .boxed()
                .sorted(Comparator.comparing(labels::get))
                .mapToInt(Integer::intValue)
                .toArray();
        List<String> names = new ArrayList<>(Collections.nCopies(order.length, ""));
        Set<Integer> edges = new HashSet<>();
        for (int i = 1, from = 0; i <= order.length; i++) {
            if (i == order.length || !labels.get(order[i]).equals(labels.get(order[from]))) {
                names.set((from + i - 1) / 2, labels.get(order[from]));
                edges.add(from);
                from = i;
            }
        }
        double[][] values = Arrays.stream(order)
                .mapToObj(i ->
                        Arrays.stream(order).mapToDouble(j -> matrix.get(i, j)).toArray())
                .toArray(double[][]::new);
        return of(new Grid(title, names, names, values, new Colours(SEQUENTIAL, low, high), edges));
    }

    /**
     * Curves, with intervals where there are any.
     *
     * @param title  above them
     * @param xTitle what the numbers of {@code xs} are
     * @param yTitle what the values are
     * @param xs     where the values are, ascending
     * @param curves the values of each curve, by name; what is not a number is left out
     * @param errors half the interval's length at each value, for the curves that have intervals
     * @return the picture
     * @throws IllegalArgumentException if there is no curve, or one has not as many values as there are {@code xs}
     */
    public static Picture curves(
            String title,
            String xTitle,
            String yTitle,
            double[] xs,
            Map<String, double[]> curves,
            Map<String, double[]> errors) {
        if (curves.isEmpty()) {
            throw new IllegalArgumentException("there is no curve to draw");
        }
        XYChart chart = new XYChartBuilder()
                .width(640)
                .height(400)
                .title(Grid.shortened(title))
                .xAxisTitle(xTitle)
                .yAxisTitle(yTitle)
                .build();
        chart.getStyler()
                .setSeriesColors(LINES)
                .setChartBackgroundColor(Color.WHITE)
                .setLegendPosition(Styler.LegendPosition.OutsideS)
                .setLegendLayout(Styler.LegendLayout.Horizontal);
        curves.forEach((name, values) -> {
            double @Nullable [] error = errors.get(name);
            if (values.length != xs.length || (error != null && error.length != xs.length)) {
                throw new IllegalArgumentException(
                        "the curve '" + name + "' has " + values.length + " values, and " + xs.length + " are needed");
            }
            int[] there = IntStream.range(0, xs.length)
                    .filter(i -> Double.isFinite(values[i]))
                    .toArray();
            chart.addSeries(
                            Grid.shortened(name),
                            Arrays.stream(there).mapToDouble(i -> xs[i]).toArray(),
                            Arrays.stream(there).mapToDouble(i -> values[i]).toArray(),
                            error == null
                                    ? null
                                    : Arrays.stream(there)
                                            .mapToDouble(i -> Double.isFinite(error[i]) ? error[i] : 0)
                                            .toArray())
                    .setMarker(SeriesMarkers.CIRCLE);
        });
        return of(title, chart);
    }

    /**
     * The heads, layer × head, for each label, coloured as a {@link Report} colours them: by the effect, Hedges' g, in standard
     * deviations, with the fullest colour for what but one in twenty of the effects stay below. What fails the criterion is grey; what
     * was not measured is crossed out.
     *
     * @param map       responses, among them of sites with heads and no units
     * @param criterion what counts
     * @return small multiples, one for each label
     * @throws ModscanException if no site has heads alone
     */
    public static Picture heads(SelectivityMap map, Criterion criterion) {
        List<Site> layers = map.sites().stream()
                .filter(site -> site.heads() > 0 && site.units() == 0)
                .toList();
        if (layers.isEmpty()) {
            throw new ModscanException("none of " + map.sites() + " holds a number for each head; measure magnitudes");
        }
        int heads = layers.stream().mapToInt(Site::heads).max().orElse(0);
        List<String> columns =
                IntStream.range(0, heads).mapToObj(Integer::toString).toList();
        List<String> rows = layers.stream().map(SiteFamily::layer).toList();
        double limit = SiteFamily.of(layers).stream()
                .mapToDouble(family -> new Responses(map, family, criterion).limit())
                .max()
                .orElse(1);
        List<Picture> pictures = map.labels().stream()
                .map(label -> {
                    double[][] values = new double[layers.size()][heads];
                    boolean[][] missing = new boolean[layers.size()][heads];
                    for (int layer = 0; layer < layers.size(); layer++) {
                        for (int head = 0; head < heads; head++) {
                            values[layer][head] = head < layers.get(layer).heads()
                                    ? effect(map.get(Unit.of(layers.get(layer), head), label), criterion)
                                    : Double.NaN;
                            missing[layer][head] = head < layers.get(layer).heads()
                                    && !map.get(Unit.of(layers.get(layer), head), label)
                                            .isMeasured();
                        }
                    }
                    return of(new Grid(
                            label, columns, rows, values, new Colours(DIVERGING, -limit, limit), Set.of(), missing));
                })
                .toList();
        return multiples(
                "Heads by magnitude, layer × head: effect (Hedges’ g). Red lights up, blue goes dark, grey fails q ≤ "
                        + criterion.q()
                        + (criterion.effect() > 0 ? ", AUROC 0.5 ± " + criterion.effect() : "")
                        + (map.notMeasured(layers::contains) > 0 ? "; crossed out is not measured." : "."),
                pictures,
                Math.min(5, pictures.size()));
    }

    private static double effect(UnitSelectivity unit, Criterion criterion) {
        return criterion.lightsUp(unit) || criterion.goesDark(unit) ? unit.hedgesG() : Double.NaN;
    }

    /**
     * Pictures beside and below each other.
     *
     * @param title    above them
     * @param pictures left to right, then down
     * @param columns  how many beside each other, at least 1
     * @return one picture
     * @throws IllegalArgumentException if there are none, or no columns
     */
    public static Picture multiples(String title, List<Picture> pictures, int columns) {
        if (pictures.isEmpty() || columns < 1) {
            throw new IllegalArgumentException(pictures.size() + " pictures in " + columns + " columns are none");
        }
        int cellWidth =
                pictures.stream().mapToInt(picture -> picture.width).max().orElse(0);
        int cellHeight =
                pictures.stream().mapToInt(picture -> picture.height).max().orElse(0);
        int rows = (pictures.size() + columns - 1) / columns;
        List<Picture> all = List.copyOf(pictures);
        int wide = Math.max(Math.max(760, 24 + 8 * title.length()), columns * cellWidth);
        return new Picture(title, wide, CAPTION + rows * cellHeight, graphics -> {
            graphics.setColor(Color.BLACK);
            graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 14));
            graphics.drawString(title, 12, 26);
            for (int i = 0; i < all.size(); i++) {
                AffineTransform before = graphics.getTransform();
                graphics.translate(i % columns * cellWidth, CAPTION + i / columns * cellHeight);
                all.get(i).painter.paint(graphics);
                graphics.setTransform(before);
            }
        });
    }

    /**
     * Saves it as a PNG, two pixels for each unit of length.
     *
     * @param file where to; an existing one is replaced; it appears whole
     * @throws ModscanException     if no file can be written there
     * @throws UncheckedIOException if writing fails
     */
    public void png(Path file) {
        BufferedImage image =
                new BufferedImage((int) (SHARPNESS * width), (int) (SHARPNESS * height), BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        try {
            graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
            graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
            graphics.setColor(Color.WHITE);
            graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
            graphics.scale(SHARPNESS, SHARPNESS);
            painter.paint(graphics);
        } finally {
            graphics.dispose();
        }
        WholeFile.write(file, aside -> ImageIO.write(image, "png", aside.toFile()));
    }

    /**
     * Saves it as an SVG.
     *
     * @param file where to; an existing one is replaced; it appears whole
     * @throws ModscanException     if no file can be written there
     * @throws UncheckedIOException if writing fails
     */
    public void svg(Path file) {
        Document document = documents().newDocument();
        SVGGraphics2D graphics = new SVGGraphics2D(document);
        graphics.setSVGCanvasSize(new Dimension(width, height));
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, width, height);
        painter.paint(graphics);
        // What is drawn are outlines of letters; this is what a screen reader reads.
        Element root = graphics.getRoot();
        Element name = document.createElementNS(SVGSyntax.SVG_NAMESPACE_URI, "title");
        name.setTextContent(title);
        root.insertBefore(name, root.getFirstChild());
        WholeFile.write(file, aside -> {
            try (Writer out = Files.newBufferedWriter(aside)) {
                graphics.stream(root, out, true, false);
            }
        });
    }

    private static DocumentBuilder documents() {
        try {
            return DocumentBuilderFactory.newInstance().newDocumentBuilder();
        } catch (ParserConfigurationException e) {
            throw new IllegalStateException("Java's own XML is not to be had", e);
        }
    }
}
