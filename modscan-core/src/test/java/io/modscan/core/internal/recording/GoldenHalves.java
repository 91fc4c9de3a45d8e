package io.modscan.core.internal.recording;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;

/** Floats and what torch made of them; tools/half_golden.py wrote them. */
public final class GoldenHalves {

    /** The bits of a float and of its halves. */
    public record Line(int bits, int float16, int bfloat16) {}

    private GoldenHalves() {}

    public static List<Line> lines() {
        try (BufferedReader in = new BufferedReader(new InputStreamReader(
                Objects.requireNonNull(GoldenHalves.class.getResourceAsStream("/io/modscan/core/halves.csv")),
                StandardCharsets.US_ASCII))) {
            return in.lines()
                    .map(line -> line.split(",", -1))
                    .map(GoldenHalves::line)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Line line(String... cells) {
        return new Line(
                Integer.parseUnsignedInt(cells[0], 16), Integer.parseInt(cells[1], 16), Integer.parseInt(cells[2], 16));
    }
}
