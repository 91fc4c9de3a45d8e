package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.SiteActivations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a prompt's values owe to the prompts that are run with it, and to threads. */
class CompanyTest {

    /** Of a tensor's largest value. */
    private static final double TOLERANCE = 2e-5;

    private static final Prompts PROMPTS = prompts(60);

    @TempDir
    private Path folder;

    private static Prompts prompts(int count) {
        Random random = new Random(5);
        return Prompts.of(IntStream.range(0, count)
                .mapToObj(i -> Prompt.ofTokens(
                        "p" + i,
                        random.ints(2 + random.nextInt(TinyOpt.MAX_POSITIONS - 1), 3, TinyOpt.VOCABULARY)
                                .toArray()))
                .toList());
    }

    private Probe.Builder probe(Pooling pooling) {
        return Probe.builder(new TinyOpt().load(folder)).sites("*").pooling(pooling);
    }

    static Stream<Pooling> poolings() {
        return Stream.of(Pooling.none(), Pooling.mean(), Pooling.max(), Pooling.last());
    }

    @ParameterizedTest
    @MethodSource("poolings")
    void alonePromptsHaveTheValuesThatTheyHaveInCompany(Pooling pooling) {
        try (Probe probe = probe(pooling).build()) {
            Activations together = probe.capture(PROMPTS);
            for (int i = 0; i < PROMPTS.size(); i++) {
                Activations alone = probe.capture(PROMPTS.slice(i, i + 1));
                for (SiteActivations site : together.sites()) {
                    assertClose(site + " of prompt " + i, alone.at(site.site()).row(0), site.row(i));
                }
            }
        }
    }

    private static void assertClose(String what, FloatBuffer actual, FloatBuffer expected) {
        assertThat(actual.remaining()).isEqualTo(expected.remaining());
        double largest = 1e-3;
        for (int i = 0; i < expected.remaining(); i++) {
            // What may not be seen has the least of all floats as its score.
            double value = Math.abs(expected.get(i));
            largest = value < Float.MAX_VALUE ? Math.max(largest, value) : largest;
        }
        for (int i = 0; i < expected.remaining(); i++) {
            if (Float.isNaN(expected.get(i))) {
                assertThat(actual.get(i)).as("%s, value %s", what, i).isNaN();
            } else {
                assertThat((double) actual.get(i))
                        .as("%s, value %s", what, i)
                        .isCloseTo(expected.get(i), within(TOLERANCE * largest));
            }
        }
    }

    @Test
    void theSameCallGivesTheSameBitsAlsoToEightThreadsAtATime() throws Exception {
        try (Probe probe = probe(Pooling.none()).tokenBudget(200).build()) {
            Activations first = probe.capture(PROMPTS);
            List<CompletableFuture<Activations>> others = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                others.add(probe.async(p -> p.capture(PROMPTS)));
            }
            for (CompletableFuture<Activations> other : others) {
                assertSame(first, other.get(120, TimeUnit.SECONDS));
            }
        }
        try (Probe another = probe(Pooling.none()).tokenBudget(200).build()) {
            List<Activations> pieces = new ArrayList<>();
            Activations first = another.capture(PROMPTS);
            another.forEach(PROMPTS, piece -> {
                assertSame(first, piece);
                pieces.add(piece);
            });
            assertThat(pieces).hasSize(1);
        }
    }

    private static void assertSame(Activations expected, Activations actual) {
        for (SiteActivations site : expected.sites()) {
            for (int i = 0; i < site.size(); i++) {
                FloatBuffer one = site.row(i);
                FloatBuffer other = actual.at(site.site()).row(i);
                assertThat(other.remaining()).isEqualTo(one.remaining());
                for (int k = 0; k < one.remaining(); k++) {
                    assertThat(Float.floatToRawIntBits(other.get(k))).isEqualTo(Float.floatToRawIntBits(one.get(k)));
                }
            }
        }
    }
}
