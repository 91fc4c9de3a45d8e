package io.modscan.metrics.subspace;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Weight;
import io.modscan.core.model.Weights;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Which heads and MLPs read from a subspace of the residual stream, or write to it: the share of each matrix that lies in the
 * subspace, against what a subspace of random orientation gets ({@link WeightShare}).
 *
 * <pre>{@code
 * Subspace topics = activations.at("blocks.5.ln1.hook_normalized").measure(Subspace.ofLabelMeans("topic"));
 * List<WeightShare> readers = WeightOverlap.of(model.weights())
 *         .layers(5, 6)
 *         .only(WeightSide.W_V, WeightSide.W_QK_KEY)
 *         .shares(topics);
 * }</pre>
 *
 * <p><strong>Take the subspace at the place that the matrix reads from or writes to</strong>, as {@link WeightSide} says: the
 * LayerNorm rescales each coordinate, so a subspace of {@code hook_resid_pre} is not the one that W_V sees. Biases and the
 * LayerNorm's own scale play no part.
 *
 * <p>Random orientation is a low bar. Matrices and activations both favour some directions, an outlier dimension above all, and
 * a subspace that takes in such a direction overlaps more than chance with nearly every matrix. So compare heads with each
 * other, or with a subspace of shuffled labels. Shares of W_Q alone say less than those of W_QK, since what a query has in
 * common with no key has no effect; so do those of W_V beside W_OV.
 *
 * <p>No product of D × D is formed for a head: with W_V = V and W_O = O, the read side is ‖S·V·O‖² = tr(P·(O·Oᵀ)·Pᵀ) with
 * P = S·V [k, d], and so on. A head takes O(D·d·(d + k)) time and 40·D·d bytes of the heap; an MLP O(D·F·(min(D, F) + k)) time, for the
 * standard deviation, and 20·D·F bytes of the heap, beside what the installed product takes outside of it: that is a second at D = 768 with products in plain Java, and minutes at D = 4096, where
 * {@link #only} leaves MLPs out, or a faster {@link io.modscan.core.model.LinearAlgebra} helps. Immutable; as safe for use by
 * many threads as the weights are.
 */
public final class WeightOverlap {

    private final Weights weights;
    private final int from;
    private final int to;
    private final Set<WeightSide> sides;

    private WeightOverlap(Weights weights, int from, int to, Set<WeightSide> sides) {
        this.weights = weights;
        this.from = from;
        this.to = to;
        this.sides = sides;
    }

    /**
     * Begins with all matrices of a model. None is read yet.
     *
     * @param weights the model's weights
     * @return settings, with all layers and all sides
     */
    public static WeightOverlap of(Weights weights) {
        return new WeightOverlap(weights, 0, weights.layers(), EnumSet.allOf(WeightSide.class));
    }

    /**
     * The same with some of the layers.
     *
     * @param first the first layer
     * @param end   the layer behind the last
     * @return a copy
     * @throws IllegalArgumentException if the model has no such layers, or there is none between the two
     */
    public WeightOverlap layers(int first, int end) {
        if (first < 0 || first >= end || end > weights.layers()) {
            throw new IllegalArgumentException("the model has the layers 0 to " + (weights.layers() - 1)
                    + ", none from " + first + " before " + end);
        }
        return new WeightOverlap(weights, first, end, sides);
    }

    /**
     * The same with some of the sides; matrices that they don't need are not read.
     *
     * @param some which, at least one
     * @return a copy
     * @throws IllegalArgumentException if there is none
     */
    public WeightOverlap only(WeightSide... some) {
        return only(List.of(some));
    }

    /**
     * The same with the sides that read from the residual stream.
     *
     * @return a copy
     */
    public WeightOverlap reads() {
        return only(sides.stream().filter(WeightSide::reads).toList());
    }

    /**
     * The same with the sides that write to the residual stream.
     *
     * @return a copy
     */
    public WeightOverlap writes() {
        return only(sides.stream().filter(side -> !side.reads()).toList());
    }

    private WeightOverlap only(Collection<WeightSide> some) {
        if (some.isEmpty()) {
            throw new IllegalArgumentException("no side of a matrix is left; name one at least");
        }
        return new WeightOverlap(weights, from, to, EnumSet.copyOf(some));
    }

    /**
     * Computes the shares.
     *
     * @param subspace a subspace of the residual stream, of as many coordinates as it is wide
     * @return a row for each matrix and side, in order of layers; in each the heads' first, head by head
     * @throws ModscanException             if the subspace has another width, or a weight is not there or of a shape that does
     *                                      not fit the others
     * @throws java.io.UncheckedIOException if a weight cannot be read
     */
    public List<WeightShare> shares(Subspace subspace) {
        Objects.requireNonNull(subspace, "subspace");
        List<WeightShare> shares = new ArrayList<>();
        for (int layer = from; layer < to; layer++) {
            heads(layer, subspace, shares);
            for (WeightSide side : sides) {
                if (!side.ofHead()) {
                    Weight weight = weights.get(layer, "mlp." + side.matrix());
                    StreamMatrix matrix = StreamMatrix.of(weight, side.reads(), subspace.width());
                    shares.add(row(layer, OptionalInt.empty(), side, matrix.share(subspace)));
                }
            }
        }
        return shares;
    }

    private void heads(int layer, Subspace subspace, List<WeightShare> shares) {
        Map<WeightSide, Weight> read = new EnumMap<>(WeightSide.class);
        for (WeightSide side : sides) {
            if (side.ofHead()) {
                for (WeightSide factor : factors(side)) {
                    read.computeIfAbsent(factor, f -> weights.get(layer, "attn." + f.matrix()));
                }
            }
        }
        int heads = heads(read.values());
        for (int head = 0; head < heads; head++) {
            Map<WeightSide, StreamMatrix> matrices = new EnumMap<>(WeightSide.class);
            for (Map.Entry<WeightSide, Weight> entry : read.entrySet()) {
                Weight one = entry.getValue().part(head);
                matrices.put(entry.getKey(), StreamMatrix.of(one, entry.getKey().reads(), subspace.width()));
            }
            for (WeightSide side : sides) {
                if (side.ofHead()) {
                    shares.add(row(layer, OptionalInt.of(head), side, share(side, matrices, subspace)));
                }
            }
        }
    }

    private static int heads(Collection<Weight> read) {
        int heads = 0;
        for (Weight weight : read) {
            if (weight.shape().size() != 3
                    || (heads > 0 && heads != weight.shape().get(0))) {
                throw new ModscanException(weight + " is not a matrix for each of " + (heads > 0 ? heads + " " : "")
                        + "heads; the weights of a layer's heads are [heads, …, …]");
            }
            heads = weight.shape().get(0);
        }
        return heads;
    }

    /** The matrices of which one is made: that whose side it is, and, for a product, the other one. */
    private static List<WeightSide> factors(WeightSide side) {
        return switch (side) {
            case W_QK_QUERY -> List.of(WeightSide.W_Q, WeightSide.W_K);
            case W_QK_KEY -> List.of(WeightSide.W_K, WeightSide.W_Q);
            case W_OV_READ -> List.of(WeightSide.W_V, WeightSide.W_O);
            case W_OV_WRITE -> List.of(WeightSide.W_O, WeightSide.W_V);
            default -> List.of(side);
        };
    }

    private static StreamMatrix.Share share(
            WeightSide side, Map<WeightSide, StreamMatrix> matrices, Subspace subspace) {
        List<WeightSide> factors = factors(side);
        StreamMatrix near = Objects.requireNonNull(matrices.get(factors.get(0)));
        return factors.size() == 1
                ? near.share(subspace)
                : near.share(subspace, Objects.requireNonNull(matrices.get(factors.get(1))));
    }

    private static WeightShare row(int layer, OptionalInt head, WeightSide side, StreamMatrix.Share share) {
        return new WeightShare(layer, head, side, share.share(), share.expected(), share.z(), share.p());
    }

    @Override
    public String toString() {
        return "WeightOverlap[" + weights + ", layers " + from + " to " + (to - 1) + ", " + sides + "]";
    }
}
