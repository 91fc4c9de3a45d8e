package io.modscan.core.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.modscan.core.safetensors.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

class InputTensorTest {

    @Test
    void takesArraysOfEachType() {
        InputTensor floats = InputTensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
        assertThat(floats.type()).isEqualTo(DType.F32);
        assertThat(floats.shape()).containsExactly(2L, 3L);
        assertThat(floats.data().asFloatBuffer()).isEqualTo(FloatBuffer.wrap(new float[] {1, 2, 3, 4, 5, 6}));

        assertThat(InputTensor.of(new double[] {0.5}, 1).data().getDouble(0)).isEqualTo(0.5);
        assertThat(InputTensor.of(new long[] {1L << 40}, 1).data().getLong(0)).isEqualTo(1L << 40);
        assertThat(InputTensor.of(new int[] {-7, 8}, 2).data().getInt(4)).isEqualTo(8);
        assertThat(InputTensor.of(DType.U8, new byte[] {-1}, 1).data().get(0)).isEqualTo((byte) -1);
        assertThat(InputTensor.of(new boolean[] {true, false}, 2).data().slice(0, 2))
                .isEqualTo(ByteBuffer.wrap(new byte[] {1, 0}));
    }

    @Test
    void tellsTypeAndShape() {
        assertThat(List.of(
                        InputTensor.of(new float[6], 2, 3),
                        InputTensor.of(new double[1]),
                        InputTensor.of(new long[1], 1),
                        InputTensor.of(new int[1], 1),
                        InputTensor.of(DType.I8, new byte[1], 1),
                        InputTensor.of(new boolean[0], 0),
                        InputTensor.of(DType.F16, ByteBuffer.allocate(4), 2)))
                .extracting(InputTensor::toString)
                .containsExactly(
                        "float32 [2, 3]",
                        "float64 []",
                        "int64 [1]",
                        "int32 [1]",
                        "int8 [1]",
                        "bool [0]",
                        "float16 [2]");
    }

    @Test
    void takesWhatRemainsInABufferAndLeavesItsPosition() {
        FloatBuffer floats = FloatBuffer.wrap(new float[] {9, 1, 2}).position(1);
        assertThat(InputTensor.of(floats, 2)).isEqualTo(InputTensor.of(new float[] {1, 2}, 2));
        assertThat(floats.position()).isEqualTo(1);
        assertThat(InputTensor.of(LongBuffer.wrap(new long[] {3}), 1)).isEqualTo(InputTensor.of(new long[] {3}, 1));
        assertThat(InputTensor.of(IntBuffer.wrap(new int[] {3}), 1)).isEqualTo(InputTensor.of(new int[] {3}, 1));
    }

    @Test
    void keepsTheByteOrderOfABufferApartFromItsValues() {
        InputTensor expected = InputTensor.of(new float[] {1.5f, -2}, 2);
        for (ByteOrder order : List.of(ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN)) {
            ByteBuffer bytes = ByteBuffer.allocate(8)
                    .order(order)
                    .putFloat(1.5f)
                    .putFloat(-2)
                    .flip();
            assertThat(InputTensor.of(DType.F32, bytes, 2)).isEqualTo(expected);
            assertThat(bytes.remaining()).isEqualTo(8);
        }
    }

    @Test
    void copiesItsValues() {
        float[] values = {1, 2};
        InputTensor tensor = InputTensor.of(values, 2);
        values[0] = 7;
        assertThat(tensor.data().getFloat(0)).isEqualTo(1);
    }

    @Test
    void givesANewDirectReadOnlyViewInNativeOrderEachTime() {
        InputTensor tensor = InputTensor.of(new int[] {1, 2}, 2);
        ByteBuffer data = tensor.data();
        data.getInt();
        assertThat(tensor.data().position()).isZero();
        assertThat(tensor.data().remaining()).isEqualTo(8);
        assertThat(data.isDirect()).isTrue();
        assertThat(data.isReadOnly()).isTrue();
        assertThat(data.order()).isEqualTo(ByteOrder.nativeOrder());
    }

    @Test
    void anotherNumberOfValuesThanTheShapeSaysIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> InputTensor.of(new float[5], 2, 3))
                .withMessageContainingAll("[2, 3]", "6 values", "given are 5");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> InputTensor.of(new float[0]))
                .withMessageContainingAll("1 values", "given are 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> InputTensor.of(DType.F16, ByteBuffer.allocate(3), 1))
                .withMessageContainingAll("3 bytes", "F16", "takes 2");
    }

    @Test
    void impossibleShapesAndTypesAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> InputTensor.of(new float[1], -1))
                .withMessageContaining("negative");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> InputTensor.of(new float[1], Long.MAX_VALUE, 2))
                .withMessageContaining("larger than any file");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> InputTensor.of(DType.F32, new byte[4], 1))
                .withMessageContainingAll("F32", "takes 4");
    }

    @Test
    void isEqualByTypeShapeAndValues() {
        InputTensor tensor = InputTensor.of(new int[] {1, 2}, 2);
        assertThat(tensor)
                .isEqualTo(InputTensor.of(new int[] {1, 2}, 2))
                .hasSameHashCodeAs(InputTensor.of(new int[] {1, 2}, 2))
                .isNotEqualTo(InputTensor.of(new int[] {1, 3}, 2))
                .isNotEqualTo(InputTensor.of(new int[] {1, 2}, 1, 2))
                .isNotEqualTo(InputTensor.of(
                        DType.U32,
                        ByteBuffer.allocate(8)
                                .order(ByteOrder.nativeOrder())
                                .putInt(0, 1)
                                .putInt(4, 2),
                        2));
    }
}
