package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Change;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Reference;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.intervention.UnitSet;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.onnx.foreign.Runs.Padding;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.opt.OptModel;
import io.modscan.onnx.opt.TinyOpt;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Changed tensors of somebody's graphs, beside the same graphs whose weights were edited by hand. */
class ForeignInterventionTest {

    /** Of a tensor's largest value. */
    private static final double TOLERANCE = 1e-5;

    private static final String LAYERS = "model.decoder.layers.";

    private static final Prompts PROMPTS = Prompts.of(List.of(
            Prompt.ofTokens("short", 2, 5),
            Prompt.ofTokens("long", 2, 5, 9, 11, 30, 7, 7, 4, 1),
            Prompt.ofTokens("no bos", 8, 2, 3, 12)));

    private static final List<String> BEHIND = List.of("blocks.1.hook_resid_post", "logits");

    @TempDir
    private Path folder;

    private OptModel tiny() {
        return new TinyOpt().load(folder.resolve("tiny"));
    }

    private OnnxModel foreign(OptModel model) {
        Path file = model.export()
                .sites(model.sites().stream()
                        .map(site -> Sites.glob(site.name()))
                        .toArray(SiteSelector[]::new))
                .selfContained()
                .to(folder.resolve("foreign.onnx"))
                .model();
        return OnnxModel.open(file).withBosTokenId(2);
    }

    /** What is done to a matrix of weights, [out, in]. */
    private interface Edit {
        void edit(float[] weights);
    }

    /** The checkpoint again, with one of its tensors edited. */
    private OptModel edited(String tensor, Edit edit) throws IOException {
        Path other = folder.resolve("edited");
        new TinyOpt().load(other);
        Path file = other.resolve("model.safetensors");
        StoredTensor stored =
                Objects.requireNonNull(SafetensorsFile.open(file).tensors().get(tensor), tensor);
        ByteBuffer bytes = ByteBuffer.allocate((int) stored.length()).order(ByteOrder.LITTLE_ENDIAN);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            channel.read(bytes, stored.offset());
            float[] weights = new float[bytes.capacity() / Float.BYTES];
            bytes.rewind().asFloatBuffer().get(weights);
            edit.edit(weights);
            bytes.rewind().asFloatBuffer().put(weights);
            channel.write(bytes.rewind(), stored.offset());
        }
        return OptModel.open(other);
    }

    /** Columns of a matrix of 12 rows. */
    private static Edit columns(int from, int to, float factor) {
        return weights -> {
            int width = weights.length / 12;
            for (int row = 0; row < 12; row++) {
                for (int column = from; column < to; column++) {
                    weights[row * width + column] *= factor;
                }
            }
        };
    }

    private static Activations capture(Model model, List<String> sites, Prompts prompts) {
        Probe.Builder builder = Probe.builder(model).sites(sites.toArray(String[]::new));
        builder.changing(prompts.stream()
                .flatMap(prompt -> prompt.intervention().stream())
                .toList());
        try (Probe probe = builder.build()) {
            return probe.capture(prompts);
        }
    }

    private static void assertNear(Activations given, Activations expected) {
        assertThat(given.sites()).hasSameSizeAs(expected.sites());
        expected.sites().forEach(site -> {
            for (int prompt = 0; prompt < site.size(); prompt++) {
                assertNear(
                        site.site() + " of prompt " + prompt,
                        values(given, site.site().name(), prompt),
                        values(expected, site.site().name(), prompt));
            }
        });
    }

    private static void assertNear(String what, float[] given, float[] expected) {
        assertThat(given).as(what).hasSameSizeAs(expected);
        double largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) Math.abs(given[i] - expected[i]))
                    .as(what + ", value " + i + ": " + given[i] + " for " + expected[i])
                    .isLessThanOrEqualTo(TOLERANCE * largest);
        }
    }

    private static float[] values(Activations activations, String site, int prompt) {
        var row = activations.at(site).row(prompt);
        float[] values = new float[row.remaining()];
        row.get(row.position(), values);
        return values;
    }

    private static boolean areNear(float[] one, float[] other) {
        for (int i = 0; i < one.length; i++) {
            if (Math.abs(one[i] - other[i]) > 1e-3) {
                return false;
            }
        }
        return true;
    }

    private static Intervention only(String site, UnitSet units, Replacement by) {
        return Intervention.of("it", Change.of(site, units, by));
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "2, 0", "1, 0.5"})
    void aHeadIsItsColumns(int head, float factor) throws IOException {
        OnnxModel foreign = foreign(tiny());
        Intervention it = only("blocks.0.attn.hook_z", UnitSet.heads(head), Replacement.factor(factor));
        OptModel edited = edited(LAYERS + "0.self_attn.out_proj.weight", columns(4 * head, 4 * head + 4, factor));
        Activations given = capture(foreign, BEHIND, PROMPTS.under(it));
        assertNear(given, capture(edited, BEHIND, PROMPTS));
        assertThat(areNear(values(given, "logits", 1), values(capture(foreign, BEHIND, PROMPTS), "logits", 1)))
                .isFalse();
    }

    @Test
    void aNeuronIsItsColumn() throws IOException {
        Intervention it = only("blocks.1.mlp.hook_post", UnitSet.units(3, 17), Replacement.zero());
        OptModel edited = edited(LAYERS + "1.fc2.weight", weights -> {
            columns(3, 4, 0).edit(weights);
            columns(17, 18, 0).edit(weights);
        });
        assertNear(capture(foreign(tiny()), BEHIND, PROMPTS.under(it)), capture(edited, BEHIND, PROMPTS));
    }

    @Test
    void aMeanIsAConstantOfTheBias() throws IOException {
        OptModel model = tiny();
        OnnxModel foreign = foreign(model);
        Reference means =
                capture(foreign, List.of("blocks.0.attn.hook_z"), PROMPTS).mean("mean of 3");
        float[] mean = means.at("blocks.0.attn.hook_z", 0);
        float[] added = new float[12];
        edited(LAYERS + "0.self_attn.out_proj.weight", weights -> {
            for (int row = 0; row < 12; row++) {
                for (int unit = 4; unit < 8; unit++) {
                    added[row] += weights[row * 12 + unit] * mean[unit];
                }
            }
            columns(4, 8, 0).edit(weights);
        });
        // The same checkpoint, whose columns are zero, with the bias too.
        Path file = folder.resolve("edited/model.safetensors");
        StoredTensor bias =
                Objects.requireNonNull(SafetensorsFile.open(file).tensors().get(LAYERS + "0.self_attn.out_proj.bias"));
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
            channel.read(bytes, bias.offset());
            for (int row = 0; row < 12; row++) {
                bytes.putFloat(row * Float.BYTES, bytes.getFloat(row * Float.BYTES) + added[row]);
            }
            channel.write(bytes.rewind(), bias.offset());
        }
        Intervention it = only("blocks.0.attn.hook_z", UnitSet.heads(1), Replacement.mean(means));
        assertNear(
                capture(foreign, BEHIND, PROMPTS.under(it)),
                capture(OptModel.open(folder.resolve("edited")), BEHIND, PROMPTS));
    }

    @Test
    void aPromptOfAnothersStreamIsTheOther() {
        OnnxModel foreign = foreign(tiny());
        Prompts others = Prompts.of(List.of(Prompt.ofTokens("other", 7, 7, 6, 1)));
        String stream = "blocks.0.hook_resid_post";
        Activations other = capture(foreign, List.of(stream, "logits"), others);
        Intervention it = only(stream, UnitSet.all(), Replacement.values(other.reference(0)));
        Prompts under = Prompts.of(List.of(PROMPTS.get(1), PROMPTS.get(2).under(it)));
        Activations given = capture(foreign, List.of(stream, "logits"), under);
        assertThat(values(given, stream, 1)).isEqualTo(values(other, stream, 0));
        assertNear("logits", values(given, "logits", 1), values(other, "logits", 0));
    }

    @Test
    void aPromptOfItsOwnValuesIsTheSame() {
        OnnxModel foreign = foreign(tiny());
        List<String> changed = List.of("blocks.0.attn.hook_z", "blocks.1.mlp.hook_post", "blocks.0.hook_resid_post");
        Activations plain = capture(foreign, changed, PROMPTS);
        List<Prompt> under = new ArrayList<>();
        for (int i = 0; i < PROMPTS.size(); i++) {
            Replacement own = Replacement.values(plain.reference(i));
            under.add(PROMPTS.get(i)
                    .under(Intervention.of(
                            "own of " + i,
                            changed.stream()
                                    .map(site -> Change.of(site, UnitSet.all(), own))
                                    .toList())));
        }
        assertNear(capture(foreign, BEHIND, Prompts.of(under)), capture(foreign, BEHIND, PROMPTS));
    }

    /** Only tokens from there on can tell. */
    @Test
    void aPositionIsChangedAlone() {
        OnnxModel foreign = foreign(tiny());
        String site = "blocks.0.mlp.hook_post";
        Intervention it = Intervention.of(
                "it", Change.of(site, UnitSet.all(), Replacement.zero()).at(-2));
        Activations plain = capture(foreign, List.of(site, "logits"), PROMPTS);
        Activations given = capture(foreign, List.of(site, "logits"), PROMPTS.under(it));
        for (int prompt = 0; prompt < PROMPTS.size(); prompt++) {
            int length = plain.tokenIds(prompt).length;
            for (int position = 0; position < length; position++) {
                boolean changed = position == length - 2;
                float[] expected = changed ? new float[20] : plain.at(site).vector(prompt, position);
                assertNear("neurons at " + position, given.at(site).vector(prompt, position), expected);
                float[] before = plain.at("logits").vector(prompt, position);
                float[] behind = given.at("logits").vector(prompt, position);
                if (position < length - 2) {
                    assertNear("logits at " + position, behind, before);
                } else {
                    assertThat(areNear(behind, before)).isFalse();
                }
            }
        }
    }

    @Test
    void edgesAreKnockedOut() {
        OnnxModel foreign = foreign(tiny());
        List<String> sites = List.of("blocks.0.attn.hook_v", "blocks.0.attn.hook_pattern", "blocks.0.attn.hook_z");
        Intervention it = Intervention.of(
                "it", Change.edges("blocks.0.attn.hook_pattern", UnitSet.heads(2), List.of(-1), List.of(0, 2)));
        Prompts prompts = PROMPTS.filter(prompt -> !prompt.id().equals("short"));
        Activations plain = capture(foreign, sites, prompts);
        Activations given = capture(foreign, sites, prompts.under(it));
        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            int length = plain.tokenIds(prompt).length;
            float[] pattern = values(plain, "blocks.0.attn.hook_pattern", prompt);
            float[] z = values(plain, "blocks.0.attn.hook_z", prompt);
            for (int key : new int[] {0, 2}) {
                int edge = (2 * length + length - 1) * length + key;
                for (int unit = 0; unit < 4; unit++) {
                    z[(length - 1) * 12 + 8 + unit] -=
                            pattern[edge] * plain.at("blocks.0.attn.hook_v").vector(prompt, key)[8 + unit];
                }
                pattern[edge] = 0;
            }
            assertNear("pattern", values(given, "blocks.0.attn.hook_pattern", prompt), pattern);
            assertNear("z", values(given, "blocks.0.attn.hook_z", prompt), z);
        }
    }

    @Test
    void aHeadWithoutAPatternIsNone() {
        OnnxModel foreign = foreign(tiny());
        Intervention pattern = only("blocks.1.attn.hook_pattern", UnitSet.heads(0), Replacement.zero());
        Intervention z = only("blocks.1.attn.hook_z", UnitSet.heads(0), Replacement.zero());
        assertNear(capture(foreign, BEHIND, PROMPTS.under(pattern)), capture(foreign, BEHIND, PROMPTS.under(z)));
    }

    @ParameterizedTest
    @EnumSource(Padding.class)
    void rowsOfOneBatchAreChangedEachByItself(Padding padding) {
        OnnxModel foreign = foreign(tiny());
        Reference values = Reference.of("twos", Map.of("blocks.0.attn.hook_z", filled(12, 2)));
        Intervention first = only("blocks.0.attn.hook_z", UnitSet.heads(1), Replacement.plus(values, 1.5f));
        Intervention second = Intervention.of(
                "second",
                Change.of("blocks.0.hook_resid_post", UnitSet.units(3), Replacement.factor(3))
                        .at(0, -1),
                Change.edges("blocks.1.attn.hook_pattern", UnitSet.all(), List.of(1), List.of(0)));
        CapturePlan plan = plan(foreign, List.of(first, second), BEHIND);
        int[][] rows = {{2, 5, 9}, {2, 5, 9}, {4, 31, 6, 17, 2}, {2, 5, 9}};
        List<Optional<Intervention>> under =
                List.of(Optional.of(first), Optional.empty(), Optional.of(second), Optional.of(second));
        try (ActivationSource source = foreign.open(plan)) {
            Map<String, float[]> together = Runs.run(source, under(Runs.batch(padding, 6, rows), under));
            Map<String, float[]> untouched = Runs.run(source, Runs.batch(padding, 6, rows));
            for (Site site :
                    plan.readings().stream().map(reading -> reading.site()).toList()) {
                for (int row = 0; row < rows.length; row++) {
                    int length = rows[row].length;
                    float[] own = Runs.unpad(site, Runs.get(together, site.name()), padding, 6, row, length);
                    float[] plain = Runs.unpad(site, Runs.get(untouched, site.name()), padding, 6, row, length);
                    Map<String, float[]> alone =
                            Runs.run(source, under(Runs.batch(padding, length, rows[row]), List.of(under.get(row))));
                    assertNear(site + " of row " + row, own, Runs.get(alone, site.name()));
                    if (under.get(row).isEmpty()) {
                        // By the same graph.
                        assertThat(own).isEqualTo(plain);
                    } else {
                        assertThat(areNear(own, plain)).isFalse();
                    }
                }
            }
        }
        // By the graph without changes.
        try (ActivationSource changing = foreign.open(plan);
                ActivationSource plain = foreign.open(plan.changing(List.of()))) {
            TokenBatch batch = Runs.batch(padding, 6, rows);
            Map<String, float[]> expected = Runs.run(plain, batch);
            Runs.run(changing, batch).forEach((site, found) -> assertNear(site, found, Runs.get(expected, site)));
        }
    }

    private static float[] filled(int count, float value) {
        float[] values = new float[count];
        Arrays.fill(values, value);
        return values;
    }

    private static TokenBatch under(TokenBatch batch, List<Optional<Intervention>> under) {
        return new TokenBatch(
                batch.rows(), batch.columns(), batch.inputIds(), batch.attentionMask(), batch.tensors(), under);
    }

    private static CapturePlan plan(OnnxModel model, List<Intervention> interventions, List<String> sites) {
        List<String> changed = interventions.stream()
                .flatMap(each -> each.changes().stream())
                .map(Change::site)
                .toList();
        return model.plan(sites.stream()
                        .map(site -> new Selection(Sites.glob(site), Pooling.none()))
                        .toList())
                .changing(model.changeable().stream()
                        .filter(site -> changed.contains(site.name()))
                        .toList());
    }

    /** An encoder of one layer: two heads of two units, a mask of padding that is added, no causality. */
    private static HandGraph encoder(float[] out) {
        return HandGraph.text(17, false)
                .list("split", 0, 0, 2, 2)
                .list("join", 0, 0, 4)
                .list("middle", 1, 2)
                .floats("unit", new float[] {1})
                .floats("lowest", new float[] {-1e9f})
                .floats("out", out, 4, 4)
                .node("Reshape", "hidden split", "by_position")
                .node("Transpose", "by_position", "q", OnnxProtos.attribute("perm", new long[] {0, 2, 1, 3}))
                .node("Transpose", "by_position", "k", OnnxProtos.attribute("perm", new long[] {0, 2, 3, 1}))
                .node("MatMul", "q k", "scores")
                .node("Cast", "attention_mask", "real", OnnxProtos.attribute("to", 1L))
                .node("Unsqueeze", "real middle", "line")
                .node("Sub", "unit line", "absent")
                .node("Mul", "absent lowest", "added")
                .node("Add", "scores added", "masked")
                .node("Softmax", "masked", "pattern", OnnxProtos.attribute("axis", -1L))
                .node("MatMul", "pattern q", "z")
                .node("Transpose", "z", "z_by_position", OnnxProtos.attribute("perm", new long[] {0, 2, 1, 3}))
                .node("Reshape", "z_by_position join", "joined")
                .node("MatMul", "joined out", "y")
                .node("Transpose", "y", "turned", OnnxProtos.attribute("perm", new long[] {1, 0, 2}))
                .node("Transpose", "y", "channels", OnnxProtos.attribute("perm", new long[] {0, 2, 1}))
                .node("Neg", "turned", "negated")
                .node("Neg", "channels", "channels_negated")
                .output("negated")
                .output("channels_negated");
    }

    private static float[] weights() {
        float[] weights = new float[16];
        for (int i = 0; i < 16; i++) {
            weights[i] = (float) Math.cos(3 * i + 1);
        }
        return weights;
    }

    private OnnxModel encoder() {
        return encoder(weights()).open(folder);
    }

    private static final Prompts WORDS = Prompts.of(
            List.of(Prompt.ofTokens("a", 1, 2, 3), Prompt.ofTokens("b", 12, 4, 5, 9, 3), Prompt.ofTokens("c", 8)));

    /** Heads before positions in the graph, behind them in the site. */
    @ParameterizedTest
    @ValueSource(strings = {"z", "z_by_position"})
    void anEncodersHeadIsItsRows(String site) {
        float[] edited = weights();
        Arrays.fill(edited, 8, 16, 0);
        OnnxModel other = encoder(edited).open(folder);
        Intervention it = only(site, UnitSet.heads(1), Replacement.zero());
        assertNear(capture(encoder(), List.of("y"), WORDS.under(it)), capture(other, List.of("y"), WORDS));
    }

    @Test
    void anEncodersUnitsAreFilledWhereTheyAreWhateverTheOrderOfAxes() {
        OnnxModel model = encoder();
        float[][] rows = {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}};
        for (String site : List.of("z", "z_by_position", "joined", "y", "turned", "channels")) {
            Reference values = Reference.ofPositions("rows", Map.of(site, rows));
            Intervention it = Intervention.of(
                    "it", new Change(site, UnitSet.units(1, 2), List.of(0, 2), List.of(), Replacement.values(values)));
            Prompts prompts = WORDS.filter(prompt -> !prompt.id().equals("c"));
            Activations plain = capture(model, List.of(site), prompts);
            Activations given = capture(model, List.of(site), prompts.under(it));
            for (int prompt = 0; prompt < 2; prompt++) {
                float[] expected = values(plain, site, prompt);
                for (int position : new int[] {0, 2}) {
                    expected[position * 4 + 1] = rows[position][1];
                    expected[position * 4 + 2] = rows[position][2];
                }
                assertThat(values(given, site, prompt)).as(site).isEqualTo(expected);
            }
        }
    }

    /** What is written by negating shows that readers see the change, at axes in any order. */
    @Test
    void readersSeeTheChange() {
        OnnxModel model = encoder();
        for (String site : List.of("turned", "channels")) {
            String reader = site.equals("turned") ? "negated" : "channels_negated";
            Intervention it = only(site, UnitSet.units(0), Replacement.factor(-2));
            Activations given = capture(model, List.of(site, reader), WORDS.under(it));
            float[] changed = values(given, site, 1);
            float[] read = values(given, reader, 1);
            for (int i = 0; i < changed.length; i++) {
                assertThat(read[i]).isEqualTo(-changed[i]);
            }
        }
    }

    /** Scores behind the mask: multiplied with 0 at padding, they would let it in. */
    @ParameterizedTest
    @ValueSource(strings = {"masked", "scores", "pattern", "added"})
    void paddingStaysHidden(String site) {
        OnnxModel model = encoder();
        assertThat(model.changeable()).extracting(Site::name).contains(site);
        Intervention it = only(site, UnitSet.all(), Replacement.factor(0.1f));
        Intervention zero = Intervention.of("zero", Change.of(site, UnitSet.all(), Replacement.zero()));
        CapturePlan plan = plan(model, List.of(it), List.of("y"));
        Site y = plan.readings().get(0).site();
        int[][] rows = {{1, 2, 3}, {12, 4, 5, 9, 3}, {8}};
        try (ActivationSource source = model.open(plan)) {
            for (Intervention each : List.of(it, zero)) {
                for (Padding padding : Padding.values()) {
                    TokenBatch batch = under(
                            Runs.batch(padding, 6, rows),
                            Stream.of(rows).map(any -> Optional.of(each)).toList());
                    float[] together = Runs.get(Runs.run(source, batch), "y");
                    for (int row = 0; row < rows.length; row++) {
                        TokenBatch alone =
                                under(Runs.batch(padding, rows[row].length, rows[row]), List.of(Optional.of(each)));
                        assertNear(
                                site + ", padded " + padding + ", row " + row,
                                Runs.unpad(y, together, padding, 6, row, rows[row].length),
                                Runs.get(Runs.run(source, alone), "y"));
                    }
                }
            }
        }
    }

    @Test
    void onlyWhatReadingsDependOnIsChanged() {
        OnnxModel model = encoder();
        CapturePlan plan = plan(model, List.of(), List.of("z"));
        byte[] plain = model.graph(plan).model().toByteArray();
        List<Site> behind = model.changeable().stream()
                .filter(site -> site.name().equals("y") || site.name().equals("joined"))
                .toList();
        assertThat(behind).hasSize(2);
        assertThat(model.graph(plan.changing(behind)).model().toByteArray()).isEqualTo(plain);
        byte[] changing = model.graph(plan.changing(model.changeable())).model().toByteArray();
        assertThat(changing).isNotEqualTo(plain);
        try (ActivationSource without = model.open(plan);
                ActivationSource with = model.open(plan.changing(model.changeable()))) {
            assertThat(with.workingBytes(4, 10)).isGreaterThan(without.workingBytes(4, 10) + 4 * 10 * 4 * 4 * 2);
        }
    }

    private static HandGraph picture(float[] out) {
        float[] kernel = {1, -1, 0.5f, 2, -0.25f, 1, 1, -1};
        return HandGraph.opset(17)
                .input("pixels", DataType.FLOAT, "batch", "1", "4", "4")
                .floats("kernel", kernel, 2, 1, 2, 2)
                .floats("out", out, 18, 3)
                .node("Conv", "pixels kernel", "conv")
                .node("Relu", "conv", "relu")
                .node("Flatten", "relu", "flat")
                .node("MatMul", "flat out", "features")
                .output("features");
    }

    private static float[] pictureWeights() {
        float[] weights = new float[54];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) Math.sin(2 * i + 1);
        }
        return weights;
    }

    private static Prompts pictures() {
        return Prompts.of(Stream.of(1, 2)
                .map(number -> {
                    float[] pixels = new float[16];
                    for (int i = 0; i < 16; i++) {
                        pixels[i] = (float) Math.cos(number * i);
                    }
                    return Prompt.ofTensors("picture " + number, Map.of("pixels", InputTensor.of(pixels, 1, 4, 4)));
                })
                .toList());
    }

    @Test
    void aPicturesChannelIsItsRows() {
        OnnxModel model = picture(pictureWeights()).open(folder);
        float[] edited = pictureWeights();
        Arrays.fill(edited, 27, 54, 0);
        OnnxModel other = picture(edited).open(folder);
        int[] channel = {9, 10, 11, 12, 13, 14, 15, 16, 17};
        Intervention it = only("relu", UnitSet.units(channel), Replacement.zero());
        List<String> sites = List.of("relu", "features");
        Activations given = capture(model, sites, pictures().under(it));
        assertNear(given.only(Sites.glob("features")), capture(other, List.of("features"), pictures()));
        assertThat(Arrays.copyOfRange(values(given, "relu", 1), 9, 18)).containsOnly(0);
        // One picture under it, the other not.
        Prompts mixed =
                Prompts.of(List.of(pictures().get(0).under(it), pictures().get(1)));
        Activations each = capture(model, sites, mixed);
        assertNear("changed", values(each, "features", 0), values(given, "features", 0));
        assertNear("not", values(each, "features", 1), values(capture(model, sites, pictures()), "features", 1));
    }

    @Test
    void aPicturesMeanIsTheSameForAll() {
        OnnxModel model = picture(pictureWeights()).open(folder);
        List<String> sites = List.of("relu", "features");
        Reference means = capture(model, List.of("relu"), pictures()).mean("mean of 2 pictures");
        Intervention it = only("relu", UnitSet.all(), Replacement.mean(means));
        Activations given = capture(model, sites, pictures().under(it));
        assertThat(values(given, "relu", 0)).isEqualTo(means.at("relu", 0));
        assertThat(values(given, "features", 0)).isEqualTo(values(given, "features", 1));
    }

    @Test
    void aPictureHasNoPositions() {
        OnnxModel model = picture(pictureWeights()).open(folder);
        Intervention it = Intervention.of(
                "it", Change.of("relu", UnitSet.units(0), Replacement.zero()).at(0));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(model, List.of("features"), pictures().under(it)))
                .withMessageContaining("relu has no axis of positions");
    }

    /** Said to be three, and counted from both ends. */
    @Test
    void patchesAreChangedByTheirPositions() {
        OnnxModel model = HandGraph.opset(17)
                .input("pixels", DataType.FLOAT, "batch", "6")
                .list("patches", 0, 3, 2)
                .node("Reshape", "pixels patches", "hidden")
                .node("Neg", "hidden", "y")
                .output("y")
                .open(folder)
                .withPositions("3");
        Prompts prompts = Prompts.of(List.of(Prompt.ofTensors(
                "a", Map.of("pixels", InputTensor.of(new float[] {1, 2, 3, 4, 5, 6}, 6)))));
        Intervention it = Intervention.of(
                "it",
                Change.of("hidden", UnitSet.units(1), Replacement.factor(10)).at(0, -1));
        assertThat(values(capture(model, List.of("y"), prompts.under(it)), "y", 0))
                .containsExactly(-1, -20, -3, -4, -5, -60);
    }

    /** Tokens filled up to a length that the model is fixed to. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void tokensOfAFixedLengthAreChangedByTheirPositions(boolean mask) {
        HandGraph graph = HandGraph.opset(17).input("input_ids", DataType.INT64, "batch", "5");
        if (mask) {
            graph.input("attention_mask", DataType.INT64, "batch", "5");
        }
        OnnxModel model = graph.floats("table", HandGraph.table(), 16, 4)
                .node("Gather", "table input_ids", "hidden")
                .node("Neg", "hidden", "y")
                .output("y")
                .open(folder)
                .withPositions("5");
        Intervention it = Intervention.of(
                "it", Change.of("hidden", UnitSet.units(1), Replacement.zero()).at(-1));
        Prompts prompts = Prompts.of(
                mask
                        ? List.of(Prompt.ofTokens("a", 3, 1, 2), Prompt.ofTokens("b", 1, 2, 3, 4, 5))
                        : List.of(Prompt.ofTokens("b", 1, 2, 3, 4, 5)));
        Activations plain = capture(model, List.of("y"), prompts);
        Activations given = capture(model, List.of("y"), prompts.under(it));
        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            float[] expected = values(plain, "y", prompt);
            expected[expected.length - 3] = 0;
            assertNear("y", values(given, "y", prompt), expected);
        }
    }

    @ParameterizedTest
    @CsvSource({"10, float16", "11, float64", "16, bfloat16"})
    void otherTypesAreChangedAsTheyAre(long type, String name) {
        OnnxModel model = HandGraph.text(17, false)
                .node("Cast", "hidden", "typed", OnnxProtos.attribute("to", type))
                .node("Cast", "typed", "y", OnnxProtos.attribute("to", 1L))
                .output("y")
                .open(folder);
        assertThat(HandGraph.tensor(model, "typed").type()).isEqualTo(name);
        Intervention it = only("typed", UnitSet.units(2), Replacement.factor(-0.5f));
        Activations plain = capture(model, List.of("y"), WORDS);
        Prompts mixed = Prompts.of(
                List.of(WORDS.get(0), WORDS.get(1).under(it), WORDS.get(2).under(it)));
        Activations given = capture(model, List.of("typed", "y"), mixed);
        for (int prompt = 0; prompt < 3; prompt++) {
            float[] expected = values(plain, "y", prompt);
            for (int i = 2; i < expected.length && prompt > 0; i += 4) {
                expected[i] *= -0.5f;
            }
            assertThat(values(given, "y", prompt)).isEqualTo(expected);
            assertThat(values(given, "typed", prompt)).isEqualTo(expected);
        }
    }

    /** A branch takes the tensor from around it; such a model runs a prompt at a time. */
    @Test
    void bodiesSeeTheChange() {
        OnnxModel model = HandGraph.text(17, false)
                .floats("limit", new float[] {100})
                .node("ReduceMax", "hidden", "largest", OnnxProtos.attribute("keepdims", 0L))
                .node("Greater", "largest limit", "is_large")
                .node(
                        "If",
                        "is_large",
                        "y",
                        HandGraph.graph(
                                "then_branch",
                                HandGraph.body().node("Neg", "hidden", "t").output("t")),
                        HandGraph.graph(
                                "else_branch",
                                HandGraph.body().node("Neg", "hidden", "e").output("e")))
                .output("y")
                .open(folder);
        Intervention it = Intervention.of(
                "it",
                Change.of("hidden", UnitSet.units(0), Replacement.factor(4)).at(0));
        List<String> sites = List.of("hidden", "y");
        Prompts mixed = Prompts.of(List.of(WORDS.get(0).under(it), WORDS.get(1)));
        Activations plain = capture(model, sites, WORDS);
        Activations given = capture(model, sites, mixed);
        float[] expected = values(plain, "y", 0);
        expected[0] *= 4;
        assertThat(values(given, "y", 0)).isEqualTo(expected);
        assertThat(values(given, "y", 1)).isEqualTo(values(plain, "y", 1));
    }

    /** Where nothing says which axis is the batch, the first of one stands for it. */
    @Test
    void aModelOfOneIsChanged() {
        OnnxModel model = HandGraph.opset(17)
                .input("input_ids", DataType.INT64, "1", "sequence")
                .floats("table", HandGraph.table(), 16, 4)
                .node("Gather", "table input_ids", "hidden")
                .node("Neg", "hidden", "y")
                .output("y")
                .open(folder);
        Intervention it = only("hidden", UnitSet.units(1).others(), Replacement.zero());
        Activations plain = capture(model, List.of("hidden[1]", "y"), WORDS);
        Activations given = capture(model, List.of("hidden[1]", "y"), WORDS.under(it));
        for (int prompt = 0; prompt < 3; prompt++) {
            assertThat(values(given, "hidden[1]", prompt)).isEqualTo(values(plain, "hidden[1]", prompt));
            float[] y = values(given, "y", prompt);
            for (int i = 0; i < y.length; i++) {
                assertThat(y[i] == 0).isEqualTo(i % 4 != 1);
            }
        }
    }

    @Test
    void pickedUnitsAreThoseOfTheSite() {
        OnnxModel model = encoder();
        for (String site : List.of("y", "joined", "turned", "channels")) {
            String picked = site + "[3,0]";
            Activations whole = capture(model, List.of(site), WORDS);
            Activations some = capture(model, List.of(picked, site), WORDS);
            for (int prompt = 0; prompt < WORDS.size(); prompt++) {
                float[] all = values(whole, site, prompt);
                float[] expected = new float[all.length / 2];
                for (int i = 0; i < expected.length; i++) {
                    expected[i] = all[i / 2 * 4 + (i % 2 == 0 ? 3 : 0)];
                }
                assertThat(values(some, picked, prompt)).as(picked).isEqualTo(expected);
            }
            try (Probe probe = Probe.builder(model)
                    .sites(picked, site)
                    .pooling(Pooling.mean())
                    .build()) {
                Activations means = probe.capture(WORDS);
                float[] all = means.at(site).vector(1);
                assertThat(means.at(picked).vector(1)).containsExactly(all[3], all[0]);
            }
        }
        OnnxModel picture = picture(pictureWeights()).open(folder);
        Activations features = capture(picture, List.of("features", "features[2]"), pictures());
        assertThat(values(features, "features[2]", 1)).containsExactly(values(features, "features", 1)[2]);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(model, List.of("y[4]"), WORDS))
                .withMessageContaining("units 0 to 3");
    }

    @Test
    void whatCannotBeChangedIsSaid() {
        OnnxModel model = encoder();
        List<String> y = List.of("y");
        assertThat(model.changeable()).extracting(Site::name).doesNotContain("input_ids", "attention_mask");
        assertRefused(model, y, only("nowhere", UnitSet.all(), Replacement.zero()))
                .withMessageContaining("no site that can be changed matches 'nowhere'")
                .withMessageContaining("z_by_position");
        assertRefused(model, y, only("z", UnitSet.heads(2), Replacement.zero()))
                .withMessageContaining("z has the heads 0 to 1, so no head 2");
        assertRefused(model, y, only("y", UnitSet.units(4), Replacement.zero()))
                .withMessageContaining("y has the units 0 to 3, so no unit 4");
        assertRefused(
                        model,
                        y,
                        only(
                                "pattern",
                                UnitSet.all(),
                                Replacement.mean(Reference.of("m", Map.of("pattern", filled(2, 1))))))
                .withMessageContaining("can be multiplied");
        assertRefused(
                        model,
                        y,
                        Intervention.of(
                                "it",
                                Change.of("z", UnitSet.all(), Replacement.zero())
                                        .at(5)))
                .withMessageContaining("position 5");
        // Integers, what has no batch axis, and a graph too old.
        OnnxModel counted = HandGraph.text(17, false)
                .node("Shape", "hidden", "shape")
                .node("Cast", "shape", "lengths", OnnxProtos.attribute("to", 1L))
                .node("Cast", "hidden", "whole", OnnxProtos.attribute("to", 6L))
                .output("whole")
                .open(folder);
        assertThat(counted.changeable()).extracting(Site::name).containsExactly("hidden");
        assertRefused(counted, List.of("whole"), only("whole", UnitSet.all(), Replacement.zero()))
                .withMessageContaining("no site that can be changed matches 'whole'");
        CapturePlan plan = plan(counted, List.of(), List.of("whole"));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> counted.open(
                        plan.changing(List.of(plan.readings().get(0).site()))))
                .withMessageContaining("whole can't be changed");
        assertThat(HandGraph.text(8, false).open(folder).changeable()).isEmpty();
    }

    private static org.assertj.core.api.ThrowableAssertAlternative<ModscanException> assertRefused(
            OnnxModel model, List<String> sites, Intervention it) {
        return assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(model, sites, WORDS.under(it)));
    }

    @Test
    void usualSitesCanBeChanged() {
        assertThat(foreign(tiny()).changeable().stream().map(Site::name).collect(Collectors.toSet()))
                .contains(
                        "blocks.0.attn.hook_z",
                        "blocks.0.attn.hook_pattern",
                        "blocks.0.attn.hook_q",
                        "blocks.0.hook_resid_pre",
                        "blocks.1.hook_attn_out",
                        "blocks.1.mlp.hook_post",
                        "logits");
    }
}
