package io.modscan.onnx.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Makes a file into one that is almost that file. The same random numbers make the same. */
final class Mutation {

    private static final long[] NUMBERS = {
        0,
        1,
        -1,
        2,
        7,
        8,
        127,
        128,
        255,
        256,
        32767,
        65535,
        65536,
        1L << 24,
        Integer.MAX_VALUE,
        Integer.MIN_VALUE,
        1L << 31,
        1L << 32,
        1L << 40,
        1L << 53,
        1L << 62,
        Long.MAX_VALUE,
        Long.MIN_VALUE
    };

    private static final byte[] BYTES = {0, 1, 2, 0x20, 0x2c, 0x2d, 0x7f, (byte) 0x80, (byte) 0xfe, (byte) 0xff};

    private static final Pattern DIGITS = Pattern.compile("-?\\d+(\\.\\d+)?([eE][-+]?\\d+)?");
    private static final Pattern VALUE =
            Pattern.compile("\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\"|-?\\d+(?:\\.\\d+)?|true|false|null");
    private static final Pattern OPENING = Pattern.compile("[\\[{]");

    private static final List<String> VALUES = List.of(
            "null",
            "true",
            "false",
            "0",
            "-1",
            "1",
            "2147483648",
            "9223372036854775807",
            "9223372036854775808",
            "1e400",
            "-0.0",
            "1.5",
            "\"\"",
            "\"a\"",
            "\"\\u0000\\u001b[31m\"",
            "\"\\ud800\"",
            "[]",
            "{}",
            "[[]]",
            "{\"\": null}");

    private final Random random;

    Mutation(Random random) {
        this.random = random;
    }

    /** One to four changes of bytes. */
    byte[] bytes(byte[] valid) {
        byte[] changed = valid;
        for (int times = 1 + random.nextInt(4); times > 0; times--) {
            changed = once(changed);
        }
        return changed;
    }

    private byte[] once(byte[] valid) {
        if (valid.length == 0) {
            return new byte[] {any(BYTES)};
        }
        byte[] copy = valid.clone();
        int at = random.nextInt(copy.length);
        switch (random.nextInt(11)) {
            case 0 -> copy[at] ^= (byte) (1 << random.nextInt(8));
            case 1 -> copy[at] = (byte) random.nextInt(256);
            case 2 -> copy[at] = any(BYTES);
            case 3, 4 -> number(copy, at);
            case 5 -> copy = without(copy, at, length(copy.length - at));
            case 6 -> {
                byte[] part = Arrays.copyOfRange(copy, at, at + length(copy.length - at));
                copy = with(copy, random.nextInt(copy.length + 1), part);
            }
            case 7 -> {
                byte[] part = new byte[1 + random.nextInt(16)];
                random.nextBytes(part);
                copy = with(copy, at, part);
            }
            case 8 -> copy = Arrays.copyOf(copy, at);
            case 9 -> copy = digits(copy);
            default -> {
                int from = random.nextInt(copy.length);
                int length = length(copy.length - Math.max(at, from));
                System.arraycopy(valid, from, copy, at, length);
            }
        }
        return copy;
    }

    /** Short more often than long. */
    private int length(int most) {
        return 1 + random.nextInt(Math.max(1, random.nextBoolean() ? Math.min(most, 16) : most));
    }

    private void number(byte[] bytes, int at) {
        long value = NUMBERS[random.nextInt(NUMBERS.length)];
        int width = 1 << random.nextInt(4);
        for (int i = 0; i < width && at + i < bytes.length; i++) {
            bytes[at + i] = (byte) (value >>> (8 * i));
        }
    }

    private byte[] digits(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        return replaced(text, DIGITS, Long.toString(interesting())).getBytes(StandardCharsets.ISO_8859_1);
    }

    /** One to three changes of JSON that leave it JSON, as far as can be. */
    String json(String valid) {
        String changed = valid;
        for (int times = 1 + random.nextInt(3); times > 0; times--) {
            changed = jsonOnce(changed);
        }
        return changed;
    }

    private String jsonOnce(String text) {
        switch (random.nextInt(8)) {
            case 0, 1, 2 -> {
                return replaced(text, VALUE, VALUES.get(random.nextInt(VALUES.size())));
            }
            case 3, 4 -> {
                List<String> others = found(text, VALUE);
                return others.isEmpty() ? text : replaced(text, VALUE, others.get(random.nextInt(others.size())));
            }
            case 5 -> {
                int depth = 1 << random.nextInt(13);
                String opening = random.nextBoolean() ? "[" : "{\"a\":";
                return replaced(
                        text, VALUE, opening.repeat(depth) + "1" + (opening.equals("[") ? "]" : "}").repeat(depth));
            }
            case 6 -> {
                return replaced(text, OPENING, random.nextBoolean() ? "[null," : "{\"extra\":[],");
            }
            default -> {
                return replaced(text, VALUE, "\"" + "x".repeat(1 << random.nextInt(17)) + "\"");
            }
        }
    }

    private static List<String> found(String text, Pattern pattern) {
        List<String> all = new ArrayList<>();
        for (Matcher matcher = pattern.matcher(text); matcher.find(); ) {
            all.add(matcher.group());
        }
        return all;
    }

    private String replaced(String text, Pattern pattern, String by) {
        int count = found(text, pattern).size();
        if (count == 0) {
            return text;
        }
        int chosen = random.nextInt(count);
        Matcher matcher = pattern.matcher(text);
        for (int i = 0; i <= chosen; i++) {
            matcher.find();
        }
        return text.substring(0, matcher.start()) + by + text.substring(matcher.end());
    }

    long interesting() {
        return NUMBERS[random.nextInt(NUMBERS.length)];
    }

    private byte any(byte[] bytes) {
        return bytes[random.nextInt(bytes.length)];
    }

    private static byte[] without(byte[] bytes, int from, int length) {
        byte[] shorter = new byte[bytes.length - length];
        System.arraycopy(bytes, 0, shorter, 0, from);
        System.arraycopy(bytes, from + length, shorter, from, shorter.length - from);
        return shorter;
    }

    private static byte[] with(byte[] bytes, int at, byte[] part) {
        byte[] longer = Arrays.copyOf(bytes, bytes.length + part.length);
        System.arraycopy(part, 0, longer, at, part.length);
        System.arraycopy(bytes, at, longer, at + part.length, bytes.length - at);
        return longer;
    }
}
