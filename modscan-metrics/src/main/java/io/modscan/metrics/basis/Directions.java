package io.modscan.metrics.basis;

/** Sums over vectors and their directions, coordinate by coordinate. */
final class Directions extends VectorSums {

    private double[] squares = {};
    private double[] units = {};
    private double[] unitSquares = {};

    @Override
    void makeRoom(int width) {
        squares = new double[width];
        units = new double[width];
        unitSquares = new double[width];
    }

    @Override
    void take(float[] values, int from) {
        double square = 0;
        for (int i = 0; i < units.length; i++) {
            square += (double) values[from + i] * values[from + i];
        }
        if (!(square > 0 && square < Double.POSITIVE_INFINITY)) {
            leftOut++;
            return;
        }
        count++;
        double length = Math.sqrt(square);
        for (int i = 0; i < units.length; i++) {
            double value = values[from + i];
            double unit = value / length;
            squares[i] += value * value;
            units[i] += unit;
            unitSquares[i] += unit * unit;
        }
    }

    void merge(Directions other) {
        begin(other.site());
        for (int i = 0; i < units.length; i++) {
            squares[i] += other.squares[i];
            units[i] += other.units[i];
            unitSquares[i] += other.unitSquares[i];
        }
        count += other.count;
        leftOut += other.leftOut;
    }

    BrightDimensions dimensions() {
        double all = 0;
        for (double square : squares) {
            all += square;
        }
        double pairs = (double) count * (count - 1.0);
        double[] shares = new double[units.length];
        double[] cosines = new double[units.length];
        for (int i = 0; i < units.length; i++) {
            shares[i] = squares[i] / all;
            cosines[i] = pairs > 0 ? (units[i] * units[i] - unitSquares[i]) / pairs : Double.NaN;
        }
        return new BrightDimensions(site(), count, leftOut, shares, cosines);
    }
}
