package io.modscan.openblas;

import java.nio.ByteBuffer;

/** Products of what is not in direct memory go through some, tile by tile, so that it needs little and may have any size. */
final class Tiles {

    /** Rows of a tile: at these sizes copying takes a small share of the time. */
    private static final int MOST_ROWS = 1024;

    /** Values of an operand's tile, 32 MiB in double precision, unless a row has more. */
    static final int MOST_VALUES = 1 << 22;

    private Tiles() {}

    /** Some rows of the product, and of these some columns. */
    record Tile(int top, int rows, int left, int columns) {}

    /** Direct memory for a tile's share of the factors and of the product. */
    record Scratch(ByteBuffer left, ByteBuffer right, ByteBuffer result) {}

    /** Multiplies what belongs to a tile. */
    @FunctionalInterface
    interface Product {
        void accept(Tile tile, Scratch scratch);
    }

    static void forEach(int rows, int columns, int inner, int bytes, Product product) {
        int most = Math.max(1, Math.min(MOST_ROWS, MOST_VALUES / inner));
        int high = Math.min(most, rows);
        int wide = Math.min(most, columns);
        Scratch scratch = new Scratch(
                Direct.bytes(Math.multiplyExact(high * bytes, inner)),
                Direct.bytes(Math.multiplyExact(wide * bytes, inner)),
                Direct.bytes(high * wide * bytes));
        for (int top = 0; top < rows; top += high) {
            for (int beside = 0; beside < columns; beside += wide) {
                Tile tile = new Tile(top, Math.min(high, rows - top), beside, Math.min(wide, columns - beside));
                product.accept(
                        tile,
                        new Scratch(
                                share(scratch.left(), tile.rows() * inner * bytes),
                                share(scratch.right(), tile.columns() * inner * bytes),
                                share(scratch.result(), tile.rows() * tile.columns() * bytes)));
            }
        }
    }

    private static ByteBuffer share(ByteBuffer buffer, int bytes) {
        return buffer.slice(0, bytes).order(buffer.order());
    }
}
