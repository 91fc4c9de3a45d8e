package io.modscan.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.geom.AffineTransform;
import java.awt.geom.Line2D;
import java.awt.geom.Rectangle2D;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Coloured cells with names and a bar that tells what colours mean. XChart's heat maps leave names out and can't mark groups. */
final class Grid {

    private static final int LONGEST_NAME = 24;
    private static final int LETTER = 7;
    private static final int TOP = 36;
    private static final int RIGHT = 92;
    private static final int LARGEST_CELL = 28;
    private static final int LARGEST_SIDE = 720;

    private final String title;
    private final List<String> columns;
    private final List<String> rows;
    private final double[][] values;
    private final Colours colours;
    private final Set<Integer> edges;
    private final boolean[][] crossed;

    /**
     * Lays it out.
     *
     * @param columns their names, left to right; an empty one is not drawn
     * @param rows    their names, from the bottom
     * @param values  of each row, each column
     * @param edges   the rows and columns that a line is drawn before
     */
    Grid(
            String title,
            List<String> columns,
            List<String> rows,
            double[][] values,
            Colours colours,
            Set<Integer> edges) {
        this(title, columns, rows, values, colours, edges, new boolean[rows.size()][columns.size()]);
    }

    /**
     * The same with some cells crossed out.
     *
     * @param crossed which, of each row, each column
     */
    Grid(
            String title,
            List<String> columns,
            List<String> rows,
            double[][] values,
            Colours colours,
            Set<Integer> edges,
            boolean[][] crossed) {
        this.crossed = Arrays.stream(crossed).map(boolean[]::clone).toArray(boolean[][]::new);
        this.title = title;
        this.columns = List.copyOf(columns);
        this.rows = List.copyOf(rows);
        this.values = Arrays.stream(values).map(double[]::clone).toArray(double[][]::new);
        this.colours = colours;
        this.edges = Set.copyOf(edges);
    }

    String title() {
        return title;
    }

    static String shortened(String name) {
        return name.length() > LONGEST_NAME ? name.substring(0, LONGEST_NAME - 1) + "…" : name;
    }

    private static int longest(List<String> names) {
        return names.stream().mapToInt(name -> shortened(name).length()).max().orElse(0) * LETTER;
    }

    private int left() {
        return 16 + longest(rows);
    }

    private boolean slanted() {
        return longest(columns) > cell();
    }

    private int bottom() {
        return slanted() ? 16 + (int) (0.75 * longest(columns)) : 28;
    }

    private double cell() {
        return Math.min(LARGEST_CELL, (double) LARGEST_SIDE / Math.max(columns.size(), rows.size()));
    }

    int width() {
        return Math.max(
                left() + (int) Math.ceil(columns.size() * cell()) + RIGHT,
                24 + shortened(title).length() * 9);
    }

    int height() {
        return TOP + Math.max(100, (int) Math.ceil(rows.size() * cell())) + bottom();
    }

    void paint(Graphics2D graphics) {
        double cell = cell();
        double floor = TOP + rows.size() * cell;
        graphics.setColor(Color.BLACK);
        graphics.setFont(new Font(Font.SANS_SERIF, Font.BOLD, 14));
        graphics.drawString(shortened(title), 12, 22);
        graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 11));
        for (int row = 0; row < rows.size(); row++) {
            for (int column = 0; column < columns.size(); column++) {
                graphics.setColor(colours.of(values[row][column]));
                double x = left() + column * cell;
                double y = floor - (row + 1) * cell;
                graphics.fill(new Rectangle2D.Double(x, y, cell, cell));
                if (crossed[row][column]) {
                    graphics.setColor(Color.BLACK);
                    graphics.draw(new Line2D.Double(x, y, x + cell, y + cell));
                    graphics.draw(new Line2D.Double(x, y + cell, x + cell, y));
                }
            }
        }
        graphics.setColor(Color.BLACK);
        graphics.setStroke(new BasicStroke(0.75f));
        for (int edge : edges) {
            graphics.draw(new Line2D.Double(left() + edge * cell, TOP, left() + edge * cell, floor));
            graphics.draw(new Line2D.Double(
                    left(), floor - edge * cell, left() + columns.size() * cell, floor - edge * cell));
        }
        paintNames(graphics, floor);
        paintBar(graphics);
    }

    private void paintNames(Graphics2D graphics, double floor) {
        double cell = cell();
        int every = (int) Math.ceil(12 / cell);
        for (int row = 0; row < rows.size(); row++) {
            String name = shortened(rows.get(row));
            if (!edges.isEmpty() || row % every == 0) {
                int wide = graphics.getFontMetrics().stringWidth(name);
                graphics.drawString(name, (float) (left() - 6 - wide), (float) (floor - (row + 0.5) * cell + 4));
            }
        }
        for (int column = 0; column < columns.size(); column++) {
            String name = shortened(columns.get(column));
            double middle = left() + (column + 0.5) * cell;
            int wide = graphics.getFontMetrics().stringWidth(name);
            if (edges.isEmpty() && column % every != 0) {
                continue;
            }
            if (slanted()) {
                AffineTransform before = graphics.getTransform();
                graphics.translate(middle + 4, floor + 10);
                graphics.rotate(-Math.PI / 4);
                graphics.drawString(name, -wide, 0);
                graphics.setTransform(before);
            } else {
                graphics.drawString(name, (float) (middle - wide / 2.0), (float) (floor + 15));
            }
        }
    }

    private void paintBar(Graphics2D graphics) {
        double x = left() + columns.size() * cell() + 16;
        int steps = 64;
        double length = Math.max(96, Math.min(200, rows.size() * cell()));
        for (int step = 0; step < steps; step++) {
            double share = (step + 0.5) / steps;
            graphics.setColor(colours.of(colours.low() + share * (colours.high() - colours.low())));
            graphics.fill(new Rectangle2D.Double(
                    x, TOP + (steps - 1 - step) * length / steps, 12, Math.ceil(length / steps)));
        }
        graphics.setColor(Color.BLACK);
        double middle = (colours.low() + colours.high()) / 2;
        List<String> ends = told(colours.low(), middle, colours.high());
        graphics.drawString(ends.get(2), (float) (x + 17), TOP + 9);
        if (colours.high() > colours.low()) {
            graphics.drawString(ends.get(1), (float) (x + 17), (float) (TOP + length / 2 + 4));
            graphics.drawString(ends.get(0), (float) (x + 17), (float) (TOP + length));
        }
    }

    /** Ascending numbers with as many digits as tell them apart, at least two behind the point; large ones by their powers of ten. */
    static List<String> told(double... values) {
        double reach = values[values.length - 1] - values[0];
        double largest = Arrays.stream(values).map(Math::abs).max().orElse(0);
        int digits = reach > 0 ? (int) Math.min(12, Math.max(2, 1 - Math.floor(Math.log10(reach)))) : 2;
        // So many digits of the whole number as its last one is of the reach.
        int power =
                reach > 0 ? (int) Math.max(1, Math.floor(Math.log10(largest)) - Math.floor(Math.log10(reach)) + 1) : 1;
        String format = largest < 1000 ? "%." + digits + "f" : "%." + Math.min(12, power) + "e";
        return Arrays.stream(values)
                .mapToObj(value -> String.format(Locale.ROOT, format, value + 0.0))
                .toList();
    }
}
