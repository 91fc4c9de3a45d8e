package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Named.named;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a graph computes over a whole batch must not tell a prompt what company it was in. */
class MixingTest {

    private static final Prompts PROMPTS = Prompts.of(
            List.of(Prompt.ofTokens("a", 1, 2, 3), Prompt.ofTokens("b", 12, 4, 5), Prompt.ofTokens("c", 8, 14, 3)));

    @TempDir
    private Path folder;

    /** Each ends in {@code y}, of which rows hang on each other. */
    static Stream<Arguments> mixing() {
        return Stream.of(
                arguments(named(
                        "mean of the batch",
                        mixing(graph -> graph.list("axis", 0)
                                .node("ReduceSum", "hidden axis", "sum", OnnxProtos.attribute("keepdims", 1L))
                                .node("Sub", "hidden sum", "y")))),
                arguments(named(
                        "softmax over rows",
                        mixing(graph -> graph.node("Softmax", "hidden", "y", OnnxProtos.attribute("axis", 0L))))),
                arguments(named(
                        "softmax over rows behind",
                        mixing(graph -> graph.node(
                                        "Transpose", "hidden", "turned", OnnxProtos.attribute("perm", new long[] {
                                            1, 0, 2
                                        }))
                                .node("Softmax", "turned", "shares", OnnxProtos.attribute("axis", -2L))
                                .node("Transpose", "shares", "y", OnnxProtos.attribute("perm", new long[] {1, 0, 2
                                }))))),
                arguments(named(
                        "sum of rows so far",
                        mixing(graph -> graph.longs("axis", new long[] {0}).node("CumSum", "hidden axis", "y")))),
                arguments(named(
                        "batch normalization",
                        mixing(graph -> graph.floats("ones", new float[] {1, 1, 1, 1}, 4)
                                .node("Transpose", "hidden", "channels", OnnxProtos.attribute("perm", new long[] {
                                    0, 2, 1
                                }))
                                .node(
                                        "BatchNormalization",
                                        "channels ones ones ones ones",
                                        "normal mean_out variance_out",
                                        OnnxProtos.attribute("training_mode", 1L))
                                .node("Transpose", "normal", "y", OnnxProtos.attribute("perm", new long[] {0, 2, 1
                                }))))),
                arguments(named(
                        "number of the row",
                        mixing(graph -> graph.node("Shape", "input_ids", "shape")
                                .longs("zero", new long[] {0})
                                .longs("one", new long[] {1})
                                .node("Gather", "shape zero", "rows", OnnxProtos.attribute("axis", 0L))
                                .node("Range", "zero rows one", "numbers")
                                .node("Cast", "numbers", "reals", OnnxProtos.attribute("to", 1L))
                                .list("column", -1, 1, 1)
                                .node("Reshape", "reals column", "of_row")
                                .node("Add", "hidden of_row", "y")))),
                arguments(named(
                        "a branch for all",
                        mixing(graph -> graph.list("axes", 0, 1, 2)
                                .node("ReduceMax", "hidden", "largest", OnnxProtos.attribute("keepdims", 0L))
                                // Only prompt c has values above it.
                                .floats("limit", new float[] {2.98f})
                                .floats("two", new float[] {2}, 1)
                                .node("Greater", "largest limit", "is_large")
                                .node(
                                        "If",
                                        "is_large",
                                        "y",
                                        HandGraph.graph(
                                                "then_branch",
                                                HandGraph.body()
                                                        .node("Mul", "hidden two", "t")
                                                        .output("t")),
                                        HandGraph.graph(
                                                "else_branch",
                                                HandGraph.body()
                                                        .node("Neg", "hidden", "e")
                                                        .output("e")))))));
    }

    private static UnaryOperator<HandGraph> mixing(UnaryOperator<HandGraph> behind) {
        return behind;
    }

    private static Activations capture(OnnxModel model, int tokens) {
        try (Probe probe = Probe.builder(model).sites("y").tokenBudget(tokens).build()) {
            return probe.capture(PROMPTS);
        }
    }

    @ParameterizedTest
    @MethodSource("mixing")
    void rowsThatHangOnOthersAreRunAlone(UnaryOperator<HandGraph> behind) {
        OnnxModel model = behind.apply(HandGraph.text(17, false)).open(folder);
        Activations together = capture(model, 1000);
        Activations alone = capture(model, 1);
        for (int prompt = 0; prompt < PROMPTS.size(); prompt++) {
            assertThat(together.at("y").row(prompt)).isEqualTo(alone.at("y").row(prompt));
        }
    }

    /** Else every model would be run a prompt at a time. */
    @Test
    void whatKeepsRowsApartIsRunTogether() {
        OnnxModel model = HandGraph.text(17, false)
                .list("last", -1)
                .longs("zero", new long[] {0})
                .node("ReduceSum", "hidden last", "sum", OnnxProtos.attribute("keepdims", 1L))
                .node("Sub", "hidden sum", "centred")
                .node("Softmax", "centred", "shares", OnnxProtos.attribute("axis", -1L))
                .node("LayerNormalization", "shares ones", "normal", OnnxProtos.attribute("axis", -1L))
                .floats("ones", new float[] {1, 1, 1, 1}, 4)
                .longs("one", new long[] {1})
                .node("CumSum", "attention_mask one", "counts")
                .node("Gather", "normal zero", "first", OnnxProtos.attribute("axis", 1L))
                .node("Unsqueeze", "first one_list", "firsts")
                .list("one_list", 1)
                .node("Add", "normal firsts", "sums")
                .node("Cast", "counts", "reals", OnnxProtos.attribute("to", 1L))
                .node("Unsqueeze", "reals last", "column")
                .node("Mul", "sums column", "y")
                .open(folder);
        OnnxFile file = OnnxFile.read(folder.resolve("model.onnx"));
        OnnxInputs inputs = OnnxInputs.of(file, OnnxInputs.Said.nothing());
        OnnxSites sites = new OnnxSites(
                file,
                inputs,
                OnnxShapes.infer(file, inputs, RuntimeOptions.cpu(), Optional.empty()),
                (tensor, layer) -> OptionalInt.empty());
        OnnxPlan plan = new OnnxPlan(
                file,
                inputs,
                model.plan(List.of(new Selection(Sites.glob("y"), Pooling.mean()))),
                sites.recipes(),
                false);
        assertThat(plan.alone()).isFalse();
    }

    /** What has to be lowest is then only low, and the Softmax sees padding. */
    @Test
    void aQuantizedMaskLetsPaddingIn() {
        OnnxModel model = HandGraph.text(17, false)
                .node("Cast", "attention_mask", "real", OnnxProtos.attribute("to", 1L))
                .floats("one", new float[] {1})
                .floats("lowest", new float[] {-1e30f})
                .node("Sub", "one real", "padding")
                .node("Mul", "padding lowest", "added")
                .list("last", -1)
                .node("ReduceSum", "hidden last", "scores", OnnxProtos.attribute("keepdims", 0L))
                .node("Add", "scores added", "masked")
                .floats("scale", new float[] {0.1f})
                .bytes("zero", DataType.INT8, new byte[] {0})
                .node("QuantizeLinear", "masked scale zero", "whole")
                .node("DequantizeLinear", "whole scale zero", "rounded")
                .node("Softmax", "rounded", "y", OnnxProtos.attribute("axis", -1L))
                .open(folder);
        Prompts prompts = Prompts.of(List.of(Prompt.ofTokens("a", 1), Prompt.ofTokens("b", 12, 4, 5, 9)));
        for (int tokens : new int[] {1, 1000}) {
            try (Probe probe =
                    Probe.builder(model).sites("y").tokenBudget(tokens).build()) {
                assertThat(probe.capture(prompts).at("y").row(0).get(0)).isEqualTo(1);
            }
        }
    }

    /** A mask that attention heeds says nothing of a mean that does not. */
    @ParameterizedTest
    @ValueSource(strings = {"ReduceMean", "ReduceMax"})
    void whatIsComputedOfAllPositionsIsRunAlone(String reduce) {
        OnnxModel model = HandGraph.text(17, false)
                .list("axis", 1)
                .list("last", -1)
                .node("Cast", "attention_mask", "real", OnnxProtos.attribute("to", 1L))
                .node("Unsqueeze", "real last", "column")
                .node("Mul", "hidden column", "masked")
                .node(
                        reduce,
                        "masked",
                        "y",
                        OnnxProtos.attribute("axes", new long[] {1}),
                        OnnxProtos.attribute("keepdims", 1L))
                .node("Sub", "hidden y", "centred")
                .open(folder);
        Prompts prompts = Prompts.of(List.of(Prompt.ofTokens("a", 1, 9), Prompt.ofTokens("b", 12, 4, 5, 9, 3, 14)));
        for (String site : List.of("y", "centred")) {
            try (Probe together =
                            Probe.builder(model).sites(site).tokenBudget(1000).build();
                    Probe alone =
                            Probe.builder(model).sites(site).tokenBudget(1).build()) {
                assertThat(together.capture(prompts).at(site).row(0))
                        .isEqualTo(alone.capture(prompts).at(site).row(0));
            }
        }
    }
}
