package io.modscan.core.error;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModscanExceptionTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'a\u001b[31mb' | a\\u001B[31mb",
                "'a\nb\rc\td' | a\\nb\\rc\\td",
                "'a\u202Eb\u2066c' | a\\u202Eb\\u2066c",
                "'a\u009b2Jb' | a\\u009B2Jb",
                "'a\u2028b\u0085c' | a\\u2028b\\u0085c",
                "'a\uD83Db' | a\\uD83Db",
                "'a\uE000\uFEFF\uFFFF' | a\\uE000\\uFEFF\\uFFFF",
                "'a\uDB40\uDC41' | a\\u{E0041}",
                "'h\u00e9llo \uD83D\uDE00 \u4e2d\u6587 \\ C:\\x' | 'h\u00e9llo \uD83D\uDE00 \u4e2d\u6587 \\ C:\\x'"
            })
    void whatSteersATerminalIsWrittenAsItsNumber(String text, String expected) {
        assertThat(ModscanException.printable(text)).isEqualTo(expected);
        assertThat(new ModscanException(text)).hasMessage(expected);
        assertThat(new ModscanException(text, null)).hasMessage(expected);
        assertThat(new UnsupportedModelException(text)).hasMessage(expected);
        assertThat(new MalformedFileException(Path.of("f"), text)).hasMessage("f: " + expected);
    }

    @Test
    void aNulIsWrittenAsItsNumber() {
        assertThat(new ModscanException("a\u0000b")).hasMessage("a\\u0000b");
    }

    @Test
    void ofLongTextTheMiddleIsLeftOut() {
        String message = ModscanException.printable("beginning" + "x".repeat(1_000_000) + "end");
        assertThat(message)
                .hasSizeLessThanOrEqualTo(800)
                .startsWith("beginningxxx")
                .contains("… (1000012 characters) …")
                .endsWith("xxxend");
        assertThat(ModscanException.printable("x".repeat(800))).hasSize(800).doesNotContain("…");
    }

    @Test
    void anyTextBecomesOneLineInBoundsAndStaysSo() {
        Random random = new Random(3);
        for (int i = 0; i < 2000; i++) {
            StringBuilder text = new StringBuilder();
            int kind = random.nextInt(3);
            for (int length = random.nextInt(i % 10 == 0 ? 5000 : 900); length > 0; length--) {
                text.append((char)
                        (kind == 0
                                ? random.nextInt(65_536)
                                : kind == 1 ? 0xD800 + random.nextInt(0x800) : random.nextInt(128)));
            }
            String message = ModscanException.printable(text.toString());
            assertThat(message.length()).isLessThanOrEqualTo(800);
            assertThat(message).doesNotContainPattern("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]");
            assertThat(ModscanException.printable(message)).isEqualTo(message);
        }
    }
}
