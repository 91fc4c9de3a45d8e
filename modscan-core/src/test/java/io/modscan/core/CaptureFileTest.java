package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The layout that {@link Activations#save} promises, read back from the file. */
class CaptureFileTest {

    private static final int[] FIRST = {FakeModel.BOS, 11, 12, 13};
    private static final int[] SECOND = {21, 22};
    private static final int[] THIRD = {31, 32, 33};
    private static final Prompts PROMPTS = Prompts.of(List.of(
            Prompt.ofTokens("first", FIRST).withLabel("topic", "\"x\"").withLabel("language", "français"),
            Prompt.ofTokens("second", SECOND),
            Prompt.ofTokens("third", THIRD).withLabel("topic", "y")));

    @TempDir
    Path folder;

    private Path file = Path.of("");

    @BeforeEach
    void nameTheFile() {
        file = folder.resolve("c.safetensors");
    }

    private static Activations capture(Pooling pooling, String... sites) {
        try (Probe probe = Probe.builder(new FakeModel())
                .pooling(pooling)
                .sites(sites)
                .tokenBudget(8)
                .build()) {
            return probe.capture(PROMPTS);
        }
    }

    private SafetensorsFile saved(Activations activations) {
        activations.save(file);
        return SafetensorsFile.open(file);
    }

    private static float[] floats(SafetensorsFile saved, String name, long... shape) {
        assertShape(saved, name, DType.F32, shape);
        float[] values = new float[saved.map(name).remaining() / Float.BYTES];
        saved.map(name).asFloatBuffer().get(values);
        return values;
    }

    private static long[] longs(SafetensorsFile saved, String name, long... shape) {
        assertShape(saved, name, DType.I64, shape);
        long[] values = new long[saved.map(name).remaining() / Long.BYTES];
        saved.map(name).asLongBuffer().get(values);
        return values;
    }

    private static void assertShape(SafetensorsFile saved, String name, DType dtype, long... shape) {
        assertThat(saved.tensors()).containsKey(name);
        assertThat(saved.tensors().get(name)).satisfies(tensor -> {
            assertThat(tensor.dtype()).isEqualTo(dtype);
            assertThat(tensor.shape())
                    .containsExactlyElementsOf(Arrays.stream(shape).boxed().toList());
        });
    }

    /** The values expected for all prompts, one behind the other. */
    private static float[] packed(Site site, Pooling pooling) {
        List<Float> all = new ArrayList<>();
        for (int[] ids : List.of(FIRST, SECOND, THIRD)) {
            for (float value : FakeModel.expected(site, pooling, ids)) {
                all.add(value);
            }
        }
        float[] values = new float[all.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = all.get(i);
        }
        return values;
    }

    @Test
    void tokensArePackedBesideTheirOffsets() {
        SafetensorsFile saved = saved(capture(Pooling.last(), "loss"));
        assertThat(longs(saved, "input_ids", 9)).containsExactly(FakeModel.BOS, 11, 12, 13, 21, 22, 31, 32, 33);
        assertThat(longs(saved, "prompt_offsets", 4)).containsExactly(0, 4, 6, 9);
    }

    @Test
    void aPooledSiteIsATensorOfPrompts() {
        Pooling pooling = Pooling.mean().withoutBos();
        SafetensorsFile saved = saved(capture(pooling, "hook_embed", "blocks.0.attn.hook_z", "loss"));
        assertThat(saved.tensors())
                .containsOnlyKeys("input_ids", "prompt_offsets", "hook_embed", "blocks.0.attn.hook_z", "loss");
        assertThat(floats(saved, "hook_embed", 3, 4)).containsExactly(packed(FakeModel.EMBED, pooling));
        assertThat(floats(saved, "blocks.0.attn.hook_z", 3, 3, 2)).containsExactly(packed(FakeModel.Z, pooling));
        assertThat(floats(saved, "loss", 3)).containsExactly(packed(FakeModel.LOSS, pooling));
    }

    @Test
    void aSitePerTokenIsPacked() {
        SafetensorsFile saved = saved(capture(Pooling.none(), "hook_embed", "blocks.0.attn.hook_z", "loss"));
        assertThat(floats(saved, "hook_embed", 9, 4)).containsExactly(packed(FakeModel.EMBED, Pooling.none()));
        assertThat(floats(saved, "blocks.0.attn.hook_z", 9, 3, 2)).containsExactly(packed(FakeModel.Z, Pooling.none()));
        assertThat(floats(saved, "loss", 9)).containsExactly(packed(FakeModel.LOSS, Pooling.none()));
    }

    @Test
    void aSiteThatTheModelPooledItselfIsATensorOfPrompts() {
        SafetensorsFile saved = saved(capture(Pooling.none(), "pooler"));
        assertThat(floats(saved, "pooler", 3, 3, 4)).containsExactly(packed(FakeModel.POOLER, Pooling.none()));
    }

    @Test
    void attentionIsATensorAPrompt() {
        SafetensorsFile saved = saved(capture(Pooling.none(), "blocks.0.attn.hook_pattern", "blocks.1.map"));
        assertThat(saved.tensors()).hasSize(2 + 3 + 3).doesNotContainKey("blocks.0.attn.hook_pattern");
        assertThat(floats(saved, "blocks.0.attn.hook_pattern/0", 3, 4, 4))
                .containsExactly(FakeModel.expected(FakeModel.PATTERN, Pooling.none(), FIRST));
        assertThat(floats(saved, "blocks.0.attn.hook_pattern/2", 3, 3, 3))
                .containsExactly(FakeModel.expected(FakeModel.PATTERN, Pooling.none(), THIRD));
        assertThat(floats(saved, "blocks.1.map/1", 2, 2))
                .containsExactly(FakeModel.expected(FakeModel.MAP, Pooling.none(), SECOND));
    }

    @Test
    void magnitudesAreSavedUnderTheirName() {
        try (Probe probe = Probe.builder(new FakeModel())
                .sites(Pooling.max(), Sites.z().inLayers(0).magnitude())
                .build()) {
            SafetensorsFile saved = saved(probe.capture(PROMPTS));
            assertThat(floats(saved, "blocks.0.attn.hook_z.magnitude", 3, 3))
                    .containsExactly(packed(FakeModel.Z.magnitude(), Pooling.max()));
        }
    }

    @Test
    void theMetadataAreProvenanceAndPrompts() throws IOException {
        Activations activations = capture(Pooling.last(), "loss");
        Map<String, String> metadata = saved(activations).metadata();
        assertThat(metadata).containsAllEntriesOf(activations.provenance()).containsKey(Keys.PROMPTS);
        assertThat(JSON.std.anyFrom(metadata.get(Keys.PROMPTS)))
                .isEqualTo(List.of(
                        Map.of("id", "first", "labels", Map.of("topic", "\"x\"", "language", "français")),
                        Map.of("id", "second", "labels", Map.of()),
                        Map.of("id", "third", "labels", Map.of("topic", "y"))));
    }

    @Test
    void aSliceIsSavedAsIfCapturedAlone() throws IOException {
        try (Probe probe = Probe.builder(new FakeModel()).build()) {
            probe.capture(PROMPTS).slice(1, 3).save(file);
            Path alone = folder.resolve("alone.safetensors");
            probe.capture(PROMPTS.slice(1, 3)).save(alone);
            assertThat(file).hasSameBinaryContentAs(alone);
        }
    }

    @Test
    void aHeadIsSavedWithoutTheAxisOfHeads() {
        Activations activations = capture(Pooling.none(), "blocks.0.attn.hook_z", "blocks.0.attn.hook_pattern");
        SafetensorsFile z = saved(activations.at(FakeModel.Z).head(1).alone());
        assertThat(floats(z, "blocks.0.attn.hook_z[1]", 9, 2)[0])
                .isEqualTo(FakeModel.value(FakeModel.Z, FakeModel.BOS, 1, 0, 0));
        SafetensorsFile pattern =
                saved(activations.at(FakeModel.PATTERN).head(1).alone());
        assertThat(floats(pattern, "blocks.0.attn.hook_pattern[1]/1", 2, 2)[3])
                .isEqualTo(FakeModel.value(FakeModel.PATTERN, 22, 1, 1, 1));
    }

    @Test
    void aRowLargerThanOneChunkIsWrittenWhole() {
        int units = (1 << 16) + 3;
        Site wide = new Site("wide", OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(units)), false);
        float[] values;
        try (Probe probe = Probe.builder(new FakeModel(List.of(wide), false)).build()) {
            Activations activations = probe.capture(PROMPTS);
            values = floats(saved(activations), "wide", 9, units);
            assertThat(values[4 * units + 7])
                    .isEqualTo(activations.at(wide).row(1).get(7));
        }
        assertThat(values[9 * units - 1]).isEqualTo(FakeModel.value(wide, 33, 0, 2, units - 1));
    }

    @Test
    void savingTwiceReplacesTheFile() throws IOException {
        capture(Pooling.none(), "hook_embed").save(file);
        SafetensorsFile saved = saved(capture(Pooling.last(), "loss"));
        assertThat(saved.tensors()).containsOnlyKeys("input_ids", "prompt_offsets", "loss");
        try (var files = Files.list(folder)) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test
    void aFolderThatIsNotThereIsMade() {
        Path deep = folder.resolve("not/yet/c.safetensors");
        capture(Pooling.last(), "loss").save(deep);
        assertThat(SafetensorsFile.open(deep).tensors()).containsKey("loss");
    }
}
