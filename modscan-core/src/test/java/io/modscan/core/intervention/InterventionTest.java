package io.modscan.core.intervention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.SiteChange;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InterventionTest {

    private static final Site Z = new Site(
            "blocks.1.attn.hook_z", OptionalInt.of(1), List.of(Axis.POSITION, Axis.heads(3), Axis.units(2)), false);
    private static final Site POST =
            new Site("blocks.1.mlp.hook_post", OptionalInt.of(1), List.of(Axis.POSITION, Axis.units(5)), false);
    private static final Site PATTERN = new Site(
            "blocks.1.attn.hook_pattern", OptionalInt.of(1), List.of(Axis.heads(3), Axis.QUERY, Axis.KEY), false);

    @TempDir
    private Path folder;

    private static Intervention zero(UnitSet units) {
        return Intervention.of("zero", Change.of(Z.name(), units, Replacement.zero()));
    }

    // ---- which units ----

    @Test
    void unitsAreHeadsOrSingleOnesOrAllOthers() {
        assertThat(UnitSet.heads(2, 0).at(Z)).containsExactly(0, 1, 4, 5);
        assertThat(UnitSet.heads(2, 0).others().at(Z)).containsExactly(2, 3);
        assertThat(UnitSet.units(3, 3, 1).at(Z)).containsExactly(1, 3);
        assertThat(UnitSet.units(4).others().at(POST)).containsExactly(0, 1, 2, 3);
        assertThat(UnitSet.all().at(POST)).containsExactly(0, 1, 2, 3, 4);
        assertThat(UnitSet.heads(1).at(PATTERN)).containsExactly(1);
        assertThat(UnitSet.heads(0, 1, 2).others().at(Z)).isEmpty();
    }

    @Test
    void aHeadsMagnitudeStandsForTheHead() {
        Unit head = Unit.of(Z.magnitude(), 1);
        assertThat(UnitSet.of(List.of(head))).isEqualTo(UnitSet.heads(1));
        assertThat(UnitSet.of(List.of(head, Unit.of(Z, 2, 1))).at(Z)).containsExactly(2, 3, 5);
        assertThat(UnitSet.of(List.of(Unit.of(POST.magnitude(), 0)))).isEqualTo(UnitSet.all());
    }

    @Test
    void keepOnlyChangesAllButTheseAtAllSites() {
        Intervention kept =
                Intervention.keepOnly("few", List.of(Unit.of(Z.magnitude(), 1)), List.of(Z, POST), Replacement.zero());
        assertThat(kept.changes())
                .containsExactly(
                        Change.of(Z.name(), UnitSet.heads(1).others(), Replacement.zero()),
                        Change.of(POST.name(), UnitSet.all(), Replacement.zero()));
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> Intervention.keepOnly("few", List.of(Unit.of(POST, 1)), List.of(Z), Replacement.zero()))
                .withMessageContaining(POST.name())
                .withMessageContaining("name these sites");
    }

    // ---- what is checked ----

    private static void assertRefused(Change change, int length, String... said) {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() ->
                        Intervention.of("mine", change).check(List.of(Z, POST, PATTERN), length, Optional.of("abc")))
                .withMessageContaining("intervention 'mine'")
                .satisfies(e -> assertThat(e.getMessage()).contains(said));
    }

    @Test
    void whatIsNotThereIsRefused() {
        assertRefused(Change.of(Z.name(), UnitSet.heads(3), Replacement.zero()), 4, "heads 0 to 2", "no head 3");
        assertRefused(Change.of(POST.name(), UnitSet.heads(0), Replacement.zero()), 4, "has no heads");
        assertRefused(Change.of(POST.name(), UnitSet.units(5), Replacement.zero()), 4, "0 to 4", "no unit 5");
        assertRefused(
                Change.of(Z.name(), UnitSet.all(), Replacement.zero()).at(4), 4, "position 4", "0 to 3", "-1 to -4");
        assertRefused(Change.of(Z.name(), UnitSet.all(), Replacement.zero()).at(-5), 4, "position -5");
        assertRefused(
                Change.of("hook_embed", UnitSet.all(), Replacement.zero()), 4, "hook_embed", "only these", Z.name());
        assertRefused(Change.edges(Z.name(), UnitSet.all(), List.of(), List.of(1)), 4, "has no keys", "hook_pattern");
        Reference other = Reference.of("means", Map.of(Z.name(), new float[6])).ofModel("xyz");
        assertRefused(Change.of(Z.name(), UnitSet.all(), Replacement.mean(other)), 4, "another model", "xyz", "abc");
        Reference narrow = Reference.of("means", Map.of(Z.name(), new float[4]));
        assertRefused(Change.of(Z.name(), UnitSet.all(), Replacement.mean(narrow)), 4, "4 values", "has 6");
        assertRefused(Change.of(POST.name(), UnitSet.all(), Replacement.mean(narrow)), 4, "no values of", Z.name());
        Reference three = Reference.ofPositions("prompt 7", Map.of(Z.name(), new float[3][6]));
        assertRefused(
                Change.of(Z.name(), UnitSet.all(), Replacement.values(three)),
                4,
                "positions 0 to 2",
                "4 tokens",
                "move the reference's");
        assertRefused(Change.of(PATTERN.name(), UnitSet.all(), Replacement.mean(narrow)), 4, "multiplied");
        Intervention.of("fine", Change.of(Z.name(), UnitSet.all(), Replacement.values(three)))
                .check(List.of(Z), 3, Optional.empty());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{}|a string 'name' and a list 'changes'",
                "[]|JSON object",
                "{\"name\":\"x\",\"changes\":[]}|at least one change",
                "{\"name\":\"x\",\"changes\":[7]}|change 0|",
                "{\"name\":\"x\",\"changes\":[{\"site\":\"s\",\"by\":\"mean\"}]}|it is \"zero\", or an object",
                "{\"name\":\"x\",\"changes\":[{\"site\":\"s\",\"by\":\"zero\",\"head\":[1]}]}|has 'head'; a change has",
                "{\"name\":\"x\",\"changes\":[{\"site\":\"s\",\"by\":\"zero\",\"heads\":[1.5]}]}|no whole number",
                "{\"name\":\"x\",\"changes\":[{\"site\":\"s\",\"by\":\"zero\",\"heads\":[1],\"units\":[1]}]}|give one of them",
                "{\"name\":\"x\",\"changes\":[{\"site\":\"s\",\"by\":\"zero\",\"heads\":[]}]}|at least one head",
                "{\"name\":\"x\",\"changes\":[{\"site\":\"s\",\"by\":{\"keep\":\"a\"}}]}|not a number",
                "{\"name\":\"x\",\"changes\":[{\"site\":\"s\",\"by\":{\"values\":\"none.safetensors\"}}]}|none.safetensors",
            })
    void whatIsNoInterventionIsRefused(String json, String said) {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Intervention.ofJson(json, folder))
                .withMessageContaining(said);
    }

    // ---- written down ----

    @Test
    void whatIsWrittenDownIsReadAgain() {
        Reference means = Reference.of("means", Map.of(Z.name(), new float[] {1, 2, 3, 4, 5, 6}));
        Intervention all = Intervention.of(
                "all kinds",
                Change.of(Z.name(), UnitSet.heads(1, 2), Replacement.mean(means))
                        .at(0, -1),
                Change.of(POST.name(), UnitSet.units(3).others(), Replacement.factor(0.5f)),
                Change.of(POST.name(), UnitSet.all(), Replacement.zero()),
                Change.of(Z.name(), UnitSet.all(), Replacement.plus(means, -2)),
                Change.edges(PATTERN.name(), UnitSet.heads(0), List.of(3), List.of(0, 1)));
        Intervention told = Intervention.told(all.toJson());
        assertThat(told).isEqualTo(all).hasSameHashCodeAs(all);
        assertThat(told.toJson()).isEqualTo(all.toJson());
        // Its values are not there, which shows when it is to be run.
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> told.check(List.of(Z, POST, PATTERN), 4, Optional.empty()))
                .withMessageContaining("read from a recording");
        // Other values make it another intervention, of the same name.
        Reference others = Reference.of("means", Map.of(Z.name(), new float[] {1, 2, 3, 4, 5, 7}));
        assertThat(Intervention.of("i", Change.of(Z.name(), UnitSet.all(), Replacement.mean(others))))
                .isNotEqualTo(Intervention.of("i", Change.of(Z.name(), UnitSet.all(), Replacement.mean(means))));
    }

    @Test
    void aRecordingOpensNoFile() throws IOException {
        Files.writeString(folder.resolve("x.safetensors"), "not one");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Intervention.told("{\"name\":\"x\",\"changes\":[{\"site\":\"s\",\"by\":{\"values\":\""
                        + folder.resolve("x.safetensors").toString().replace("\\", "/") + "\"}}]}"))
                .withMessageContaining("list of numbers");
    }

    @Test
    void referencesAreSavedAndOpened() {
        Reference means = Reference.of(
                        "means", Map.of(Z.name(), new float[] {1, 2, 3, 4, 5, 6}, POST.name(), new float[5]))
                .ofModel("abc");
        means.save(folder.resolve("means.safetensors"));
        assertThat(Reference.open(folder.resolve("means.safetensors"))).isEqualTo(means);
        Reference prompt =
                Reference.ofPositions("prompt 7", Map.of(Z.name(), new float[][] {{1, 2, 3, 4, 5, 6}, new float[6]}));
        prompt.save(folder.resolve("prompt.safetensors"));
        Reference read = Reference.open(folder.resolve("prompt.safetensors"));
        assertThat(read).isEqualTo(prompt);
        assertThat(read.at(Z.name(), 0)).containsExactly(1, 2, 3, 4, 5, 6);
        assertThat(prompt.moved(List.of(0), List.of(3)).at(Z.name(), 3)).containsExactly(1, 2, 3, 4, 5, 6);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> prompt.moved(List.of(2), List.of(0)))
                .withMessageContaining("no value")
                .withMessageContaining("0 to 1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Reference.of("m", Map.of("s", new float[] {Float.NaN})))
                .withMessageContaining("NaN");
    }

    @Test
    void aFileOfPromptsCarriesThem() throws IOException {
        Reference.of("means", Map.of(Z.name(), new float[6])).save(folder.resolve("means.safetensors"));
        Path file = Files.writeString(folder.resolve("prompts.jsonl"), """
                {"id": "a", "topic": "law", "text": "x"}
                {"id": "a-off", "of": "a", "topic": "law", "text": "x", "intervention": {"name": "off", "changes": [
                """.strip() + """
                {"site": "blocks.1.attn.hook_z", "heads": [1], "by": {"values": "means.safetensors"}}]}}
                {"id": "b", "intervention": "only a label", "text": "x"}
                """);
        Prompts prompts = Prompts.jsonl(file);
        assertThat(prompts.get(0).intervention()).isEmpty();
        Prompt off = prompts.get(1);
        assertThat(off.id()).isEqualTo("a-off");
        assertThat(off.untouchedId()).isEqualTo("a");
        assertThat(off.labels()).isEqualTo(Map.of("topic", "law", "intervention", "off"));
        assertThat(off.intervention()
                        .orElseThrow()
                        .changes()
                        .get(0)
                        .by()
                        .reference()
                        .orElseThrow()
                        .name())
                .isEqualTo("means");
        assertThat(prompts.get(2).intervention()).isEmpty();
        assertThat(prompts.get(2).labels()).containsEntry("intervention", "only a label");
        Files.writeString(file, "{\"id\":\"a\",\"text\":\"x\",\"intervention\":{\"name\":\"off\"}}");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Prompts.jsonl(file))
                .withMessageContaining("line 1")
                .withMessageContaining("'changes'");
    }

    @Test
    void aPromptUnderAnInterventionIsAPromptOfItsOwn() {
        Prompt prompt = Prompt.of("a", "text").withLabel("topic", "law");
        Prompt under = prompt.under(zero(UnitSet.all()));
        assertThat(under.id()).isEqualTo("a@zero");
        assertThat(under.untouchedId()).isEqualTo("a");
        assertThat(under.labels()).isEqualTo(Map.of("topic", "law", "intervention", "zero"));
        assertThat(under.text()).contains("text");
        assertThat(under).isNotEqualTo(prompt);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> under.under(zero(UnitSet.heads(1))))
                .withMessageContaining("already");
        assertThat(Prompts.of("x", "y").under(zero(UnitSet.all())).stream().map(Prompt::untouchedId))
                .containsExactly("0", "1");
    }

    // ---- in numbers ----

    private static LongBuffer longs(int count) {
        return ByteBuffer.allocateDirect(count * Long.BYTES)
                .order(ByteOrder.nativeOrder())
                .asLongBuffer();
    }

    private static TokenBatch batch(int columns, boolean left, int[] lengths, List<Optional<Intervention>> under) {
        LongBuffer mask = longs(columns * lengths.length);
        for (int row = 0; row < lengths.length; row++) {
            for (int i = 0; i < lengths[row]; i++) {
                mask.put(row * columns + (left ? columns - lengths[row] : 0) + i, 1);
            }
        }
        return new TokenBatch(lengths.length, columns, longs(columns * lengths.length), mask, List.of(), under);
    }

    private static float[] array(FloatBuffer buffer) {
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    @Test
    void oneVectorStandsForAllPositionsWhereTheyAreChangedAlike() {
        SiteChange change = SiteChange.of(
                batch(3, false, new int[] {3, 2}, List.of(Optional.empty(), Optional.of(zero(UnitSet.heads(1))))), Z);
        assertThat(change.shape()).containsExactly(2L, 1L, 6L);
        assertThat(array(change.keep())).containsExactly(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1);
        assertThat(array(change.fill())).containsOnly(0);
    }

    @Test
    void positionsAreARowsOwnWhereverItIsPadded() {
        Reference direction = Reference.of("d", Map.of(POST.name(), new float[] {1, 2, 3, 4, 5}));
        Intervention last = Intervention.of(
                "last",
                Change.of(POST.name(), UnitSet.units(1), Replacement.plus(direction, 10))
                        .at(-1));
        for (boolean left : new boolean[] {false, true}) {
            SiteChange change = SiteChange.of(batch(3, left, new int[] {2}, List.of(Optional.of(last))), POST);
            assertThat(change.shape()).containsExactly(1L, 3L, 5L);
            float[] expected = new float[15];
            expected[(left ? 2 : 1) * 5 + 1] = 20;
            assertThat(array(change.fill())).containsExactly(expected);
            assertThat(array(change.keep())).containsOnly(1);
        }
    }

    @Test
    void laterChangesAreMadeOfWhatEarlierOnesLeave() {
        Reference direction = Reference.of("d", Map.of(POST.name(), new float[] {1, 1, 1, 1, 1}));
        Intervention both = Intervention.of(
                        "plus", Change.of(POST.name(), UnitSet.all(), Replacement.plus(direction, 3)))
                .then(
                        Intervention.of("half", Change.of(POST.name(), UnitSet.units(0), Replacement.factor(0.5f))),
                        "both");
        SiteChange change = SiteChange.of(batch(1, false, new int[] {1}, List.of(Optional.of(both))), POST);
        assertThat(array(change.keep())).containsExactly(0.5f, 1, 1, 1, 1);
        assertThat(array(change.fill())).containsExactly(1.5f, 3, 3, 3, 3);
    }

    @Test
    void edgesAreOfRealQueriesAndKeys() {
        Intervention edge =
                Intervention.of("edge", Change.edges(PATTERN.name(), UnitSet.heads(2), List.of(-1), List.of(0)));
        SiteChange change = SiteChange.of(batch(3, true, new int[] {2}, List.of(Optional.of(edge))), PATTERN);
        assertThat(change.shape()).containsExactly(1L, 3L, 3L, 3L);
        float[] keep = array(change.keep());
        for (int i = 0; i < keep.length; i++) {
            // Head 2, the last query, and the key at column 1, where the row begins.
            assertThat(keep[i]).as("%d", i).isEqualTo(i == 2 * 9 + 2 * 3 + 1 ? 0 : 1);
        }
        Intervention all = Intervention.of("all", Change.edges(PATTERN.name(), UnitSet.heads(2), List.of(), List.of()));
        SiteChange whole = SiteChange.of(batch(3, true, new int[] {2}, List.of(Optional.of(all))), PATTERN);
        assertThat(whole.shape()).containsExactly(1L, 3L, 1L, 1L);
        assertThat(array(whole.keep())).containsExactly(1, 1, 0);
    }
}
