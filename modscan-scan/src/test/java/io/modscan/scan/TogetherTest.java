package io.modscan.scan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

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
    void workThatTakesMuchMemoryIsDoneByFewer() {
        assertThat(Together.atOnce(1_000, 100)).isEqualTo(10);
        assertThat(Together.atOnce(1_000, 600)).isEqualTo(1);
        assertThat(Together.atOnce(1_000, 5_000)).as("one in any case").isEqualTo(1);
        assertThat(Together.atOnce(Long.MAX_VALUE, 0)).isEqualTo(Integer.MAX_VALUE);
        AtomicInteger atWork = new AtomicInteger();
        Supplier<Integer> alone = () -> {
            int others = atWork.getAndIncrement();
            LockSupport.parkNanos(1_000);
            atWork.decrementAndGet();
            return others;
        };
        assertThat(Together.<Integer>of(Collections.nCopies(50, alone), Long.MAX_VALUE))
                .containsOnly(0);
    }

    @Test
    @Timeout(30)
    void whatFailsIsThrownAndEndsTheOthers() {
        IllegalStateException failure = new IllegalStateException("no");
        CountDownLatch begun = new CountDownLatch(1);
        AtomicBoolean ended = new AtomicBoolean(Runtime.getRuntime().availableProcessors() < 2);
        List<Supplier<Boolean>> work = List.of(
                () -> {
                    // With one processor there is nobody to wait for.
                    awaitUnlessAlone(begun);
                    throw failure;
                },
                () -> {
                    begun.countDown();
                    boolean slept = sleep();
                    ended.set(!slept);
                    return slept;
                },
                () -> sleep());
        assertThatThrownBy(() -> Together.<Boolean>of(work)).isSameAs(failure);
        assertThat(ended).as("the other was interrupted").isTrue();
    }

    private static void awaitUnlessAlone(CountDownLatch latch) {
        if (Runtime.getRuntime().availableProcessors() < 2) {
            return;
        }
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    @Timeout(30)
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
