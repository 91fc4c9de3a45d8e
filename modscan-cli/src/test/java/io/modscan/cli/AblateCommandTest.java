package io.modscan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.prompt.Prompt;
import io.modscan.demo.DemoModel;
import io.modscan.scan.AblationScan.Step;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AblateCommandTest {

    @TempDir
    Path folder;

    private String out() {
        return folder.resolve("out").toString();
    }

    private String prompts() throws IOException {
        return prompts(folder);
    }

    /** The beginnings of three texts each of two topics. */
    static String prompts(Path folder) throws IOException {
        List<String> lines = new ArrayList<>(List.of("id,topic,text"));
        for (String topic : List.of("french", "law")) {
            for (Prompt prompt : DemoModel.prompts().stream()
                    .filter(each -> topic.equals(each.labels().get("topic")))
                    .limit(3)
                    .toList()) {
                String text = prompt.text().orElseThrow().substring(0, 60).replaceAll("[\"\\s]+", " ");
                lines.add(prompt.id() + "," + topic + ",\"" + text + "\"");
            }
        }
        return Files.write(folder.resolve("prompts.csv"), lines).toString();
    }

    @Test
    void whatIsNamedIsSwitchedOff() throws IOException {
        CommandLineRun run = CommandLineRun.of(
                "ablate",
                "--prompts",
                prompts(),
                "--units",
                "blocks.3.attn.hook_z:5,blocks.2.mlp.hook_post:17",
                "--units",
                "blocks.5.attn.hook_z:1.3,blocks.5.hook_mlp_out",
                "--ranking",
                "law",
                "--keep-only",
                "--by",
                "zero",
                "--progress",
                "lines",
                "--out",
                out());
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.err())
                .contains("switching 4 targets off over 6 prompts", "switched units off, 24 runs of a prompt in ")
                .contains("switched curves off");
        assertThat(run.out())
                .contains("The demo model, 6 prompts by topic", "replaced by: zero", "of 4 targets")
                .contains(
                        "all that is kept", "forward passes of 6 prompts", "effects.csv", "curves.csv", "effects.html");
        assertThat(Files.readString(folder.resolve("out/effects.csv")))
                .contains("blocks.3.attn.hook_z,3,5,,")
                .contains("blocks.2.mlp.hook_post,2,,17,blocks.2.mlp.hook_post unit 17,1,french,3,")
                .contains("blocks.5.attn.hook_z,5,1,3,")
                .contains(",all of blocks.5.hook_mlp_out,256,");
        assertThat(Files.readString(folder.resolve("out/effects.html")))
                .contains("The demo model: does it do the work?");
    }

    @Test
    void wrongUsageSaysWhatWouldBeRight() throws IOException {
        assertThat(CommandLineRun.of("ablate", "--by", "median").status()).isEqualTo(2);
        assertThat(CommandLineRun.of("ablate", "--matched", "-1").status()).isEqualTo(2);
        assertThat(CommandLineRun.of("ablate", "--prompts", "a", "--ids", "b").status())
                .isEqualTo(2);
        CommandLineRun outcome = CommandLineRun.of("ablate", "--outcome", "joy");
        assertThat(outcome.status()).isEqualTo(2);
        assertThat(outcome.err()).contains("'joy' is neither loss nor kl");
        CommandLineRun name = CommandLineRun.of("ablate", "--units", "blocks.3.attn.hook_z:five");
        assertThat(name.status()).isEqualTo(2);
        assertThat(name.err()).contains("SITE:N, such as blocks.3.attn.hook_z:5");
        CommandLineRun head = CommandLineRun.of("ablate", "--units", "blocks.3.attn.hook_z:8");
        assertThat(head.status()).isEqualTo(1);
        assertThat(head.err()).contains("0 to 7");
        CommandLineRun site = CommandLineRun.of("ablate", "--units", "blocks.9.attn.hook_z:8");
        assertThat(site.status()).isEqualTo(1);
        assertThat(site.err()).contains("no such site that can be changed; there are [blocks.0.");
        CommandLineRun ids = CommandLineRun.of("ablate", "--ids", prompts());
        assertThat(ids.status()).isEqualTo(1);
        assertThat(ids.err()).contains("has no ready token ids");
    }

    @Test
    void theBarTellsHowFarItIs() {
        StringWriter err = new StringWriter();
        Instant[] now = {Instant.EPOCH};
        try (EffectBar bar = new EffectBar(new PrintWriter(err, true), ProgressBar.Style.LINES, 80, () -> now[0])) {
            bar.accept(new Step("heads", 1, 100));
            now[0] = now[0].plusSeconds(40);
            bar.accept(new Step("heads", 40, 100));
            bar.accept(new Step("heads", 41, 100));
            now[0] = now[0].plusSeconds(20);
            bar.accept(new Step("heads", 100, 100));
            bar.accept(new Step("curves", 1, 2));
            bar.accept(new Step("curves", 2, 2));
        }
        assertThat(err.toString().lines())
                .containsExactly(
                        " 40%  heads off: 40 of 100 runs  1m00s left",
                        "switched heads off, 100 runs of a prompt in 1m00s",
                        "switched curves off, 2 runs of a prompt in 0s");
    }
}
