package io.modscan.core.model;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How far a capture has come. Prompts and tokens are counted over the whole capture: what an earlier run had done before
 * it was interrupted is among them.
 *
 * <p>Where a model is run block by block, many tokens are under way at a time and none is done for long. So they count by the
 * blocks that they have passed: a hundred tokens that have passed 8 of 32 blocks are 25 in {@code tokensUnderWay}.
 *
 * @param prompts      the prompts that are done
 * @param promptsTotal how many there are, if that is known
 * @param tokens       the tokens that are done, without padding
 * @param tokensTotal  how many there are, if that is known. It may be an extrapolation from the prompts that were tokenized
 *                     so far, which changes from one report to the next and may even lie below {@code tokens}
 * @param tokensUnderWay what the tokens that have passed some blocks, and not all, count as
 * @param tokensBefore those of {@code tokens} and {@code tokensUnderWay} that an earlier run had done
 * @param elapsed      the time since this run began
 */
public record Progress(
        long prompts,
        OptionalLong promptsTotal,
        long tokens,
        OptionalLong tokensTotal,
        long tokensUnderWay,
        long tokensBefore,
        Duration elapsed) {

    /**
     * Checks the numbers against each other.
     *
     * @param prompts      the prompts that are done
     * @param promptsTotal how many there are, if that is known
     * @param tokens       the tokens that are done, without padding
     * @param tokensTotal  how many there are, or about how many, if that is known
     * @param tokensUnderWay what the tokens that have passed some blocks, and not all, count as
     * @param tokensBefore those of {@code tokens} and {@code tokensUnderWay} that an earlier run had done
     * @param elapsed      the time since this run began
     * @throws IllegalArgumentException if a number or the time is negative, if more prompts are done than there are, or if an
     *                                  earlier run had done more tokens than are done
     */
    public Progress {
        Objects.requireNonNull(promptsTotal, "promptsTotal");
        Objects.requireNonNull(tokensTotal, "tokensTotal");
        if (prompts < 0 || prompts > promptsTotal.orElse(Long.MAX_VALUE)) {
            throw new IllegalArgumentException(
                    "prompts " + prompts + " is not from 0 to the number of all prompts, " + promptsTotal);
        }
        if (tokensUnderWay < 0) {
            throw new IllegalArgumentException("tokensUnderWay is negative, " + tokensUnderWay);
        }
        if (tokensBefore < 0 || tokensBefore > tokens + tokensUnderWay) {
            throw new IllegalArgumentException("tokensBefore " + tokensBefore
                    + " is not from 0 to the tokens that are done, " + (tokens + tokensUnderWay));
        }
        if (tokensTotal.orElse(0) < 0) {
            throw new IllegalArgumentException("tokensTotal is negative, " + tokensTotal.orElse(0));
        }
        if (elapsed.isNegative()) {
            throw new IllegalArgumentException("elapsed is negative, " + elapsed);
        }
    }

    /**
     * The speed of this run; what an earlier one had done does not count.
     *
     * @return tokens a second on average since the run began; 0 as long as it has done none, or no time has passed
     */
    public double tokensPerSecond() {
        return elapsed.isZero() ? 0 : (tokens + tokensUnderWay - tokensBefore) / seconds(elapsed);
    }

    /**
     * About how long the rest takes at the speed of this run. It is as good as {@code tokensTotal} is.
     *
     * @return the time; zero if nothing is left; empty if the number of tokens or the speed is not known
     */
    public Optional<Duration> remaining() {
        if (tokensTotal.isEmpty()) {
            return Optional.empty();
        }
        long left = Math.max(0, tokensTotal.getAsLong() - tokens - tokensUnderWay);
        if (left == 0) {
            return Optional.of(Duration.ZERO);
        }
        double speed = tokensPerSecond();
        return speed == 0 ? Optional.empty() : Optional.of(Duration.ofMillis((long) (left / speed * 1000)));
    }

    private static double seconds(Duration duration) {
        return duration.getSeconds() + duration.getNano() / 1e9;
    }
}
