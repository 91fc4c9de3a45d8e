package io.modscan.core.internal.recording;

import io.modscan.core.error.ModscanException;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.ShortBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Rounds the values of a capture to the type that they are stored as, on their way to its files, and counts what that type
 * cannot hold. Not safe for use by several threads.
 */
public final class Rounding {

    private static final Logger LOG = LoggerFactory.getLogger(Rounding.class);

    /** The types that values can be stored as. */
    static final List<DType> TYPES = List.of(DType.F32, DType.F16, DType.BF16);

    /** So many values are handed on at once at most. */
    private static final int VALUES_AT_ONCE = 1 << 18;

    private final DType type;
    private final ByteBuffer stored;
    private final HalfBlock block = new HalfBlock();
    private final List<Tally> beyond;
    /** For each reading how many values were not zero, and how many of these were too small for all digits. */
    private final long[] nonZero;

    private final long[] small;
    private boolean anyBeyond;
    private long rowNonZero;
    private long rowSmall;

    /**
     * Begins to count.
     *
     * @param type     F32, which leaves values as they are, F16 or BF16
     * @param readings what the values are of
     */
    public Rounding(DType type, List<Reading> readings) {
        this.type = checked(type);
        this.beyond = readings.stream().map(Tally::new).toList();
        this.nonZero = new long[readings.size()];
        this.small = new long[readings.size()];
        this.stored = ByteBuffer.allocateDirect(type == DType.F32 ? 0 : VALUES_AT_ONCE * type.bytes())
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Sees to it that values can be stored so.
     *
     * @throws IllegalArgumentException if they can't
     */
    public static DType checked(DType type) {
        if (!TYPES.contains(type)) {
            throw new IllegalArgumentException("values of captures are stored as one of " + TYPES + ", not as " + type);
        }
        return type;
    }

    /** What a type is called outside of safetensors. */
    static String name(DType type) {
        return switch (type) {
            case F16 -> "float16";
            case BF16 -> "bfloat16";
            default -> "float32";
        };
    }

    DType type() {
        return type;
    }

    /**
     * Gives values as they are stored.
     *
     * @param floats a row or a part of one; its position moves behind what was taken, which may be less than all
     * @return the bytes, little-endian, until the next call
     */
    ByteBuffer next(ByteBuffer floats) {
        if (type == DType.F32) {
            ByteBuffer all = floats.slice();
            floats.position(floats.limit());
            return all;
        }
        int count = Math.min(floats.remaining() / Float.BYTES, VALUES_AT_ONCE);
        IntBuffer bits = floats.slice().order(floats.order()).asIntBuffer();
        ShortBuffer halves = stored.clear().asShortBuffer();
        for (int at = 0; at < count; at += HalfBlock.SIZE) {
            int length = Math.min(HalfBlock.SIZE, count - at);
            anyBeyond |= block.round(type, bits, halves, at, length);
            if (type == DType.F16) {
                rowNonZero += length - block.zeros();
                rowSmall += block.small();
            }
        }
        floats.position(floats.position() + count * Float.BYTES);
        return stored.limit(count * type.bytes());
    }

    /**
     * Takes note of what was lost of a row, all of which was given since the last call.
     *
     * @param id  the prompt's
     * @param row its values, from 0 to the capacity
     */
    void rowDone(int reading, String id, FloatBuffer row) {
        nonZero[reading] += rowNonZero;
        small[reading] += rowSmall;
        rowNonZero = 0;
        rowSmall = 0;
        if (anyBeyond) {
            anyBeyond = false;
            int least = type == DType.F16 ? Halves.FLOAT16_OVERFLOW : Halves.BFLOAT16_OVERFLOW;
            float limit = Float.intBitsToFloat(least);
            beyond.get(reading).add(id, row, 0, value -> Math.abs(value) >= limit && Float.isFinite(value));
        }
    }

    /** Says in the log what the type could not hold of what was stored now: of what an earlier run has stored that one has told. */
    void tell() {
        losses().forEach(LOG::warn);
    }

    /** What the type could not hold, in words. */
    List<String> losses() {
        List<String> losses = new ArrayList<>();
        List<Tally> found = beyond.stream().filter(tally -> tally.values() > 0).toList();
        if (!found.isEmpty()) {
            losses.add(beyondRange(found));
        }
        List<Reading> mostlySmall = IntStream.range(0, small.length)
                .filter(reading -> 2 * small[reading] > nonZero[reading])
                .mapToObj(reading -> beyond.get(reading).reading())
                .toList();
        if (!mostlySmall.isEmpty()) {
            losses.add(belowRange(mostlySmall));
        }
        return losses;
    }

    private String beyondRange(List<Tally> found) {
        Tally first = found.get(0);
        return "beyond " + name(type) + ", which ends at " + (type == DType.F16 ? "65504" : "3.39e38") + ": "
                + first.values() + (first.values() == 1 ? " value of " : " values of ") + units(first) + ", in "
                + first.prompts() + " of the prompts, such as "
                + ModscanException.printable(first.firstIds().toString())
                + (found.size() == 1 ? "" : "; and some at " + (found.size() - 1) + " of the other sites")
                + ". They are stored as infinity, and what is computed from them is not measured: store "
                + (type == DType.F16 ? "as bfloat16, which reaches as far as float32, or " : "")
                + "as float32";
    }

    private static String units(Tally tally) {
        int[] prompts = tally.promptsOfUnits();
        int[] units =
                IntStream.range(0, prompts.length).filter(i -> prompts[i] > 0).toArray();
        Site site = tally.reading().site();
        String first = Unit.of(site, units[0]).toString();
        return ModscanException.printable(first) + (units.length == 1 ? "" : " and " + (units.length - 1) + " more");
    }

    private static String belowRange(List<Reading> readings) {
        return "most values of "
                + ModscanException.printable(readings.get(0).site().toString())
                + (readings.size() == 1 ? "" : " and of " + (readings.size() - 1) + " other sites")
                + " are so small, below 6.1e-5, that float16 keeps few of their digits, and none of those below 3e-8: store as"
                + " bfloat16, which reaches as far down as float32, or as float32";
    }
}
