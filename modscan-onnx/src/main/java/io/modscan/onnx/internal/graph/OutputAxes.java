package io.modscan.onnx.internal.graph;

import io.modscan.core.site.Axis;
import io.modscan.core.site.Reading;
import java.util.ArrayList;
import java.util.List;

/**
 * The axes of a graph's output.
 *
 * @param batched whether the first is the batch
 * @param sizes   of those behind it, 0 for one of positions
 */
public record OutputAxes(boolean batched, List<Integer> sizes) {

    public OutputAxes {
        sizes = List.copyOf(sizes);
    }

    /** The batch and a site's axes, those of positions dropped where pooled. */
    public static OutputAxes of(Reading reading) {
        return new OutputAxes(
                true,
                reading.site().axes().stream()
                        .map(Axis::size)
                        .filter(size -> size > 0 || !reading.pooling().isPooled())
                        .toList());
    }

    public List<Long> shape(int rows, int positions) {
        List<Long> shape = new ArrayList<>();
        if (batched) {
            shape.add((long) rows);
        }
        sizes.forEach(size -> shape.add(size > 0 ? size : (long) positions));
        return shape;
    }

    /** The same with symbols for what a batch tells. */
    public List<String> symbols() {
        return symbols("sequence");
    }

    /** The same where only some positions are there. */
    public List<String> symbols(String positions) {
        List<String> symbols = new ArrayList<>();
        if (batched) {
            symbols.add("batch");
        }
        sizes.forEach(size -> symbols.add(size > 0 ? size.toString() : positions));
        return symbols;
    }
}
