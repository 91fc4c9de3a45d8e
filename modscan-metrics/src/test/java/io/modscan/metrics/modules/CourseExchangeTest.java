package io.modscan.metrics.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Courses change prompts; positions stay. */
class CourseExchangeTest {

    /** Prompts of these lengths, each with its first positions. */
    private static TokenLayout layout(int... lengths) {
        int[] begins = new int[lengths.length + 1];
        for (int i = 0; i < lengths.length; i++) {
            begins[i + 1] = begins[i] + lengths[i];
        }
        int[] positions = Arrays.stream(lengths)
                .flatMap(length -> IntStream.range(0, length))
                .toArray();
        return new TokenLayout(begins, positions, Arrays.stream(lengths).max().orElseThrow());
    }

    /** The value at each token is 100 times the prompt's number, plus the position. */
    private static float[] named(TokenLayout layout) {
        float[] values = new float[layout.tokens()];
        for (int prompt = 0; prompt < layout.prompts(); prompt++) {
            for (int i = layout.begins()[prompt]; i < layout.begins()[prompt + 1]; i++) {
                values[i] = 100 * prompt + layout.positions()[i];
            }
        }
        return values;
    }

    private static double[] lively(int prompts) {
        double[] ones = new double[prompts];
        Arrays.fill(ones, 1);
        return ones;
    }

    @Test
    void atEachPositionValuesArePermuted() {
        TokenLayout layout = layout(5, 2, 9, 5, 7, 3, 3);
        float[] values = named(layout);
        float[] exchanged = new CourseExchange(layout).exchange(values, lively(7), new SplittableRandom(4));
        assertThat(exchanged).isNotEqualTo(values).containsExactlyInAnyOrder(values);
        for (int i = 0; i < exchanged.length; i++) {
            assertThat((int) exchanged[i] % 100).isEqualTo(layout.positions()[i]);
        }
    }

    @Test
    void aCourseStaysOneAsFarAsItReaches() {
        TokenLayout layout = layout(6, 6, 6, 6, 6, 6, 3);
        float[] exchanged = new CourseExchange(layout).exchange(named(layout), lively(7), new SplittableRandom(1));
        for (int prompt = 0; prompt < 7; prompt++) {
            int begin = layout.begins()[prompt];
            int from = (int) exchanged[begin] / 100;
            for (int i = begin; i < layout.begins()[prompt + 1]; i++) {
                int now = (int) exchanged[i] / 100;
                // Only the short one's course ends before the prompt does.
                if (layout.positions()[i] < 3 || from != 6) {
                    assertThat(now).isEqualTo(from);
                } else {
                    assertThat(now).isNotEqualTo(6).isEqualTo((int) exchanged[begin + 3] / 100);
                }
            }
        }
    }

    @Test
    void eachPermutationIsAsLikelyAlsoWhereSomeAreTooShort() {
        TokenLayout layout = layout(2, 1, 2, 1, 2);
        Map<List<Integer>, Integer> seen = new TreeMap<>((a, b) -> a.toString().compareTo(b.toString()));
        SplittableRandom random = new SplittableRandom(3);
        int times = 6000;
        for (int i = 0; i < times; i++) {
            float[] exchanged = new CourseExchange(layout).exchange(named(layout), lively(5), random);
            seen.merge(
                    List.of((int) exchanged[1] / 100, (int) exchanged[4] / 100, (int) exchanged[7] / 100),
                    1,
                    Integer::sum);
        }
        assertThat(seen).hasSize(6);
        // Five standard deviations.
        assertThat(seen.values()).allMatch(count -> Math.abs(count - times / 6) < 150);
    }

    @Test
    void silentPromptsExchangeAmongThemselves() {
        TokenLayout layout = layout(IntStream.range(0, 12).map(i -> 4).toArray());
        double[] liveliness = lively(12);
        Arrays.fill(liveliness, 0, 6, 0.01);
        for (int seed = 0; seed < 20; seed++) {
            float[] exchanged =
                    new CourseExchange(layout).exchange(named(layout), liveliness, new SplittableRandom(seed));
            for (int i = 0; i < exchanged.length; i++) {
                assertThat(exchanged[i] < 600).isEqualTo(i < 24);
            }
        }
        // Four are too few to be a class.
        Arrays.fill(liveliness, 4, 6, 1);
        boolean left = false;
        for (int seed = 0; seed < 20; seed++) {
            float[] exchanged =
                    new CourseExchange(layout).exchange(named(layout), liveliness, new SplittableRandom(seed));
            left |= IntStream.range(0, 16).anyMatch(i -> exchanged[i] >= 400);
        }
        assertThat(left).isTrue();
    }

    @Test
    void promptsAndPositionsAreTakenOutWhateverTheLengths() {
        TokenLayout layout = layout(5, 2, 9, 5, 7, 3, 3, 9);
        SplittableRandom random = new SplittableRandom(5);
        float[] noise = new float[layout.tokens()];
        float[] values = new float[layout.tokens()];
        float[] fitted = new float[layout.tokens()];
        for (int prompt = 0; prompt < layout.prompts(); prompt++) {
            for (int i = layout.begins()[prompt]; i < layout.begins()[prompt + 1]; i++) {
                int position = layout.positions()[i];
                noise[i] = (float) random.nextGaussian();
                fitted[i] = 3 * prompt + position * position;
                values[i] = noise[i] + fitted[i];
            }
        }
        float[] rest = layout.centred(values, true);
        float[] ofNoise = layout.centred(noise, true);
        for (int i = 0; i < rest.length; i++) {
            assertThat(rest[i]).isCloseTo(ofNoise[i], within(1e-3f));
        }
        // Nothing but prompts and positions leaves nothing at all.
        assertThat(layout.centred(fitted, true)).containsOnly(0);
        assertThat(layout.centred(fitted, false)).isNotEqualTo(new float[fitted.length]);
    }
}
