package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A contract that nothing breaks proves nothing: each clause catches a metric that breaks it. */
class MetricContractTest {

    private static final Activations SAMPLE = Activations.builder(Prompts.of(IntStream.range(0, 5)
                    .mapToObj(i -> Prompt.ofTokens("p" + i, i + 1))
                    .toList()))
            .site(FakeModel.LOSS, Pooling.mean(), new float[][] {{1}, {2}, {4}, {8}, {16}})
            .build();

    private static float value(Activations piece, int prompt) {
        return piece.onlySite().vector(prompt)[0];
    }

    private static void addAll(List<Float> state, Activations piece) {
        for (int i = 0; i < piece.prompts().size(); i++) {
            state.add(value(piece, i));
        }
    }

    private static Metric<Integer> counting(BiConsumer<int[], Activations> add, BiConsumer<int[], int[]> merge) {
        return Metric.of(() -> new int[1], add, merge, state -> state[0]);
    }

    private static void expectBroken(Metric<?> metric, String clause) {
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> MetricContract.of(metric, SAMPLE).verify())
                .withMessageContaining(clause);
    }

    @Test
    void passesWhatKeepsIt() {
        MetricContract.of(
                        counting(
                                (state, piece) -> state[0] += (int) sum(piece), (state, other) -> state[0] += other[0]),
                        SAMPLE)
                .verify();
    }

    private static double sum(Activations piece) {
        return IntStream.range(0, piece.prompts().size())
                .mapToDouble(i -> value(piece, i))
                .sum();
    }

    @Test
    void catchesAMetricThatCountsPieces() {
        expectBroken(counting((state, piece) -> state[0]++, (state, other) -> state[0] += other[0]), "pieces in order");
    }

    @Test
    void catchesAMergeThatForgets() {
        expectBroken(counting((state, piece) -> state[0] += (int) sum(piece), (state, other) -> {}), "merged");
    }

    @Test
    void catchesAnOrderThatMatters() {
        Metric<List<Float>> inOrder =
                Metric.of(ArrayList<Float>::new, MetricContractTest::addAll, List::addAll, List::copyOf);
        expectBroken(inOrder, "in another order");
        MetricContract.of(inOrder, SAMPLE).inOrderOfPrompts().verify();
    }

    @Test
    void catchesAPieceThatIsKept() {
        Metric<Double> keeps = Metric.of(
                ArrayList<Activations>::new,
                List::add,
                List::addAll,
                pieces -> pieces.stream().mapToDouble(MetricContractTest::sum).sum());
        assertThatExceptionOfType(IllegalStateException.class)
                .isThrownBy(() -> MetricContract.of(keeps, SAMPLE).verify())
                .withMessageContaining("can be read only until");
    }

    private record Swallowing(Metric.Accumulator<Double> inner) implements Metric.Accumulator<Double> {
        @Override
        public void add(Activations piece) {
            if (Thread.interrupted()) {
                throw new CancellationException("heard, and forgotten");
            }
            inner.add(piece);
        }

        @Override
        public void merge(Metric.Accumulator<Double> other) {
            inner.merge(((Swallowing) other).inner);
        }

        @Override
        public Double finish() {
            return inner.finish();
        }
    }

    @Test
    void catchesAnInterruptThatIsSwallowed() {
        Metric<Double> swallows = () -> new Swallowing(Metric.of(
                        () -> new double[1],
                        (double[] state, Activations piece) -> state[0] += sum(piece),
                        (state, other) -> state[0] += other[0],
                        state -> state[0])
                .start());
        expectBroken(swallows, "clears the thread's interrupt status");
    }

    @Test
    void catchesMeasurementsThatShareTheirState() {
        int[] shared = new int[1];
        Metric<Integer> metric = Metric.of(
                () -> shared,
                (state, piece) -> state[0] += (int) sum(piece),
                (state, other) -> state[0] += 0,
                state -> state[0]);
        expectBroken(metric, "give another result than one pass");
    }

    @Test
    void catchesAResultForNothing() {
        Metric<Integer> made = () -> new Metric.Accumulator<>() {
            @Override
            public void add(Activations piece) {}

            @Override
            public void merge(Metric.Accumulator<Integer> other) {}

            @Override
            public Integer finish() {
                return 1;
            }
        };
        expectBroken(made, "before the first piece");
    }

    @Test
    void handsOnWhatNaNYields() {
        Metric<Float> largest = Metric.of(
                ArrayList<Float>::new,
                MetricContractTest::addAll,
                List::addAll,
                values -> values.stream().max(Float::compare).orElseThrow());
        List<Float> seen = new ArrayList<>();
        MetricContract.of(largest, SAMPLE).onNaN(seen::add).verify();
        assertThat(seen).containsExactly(Float.NaN);
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> MetricContract.of(largest, SAMPLE)
                        .onNaN(result -> assertThat(result).isEqualTo(16))
                        .verify());
    }
}
