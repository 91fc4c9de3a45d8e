package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.intervention.Change;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Reference;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.intervention.UnitSet;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import io.modscan.onnx.internal.graph.WeightLocation;
import io.modscan.onnx.internal.network.Dialect;
import io.modscan.onnx.internal.network.Stretch;
import io.modscan.onnx.opt.OptSourceTest.Kind;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A run under an intervention gives what the same change by hand gives: of weights, or of the stream that a later part is given. */
class InterventionTest {

    private static final int COLUMNS = FusedGraphTest.COLUMNS;
    private static final int[][] ROWS = FusedGraphTest.ROWS;
    private static final double TOLERANCE = 1e-5;

    @TempDir
    private Path folder;

    private int copies;

    static Stream<Arguments> kindsPaddingsAndDialects() {
        return Arrays.stream(Kind.values())
                .flatMap(kind -> Stream.of(
                        Arguments.of(kind, Padding.LEFT, Dialect.ONNX_RUNTIME_CPU),
                        Arguments.of(kind, Padding.RIGHT, Dialect.ONNX_RUNTIME_CPU),
                        Arguments.of(kind, Padding.RIGHT, Dialect.ONNX_RUNTIME)));
    }

    /** What is read of a model under changes. */
    private static CapturePlan plan(OptModel model, String... changing) {
        CapturePlan plan = CapturePlan.of(
                model.sites(),
                List.of(
                        new CapturePlan.Selection(Sites.glob("blocks.1.attn.hook_z"), Pooling.none()),
                        new CapturePlan.Selection(Sites.glob("blocks.1.mlp.hook_post"), Pooling.mean()),
                        new CapturePlan.Selection(Sites.glob("blocks.1.hook_resid_post"), Pooling.none()),
                        new CapturePlan.Selection(Sites.logits(), Pooling.last()),
                        new CapturePlan.Selection(Sites.logProbs(3, 17), Pooling.none()),
                        new CapturePlan.Selection(Sites.loss(), Pooling.none())));
        return plan.changing(
                Arrays.stream(changing).map(name -> Runs.site(model, name)).toList());
    }

    private static TokenBatch under(TokenBatch batch, List<Optional<Intervention>> interventions) {
        return new TokenBatch(
                batch.rows(), batch.columns(), batch.inputIds(), batch.attentionMask(), List.of(), interventions);
    }

    private static Intervention change(String site, UnitSet units, Replacement by) {
        return Intervention.of("it", Change.of(site, units, by));
    }

    private static List<Optional<Intervention>> everyRow(Intervention intervention) {
        return Arrays.stream(ROWS).map(row -> Optional.of(intervention)).toList();
    }

    private EditedOpt edited() {
        return new EditedOpt(folder);
    }

    private Path copy() {
        return folder.resolve("copy" + copies++);
    }

    private static Map<String, float[]> run(OptModel model, CapturePlan plan, Dialect dialect, TokenBatch batch) {
        try (ActivationSource source = model.open(plan, dialect)) {
            return Runs.run(source, batch);
        }
    }

    /** All that is read under a change of one site equals what a model of changed weights gives. */
    private void assertEdited(
            OptModel model,
            EditedOpt edited,
            String site,
            UnitSet units,
            Replacement by,
            Padding padding,
            Dialect dialect) {
        TokenBatch batch = Runs.batch(padding, COLUMNS, ROWS);
        Map<String, float[]> changed =
                run(model, plan(model, site), dialect, under(batch, everyRow(change(site, units, by))));
        OptModel other = edited.load(copy());
        assertClose(site + " " + by, plan(model), changed, run(other, plan(other), dialect, batch), padding, all());
    }

    private static int[] all() {
        return IntStream.range(0, ROWS.length).toArray();
    }

    private static void assertClose(
            String what,
            CapturePlan plan,
            Map<String, float[]> actual,
            Map<String, float[]> expected,
            Padding padding,
            int... rows) {
        plan.readings().forEach(reading -> {
            Site site = reading.site();
            for (int row : rows) {
                float[] one = row(reading.isPerToken(), site, Runs.get(actual, site.name()), padding, row);
                float[] other = row(reading.isPerToken(), site, Runs.get(expected, site.name()), padding, row);
                double size = 0;
                for (float value : other) {
                    size = Math.max(size, Float.isNaN(value) ? 0 : Math.abs(value));
                }
                for (int i = 0; i < one.length; i++) {
                    boolean same = Float.isNaN(other[i])
                            ? Float.isNaN(one[i])
                            : Math.abs((double) one[i] - other[i]) <= TOLERANCE * Math.max(1, size);
                    assertThat(same)
                            .as("%s: %s, row %d, value %d: %s, not %s", what, site, row, i, one[i], other[i])
                            .isTrue();
                }
            }
        });
    }

    private static float[] row(boolean perToken, Site site, float[] values, Padding padding, int row) {
        return perToken
                ? Runs.unpad(site, values, padding, COLUMNS, row, ROWS[row].length)
                : Arrays.copyOfRange(values, row * site.width(), (row + 1) * site.width());
    }

    @ParameterizedTest
    @MethodSource("kindsPaddingsAndDialects")
    void aHeadIsWhatTheOutputMapReadsOfIt(Kind kind, Padding padding, Dialect dialect) {
        OptModel model = kind.load(folder);
        String site = "blocks.0.attn.hook_z";
        String linear = "layers.0.self_attn.out_proj";
        int units = model.config().dHead();
        EditedOpt zeroed = edited();
        EditedOpt halved = edited();
        EditedOpt meant = edited();
        float[] means = new float[model.config().dModel()];
        for (int unit = 0; unit < units; unit++) {
            int column = units + unit;
            means[column] = 0.3f - 0.2f * unit;
            zeroed.input(linear, column, 0, 0);
            halved.input(linear, column, 0.5, 0);
            meant.input(linear, column, 0, means[column]);
        }
        Replacement mean = Replacement.mean(Reference.of("means", Map.of(site, means)));
        assertEdited(model, zeroed, site, UnitSet.heads(1), Replacement.zero(), padding, dialect);
        assertEdited(model, halved, site, UnitSet.heads(1), Replacement.factor(0.5f), padding, dialect);
        assertEdited(model, meant, site, UnitSet.heads(1), mean, padding, dialect);
    }

    @ParameterizedTest
    @MethodSource("kindsPaddingsAndDialects")
    void aNeuronIsAColumnOfTheSecondMap(Kind kind, Padding padding, Dialect dialect) {
        OptModel model = kind.load(folder);
        String site = "blocks.0.mlp.hook_post";
        float[] means = new float[TinyOpt.MLP];
        means[3] = 0.7f;
        means[11] = -0.4f;
        Replacement mean = Replacement.mean(Reference.of("means", Map.of(site, means)));
        UnitSet units = UnitSet.units(3, 11);
        assertEdited(
                model,
                edited().input("layers.0.fc2", 3, 0, 0).input("layers.0.fc2", 11, 0, 0),
                site,
                units,
                Replacement.zero(),
                padding,
                dialect);
        assertEdited(
                model,
                edited().input("layers.0.fc2", 3, 0, 0.7).input("layers.0.fc2", 11, 0, -0.4),
                site,
                units,
                mean,
                padding,
                dialect);
        EditedOpt others = edited();
        for (int unit = 0; unit < TinyOpt.MLP; unit++) {
            others.input("layers.0.fc2", unit, unit == 3 || unit == 11 ? 1 : 0, 0);
        }
        assertEdited(model, others, site, units.others(), Replacement.zero(), padding, dialect);
    }

    @ParameterizedTest
    @MethodSource("kindsPaddingsAndDialects")
    void whatIsWrittenAndReadIsAnOutputOfItsMap(Kind kind, Padding padding, Dialect dialect) {
        OptModel model = kind.load(folder);
        int width = model.config().dModel();
        Map<String, String> linears = Map.of(
                "attn.hook_q", "self_attn.q_proj",
                "attn.hook_k", "self_attn.k_proj",
                "attn.hook_v", "self_attn.v_proj",
                "hook_attn_out", "self_attn.out_proj",
                "hook_mlp_out", "fc2");
        linears.forEach((hook, linear) -> {
            String site = "blocks.0." + hook;
            float[] added = new float[width];
            added[1] = 0.5f;
            added[6] = -0.25f;
            Reference direction = Reference.of("direction", Map.of(site, added));
            EditedOpt zeroed = edited();
            EditedOpt steered = edited();
            for (int unit : new int[] {1, 6}) {
                zeroed.output("layers.0." + linear, unit, 0, 0);
                steered.output("layers.0." + linear, unit, 1, 2 * added[unit]);
            }
            assertEdited(model, zeroed, site, UnitSet.units(1, 6), Replacement.zero(), padding, dialect);
            assertEdited(model, steered, site, UnitSet.all(), Replacement.plus(direction, 2), padding, dialect);
        });
    }

    /** A key that no query sees contributes no value. */
    @ParameterizedTest
    @MethodSource("kindsPaddingsAndDialects")
    void edgesFromAKeyAreItsValue(Kind kind, Padding padding, Dialect dialect) {
        OptModel model = kind.load(folder);
        TokenBatch batch = Runs.batch(padding, COLUMNS, ROWS);
        String pattern = "blocks.0.attn.hook_pattern";
        String values = "blocks.0.attn.hook_v";
        List<Optional<Intervention>> edges =
                everyRow(Intervention.of("it", Change.edges(pattern, UnitSet.heads(0, 2), List.of(), List.of(-1))));
        List<Optional<Intervention>> noValue = everyRow(Intervention.of(
                "it", Change.of(values, UnitSet.heads(0, 2), Replacement.zero()).at(-1)));
        assertClose(
                "edges",
                plan(model),
                run(model, plan(model, pattern), dialect, under(batch, edges)),
                run(model, plan(model, values), dialect, under(batch, noValue)),
                padding,
                all());
        // A query that sees nothing is a head that gives nothing there.
        List<Optional<Intervention>> blind =
                everyRow(Intervention.of("it", Change.edges(pattern, UnitSet.heads(1), List.of(0), List.of())));
        List<Optional<Intervention>> silent = everyRow(Intervention.of(
                "it",
                Change.of("blocks.0.attn.hook_z", UnitSet.heads(1), Replacement.zero())
                        .at(0)));
        assertClose(
                "a query",
                plan(model),
                run(model, plan(model, pattern), dialect, under(batch, blind)),
                run(model, plan(model, "blocks.0.attn.hook_z"), dialect, under(batch, silent)),
                padding,
                all());
    }

    /** The stream that a later part of the network is given, changed by hand, is what an intervention at it does. */
    @ParameterizedTest
    @MethodSource("kindsPaddingsAndDialects")
    void theStreamIsWhatTheNextPartIsGiven(Kind kind, Padding padding, Dialect dialect) {
        OptModel model = kind.load(folder);
        int width = model.config().dModel();
        TokenBatch batch = Runs.batch(padding, COLUMNS, ROWS);
        Random random = new Random(5);
        float[][] positions = new float[COLUMNS][width];
        for (float[] position : positions) {
            for (int i = 0; i < width; i++) {
                position[i] = (float) random.nextGaussian();
            }
        }
        for (String site : List.of("blocks.0.hook_resid_post", "blocks.1.hook_resid_pre")) {
            Reference reference = Reference.ofPositions("other", Map.of(site, positions));
            // The last position and the first, each with its own of the other prompt's.
            Intervention patch = Intervention.of(
                    "patch",
                    Change.of(site, UnitSet.units(0, 5), Replacement.values(reference))
                            .at(0, -1));
            Map<String, float[]> changed = run(model, plan(model, site), dialect, under(batch, everyRow(patch)));
            assertClose(site, plan(model), changed, byHand(model, dialect, batch, padding, positions), padding, all());
        }
    }

    private static Map<String, float[]> byHand(
            OptModel model, Dialect dialect, TokenBatch batch, Padding padding, float[][] positions) {
        CapturePlan plan = plan(model);
        int width = model.config().dModel();
        int stages = model.config().layers() + 2;
        List<FloatBuffer> outputs = Runs.outputs(plan, batch);
        try (ActivationSource source = model.open(plan, dialect, List.of(new Stretch(0, 2), new Stretch(2, stages)))) {
            FloatBuffer stream = Runs.floats((long) batch.rows() * COLUMNS * width);
            try (var first = source.links().get(0).open()) {
                first.run(batch, Runs.floats(0), List.of(), stream);
            }
            for (int row = 0; row < ROWS.length; row++) {
                int length = ROWS[row].length;
                for (int position : new int[] {0, length - 1}) {
                    int at = (row * COLUMNS + Runs.first(padding, COLUMNS, length) + position) * width;
                    stream.put(at, positions[position][0]);
                    stream.put(at + 5, positions[position][5]);
                }
            }
            try (var second = source.links().get(1).open()) {
                second.run(batch, stream, outputs, Runs.floats(0));
            }
        }
        Map<String, float[]> values = new HashMap<>();
        for (int i = 0; i < outputs.size(); i++) {
            values.put(plan.readings().get(i).site().name(), Runs.array(outputs.get(i)));
        }
        return values;
    }

    /** Behind a LayerNorm, as post-norm blocks have it there, the middle is no sum. */
    static Stream<Arguments> preNorm() {
        return kindsPaddingsAndDialects()
                .filter(each -> !each.get()[0].toString().startsWith("POST_NORM"));
    }

    /** The middle of a block: what the attention writes is then taken from the stream, and from it only. */
    @ParameterizedTest
    @MethodSource("preNorm")
    void theMiddleOfAPreNormBlockIsTheSumOfWhatWasWritten(Kind kind, Padding padding, Dialect dialect) {
        OptModel model = kind.load(folder);
        TokenBatch batch = Runs.batch(padding, COLUMNS, ROWS);
        float[] added = new float[model.config().dModel()];
        added[2] = 1.5f;
        Map<String, float[]> mid = steered(model, "blocks.0.hook_resid_mid", added, dialect, batch);
        Map<String, float[]> out = steered(model, "blocks.0.hook_attn_out", added, dialect, batch);
        assertClose("middle", plan(model), mid, out, padding, all());
    }

    private static Map<String, float[]> steered(
            OptModel model, String site, float[] added, Dialect dialect, TokenBatch batch) {
        Reference direction = Reference.of("direction", Map.of(site, added));
        return run(
                model,
                plan(model, site),
                dialect,
                under(batch, everyRow(change(site, UnitSet.all(), Replacement.plus(direction, 1)))));
    }

    // ---- what has to change nothing ----

    /** Rows without an intervention, in a plan that lets everything be changed, are those of the plain run. */
    @ParameterizedTest
    @EnumSource
    void rowsUnderNoInterventionAreUntouched(Kind kind) {
        OptModel model = kind.load(folder);
        Padding padding = Padding.LEFT;
        Dialect dialect = Dialect.ONNX_RUNTIME_CPU;
        TokenBatch batch = Runs.batch(padding, COLUMNS, ROWS);
        Map<String, float[]> plain = run(model, plan(model), dialect, batch);
        for (Site site : model.changeable()) {
            List<Optional<Intervention>> one = new ArrayList<>(Arrays.stream(ROWS)
                    .map(row -> Optional.<Intervention>empty())
                    .toList());
            one.set(3, Optional.of(change(site.name(), UnitSet.all(), Replacement.zero())));
            Map<String, float[]> changed = run(model, plan(model, site.name()), dialect, under(batch, one));
            assertClose(site.name(), plan(model), changed, plain, padding, 0, 1, 2);
            assertThat(Runs.get(changed, "logits")).as(site.name()).isNotEqualTo(Runs.get(plain, "logits"));
        }
    }

    /** Patching a prompt with its own values changes nothing, and keeping all units neither. */
    @ParameterizedTest
    @EnumSource
    void aPromptsOwnValuesChangeNothing(Kind kind) {
        OptModel model = kind.load(folder);
        Padding padding = Padding.LEFT;
        Dialect dialect = Dialect.ONNX_RUNTIME_CPU;
        TokenBatch batch = Runs.batch(padding, COLUMNS, ROWS);
        CapturePlan every = Runs.everything(model);
        Map<String, float[]> own = run(model, every, dialect, batch);
        Map<String, float[]> plain = run(model, plan(model), dialect, batch);
        for (Site site : model.changeable()) {
            if (site.isPairwise()) {
                continue; // nothing replaces patterns
            }
            List<Optional<Intervention>> patches = new ArrayList<>();
            for (int row = 0; row < ROWS.length; row++) {
                float[] flat = Runs.unpad(site, Runs.get(own, site.name()), padding, COLUMNS, row, ROWS[row].length);
                float[][] positions = new float[ROWS[row].length][];
                for (int i = 0; i < positions.length; i++) {
                    positions[i] = Arrays.copyOfRange(flat, i * site.width(), (i + 1) * site.width());
                }
                Reference reference = Reference.ofPositions("own", Map.of(site.name(), positions));
                patches.add(Optional.of(change(site.name(), UnitSet.all(), Replacement.values(reference))));
            }
            Map<String, float[]> changed = run(model, plan(model, site.name()), dialect, under(batch, patches));
            assertClose(site.name(), plan(model), changed, plain, padding, all());
        }
    }

    /** The site itself, and all behind it, read what was changed; those before it don't. */
    @ParameterizedTest
    @EnumSource
    void sitesBehindAChangeReadIt(Kind kind) {
        OptModel model = kind.load(folder);
        TokenBatch batch = Runs.batch(Padding.RIGHT, COLUMNS, ROWS);
        CapturePlan every = Runs.everything(model);
        Map<String, float[]> plain = Runs.run(model, every, batch);
        List<String> names = model.sites().stream().map(Site::name).toList();
        for (Site site : model.changeable()) {
            CapturePlan plan = every.changing(List.of(site));
            Map<String, float[]> changed = Runs.run(
                    model, plan, under(batch, everyRow(change(site.name(), UnitSet.all(), Replacement.zero()))));
            for (String before : names.subList(0, names.indexOf(site.name()))) {
                assertClose(
                        site + ": " + before,
                        new CapturePlan(every.readings().stream()
                                .filter(reading -> reading.site().name().equals(before))
                                .toList()),
                        changed,
                        plain,
                        Padding.RIGHT,
                        all());
            }
            for (float value : Runs.get(changed, site.name())) {
                assertThat(value).as(site.name()).isZero();
            }
            assertThat(Runs.get(changed, "loss")).as(site.name()).isNotEqualTo(Runs.get(plain, "loss"));
        }
    }

    /** What lies in a chain of links is changed in its link. */
    @ParameterizedTest
    @EnumSource
    void aChainIsChangedAsTheWholeIs(Kind kind) {
        OptModel model = kind.load(folder);
        TokenBatch batch = Runs.batch(Padding.LEFT, COLUMNS, ROWS);
        List<Change> changes = model.changeable().stream()
                .map(site -> Change.of(site.name(), UnitSet.heads(0), Replacement.factor(0.9f)))
                .filter(change -> Runs.site(model, change.site()).heads() > 0)
                .toList();
        List<Change> all = new ArrayList<>(changes);
        all.add(Change.of("blocks.1.hook_resid_pre", UnitSet.units(3), Replacement.zero()));
        all.add(Change.of("blocks.0.hook_resid_pre", UnitSet.units(4), Replacement.factor(2)));
        all.add(Change.of("blocks.0.hook_resid_post", UnitSet.units(5), Replacement.zero())
                .at(0));
        String[] sites = all.stream().map(Change::site).toArray(String[]::new);
        TokenBatch under = under(batch, everyRow(Intervention.of("many", all)));
        CapturePlan plan = plan(model, sites);
        Map<String, float[]> whole = run(model, plan, Dialect.ONNX_RUNTIME_CPU, under);
        for (List<Stretch> links : ChainTest.divisions(4)) {
            try (ActivationSource source = model.open(plan, Dialect.ONNX_RUNTIME_CPU, links)) {
                Map<String, float[]> chained = Runs.run(source, under);
                chained.forEach((name, values) ->
                        assertThat(values).as(links + " " + name).isEqualTo(Runs.get(whole, name)));
            }
        }
    }

    /** Where nothing may be changed there is nothing to change it with; where something may, it is there and nowhere else. */
    @ParameterizedTest
    @EnumSource
    void aPlanThatChangesNothingHasNoPlaceForChanges(Kind kind) {
        OptModel model = kind.load(folder);
        for (Dialect dialect : Dialect.values()) {
            assertThat(text(model, plan(model), dialect)).doesNotContain("keep/", "fill/", "_unchanged", "_kept");
            assertThat(text(model, plan(model, "blocks.1.attn.hook_z"), dialect))
                    .contains("keep/blocks.1.attn.hook_z", "fill/blocks.1.attn.hook_z")
                    .doesNotContain("keep/blocks.0", "keep/blocks.1.mlp");
        }
        // What is fused stays so where only z is changed.
        String text =
                text(model, plan(model, "blocks.0.attn.hook_z", "blocks.1.attn.hook_z"), Dialect.ONNX_RUNTIME_CPU);
        assertThat(text).contains("MultiHeadAttention").doesNotContain("Softmax");
    }

    private static String text(OptModel model, CapturePlan plan, Dialect dialect) {
        byte[] graph = model.graph(plan, dialect, Stretch.whole(model.config().layers()))
                .serialise(WeightLocation.inPlace(model.checkpoint().root()), Map.of());
        return new String(graph, StandardCharsets.ISO_8859_1);
    }
}
