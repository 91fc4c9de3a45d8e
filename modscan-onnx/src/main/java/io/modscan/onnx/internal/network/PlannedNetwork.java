package io.modscan.onnx.internal.network;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.CapturePlan;
import io.modscan.onnx.internal.network.PlannedSource.Part;
import io.modscan.onnx.internal.runtime.WeightRoom;
import io.modscan.onnx.runtime.Loading;
import io.modscan.onnx.runtime.PlanMemory;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a plan needs of a network of any family, and how that is put into memory: as one session, or as a chain of links, none of
 * which takes more than there is room for. For one thread.
 */
public final class PlannedNetwork {

    private static final Logger LOG = LoggerFactory.getLogger(PlannedNetwork.class);

    /** Small blocks share a link up to so many bytes; a larger one would make the first batch wait for longer. */
    private static final long SMALL = 1L << 28;

    private final String model;
    private final CapturePlan plan;
    private final int layers;
    private final Function<Stretch, PlannedGraph> family;
    private final RuntimeOptions options;
    private final Stretch needed;
    private final PlannedGraph whole;
    private final WeightRoom room;
    /** The bytes of each stage's weights, if anybody has asked: what fits as a whole is not divided. */
    private @Nullable List<Long> stages;

    /**
     * Works out what is needed.
     *
     * @param model  for messages
     * @param layers the network's blocks
     * @param family makes a graph of a stretch
     * @param needed the stretch that the plan needs
     */
    public PlannedNetwork(
            String model,
            CapturePlan plan,
            int layers,
            Function<Stretch, PlannedGraph> family,
            Stretch needed,
            RuntimeOptions options) {
        this.model = model;
        this.plan = plan;
        this.layers = layers;
        this.family = family;
        this.options = options;
        this.needed = needed;
        this.whole = family.apply(needed);
        this.room = WeightRoom.of(options);
    }

    private List<Long> stages() {
        if (stages == null) {
            stages = IntStream.range(needed.from(), needed.end())
                    .mapToObj(
                            stage -> family.apply(new Stretch(stage, stage + 1)).weightBytes())
                    .toList();
        }
        return stages;
    }

    /** The stage that it begins with. */
    public int from() {
        return needed.from();
    }

    private long largest() {
        if (plan.objective().isPresent()) {
            return whole.weightBytes(); // it is one link, whatever it takes
        }
        return stages().stream().mapToLong(Long::longValue).max().orElseThrow();
    }

    private boolean isWhole() {
        boolean fits = whole.weightBytes() <= room.bytes();
        // A backward pass goes back through all that went forward.
        return options.loading() == Loading.WHOLE
                || plan.objective().isPresent()
                || (options.loading() == Loading.AUTOMATIC && fits);
    }

    /** The links; none if there is no room for them. */
    private List<Stretch> links() {
        if (isWhole()) {
            return whole.weightBytes() <= room.bytes() ? List.of(needed) : List.of();
        }
        return largest() <= room.bytes() ? divided(Math.max(largest(), Math.min(SMALL, room.bytes() / 2))) : List.of();
    }

    /** Stages side by side as long as they take no more than so many bytes. */
    private List<Stretch> divided(long most) {
        List<Stretch> links = new ArrayList<>();
        int from = needed.from();
        long bytes = 0;
        for (int stage = needed.from(); stage < needed.end(); stage++) {
            long more = stages().get(stage - needed.from());
            if (stage > from && bytes + more > most) {
                links.add(new Stretch(from, stage));
                from = stage;
                bytes = 0;
            }
            bytes += more;
        }
        links.add(new Stretch(from, needed.end()));
        return links;
    }

    /** What it takes to run batches of a size. */
    public PlanMemory memory(int rows, int columns) {
        return new PlanMemory(
                whole.weightBytes(),
                whole.weights().stream().mapToLong(StoredTensor::length).sum(),
                largest(),
                plan.bytes(rows, columns),
                whole.workingBytes(rows, columns),
                room.bytes(),
                links().size());
    }

    /**
     * Opens a source.
     *
     * @param start gives what is taken from another run
     * @throws ModscanException if there is no room for the weights, or they can't be loaded
     */
    public ActivationSource open(PlannedSource.Files files, PlannedSource.Given start) {
        if (options.loading() == Loading.CHAIN
                && options.cudaDevice().isPresent()
                && options.weightMemory().isEmpty()) {
            throw new ModscanException(
                    model + ": a chain was asked for on a CUDA device, whose memory is not known; say how"
                            + " much of it weights may take (RuntimeOptions.withWeightMemory)");
        }
        List<Stretch> links = links();
        if (links.isEmpty()) {
            throw tooLarge();
        }
        if (links.size() > 1) {
            LOG.info(
                    "{}: runs as a chain of {} links; weights take {} in float32, and there is room for {}",
                    model,
                    links.size(),
                    PlanMemory.inWords(whole.weightBytes()),
                    room);
        }
        return open(links, files, start);
    }

    /** Opens a source as a chain of given links. */
    public ActivationSource open(List<Stretch> links, PlannedSource.Files files, PlannedSource.Given start) {
        List<Part> parts = links.stream()
                .map(link -> new Part(
                        link.equals(needed) ? whole : family.apply(link), link.blocks(layers), link.describe(layers)))
                .toList();
        return new PlannedSource(plan, parts, !whole.headDominates(), files, options, room.bytes(), start);
    }

    private ModscanException tooLarge() {
        if (plan.objective().isPresent()) {
            return new ModscanException(model
                    + ": gradients need all blocks up to what they are of in memory, which take "
                    + inBytes(whole.weightBytes()) + " for weights in float32, and there is room for " + room + "; "
                    + room.waysOut() + "; or take gradients of a direction at an earlier block");
        }
        boolean chain = options.loading() != Loading.WHOLE;
        return new ModscanException(model + ": "
                + (chain ? "the largest block of this plan takes " : "this plan takes ")
                + inBytes(chain ? largest() : whole.weightBytes())
                + " of memory for weights in float32, and there is room for " + room + "; "
                + (chain
                        ? room.waysOut()
                        : "let it be run block by block (Loading.AUTOMATIC or CHAIN), which takes " + inBytes(largest())
                                + "; or " + room.waysOut()
                                + "; or read sites of earlier blocks only, so that the rest is cut off"));
    }

    private static String inBytes(long bytes) {
        return PlanMemory.inWords(bytes) + " (" + bytes + " bytes)";
    }
}
