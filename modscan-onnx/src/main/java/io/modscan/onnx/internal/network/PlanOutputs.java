package io.modscan.onnx.internal.network;

import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import io.modscan.core.safetensors.DType;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.token.Positions;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.graph.GraphBuilder.Output;
import io.modscan.onnx.internal.graph.OutputAxes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.LongStream;

/**
 * What a plan makes of a network's sites: magnitudes and poolings, computed behind the network in the same graph. They hang
 * on no family, only on which tokens are real and where each row's first is.
 */
final class PlanOutputs {

    private static final long SHARES = 8;

    private final GraphBuilder graph;
    private final DecoderInputs inputs;
    private final ChosenPositions chosen;
    private final int bosTokenId;
    private final List<Output> outputs = new ArrayList<>();

    /**
     * @param chosen     the choices of positions that a run is given
     * @param bosTokenId the token that a pooling without BOS leaves out where it is a row's first
     */
    PlanOutputs(Network network, ChosenPositions chosen, int bosTokenId) {
        this.chosen = chosen;
        this.graph = network.graph();
        this.inputs = network.inputs();
        this.bosTokenId = bosTokenId;
    }

    /** The shape that puts what lies behind a position side by side. */
    static String flatShape(GraphBuilder graph) {
        return graph.longs("shape_flat", 0, 0, -1);
    }

    /** The outputs so far, in order. */
    List<Output> outputs() {
        return outputs;
    }

    /** Adds what a plan reads of a site. */
    void read(Reading reading) {
        Site site = reading.site();
        String tensor = site.tensorName();
        if (site.magnitudeOf().isPresent() && !graph.has(site.name())) {
            graph.op(
                    "ReduceL2",
                    site.name(),
                    List.of(tensor),
                    attribute("axes", new long[] {-1}),
                    attribute("keepdims", 0L));
        }
        site.picked().ifPresent(picked -> pick(site, picked));
        boolean keepsSome = !reading.pooling().isPooled() && reading.choosesPositions();
        outputs.add(
                keepsSome
                        ? new Output(keep(site), OutputAxes.of(reading).symbols(ChosenPositions.KEPT_AXIS))
                        : new Output(pool(reading), OutputAxes.of(reading).symbols()));
    }

    private void pick(Site site, Site.Picked picked) {
        if (graph.has(site.name())) {
            return;
        }
        String units = graph.longs(
                site.name() + "_units",
                picked.units().stream().mapToLong(Integer::longValue).toArray());
        if (picked.of().name().equals(LanguageHead.LOG_PROBS)) {
            LanguageHead.logProbs(graph, site.name(), units);
        } else {
            graph.op("Gather", site.name(), List.of(picked.of().name(), units), attribute("axis", -1L));
        }
    }

    /** [batch, kept, …]: the values at the positions that are kept. */
    private String keep(Site site) {
        return graph.op(
                "GatherND",
                site.name() + "_kept",
                List.of(site.name(), chosen.kept(graph)),
                attribute("batch_dims", 1L));
    }

    private String pool(Reading reading) {
        Site site = reading.site();
        String name = site.name();
        Pooling pooling = reading.pooling();
        if (!pooling.isPooled()) {
            return name;
        }
        // The loss of a row's first token is not a number, so it never counts.
        boolean skipFirst = name.equals(LanguageHead.LOSS);
        String counted = counted(reading, skipFirst);
        String pooled = name + "_" + pooling.kind().name().toLowerCase(Locale.ROOT);
        return switch (pooling.kind()) {
            case NONE -> throw new IllegalStateException("nothing to pool");
            case LAST -> graph.op("GatherND", pooled, List.of(name, lastColumn(counted)), attribute("batch_dims", 1L));
            case MAX -> max(pooled, site, counted);
            case MEAN, SUM -> sum(pooled, reading, counted);
        };
    }

    private String max(String pooled, Site site, String counted) {
        String least = graph.scalar("minus_infinity", Float.NEGATIVE_INFINITY);
        boolean mayHaveNone = site.name().equals(LanguageHead.LOSS);
        String largest = graph.op(
                "ReduceMax",
                mayHaveNone ? pooled + "_if_any" : pooled,
                List.of(graph.op("Where", pooled + "_counted", overValues(counted, site), site.name(), least)),
                attribute("axes", new long[] {1}),
                attribute("keepdims", 0L));
        if (!mayHaveNone) {
            return largest;
        }
        // As in the other poolings, there is no number for a row of one token.
        String any = graph.op("Greater", pooled + "_any", largest, least);
        return graph.op("Where", pooled, any, largest, graph.scalar("nan", Float.NaN));
    }

    /**
     * The sum as a product with zeros and ones, which needs no masked copy of the whole tensor; of a mean, divided by their number. Each of
     * eight rows of zeros and ones adds up every eighth position, and their sums are added up at the end: so float32 rounds about as often as
     * for an eighth of the positions, and no copy of the tensor in double precision is needed, which took a tenth of a run.
     */
    private String sum(String pooled, Reading reading, String counted) {
        Site site = reading.site();
        boolean divided = reading.pooling().kind() == Pooling.Kind.MEAN;
        String shares = counted + "_shares";
        String number = counted + "_number";
        if (!graph.has(shares)) {
            String row = graph.unsqueeze(counted + "_row", counted, 1);
            graph.cast(shares, graph.op("And", counted + "_in_share", row, inShare()), DType.F32);
            String ones = graph.cast(counted + "_ones", row, DType.F32);
            graph.op("ReduceSum", number, List.of(ones, graph.longs("last_axis", 2)), attribute("keepdims", 1L));
        }
        String values = site.name();
        if (values.equals(LanguageHead.LOSS)) {
            values = graph.op("Where", pooled + "_counted", counted, values, graph.scalar("zero_float", 0f));
        }
        if (reading.choosesPositions() && !values.equals(pooled + "_counted")) {
            // What is infinite elsewhere must not come in with weight 0.
            values = graph.op(
                    "Where", pooled + "_counted", overValues(counted, site), values, graph.scalar("zero_float", 0f));
        }
        String flat = graph.op("Reshape", pooled + "_flat", values, flatShape(graph));
        String sums = graph.op("MatMul", pooled + "_sums", shares, flat);
        String sum = graph.op(
                "ReduceSum", pooled + "_sum", List.of(sums, graph.longs("share_axis", 1)), attribute("keepdims", 1L));
        String whole = divided ? graph.op("Div", pooled + "_mean", sum, number) : sumIfAny(pooled, site, sum, number);
        long[] shape = LongStream.concat(
                        LongStream.of(-1),
                        site.axes().stream().mapToLong(Axis::size).filter(size -> size > 0))
                .toArray();
        return graph.op("Reshape", pooled, whole, graph.longs(pooled + "_shape", shape));
    }

    /** [shares, sequence]: whether a share of the positions has this one. */
    private String inShare() {
        String name = "is_in_share";
        if (!graph.has(name)) {
            String share = graph.op("Mod", "share", inputs.columns(), graph.scalar("shares", SHARES));
            String all = graph.longs("all_shares", LongStream.range(0, SHARES).toArray());
            graph.op("Equal", name, graph.unsqueeze("share_rows", all, 1), share);
        }
        return name;
    }

    /** A row of one token has no loss, and the sum of none is no number, as its mean is not. */
    private String sumIfAny(String pooled, Site site, String sum, String number) {
        return site.name().equals(LanguageHead.LOSS)
                ? graph.op("Mul", pooled + "_if_any", sum, graph.op("Div", pooled + "_any", number, number))
                : sum;
    }

    /** [batch, sequence]: whether a position counts in a pooling. */
    private String counted(Reading reading, boolean skipFirst) {
        Positions positions = reading.pooling().positions();
        if (reading.choosesPositions()) {
            String counted = chosen.counted(graph, positions);
            if (!skipFirst) {
                return counted;
            }
            String withLoss = counted + "_with_loss";
            return graph.has(withLoss) ? withLoss : graph.op("And", withLoss, counted, LanguageHead.HAS_PREDECESSOR);
        }
        if (skipFirst) {
            return LanguageHead.HAS_PREDECESSOR;
        }
        if (!positions.isWithoutBos()) {
            return inputs.real();
        }
        String name = "mask_without_bos";
        if (!graph.has(name)) {
            String first = graph.op("Equal", "is_first", inputs.ordinal(), graph.scalar("one", 1));
            String bos = graph.op("Equal", "is_bos", inputs.ids(), graph.scalar("bos", bosTokenId));
            graph.op(
                    "And",
                    name,
                    inputs.real(),
                    graph.op("Not", "is_not_leading_bos", graph.op("And", "is_leading_bos", first, bos)));
        }
        return name;
    }

    /** [batch, 1]: the index of the last column that counts. */
    private String lastColumn(String counted) {
        String name = counted + "_last";
        if (!graph.has(name)) {
            String number = graph.cast(counted + "_long", counted, DType.I64);
            graph.op(
                    "ReduceMax",
                    name,
                    List.of(graph.op("Mul", counted + "_columns", number, inputs.columns())),
                    attribute("axes", new long[] {1}),
                    attribute("keepdims", 1L));
        }
        return name;
    }

    /** A mask [batch, sequence] with as many axes as the site's tensor. */
    private String overValues(String counted, Site site) {
        int rank = site.axes().size();
        if (rank == 1) {
            return counted;
        }
        String name = counted + "_rank" + (rank + 1);
        if (!graph.has(name)) {
            long[] axes = new long[rank - 1];
            for (int i = 0; i < axes.length; i++) {
                axes[i] = i + 2L;
            }
            graph.unsqueeze(name, counted, axes);
        }
        return name;
    }
}
