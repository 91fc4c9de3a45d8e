package io.modscan.onnx.internal.graph;

import io.modscan.core.file.WholeFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A graph's file, and a second one beside it with copies of the graph's weights. */
public final class CopiedWeights {

    /** Tensors in the data file begin at multiples of this, so that they can be mapped. */
    private static final long ALIGNMENT = 64;

    private CopiedWeights() {}

    /** Where each weight begins in the data file. */
    public static List<Long> offsets(List<WeightBytes> weights) {
        List<Long> offsets = new ArrayList<>();
        long end = 0;
        for (WeightBytes weight : weights) {
            long begin = Math.multiplyExact(Math.floorDiv(Math.addExact(end, ALIGNMENT - 1), ALIGNMENT), ALIGNMENT);
            offsets.add(begin);
            end = Math.addExact(begin, weight.length());
        }
        return offsets;
    }

    /**
     * Writes both. The weights come first, so that there is never a graph without them; and an older graph goes before they
     * do, so that there is never one with others' weights.
     *
     * @param data the second file, or null if the graph refers to the weights where they are
     */
    public static void write(Path target, byte[] graph, @Nullable Path data, List<WeightBytes> weights)
            throws IOException {
        WholeFile.write(target, aside -> {
            Files.write(aside, graph);
            if (data != null) {
                WholeFile.write(data, copy -> {
                    copy(weights, copy);
                    Files.deleteIfExists(target);
                });
            }
        });
    }

    private static void copy(List<WeightBytes> weights, Path data) throws IOException {
        List<Long> offsets = offsets(weights);
        try (FileChannel out = FileChannel.open(data, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (int i = 0; i < weights.size(); i++) {
                out.position(offsets.get(i));
                copy(weights.get(i), out);
            }
            out.force(true);
        }
    }

    private static void copy(WeightBytes weight, FileChannel out) throws IOException {
        try (FileChannel in = FileChannel.open(weight.file(), StandardOpenOption.READ)) {
            long done = 0;
            while (done < weight.length()) {
                long moved = in.transferTo(weight.offset() + done, weight.length() - done, out);
                if (moved <= 0) {
                    throw new IOException(weight.file() + " ended while tensor '" + weight.name() + "' was copied");
                }
                done += moved;
            }
        }
    }
}
