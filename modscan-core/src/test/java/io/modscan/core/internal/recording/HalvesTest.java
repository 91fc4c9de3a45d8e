package io.modscan.core.internal.recording;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.safetensors.DType;
import java.nio.IntBuffer;
import java.nio.ShortBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Both ways between floats and halves, held against their definition, PyTorch and NumPy. */
class HalvesTest {

    /** By the definition of the format, in double precision. */
    private static double value(int half) {
        int exponent = half >> 10 & 31;
        int fraction = half & 1023;
        double magnitude;
        if (exponent == 31) {
            magnitude = fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
        } else {
            magnitude = exponent == 0
                    ? Math.scalb((float) fraction, -24)
                    : Math.scalb(1024.0 + fraction, exponent - 15 - 10);
        }
        return half >> 15 == 0 ? magnitude : -magnitude;
    }

    @Test
    void eachOfAllFloat16IsAFloatAndThatFloatIsIt() {
        float[] bulk = new float[1 << 16];
        short[] all = new short[1 << 16];
        for (int half = 0; half < all.length; half++) {
            all[half] = (short) half;
        }
        Halves.toFloats(DType.F16, ShortBuffer.wrap(all), bulk);
        for (int half = 0; half < 1 << 16; half++) {
            float value = Halves.fromFloat16(half);
            assertThat(Double.compare(value, value(half)))
                    .as("%04x is %s", half, value)
                    .isZero();
            assertThat(Float.floatToRawIntBits(bulk[half])).isEqualTo(Float.floatToRawIntBits(value));
            // A signalling NaN comes back as a quiet one.
            int expected = Float.isNaN(value) ? half | 0x200 : half;
            assertThat(Halves.toFloat16(Float.floatToRawIntBits(value))).isEqualTo(expected);
        }
    }

    @Test
    void eachOfAllBfloat16IsAFloatAndThatFloatIsIt() {
        for (int half = 0; half < 1 << 16; half++) {
            float value = Halves.fromBfloat16(half);
            assertThat(Float.floatToRawIntBits(value)).isEqualTo(half << 16);
            int expected = Float.isNaN(value) ? half | 0x40 : half;
            assertThat(Halves.toBfloat16(half << 16) & 0xffff).isEqualTo(expected);
        }
    }

    /** Between each two neighbours, infinity as the last one's included. */
    @Test
    void halfwayBetweenTwoTheEvenOneIsTaken() {
        for (int half = 0; half < 0x7c00; half++) {
            double above = half == 0x7bff ? 65536 : value(half + 1);
            float middle = (float) ((value(half) + above) / 2);
            int even = half + (half & 1);
            assertRounds(middle, even);
            assertRounds(Math.nextUp(middle), half + 1);
            assertRounds(Math.nextDown(middle), half);
        }
        for (int half = 0; half < 0x7f80; half++) {
            int middle = half << 16 | 0x8000;
            assertThat(Halves.toBfloat16(middle)).isEqualTo(half + (half & 1));
            assertThat(Halves.toBfloat16(middle + 1)).isEqualTo(half + 1);
            assertThat(Halves.toBfloat16(middle - 1)).isEqualTo(half);
        }
    }

    private static void assertRounds(float value, int half) {
        int bits = Float.floatToRawIntBits(value);
        if (Halves.toFloat16(bits) != half || Halves.toFloat16(bits | 1 << 31) != (half | 0x8000)) {
            assertThat(Halves.toFloat16(bits)).as("%s", value).isEqualTo(half);
            assertThat(Halves.toFloat16(bits | 1 << 31)).as("-%s", value).isEqualTo(half | 0x8000);
        }
    }

    @Test
    void theyAreWhatPyTorchAndNumPyMake() {
        for (GoldenHalves.Line line : GoldenHalves.lines()) {
            assertThat(Halves.toFloat16(line.bits())).as("%08x", line.bits()).isEqualTo(line.float16());
            assertThat(Halves.toBfloat16(line.bits()) & 0xffff)
                    .as("%08x", line.bits())
                    .isEqualTo(line.bfloat16());
        }
    }

    /** In blocks of any length, with and without what is too large. */
    @Test
    void aBlockIsRoundedAsItsValuesAreOneByOne() {
        Random random = new Random(24);
        HalfBlock block = new HalfBlock();
        for (int round = 0; round < 400; round++) {
            int length = round < 20 ? round : 1 + random.nextInt(HalfBlock.SIZE);
            int kind = round % 4;
            int[] bits = random.ints(length + 3)
                    .map(any -> kind == 0
                            ? any
                            : Float.floatToRawIntBits((float) (random.nextGaussian() * Math.pow(10, kind * 3 - 8))))
                    .toArray();
            for (DType type : new DType[] {DType.F16, DType.BF16}) {
                ShortBuffer halves = ShortBuffer.allocate(length + 3);
                boolean beyond = block.round(type, IntBuffer.wrap(bits), halves, 3, length);
                boolean expectedBeyond = false;
                int small = 0;
                for (int i = 3; i < length + 3; i++) {
                    int half = (type == DType.F16 ? Halves.toFloat16(bits[i]) : Halves.toBfloat16(bits[i])) & 0xffff;
                    assertThat(halves.get(i) & 0xffff).as("%08x", bits[i]).isEqualTo(half);
                    int infinity = type == DType.F16 ? 0x7c00 : 0x7f80;
                    expectedBeyond |= (half & 0x7fff) >= infinity;
                    float magnitude = Math.abs(Float.intBitsToFloat(bits[i]));
                    small += magnitude > 0 && magnitude < 0x1p-14f ? 1 : 0;
                }
                assertThat(beyond).isEqualTo(expectedBeyond);
                if (type == DType.F16) {
                    assertThat(block.small()).isEqualTo(small);
                }
                assertThat(halves.get(0)).isZero();
            }
        }
    }
}
