package io.modscan.core.internal.recording;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.safetensors.DType;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** What is said of values that a type cannot hold. */
class RoundingTest {

    private static final Reading Z = new Reading(
            new Site(
                    "blocks.0.attn.hook_z",
                    OptionalInt.of(0),
                    List.of(Axis.POSITION, Axis.heads(2), Axis.units(3)),
                    false),
            Pooling.none());
    private static final Reading EMBED = new Reading(
            new Site("hook_embed", OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(2)), false), Pooling.none());

    private static List<String> losses(DType type, float[][] z, float[][] embed) {
        Rounding rounding = new Rounding(type, List.of(Z, EMBED));
        for (int prompt = 0; prompt < z.length; prompt++) {
            store(rounding, 0, "p" + prompt, z[prompt]);
            store(rounding, 1, "p" + prompt, embed[prompt]);
        }
        return rounding.losses();
    }

    private static void store(Rounding rounding, int reading, String id, float... row) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(row.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(row);
        while (bytes.hasRemaining()) {
            assertThat(rounding.next(bytes).remaining()).isPositive();
        }
        rounding.rowDone(reading, id, FloatBuffer.wrap(row));
    }

    @Test
    void whatBecomesInfiniteIsCountedAndNamed() {
        float[][] z = {
            {1, 2, 3, 4, 65519, 6, 1, 2, 3, 4, 5, 6},
            {1, 2, 3, 4, 70000, 6},
            {1, 2, 3, -1e9f, 65520, 6, 0, 0, 0, 0, -1e5f, 0}
        };
        float[][] embed = {{1, 1e-5f}, {1, 2}, {1, 2}};
        assertThat(losses(DType.F16, z, embed))
                .containsExactly(
                        "beyond float16, which ends at 65504: 4 values of blocks.0.attn.hook_z head 1 unit 0 and 1 more, in 2 of"
                                + " the prompts, such as [p1, p2]. They are stored as infinity, and what is computed from them is"
                                + " not measured: store as bfloat16, which reaches as far as float32, or as float32");
        assertThat(losses(DType.BF16, z, embed)).isEmpty();
        assertThat(losses(DType.F32, z, embed)).isEmpty();
        z[1][0] = -Float.MAX_VALUE;
        embed[2][1] = Float.MAX_VALUE;
        assertThat(losses(DType.BF16, z, embed))
                .singleElement()
                .asString()
                .startsWith(
                        "beyond bfloat16, which ends at 3.39e38: 1 value of blocks.0.attn.hook_z head 0 unit 0, in 1 of the"
                                + " prompts, such as [p1]; and some at 1 of the other sites.")
                .endsWith(": store as float32");
    }

    /** The warning of a capture tells of these. */
    @Test
    void whatIsInfiniteOrNaNBeforeIsNotCountedAgain() {
        float[][] z = {{1, 2, Float.NaN, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY, 6}};
        assertThat(losses(DType.F16, z, new float[][] {{1, 2}})).isEmpty();
        assertThat(losses(DType.BF16, z, new float[][] {{1, 2}})).isEmpty();
    }

    @Test
    void aSiteOfSmallNumbersIsNamed() {
        float[] small = new float[6000];
        Arrays.fill(small, 1e-6f);
        small[7] = 0.5f;
        float[][] zeros = {new float[4]};
        assertThat(losses(DType.F16, new float[][] {small}, zeros))
                .singleElement()
                .asString()
                .startsWith("most values of blocks.0.attn.hook_z are so small");
        assertThat(losses(DType.BF16, new float[][] {small}, zeros)).isEmpty();
        Arrays.fill(small, 0, 3000, 0.01f);
        assertThat(losses(DType.F16, new float[][] {small}, zeros)).isEmpty();
    }

    @Test
    void otherTypesAreRefused() {
        assertThatThrownBy(() -> new Rounding(DType.I16, List.of(Z)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("values of captures are stored as one of [F32, F16, BF16], not as I16");
    }

    @Test
    void rowsAreComputedOnceAsLongAsThereIsRoom() {
        DecodedRows rows = new DecodedRows(3 * (200 + 40));
        int[] computed = new int[1];
        for (int prompt : new int[] {0, 1, 0, 2, 0, 1}) {
            FloatBuffer row = rows.get(5, prompt, () -> {
                computed[0]++;
                return FloatBuffer.wrap(new float[] {prompt, 0, 0, 0, 0, 0, 0, 0, 0, 0});
            });
            assertThat(row.get(0)).isEqualTo(prompt);
        }
        assertThat(computed[0]).isEqualTo(3);
        // It was prompt 2 that was asked for longest ago, and now makes room.
        rows.get(6, 0, () -> FloatBuffer.allocate(10));
        assertThat(rows.get(5, 1, () -> FloatBuffer.allocate(0)).capacity()).isEqualTo(10);
        assertThat(rows.get(5, 0, () -> FloatBuffer.allocate(0)).capacity()).isEqualTo(10);
        assertThat(rows.get(5, 2, () -> FloatBuffer.allocate(0)).capacity()).isZero();
    }
}
