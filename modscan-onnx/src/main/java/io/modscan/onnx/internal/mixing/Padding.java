package io.modscan.onnx.internal.mixing;

import java.util.List;
import java.util.Set;

/**
 * What a tensor holds at positions that are padding.
 *
 * @param kind  how much is known of it
 * @param value which, if it is known
 */
public record Padding(Kind kind, double value) {

    /** How much is known. */
    public enum Kind {
        /** Whatever the model makes of padding, so that nothing may look at it. */
        ANYTHING,
        /** What another mask, that of causality, has there: it was added to the mask's 0. Of itself it lowers nothing. */
        OF_MASK,
        /** One value, or what is as low. */
        KNOWN
    }

    static final Padding ANYTHING = new Padding(Kind.ANYTHING, 0);
    static final Padding OF_MASK = new Padding(Kind.OF_MASK, 0);

    /** What is added to a score for nothing to be left of it behind a Softmax. */
    private static final double LOW = -500;

    /** A value that hangs on no position, but isn't known. */
    private static final Padding ELSEWHERE = new Padding(Kind.ANYTHING, 1);

    private static final Set<String> KEEPING =
            Set.of("Identity", "Cast", "CastLike", "Dropout", "Clip", "Relu", "Reshape");

    /** One that is known. */
    public static Padding known(double value) {
        return new Padding(Kind.KNOWN, value);
    }

    /** What an operand without positions stands for at each. */
    static Padding elsewhere() {
        return ELSEWHERE;
    }

    boolean isZero() {
        return kind == Kind.KNOWN && value == 0;
    }

    boolean isKnown() {
        return kind == Kind.KNOWN;
    }

    /** Whether a Softmax leaves nothing of it. */
    boolean isLow() {
        return isKnown() && value <= LOW;
    }

    private boolean isSame() {
        return equals(ELSEWHERE) || isKnown();
    }

    /** What an element-wise operator makes of it. */
    static Padding of(String operator, List<Padding> of, boolean toBool) {
        Padding a = of.get(0);
        if (of.size() == 1 || KEEPING.contains(operator)) {
            return unary(operator, a, toBool);
        }
        return switch (operator) {
            case "Add", "Sum" -> sum(of);
            case "Sub" -> difference(a, of.get(1));
            case "Mul" -> product(a, of.get(1));
            case "Div" -> quotient(a, of.get(1));
            case "Min" -> of.stream().filter(Padding::isLow).findFirst().orElse(ANYTHING);
            case "And" -> and(a, of.get(1));
            case "Or" ->
                isTrue(a) || isTrue(of.get(1))
                        ? known(1)
                        : a.isZero() && of.get(1).isZero() ? known(0) : ANYTHING;
            case "Where" -> where(a, of.get(1), of.get(2));
            case "Equal" ->
                a.kind == Kind.OF_MASK && of.get(1).isZero()
                        ? a
                        : a.isKnown() && of.get(1).isKnown() ? known(a.value == of.get(1).value ? 1 : 0) : ANYTHING;
            case "Greater", "Less", "GreaterOrEqual", "LessOrEqual" ->
                a.isKnown() && of.get(1).isKnown()
                        ? known(compare(operator, a.value, of.get(1).value) ? 1 : 0)
                        : ANYTHING;
            default -> ANYTHING;
        };
    }

    private static Padding unary(String operator, Padding a, boolean toBool) {
        if (!a.isKnown()) {
            return KEEPING.contains(operator) && !operator.equals("Relu") ? a : ANYTHING;
        }
        return switch (operator) {
            case "Cast" -> known(toBool && a.value != 0 ? 1 : a.value);
            case "Identity", "Dropout", "CastLike", "Reshape" -> a;
            case "Relu" -> known(Math.max(0, a.value));
            case "Neg" -> known(-a.value);
            case "Not" -> known(a.value == 0 ? 1 : 0);
            case "Sqrt", "Abs", "Sign", "Tanh", "Erf", "Sin" -> a.isZero() ? a : ANYTHING;
            default -> ANYTHING;
        };
    }

    private static Padding sum(List<Padding> of) {
        if (of.stream().allMatch(Padding::isKnown)) {
            return known(of.stream().mapToDouble(Padding::value).sum());
        }
        if (of.size() == 2 && of.contains(ANYTHING) && of.stream().anyMatch(Padding::isZero)) {
            return OF_MASK;
        }
        return of.stream().filter(Padding::isLow).findFirst().orElse(ANYTHING);
    }

    private static Padding difference(Padding a, Padding b) {
        if (a.isKnown() && b.isKnown()) {
            return known(a.value - b.value);
        }
        return a.isLow() ? a : b.isKnown() && -b.value <= LOW ? known(-b.value) : ANYTHING;
    }

    private static Padding product(Padding a, Padding b) {
        // Nothing times what is no number is no number.
        if ((a.isZero() && b.isSame()) || (b.isZero() && a.isSame())) {
            return known(0);
        }
        if (a.isKnown() && b.isKnown()) {
            return known(a.value * b.value);
        }
        return ANYTHING;
    }

    private static Padding quotient(Padding a, Padding b) {
        if (a.isKnown() && b.isKnown()) {
            return known(a.value / b.value);
        }
        return a.isZero() && b.equals(ELSEWHERE) ? a : ANYTHING;
    }

    private static Padding and(Padding a, Padding b) {
        return a.isZero() || b.isZero() ? known(0) : isTrue(a) && isTrue(b) ? known(1) : ANYTHING;
    }

    private static Padding where(Padding condition, Padding a, Padding b) {
        if (condition.isKnown()) {
            Padding chosen = condition.value != 0 ? a : b;
            return chosen.equals(ELSEWHERE) ? ANYTHING : chosen;
        }
        if (condition.kind == Kind.OF_MASK && a.isLow()) {
            return a; // where the other mask is 0; elsewhere that is low
        }
        return a.equals(b) && a.isKnown() ? a : a.isLow() && b.isLow() ? a.isKnown() ? b : a : ANYTHING;
    }

    private static boolean isTrue(Padding a) {
        return a.isKnown() && a.value != 0;
    }

    private static boolean compare(String operator, double a, double b) {
        return switch (operator) {
            case "Greater" -> a > b;
            case "Less" -> a < b;
            case "GreaterOrEqual" -> a >= b;
            default -> a <= b;
        };
    }
}
