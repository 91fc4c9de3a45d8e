package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.SiteActivations;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.onnx.opt.OptModel;
import io.modscan.onnx.opt.OptReferencesTest;
import io.modscan.onnx.opt.TinyOpt;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The OPT export, opened as a model that somebody else made, beside the model that it was made of. */
class ForeignOptTest {

    /** Of a tensor's largest absolute value. */
    private static final double TOLERANCE = 2e-5;

    private static final Prompts PROMPTS = Prompts.of(List.of(
            Prompt.ofTokens("short", 2, 5),
            Prompt.ofTokens("long", 2, 5, 9, 11, 30, 7, 7, 4, 1),
            Prompt.ofTokens("no bos", 8, 2, 3, 12),
            Prompt.ofTokens("bos twice", 2, 2, 31, 6, 17)));

    @TempDir
    private Path folder;

    static List<String> checkpoints() throws java.io.IOException {
        return OptReferencesTest.checkpoints();
    }

    private OnnxModel foreign(OptModel model) {
        Path file = model.export()
                .sites(model.sites().stream().map(site -> named(site.name())).toArray(SiteSelector[]::new))
                .selfContained()
                .to(folder.resolve("foreign.onnx"))
                .model();
        return OnnxModel.open(file).withBosTokenId(model.bosTokenId().orElseThrow());
    }

    private static SiteSelector named(String name) {
        return Sites.glob(name);
    }

    private static Activations capture(Model model, Pooling pooling, List<String> sites, Prompts prompts) {
        try (Probe probe = Probe.builder(model)
                .sites(sites.toArray(String[]::new))
                .pooling(pooling)
                .build()) {
            return probe.capture(prompts);
        }
    }

    private static void assertSame(Activations given, Activations expected) {
        assertThat(given.sites()).hasSameSizeAs(expected.sites());
        for (SiteActivations site : expected.sites()) {
            SiteActivations other = given.at(site.site().name());
            assertThat(other.site().axes())
                    .as(site.site().name())
                    .isEqualTo(site.site().axes());
            for (int prompt = 0; prompt < site.size(); prompt++) {
                assertSame(site.site() + " of prompt " + prompt, other.row(prompt), site.row(prompt));
            }
        }
    }

    private static void assertSame(String what, FloatBuffer given, FloatBuffer expected) {
        assertThat(given.remaining()).as(what).isEqualTo(expected.remaining());
        double largest = 0;
        for (int i = 0; i < expected.remaining(); i++) {
            float value = expected.get(i);
            // Masked scores are the lowest number that there is.
            largest = value > -1e30 && !Float.isNaN(value) ? Math.max(largest, Math.abs(value)) : largest;
        }
        for (int i = 0; i < expected.remaining(); i++) {
            boolean same = Float.compare(given.get(i), expected.get(i)) == 0
                    || Math.abs((double) given.get(i) - expected.get(i)) <= TOLERANCE * largest;
            assertThat(same)
                    .as(what + ", value " + i + ": " + given.get(i) + " for " + expected.get(i))
                    .isTrue();
        }
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void everySiteIsTheSame(String checkpoint) {
        OptModel model = OptModel.open(OptReferencesTest.references().resolve(checkpoint));
        OnnxModel foreign = foreign(model);
        Map<String, Site> sites =
                foreign.sites().stream().collect(Collectors.toMap(Site::name, Function.identity(), (a, b) -> a));
        for (Site site : model.sites()) {
            assertThat(sites).containsKey(site.name());
            Site other = Objects.requireNonNull(sites.get(site.name()), site.name());
            assertThat(other.axes()).as(site.name()).isEqualTo(site.axes());
            assertThat(other.onDemand()).as(site.name()).isFalse();
            if (site.name().startsWith("blocks.")) {
                assertThat(other.layer()).as(site.name()).isEqualTo(site.layer());
            }
        }
        List<String> names = model.sites().stream().map(Site::name).toList();
        assertSame(capture(foreign, Pooling.none(), names, PROMPTS), capture(model, Pooling.none(), names, PROMPTS));
    }

    static List<Pooling> poolings() {
        return List.of(
                Pooling.mean(),
                Pooling.max(),
                Pooling.last(),
                Pooling.mean().withoutBos(),
                Pooling.max().withoutBos(),
                Pooling.last().withoutBos());
    }

    @ParameterizedTest
    @MethodSource("poolings")
    void poolingsAreTheSame(Pooling pooling) {
        OptModel model = new TinyOpt().load(folder.resolve("tiny"));
        OnnxModel foreign = foreign(model);
        List<String> names = new ArrayList<>();
        for (Site site : model.sites()) {
            // OptModel leaves the first token's loss, which is none, out; a foreign tensor's NaN is a value like
            // others.
            if (site.hasPositions() && !site.name().equals("loss")) {
                names.add(site.name());
                if (site.units() > 0) {
                    names.add(site.magnitude().name());
                }
            }
        }
        assertSame(capture(foreign, pooling, names, PROMPTS), capture(model, pooling, names, PROMPTS));
    }

    @Test
    void magnitudesAreTheSame() {
        OptModel model = new TinyOpt().load(folder.resolve("tiny"));
        List<String> names = model.sites().stream()
                .filter(site -> site.units() > 0)
                .map(site -> site.magnitude().name())
                .toList();
        assertSame(
                capture(foreign(model), Pooling.none(), names, PROMPTS),
                capture(model, Pooling.none(), names, PROMPTS));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5, 7})
    void headsAreRecognisedWhateverTheirNumber(int heads) {
        OptModel model = new TinyOpt().heads(heads).load(folder.resolve("tiny"));
        Map<String, Object> axes = new LinkedHashMap<>();
        model.sites().forEach(site -> axes.put(site.name(), site.axes()));
        Map<String, Object> found = new LinkedHashMap<>();
        foreign(model).sites().stream()
                .filter(site -> axes.containsKey(site.name()))
                .forEach(site -> found.put(site.name(), site.axes()));
        assertThat(found).containsExactlyInAnyOrderEntriesOf(axes);
    }

    @Test
    void whatPaddingIsThereDoesNotMatter() {
        OptModel model = new TinyOpt().load(folder.resolve("tiny"));
        OnnxModel foreign = foreign(model);
        List<String> names = model.sites().stream()
                .filter(site -> site.hasPositions() && !site.onDemand())
                .map(Site::name)
                .toList();
        for (Prompt prompt : PROMPTS) {
            Activations alone = capture(foreign, Pooling.mean(), names, Prompts.of(List.of(prompt)));
            assertSame(alone, capture(foreign, Pooling.mean(), names, PROMPTS).where(prompt::equals));
        }
    }

    /** What it computes is not what the config says that it has in it. */
    @Test
    void whatIsSavedOfAnExportIsNone() {
        OnnxModel foreign = foreign(new TinyOpt().load(folder.resolve("tiny")));
        Path saved = folder.resolve("saved.onnx");
        foreign.export().sites(Sites.residPre()).to(saved);
        assertThat(OptModel.isExport(saved)).isFalse();
        assertSame(
                capture(OnnxModel.open(saved), Pooling.none(), List.of("blocks.1.hook_resid_pre"), PROMPTS),
                capture(foreign, Pooling.none(), List.of("blocks.1.hook_resid_pre"), PROMPTS));
    }

    /** What is computed from shapes alone has no batch axis, and is read for one prompt at a time. */
    @Test
    void tensorsWithoutBatchAxisAreRead() {
        OptModel model = new TinyOpt().load(folder.resolve("tiny"));
        OnnxModel foreign = foreign(model);
        Site columns = foreign.sites().stream()
                .filter(site -> site.name().equals("columns"))
                .findFirst()
                .orElseThrow();
        assertThat(columns.onDemand()).isTrue();
        Activations both = capture(foreign, Pooling.none(), List.of("columns", "blocks.0.hook_resid_pre"), PROMPTS);
        for (int prompt = 0; prompt < PROMPTS.size(); prompt++) {
            FloatBuffer row = both.at("columns").row(prompt);
            assertThat(row.remaining()).isEqualTo(both.tokenIds(prompt).length);
            for (int i = 0; i < row.remaining(); i++) {
                assertThat(row.get(i)).isEqualTo(i);
            }
        }
        assertSame(
                both.only(Sites.residPre()),
                capture(model, Pooling.none(), List.of("blocks.0.hook_resid_pre"), PROMPTS));
        Activations last = capture(foreign, Pooling.last(), List.of("columns"), PROMPTS);
        assertThat(last.at("columns").vector(1)).containsExactly(8);
        assertThat(capture(foreign, Pooling.mean(), List.of("columns"), PROMPTS)
                        .at("columns")
                        .vector(1))
                .containsExactly(new float[] {4}, within(1e-6f));
    }
}
