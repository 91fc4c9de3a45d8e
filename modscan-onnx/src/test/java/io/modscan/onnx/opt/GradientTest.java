package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.google.protobuf.InvalidProtocolBufferException;
import io.modscan.core.Activations;
import io.modscan.core.ModelContract;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Change;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Reference;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.intervention.UnitSet;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Aim;
import io.modscan.core.model.Model;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.core.token.Positions;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import io.modscan.onnx.internal.graph.WeightLocation;
import io.modscan.onnx.internal.network.Activation;
import io.modscan.onnx.internal.network.Dialect;
import io.modscan.onnx.opt.OptSourceTest.Kind;
import io.modscan.onnx.runtime.Loading;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.lang.reflect.Proxy;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.DoubleFunction;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A gradient tells what becomes of the objective when a little is added to a site, which interventions can do. */
class GradientTest {

    /** Of the steepest slope that a direction of this length could have: what is flatter drowns in the rounding of float32. */
    private static final double TOLERANCE = 1e-3;

    /** How far the steps go from which a slope is told. */
    private static final float[] STEPS = {2, 1, -1, -2};

    private static final int[] TOKENS = {3, 17, 5};

    private static final Set<String> KINKED = Set.of("relu", "relu6", "leaky_relu", "prelu");

    @TempDir
    private Path folder;

    /** A prompt's outcomes, at each of its positions. */
    private record Outcomes(Activations of, int row) {

        private double at(String site, int position, int value) {
            SiteActivations values = of.at(site);
            FloatBuffer row = values.row(this.row);
            return row.get(row.position() + position * values.site().width() + value);
        }

        /** The objective, made of what is read forward. */
        double value(Objective objective, int length) {
            float[] weights = objective.weights(length);
            float[] direction = objective.direction();
            double sum = 0;
            for (int position = 0; position < length; position++) {
                double value = 0;
                if (weights[position] != 0) {
                    value = switch (objective.kind()) {
                        case LOSS -> at("loss", position + 1, 0);
                        case LOGITS -> at("logits[3,17,5]", position, 0) - at("logits[3,17,5]", position, 1);
                        case LOG_PROB -> at("log_probs[3,17,5]", position, 2);
                        case DIRECTION -> {
                            double along = 0;
                            for (int i = 0; i < direction.length; i++) {
                                along += direction[i] * at(objective.site().orElseThrow(), position, i);
                            }
                            yield along;
                        }
                    };
                }
                sum += weights[position] * value;
            }
            return sum;
        }
    }

    private static List<Objective> objectives(OptModel model) {
        float[] direction = random(7, model.config().dModel());
        return List.of(
                Objective.loss(),
                Objective.loss().at(2, -1),
                Objective.logitDifference(3, 17),
                Objective.logProb(5).everywhere(),
                Objective.direction("blocks.1.hook_resid_post", direction),
                Objective.direction("blocks.1.attn.hook_z", direction).at(0, -1));
    }

    private static float[] random(long seed, int count) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static Prompts prompts() {
        return Prompts.of(List.of(
                Prompt.ofTokens("a", 2, 9, 14, 30, 7, 21),
                Prompt.ofTokens("b", 2, 33, 4),
                Prompt.ofTokens("c", 11, 5, 5, 38)));
    }

    private static Probe gradients(OptModel model, Objective objective) {
        SiteSelector sites = site -> model.changeable().contains(site) && isBefore(site, objective);
        return Probe.builder(model)
                .sites(sites.gradient())
                .objective(objective)
                .changing(Sites.all())
                .build();
    }

    private static boolean isBefore(Site site, Objective objective) {
        boolean atZ = objective.site().filter(name -> name.endsWith("hook_z")).isPresent();
        return !atZ || site.layer().orElse(0) == 0 || site.hook().equals("hook_resid_pre") || site.heads() > 0;
    }

    /** What is read forward, of prompts under interventions. */
    private static Probe outcomes(OptModel model) {
        return Probe.builder(model)
                .sites(
                        Sites.loss(),
                        Sites.logits(TOKENS),
                        Sites.logProbs(TOKENS),
                        Sites.mlpPre(),
                        Sites.glob("blocks.1.hook_resid_post"),
                        Sites.glob("blocks.1.attn.hook_z"))
                .changing(Sites.all())
                .build();
    }

    private static Intervention add(Site site, float[] direction, double times) {
        int width = site.width();
        float[][] rows = new float[direction.length / width][];
        for (int position = 0; position < rows.length; position++) {
            rows[position] = Arrays.copyOfRange(direction, position * width, (position + 1) * width);
        }
        Reference reference = Reference.ofPositions("direction", Map.of(site.name(), rows));
        return Intervention.of(
                times + " times", Change.of(site.name(), UnitSet.all(), Replacement.plus(reference, (float) times)));
    }

    /** A query's weights of one head, all multiplied. */
    private static Intervention multiply(Site pattern, double times) {
        return Intervention.of(
                times + " times",
                Change.of(pattern.name(), UnitSet.heads(1), Replacement.factor((float) (1 + times)))
                        .at(-1));
    }

    /** What a prompt comes to at each of {@link #STEPS} of several sizes, so small that no neuron switches between them. */
    private record Steps(List<Activations> outcomes, List<Double> sizes) {

        static Steps of(Probe probe, Prompt prompt, boolean kinked, DoubleFunction<Intervention> by) {
            List<Activations> all = new ArrayList<>();
            List<Double> sizes = new ArrayList<>();
            for (double size = 0.25; size > 1e-4 && sizes.size() < 5; size /= 2) {
                Intervention[] under = new Intervention[STEPS.length];
                for (int i = 0; i < under.length; i++) {
                    under[i] = by.apply(STEPS[i] * size);
                }
                Activations outcomes = probe.capture(Prompts.of(List.of(prompt)).under(under));
                if (!kinked
                        || outcomes.sites().stream()
                                .filter(values -> values.site().hook().equals("hook_pre"))
                                .allMatch(Steps::isSmooth)) {
                    all.add(outcomes);
                    sizes.add(size);
                }
            }
            return new Steps(all, sizes);
        }

        private static boolean isSmooth(SiteActivations neurons) {
            FloatBuffer first = neurons.row(0);
            for (int row = 1; row < neurons.size(); row++) {
                FloatBuffer other = neurons.row(row);
                for (int i = 0; i < first.remaining(); i++) {
                    if (first.get(first.position() + i) > 0 != other.get(other.position() + i) > 0) {
                        return false;
                    }
                }
            }
            return true;
        }

        /** Large steps are bent and small ones rounded; the slope is told by the two sizes that agree best. */
        double slope(Objective objective, int length) {
            double best = Double.NaN;
            double apart = Double.POSITIVE_INFINITY;
            for (int i = 1; i < sizes.size(); i++) {
                double one = slope(i - 1, objective, length);
                double other = slope(i, objective, length);
                double difference = Math.abs(one - other) + 1e-6 / sizes.get(i);
                if (difference < apart) {
                    apart = difference;
                    best = (one + other) / 2;
                }
            }
            return best;
        }

        /** Right to the fourth power of the step. */
        private double slope(int step, Objective objective, int length) {
            double[] values = new double[STEPS.length];
            for (int i = 0; i < values.length; i++) {
                values[i] = new Outcomes(outcomes.get(step), i).value(objective, length);
            }
            return (8 * (values[1] - values[2]) - (values[0] - values[3])) / (12 * sizes.get(step));
        }
    }

    /** The objective of each gradient, and the gradients of some prompts. */
    private record Told(Objective objective, Activations gradients) {}

    private static List<Told> told(OptModel model, Prompts prompts) {
        List<Told> told = new ArrayList<>();
        for (Objective objective : objectives(model)) {
            try (Probe probe = gradients(model, objective)) {
                told.add(new Told(objective, probe.capture(prompts)));
            }
        }
        return told;
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void isWhatASmallChangeDoes(Kind kind) {
        assertSlopes(kind.load(folder), prompts());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gelu_10",
                "gelu_new",
                "hardswish",
                "laplace",
                "leaky_relu",
                "linear",
                "mish",
                "prelu",
                "quick_gelu",
                "relu2",
                "relu6",
                "sigmoid",
                "silu",
                "sqrtsoftplus",
                "tanh",
                "xielu"
            })
    void goesThroughEveryActivationFunction(String name) {
        TinyOpt opt = new TinyOpt().config("activation_function", name);
        new Activation(name).parameters().forEach((parameter, shape) -> {
            for (int layer = 0; layer < 2; layer++) {
                opt.tensor(
                        "model.decoder.layers." + layer + ".activation_fn." + parameter,
                        DType.F32,
                        shape.stream().mapToLong(Long::longValue).toArray());
            }
        });
        assertSlopes(opt.load(folder), prompts().slice(1, 2));
    }

    /** Of a network whose neurons have other kinks than at zero, some steps cross one; the steps of most sites cross none. */
    private static void assertSlopes(OptModel model, Prompts prompts) {
        List<Told> told = told(model, prompts);
        Activations values;
        try (Probe probe = Probe.builder(model).build()) {
            values = probe.capture(prompts);
        }
        boolean kinked = KINKED.contains(model.config().activation().name());
        int compared = 0;
        int passedOver = 0;
        try (Probe probe = outcomes(model)) {
            for (int row = 0; row < prompts.size(); row++) {
                int length = prompts.get(row).tokenIds().orElseThrow().length;
                for (Site site : model.changeable()) {
                    float[] direction = site.isPairwise()
                            ? multiplied(values.at(site.name()), row, length)
                            : someUnits(values.at(site.name()), row);
                    Steps steps = Steps.of(
                            probe,
                            prompts.get(row),
                            kinked,
                            site.isPairwise() ? times -> multiply(site, times) : times -> add(site, direction, times));
                    if (steps.sizes().size() < 2) {
                        passedOver++;
                        continue;
                    }
                    for (Told one : told) {
                        if (isBefore(site, one.objective())) {
                            assertSlope(
                                    site + ", " + one.objective() + ", prompt " + row,
                                    steps.slope(one.objective(), length),
                                    one.gradients().at(site.gradient().name()).row(row),
                                    direction);
                            compared++;
                        }
                    }
                }
            }
        }
        assertThat(compared).isGreaterThan(100 * prompts.size());
        assertThat(passedOver).isLessThanOrEqualTo(prompts.size());
    }

    private static void assertSlope(String what, double seen, FloatBuffer gradient, float[] direction) {
        double told = 0;
        double gradients = 0;
        double steps = 0;
        for (int i = 0; i < direction.length; i++) {
            double slope = gradient.get(gradient.position() + i);
            told += slope * direction[i];
            gradients += slope * slope;
            steps += direction[i] * direction[i];
        }
        assertThat(told).as("%s", what).isCloseTo(seen, within(TOLERANCE * Math.sqrt(gradients * steps)));
    }

    /** Some units at one position, by about as much as values there have. */
    private static float[] someUnits(SiteActivations values, int row) {
        FloatBuffer was = values.row(row);
        int width = values.site().width();
        Random random = new Random(values.site().name().hashCode() + row);
        double squares = 0;
        for (int i = 0; i < was.remaining(); i++) {
            squares += was.get(was.position() + i) * was.get(was.position() + i);
        }
        float size = (float) Math.sqrt(squares / was.remaining());
        float[] direction = new float[was.remaining()];
        int position = random.nextInt(was.remaining() / width);
        for (int i = 0; i < 3; i++) {
            direction[position * width + random.nextInt(width)] = size * (random.nextBoolean() ? 1 : -1);
        }
        return direction;
    }

    /** The weights that {@link #multiply} multiplies; elsewhere 0. */
    private static float[] multiplied(SiteActivations pattern, int row, int length) {
        float[] weights = new float[pattern.row(row).remaining()];
        int from = (length + length - 1) * length; // head 1, the last query
        pattern.row(row).slice(from, length).get(weights, from, length);
        return weights;
    }

    // ---- in every graph the same ----

    /** Everything that a backward pass gives. */
    private static CapturePlan everything(OptModel model, Objective objective) {
        List<Reading> readings = new ArrayList<>();
        for (Site site : model.differentiable()) {
            readings.add(new Reading(site.gradient(), Pooling.none()));
            readings.add(new Reading(site.attribution(), Pooling.none()));
            if (site.units() > 0) {
                readings.add(new Reading(site.gradient().magnitude(), Pooling.none()));
            }
        }
        return new CapturePlan(readings, List.of(), Optional.of(objective));
    }

    private static Map<String, float[]> run(OptModel model, CapturePlan plan, Dialect dialect, Padding padding) {
        try (ActivationSource source = model.open(plan, dialect)) {
            return Runs.run(source, Runs.batch(padding, FusedGraphTest.COLUMNS, FusedGraphTest.ROWS));
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void isTheSameOnEitherSideOfPaddingAndInEveryDialect(Kind kind) {
        OptModel model = kind.load(folder);
        for (Objective objective :
                List.of(Objective.loss(), Objective.logitDifference(3, 17).at(0, -1), Objective.logProb(5))) {
            CapturePlan plan = everything(model, objective);
            Map<String, float[]> expected = run(model, plan, Dialect.ONNX_RUNTIME_CPU, Padding.RIGHT);
            assertClose(
                    plan,
                    expected,
                    Padding.RIGHT,
                    run(model, plan, Dialect.ONNX_RUNTIME_CPU, Padding.LEFT),
                    Padding.LEFT);
            assertClose(plan, expected, Padding.RIGHT, run(model, plan, Dialect.ONNX, Padding.LEFT), Padding.LEFT);
        }
    }

    private static void assertClose(
            CapturePlan plan, Map<String, float[]> expected, Padding one, Map<String, float[]> actual, Padding other) {
        for (Reading reading : plan.readings()) {
            Site site = reading.site();
            for (int row = 0; row < FusedGraphTest.ROWS.length; row++) {
                int length = FusedGraphTest.ROWS[row].length;
                float[] first =
                        Runs.unpad(site, Runs.get(expected, site.name()), one, FusedGraphTest.COLUMNS, row, length);
                float[] second =
                        Runs.unpad(site, Runs.get(actual, site.name()), other, FusedGraphTest.COLUMNS, row, length);
                float size = largest(first);
                for (int i = 0; i < first.length; i++) {
                    boolean same = Float.isNaN(first[i])
                            ? Float.isNaN(second[i])
                            : Math.abs(first[i] - second[i]) <= 2e-5f * size;
                    assertThat(same)
                            .as("%s, row %d, value %d: %s, not %s", site, row, i, second[i], first[i])
                            .isTrue();
                }
            }
        }
    }

    // ---- what has to hold between sites ----

    @Test
    void ofASumIsThatOfEachTerm() {
        OptModel model = Kind.PRE_NORM.load(folder);
        try (Probe probe = Probe.builder(model)
                .sites(
                        Sites.embed().gradient(),
                        Sites.glob("hook_pos_embed.gradient"),
                        Sites.glob("blocks.0.hook_resid_pre.gradient"),
                        Sites.glob("blocks.0.hook_attn_out.gradient"),
                        Sites.glob("blocks.0.hook_resid_mid.gradient"),
                        Sites.result().inLayers(0).gradient())
                .build()) {
            Activations gradients = probe.capture(prompts());
            float[] stream = values(gradients, "blocks.0.hook_resid_pre.gradient");
            float[] written = values(gradients, "blocks.0.hook_resid_mid.gradient");
            float[] byHead = values(gradients, "blocks.0.attn.hook_result.gradient");
            assertThat(values(gradients, "hook_embed.gradient")).isEqualTo(stream);
            assertThat(values(gradients, "hook_pos_embed.gradient")).isEqualTo(stream);
            assertThat(values(gradients, "blocks.0.hook_attn_out.gradient")).isEqualTo(written);
            int width = model.config().dModel();
            for (int i = 0; i < byHead.length; i++) {
                int position = i / width / model.config().heads();
                assertThat(byHead[i]).isEqualTo(written[position * width + i % width]);
            }
        }
    }

    @Test
    void ofALogitIsWhereItIs() {
        OptModel model = Kind.PRE_NORM.load(folder);
        try (Probe probe = Probe.builder(model)
                .sites(Sites.logits().gradient())
                .objective(Objective.logitDifference(3, 17))
                .build()) {
            float[] gradient = new float[4 * TinyOpt.VOCABULARY];
            gradient[3 * TinyOpt.VOCABULARY + 3] = 1;
            gradient[3 * TinyOpt.VOCABULARY + 17] = -1;
            FloatBuffer row = probe.capture(prompts()).at("logits.gradient").row(2);
            assertThat(row.compareTo(FloatBuffer.wrap(gradient))).isZero();
        }
    }

    private static float[] values(Activations activations, String site) {
        float[] values = new float[activations.at(site).row(0).remaining()];
        activations.at(site).row(0).get(values);
        return values;
    }

    private static float largest(float[] values) {
        float largest = Float.MIN_NORMAL;
        for (float value : values) {
            largest = Float.isNaN(value) ? largest : Math.max(largest, Math.abs(value));
        }
        return largest;
    }

    // ---- attributions ----

    @ParameterizedTest
    @EnumSource(Kind.class)
    void attributionsAreReplacementLessValueTimesGradient(Kind kind) {
        OptModel model = kind.load(folder);
        Prompts prompts = Prompts.of(List.of(
                Prompt.ofTokens("a", 2, 9, 14, 30, 7, 21),
                Prompt.ofTokens("b", 2, 33, 4, 18, 18, 6),
                Prompt.ofTokens("c", 11, 5, 5)));
        SiteSelector[] sites = {Sites.z(), Sites.mlpPost(), Sites.residMid(), Sites.attnOut()};
        Activations values;
        try (Probe probe = Probe.builder(model).sites(sites).build()) {
            values = probe.capture(prompts);
        }
        Reference means = values.mean("means");
        Reference other = values.reference(1);
        List<Change> toMean = new ArrayList<>();
        List<Change> toOther = new ArrayList<>();
        values.sites().forEach(site -> {
            toMean.add(Change.of(site.site().name(), UnitSet.all(), Replacement.mean(means)));
            toOther.add(Change.of(site.site().name(), UnitSet.units(1, 5), Replacement.values(other))
                    .at(-1));
        });
        Prompts toward = Prompts.of(List.of(
                prompts.get(0).toward(Intervention.of("other", toOther)),
                prompts.get(1).toward(Intervention.of("means", toMean)),
                prompts.get(2)));
        SiteSelector[] both = Arrays.stream(sites)
                .flatMap(site -> Stream.of(site.gradient(), site.attribution()))
                .toArray(SiteSelector[]::new);
        Activations found;
        try (Probe probe = Probe.builder(model).sites(both).build()) {
            found = probe.capture(toward);
        }
        for (SiteActivations value : values.sites()) {
            Site site = value.site();
            for (int row = 0; row < 3; row++) {
                FloatBuffer was = value.row(row);
                FloatBuffer gradient = found.at(site.gradient().name()).row(row);
                int width = site.width();
                int perHead = site.heads() > 0 ? site.units() : 1;
                double[] expected = new double[was.remaining() / perHead];
                for (int i = 0; i < was.remaining(); i++) {
                    double here = was.get(was.position() + i);
                    double becomes = switch (row) {
                        case 0 -> {
                            boolean chosen = i / width == 5 && (i % width == 1 || i % width == 5);
                            yield chosen ? value.row(1).get(value.row(1).position() + i) : here;
                        }
                        case 1 -> means.at(site.name(), 0)[i % width];
                        default -> 0;
                    };
                    expected[i / perHead] += (becomes - here) * gradient.get(gradient.position() + i);
                }
                FloatBuffer attribution = found.at(site.attribution().name()).row(row);
                for (int i = 0; i < expected.length; i++) {
                    assertThat((double) attribution.get(attribution.position() + i))
                            .as("%s, row %d, value %d", site, row, i)
                            .isCloseTo(expected[i], within(1e-5));
                }
            }
        }
    }

    @Test
    void attributionsOfEdgesAreOfTakingThemAway() {
        OptModel model = Kind.PRE_NORM.load(folder);
        try (Probe probe = Probe.builder(model)
                .sites(
                        Sites.pattern(),
                        Sites.pattern().gradient(),
                        Sites.pattern().attribution())
                .build()) {
            Activations found = probe.capture(prompts());
            float[] pattern = values(found, "blocks.1.attn.hook_pattern");
            float[] gradient = values(found, "blocks.1.attn.hook_pattern.gradient");
            float[] attribution = values(found, "blocks.1.attn.hook_pattern.attribution");
            for (int i = 0; i < pattern.length; i++) {
                assertThat(attribution[i]).isEqualTo(-pattern[i] * gradient[i]);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "last", "mean", "max", "sum"})
    void poolsInTheGraphAsAllElse(String kind) {
        OptModel model = Kind.PRE_NORM.load(folder);
        Pooling pooling = new Pooling(Pooling.Kind.valueOf(kind.toUpperCase(Locale.ROOT)), Positions.all());
        SiteSelector[] sites = {
            Sites.mlpPost().attribution(),
            Sites.z().gradient().magnitude(),
            Sites.residMid().gradient()
        };
        Path file = folder.resolve("acts.safetensors");
        Activations pooled;
        try (Probe probe = Probe.builder(model).sites(sites).pooling(pooling).build();
                Probe perToken = Probe.builder(model).sites(sites).build()) {
            pooled = probe.capture(prompts());
            perToken.capture(prompts(), file);
        }
        try (Probe recorded = Probe.builder(Recording.open(file))
                .sites(sites)
                .pooling(pooling)
                .build()) {
            Activations again = recorded.capture(Recording.open(file).prompts());
            for (SiteActivations site : pooled.sites()) {
                for (int row = 0; row < 3; row++) {
                    FloatBuffer one = site.row(row);
                    FloatBuffer other = again.at(site.site().name()).row(row);
                    for (int i = 0; i < one.remaining(); i++) {
                        assertThat(other.get(other.position() + i))
                                .isCloseTo(one.get(one.position() + i), within(1e-6f));
                    }
                }
            }
        }
    }

    // ---- only what is needed, and what can't be had ----

    @Test
    void onlyWhatTheGradientNeedsIsComputed() {
        OptModel model = Kind.PRE_NORM.load(folder);
        CapturePlan early = new CapturePlan(
                List.of(new Reading(Runs.site(model, "blocks.0.attn.hook_z").gradient(), Pooling.sum())),
                List.of(),
                Optional.of(Objective.direction("blocks.0.hook_resid_post", random(1, 12))));
        assertThat(names(model, early))
                .as("no second block, no head, no queries of the first going back")
                .noneMatch(name -> name.contains("layers.1.") || name.startsWith("logits"))
                .noneMatch(name -> name.startsWith("gradient/blocks.0.attn.hook_pattern"));
        CapturePlan late = new CapturePlan(
                List.of(new Reading(Runs.site(model, "blocks.1.mlp.hook_post").attribution(), Pooling.sum())));
        assertThat(names(model, late))
                .noneMatch(name -> name.startsWith("gradient/blocks.0") || name.startsWith("gradient/blocks.1.attn"));
        CapturePlan difference = late.about(Objective.logitDifference(3, 17));
        assertThat(names(model, difference))
                .as("two rows of the head's matrix will do")
                .noneMatch(name -> name.equals("logits"));
    }

    /** Of the nodes. */
    private static List<String> names(OptModel model, CapturePlan plan) {
        byte[] bytes = model.graph(plan, Dialect.ONNX_RUNTIME_CPU, model.needed(plan))
                .serialise(weight -> new WeightLocation.Place("weights", 0), Map.of());
        try {
            return ModelProto.parseFrom(bytes).getGraph().getNodeList().stream()
                    .map(NodeProto::getName)
                    .toList();
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Each weight is there once, as it is stored, for both directions. */
    @Test
    void noWeightIsTransposedForTheBackwardPass() {
        OptModel model = Kind.PRE_NORM.load(folder);
        CapturePlan plan = everything(model, Objective.loss());
        assertThat(names(model, plan)).noneMatch(name -> name.endsWith(".transposed") && !name.contains("out_proj"));
    }

    @Test
    void aRecordingGivesGradientsOfWhatTheyWereTakenOf() {
        OptModel model = Kind.PRE_NORM.load(folder);
        Path file = folder.resolve("acts.safetensors");
        Intervention toward =
                Intervention.of("half", Change.of("blocks.1.mlp.hook_post", UnitSet.all(), Replacement.factor(0.5f)));
        Prompts both = Prompts.of(List.of(
                prompts().get(0).withLabel("answer", "3").withLabel("foil", "17"),
                Prompt.ofTokens("again", 2, 9, 14, 30, 7, 21)
                        .withLabel("answer", "5")
                        .withLabel("foil", "3"),
                Prompt.ofTokens("half", 2, 9, 14, 30, 7, 21)
                        .withLabel("answer", "3")
                        .withLabel("foil", "17")
                        .toward(toward)));
        Objective objective = Objective.logitDifference("answer", "foil");
        SiteSelector site = Sites.mlpPost().inLayers(1).attribution();
        try (Probe probe = Probe.builder(model).sites(site).objective(objective).build()) {
            probe.capture(both, file);
        }
        Recording recording = Recording.open(file);
        assertThat(recording.objective()).contains(objective);
        assertThat(recording.prompts().get(2).toward()).contains(toward);
        try (Probe probe = Probe.builder(recording)
                        .sites(site)
                        .pooling(Pooling.sum())
                        .build();
                Probe direct = Probe.builder(model)
                        .sites(site)
                        .pooling(Pooling.sum())
                        .objective(objective)
                        .build()) {
            Activations again = probe.capture(recording.prompts());
            Activations made = direct.capture(both);
            for (int row = 0; row < 3; row++) {
                for (int i = 0; i < TinyOpt.MLP; i++) {
                    FloatBuffer one = again.onlySite().row(row);
                    FloatBuffer other = made.onlySite().row(row);
                    assertThat(one.get(one.position() + i)).isCloseTo(other.get(other.position() + i), within(1e-6f));
                }
            }
        }
        refused(
                "gradients of loss are asked for, and those recorded are of logit of the token in 'answer'",
                () -> Probe.builder(recording)
                        .sites(site)
                        .objective(Objective.loss())
                        .build());
        refused("no gradient of blocks.1.mlp.hook_post can be computed; of this model there are none", () -> {
            try (Probe probe = Probe.builder(model).sites(Sites.mlpPost()).build()) {
                probe.capture(both, folder.resolve("forward.safetensors"));
            }
            Probe.builder(Recording.open(folder.resolve("forward.safetensors")))
                    .sites(site)
                    .build();
        });
    }

    /** What a prompt's gradients are about does not matter where none are asked for. */
    @Test
    void aRecordingWithGradientsGivesItsOtherSites() {
        OptModel model = Kind.PRE_NORM.load(folder);
        Path file = folder.resolve("acts.safetensors");
        Intervention half =
                Intervention.of("half", Change.of("blocks.1.mlp.hook_post", UnitSet.all(), Replacement.factor(0.5f)));
        Prompts some = prompts().toward(half);
        SiteSelector site = Sites.mlpPost().inLayers(1);
        try (Probe probe = Probe.builder(model)
                .sites(site, site.attribution())
                .objective(Objective.logitDifference(3, 17))
                .build()) {
            probe.capture(some, file);
        }
        Recording recording = Recording.open(file);
        try (Probe probe = Probe.builder(recording).sites(site).build()) {
            assertThat(probe.capture(recording.prompts()).sites()).hasSize(1);
            assertThat(probe.capture(prompts()).sites()).hasSize(1);
        }
        Site attribution = Runs.site(model, "blocks.1.mlp.hook_post").attribution();
        CapturePlan plan =
                new CapturePlan(List.of(new Reading(attribution, Pooling.none())), List.of(), recording.objective());
        TokenBatch byHand = new TokenBatch(
                1,
                6,
                Runs.batch(Padding.LEFT, 6, new int[] {2, 9, 14, 30, 7, 21}).inputIds(),
                Runs.batch(Padding.LEFT, 6, new int[] {2, 9, 14, 30, 7, 21}).attentionMask(),
                List.of(),
                List.of(),
                List.of(new Aim(Optional.of(half), List.of())),
                List.of());
        try (ActivationSource source = recording.open(plan)) {
            assertThat(Runs.get(Runs.run(source, byHand), attribution.name()))
                    .containsExactly(values(recording.activations(), attribution.name()));
        }
    }

    @Test
    void beginsLateAtARecordedStream() {
        OptModel model = Kind.PRE_NORM.load(folder);
        Path file = folder.resolve("streams.safetensors");
        SiteSelector[] sites = {
            Sites.z().inLayers(1).attribution(), Sites.mlpPost().inLayers(1).gradient()
        };
        Objective objective = Objective.logitDifference("answer", "foil");
        Intervention half =
                Intervention.of("half", Change.of("blocks.1.attn.hook_z", UnitSet.heads(1), Replacement.factor(0.5f)));
        Prompts some = Prompts.of(List.of(
                prompts().get(0).withLabel("answer", "3").withLabel("foil", "5"),
                prompts().get(1).withLabel("answer", "7").withLabel("foil", "5").toward(half)));
        try (Probe probe = Probe.builder(model).sites("blocks.1.hook_resid_pre").build()) {
            probe.capture(some, file);
        }
        try (Probe whole =
                        Probe.builder(model).sites(sites).objective(objective).build();
                Probe late = Probe.builder(model.startingAt(Recording.open(file)))
                        .sites(sites)
                        .objective(objective)
                        .build()) {
            Activations expected = whole.capture(some);
            Activations actual = late.capture(some);
            for (SiteActivations site : expected.sites()) {
                for (int row = 0; row < some.size(); row++) {
                    float[] one = new float[site.row(row).remaining()];
                    site.row(row).get(one);
                    FloatBuffer other = actual.at(site.site().name()).row(row);
                    for (int i = 0; i < one.length; i++) {
                        assertThat(other.get(other.position() + i)).isCloseTo(one[i], within(1e-6f));
                    }
                }
            }
        }
    }

    // ---- choosing ----

    @Test
    void unitsCanBePickedAndWildcardsTakeWhatFits() {
        OptModel model = Kind.PRE_NORM.load(folder);
        assertThat(chosen(
                        model,
                        Pooling.sum(),
                        Sites.mlpPost().inLayers(0).picking(1, 3).attribution()))
                .containsExactly("blocks.0.mlp.hook_post.attribution[1,3]");
        assertThat(chosen(model, Pooling.last(), Sites.logits(3).gradient())).containsExactly("logits.gradient[3]");
        assertThat(chosen(model, Pooling.sum(), Sites.glob("blocks.0.mlp.hook_post.attribution[1,3]")))
                .containsExactly("blocks.0.mlp.hook_post.attribution[1,3]");
        assertThat(chosen(model, Pooling.sum(), Sites.glob("blocks.0.*.attribution")))
                .contains("blocks.0.attn.hook_z.attribution", "blocks.0.hook_resid_mid.attribution")
                .doesNotContain("blocks.0.attn.hook_pattern.attribution", "blocks.0.attn.hook_result.attribution");
        assertThat(chosen(model, Pooling.sum(), Sites.glob("*.gradient")))
                .contains("logits.gradient")
                .doesNotContain("loss.gradient");
        assertThat(chosen(model, Pooling.mean(), Sites.glob("hook_z.gradient.magnitude")))
                .containsExactly("blocks.0.attn.hook_z.gradient.magnitude", "blocks.1.attn.hook_z.gradient.magnitude");
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> Sites.z().magnitude().gradient())
                .withMessageContaining("magnitudes are taken last");
        try (Probe probe = Probe.builder(model)
                .sites(
                        Sites.mlpPost().inLayers(0).attribution(),
                        Sites.mlpPost().inLayers(1).picking(1, 3).attribution())
                .build()) {
            assertThat(probe.capture(prompts())
                            .at("blocks.1.mlp.hook_post.attribution[1,3]")
                            .row(1)
                            .remaining())
                    .isEqualTo(2 * 3);
        }
    }

    private static List<String> chosen(OptModel model, Pooling pooling, SiteSelector selector) {
        return model.plan(List.of(new CapturePlan.Selection(selector, pooling))).readings().stream()
                .map(reading -> reading.site().name())
                .toList();
    }

    @Test
    void aDirectionAtWhatEachHeadWritesGoesBackInEveryDialect() {
        OptModel model = Kind.PRE_NORM.load(folder);
        CapturePlan plan = new CapturePlan(
                List.of(new Reading(Runs.site(model, "blocks.0.hook_resid_pre").gradient(), Pooling.none())),
                List.of(),
                Optional.of(Objective.direction("blocks.0.attn.hook_result", random(4, 36))));
        Map<String, float[]> expected = run(model, plan, Dialect.ONNX_RUNTIME_CPU, Padding.RIGHT);
        assertClose(plan, expected, Padding.RIGHT, run(model, plan, Dialect.ONNX, Padding.LEFT), Padding.LEFT);
    }

    /** Models that say that they have gradients, and get them wrong. */
    @Test
    void theContractOfModelsFindsWrongGradients() {
        OptModel model = Kind.PRE_NORM.load(folder);
        ModelContract.of(model).verify();
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> ModelContract.of(wrong(model, (site, value) -> site.isAttribution() ? -value : value))
                        .verify())
                .withMessageContaining("and (replacement − value) · gradient is");
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> ModelContract.of(
                                wrong(model, (site, value) -> site.backward().isPresent() ? 2 * value : value))
                        .verify())
                .withMessageContaining("would rise by");
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> ModelContract.of(wrong(
                                model,
                                (site, value) -> site.backward().isPresent()
                                                && site.layer().orElse(1) == 0
                                        ? 7 * value
                                        : value))
                        .verify())
                .as("in the first layer only")
                .withMessageContaining("would rise by");
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> ModelContract.of(
                                wrong(model, (site, value) -> site.backward().isPresent() ? Float.NaN : value))
                        .verify())
                .withMessageContaining("is NaN at 0");
    }

    private interface Spoil {
        float of(Site site, float value);
    }

    private static Model wrong(OptModel model, Spoil spoil) {
        return (Model) Proxy.newProxyInstance(
                Model.class.getClassLoader(),
                new Class<?>[] {Model.class},
                (proxy, method, arguments) -> method.getName().equals("open")
                        ? new Spoiled(model.open((CapturePlan) arguments[0]), spoil)
                        : method.invoke(model, arguments));
    }

    private record Spoiled(ActivationSource source, Spoil spoil) implements ActivationSource {
        @Override
        public CapturePlan plan() {
            return source.plan();
        }

        @Override
        public void run(TokenBatch batch, List<FloatBuffer> outputs) {
            source.run(batch, outputs);
            for (int i = 0; i < outputs.size(); i++) {
                Site site = plan().readings().get(i).site();
                FloatBuffer values = outputs.get(i);
                for (int at = 0; at < values.capacity(); at++) {
                    values.put(at, spoil.of(site, values.get(at)));
                }
            }
        }

        @Override
        public void close() {
            source.close();
        }
    }

    @Test
    void theSumOfNoLossIsNoNumber() {
        OptModel model = Kind.PRE_NORM.load(folder);
        try (Probe probe =
                Probe.builder(model).sites(Sites.loss()).pooling(Pooling.sum()).build()) {
            Activations sums =
                    probe.capture(Prompts.of(List.of(Prompt.ofTokens("one", 2), Prompt.ofTokens("two", 2, 9, 4))));
            assertThat(sums.at("loss").row(0).get(0)).isNaN();
            assertThat(sums.at("loss").row(1).get(0)).isPositive();
        }
    }

    /** A graph of its own, which other runtimes can run: how much each position counts is an input. */
    @Test
    void anExportHasGradientsToo() throws OrtException {
        OptModel model = Kind.PRE_NORM.load(folder.resolve("model"));
        Path file = model.export()
                .sites(Sites.mlpPost().inLayers(0).gradient())
                .selfContained()
                .to(folder.resolve("gradient.onnx"))
                .model();
        float[] expected;
        try (Probe probe = Probe.builder(model)
                .sites(Sites.mlpPost().inLayers(0).gradient())
                .build()) {
            expected = values(probe.capture(prompts()), "blocks.0.mlp.hook_post.gradient");
        }
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        long[][] ids = {{2, 9, 14, 30, 7, 21}};
        long[][] mask = {{1, 1, 1, 1, 1, 1}};
        float[][] weights = {Objective.loss().weights(6)};
        try (OrtSession session = environment.createSession(file.toString());
                OnnxTensor idTensor = OnnxTensor.createTensor(environment, ids);
                OnnxTensor maskTensor = OnnxTensor.createTensor(environment, mask);
                OnnxTensor weightTensor = OnnxTensor.createTensor(environment, weights);
                OrtSession.Result result = session.run(Map.of(
                        "input_ids", idTensor, "attention_mask", maskTensor, "objective_weights", weightTensor))) {
            float[][][] gradient = (float[][][]) result.get(0).getValue();
            for (int i = 0; i < expected.length; i++) {
                assertThat(gradient[0][i / TinyOpt.MLP][i % TinyOpt.MLP]).isCloseTo(expected[i], within(1e-6f));
            }
        }
        Path early = model.export()
                .sites(Sites.z().inLayers(0))
                .selfContained()
                .to(folder.resolve("early.onnx"))
                .model();
        refused(
                "there is no language-model head here",
                () -> Probe.builder(OptModel.open(early))
                        .sites(Sites.z().inLayers(0).gradient())
                        .build());
    }

    @Test
    void aPromptOfOneTokenHasNoLoss() {
        OptModel model = Kind.BARE.load(folder);
        Prompts some = Prompts.of(List.of(Prompt.ofTokens("one", 2), Prompt.ofTokens("two", 2, 9)));
        try (Probe probe = Probe.builder(model)
                .sites(Sites.z().attribution())
                .pooling(Pooling.sum())
                .build()) {
            Activations found = probe.capture(some);
            assertThat(found.at("blocks.0.attn.hook_z.attribution").row(0).get(0))
                    .isNaN();
            assertThat(found.at("blocks.0.attn.hook_z.attribution").row(1).get(0))
                    .isFinite();
        }
    }

    @Test
    void saysWhatCanNotBeHad() {
        OptModel model = Kind.PRE_NORM.load(folder);
        refused(
                "no gradient of loss can be computed",
                () -> Probe.builder(model).sites(Sites.loss().gradient()).build());
        refused(
                "reads neither gradients nor attributions",
                () -> Probe.builder(model)
                        .sites(Sites.z())
                        .objective(Objective.loss())
                        .build());
        refused(
                "does not hang on blocks.1.attn.hook_z, which lies behind it",
                () -> Probe.builder(model)
                        .sites(Sites.z().gradient())
                        .objective(Objective.direction("blocks.0.hook_resid_post", random(1, 12)))
                        .build());
        refused(
                "has 5 numbers, and the site's vectors have 12",
                () -> Probe.builder(model)
                        .sites(Sites.embed().gradient())
                        .objective(Objective.direction("blocks.0.hook_resid_post", random(1, 5)))
                        .build());
        refused(
                "no such site of vectors; possible are [hook_embed",
                () -> Probe.builder(model)
                        .sites(Sites.embed().gradient())
                        .objective(Objective.direction("blocks.9.hook_resid_post", random(1, 12)))
                        .build());
        refused(
                "gradients are computed in one session, so not in a chain",
                () -> Probe.builder(model.withRuntime(RuntimeOptions.cpu().withLoading(Loading.CHAIN)))
                        .sites(Sites.z().gradient())
                        .build());
        refused(
                "no single axis of positions to pool over",
                () -> Probe.builder(model)
                        .sites(Sites.pattern().gradient())
                        .pooling(Pooling.sum())
                        .build());
        capturing(
                model,
                Objective.loss().at(5),
                "is loss at [5], at position 5, and the prompt has 3 tokens: 1 to 2, or -1 to -2");
        capturing(model, Objective.logit(99), "is logit of token 99, about token 99; the model's ids are 0 to 39");
        capturing(
                model,
                Objective.logProb("answer"),
                "has no label 'answer'; the gradient's objective needs the id of a token");
        Intervention nowhere =
                Intervention.of("it", Change.of("blocks.0.attn.hok_z", UnitSet.all(), Replacement.zero()));
        try (Probe probe = Probe.builder(model).sites(Sites.z().attribution()).build()) {
            refused(
                    "changes blocks.0.attn.hok_z, which is no site of the model",
                    () -> probe.capture(prompts().toward(nowhere)));
        }
        Intervention elsewhere =
                Intervention.of("it", Change.of("blocks.0.mlp.hook_post", UnitSet.all(), Replacement.zero()));
        try (Probe probe = Probe.builder(model).sites(Sites.z().attribution()).build()) {
            refused(
                    "attributions of blocks.0.attn.hook_z are read, and 'it', what they are to be taken towards, says nothing of it",
                    () -> probe.capture(prompts().toward(elsewhere)));
        }
    }

    private void capturing(OptModel model, Objective objective, String message) {
        try (Probe probe = Probe.builder(model)
                .sites(Sites.z().attribution())
                .objective(objective)
                .build()) {
            refused(message, () -> probe.capture(Prompts.of(List.of(prompts().get(1)))));
        }
    }

    private static void refused(String message, ThrowingCallable call) {
        assertThatExceptionOfType(ModscanException.class).isThrownBy(call).withMessageContaining(message);
    }
}
