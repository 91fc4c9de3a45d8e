package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import io.modscan.onnx.internal.network.Dialect;
import io.modscan.onnx.internal.network.PlannedGraph;
import io.modscan.onnx.internal.network.Stretch;
import io.modscan.onnx.opt.OptSourceTest.Kind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A chain of sessions, however it is divided, gives what one session gives, bit for bit. */
class ChainTest {

    @TempDir
    private Path folder;

    /** All ways to cut stages into links. */
    static List<List<Stretch>> divisions(int stages) {
        List<List<Stretch>> divisions = new ArrayList<>();
        for (int cuts = 0; cuts < 1 << (stages - 1); cuts++) {
            List<Stretch> links = new ArrayList<>();
            int from = 0;
            for (int stage = 1; stage <= stages; stage++) {
                if (stage == stages || (cuts >> (stage - 1) & 1) != 0) {
                    links.add(new Stretch(from, stage));
                    from = stage;
                }
            }
            divisions.add(links);
        }
        return divisions;
    }

    static Stream<Arguments> kindsPaddingsAndDialects() {
        return Arrays.stream(Kind.values())
                .flatMap(kind -> Stream.of(
                        Arguments.of(kind, Padding.LEFT, Dialect.ONNX_RUNTIME_CPU),
                        Arguments.of(kind, Padding.RIGHT, Dialect.ONNX_RUNTIME_CPU),
                        Arguments.of(kind, Padding.LEFT, Dialect.ONNX_RUNTIME)));
    }

    @ParameterizedTest
    @MethodSource("kindsPaddingsAndDialects")
    void everySiteIsTheSameHoweverTheChainIsDivided(Kind kind, Padding padding, Dialect dialect) {
        OptModel model = kind.load(folder);
        assertSame(model, Runs.everything(model), padding, dialect);
    }

    /** Where sites lie between those that are read, nodes are fused. */
    @ParameterizedTest
    @EnumSource
    void poolingsAndTheLossAreTheSameHoweverTheChainIsDivided(Kind kind) {
        OptModel model = kind.load(folder);
        for (Pooling pooling : List.of(Pooling.mean(), Pooling.mean().withoutBos(), Pooling.last(), Pooling.max())) {
            assertSame(
                    model,
                    Runs.plan(model, pooling, "blocks.*.attn.hook_z", "blocks.1.mlp.hook_post.magnitude", "loss"),
                    Padding.LEFT,
                    Dialect.ONNX_RUNTIME_CPU);
        }
    }

    /** Each block's last site alone: the chain ends behind it. */
    @ParameterizedTest
    @EnumSource
    void aChainThatIsCutOffEarlyIsTheSame(Kind kind) {
        OptModel model = kind.load(folder);
        for (String site : List.of(
                "hook_pos_embed",
                "blocks.0.hook_resid_pre",
                "blocks.0.hook_resid_mid",
                "blocks.1.hook_resid_pre",
                "blocks.1.hook_resid_post")) {
            assertSame(model, Runs.plan(model, Pooling.none(), site), Padding.RIGHT, Dialect.ONNX_RUNTIME_CPU);
        }
    }

    /** What lies behind the last site is not computed, its weights are not read, and nothing is handed on. */
    @ParameterizedTest
    @EnumSource
    void whatLiesBehindTheLastSiteIsCutOff(Kind kind) {
        OptModel model = kind.load(folder);
        CapturePlan plan = Runs.plan(model, Pooling.none(), "blocks.0.attn.hook_z");
        for (Stretch stretch : List.of(new Stretch(0, 2), new Stretch(1, 2))) {
            PlannedGraph graph = model.graph(plan, Dialect.ONNX_RUNTIME_CPU, stretch);
            assertThat(graph.outputNames()).containsExactly("blocks.0.attn.hook_z");
            assertThat(graph.weights())
                    .extracting(StoredTensor::name)
                    .noneMatch(name -> name.contains("fc1") || name.contains("out_proj"));
        }
        try (ActivationSource source =
                model.open(plan, Dialect.ONNX_RUNTIME_CPU, List.of(new Stretch(0, 1), new Stretch(1, 2)))) {
            assertThat(source.links().get(1).handsOn()).isZero();
        }
    }

    /** A link reads no weights of the next one's. */
    @ParameterizedTest
    @EnumSource
    void aLinkNeedsOnlyWeightsOfItsOwn(Kind kind) {
        OptModel model = kind.load(folder);
        CapturePlan plan = Runs.everything(model);
        for (Dialect dialect : Dialect.values()) {
            PlannedGraph first = model.graph(plan, dialect, new Stretch(0, 2));
            assertThat(first.outputNames()).contains("handed_on");
            assertThat(first.weights()).extracting(StoredTensor::name).noneMatch(name -> name.contains("layers.1."));
        }
    }

    private static void assertSame(OptModel model, CapturePlan plan, Padding padding, Dialect dialect) {
        TokenBatch batch = Runs.batch(padding, FusedGraphTest.COLUMNS, FusedGraphTest.ROWS);
        Map<String, float[]> whole;
        try (ActivationSource source = model.open(plan, dialect)) {
            whole = Runs.run(source, batch);
        }
        int stages = plan.readings().stream()
                        .mapToInt(reading -> OptNetwork.stage(model.config(), reading.site()))
                        .max()
                        .orElseThrow()
                + 1;
        for (List<Stretch> links : divisions(stages)) {
            try (ActivationSource source = model.open(plan, dialect, links)) {
                Map<String, float[]> chained = Runs.run(source, batch);
                assertThat(chained.keySet()).isEqualTo(whole.keySet());
                whole.forEach((site, values) -> {
                    float[] actual = Runs.get(chained, site);
                    if (!Arrays.equals(actual, values)) {
                        assertThat(actual).as("%s of %s", site, links).isEqualTo(values);
                    }
                });
            }
        }
    }
}
