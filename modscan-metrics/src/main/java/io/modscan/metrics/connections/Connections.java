package io.modscan.metrics.connections;

import io.modscan.core.Activations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Weights;
import io.modscan.core.site.Unit;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.internal.graph.CommunitySearch;
import io.modscan.metrics.internal.rank.ChanceLevel;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.ModuleProgress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * How units write to and read from each other through the residual stream, and which are modules by that. The methods that
 * return {@code Connections} give the same with one setting changed.
 *
 * <pre>{@code
 * ModuleMap raw = Connections.of(model.weights()).modules();
 * ModuleMap inBasis = Connections.of(model.weights()).among(activations).in(bases).modules();
 * }</pre>
 *
 * <p><b>Who writes, who reads.</b> Neurons ({@code mlp.hook_post}) write the rows of W_out and read the columns of W_in; the
 * dimensions of heads ({@code attn.hook_z}) write the rows of W_O and read the columns of W_V. A unit reaches those behind it only:
 * a head the MLP of its layer and all of later ones, a neuron all of later layers. What W_Q and W_K read decides where a head
 * looks, by a product of two readings, not what it passes on; it is no part of this. Nor are embeddings and logits. W_gate of MLPs
 * that have one is refused.
 *
 * <p><b>LayerNorm in front</b> of each half of a block, as in all sizes of OPT but 350M: a unit with the weights w reads the stream by
 * ln.w ∘ w, and since LayerNorm takes each vector's mean off, both what is written and what is read are centred over the
 * coordinates of the stream, so that the cosine is a correlation over them. <b>Behind</b> ({@link #normsBehind()}): what is written
 * passes each LayerNorm up to the reader, x ↦ ln.w ∘ (x − mean x). Where {@code ln1.w} is there and {@code ln_final.w} is
 * not, the one has to be {@linkplain #normsInFront() said}. Without {@code ln1.w}, scales are 1. By how much a LayerNorm divides
 * hangs on the token; it is the same for all that is written there, so it is left out: strengths compare those who write, not the layers they reach.
 *
 * <p><b>Strength.</b> The cosine of what i writes, v<sub>i</sub>, and what j reads, r<sub>j</sub>: the composition score of
 * Elhage et al., "A Mathematical Framework for Transformer Circuits", 2021 (<a
 * href="https://transformer-circuits.pub/2021/framework/index.html">transformer-circuits.pub</a>), for a pair of units; its sign tells
 * whether j is driven up or down. Neither factor of a ReLU neuron's W_in and W_out matters, which can be moved from one to the
 * other. The strength of a connection is s<sub>ij</sub> = a<sub>i</sub> |cos(v<sub>i</sub>, r<sub>j</sub>)| b<sub>j</sub>, in [0, 1], with
 * the loudness a and the hearing b of
 * <ul>
 * <li>units as they are: 1;
 * <li>units {@linkplain #among(Activations) among activations}: a<sub>i</sub> = min(1, A<sub>i</sub> / A) with the amplitude
 * A<sub>i</sub> = |v<sub>i</sub>| √E[f<sub>i</sub>²] over the vectors f (a prompt's where positions were pooled, else a
 * token's), and A the root mean square of A<sub>i</sub> over the units of the site that write anything. So a faint unit connects
 * little, a dead one (f = 0) nothing: that and those with values or weights that are not finite are left out. b = 1;
 * <li>components of a {@linkplain #in(List) basis}: component k with the unit vector u<sub>k</sub> and the variance λ<sub>k</sub> (of an
 * uncentred basis E[f fᵀ] = Λ) writes v<sub>k</sub> = Σ<sub>j</sub> u<sub>kj</sub> v<sub>j</sub>, with the amplitude
 * A<sub>k</sub> = |v<sub>k</sub>| √λ<sub>k</sub>, set against the same A of the site's <em>units</em>. What parallel units write
 * adds up in one component; what opposite units write in the same direction cancels, and A<sub>k</sub> is 0. It reads
 * r<sub>k</sub> = Σ<sub>j</sub> u<sub>kj</sub> o<sub>j</sub> r<sub>j</sub>: to first order a neuron passes on what it reads while it is on,
 * so o<sub>j</sub>, the mean derivative of ReLU, is the share of vectors in which it is positive (for other activation functions a
 * coarse estimate; for pooled values too, since a mean is positive where any token is); for heads, which are linear, o = 1. b<sub>k</sub> =
 * min(1, |r<sub>k</sub>| / √(Σ<sub>j</sub> u<sub>kj</sub>² o<sub>j</sub>² |r<sub>j</sub>|²)) is small where readings cancel.
 * </ul>
 * The dimensions of a head are arbitrary: a rotation of both W_V and W_O changes them and nothing else. Components are not, so for
 * heads go by these; |v<sub>j</sub>|², E[f<sub>j</sub>²] and |r<sub>j</sub>|² are means over the dimensions of a head where A and b of
 * components take them.
 *
 * <p><b>Modules</b> are the groups that a search as that of {@link io.modscan.metrics.modules.Modules} agrees on, repeated as
 * it is there, units that it does not agree on being on the border; prompts have no part in it, so there are no halves, and
 * stability is NaN. The search is in the graph where each node keeps its {@linkplain
 * #withNeighbours(int) strongest links}, whichever way they point, from a {@linkplain #withThreshold(double) threshold} on: unless set, the
 * |cosine| that any pair reaches with a probability of at most 0.05 (Bonferroni's bound), if weights are independent and normal. The
 * search is repeated with permuted weights, {@linkplain #withShuffles(int) 19 times} unless set: what each unit writes is put at other
 * coordinates of the stream, and so is what it reads, each unit by itself, which keeps how its weights are distributed, a and b. The
 * smallest p is 1 / (1 + shuffles). In the {@link ModuleMap}, {@code absolute} is true, {@code threshold} is one of s,
 * {@code leftOut} has the units named above, and those that neither write nor read; of a module, {@code correlation} is
 * the mean s over the pairs of members of which one can hear the other, and closeness, which p is of, the sum over these of s² − (a b)² / (D − 1),
 * D coordinates in any order having that mean.
 *
 * <p>A coordinate that nearly all units write to, as bright ones are, connects everything with everything that reads it. Permuted
 * weights have none, so p is small then; and it makes up the length of what is written, so that all else falls below the threshold.
 * {@linkplain #withoutCoordinates(int...) Leave it out}.
 *
 * <p>A connection is what weights allow, to first order. What else is written there, attention's choice of tokens, and ReLU decide
 * what becomes of it.
 *
 * <p>Weights are read once, when a result is first asked for, and kept for all settings that need not read them anew: 8 bytes a unit
 * and coordinate, 16 while weights are permuted, and up to 32 bytes a unit and neighbour. A basis of d units takes 24·d² bytes
 * meanwhile. For N units, a graph takes up to N² D / 2 multiplications in single precision, by {@link
 * io.modscan.core.model.LinearAlgebra}, in tiles; there is one for each shuffle and one more. The result is the same each time for the same
 * seed and implementation of the product; another may round differently, which can turn a tie. An interrupt ends it with a {@link
 * java.util.concurrent.CancellationException}. Immutable; as safe for use by many threads as the weights are.
 *
 * <p>What asks for a result throws a {@link ModscanException} if weights are missing or don't fit each other, or activations or bases
 * don't fit them, and {@link java.io.UncheckedIOException} if they cannot be read.
 */
public final class Connections {

    private static final int NEIGHBOURS = 20;
    private static final int STARTS = 10;
    private static final int SHUFFLES = 19;

    private final Kept kept;
    private final int neighbours;
    private final OptionalDouble threshold;
    private final CommunitySearch search;
    private final int starts;
    private final int shuffles;
    private final long seed;
    private final Consumer<ModuleProgress> progress;

    /** What was read, once it was asked for. */
    private static final class Kept {
        private final StreamReader reader;
        private @Nullable StreamSites sites;

        Kept(StreamReader reader) {
            this.reader = reader;
        }

        synchronized StreamSites sites() {
            if (sites == null) {
                sites = reader.read();
            }
            return sites;
        }
    }

    private Connections(
            Kept kept,
            int neighbours,
            OptionalDouble threshold,
            CommunitySearch search,
            int starts,
            int shuffles,
            long seed,
            Consumer<ModuleProgress> progress) {
        this.kept = kept;
        this.neighbours = neighbours;
        this.threshold = threshold;
        this.search = search;
        this.starts = starts;
        this.shuffles = shuffles;
        this.seed = seed;
        this.progress = progress;
    }

    private Connections reading(StreamReader reader) {
        return new Connections(new Kept(reader), neighbours, threshold, search, starts, shuffles, seed, progress);
    }

    /**
     * Begins with all neurons and heads of a model, as they are. None of its weights is read yet.
     *
     * @param weights the model's weights
     * @return settings as named above
     */
    public static Connections of(Weights weights) {
        StreamReader reader = new StreamReader(
                Objects.requireNonNull(weights, "weights"), Optional.empty(), List.of(), Optional.empty(), Set.of());
        return new Connections(
                new Kept(reader),
                NEIGHBOURS,
                OptionalDouble.empty(),
                new CommunitySearch(1),
                STARTS,
                SHUFFLES,
                0,
                step -> {});
    }

    /**
     * The same for the units of some activations, weighed by how much they vary there.
     *
     * @param activations with the sites {@code hook_z} and {@code mlp.hook_post} of those layers whose units are to take part,
     *                    pooled or not; other sites are passed over
     * @return a copy
     */
    public Connections among(Activations activations) {
        StreamReader old = kept.reader;
        return reading(new StreamReader(
                old.weights(),
                Optional.of(Objects.requireNonNull(activations, "activations")),
                old.bases(),
                old.behind(),
                old.without()));
    }

    /**
     * The same with the components of bases in place of the units of their sites. Units at sites without a basis stay as they are.
     *
     * @param bases one a site at most, each of a whole site, such as {@link Basis#uncentred()} fits, from vectors of the same kind (a
     *              prompt's or a token's) as the activations have; of the kind ZCA none. A whitened basis gives what the centred one
     *              does, one of rank 0 no unit
     * @return a copy
     * @throws IllegalArgumentException if two bases are of the same site, or one is of the kind ZCA, whose coordinates are the site's
     *                                  units again
     * @throws IllegalStateException    if no activations were given by {@link #among} before, which say how often neurons are on
     */
    public Connections in(List<Basis> bases) {
        Set<String> names = new HashSet<>();
        for (Basis basis : bases) {
            check(
                    basis.kind() != Basis.Kind.ZCA,
                    "the coordinates of " + basis
                            + " are no components; fit it by Basis.uncentred() or Basis.centred()");
            check(names.add(basis.site().name()), "there are two bases of '" + basis.site() + "'; give one");
        }
        StreamReader old = kept.reader;
        if (old.activations().isEmpty()) {
            throw new IllegalStateException("how often neurons are on is part of what components read:"
                    + " say among(activations) before in(bases)");
        }
        return reading(
                new StreamReader(old.weights(), old.activations(), List.copyOf(bases), old.behind(), old.without()));
    }

    /**
     * The same in bases.
     *
     * @param bases as {@link #in(List)} has them
     * @return a copy
     * @throws IllegalArgumentException as {@link #in(List)} does
     * @throws IllegalStateException    as {@link #in(List)} does
     */
    public Connections in(Basis... bases) {
        return in(List.of(bases));
    }

    /**
     * The same for a model whose LayerNorms stand in front of attention and MLP. Taken for granted where {@code ln_final.w} is
     * there, or no {@code ln1.w}.
     *
     * @return a copy
     */
    public Connections normsInFront() {
        return norms(false);
    }

    /**
     * The same for a model whose LayerNorms stand behind attention and MLP, on the stream itself, as in OPT-350M.
     *
     * @return a copy
     */
    public Connections normsBehind() {
        return norms(true);
    }

    private Connections norms(boolean behind) {
        StreamReader old = kept.reader;
        return reading(
                new StreamReader(old.weights(), old.activations(), old.bases(), Optional.of(behind), old.without()));
    }

    /**
     * The same as if the residual stream had not some of its coordinates, such as {@link
     * io.modscan.metrics.basis.BrightDimensions} finds.
     *
     * @param coordinates their indices; none takes all of the stream
     * @return a copy
     */
    public Connections withoutCoordinates(int... coordinates) {
        Set<Integer> without = new TreeSet<>();
        Arrays.stream(coordinates).forEach(without::add);
        StreamReader old = kept.reader;
        return reading(new StreamReader(old.weights(), old.activations(), old.bases(), old.behind(), without));
    }

    /**
     * The same with another number of links that a unit keeps, 20 unless set.
     *
     * @param most at least 1
     * @return a copy
     * @throws IllegalArgumentException if it is less than 1
     */
    public Connections withNeighbours(int most) {
        check(most >= 1, "a unit keeps at least 1 neighbour, not " + most);
        return new Connections(kept, most, threshold, search, starts, shuffles, seed, progress);
    }

    /**
     * The same with another strength that makes a link.
     *
     * @param least in [0, 1]; 0 links each unit to its strongest, whatever they are
     * @return a copy
     * @throws IllegalArgumentException if it is not in that range
     */
    public Connections withThreshold(double least) {
        check(least >= 0 && least <= 1, "a strength that makes a link is in [0, 1], not " + least);
        return new Connections(kept, neighbours, OptionalDouble.of(least), search, starts, shuffles, seed, progress);
    }

    /**
     * The same with another resolution γ, 1 unless set.
     *
     * @param gamma more than 1 for smaller modules, less for larger ones
     * @return a copy
     * @throws IllegalArgumentException if it is not positive and finite
     */
    public Connections withResolution(double gamma) {
        check(gamma > 0 && gamma < Double.POSITIVE_INFINITY, "a resolution is positive and finite, not " + gamma);
        return new Connections(
                kept, neighbours, threshold, new CommunitySearch(gamma), starts, shuffles, seed, progress);
    }

    /**
     * The same with another number of searches, 10 unless set: the more there are, the finer is {@link
     * io.modscan.metrics.modules.Member#certainty()}.
     *
     * @param number at least 1
     * @return a copy
     * @throws IllegalArgumentException if it is less than 1
     */
    public Connections withStarts(int number) {
        check(number >= 1, "the search starts at least once, not " + number + " times");
        return new Connections(kept, neighbours, threshold, search, number, shuffles, seed, progress);
    }

    /**
     * The same with another number of times that weights are permuted, 19 unless set. The modules don't depend on it.
     *
     * @param number 0 for not at all; the smallest p-value that there can be is 1 / (1 + number)
     * @return a copy
     * @throws IllegalArgumentException if it is negative
     */
    public Connections withShuffles(int number) {
        check(number >= 0, "weights are permuted 0 times or more, not " + number);
        return new Connections(kept, neighbours, threshold, search, starts, number, seed, progress);
    }

    /**
     * The same with another seed of search and shuffles, 0 unless set.
     *
     * @param number any number
     * @return a copy
     */
    public Connections withSeed(long number) {
        return new Connections(kept, neighbours, threshold, search, starts, shuffles, number, progress);
    }

    /**
     * The same with someone who is told how far {@link #modules()} has come: after the search among the weights as they are
     * ({@code weights}), and after each of the {@code shuffles}, on the thread that asked.
     *
     * @param listener is told
     * @return a copy
     */
    public Connections withProgress(Consumer<ModuleProgress> listener) {
        Objects.requireNonNull(listener, "listener");
        return new Connections(kept, neighbours, threshold, search, starts, shuffles, seed, listener);
    }

    private static void check(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }

    /**
     * Looks for modules.
     *
     * @return units or components, under the names that they have in activations or a basis, in modules
     * @throws ModscanException             as is said above
     * @throws java.io.UncheckedIOException if weights cannot be read
     */
    public ModuleMap modules() {
        StreamSites sites = kept.sites();
        double least = threshold.orElseGet(() -> ChanceLevel.of(sites.width(), sites.pairs(), true));
        AtomicInteger done = new AtomicInteger();
        return new ConnectionSearch(least, neighbours, search, starts, seed)
                .run(
                        sites,
                        shuffles,
                        part -> progress.accept(new ModuleProgress(part, done.incrementAndGet(), 1 + shuffles)));
    }

    /**
     * What one unit writes to another.
     *
     * @param from a unit or, in a basis, a component; its site's name and its index count
     * @param to   one behind it
     * @return their connection; of strength 0 if either was left out
     * @throws ModscanException             if there is no such unit among these, or the second doesn't lie behind the first; and
     *                                      as is said above
     * @throws java.io.UncheckedIOException if weights cannot be read
     */
    public Connection between(Unit from, Unit to) {
        StreamSites sites = kept.sites();
        StreamSite writer = site(sites, from);
        StreamSite reader = site(sites, to);
        if (writer.stage() >= reader.stage()) {
            throw new ModscanException("'" + to + "' doesn't lie behind '" + from + "', and hears nothing of it; "
                    + (writer.stage() == reader.stage()
                            ? "ask for a unit of a site behind that"
                            : "turn them round, since the first is the one that writes"));
        }
        return row(sites, writer, from.inSite(), reader, to.inSite());
    }

    private static StreamSite site(StreamSites sites, Unit unit) {
        return sites.sites().stream()
                .filter(site -> site.site().name().equals(unit.site().name()) && unit.inSite() < site.size())
                .findFirst()
                .orElseThrow(() -> new ModscanException("'" + unit + "' is none of the units that write to the residual"
                        + " stream and read from it; those are of "
                        + sites.sites().stream()
                                .map(site -> site.site() + " (" + site.size() + ")")
                                .toList()));
    }

    private static Connection row(StreamSites sites, StreamSite writer, int from, StreamSite reader, int to) {
        return row(writer, from, reader, to, sites.strengths(writer, new int[] {from}, reader, new int[] {to})[0]);
    }

    private static Connection row(StreamSite writer, int from, StreamSite reader, int to, float strength) {
        double most = writer.writeLength(from) * reader.readLength(to);
        double cosine = most > 0 ? Math.max(-1, Math.min(1, strength / most)) : 0;
        return new Connection(writer.unit(from), reader.unit(to), cosine, Math.abs(cosine) * most);
    }

    /**
     * The strongest connections of a unit, whether it writes or reads.
     *
     * @param unit a unit or, in a basis, a component; its site's name and its index count
     * @param n    how many at most
     * @return its strongest connections, from the strongest down, none of strength 0; among equals in order of the other units
     * @throws IllegalArgumentException     if n is negative
     * @throws ModscanException             if there is no such unit among these; and as is said above
     * @throws java.io.UncheckedIOException if weights cannot be read
     */
    public List<Connection> strongest(Unit unit, int n) {
        check(n >= 0, "ask for 0 connections or more, not " + n);
        StreamSites sites = kept.sites();
        StreamSite own = site(sites, unit);
        int[] one = {unit.inSite()};
        List<Connection> rows = new ArrayList<>();
        for (StreamSite other : sites.sites()) {
            int[] all = IntStream.range(0, other.size()).toArray();
            if (other.stage() < own.stage()) {
                float[] strengths = sites.strengths(other, all, own, one);
                for (int i = 0; i < all.length; i++) {
                    rows.add(row(other, i, own, one[0], strengths[i]));
                }
            } else if (other.stage() > own.stage()) {
                float[] strengths = sites.strengths(own, one, other, all);
                for (int i = 0; i < all.length; i++) {
                    rows.add(row(own, one[0], other, i, strengths[i]));
                }
            }
        }
        return rows.stream()
                .filter(row -> row.strength() > 0)
                .sorted(Comparator.comparingDouble((Connection row) -> -row.strength()))
                .limit(n)
                .toList();
    }

    @Override
    public String toString() {
        return "Connections[" + kept.reader + ", " + neighbours + " neighbours"
                + (threshold.isPresent() ? ", threshold " + threshold.getAsDouble() : "") + ", resolution "
                + search.resolution()
                + ", " + starts + " starts, " + shuffles + " shuffles, seed " + seed + "]";
    }
}
