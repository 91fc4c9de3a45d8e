package io.modscan.onnx.internal.tokenizer;

import org.jspecify.annotations.Nullable;

/**
 * Tells regular expressions that cannot run away. The tokenizers library panics where a match takes more than some ten
 * million steps back, and a panic ends the JVM; so an expression from a file is run only if the steps are bounded by its
 * form: at most {@link #ways} of them for each character of the text. How long a text may be then, see
 * {@link HubTokenizer}.
 *
 * <p>That is more than tokenizers of the OPT family need: characters, escapes, classes and alternatives, lookaround, and
 * in each outermost alternative one {@code *}, <code>+</code> or <code>{…}</code>, on one character, class or
 * back-reference, or one look behind.
 */
public final class SplitPattern {

    private static final int MAX_LENGTH = 2_000;
    private static final int MAX_DEPTH = 20;
    /** Ways through the whole expression, a repetition counted as one. */
    private static final int MAX_WAYS = 64;

    private final String regex;
    private int at;
    private int depth;
    private int repetitions;
    private int choices;
    private long ways;

    private final @Nullable String problem;

    private SplitPattern(String regex) {
        this.regex = regex;
        this.problem = regex.length() > MAX_LENGTH ? "is longer than " + MAX_LENGTH + " characters" : findProblem();
    }

    static SplitPattern of(String regex) {
        return new SplitPattern(regex);
    }

    /** What is wrong with the expression, or null if nothing is. */
    @Nullable
    String problem() {
        return problem;
    }

    /** The most steps that a match can take back for each character of a text. */
    int ways() {
        return (int) ways;
    }

    private @Nullable String findProblem() {
        boolean single = true;
        while (at < regex.length()) {
            char c = regex.charAt(at++);
            boolean group = false;
            switch (c) {
                case '\\' -> {
                    if (!escape()) {
                        return "has an escape that is not handled at character " + (at - 1);
                    }
                }
                case '[' -> {
                    if (!characterClass()) {
                        return "has a character class that is not handled (classes within, or no end)";
                    }
                }
                case '(' -> {
                    if (!groupBegins()) {
                        return "has a group that is not handled at character " + at;
                    }
                    depth++;
                }
                case ')' -> {
                    depth--;
                    group = true;
                }
                case '|' -> choice();
                case '?' -> choices++;
                case '*', '+', '{' -> {
                    if (!single) {
                        return "repeats a group or a repetition";
                    }
                    repetitions++;
                    if (c == '{') {
                        at = regex.indexOf('}', at) + 1;
                        if (at == 0) {
                            return "has an unclosed '{'";
                        }
                    }
                }
                default -> {}
            }
            if (depth < 0 || depth > MAX_DEPTH) {
                return "has groups that don't close, or lie too deep";
            }
            if (repetitions > 1) {
                return "repeats twice in one alternative";
            }
            single = !group && c != '?';
        }
        endOfAlternative();
        if (depth != 0) {
            return "has groups that don't close, or lie too deep";
        }
        return ways > MAX_WAYS ? "has too many ways to match" : null;
    }

    private void choice() {
        if (depth > 0) {
            choices++;
        } else {
            endOfAlternative();
        }
    }

    private void endOfAlternative() {
        ways += 1L << Math.min(choices, 20);
        choices = 0;
        repetitions = 0;
    }

    private boolean escape() {
        if (at == regex.length()) {
            return false;
        }
        char c = regex.charAt(at++);
        if (c == 'p' || c == 'P' || c == 'x') {
            if (at < regex.length() && regex.charAt(at) == '{') {
                at = regex.indexOf('}', at) + 1;
                return at > 0;
            }
            return c == 'x';
        }
        return !Character.isLetter(c) || "sSdDwWhHbBnrtfvu".indexOf(c) >= 0;
    }

    private boolean characterClass() {
        if (at < regex.length() && regex.charAt(at) == '^') {
            at++;
        }
        int first = at;
        while (at < regex.length()) {
            char c = regex.charAt(at++);
            if (c == ']') {
                return at - 1 > first;
            }
            if (c == '[' || (c == '\\' && !escape()) || (c == '&' && regex.startsWith("&", at))) {
                return false;
            }
        }
        return false;
    }

    /** Steps over the sign of the group's kind, if it is one of the plain kinds. */
    private boolean groupBegins() {
        if (at < regex.length() && regex.charAt(at) == '*') {
            return false;
        }
        if (at < regex.length() && regex.charAt(at) == '?') {
            for (String kind : new String[] {"?:", "?i:", "?=", "?!", "?<=", "?<!", "?>"}) {
                if (regex.startsWith(kind, at)) {
                    at += kind.length();
                    // Looking behind tries every beginning.
                    repetitions += kind.startsWith("?<") ? 1 : 0;
                    return true;
                }
            }
            return false;
        }
        return true;
    }
}
