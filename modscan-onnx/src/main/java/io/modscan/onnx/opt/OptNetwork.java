package io.modscan.onnx.opt;

import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Site;
import io.modscan.onnx.internal.graph.Backward;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.network.Activation;
import io.modscan.onnx.internal.network.Attention;
import io.modscan.onnx.internal.network.Dialect;
import io.modscan.onnx.internal.network.Gradients;
import io.modscan.onnx.internal.network.LanguageHead;
import io.modscan.onnx.internal.network.LayerNorm;
import io.modscan.onnx.internal.network.Linear;
import io.modscan.onnx.internal.network.Network;
import io.modscan.onnx.internal.network.PlannedGraph;
import io.modscan.onnx.internal.network.ResidualStream;
import io.modscan.onnx.internal.network.Stretch;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * An OPT network, put together from a network's parts as transformers' OPTForCausalLM with eager attention computes it. Only
 * this file knows what OPT's tensors are called and how its blocks go.
 */
final class OptNetwork {

    /** PyTorch's default, which OPT never sets otherwise. */
    private static final float NORM_EPSILON = 1e-5f;

    private static final Set<String> CHANGEABLE = Set.of(
            "hook_resid_pre",
            "hook_q",
            "hook_k",
            "hook_v",
            "hook_pattern",
            "hook_z",
            "hook_attn_out",
            "hook_resid_mid",
            "hook_post",
            "hook_mlp_out",
            "hook_resid_post");

    private static final Set<String> OF_LOGITS = Set.of(LanguageHead.LOG_PROBS, LanguageHead.LOSS, LanguageHead.KL);

    /** What each head writes to the residual stream, which nothing else reads. */
    private static final String RESULT = "hook_result";

    /** The sites before the first block. */
    private static final Set<String> EMBEDDED = Set.of("hook_embed", "hook_pos_embed");

    private final OptConfig config;
    private final Checkpoint checkpoint;
    private final Network network;
    private final GraphBuilder graph;
    private final Attention attention;
    private final ResidualStream stream;

    /** The name of the graph's output for what a stretch hands on. */
    private static final String HANDED_ON = "handed_on";

    private final Stretch stretch;

    /** What is normalized last, as the head reads it; empty in a stretch without the head. */
    private String read = "";

    private OptNetwork(
            OptConfig config,
            Checkpoint checkpoint,
            Dialect dialect,
            Set<String> planned,
            List<Site> changing,
            Stretch stretch) {
        this.stretch = stretch;
        this.config = config;
        this.checkpoint = checkpoint;
        this.network = new Network("opt", OptSites.of(config), planned, changing, dialect, checkpoint::tensor);
        this.graph = network.graph();
        this.attention = new Attention(network, config.heads(), config.dHead(), config.dModel());
        this.stream = new ResidualStream(network, config.dModel(), config.preNorm());
        build();
    }

    /** A stretch of the network, with what a plan asks for of it as its outputs, and the stream that the next one is given. */
    static PlannedGraph of(
            OptConfig config, Checkpoint checkpoint, CapturePlan plan, Dialect dialect, Stretch stretch) {
        // Of the whole plan: what is fused hangs on it, and values are to be the same in a chain.
        Set<String> planned = plan.readings().stream()
                .map(reading -> reading.site().tensorName())
                .collect(Collectors.toSet());
        plan.differentiated().forEach(site -> planned.addAll(behind(site)));
        // What is fused keeps to itself what the backward pass needs.
        boolean apart = plan.objective().isPresent() && dialect == Dialect.ONNX_RUNTIME_CPU;
        OptNetwork network = new OptNetwork(
                config,
                checkpoint,
                apart ? Dialect.ONNX_RUNTIME : dialect,
                Set.copyOf(planned),
                plan.changing(),
                stretch);
        network.gradients(plan);
        return new PlannedGraph(
                network.network,
                plan,
                IntStream.range(0, plan.readings().size())
                        .filter(i ->
                                stretch.has(stage(config, plan.readings().get(i).site())))
                        .boxed()
                        .toList(),
                isReadBehind(config, plan, stretch) ? Optional.of(HANDED_ON) : Optional.empty(),
                new PlannedGraph.Sizes(
                        config.dModel(), config.dMlp(), config.heads(), config.vocabulary(), config.layers()),
                checkpoint.tensor(checkpoint.head()),
                config.bosTokenId());
    }

    /** The tensors that have to be there for a site's gradient: its own, and for what the heads write the sum of it. */
    private static Set<String> behind(Site site) {
        return site.hook().equals(RESULT) ? Set.of(site.name(), sum(site)) : Set.of(site.name());
    }

    private static String sum(Site result) {
        return "blocks." + result.layer().orElseThrow() + ".hook_attn_out";
    }

    private void gradients(CapturePlan plan) {
        Backward backward = new Backward(graph);
        plan.differentiated().stream()
                .filter(site -> site.hook().equals(RESULT))
                .forEach(site -> backward.sums(site.name(), network.changes().before(sum(site)), 2));
        Gradients.add(network, plan, OptSites.of(config), backward, read, checkpoint.head());
    }

    /** Whether a plan reads anything behind a stretch; if not, nothing is handed on, and what only that would need is cut off. */
    private static boolean isReadBehind(OptConfig config, CapturePlan plan, Stretch stretch) {
        return plan.readings().stream().anyMatch(reading -> stage(config, reading.site()) >= stretch.end());
    }

    /** The stage of the network that a site belongs to. */
    static int stage(OptConfig config, Site site) {
        if (site.layer().isPresent()) {
            return site.layer().getAsInt() + 1;
        }
        return EMBEDDED.contains(site.forward().name()) ? 0 : config.layers() + 1;
    }

    /** The stage that a plan's gradients are taken of. */
    static int stage(OptConfig config, Objective objective) {
        return objective
                .site()
                .flatMap(name -> OptSites.of(config).stream()
                        .filter(site -> site.name().equals(name))
                        .findFirst())
                .map(site -> stage(config, site))
                .orElse(config.layers() + 1);
    }

    /** The sites whose gradients can be computed: all but those that are made of the logits. */
    static List<Site> differentiable(List<Site> sites) {
        return sites.stream()
                .filter(site -> site.layer().isPresent() || !OF_LOGITS.contains(site.name()))
                .toList();
    }

    /** The sites that may be changed. */
    static List<Site> changeable(List<Site> sites) {
        return sites.stream().filter(site -> CHANGEABLE.contains(site.hook())).toList();
    }

    /** The sites that can be computed from the weights that are there. */
    static List<Site> sites(OptConfig config, Checkpoint checkpoint) {
        GraphBuilder graph = new OptNetwork(
                        config, checkpoint, Dialect.ONNX, Set.of(), List.of(), Stretch.whole(config.layers()))
                .graph;
        return OptSites.of(config).stream()
                .filter(site -> graph.canCompute(site.name()))
                .toList();
    }

    private void build() {
        int first = Math.max(0, stretch.from() - 1);
        ResidualStream.State state = stretch.begins()
                ? embeddings()
                : stream.given(network.changes().at(residPre(first)) ? Optional.empty() : normBefore(first));
        int layer = first;
        while (layer < config.layers() && stretch.has(layer + 1)) {
            state = block(layer, state);
            layer++;
        }
        if (stretch.ends(config.layers())) {
            read = projected("project_out", state.read());
            LanguageHead.build(network, read, checkpoint.head());
            if (network.isPlanned(LanguageHead.KL)) {
                Optional<LayerNorm> norm = config.finalNorm()
                        ? Optional.of(norm("untouched_normalized", "final_layer_norm"))
                        : Optional.empty();
                String untouched = stream.untouched(norm).read();
                LanguageHead.divergence(network, projected("untouched_projected", untouched), checkpoint.head());
            }
        } else {
            graph.op("Identity", HANDED_ON, state.sum());
        }
    }

    /** What the head reads. */
    private String projected(String output, String last) {
        return config.dEmbed() == config.dModel() ? last : network.matMul(output, last, "project_out.weight");
    }

    private ResidualStream.State embeddings() {
        boolean projected = config.dEmbed() != config.dModel();
        String tokens = network.lookUp(
                projected ? "embed_tokens" : "hook_embed",
                checkpoint.embedding(),
                network.inputs().ids());
        if (projected) {
            tokens = network.matMul("hook_embed", tokens, "project_in.weight");
        }
        // Ordinal 1 is position 0, which is row 2; padding gets row 1, as in transformers.
        String rows = graph.op(
                "Add",
                "position_rows",
                network.inputs().ordinal(),
                graph.scalar("position_offset", OptConfig.POSITION_OFFSET - 1L));
        String positions = network.lookUp("hook_pos_embed", "embed_positions.weight", rows);
        return stream.begin(network.changes().before(residPre(0)), tokens, positions, normIfReached(0));
    }

    /**
     * The same, or, where that block is not part of the stretch, one without weights, whose output nobody reads: it is there for the
     * sum, which is then added up by the same kernel as in the whole network, without the next block's weights.
     */
    private Optional<LayerNorm> normIfReached(int layer) {
        // A block, too, may change the stream before it reads it.
        if (layer < config.layers() && network.changes().at(residPre(layer))) {
            return normBefore(layer).map(norm -> ResidualStream.unread(residPre(layer) + "_unread_norm", norm));
        }
        return stretch.has(layer + 1)
                ? normBefore(layer)
                : normBefore(layer).map(norm -> ResidualStream.unread("unread_norm", norm));
    }

    private static String residPre(int layer) {
        return "blocks." + layer + ".hook_resid_pre";
    }

    /** The LayerNorm that a pre-norm block begins with; behind the last block, that of the whole network. */
    private Optional<LayerNorm> normBefore(int layer) {
        if (layer == config.layers()) {
            return config.finalNorm()
                    ? Optional.of(norm("ln_final.hook_normalized", "final_layer_norm"))
                    : Optional.empty();
        }
        return config.preNorm()
                ? Optional.of(
                        norm("blocks." + layer + ".ln1.hook_normalized", "layers." + layer + ".self_attn_layer_norm"))
                : Optional.empty();
    }

    private ResidualStream.State block(int layer, ResidualStream.State given) {
        String block = "blocks." + layer + ".";
        String weights = "layers." + layer + ".";
        String residPre = residPre(layer);
        ResidualStream.State pre = given;
        if (network.changes().at(residPre)) {
            pre = stream.change(residPre, given, normBefore(layer));
        } else if (!given.sum().equals(residPre)) {
            graph.op("Identity", residPre, given.sum());
        }
        LayerNorm ln1 = norm(block + "ln1.hook_normalized", weights + "self_attn_layer_norm");
        LayerNorm ln2 = norm(block + "ln2.hook_normalized", weights + "final_layer_norm");

        Attention.Maps maps = new Attention.Maps(
                linear(weights + "self_attn.q_proj"),
                linear(weights + "self_attn.k_proj"),
                linear(weights + "self_attn.v_proj"),
                linear(weights + "self_attn.out_proj"));
        String z = attention.build(block + "attn.", maps, pre.read());
        ResidualStream.State mid = stream.add(
                block + "hook_resid_mid",
                block + "attn_sum",
                pre,
                block + "hook_attn_out",
                z,
                maps.out(),
                Optional.of(config.preNorm() ? ln2 : ln1));

        String preActivation = network.linear(block + "mlp.hook_pre", mid.read(), linear(weights + "fc1"));
        String post = block + "mlp.hook_post";
        config.activation()
                .build(
                        new Activation.Nodes(
                                graph,
                                network.changes().before(post),
                                name -> network.weight(weights + "activation_fn." + name)),
                        preActivation);
        network.changes().apply(post);
        return stream.add(
                block + "hook_resid_post",
                block + "mlp_sum",
                mid,
                block + "hook_mlp_out",
                post,
                linear(weights + "fc2"),
                config.preNorm() ? normIfReached(layer + 1) : Optional.of(ln2));
    }

    private Linear linear(String weights) {
        return new Linear(weights + ".weight", config.bias() ? weights + ".bias" : "");
    }

    private LayerNorm norm(String site, String weights) {
        return config.affineNorm()
                ? new LayerNorm(site, weights + ".weight", weights + ".bias", NORM_EPSILON)
                : new LayerNorm(site, "", "", NORM_EPSILON);
    }
}
