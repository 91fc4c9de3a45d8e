package io.modscan.onnx.internal.mixing;

import io.modscan.onnx.internal.mixing.Kept.Length;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is asked: about the rows of a batch, or about positions.
 *
 * @param symbol     the axis' symbol, or its number where positions are fixed
 * @param positions  whether it is that of positions, not the batch's
 * @param primes     a number for each symbol, so that lengths can be multiplied and compared
 */
record Question(String symbol, boolean positions, Map<String, BigInteger> primes) {

    boolean isIt(String axis) {
        return axis.equals(symbol);
    }

    /** Whether an axis' length may hang on it. */
    boolean hangs(String axis) {
        return !Character.isDigit(symbol.charAt(0))
                && (axis.equals("?") || List.of(axis.split("\\*")).contains(symbol));
    }

    /** What an axis' length is, as far as it hangs on nothing else. */
    Length computed(String axis) {
        long factor = 1;
        int times = 0;
        for (String each : axis.split("\\*", -1)) {
            if (each.equals(symbol) && !Character.isDigit(symbol.charAt(0))) {
                times++;
            } else if (Character.isDigit(each.charAt(0))) {
                factor *= Long.parseLong(each);
            } else {
                return Length.unknown(hangs(axis));
            }
        }
        long by = factor;
        int power = times;
        return Length.at(Length.TRIED.stream()
                .map(length -> by * (power == 0 ? 1 : power == 1 ? length : length * length))
                .toList());
    }

    /** A length, or empty if it is not known. */
    Optional<BigInteger> length(String axis) {
        BigInteger length = BigInteger.ONE;
        for (String factor : axis.split("\\*", -1)) {
            if (factor.equals("?") || factor.equals("0")) {
                return Optional.empty();
            }
            length = length.multiply(
                    Character.isDigit(factor.charAt(0))
                            ? new BigInteger(factor)
                            : primes.computeIfAbsent(
                                    factor,
                                    any -> BigInteger.valueOf(1_000_003L * (primes.size() + 1))
                                            .nextProbablePrime()));
        }
        return Optional.of(length);
    }

    Optional<BigInteger> length(List<String> axes) {
        Optional<BigInteger> product = Optional.of(BigInteger.ONE);
        for (String axis : axes) {
            Optional<BigInteger> length = length(axis);
            product = product.flatMap(before -> length.map(before::multiply));
        }
        return product;
    }
}
