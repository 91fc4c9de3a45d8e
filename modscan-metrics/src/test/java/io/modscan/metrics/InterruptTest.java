package io.modscan.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.metrics.contexts.TopContexts;
import io.modscan.metrics.modules.Modules;
import io.modscan.metrics.modules.Steps;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.similarity.VectorSimilarity;
import io.modscan.metrics.tokens.TokenLabels;
import io.modscan.metrics.tokens.TokenSelectivity;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A metric whose result is no longer wanted ends, wherever it is. Each of the catalogue is interrupted at several points of
 * its work. How large that is are the system properties {@code modscan.interrupt.prompts} and
 * {@code modscan.interrupt.width}: some tenths of a second unless set.
 */
class InterruptTest {

    /** Against a hang only; what it really takes is printed. */
    private static final int SECONDS = 60;

    /** What takes less time, in milliseconds, isn't interrupted meanwhile. */
    private static final int SHORT = 100;

    /** What takes more is not awaited. */
    private static final int LONG = Integer.getInteger("modscan.interrupt.millis", 1000);

    private static final int TRIES = 4;

    private static final int PROMPTS = Integer.getInteger("modscan.interrupt.prompts", 600);
    private static final int WIDTH = Integer.getInteger("modscan.interrupt.width", 400);

    private static final Activations ACTIVATIONS = activations();

    /** The same values, eight prompts' as the tokens of one. */
    private static final Activations TOKENS = tokens();

    private static Activations activations() {
        Random random = new Random(7);
        float[][] vectors = new float[PROMPTS][WIDTH];
        for (float[] vector : vectors) {
            for (int i = 0; i < vector.length; i++) {
                // Many equal values, so that ranks have ties and tests are exact.
                vector[i] = (float) Math.max(0, random.nextGaussian());
            }
        }
        List<String> labels =
                IntStream.range(0, vectors.length).mapToObj(i -> "t" + i % 5).toList();
        return PlantedModel.of(labels, vectors);
    }

    private static Activations tokens() {
        int length = 8;
        List<Prompt> prompts = new ArrayList<>();
        float[][] rows = new float[PROMPTS / length][length * WIDTH];
        for (int i = 0; i < rows.length; i++) {
            prompts.add(Prompt.ofTokens(
                    "p" + i, IntStream.range(0, length).map(token -> token % 5).toArray()));
            for (int token = 0; token < length; token++) {
                System.arraycopy(ACTIVATIONS.onlySite().vector(i * length + token), 0, rows[i], token * WIDTH, WIDTH);
            }
        }
        return Activations.builder(Prompts.of(prompts))
                .site(PlantedModel.units("site", WIDTH), Pooling.none(), rows)
                .build();
    }

    private static Activations activations(Metric<?> metric) {
        return metric instanceof TokenSelectivity || metric instanceof Steps || metric instanceof TopContexts
                ? TOKENS
                : ACTIVATIONS;
    }

    private record Named(String name, Metric<?> metric) {
        @Override
        public String toString() {
            return name;
        }
    }

    /** All that the catalogue has, whatever it comes to have, and some settings that take longer. */
    static Stream<Named> metrics() throws ReflectiveOperationException {
        List<Named> metrics = new ArrayList<>();
        for (Method method : Metrics.class.getDeclaredMethods()) {
            if (Modifier.isPublic(method.getModifiers())) {
                Object[] arguments = Arrays.stream(method.getParameterTypes())
                        .map(InterruptTest::argument)
                        .toArray();
                metrics.add(new Named(method.getName() + Arrays.toString(method.getParameterTypes()), (Metric<?>)
                        method.invoke(null, arguments)));
            }
        }
        metrics.add(
                new Named("all links", Modules.byCoActivation().withThreshold(0).withNeighbours(WIDTH)));
        metrics.add(new Named("statistic", Selectivity.by("topic").statistic("slow", (in, out) -> slow(in[0]))));
        metrics.add(new Named("sketch", Selectivity.by("topic").sketched(0.01)));
        return metrics.stream();
    }

    private static Object argument(Class<?> type) {
        if (type == String.class) {
            return "topic";
        }
        if (type == int.class) {
            return 8;
        }
        if (type == VectorSimilarity.class) {
            return (VectorSimilarity) (a, b) -> slow(a[0]);
        }
        if (type == TokenLabels.class) {
            return TokenLabels.repeated();
        }
        if (type == Metric.class) {
            return Metrics.cosine();
        }
        throw new AssertionError("say here what to call a metric with that takes a " + type);
    }

    private static double slow(float value) {
        double sum = value;
        for (int i = 0; i < 5000; i++) {
            sum = Math.sqrt(sum + i);
        }
        return sum;
    }

    /** How a piece of work ended that was interrupted, or had ended by itself before. */
    private record End(boolean interrupted, boolean cancelled, long millis) {

        static End of(Runnable work, long wait) throws InterruptedException {
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            AtomicBoolean kept = new AtomicBoolean();
            Thread thread = new Thread(() -> {
                try {
                    work.run();
                } catch (Throwable e) {
                    thrown.set(e);
                    kept.set(Thread.currentThread().isInterrupted());
                }
            });
            thread.setDaemon(true);
            thread.start();
            thread.join(Math.max(1, wait));
            boolean interrupted = thread.isAlive();
            thread.interrupt();
            long begun = System.nanoTime();
            thread.join(SECONDS * 1000);
            assertThat(thread.isAlive()).as("it runs on").isFalse();
            if (thrown.get() != null) {
                assertThat(thrown.get()).isInstanceOf(CancellationException.class);
                assertThat(kept).as("the interrupt is kept").isTrue();
            }
            return new End(interrupted, thrown.get() != null, (System.nanoTime() - begun) / 1_000_000);
        }
    }

    /** Interrupts work at several points of it, which must end it there. */
    private static void interrupt(String name, Runnable work) throws InterruptedException {
        long begun = System.nanoTime();
        End first = End.of(work, LONG);
        long undisturbed = first.interrupted() ? LONG : (System.nanoTime() - begun) / 1_000_000;
        long longest = first.millis();
        if (undisturbed >= SHORT) {
            for (double share : new double[] {0.15, 0.4, 0.7}) {
                boolean heard = false;
                // An interrupt may come when all is done but for the return.
                for (int tries = 0; !heard && tries < TRIES; tries++) {
                    End end = End.of(work, (long) (share * undisturbed));
                    heard = end.cancelled() || !end.interrupted();
                    longest = Math.max(longest, end.millis());
                }
                assertThat(heard)
                        .as("%s takes %s ms, and goes on if interrupted at %s of it", name, undisturbed, share)
                        .isTrue();
            }
        }
        System.out.println(name + ": " + undisturbed + (first.interrupted() ? " ms and more" : " ms")
                + "; interrupted, it ended after at most " + longest + " ms");
    }

    @ParameterizedTest
    @MethodSource("metrics")
    void aMetricEndsWhenItsThreadIsInterrupted(Named named) throws InterruptedException {
        interrupt(named.name(), () -> activations(named.metric()).measure(named.metric()));
    }

    @ParameterizedTest
    @MethodSource("metrics")
    void onAnInterruptedThreadNoneBegins(Named named) {
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> activations(named.metric()).measure(named.metric()))
                    .isInstanceOf(CancellationException.class);
        } finally {
            assertThat(Thread.interrupted()).as("the interrupt is kept").isTrue();
        }
    }
}
