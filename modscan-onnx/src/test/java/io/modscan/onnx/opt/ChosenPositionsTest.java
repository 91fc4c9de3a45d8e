package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.token.Positions;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import io.modscan.onnx.internal.network.Dialect;
import io.modscan.onnx.internal.network.Stretch;
import io.modscan.onnx.opt.OptSourceTest.Kind;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Positions that a plan chooses are inputs of an OPT's graph: what leaves it is what one would take of all. */
class ChosenPositionsTest {

    private static final int COLUMNS = 7;
    private static final int[][] ROWS = {{2, 9, 14, 30, 7, 21}, {2, 9}, {11, 2, 2, 9, 5}};

    @TempDir
    Path folder;

    static Stream<Arguments> choices() {
        return Stream.of(
                        Positions.first(1),
                        Positions.last(3),
                        Positions.ids(9),
                        Positions.ids(2, 14, 21),
                        Positions.where("odd", token -> token.position() % 2 == 1))
                .flatMap(positions -> Stream.of(
                        Arguments.of(positions, Padding.LEFT, Dialect.ONNX_RUNTIME_CPU),
                        Arguments.of(positions, Padding.RIGHT, Dialect.ONNX_RUNTIME_CPU),
                        Arguments.of(positions, Padding.LEFT, Dialect.ONNX_RUNTIME)));
    }

    @ParameterizedTest
    @MethodSource("choices")
    void leaveTheGraphAsOneWouldTakeThemOfAll(Positions positions, Padding padding, Dialect dialect) {
        OptModel model = Kind.PRE_NORM.load(folder);
        List<Site> sites = List.of(
                Runs.site(model, "hook_embed"),
                Runs.site(model, "blocks.1.attn.hook_z"),
                Runs.site(model, "blocks.1.attn.hook_z").magnitude(),
                Runs.site(model, "blocks.1.mlp.hook_post").pick(3, 1),
                Runs.site(model, "blocks.1.hook_resid_post"),
                Runs.site(model, "loss"));
        Map<String, float[]> all = run(model, plan(sites, Pooling.none()), padding, dialect);
        for (Pooling.Kind kind : Pooling.Kind.values()) {
            CapturePlan plan = plan(sites, new Pooling(kind, positions));
            TokenBatch batch = Runs.choosing(plan, Runs.batch(padding, COLUMNS, ROWS), TinyOpt.BOS);
            Map<String, float[]> some = run(model, plan, padding, dialect);
            for (Reading reading : plan.readings()) {
                for (int row = 0; row < ROWS.length; row++) {
                    check(reading, batch, row, padding, all, some);
                }
            }
            // A chain hands the choices to each of its links.
            try (ActivationSource chain =
                    model.open(plan, dialect, List.of(new Stretch(0, 1), new Stretch(1, 2), new Stretch(2, 4)))) {
                Map<String, float[]> chained = Runs.run(chain, batch);
                some.forEach((site, values) ->
                        assertThat(chained.get(site)).as(site + " in a chain").isEqualTo(values));
            }
        }
    }

    private static CapturePlan plan(List<Site> sites, Pooling pooling) {
        return new CapturePlan(
                sites.stream().map(site -> new Reading(site, pooling)).toList());
    }

    private static Map<String, float[]> run(OptModel model, CapturePlan plan, Padding padding, Dialect dialect) {
        try (ActivationSource source = model.open(plan, dialect)) {
            return Runs.run(source, Runs.choosing(plan, Runs.batch(padding, COLUMNS, ROWS), TinyOpt.BOS));
        }
    }

    private static void check(
            Reading reading,
            TokenBatch batch,
            int row,
            Padding padding,
            Map<String, float[]> all,
            Map<String, float[]> some) {
        Site site = reading.site();
        int width = site.width();
        float[] whole = Runs.unpad(site, Runs.get(all, site.name()), padding, COLUMNS, row, ROWS[row].length);
        int[] chosen = batch.chosen(reading.pooling().positions(), row);
        int stride = (int) reading.values(batch.columns(reading));
        float[] actual = Arrays.copyOfRange(Runs.get(some, site.name()), row * stride, row * stride + stride);
        for (int unit = 0; unit < width; unit++) {
            int at = unit;
            // The loss of a first token is none, and counts nowhere.
            float[] values = new float[chosen.length];
            for (int i = 0; i < values.length; i++) {
                values[i] = whole[chosen[i] * width + at];
            }
            if (reading.pooling().isPooled()) {
                float[] counted = site.name().equals("loss") && chosen.length > 0 && chosen[0] == 0
                        ? Arrays.copyOfRange(values, 1, values.length)
                        : values;
                assertThat(actual[unit])
                        .as("%s of row %d", reading, row)
                        .satisfies(value ->
                                assertClose(value, pooled(reading.pooling().kind(), counted)));
            } else {
                for (int i = 0; i < values.length; i++) {
                    assertThat(Float.compare(actual[i * width + unit], values[i]))
                            .as("%s of row %d at %d", reading, row, chosen[i])
                            .isZero();
                }
            }
        }
    }

    private static void assertClose(float actual, double expected) {
        if (Double.isNaN(expected)) {
            assertThat(actual).isNaN();
        } else {
            assertThat((double) actual).isCloseTo(expected, within(1e-5));
        }
    }

    private static double pooled(Pooling.Kind kind, float... values) {
        if (values.length == 0) {
            return Double.NaN;
        }
        double sum = 0;
        double max = Double.NEGATIVE_INFINITY;
        for (float value : values) {
            sum += value;
            max = Math.max(max, value);
        }
        return switch (kind) {
            case LAST -> values[values.length - 1];
            case MEAN -> sum / values.length;
            case MAX -> max;
            case SUM -> sum;
            case NONE -> throw new IllegalArgumentException("nothing to pool");
        };
    }
}
