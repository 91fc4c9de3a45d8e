package io.modscan.core.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class ProgressTest {

    private static Progress progress(long tokens, OptionalLong total, long before, Duration elapsed) {
        return new Progress(1, OptionalLong.of(10), tokens, total, 0, before, elapsed);
    }

    @Test
    void theSpeedIsThatOfThisRun() {
        Progress resumed = progress(1500, OptionalLong.of(2000), 1000, Duration.ofMillis(2500));
        assertThat(resumed.tokensPerSecond()).isEqualTo(200, within(1e-9));
        assertThat(resumed.remaining()).contains(Duration.ofMillis(2500));
    }

    @Test
    void withoutTimeOrTokensThereIsNoSpeed() {
        assertThat(progress(5, OptionalLong.of(9), 0, Duration.ZERO).tokensPerSecond())
                .isZero();
        assertThat(progress(5, OptionalLong.of(9), 0, Duration.ZERO).remaining())
                .isEmpty();
        Progress resumed = progress(5, OptionalLong.of(9), 5, Duration.ofSeconds(3));
        assertThat(resumed.tokensPerSecond()).isZero();
        assertThat(resumed.remaining()).isEmpty();
    }

    @Test
    void withoutATotalNothingIsSaidOfTheRest() {
        Progress open = new Progress(3, OptionalLong.empty(), 50, OptionalLong.empty(), 0, 0, Duration.ofSeconds(1));
        assertThat(open.tokensPerSecond()).isEqualTo(50);
        assertThat(open.remaining()).isEmpty();
    }

    @Test
    void whatIsUnderWayCountsByTheBlocksThatItHasPassed() {
        // 100 of 400 tokens are done, 200 have passed a quarter of the blocks, and an earlier run had done 10 of all
        // this.
        Progress chained =
                new Progress(1, OptionalLong.empty(), 100, OptionalLong.of(400), 50, 10, Duration.ofSeconds(7));
        assertThat(chained.tokensPerSecond()).isEqualTo(20);
        assertThat(chained.remaining()).contains(Duration.ofMillis(12_500));
    }

    @Test
    void nothingIsLeftAtTheEndOrBehindAnExtrapolation() {
        assertThat(progress(9, OptionalLong.of(9), 9, Duration.ZERO).remaining())
                .contains(Duration.ZERO);
        assertThat(progress(9, OptionalLong.of(7), 0, Duration.ofSeconds(1)).remaining())
                .contains(Duration.ZERO);
    }

    @Test
    void hugeNumbersDoNotOverflow() {
        Progress slow = progress(1, OptionalLong.of(Long.MAX_VALUE), 0, Duration.ofDays(1));
        assertThat(slow.remaining()).hasValueSatisfying(rest -> assertThat(rest).isGreaterThan(Duration.ofDays(1)));
    }

    @Test
    void refusesNumbersThatContradictEachOther() {
        Duration second = Duration.ofSeconds(1);
        OptionalLong none = OptionalLong.empty();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Progress(-1, none, 0, none, 0, 0, second))
                .withMessageContaining("prompts -1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Progress(4, OptionalLong.of(3), 0, none, 0, 0, second))
                .withMessageContaining("prompts 4");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Progress(0, none, 5, none, 0, 6, second))
                .withMessageContaining("tokensBefore 6");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Progress(0, none, 0, none, 0, -1, second))
                .withMessageContaining("tokensBefore -1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Progress(0, none, 0, none, -1, 0, second))
                .withMessageContaining("tokensUnderWay");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Progress(0, none, 0, OptionalLong.of(-1), 0, 0, second))
                .withMessageContaining("tokensTotal");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Progress(0, none, 0, none, 0, 0, second.negated()))
                .withMessageContaining("elapsed");
    }
}
