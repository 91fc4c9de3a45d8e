package io.modscan.scan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Work on several threads is as good as work on one: results in order, failures told, interrupts heard. */
class TogetherTest {

    @Test
    void resultsAreInTheOrderOfTheWork() {
        List<Supplier<Integer>> work = IntStream.range(0, 100)
                .<Supplier<Integer>>mapToObj(i -> () -> i * i)
                .toList();
        assertThat(Together.<Integer>of(work))
                .isEqualTo(IntStream.range(0, 100).map(i -> i * i).boxed().toList());
        assertThat(Together.<Integer>of(List.of())).isEmpty();
    }

    @Test
    void whatFailsIsThrownAndEndsTheOthers() {
        IllegalStateException failure = new IllegalStateException("no");
        AtomicBoolean begun = new AtomicBoolean();
        List<Supplier<Boolean>> work = List.of(
                () -> {
                    throw failure;
                },
                () -> {
                    begun.set(true);
                    return sleep();
                },
                () -> sleep());
        assertThatThrownBy(() -> Together.<Boolean>of(work)).isSameAs(failure);
    }

    @Test
    void anInterruptOfTheOneWhoAsksEndsAll() throws InterruptedException {
        CountDownLatch atWork = new CountDownLatch(1);
        AtomicBoolean heard = new AtomicBoolean();
        AtomicBoolean stays = new AtomicBoolean();
        AtomicBoolean cancelled = new AtomicBoolean();
        Supplier<Boolean> waits = () -> {
            atWork.countDown();
            boolean slept = sleep();
            heard.set(!slept);
            return slept;
        };
        Thread asks = new Thread(() -> {
            try {
                Together.<Boolean>of(List.of(waits, waits, waits));
            } catch (CancellationException e) {
                cancelled.set(true);
                stays.set(Thread.currentThread().isInterrupted());
            }
        });
        asks.start();
        atWork.await();
        asks.interrupt();
        asks.join();
        assertThat(cancelled).isTrue();
        assertThat(stays).as("the interrupt is kept").isTrue();
        assertThat(heard).isTrue();
    }

    /** Until it is interrupted; whether it was not. */
    private static boolean sleep() {
        try {
            Thread.sleep(60_000);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
