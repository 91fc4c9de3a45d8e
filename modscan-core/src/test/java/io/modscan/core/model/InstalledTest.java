package io.modscan.core.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import org.junit.jupiter.api.Test;

class InstalledTest {

    @Test
    void coreAloneHasNoneAndSaysWhoHas() {
        assertThatIllegalStateException()
                .isThrownBy(() -> Installed.choose(""))
                .withMessageContaining("no service for linear algebra is on the class path, or can be used here")
                .withMessageContaining("modscan-metrics brings one");
        assertThatIllegalStateException()
                .isThrownBy(() -> Installed.choose("Fastest"))
                .withMessageContaining("named 'Fastest'");
    }

    @Test
    void sizesMustFit() {
        LinearAlgebra.checkSizes(6, 9, 3, 6);
        assertThatIllegalArgumentException().isThrownBy(() -> LinearAlgebra.checkSizes(6, 9, 0, 6));
        assertThatIllegalArgumentException().isThrownBy(() -> LinearAlgebra.checkSizes(6, 8, 3, 6));
        assertThat(catchMessage(1 << 20, 1 << 20)).contains("no product of 0 values");
    }

    /** 2⁴⁰ values, which is 0 where an int overflows. */
    private static String catchMessage(int a, int b) {
        try {
            LinearAlgebra.checkSizes(a, b, 1, 0);
            return "";
        } catch (IllegalArgumentException e) {
            return String.valueOf(e.getMessage());
        }
    }
}
