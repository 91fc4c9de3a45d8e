package io.modscan.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.site.Objective;
import io.modscan.scan.AblationScan.Step;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class AttributeCommandTest {

    @TempDir
    Path folder;

    @Test
    void estimatesAndTheirCheckAreWritten() throws IOException {
        CommandLineRun run = CommandLineRun.of(
                "attribute",
                "--prompts",
                AblateCommandTest.prompts(folder),
                "--by",
                "zero",
                "--check",
                "3",
                "--progress",
                "lines",
                "--out",
                folder.resolve("out").toString());
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.err())
                .contains("over 6 prompts", "took attributions, passes forward and backward: 1 in ")
                .contains("switched units off, 18 runs of a prompt in ");
        assertThat(run.out())
                .contains("The demo model, 6 prompts by topic", "replaced by: zero", "of 6192 units")
                .contains("3 units were switched off", "attributions.csv", "check.csv", "attributions.html")
                .doesNotContain("curves.csv");
        assertThat(Files.readString(folder.resolve("out/attributions.html")))
                .contains("The demo model: what does it use?");
    }

    @Test
    void wrongUsageSaysWhatWouldBeRight() {
        CommandLineRun check = CommandLineRun.of("attribute", "--check", "neurons");
        assertThat(check.status()).isEqualTo(2);
        assertThat(check.err()).contains("'neurons' is neither heads nor a number of units");
        CommandLineRun steps = CommandLineRun.of("attribute", "--steps", "0");
        assertThat(steps.status()).isEqualTo(2);
        assertThat(steps.err()).contains("--steps takes a number from 1");
        CommandLineRun none = CommandLineRun.of("attribute", "--modules", "--module-units", "0");
        assertThat(none.status()).isEqualTo(2);
        assertThat(none.err()).contains("--module-units 0 looks among no units");
        CommandLineRun objective = CommandLineRun.of("attribute", "--objective", "joy");
        assertThat(objective.status()).isEqualTo(2);
        assertThat(objective.err()).contains("'joy' is none of loss, logit:TOKEN");
        CommandLineRun label = CommandLineRun.of("attribute", "--objective", "log-prob:answer", "--curves");
        assertThat(label.status()).isEqualTo(1);
        assertThat(label.err()).contains("no label 'answer'");
    }

    @Test
    void objectivesAreRead() {
        ObjectiveConverter converter = new ObjectiveConverter();
        Map.of(
                        "loss", Objective.loss(),
                        "logit:5", Objective.logit(5),
                        "log-prob:5", Objective.logProb(5),
                        "log-prob:answer", Objective.logProb("answer"),
                        "logit-difference:5,17", Objective.logitDifference(5, 17),
                        "logit-difference:answer,foil", Objective.logitDifference("answer", "foil"))
                .forEach((name, objective) ->
                        assertThat(converter.convert(name)).as(name).isEqualTo(objective));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "logit:answer",
                "logit:5,6",
                "log-prob:",
                "logit-difference:5",
                "logit-difference:5,5",
                "logit-difference:5,foil",
                "Loss"
            })
    void whatIsNoObjectiveIsRefused(String name) {
        ObjectiveConverter converter = new ObjectiveConverter();
        assertThatExceptionOfType(TypeConversionException.class)
                .isThrownBy(() -> converter.convert(name))
                .withMessageContaining("'" + name + "' is none of");
    }

    @Test
    void theBarTellsOfPassesThatSwitchNothingOff() {
        StringWriter err = new StringWriter();
        Instant[] now = {Instant.EPOCH};
        try (EffectBar bar = new EffectBar(new PrintWriter(err, true), ProgressBar.Style.LINES, 80, () -> now[0])) {
            bar.accept(new Step("attributions", 0, 1));
            now[0] = now[0].plusSeconds(60);
            bar.accept(new Step("attributions", 6, 12));
            now[0] = now[0].plusSeconds(60);
            bar.accept(new Step("attributions", 12, 12));
        }
        assertThat(err.toString().lines())
                .containsExactly(
                        " 50%  attributions: 6 of 12 passes  1m00s left",
                        "took attributions, passes forward and backward: 12 in 2m00s");
    }
}
