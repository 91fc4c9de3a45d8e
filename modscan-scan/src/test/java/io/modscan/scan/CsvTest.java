package io.modscan.scan;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CsvTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "=1+1|cmd",
                "+SUM(1)",
                "-2+3",
                "@SUM(1)",
                "\t=1",
                "\tlaw",
                "\r=1",
                "\nlaw",
                " =1+1",
                "\u00a0=1",
                "\u3000@x",
                "\uFF1D1+1",
                "\uFF20SUM(1)",
                "'=1+1",
                "-",
                "=",
                "- a list",
                "-1e",
                "+1 2",
                "\u0000=1"
            })
    void anApostropheStandsBeforeWhatASpreadsheetComputes(String label) {
        assertThat(Csv.text(label)).isEqualTo("'" + label);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "law",
                "a=b",
                "'tis",
                " law",
                "-1",
                "+1",
                "-1.5",
                "-1e-5",
                "7",
                "blocks.0.hook_z",
                "\u00e9t\u00e9"
            })
    void whatIsNoFormulaStays(String label) {
        assertThat(Csv.text(label)).isEqualTo(label);
    }

    @ParameterizedTest
    @ValueSource(doubles = {-1.5, -1e-300, 0, Double.NEGATIVE_INFINITY})
    void numbersStay(double number) {
        assertThat(Csv.text(number)).isEqualTo(Double.toString(number));
    }
}
