package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.prompt.SpanFile;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;
import io.modscan.core.token.Span;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Captures over some of a prompt's tokens: of models that pool and of those that don't, in memory, in files and of recordings. */
class ChosenPositionsTest {

    @TempDir
    private Path folder;

    private static final Prompts PROMPTS = Prompts.of(List.of(
            Prompt.of("p0", "abcabc").withSpan("subject", 1, 3).withSpan("verb", 5, 6),
            Prompt.of("p1", "ba").withSpan("subject", 0, 1),
            Prompt.ofTokens("p2", 0, 11, 12, 13).withSpan("subject", 2, 4)));

    private static final int[][] SUBJECT = {{2, 3}, {1}, {2, 3}};

    private static FakeModel model(boolean pools) {
        FakeModel model = new FakeModel();
        model.pools = pools;
        return model;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aSpanIsPooled(boolean pools) {
        Activations all = capture(model(pools), Pooling.none());
        Activations spans = capture(model(pools), Pooling.mean().over(Positions.span("subject")));
        for (SiteActivations site : spans.sites()) {
            for (int prompt = 0; prompt < PROMPTS.size(); prompt++) {
                double[] sums = new double[site.site().width()];
                for (int position : SUBJECT[prompt]) {
                    float[] vector = all.at(site.site()).vector(prompt, position);
                    for (int i = 0; i < sums.length; i++) {
                        sums[i] += vector[i];
                    }
                }
                int count = SUBJECT[prompt].length;
                float[] mean = new float[sums.length];
                for (int i = 0; i < mean.length; i++) {
                    mean[i] = (float) (sums[i] / count);
                }
                assertThat(site.vector(prompt))
                        .as(site.site() + " of " + prompt)
                        .containsExactly(mean);
            }
        }
        assertThat(all.pooled(Pooling.mean().over(Positions.span("subject")))
                        .at(FakeModel.Z)
                        .vectors())
                .isDeepEqualTo(spans.at(FakeModel.Z).vectors());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void someTokensAreKept(boolean pools) {
        for (Positions positions : List.of(
                Positions.span("subject"),
                Positions.last(2),
                Positions.first(1),
                Positions.withoutBos(),
                Positions.ids(11),
                Positions.where("b or c", token -> token.text().matches("[bc]")))) {
            Activations all = capture(model(pools), Pooling.none());
            Activations some = capture(model(pools), Pooling.none().over(positions));
            for (int prompt = 0; prompt < PROMPTS.size(); prompt++) {
                int[] kept = some.tokens(prompt).kept();
                assertThat(some.tokens(prompt).isAllKept()).isFalse();
                for (SiteActivations site : some.sites()) {
                    assertThat(site.row(prompt).capacity())
                            .isEqualTo(kept.length * site.site().width());
                    for (int i = 0; i < kept.length; i++) {
                        assertThat(site.vector(prompt, i))
                                .as(site.site() + " at " + kept[i])
                                .containsExactly(all.at(site.site()).vector(prompt, kept[i]));
                    }
                }
            }
        }
    }

    @Test
    void aFileTellsWhichTokensWereKept() {
        Path file = folder.resolve("some.safetensors");
        Positions positions = Positions.span("subject");
        Activations memory = capture(model(true), Pooling.none().over(positions));
        try (Probe probe = probe(model(true), Pooling.none().over(positions))) {
            probe.capture(PROMPTS, file);
        }
        assertThat(SafetensorsFile.open(file).tensors()).containsKeys("kept_positions", "kept_offsets");
        Recording recording = Recording.open(file);
        assertSame(recording.activations(), memory);
        assertThat(recording.prompts().get(0).spans())
                .containsExactly(new Span("subject", 2, 4), new Span("verb", 6, 7));

        Path saved = folder.resolve("saved.safetensors");
        memory.save(saved);
        assertSame(Recording.open(saved).activations(), memory);

        // As a model it gives what was recorded, and pools it.
        try (Probe again = probe(recording, Pooling.none().over(positions));
                Probe pooling = probe(recording, Pooling.max().over(positions))) {
            assertSame(again.capture(recording.prompts()), memory);
            assertThat(pooling.capture(recording.prompts()).at(FakeModel.Z).vectors())
                    .isDeepEqualTo(capture(model(true), Pooling.max().over(positions))
                            .at(FakeModel.Z)
                            .vectors());
        }
        try (Probe probe = probe(capturedWhole(), Pooling.none().over(positions))) {
            assertSame(
                    probe.capture(
                            Recording.open(folder.resolve("all.safetensors")).prompts()),
                    memory);
        }
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> probe(recording, Pooling.mean()).close())
                .withMessageContainingAll("over span:subject");
    }

    private Recording capturedWhole() {
        Path file = folder.resolve("all.safetensors");
        try (Probe probe = probe(model(true), Pooling.none())) {
            probe.capture(PROMPTS, file);
        }
        return Recording.open(file);
    }

    @Test
    void severalFilesDoSo() {
        try (Probe probe = Probe.builder(model(true))
                .sites("*hook_z", "loss")
                .pooling(Pooling.none().over(Positions.last(2)))
                .fileSize(600)
                .build()) {
            probe.capture(PROMPTS, folder.resolve("parts.safetensors"));
        }
        Activations recorded =
                Recording.open(folder.resolve("parts.safetensors")).activations();
        assertThat(folder.resolve("parts-00002.safetensors")).exists();
        Activations memory = capture(model(true), Pooling.none().over(Positions.last(2)));
        for (int prompt = 0; prompt < PROMPTS.size(); prompt++) {
            assertThat(recorded.tokens(prompt)).isEqualTo(memory.tokens(prompt));
            assertThat(recorded.at(FakeModel.Z).row(prompt))
                    .isEqualTo(memory.at(FakeModel.Z).row(prompt));
        }
    }

    private static void assertSame(Activations actual, Activations expected) {
        for (int prompt = 0; prompt < PROMPTS.size(); prompt++) {
            assertThat(actual.tokens(prompt)).isEqualTo(expected.tokens(prompt));
            for (SiteActivations site : expected.sites()) {
                assertThat(actual.at(site.site()).row(prompt)).isEqualTo(site.row(prompt));
            }
        }
    }

    @Test
    void viewsKnowWhichTokensTheyHave() {
        Activations some = capture(model(true), Pooling.none().over(Positions.last(3)));
        Activations without = some.withoutBos();
        // "ba" has BOS among its last three tokens, "abcabc" has not.
        assertThat(without.tokens(1).ids()).containsExactly(11, 10);
        assertThat(without.tokens(1).kept()).containsExactly(0, 1);
        assertThat(without.at(FakeModel.Z).row(1).capacity()).isEqualTo(2 * FakeModel.Z.width());
        assertThat(without.at(FakeModel.Z).vector(1, 0))
                .containsExactly(some.at(FakeModel.Z).vector(1, 1));
        assertThat(without.tokens(0).kept()).containsExactly(3, 4, 5);
        assertThat(without.at(FakeModel.Z).row(0))
                .isEqualTo(some.at(FakeModel.Z).row(0));
        assertThat(without.tokens(0).spans()).containsExactly(new Span("subject", 1, 3), new Span("verb", 5, 6));
        assertThat(some.slice(1, 3).tokens(0)).isEqualTo(some.tokens(1));
        assertThat(some.where(prompt -> prompt.id().equals("p2")).tokens(0)).isEqualTo(some.tokens(2));

        // Pooled is what was kept.
        SiteActivations pooled = some.pooled(Pooling.mean()).at(FakeModel.Z);
        assertThat(pooled.pooling()).isEqualTo(Pooling.mean().over(Positions.last(3)));
        assertThat(pooled.vectors())
                .isDeepEqualTo(capture(model(true), Pooling.mean().over(Positions.last(3)))
                        .at(FakeModel.Z)
                        .vectors());
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> some.pooled(Pooling.mean().over(Positions.first(1))))
                .withMessageContainingAll("last:3", "first:1");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(model(true), Pooling.none())
                        .pooled(Pooling.mean().over(Positions.where("x", token -> true))))
                .withMessageContainingAll("where:x", "texts of tokens");
    }

    /** The same ids, and another span each. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aRecordingTellsPromptsBySpansToo(boolean pools) {
        Prompts same = Prompts.of(List.of(
                Prompt.ofTokens("a", 2, 11, 12, 13).withSpan("subject", 1, 2),
                Prompt.ofTokens("b", 2, 11, 12, 13).withSpan("subject", 3, 4),
                Prompt.ofTokens("c", 2, 11, 12, 13).withSpan("subject", 1, 3)));
        for (Pooling pooling : List.of(Pooling.mean(), Pooling.none())) {
            Pooling spans = pooling.over(Positions.span("subject"));
            Path file = folder.resolve(pooling + ".safetensors");
            Activations memory;
            try (Probe probe = probe(model(pools), spans)) {
                memory = probe.capture(same);
                probe.capture(same, file);
            }
            Recording recording = Recording.open(file);
            try (Probe again = probe(recording, spans)) {
                Activations replayed = again.capture(recording.prompts());
                for (int prompt = 0; prompt < 3; prompt++) {
                    assertThat(replayed.at(FakeModel.Z).row(prompt))
                            .isEqualTo(memory.at(FakeModel.Z).row(prompt));
                }
                Prompts other =
                        Prompts.of(List.of(Prompt.ofTokens("d", 2, 11, 12, 13).withSpan("subject", 2, 4)));
                assertThatExceptionOfType(ModscanException.class)
                        .isThrownBy(() -> again.capture(other))
                        .withMessageContaining("is none of the 3 recorded prompts");
            }
        }
    }

    /** A condition is known by its name only, and what it came to is not. */
    @Test
    void anotherConditionOfTheNameGoesOnWithNoFile() {
        Path file = folder.resolve("where.safetensors");
        try (Probe probe =
                probe(model(true), Pooling.mean().over(Positions.where("x", token -> token.position() > 0)))) {
            probe.capture(PROMPTS, file);
        }
        Positions other = Positions.where("x", token -> token.position() < 2);
        try (Probe probe = probe(model(true), Pooling.mean().over(other))) {
            probe.capture(PROMPTS, file);
            assertThat(Recording.open(file).activations().at(FakeModel.Z).vectors())
                    .isDeepEqualTo(probe.capture(PROMPTS).at(FakeModel.Z).vectors());
        }
    }

    @Test
    void aLabelThatNoPromptHasIsToldOf() {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(model(true), Pooling.none().over(Positions.span("subjekt"))))
                .withMessageContainingAll("span:subjekt", "[subject, verb]");
    }

    @Test
    void rowsAndTokensAgreeOnWhatIsKept() {
        Site site = FakeModel.Z;
        Activations.Builder all = Activations.builder(Prompts.of(List.of(Prompt.ofTokens("a", 2, 11, 12))))
                .site(site, Pooling.none().over(Positions.last(2)), new float[2 * site.width()]);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(all::build)
                .withMessageContainingAll("last:2", "say which");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> all.tokens(List.of(PromptTokens.of(new int[] {2, 11, 12}, List.of())
                                .keeping(2)))
                        .build())
                .withMessageContainingAll("12 values", "keeps 1");
    }

    @Test
    void onlyAllPositionsOfAPromptReplaceOthers() {
        Activations some = capture(model(true), Pooling.none().over(Positions.last(2)));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> some.reference(0))
                .withMessageContainingAll("last:2", "capture all positions");
    }

    @Test
    void whatHasNoSuchTokenIsToldOf() {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(model(true), Pooling.mean().over(Positions.span("verb"))))
                .withMessageContainingAll("'p1'", "span:verb", "subject");
        // Without pooling there is just none.
        Activations some = capture(model(true), Pooling.none().over(Positions.span("verb")));
        assertThat(some.tokens(1).kept()).isEmpty();
        assertThat(some.at(FakeModel.Z).row(1).capacity()).isZero();
    }

    @Test
    void aCutSpanIsShorterOrGone() {
        Prompts cut = Prompts.of(List.of(Prompt.of("long", "abcabcabcabcabc")
                .withSpan("early", 0, 3)
                .withSpan("across", 9, 13)
                .withSpan("late", 12, 14)));
        try (Probe probe = Probe.builder(new FakeModel())
                .sites("*hook_z")
                .pooling(Pooling.none())
                .cutOverlong()
                .build()) {
            assertThat(probe.capture(cut).tokens(0).spans())
                    .containsExactly(new Span("early", 1, 4), new Span("across", 10, 12));
        }
    }

    @Test
    void sitesKeepTheSamePositions() {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Probe.builder(new FakeModel())
                        .sites(Pooling.none(), Sites.glob("loss"))
                        .sites(Pooling.none().over(Positions.last(1)), Sites.glob("*hook_z"))
                        .build())
                .withMessageContainingAll("'all'", "'last:1'", "a probe for each");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Probe.builder(new FakeModel())
                        .sites(Pooling.none().over(Positions.last(1)), Sites.glob("blocks.0.attn.hook_pattern"))
                        .build())
                .withMessageContainingAll("hook_pattern", "last:1");
    }

    @Test
    void spansComeFromFiles() throws IOException {
        Path jsonl = Files.writeString(
                folder.resolve("p.jsonl"),
                "{\"id\": \"a\", \"text\": \"x \uD83D\uDE00 y\", \"spans\": [{\"label\": \"subject\", \"start\": 2, \"end\":"
                        + " 3}]}\n{\"id\": \"b\", \"ids\": [2, 5, 6], \"spans\": [{\"label\": \"s\", \"start\": 1, \"end\": 3}]}\n"
                        + "{\"id\": \"c\", \"text\": \"x\", \"spans\": \"a label\"}\n");
        Prompts prompts = Prompts.read(jsonl);
        // An emoji is one character of a file, and two chars of Java.
        assertThat(prompts.get(0).spans()).containsExactly(new Span("subject", 2, 4));
        assertThat(prompts.get(1).spans()).containsExactly(new Span("s", 1, 3));
        assertThat(prompts.get(2).labels()).containsEntry("spans", "a label");

        Path csv = Files.writeString(
                folder.resolve("p.csv"),
                "id,topic,text,span:subject\na,law,\uD83D\uDE00\uD83D\uDE00 abc,0:1 3:6\nb,law,xyz,\n");
        Prompts table = Prompts.read(csv);
        assertThat(table.get(0).spans()).containsExactly(new Span("subject", 0, 2), new Span("subject", 5, 8));
        assertThat(table.get(1).spans()).isEmpty();
        assertThat(table.labelKeys()).containsExactly("topic");

        Path spans = Files.writeString(
                folder.resolve("s.jsonl"),
                "{\"id\": \"b\", \"spans\": [{\"label\": \"t\", \"start\": 1, \"end\": 2}]}\n");
        assertThat(table.withSpans(SpanFile.read(spans)).get(1).spans()).containsExactly(new Span("t", 1, 2));
        Iterable<Prompt> onDisk = SpanFile.read(spans).onto(Prompts.onDisk(csv));
        assertThat(onDisk.spliterator().getExactSizeIfKnown()).isEqualTo(2);
        assertThat(onDisk).extracting(prompt -> prompt.spans().size()).containsExactly(2, 1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "[{'label': 's', 'start': 0, 'end': 9}] | has 3",
                "[{'label': 's', 'start': 2, 'end': 1}] | from 2 to 1",
                "[{'label': 's', 'start': 2}] | a span is like",
                "[{'label': 's', 'start': 0, 'end': '1'}] | a span is like",
                "[4] | a span is like",
                "[{'label': '', 'start': 0, 'end': 1}] | no label",
            })
    void whatIsNoSpanIsRefusedWithItsLine(String spans, String message) throws IOException {
        Path jsonl = Files.writeString(
                folder.resolve("p.jsonl"),
                "{\"text\": \"abc\"}\n{\"text\": \"abc\", \"spans\": " + spans.replace('\'', '"') + "}\n");
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> Prompts.read(jsonl))
                .withMessageContainingAll("line 2", message);
    }

    @Test
    void whatDoesNotFitThePromptsIsRefused() throws IOException {
        Path csv = Files.writeString(folder.resolve("p.csv"), "id,text,span:s\na,abc,4-5\n");
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> Prompts.read(csv))
                .withMessageContainingAll("line 2", "4-5", "4:11");
        Path spans = Files.writeString(
                folder.resolve("s.jsonl"),
                "{\"id\": \"z\", \"spans\": [{\"label\": \"t\", \"start\": 1, \"end\": 2}]}\n");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> PROMPTS.withSpans(SpanFile.read(spans)))
                .withMessageContainingAll("'z'", "none of the prompts");
        Files.writeString(spans, "\n{\"id\": 3}\n");
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> SpanFile.read(spans))
                .withMessageContainingAll("line 2", "is not like");
    }

    @Test
    void aDamagedFileIsRefused() throws IOException {
        Path file = folder.resolve("some.safetensors");
        capture(model(true), Pooling.none().over(Positions.last(2))).save(file);
        StoredTensor kept =
                Objects.requireNonNull(SafetensorsFile.open(file).tensors().get("kept_positions"));
        byte[] bytes = Files.readAllBytes(file);
        bytes[(int) kept.offset()] = 99;
        Path damaged = Files.write(folder.resolve("damaged.safetensors"), bytes);
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> Recording.open(damaged).activations().tokens(0))
                .withMessageContainingAll("kept_positions", "prompt 0");
        StoredTensor offsets =
                Objects.requireNonNull(SafetensorsFile.open(file).tensors().get("kept_offsets"));
        bytes = Files.readAllBytes(file);
        bytes[(int) offsets.offset() + 8] = 99;
        Files.write(damaged, bytes);
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> Recording.open(damaged))
                .withMessageContainingAll("kept_offsets", "prompt 0");
    }

    private static Activations capture(FakeModel model, Pooling pooling) {
        try (Probe probe = probe(model, pooling)) {
            return probe.capture(PROMPTS);
        }
    }

    private static Probe probe(Model model, Pooling pooling) {
        return Probe.builder(model)
                .sites("hook_embed", "*hook_z", "*hook_z.magnitude", "loss")
                .pooling(pooling)
                .tokenBudget(12)
                .build();
    }
}
