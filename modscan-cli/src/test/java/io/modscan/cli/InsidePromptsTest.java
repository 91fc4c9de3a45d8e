package io.modscan.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Recording;
import io.modscan.core.SiteActivations;
import io.modscan.core.token.Span;
import io.modscan.demo.DemoModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code --positions}, {@code --spans} and {@code modscan tokens}. */
class InsidePromptsTest {

    @TempDir
    Path folder;

    private String file(String name, String... lines) throws IOException {
        return Files.write(folder.resolve(name), List.of(lines)).toString();
    }

    private CommandLineRun capture(String out, String... more) throws IOException {
        String prompts = file(
                "p.jsonl",
                "{\"id\": \"a\", \"text\": \"The old court finds for him.\", \"spans\": [{\"label\": \"subject\", \"start\": 4,"
                        + " \"end\": 13}]}",
                "{\"id\": \"b\", \"text\": \"\uD83D\uDE00 Le tribunal rejette.\"}");
        return CommandLineRun.of(Stream.concat(
                        Stream.of(
                                "capture",
                                "--model",
                                DemoModel.folder().toString(),
                                "--prompts",
                                prompts,
                                "--sites",
                                "blocks.2.mlp.hook_post",
                                "--out",
                                folder.resolve(out).toString()),
                        Stream.of(more))
                .toArray(String[]::new));
    }

    private Recording recorded(String out) {
        return Recording.open(folder.resolve(out));
    }

    @Test
    void spansArePooledAndKept() throws IOException {
        String spans =
                file("s.jsonl", "{\"id\": \"b\", \"spans\": [{\"label\": \"subject\", \"start\": 5, \"end\": 13}]}");
        assertThat(capture("all").status()).isZero();
        CommandLineRun some = capture("some", "--positions", "span:subject", "--spans", spans);
        assertThat(some.status()).as(some.err()).isZero();
        CommandLineRun mean = capture("mean", "--positions", "span:subject", "--spans", spans, "--pooling", "mean");
        assertThat(mean.status()).as(mean.err()).isZero();
        SiteActivations all = recorded("all").activations().sites().get(0);
        for (int prompt = 0; prompt < 2; prompt++) {
            int[] kept = recorded("some").activations().tokens(prompt).kept();
            assertThat(kept).hasSizeBetween(1, 8);
            double[] sums = new double[1024];
            double[] sizes = new double[1024];
            for (int i = 0; i < kept.length; i++) {
                float[] vector = recorded("some").activations().sites().get(0).vector(prompt, i);
                assertThat(vector).containsExactly(all.vector(prompt, kept[i]));
                for (int unit = 0; unit < sums.length; unit++) {
                    sums[unit] += vector[unit];
                    sizes[unit] += Math.abs(vector[unit]);
                }
            }
            float[] means = recorded("mean").activations().sites().get(0).vector(prompt);
            for (int unit = 0; unit < sums.length; unit++) {
                // In the graph sums are of single precision, of eight shares.
                assertThat((double) means[unit])
                        .isCloseTo(sums[unit] / kept.length, within(4e-7 * sizes[unit] / kept.length));
            }
        }
        assertThat(recorded("mean").prompts().get(1).spans())
                .singleElement()
                .extracting(Span::label)
                .isEqualTo("subject");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "span:subject | 1 | prompt 'b' has no token among the positions 'span:subject'",
                "where:x | 2 | a condition on tokens is code",
                "last:x | 2 | no whole number",
                "middle | 2 | no choice of positions",
            })
    void whatCannotBeChosenIsRefused(String positions, int status, String message) throws IOException {
        CommandLineRun run = capture("x", "--pooling", "mean", "--positions", positions);
        assertThat(run.status()).isEqualTo(status);
        assertThat(run.err()).contains(message);
    }

    @Test
    void aUnitIsShownInItsTexts() throws IOException {
        CommandLineRun run = CommandLineRun.of(
                "tokens", "--unit", "blocks.2.mlp.hook_post:17", "--unit", "blocks.1.attn.hook_z:3", "--top", "3");
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.out())
                .contains("blocks.2.mlp.hook_post unit 17: 8456 tokens", "blocks.1.attn.hook_z.magnitude head 3")
                .contains("1.9004  35 (java_code), token 3: </s>    static[ double] crossSection(final double[] depths")
                .contains("Samples", " 50 % ")
                .doesNotContain("\u001b");
        CommandLineRun coloured = CommandLineRun.of(
                "tokens",
                "--unit",
                "blocks.1.attn.hook_z:3.7",
                "--absolute",
                "--top",
                "2",
                "--width",
                "3",
                "--positions",
                "last:4",
                "--colour",
                "always");
        assertThat(coloured.status()).as(coloured.err()).isZero();
        assertThat(coloured.out()).contains("hook_z head 3 unit 7: 400 tokens", "\u001b[30;48;5;", "\u001b[0m");
    }

    @Test
    void hostileTextsSteerNoTerminal() throws IOException {
        String prompts =
                file("hostile.jsonl", "{\"id\": \"\\u001b[2J\", \"text\": \"a\\u001b[31mb\\u0007\\nc\\u202Ed\"}");
        CommandLineRun run = CommandLineRun.of(
                "tokens", "--unit", "blocks.2.hook_resid_post:1", "--prompts", prompts, "--colour", "never");
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.out()).doesNotContain("\u001b").doesNotContain("\u0007").doesNotContain("\u202E");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "blocks.2.mlp.hook_pos:17 | 1 | there is no such site",
                "blocks.2.mlp.hook_post | 2 | --unit takes SITE:N",
                "blocks.2.mlp.hook_post:1024 | 1 | 0 to 1023",
                "blocks.2.attn.hook_pattern:1 | 1 | there is no such site with a value for each token",
            })
    void whatIsNoUnitIsRefused(String unit, int status, String message) {
        CommandLineRun run = CommandLineRun.of("tokens", "--unit", unit);
        assertThat(run.status()).isEqualTo(status);
        assertThat(run.err()).contains(message);
    }
}
