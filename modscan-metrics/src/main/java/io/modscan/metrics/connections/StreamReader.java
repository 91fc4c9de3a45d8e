package io.modscan.metrics.connections;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Weight;
import io.modscan.core.model.Weights;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Site;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.internal.linear.Products;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Reads what units write and read from a model's weights.
 *
 * @param weights     the model's
 * @param activations say how much units vary; without them all weigh the same
 * @param bases       of some sites, whose components are units in place of theirs
 * @param behind      whether LayerNorms are behind the halves of blocks; empty for what the weights look like
 * @param without     coordinates of the stream that are left out
 */
record StreamReader(
        Weights weights,
        Optional<Activations> activations,
        List<Basis> bases,
        Optional<Boolean> behind,
        Set<Integer> without) {

    private static final int FEWEST_COORDINATES = 3;

    /** The two matrices of a half of a block, as rows of all coordinates of the stream. */
    @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
    private record Half(Site site, int stage, int units, int ofHead, int width, float[] writes, float[] reads) {

        /**
         * Means over the dimensions of each head, which are arbitrary, so that a rotation of them changes nothing; of neurons the
         * values as they are.
         */
        double[] overHeads(double[] values) {
            int together = stage % 2 == 0 ? ofHead : 1;
            double[] means = new double[values.length];
            for (int unit = 0; unit < values.length; unit++) {
                means[unit - unit % together] += values[unit] / together;
            }
            for (int unit = 0; unit < values.length; unit++) {
                means[unit] = means[unit - unit % together];
            }
            return means;
        }
    }

    StreamSites read() {
        boolean normsBehind = areNormsBehind();
        List<StreamSite> sites = new ArrayList<>();
        Set<String> seen = new TreeSet<>();
        int width = 0;
        int kept = 0;
        for (int stage = 0; stage < 2 * weights.layers(); stage++) {
            Interrupt.checkThisThread();
            if (!isThere(stage)) {
                continue;
            }
            seen.add(siteName(stage));
            if (!isAsked(siteName(stage))) {
                continue;
            }
            Half half = half(stage);
            if (width > 0 && half.width() != width) {
                throw new ModscanException("the units of '" + half.site() + "' write to a stream of " + half.width()
                        + " coordinates, and those of layers before to one of " + width);
            }
            width = half.width();
            if (!normsBehind) {
                scale(half.reads(), norm(stage, width));
            }
            int[] coordinates = coordinates(width);
            kept = coordinates.length;
            basis(half).ifPresent(basis -> check(basis, half));
            if (basis(half).map(Basis::rank).orElse(1) > 0) {
                sites.add(site(half, coordinates, normsBehind));
            }
        }
        check(seen);
        List<float[]> norms = new ArrayList<>();
        for (int stage = 0; normsBehind && stage < 2 * weights.layers(); stage++) {
            norms.add(columns(norm(stage, width), width, coordinates(width)));
        }
        return new StreamSites(kept, sites, norms);
    }

    private void check(Set<String> seen) {
        if (seen.isEmpty()) {
            throw new ModscanException(
                    "no layer of " + weights + " has mlp.W_in and mlp.W_out, or attn.W_V and attn.W_O:"
                            + " there is nothing that writes to a residual stream and reads from it");
        }
        for (Basis basis : bases) {
            if (!seen.contains(basis.site().name())) {
                throw new ModscanException(
                        "the basis of '" + basis.site() + "' is of no site that writes to the residual"
                                + " stream and reads from it; those are " + seen);
            }
            if (!isAsked(basis.site().name())) {
                throw new ModscanException("there is a basis of '" + basis.site()
                        + "', which the activations don't have;" + " capture it, or leave that basis out");
            }
        }
        if (seen.stream().noneMatch(this::isAsked)) {
            throw new ModscanException("the activations are of "
                    + activations.orElseThrow().sites().stream()
                            .map(SiteActivations::site)
                            .toList()
                    + "; capture some of " + seen + ", of which units write and read");
        }
    }

    private static String half(int stage, String attention, String mlp) {
        return stage % 2 == 0 ? attention : mlp;
    }

    private static String siteName(int stage) {
        return "blocks." + stage / 2 + "." + half(stage, "attn.hook_z", "mlp.hook_post");
    }

    private boolean isThere(int stage) {
        String block = "blocks." + stage / 2 + ".";
        List<String> names = weights.names();
        boolean reads = names.contains(block + half(stage, "attn.W_V", "mlp.W_in"));
        boolean writes = names.contains(block + half(stage, "attn.W_O", "mlp.W_out"));
        if (reads != writes) {
            throw new ModscanException("of " + siteName(stage) + " there is only "
                    + (reads ? "what it reads, " : "what it writes, ")
                    + half(stage, reads ? "attn.W_V" : "attn.W_O", reads ? "mlp.W_in" : "mlp.W_out")
                    + "; connections take both matrices of " + weights);
        }
        if (stage % 2 == 1 && names.contains(block + "mlp.W_gate")) {
            throw new ModscanException(block + "mlp.W_gate: neurons with a gate read the stream in two ways, of which"
                    + " connections know one; this takes MLPs of W_in and W_out alone");
        }
        return reads;
    }

    private boolean isAsked(String site) {
        return activations.isEmpty() || captured(site).isPresent();
    }

    private Optional<SiteActivations> captured(String site) {
        return activations.stream()
                .flatMap(all -> all.sites().stream())
                .filter(one -> one.site().name().equals(site))
                .findFirst();
    }

    /** Post-LayerNorm blocks have no LayerNorm behind the last; their weights look the same else. */
    private boolean areNormsBehind() {
        if (behind.isPresent()) {
            return behind.get();
        }
        List<String> names = weights.names();
        boolean inBlocks = names.stream().anyMatch(name -> name.matches("blocks\\.\\d+\\.ln[12]\\.w"));
        if (inBlocks && !names.contains("ln_final.w")) {
            throw new ModscanException(
                    "there is no ln_final.w in " + weights + ", so its LayerNorms may be behind the halves"
                            + " of a block, as in OPT-350M, or in front of them with the last one left out: say normsBehind() or"
                            + " normsInFront()");
        }
        return false;
    }

    private Half half(int stage) {
        int layer = stage / 2;
        Weight in = weights.get(layer, half(stage, "attn.W_V", "mlp.W_in"));
        Weight out = weights.get(layer, half(stage, "attn.W_O", "mlp.W_out"));
        boolean attention = stage % 2 == 0;
        int axes = attention ? 3 : 2;
        List<Integer> shape = out.shape();
        List<Integer> wanted = shape.size() != axes
                ? List.of()
                : attention ? List.of(shape.get(0), shape.get(2), shape.get(1)) : List.of(shape.get(1), shape.get(0));
        if (!in.shape().equals(wanted)) {
            throw new ModscanException(in + " and " + out + " don't fit each other; they are "
                    + half(
                            stage,
                            "[heads, stream, units] and [heads, units, stream]",
                            "[stream, units] and [units, stream]"));
        }
        int heads = attention ? shape.get(0) : 1;
        int ofHead = shape.get(axes - 2);
        int width = shape.get(axes - 1);
        float[] writes = new float[heads * ofHead * width];
        out.values().get(0, writes);
        float[] reads = new float[writes.length];
        FloatBuffer stored = in.values();
        for (int at = 0; at < reads.length; at++) {
            // Stored as [head, coordinate, unit].
            int unit = at / ofHead / width * ofHead + at % ofHead;
            reads[unit * width + at / ofHead % width] = stored.get(at);
        }
        Site site = captured(siteName(stage))
                .map(SiteActivations::site)
                .orElseGet(() -> new Site(
                        siteName(stage),
                        OptionalInt.of(layer),
                        attention
                                ? List.of(Axis.POSITION, Axis.heads(heads), Axis.units(ofHead))
                                : List.of(Axis.POSITION, Axis.units(ofHead)),
                        false));
        if (site.width() != heads * ofHead) {
            throw new ModscanException("'" + site + "' has " + site.width() + " units in the activations, and "
                    + heads * ofHead + " in the weights; they are of two models");
        }
        return new Half(site, stage, heads * ofHead, ofHead, width, writes, reads);
    }

    private float[] norm(int stage, int width) {
        String name = "blocks." + stage / 2 + "." + half(stage, "ln1", "ln2") + ".w";
        float[] scales = new float[width];
        if (!weights.names().contains(name)) {
            Arrays.fill(scales, 1);
            return scales;
        }
        Weight weight = weights.get(name);
        if (!weight.shape().equals(List.of(width))) {
            throw new ModscanException(weight + " doesn't scale a stream of " + width + " coordinates");
        }
        weight.values().get(0, scales);
        return scales;
    }

    private static void scale(float[] rows, float[] scales) {
        for (int at = 0; at < rows.length; at++) {
            rows[at] *= scales[at % scales.length];
        }
    }

    private int[] coordinates(int width) {
        for (int coordinate : without) {
            if (coordinate < 0 || coordinate >= width) {
                throw new ModscanException("the residual stream has the coordinates 0 to " + (width - 1)
                        + ", so there is no coordinate " + coordinate + " to leave out");
            }
        }
        if (width - without.size() < FEWEST_COORDINATES) {
            throw new ModscanException("over a residual stream of " + (width - without.size())
                    + " coordinates every cosine is 1, −1 or none; connections take at least " + FEWEST_COORDINATES);
        }
        return IntStream.range(0, width).filter(i -> !without.contains(i)).toArray();
    }

    private static float[] columns(float[] rows, int width, int[] coordinates) {
        if (coordinates.length == width) {
            return rows;
        }
        float[] columns = new float[rows.length / width * coordinates.length];
        for (int at = 0; at < columns.length; at++) {
            columns[at] = rows[at / coordinates.length * width + coordinates[at % coordinates.length]];
        }
        return columns;
    }

    private StreamSite site(Half half, int[] coordinates, boolean normsBehind) {
        float[] writes = columns(half.writes(), half.width(), coordinates);
        float[] reads = columns(half.reads(), half.width(), coordinates);
        int width = coordinates.length;
        for (int at = 0; !normsBehind && at < writes.length; at += width) {
            StreamSites.centre(writes, at, width);
            StreamSites.centre(reads, at, width);
        }
        Optional<Liveliness> liveliness = captured(half.site().name()).map(Liveliness::of);
        return basis(half)
                .map(basis -> ofComponents(half, width, writes, reads, liveliness.orElseThrow(), basis))
                .orElseGet(() -> ofUnits(half, width, writes, reads, liveliness));
    }

    private Optional<Basis> basis(Half half) {
        return bases.stream()
                .filter(basis -> basis.site().name().equals(half.site().name()))
                .findFirst();
    }

    private static void check(Basis basis, Half half) {
        if (basis.site().width() != half.units()) {
            throw new ModscanException(
                    "the basis of '" + basis.site() + "' is of " + basis.site().width()
                            + " units, and the weights have " + half.units() + "; they are of two models");
        }
    }

    /** The squared lengths of rows. */
    private static double[] squares(float[] rows, int width) {
        return IntStream.range(0, rows.length / width)
                .mapToDouble(unit -> {
                    double length = StreamSite.length(rows, unit * width, width);
                    return length * length;
                })
                .toArray();
    }

    /** How much units vary, in mean squares. */
    private static double[] spread(Liveliness liveliness, int units, boolean aboutMean) {
        return IntStream.range(0, units)
                .mapToDouble(unit -> {
                    double size = liveliness.size(unit, aboutMean);
                    return size * size;
                })
                .toArray();
    }

    /** What is typical of a site: the root of the mean of squared amplitudes, of those that are loud at all. */
    private static double typical(double[] written, double[] spread) {
        return Math.sqrt(IntStream.range(0, written.length)
                .mapToDouble(unit -> written[unit] * spread[unit])
                .filter(square -> square > 0 && square < Double.POSITIVE_INFINITY)
                .average()
                .orElse(0));
    }

    private static double share(double amplitude, double typical) {
        return typical > 0 ? Math.min(1, amplitude / typical) : 0;
    }

    private static StreamSite ofUnits(
            Half half, int width, float[] writes, float[] reads, Optional<Liveliness> liveliness) {
        boolean[] there = new boolean[half.units()];
        double[] loudness = new double[half.units()];
        double[] hearing = new double[half.units()];
        Arrays.fill(there, true);
        Arrays.fill(loudness, 1);
        Arrays.fill(hearing, 1);
        if (liveliness.isPresent()) {
            double[] written = squares(writes, width);
            double[] spread = spread(liveliness.get(), half.units(), false);
            double typical = typical(written, spread);
            for (int unit = 0; unit < there.length; unit++) {
                there[unit] = spread[unit] > 0 && spread[unit] < Double.POSITIVE_INFINITY;
                loudness[unit] = share(Math.sqrt(written[unit] * spread[unit]), typical);
            }
        }
        return StreamSite.of(half.site(), half.stage(), width, there, writes, loudness, reads, hearing);
    }

    private static StreamSite ofComponents(
            Half half, int width, float[] writes, float[] reads, Liveliness liveliness, Basis basis) {
        int units = half.units();
        int components = basis.rank();
        double typical = typical(
                half.overHeads(squares(writes, width)),
                half.overHeads(spread(liveliness, units, basis.kind() != Basis.Kind.UNCENTRED)));
        double[] passedOn = new double[reads.length];
        double[] squares = half.overHeads(squares(reads, width));
        for (int unit = 0; unit < units; unit++) {
            // A head's z is a sum of what it reads; a neuron passes on what it reads while it is on.
            double on = half.stage() % 2 == 0 ? 1 : liveliness.onShare(unit);
            squares[unit] *= on * on;
            for (int at = unit * width; at < (unit + 1) * width; at++) {
                passedOn[at] = on * reads[at];
            }
        }
        double[] vectors = new double[components * units];
        double[] apart = new double[components];
        for (int k = 0; k < components; k++) {
            Interrupt.checkThisThread();
            double[] component = basis.component(k);
            System.arraycopy(component, 0, vectors, k * units, units);
            for (int unit = 0; unit < units; unit++) {
                apart[k] += component[unit] * component[unit] * squares[unit];
            }
        }
        float[] mixedWrites = mixed(vectors, components, doubles(writes), units, width);
        float[] mixedReads = mixed(vectors, components, passedOn, units, width);
        boolean[] there = new boolean[components];
        double[] loudness = new double[components];
        double[] hearing = new double[components];
        Arrays.fill(there, true);
        for (int k = 0; k < components; k++) {
            double written = StreamSite.length(mixedWrites, k * width, width) * Math.sqrt(basis.variance(k));
            loudness[k] = share(written, typical);
            hearing[k] = share(StreamSite.length(mixedReads, k * width, width), Math.sqrt(apart[k]));
        }
        return StreamSite.of(
                basis.projectedSite(), half.stage(), width, there, mixedWrites, loudness, mixedReads, hearing);
    }

    private static double[] doubles(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    private static float[] mixed(double[] vectors, int components, double[] rows, int units, int width) {
        double[] product =
                Products.timesTransposed(vectors, components, Products.transposed(rows, units, width), width, units);
        float[] mixed = new float[product.length];
        for (int i = 0; i < mixed.length; i++) {
            mixed[i] = (float) product[i];
        }
        return mixed;
    }

    @Override
    public String toString() {
        return weights
                + activations.map(all -> ", among " + all).orElse("")
                + (bases.isEmpty()
                        ? ""
                        : ", in "
                                + bases.stream()
                                        .map(basis -> basis.projectedSite().name())
                                        .collect(Collectors.joining(", ")))
                + behind.map(is -> ", LayerNorms " + (is ? "behind" : "in front"))
                        .orElse("")
                + (without.isEmpty() ? "" : ", without the coordinates " + without);
    }
}
