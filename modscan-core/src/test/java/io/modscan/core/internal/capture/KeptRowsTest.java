package io.modscan.core.internal.capture;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.internal.recording.Chunk;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.token.PromptTokens;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Rows that share arrays keep their own values. */
class KeptRowsTest {

    private static final Site UNITS =
            new Site("units", OptionalInt.of(0), List.of(Axis.POSITION, Axis.units(2)), false);
    private static final int[] LENGTHS = {3, 1, 4, 9, 1};

    private static Chunk chunk() {
        List<Prompt> prompts = new ArrayList<>();
        List<PromptTokens> tokens = new ArrayList<>();
        for (int i = 0; i < LENGTHS.length; i++) {
            prompts.add(Prompt.ofTokens("p" + i, new int[LENGTHS[i]]));
            tokens.add(PromptTokens.of(new int[LENGTHS[i]], List.of()));
        }
        return new Chunk(0, prompts, tokens, List.of(), 0, true);
    }

    private static float value(int prompt, int index) {
        return 100 * prompt + index;
    }

    private static List<FloatBuffer> taken(int largest) {
        KeptRows kept = new KeptRows(List.of(new Reading(UNITS, Pooling.none())), LENGTHS.length, largest);
        kept.expect(chunk());
        ByteBuffer buffer = ByteBuffer.allocateDirect(100).order(ByteOrder.nativeOrder()); // used again, as a run does
        for (int prompt : new int[] {3, 2, 0, 4, 1}) {
            int values = 2 * LENGTHS[prompt];
            for (int i = 0; i < values; i++) {
                buffer.putFloat(i * Float.BYTES, value(prompt, i));
            }
            kept.take(0, prompt, buffer.slice(0, values * Float.BYTES).order(ByteOrder.nativeOrder()));
        }
        return kept.rows().get(0);
    }

    private static int arrays(List<FloatBuffer> rows) {
        Set<Integer> arrays = new HashSet<>();
        rows.forEach(row -> arrays.add(System.identityHashCode(row.array())));
        return arrays.size();
    }

    @Test
    void keepsRowsInFewArraysOfTheirSize() {
        List<FloatBuffer> rows = taken(1000);
        assertThat(arrays(rows)).isEqualTo(1);
        assertThat(rows.get(0).array()).hasSize(2 * IntStream.of(LENGTHS).sum());
    }

    @Test
    void beginsAnArrayWhereARowDoesNotFit() {
        for (int largest : new int[] {1, 8, 17, 1000}) {
            List<FloatBuffer> rows = taken(largest);
            for (int prompt = 0; prompt < LENGTHS.length; prompt++) {
                FloatBuffer row = rows.get(prompt);
                assertThat(row.capacity()).isEqualTo(2 * LENGTHS[prompt]);
                for (int i = 0; i < row.capacity(); i++) {
                    assertThat(row.get(i)).isEqualTo(value(prompt, i));
                }
            }
        }
        assertThat(arrays(taken(8))).isGreaterThan(2);
    }

    @Test
    void aLongRowHasAnArrayOfItsOwnAndWastesNothing() {
        List<FloatBuffer> rows = taken(100);
        assertThat(arrays(rows)).isEqualTo(2);
        assertThat(rows.get(3).array()).as("the longest").hasSize(2 * 9);
        assertThat(rows.get(0).array()).as("of all others").hasSize(2 * (3 + 1 + 4 + 1));
    }
}
