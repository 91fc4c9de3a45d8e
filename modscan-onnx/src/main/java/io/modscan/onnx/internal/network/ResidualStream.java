package io.modscan.onnx.internal.network;

import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import io.modscan.core.safetensors.DType;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.network.Network.Addend;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The residual stream of a network, which halves of blocks read and add to. */
public final class ResidualStream {

    /** The name of the graph's input for a stream that is given. */
    static final String GIVEN = "given";

    /** The name of the graph's input for the untouched run's last stream. */
    static final String UNTOUCHED = "untouched";

    private final Network network;
    private final GraphBuilder graph;
    private final Changes changes;
    private final int width;
    private final boolean preNorm;

    /**
     * The stream between two halves of blocks.
     *
     * @param sum  the stream itself
     * @param read what of it the next half reads
     */
    public record State(String sum, String read) {}

    /**
     * Says what a network's stream is like.
     *
     * @param preNorm whether a half's input is normalized, or else the stream behind it
     */
    public ResidualStream(Network network, int width, boolean preNorm) {
        this.network = network;
        this.graph = network.graph();
        this.changes = network.changes();
        this.width = width;
        this.preNorm = preNorm;
    }

    /** Begins the stream as the sum of two embeddings. */
    public State begin(String site, String tokens, String positions, Optional<LayerNorm> norm) {
        return join(site, site, tokens, new Addend("", positions, ""), norm);
    }

    /**
     * Begins with a stream that is given from outside. Its LayerNorm is computed by the same kernel as behind a sum, so that
     * it is the same number.
     */
    public State given(Optional<LayerNorm> norm) {
        return read(graph.input(GIVEN, DType.F32, "batch", "sequence", Integer.toString(width)), norm);
    }

    /** The last stream of the untouched run, to set what the head says of it beside what it says of this one's. */
    public State untouched(Optional<LayerNorm> norm) {
        return read(graph.input(UNTOUCHED, DType.F32, "batch", "sequence", Integer.toString(width)), norm);
    }

    /** A stream as it is, and its LayerNorm, by the kernel that computes it behind a sum. */
    private State read(String stream, Optional<LayerNorm> norm) {
        if (norm.isEmpty()) {
            return new State(stream, stream);
        }
        LayerNorm by = norm.get();
        if (network.fuses()) {
            fused(by.site(), "", stream, new Addend("", nothing(), ""), by);
        } else {
            normalized(by.site(), stream, by);
        }
        return new State(stream, by.site());
    }

    /** Zeros, in the stream's shape. */
    private String nothing() {
        if (!graph.has("nothing")) {
            String shape = graph.op(
                    "Concat",
                    "nothing_shape",
                    List.of(
                            graph.longs("nothing_rows", 1),
                            graph.op(
                                    "Shape",
                                    "nothing_columns",
                                    List.of(network.inputs().ids()),
                                    attribute("start", 1L)),
                            graph.longs("nothing_width", width)),
                    attribute("axis", 0L));
            graph.op("Expand", "nothing", graph.scalar("zero_float", 0f), shape);
        }
        return "nothing";
    }

    /**
     * The stream behind what may be changed of it.
     *
     * @param site the site of the stream
     * @param norm the LayerNorm that the next half begins with, if there is one
     */
    public State change(String site, State given, Optional<LayerNorm> norm) {
        if (!given.sum().equals(changes.before(site))) {
            graph.op("Identity", changes.before(site), given.sum());
        }
        return read(changes.apply(site), norm);
    }

    /**
     * Adds a linear map's output.
     *
     * @param site   the site of the stream behind this
     * @param summed what the sum is called where the stream is normalized behind it
     * @param added  the site of what is added
     * @param input  what the map is applied to
     * @param norm   that of what is read next (pre-norm), or of the stream itself (post-norm)
     */
    public State add(
            String site, String summed, State given, String added, String input, Linear map, Optional<LayerNorm> norm) {
        return join(site, summed, given.sum(), network.addend(added, input, map), norm);
    }

    private State join(String site, String summed, String given, Addend added, Optional<LayerNorm> norm) {
        if (!changes.at(site)) {
            return sum(site, summed, given, added, norm);
        }
        if (!preNorm) {
            sum(changes.before(site), summed, given, added, norm);
            String changed = changes.apply(site);
            return new State(changed, changed);
        }
        // Added up by the same kernel as where nothing is changed; the LayerNorm that comes with it nobody reads.
        sum(
                changes.before(site),
                summed,
                given,
                added,
                norm.map(by -> unread(changes.before(site) + "_unread_norm", by)));
        return read(changes.apply(site), norm);
    }

    /** A LayerNorm without weights, whose output nobody reads: it is there for the sum. */
    public static LayerNorm unread(String site, LayerNorm norm) {
        return new LayerNorm(site, "", "", norm.epsilon());
    }

    private State sum(String site, String summed, String given, Addend added, Optional<LayerNorm> norm) {
        if (norm.isEmpty()) {
            return new State(graph.op("Add", site, given, network.whole(added)), site);
        }
        LayerNorm by = norm.get();
        // Where the sum is the last that is read, too, so that it is added up in the same order.
        boolean fused = network.fuses() && (network.isReached(by.site()) || network.isThere(by));
        if (preNorm) {
            if (fused) {
                fused(by.site(), site, given, added, by);
            } else {
                normalized(by.site(), graph.op("Add", site, given, network.whole(added)), by);
            }
            return new State(site, by.site());
        }
        if (fused) {
            fused(site, "", given, added, by);
        } else {
            normalized(site, graph.op("Add", summed, given, network.whole(added)), by);
        }
        graph.op("Identity", by.site(), site);
        return new State(site, site);
    }

    /** A sum and its LayerNorm in one; the sum has an empty name where nothing else reads it. */
    private void fused(String normalized, String sum, String given, Addend added, LayerNorm norm) {
        graph.runtimeOp(
                "SkipLayerNormalization",
                List.of(normalized, "", "", sum),
                List.of(
                        given,
                        added.product(),
                        scale(norm),
                        norm.shift().isEmpty() ? "" : network.weight(norm.shift()),
                        added.bias()),
                attribute("epsilon", norm.epsilon()));
    }

    private void normalized(String output, String input, LayerNorm norm) {
        List<String> inputs = new ArrayList<>(List.of(input, scale(norm)));
        if (!norm.shift().isEmpty()) {
            inputs.add(network.weight(norm.shift()));
        }
        graph.op("LayerNormalization", output, inputs, attribute("axis", -1L), attribute("epsilon", norm.epsilon()));
    }

    private String scale(LayerNorm norm) {
        return norm.scale().isEmpty() ? graph.filled("norm_scale", width, 1f) : network.weight(norm.scale());
    }
}
