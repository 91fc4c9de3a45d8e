package io.modscan.core.site;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A place in the network where a tensor can be read. A site is known by its TransformerLens name, such as
 * {@code blocks.5.attn.hook_z}, or, in a foreign model, by the tensor's own.
 *
 * @param name     its name
 * @param layer    the layer that it belongs to, from 0; empty for the embeddings, the last LayerNorm, logits and loss
 * @param axes     the axes of its tensor behind the batch axis: any of positions, heads, units in this order, or
 *                 queries and keys, heads before them where there are any. Only those of units may be several
 * @param onDemand whether a wildcard passes it over, so that only its name brings it in (it costs more than all else, or
 *                 is derived from another site)
 * @param magnitudeOf the site whose {@linkplain #magnitude() magnitudes} this one holds, or empty if it has a tensor of
 *                    its own
 * @param picked      which units of another site this one {@linkplain #pick picks}, or empty
 * @param backward    what another site's {@linkplain #gradient() gradient} or {@linkplain #attribution() attribution} this one holds, or empty
 */
public record Site(
        String name,
        OptionalInt layer,
        List<Axis> axes,
        boolean onDemand,
        Optional<Site> magnitudeOf,
        Optional<Picked> picked,
        Optional<Backward> backward) {

    /**
     * What a backward pass gives of a site.
     *
     * @param kind which of the two
     * @param of   the site, one of the network's own
     */
    public record Backward(Kind kind, Site of) {

        /** What a backward pass gives. */
        public enum Kind {
            /** The gradient of the objective with respect to the site. */
            GRADIENT,
            /** To first order, what the objective would gain if the site were replaced. */
            ATTRIBUTION
        }
    }

    /**
     * Some units of a site.
     *
     * @param of    the site, with a tensor of its own
     * @param units indices along its axis of units
     */
    public record Picked(Site of, List<Integer> units) {

        /**
         * Copies the indices.
         *
         * @param of    see above
         * @param units see above
         */
        public Picked {
            units = List.copyOf(units);
        }
    }

    /**
     * Copies the axes and checks their order.
     *
     * @param name     see above
     * @param layer    see above
     * @param axes     see above
     * @param onDemand see above
     * @param magnitudeOf see above
     * @param picked   see above
     * @param backward see above
     * @throws IllegalArgumentException if the axes are others, or in another order, or have more than 2³¹ - 1 units
     */
    public Site {
        axes = List.copyOf(axes);
        if (!isReadable(axes)) {
            throw new IllegalArgumentException("the axes of " + name + " are "
                    + axes.stream().map(Axis::role).toList()
                    + "; they must be any of POSITION, HEAD, UNIT in this order, UNIT as often as needed, or QUERY, KEY"
                    + " with HEAD before them or without");
        }
        long units = 1;
        for (Axis axis : axes) {
            units *= axis.role() == Axis.Role.UNIT ? axis.size() : 1;
            if (units > Integer.MAX_VALUE) {
                throw new IllegalArgumentException(
                        "the axes of " + name + " are " + axes + ", of more than " + Integer.MAX_VALUE + " units");
            }
        }
    }

    /**
     * A site with a tensor of its own.
     *
     * @param name     its name
     * @param layer    the layer that it belongs to, from 0, or empty
     * @param axes     the axes of its tensor behind the batch axis
     * @param onDemand whether a wildcard passes it over
     * @throws IllegalArgumentException if the axes are others than those of a site, or in another order
     */
    public Site(String name, OptionalInt layer, List<Axis> axes, boolean onDemand) {
        this(name, layer, axes, onDemand, Optional.empty(), Optional.empty(), Optional.empty());
    }

    private static boolean isReadable(List<Axis> axes) {
        for (int i = 1; i < axes.size(); i++) {
            int order = axes.get(i - 1).role().compareTo(axes.get(i).role());
            if (order > 0 || (order == 0 && axes.get(i).role() != Axis.Role.UNIT)) {
                return false;
            }
        }
        boolean pairs = has(axes, Axis.Role.QUERY) || has(axes, Axis.Role.KEY);
        int last = axes.size() - 1;
        return !pairs
                || (axes.get(last).role() == Axis.Role.KEY
                        && last > 0
                        && axes.get(last - 1).role() == Axis.Role.QUERY
                        && !has(axes, Axis.Role.POSITION));
    }

    private static boolean has(List<Axis> axes, Axis.Role role) {
        for (Axis axis : axes) {
            if (axis.role() == role) {
                return true;
            }
        }
        return false;
    }

    /**
     * The last part of the name, which is the same in every layer. Parts are divided by dots, or, as in foreign models, by
     * slashes.
     *
     * @return for example {@code hook_z}
     */
    public String hook() {
        return lastPart(name);
    }

    static String lastPart(String name) {
        return name.substring(Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1);
    }

    /**
     * Whether the tensor has an axis of token positions, along which it can be pooled. Attention scores and patterns
     * have two axes of positions and so none of this kind.
     *
     * @return whether it has
     */
    public boolean hasPositions() {
        return has(axes, Axis.Role.POSITION);
    }

    /**
     * Whether the tensor has a value for each pair of positions, as attention scores and patterns have.
     *
     * @return whether its last axes are those of queries and keys
     */
    public boolean isPairwise() {
        return has(axes, Axis.Role.QUERY);
    }

    /**
     * The number of attention heads.
     *
     * @return the length of the axis of heads, or 0 if there is none
     */
    public int heads() {
        return size(Axis.Role.HEAD);
    }

    /**
     * The number of units (of each head, where there are heads).
     *
     * @return the length of the axis of units, or the product of several; 0 if there is none
     */
    public int units() {
        return size(Axis.Role.UNIT);
    }

    /**
     * What a unit is called. A view that makes units of something else may name them.
     *
     * @param unit an index along the axis of units
     * @return its name; empty where the units have none, or there are several axes of them
     * @throws IndexOutOfBoundsException if there is no such unit
     */
    public Optional<String> unitName(int unit) {
        Objects.checkIndex(unit, units());
        List<String> names = axes.get(axes.size() - 1).names();
        return names.size() == units() ? Optional.of(names.get(unit)) : Optional.empty();
    }

    private int size(Axis.Role role) {
        int size = 0;
        for (Axis axis : axes) {
            if (axis.role() == role) {
                size = Math.max(1, size) * axis.size();
            }
        }
        return size;
    }

    /**
     * The number of values at one position (or, for attention, at one pair of positions).
     *
     * @return heads × units, each counted as 1 where there is no such axis
     */
    public int width() {
        return Math.max(1, heads()) * Math.max(1, units());
    }

    /**
     * The site of this tensor's magnitudes: the L2 norm over all axes of units, at each position (and head), taken before
     * any pooling. For {@code hook_z} that is one number a head.
     *
     * @return a site named like this one with {@code .magnitude} behind, to be read on demand
     * @throws IllegalArgumentException if this site has no axis of units
     */
    public Site magnitude() {
        if (units() == 0) {
            throw new IllegalArgumentException(name + " has no axis of units to take the magnitude over");
        }
        List<Axis> rest =
                axes.stream().filter(axis -> axis.role() != Axis.Role.UNIT).toList();
        return new Site(name + ".magnitude", layer, rest, true, Optional.of(this), Optional.empty(), Optional.empty());
    }

    /**
     * Some units of this site, such as the logits of a few tokens: where only these are read, the others never leave what computes them.
     *
     * @param units indices along the axis of units, each once; the picked site's units are in this order and named by these
     *              numbers
     * @return a site named like this one with the indices behind, such as {@code logits[5,17]}, to be read on demand
     * @throws IllegalArgumentException if this site has heads, no axis of units or several, or no such unit, or one is named twice
     */
    public Site pick(int... units) {
        boolean one = heads() == 0
                && axes.stream().filter(axis -> axis.role() == Axis.Role.UNIT).count() == 1;
        if (!one || picked.isPresent()) {
            throw new IllegalArgumentException(
                    "units can be picked of a site without heads that has one axis of them, not of " + name
                            + ", whose axes are " + axes);
        }
        List<Integer> indices = Arrays.stream(units).boxed().toList();
        for (int index : indices) {
            if (index < 0 || index >= units()) {
                throw new IllegalArgumentException(
                        name + " has the units 0 to " + (units() - 1) + ", so no unit " + index);
            }
        }
        List<Axis> rest = new ArrayList<>(axes);
        rest.set(
                rest.size() - 1,
                Axis.units(indices.stream().map(String::valueOf).toList()));
        String list = indices.toString().replace(" ", "");
        return new Site(
                name + list,
                layer,
                rest,
                true,
                Optional.empty(),
                Optional.of(new Picked(this, indices)),
                Optional.empty());
    }

    /**
     * The site of this tensor's gradient: ∂(objective of the prompt)/∂(value), for each of its values, at each position. The
     * {@linkplain Objective objective} is the plan's.
     *
     * @return a site named like this one with {@code .gradient} behind and the same axes, to be read on demand
     * @throws IllegalArgumentException if this site has no tensor of its own in the network
     */
    public Site gradient() {
        return backward(Backward.Kind.GRADIENT, ".gradient", axes);
    }

    /**
     * The site of this tensor's attributions: (replacement − value) · gradient, the first-order estimate of what the objective gains where the value
     * is replaced. Of a site with heads there is one number a head, the sum over its units; of others one a unit; of attention patterns one an
     * edge. The replacement is zero, or what the prompt is {@linkplain io.modscan.core.prompt.Prompt#toward toward}; units and positions of which that says nothing have 0. Pooled by
     * {@link Pooling#sum()} it is the estimate for a replacement at all positions: Nanda, "Attribution patching", 2023
     * (<a href="https://www.neelnanda.io/mechanistic-interpretability/attribution-patching">neelnanda.io</a>); Syed et al., 2023
     * (<a href="https://doi.org/10.48550/arXiv.2310.10348">doi:10.48550/arXiv.2310.10348</a>).
     *
     * @return a site named like this one with {@code .attribution} behind, to be read on demand
     * @throws IllegalArgumentException if this site has no tensor of its own in the network
     */
    public Site attribution() {
        boolean byHead = heads() > 0 && !isPairwise();
        return backward(
                Backward.Kind.ATTRIBUTION,
                ".attribution",
                byHead
                        ? axes.stream()
                                .filter(axis -> axis.role() != Axis.Role.UNIT)
                                .toList()
                        : axes);
    }

    private Site backward(Backward.Kind kind, String suffix, List<Axis> axes) {
        if (derivedFrom().isPresent() || backward.isPresent()) {
            throw new IllegalArgumentException("gradients and attributions are of a site of the network, and " + name
                    + " is derived from one; take those of " + forward());
        }
        return new Site(
                name + suffix,
                layer,
                axes,
                true,
                Optional.empty(),
                Optional.empty(),
                Optional.of(new Backward(kind, this)));
    }

    /**
     * The site of the network that this one is about: the one whose magnitudes, picked units, gradients or attributions it holds.
     *
     * @return a site that the network computes on its way forward; this one if it is such a site
     */
    public Site forward() {
        return derivedFrom()
                .or(() -> backward.map(Backward::of))
                .map(Site::forward)
                .orElse(this);
    }

    /**
     * Whether this site holds attributions.
     *
     * @return whether it is another's {@link #attribution()}
     */
    public boolean isAttribution() {
        return backward.filter(of -> of.kind() == Backward.Kind.ATTRIBUTION).isPresent();
    }

    /**
     * The site with a tensor of its own that this one is derived from.
     *
     * @return that whose magnitudes or picked units this one holds; empty if it has a tensor of its own, as gradients and attributions have
     */
    public Optional<Site> derivedFrom() {
        return magnitudeOf.or(() -> picked.map(Picked::of));
    }

    /**
     * The name of the tensor that is read: for magnitudes and picked units, that of the site that they are of; for others, their own.
     *
     * @return the name of a site with a tensor of its own
     */
    public String tensorName() {
        return derivedFrom().map(Site::name).orElse(name);
    }

    @Override
    public String toString() {
        return name;
    }
}
