package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.internal.graph.WeightLocation;
import io.modscan.onnx.internal.network.Dialect;
import io.modscan.onnx.opt.OptSourceTest.Kind;
import io.modscan.onnx.runtime.CpuOperators;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which of a graph's nodes become operators that another library computes. What they compute is tested in modscan-onednn. */
class ProductFusionTest {

    @TempDir
    private Path folder;

    private OptModel model;

    @BeforeEach
    void load() {
        model = Kind.PRE_NORM.load(folder);
    }

    private GraphProto fused(String... globs) throws IOException {
        return fused(Runs.plan(model, Pooling.none(), globs));
    }

    private GraphProto fused(CapturePlan plan) throws IOException {
        return ModelProto.parseFrom(model.graph(plan, Dialect.ONNX_RUNTIME_CPU, model.needed(plan))
                        .serialiseFused(WeightLocation.inPlace(folder.toRealPath()), Map.of()))
                .getGraph();
    }

    private static Map<String, Long> own(GraphProto graph) {
        return graph.getNodeList().stream()
                .filter(node -> node.getDomain().equals(CpuOperators.DOMAIN))
                .collect(Collectors.groupingBy(NodeProto::getOpType, Collectors.counting()));
    }

    private static Set<String> types(GraphProto graph) {
        return graph.getNodeList().stream().map(NodeProto::getOpType).collect(Collectors.toSet());
    }

    private static NodeProto of(GraphProto graph, String output) {
        return graph.getNodeList().stream()
                .filter(node -> node.getOutputList().contains(output))
                .findFirst()
                .orElseThrow();
    }

    private static long flag(NodeProto node, String name) {
        return node.getAttributeList().stream()
                .filter(attribute -> attribute.getName().equals(name))
                .findFirst()
                .orElseThrow()
                .getI();
    }

    @Test
    void betweenSitesAllIsFused() throws IOException {
        int layers = model.config().layers();
        GraphProto graph = fused("blocks.*.attn.hook_z", "blocks.*.mlp.hook_post");
        assertThat(own(graph)).containsEntry("SelfAttention", (long) layers);
        // Of each block what the heads write, and the first half of the MLP; of all but the last the second half, too.
        assertThat(own(graph)).containsEntry("Product", 3L * layers - 1);
        assertThat(types(graph))
                .doesNotContain("FusedMatMul", "MultiHeadAttention", "SkipLayerNormalization", "Relu", "Concat");
        NodeProto post = of(graph, "blocks.0.mlp.hook_post");
        assertThat(flag(post, "relu")).isEqualTo(1);
        assertThat(post.getInput(2)).as("its bias").isNotEmpty();
        NodeProto mid = of(graph, of(graph, post.getInput(0)).getInput(0));
        assertThat(mid.getOpType()).as("what the LayerNorm reads").isEqualTo("Product");
        assertThat(mid.getInput(3)).as("its residual").isNotEmpty();
    }

    @Test
    void whatIsReadStaysApart() throws IOException {
        GraphProto pre = fused("blocks.0.mlp.hook_pre", "blocks.0.mlp.hook_post");
        assertThat(flag(of(pre, "blocks.0.mlp.hook_pre"), "relu")).isZero();
        assertThat(of(pre, "blocks.0.mlp.hook_post").getOpType()).isEqualTo("Relu");

        GraphProto out = fused("blocks.0.hook_attn_out", "blocks.0.hook_resid_mid");
        assertThat(of(out, "blocks.0.hook_attn_out").getOpType()).isEqualTo("Product");
        assertThat(of(out, "blocks.0.hook_attn_out").getInput(3))
                .as("no residual")
                .isEmpty();
        assertThat(of(out, "blocks.0.hook_resid_mid").getOpType()).isEqualTo("Add");

        GraphProto q = fused("blocks.0.attn.hook_q", "blocks.0.attn.hook_z");
        assertThat(own(q)).containsEntry("Attention", 1L).doesNotContainKey("SelfAttention");

        GraphProto pattern = fused("blocks.0.attn.hook_pattern", "blocks.0.attn.hook_z");
        assertThat(types(pattern)).contains("Softmax", "Attention");
    }

    @Test
    void gradientsGoBackThroughTheSameProducts() throws IOException {
        Site site = Runs.site(model, "blocks.0.mlp.hook_post").gradient();
        GraphProto graph = fused(new CapturePlan(List.of(new Reading(site, Pooling.none()))));
        assertThat(graph.getNodeList().stream()
                        .filter(node -> node.getOpType().equals("Product"))
                        .map(node -> flag(node, "transB")))
                .contains(0L, 1L);
    }

    @Test
    void withoutThemTheGraphIsOnnxRuntimes() throws IOException {
        CapturePlan plan = Runs.plan(model, Pooling.none(), "blocks.*.mlp.hook_post");
        GraphProto graph = ModelProto.parseFrom(model.graph(plan, Dialect.ONNX_RUNTIME_CPU, model.needed(plan))
                        .serialise(WeightLocation.inPlace(folder.toRealPath()), Map.of()))
                .getGraph();
        assertThat(own(graph)).isEmpty();
        assertThat(graph.getNodeList())
                .as("nodes that only the others need")
                .noneMatch(node -> node.getName().equals("attention_mask_added"));
    }
}
