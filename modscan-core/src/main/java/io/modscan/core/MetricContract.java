package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.capture.LentRows;
import io.modscan.core.prompt.Prompts;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.function.BiPredicate;
import java.util.function.Consumer;

/**
 * Proves that a metric keeps the contract of {@link Metric}: for a test of a metric of one's own, in any test framework.
 *
 * <pre>{@code
 * MetricContract.of(myMetric, activations)
 *         .comparing((a, b) -> Math.abs(a - b) < 1e-12)
 *         .onNaN(result -> assertThat(result).isNaN())
 *         .verify();
 * }</pre>
 *
 * @param <R> the metric's result
 */
public final class MetricContract<R> {

    private static final int TRIES = 8;
    private static final int FEWEST_PROMPTS = 4;

    private final Metric<R> metric;
    private final Activations sample;
    private BiPredicate<? super R, ? super R> same = Objects::equals;
    private boolean inOrder;
    private List<Consumer<? super R>> onNaN = List.of();

    private MetricContract(Metric<R> metric, Activations sample) {
        this.metric = Objects.requireNonNull(metric, "metric");
        this.sample = Objects.requireNonNull(sample, "sample");
    }

    /**
     * Begins a proof.
     *
     * @param metric the metric
     * @param sample what it is tried on: activations of at least four prompts that it measures
     * @param <R>    its result
     * @return a proof in which results must be equal, whatever the order of pieces
     * @throws IllegalArgumentException if the sample has fewer than four prompts, which prove little
     */
    public static <R> MetricContract<R> of(Metric<R> metric, Activations sample) {
        if (sample.prompts().size() < FEWEST_PROMPTS) {
            throw new IllegalArgumentException("a sample of " + sample.prompts().size()
                    + " prompts cannot be cut into pieces that prove much; give at least " + FEWEST_PROMPTS);
        }
        return new MetricContract<>(metric, sample);
    }

    /**
     * Sets when two results are the same.
     *
     * @param same whether they are, such as up to rounding
     * @return this
     */
    public MetricContract<R> comparing(BiPredicate<? super R, ? super R> same) {
        this.same = Objects.requireNonNull(same, "same");
        return this;
    }

    /**
     * Allows the result to follow the order of prompts, as a matrix of all pairs does.
     *
     * @return this
     */
    public MetricContract<R> inOrderOfPrompts() {
        this.inOrder = true;
        return this;
    }

    /**
     * Adds a check of what the metric says of a missing value.
     *
     * @param documented is handed the result for the sample with NaN in place of the first prompt's first value, at each site
     * @return this
     */
    public MetricContract<R> onNaN(Consumer<? super R> documented) {
        List<Consumer<? super R>> all = new ArrayList<>(onNaN);
        all.add(documented);
        this.onNaN = List.copyOf(all);
        return this;
    }

    /**
     * Tries the metric: that pieces and merged parts, those that have seen nothing included, give what one pass gives; that the
     * order of pieces does not matter; that pieces are neither changed nor kept; that two measurements don't know of each other;
     * that there is no result before the first piece; that an interrupted thread gets a {@link CancellationException} or the
     * same result, and stays interrupted; and what NaN yields, where that was told.
     *
     * @throws AssertionError if one of these does not hold; its message says which
     */
    public void verify() {
        R once = sample.measure(metric);
        check(
                same.test(once, once),
                "a result is not the same as itself: comparing(…) has to say when two are",
                once,
                once);
        checkNothing();
        expect(once, inPieces(List.of(sample)), "a piece that is readable during the call only");
        Random random = new Random(1);
        for (int i = 0; i < TRIES; i++) {
            List<Activations> pieces = cut(random, i == 0 ? sample.prompts().size() : 3);
            expect(once, inPieces(pieces), pieces.size() + " pieces in order");
            expect(once, merged(pieces), "an accumulator for each of " + pieces.size() + " pieces, merged");
            if (!inOrder) {
                Collections.shuffle(pieces, random);
                expect(once, inPieces(pieces), pieces.size() + " pieces in another order");
                expect(once, merged(pieces), "accumulators for " + pieces.size() + " pieces, merged in another order");
            }
        }
        expect(once, sample.measure(metric), "a second measurement");
        checkInterrupt(once);
        onNaN.forEach(documented -> documented.accept(withNaN().measure(metric)));
    }

    private void checkNothing() {
        Metric.Accumulator<R> nothing = metric.start();
        nothing.merge(metric.start());
        R result;
        try {
            result = nothing.finish();
        } catch (ModscanException asDocumented) {
            return;
        }
        // A result for nothing is allowed where all that was gathered is parts by key.
        check(
                result instanceof Map<?, ?> map && map.isEmpty(),
                "finishing before the first piece gives no ModscanException",
                result,
                result);
    }

    private void checkInterrupt(R once) {
        boolean kept;
        Thread.currentThread().interrupt();
        try {
            expect(once, sample.measure(metric), "an interrupted thread");
        } catch (CancellationException asDocumented) {
            // A result is not wanted.
        } finally {
            kept = Thread.interrupted(); // ours, which nobody else is to see
        }
        check(kept, "a measurement clears the thread's interrupt status", once, once);
    }

    private R inPieces(List<Activations> pieces) {
        Metric.Accumulator<R> accumulator = metric.start();
        Metric.Accumulator<R> another = metric.start();
        for (Activations piece : pieces) {
            addLent(accumulator, piece);
            addLent(another, pieces.get(0));
            another = metric.start();
        }
        return accumulator.finish();
    }

    private R merged(List<Activations> pieces) {
        Metric.Accumulator<R> all = metric.start();
        all.merge(metric.start());
        for (Activations piece : pieces) {
            Metric.Accumulator<R> one = metric.start();
            one.merge(metric.start());
            addLent(one, piece);
            one.merge(metric.start());
            all.merge(one);
        }
        return all.finish();
    }

    /** Adds a copy that is taken back, as a probe takes its pieces back. */
    private void addLent(Metric.Accumulator<R> accumulator, Activations piece) {
        List<LentRows> lent = new ArrayList<>();
        List<List<FloatBuffer>> before = new ArrayList<>();
        for (SiteActivations site : piece.sites()) {
            before.add(site.copies());
            lent.add(new LentRows(site.copies().toArray(FloatBuffer[]::new)));
        }
        accumulator.add(rebuilt(piece, true, List.copyOf(lent)));
        for (int i = 0; i < lent.size(); i++) {
            for (int row = 0; row < lent.get(i).size(); row++) {
                boolean untouched = before.get(i)
                                .get(row)
                                .mismatch(lent.get(i).get(row).duplicate().clear())
                        < 0;
                check(
                        untouched,
                        "adding a piece changes its values at "
                                + piece.sites().get(i).site(),
                        "",
                        "");
            }
            lent.get(i).takeBack();
        }
    }

    private static Activations rebuilt(Activations piece, boolean lent, List<List<FloatBuffer>> rows) {
        return new Activations(
                piece.prompts(),
                piece.allTokens(),
                piece::provenance,
                lent,
                piece.sites().stream().map(SiteActivations::reading).toList(),
                rows,
                piece.fits());
    }

    private Activations withNaN() {
        List<List<FloatBuffer>> rows = new ArrayList<>();
        for (SiteActivations site : sample.sites()) {
            List<FloatBuffer> copies = site.copies();
            copies.get(0).put(0, Float.NaN);
            rows.add(copies);
        }
        return rebuilt(sample, false, rows);
    }

    private List<Activations> cut(Random random, int most) {
        Prompts prompts = sample.prompts();
        List<Activations> pieces = new ArrayList<>();
        for (int from = 0; from < prompts.size(); ) {
            int share = Math.max(1, prompts.size() / most);
            int to = Math.min(prompts.size(), from + 1 + random.nextInt(share));
            pieces.add(sample.slice(from, to));
            from = to;
        }
        return pieces;
    }

    private void expect(R expected, R actual, String how) {
        check(same.test(expected, actual), how + " give another result than one pass", expected, actual);
    }

    private static void check(boolean holds, String what, Object expected, Object actual) {
        if (!holds) {
            throw new AssertionError(what + ": " + expected + ", " + actual);
        }
    }
}
