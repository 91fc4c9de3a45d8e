package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.CaptureFile;
import io.modscan.core.internal.recording.Captured;
import io.modscan.core.internal.recording.Derivation;
import io.modscan.core.internal.recording.RecordedShard;
import io.modscan.core.internal.recording.TokensDigest;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.RandomAccess;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What a capture returns: for each planned site the values of every prompt, in the caller's order of prompts. It lives on
 * the heap, or is {@linkplain Recording mapped from a file}, which must stay as it is meanwhile; it outlives the probe.
 * Immutable; safe for use by many threads.
 */
public final class Activations {

    /** The fact that says that BOS is no longer among the token ids. */
    private static final Map<String, String> BOS_DROPPED = Map.of("modscan.bos", "dropped");

    private final Prompts prompts;
    private final List<int[]> tokenIds;
    private final Supplier<Map<String, String>> provenance;
    private final boolean lent;
    private final Map<String, SiteActivations> sites = new LinkedHashMap<>();

    /** What was captured, which (lent) can be read only for a while. */
    Activations(Captured captured, boolean lent) {
        this(captured.prompts(), captured.tokenIds(), captured::facts, lent, captured.readings(), captured.rows());
    }

    /** Puts together a view, or (lent) what can be read only for a while. */
    Activations(
            Prompts prompts,
            List<int[]> tokenIds,
            Supplier<Map<String, String>> provenance,
            boolean lent,
            List<Reading> readings,
            List<List<FloatBuffer>> rows) {
        this.prompts = prompts;
        this.tokenIds = tokenIds;
        this.provenance = provenance;
        this.lent = lent;
        for (int i = 0; i < readings.size(); i++) {
            Reading reading = readings.get(i);
            sites.put(reading.site().name(), new SiteActivations(this, reading, rows.get(i)));
        }
    }

    /**
     * Begins activations that come from elsewhere, or are made up for a test.
     *
     * @param prompts the prompts that they are of
     * @return a builder without any site
     */
    public static Builder builder(Prompts prompts) {
        return new Builder(prompts);
    }

    /** Activations to be. Not safe for use by several threads. */
    public static final class Builder {
        private final Prompts prompts;
        private final List<Reading> readings = new ArrayList<>();
        private final List<List<FloatBuffer>> rows = new ArrayList<>();
        private List<int[]> tokenIds;
        private Map<String, String> provenance = Map.of();

        private Builder(Prompts prompts) {
            this.prompts = prompts;
            this.tokenIds = prompts.stream()
                    .map(prompt -> prompt.tokenIds().orElseGet(() -> new int[0]))
                    .toList();
        }

        /**
         * Adds a site.
         *
         * @param site    the site
         * @param pooling how its positions were pooled
         * @param rows    a row a prompt: the site's axes in their order, those of positions as long as the prompt (dropped where
         *                pooled), the last axis varying fastest. They are copied
         * @return this
         * @throws IllegalArgumentException if there is not one row a prompt, or one has another length than the site's axes say
         */
        public Builder site(Site site, Pooling pooling, float[]... rows) {
            Reading reading = new Reading(site, pooling);
            if (rows.length != prompts.size()) {
                throw new IllegalArgumentException(
                        site + " has " + rows.length + " rows for " + prompts.size() + " prompts; give one for each");
            }
            List<FloatBuffer> copies = new ArrayList<>(rows.length);
            for (int i = 0; i < rows.length; i++) {
                copies.add(FloatBuffer.wrap(SiteActivations.checkLength(reading, i, rows[i].clone())));
            }
            readings.add(reading);
            this.rows.add(copies);
            return this;
        }

        /**
         * Sets the token ids that were run.
         *
         * @param ids for each prompt its ids; unless set, those of prompts of ready ids, and none of others
         * @return this
         * @throws IllegalArgumentException if there is not one array a prompt
         */
        public Builder tokenIds(List<int[]> ids) {
            if (ids.size() != prompts.size()) {
                throw new IllegalArgumentException(
                        "there are token ids of " + ids.size() + " prompts, not of all " + prompts.size());
            }
            this.tokenIds = ids.stream().map(int[]::clone).toList();
            return this;
        }

        /**
         * Sets what they are of.
         *
         * @param facts facts by key
         * @return this
         */
        public Builder provenance(Map<String, String> facts) {
            this.provenance = Map.copyOf(facts);
            return this;
        }

        /**
         * Puts the activations together.
         *
         * @return activations with the sites in the order in which they were added
         * @throws ModscanException if there is no site, or one was added twice
         */
        public Activations build() {
            Map<String, String> facts = new TreeMap<>(provenance);
            facts.putAll(TokensDigest.of(prompts, tokenIds));
            return new Activations(
                    new Captured(prompts, tokenIds, facts, new CapturePlan(readings).readings(), rows), false);
        }
    }

    /**
     * The prompts.
     *
     * @return the prompts that were captured, in order
     */
    public Prompts prompts() {
        return prompts;
    }

    /**
     * The ids that were run for a prompt, exactly.
     *
     * @param prompt the prompt's index
     * @return a copy of the ids, BOS included where there was one, unless it was {@linkplain #withoutBos() dropped}; -1 at each
     *     position of a prompt of ready tensors; none if they are not known
     */
    public int[] tokenIds(int prompt) {
        return tokenIds.get(prompt).clone();
    }

    List<int[]> allTokenIds() {
        return tokenIds;
    }

    /**
     * The sites that were captured.
     *
     * @return one entry a site, in the plan's order
     */
    public List<SiteActivations> sites() {
        return List.copyOf(sites.values());
    }

    /**
     * What was captured at a site.
     *
     * @param site its name
     * @return its activations
     * @throws ModscanException if that site was not captured
     */
    public SiteActivations at(String site) {
        SiteActivations activations = sites.get(site);
        if (activations == null) {
            throw new ModscanException("'" + site + "' was not captured; captured were " + sites.keySet());
        }
        return activations;
    }

    /**
     * What was captured at a site.
     *
     * @param site the site
     * @return its activations
     * @throws ModscanException if that site was not captured
     */
    public SiteActivations at(Site site) {
        return at(site.name());
    }

    /**
     * The one site that there is, for a metric that takes one.
     *
     * @return its activations
     * @throws ModscanException if several were captured
     */
    public SiteActivations onlySite() {
        if (sites.size() != 1) {
            throw new ModscanException("this takes one site and was given " + sites.size() + ", " + sites.keySet()
                    + ": measure one with activations.at(\""
                    + sites.keySet().iterator().next()
                    + "\").measure(metric), or each by itself with metric.perSite()");
        }
        return sites.values().iterator().next();
    }

    /**
     * The activations of some of the prompts.
     *
     * @param from the first prompt's index
     * @param to   the index behind the last
     * @return a view on those prompts
     * @throws IndexOutOfBoundsException if the range is not within the prompts
     * @throws ModscanException          if it is empty
     */
    public Activations slice(int from, int to) {
        return some(prompts.slice(from, to), new Picker() {
            @Override
            public <T> List<T> from(List<T> list) {
                return list.subList(from, to);
            }
        });
    }

    /**
     * The activations of the prompts for which a test holds, such as those with one label.
     *
     * @param test the test
     * @return a view on those prompts, in the same order
     * @throws ModscanException if it holds for none
     */
    public Activations where(Predicate<? super Prompt> test) {
        int[] chosen = IntStream.range(0, prompts.size())
                .filter(i -> test.test(prompts.get(i)))
                .toArray();
        return chosen(chosen);
    }

    private Activations chosen(int[] chosen) {
        return some(Prompts.of(Arrays.stream(chosen).mapToObj(prompts::get).toList()), new Picker() {
            @Override
            public <T> List<T> from(List<T> list) {
                return new Picked<>(list, chosen);
            }
        });
    }

    /** Takes from a list what belongs to some of the prompts. */
    private interface Picker {
        <T> List<T> from(List<T> list);
    }

    private static final class Picked<T> extends AbstractList<T> implements RandomAccess {
        private final List<T> list;
        private final int[] chosen;

        Picked(List<T> list, int[] chosen) {
            this.list = list;
            this.chosen = chosen;
        }

        @Override
        public T get(int index) {
            return list.get(chosen[index]);
        }

        @Override
        public int size() {
            return chosen.length;
        }
    }

    private Activations some(Prompts some, Picker picker) {
        List<int[]> ids = picker.from(tokenIds);
        List<Reading> readings = new ArrayList<>();
        List<List<FloatBuffer>> rows = new ArrayList<>();
        for (SiteActivations site : sites.values()) {
            readings.add(site.reading());
            rows.add(picker.from(site.rows()));
        }
        return new Activations(some, ids, new WithDigest(provenance, Map.of(), some, ids), lent, readings, rows);
    }

    /** Facts about some ids, hashed when first asked for: a metric that looks at each label by itself never asks. */
    private static final class WithDigest implements Supplier<Map<String, String>> {
        private final Supplier<Map<String, String>> facts;
        private final Map<String, String> more;
        private final Prompts prompts;
        private final List<int[]> ids;
        private @Nullable Map<String, String> known;

        WithDigest(Supplier<Map<String, String>> facts, Map<String, String> more, Prompts prompts, List<int[]> ids) {
            this.facts = facts;
            this.more = more;
            this.prompts = prompts;
            this.ids = ids;
        }

        @Override
        public synchronized Map<String, String> get() {
            if (known == null) {
                known = new TreeMap<>(facts.get());
                known.putAll(more);
                known.putAll(TokensDigest.of(prompts, ids));
            }
            return known;
        }
    }

    /** One site as activations of its own. */
    Activations alone(Reading reading, List<FloatBuffer> rows) {
        return new Activations(prompts, tokenIds, provenance, lent, List.of(reading), List.of(rows));
    }

    /** The same, readable for as long as one likes. */
    Activations kept() {
        return lent
                ? new Activations(
                        prompts,
                        tokenIds,
                        provenance,
                        false,
                        sites.values().stream().map(SiteActivations::reading).toList(),
                        sites.values().stream().map(SiteActivations::copies).toList())
                : this;
    }

    /** Several pieces of one measurement, one behind the other; all are of the same readings. */
    static Activations concat(List<Activations> pieces) {
        if (pieces.size() == 1) {
            return pieces.get(0);
        }
        List<Prompt> prompts = new ArrayList<>();
        List<int[]> ids = new ArrayList<>();
        List<Reading> readings =
                pieces.get(0).sites().stream().map(SiteActivations::reading).toList();
        List<List<FloatBuffer>> rows = new ArrayList<>();
        readings.forEach(reading -> rows.add(new ArrayList<>()));
        for (Activations piece : pieces) {
            piece.prompts.forEach(prompts::add);
            ids.addAll(piece.tokenIds);
            List<SiteActivations> sites = piece.sites();
            for (int i = 0; i < sites.size(); i++) {
                rows.get(i).addAll(sites.get(i).rows());
            }
        }
        Prompts all = Prompts.of(prompts);
        return new Activations(
                all, ids, new WithDigest(pieces.get(0).provenance, Map.of(), all, ids), false, readings, rows);
    }

    /**
     * The activations of some of the sites.
     *
     * @param selectors which of the captured sites
     * @return a view on the sites that any of the selectors selects
     * @throws ModscanException if none is selected
     */
    public Activations only(SiteSelector... selectors) {
        List<SiteActivations> chosen = sites.values().stream()
                .filter(site -> Arrays.stream(selectors).anyMatch(selector -> selector.selects(site.site())))
                .toList();
        if (chosen.isEmpty()) {
            throw new ModscanException(
                    "none of " + Arrays.toString(selectors) + " was captured; captured were " + sites.keySet());
        }
        return new Activations(
                prompts,
                tokenIds,
                provenance,
                lent,
                chosen.stream().map(SiteActivations::reading).toList(),
                chosen.stream().map(SiteActivations::rows).toList());
    }

    /**
     * The same prompts seen otherwise: each site is replaced by what a function makes of it. This is what a view is made of
     * that {@link Metric#through} takes.
     *
     * @param view gives for each site itself, or one {@linkplain SiteActivations#derived derived} from it
     * @return activations of what it gave, in the same order
     * @throws ModscanException         if it gives two sites of one name
     * @throws IllegalArgumentException if it gives a site of other prompts
     */
    public Activations map(Function<? super SiteActivations, SiteActivations> view) {
        List<SiteActivations> seen =
                sites.values().stream().<SiteActivations>map(view).toList();
        for (SiteActivations site : seen) {
            if (!site.prompts().equals(prompts)) {
                throw new IllegalArgumentException(
                        "a view gives " + site.site() + " of other prompts than it was handed");
            }
        }
        // What is derived is kept; what is not may still be lent.
        return new Activations(
                prompts,
                tokenIds,
                provenance,
                lent,
                new CapturePlan(seen.stream().map(SiteActivations::reading).toList()).readings(),
                seen.stream().map(SiteActivations::rows).toList());
    }

    /**
     * These activations with the positions of every site pooled that still has them, as the model would have been asked to.
     *
     * @param pooling how
     * @return activations of which each site has one vector a prompt, except attention scores and patterns, which stay; NaN
     *     where nothing is left to be pooled
     * @throws IllegalArgumentException if the pooling is none
     * @throws ModscanException         if BOS is to be left out of a site and {@link #beginsWithBos} cannot tell
     */
    public Activations pooled(Pooling pooling) {
        if (!pooling.isPooled()) {
            throw new IllegalArgumentException("what is kept for each position need not be pooled by " + pooling);
        }
        return map(site -> {
            if (!site.isPerToken()) {
                return site;
            }
            Derivation derivation = new Derivation(new Reading(site.site(), pooling), 0, false, true);
            return site.derived(site.site(), pooling, prompt -> {
                FloatBuffer row = site.row(prompt);
                int length = row.capacity() / site.site().width();
                boolean hasBos = pooling.skipBos() && beginsWithBos(prompt);
                return derivation.pool(row, new Derivation.Tokens(length, 0, length, hasBos));
            });
        });
    }

    /**
     * The id of the token that marks the beginning of a sequence.
     *
     * @return the id that {@link Pooling#skipBos()} leaves out
     * @throws ModscanException if the provenance does not tell it, or tells that the model has no such token or none is known
     */
    public int bosTokenId() {
        String id = provenance.get().get(RecordedShard.BOS_TOKEN_ID);
        if (id == null) {
            throw new ModscanException(
                    "nothing tells which token is BOS: the provenance has no '" + RecordedShard.BOS_TOKEN_ID + "'");
        }
        int bos = Integer.parseInt(id);
        if (bos < 0) {
            throw new ModscanException("no BOS token can be left out: the model has none, or none is known ('"
                    + RecordedShard.BOS_TOKEN_ID + "' is " + bos + ")");
        }
        return bos;
    }

    /**
     * Whether it is known if a prompt begins with BOS.
     *
     * @param prompt the prompt's index
     * @return whether {@link #beginsWithBos} tells; if not, it throws
     */
    public boolean knowsBos(int prompt) {
        if (isBosDropped()) {
            return true;
        }
        int[] ids = tokenIds.get(prompt);
        String bos = provenance.get().get(RecordedShard.BOS_TOKEN_ID);
        return ids.length > 0 && ids[0] >= 0 && bos != null && Integer.parseInt(bos) >= 0;
    }

    /**
     * Whether the first token of a prompt is BOS.
     *
     * @param prompt the prompt's index
     * @return whether it is; false after {@link #withoutBos()}
     * @throws ModscanException if the prompt's token ids are not known or it is of ready tensors, or as {@link #bosTokenId()}
     *                          does
     */
    public boolean beginsWithBos(int prompt) {
        int[] ids = tokenIds.get(prompt);
        if (isBosDropped()) {
            return false;
        }
        int bos = bosTokenId();
        if (ids.length == 0 || ids[0] < 0) {
            throw new ModscanException("the token ids of prompt '"
                    + prompts.get(prompt).id() + "' are not known"
                    + (ids.length == 0 ? "" : ", since it is of ready tensors")
                    + ", so neither is whether it begins with BOS");
        }
        return ids[0] == bos;
    }

    private boolean isBosDropped() {
        return provenance.get().entrySet().containsAll(BOS_DROPPED.entrySet());
    }

    /**
     * These activations without the BOS token at the beginning of prompts, whose activations are outliers in OPT. For a metric
     * that takes vectors without asking which token they are of: {@code metric.through(Activations::withoutBos)}.
     *
     * <p>Where a prompt begins with BOS, each site that kept positions loses the first, and the token ids lose BOS, so that a
     * position is still an index among them. The provenance tells the digest of these ids and says {@code modscan.bos=dropped}:
     * to drop BOS again, or to pool without BOS, changes nothing. A prompt of BOS only is left with no position and no token id;
     * its pooled values are NaN, and a file that it is saved to is no {@link Recording}. Sites that were pooled or have no
     * positions stay as they are, and so do the {@linkplain #prompts() prompts}. If no site kept positions, nothing changes.
     *
     * @return a view on the same prompts
     * @throws ModscanException if a site has a value for each pair of positions, as attention scores and patterns have, of which
     *                          none can be taken away; or if a site kept positions and {@link #beginsWithBos} cannot tell
     */
    public Activations withoutBos() {
        for (SiteActivations site : sites.values()) {
            if (site.site().isPairwise()) {
                throw new ModscanException(
                        site.site() + " has a value for each pair of positions, and BOS cannot be dropped"
                                + " from those; drop it from other sites, with activations.only(…).withoutBos()");
            }
        }
        if (sites.values().stream().noneMatch(SiteActivations::isPerToken) || isBosDropped()) {
            return this;
        }
        boolean[] begins = new boolean[prompts.size()];
        for (int prompt = 0; prompt < begins.length; prompt++) {
            begins[prompt] = beginsWithBos(prompt);
        }
        List<int[]> ids = new Changed<>(tokenIds, begins, all -> Arrays.copyOfRange(all, 1, all.length));
        List<Reading> readings = new ArrayList<>();
        List<List<FloatBuffer>> rows = new ArrayList<>();
        for (SiteActivations site : sites.values()) {
            int width = site.site().width();
            readings.add(site.reading());
            rows.add(site.isPerToken() ? new Changed<>(site.rows(), begins, row -> behind(row, width)) : site.rows());
        }
        return new Activations(
                prompts, ids, new WithDigest(provenance, BOS_DROPPED, prompts, ids), lent, readings, rows);
    }

    private static FloatBuffer behind(FloatBuffer row, int values) {
        int from = Math.min(values, row.capacity());
        return row.slice(from, row.capacity() - from);
    }

    /** A list of which some elements are seen otherwise. */
    private static final class Changed<T> extends AbstractList<T> implements RandomAccess {
        private final List<T> list;
        private final boolean[] which;
        private final UnaryOperator<T> change;

        Changed(List<T> list, boolean[] which, UnaryOperator<T> change) {
            this.list = list;
            this.which = which;
            this.change = change;
        }

        @Override
        public T get(int index) {
            T element = list.get(index);
            return which[index] ? change.apply(element) : element;
        }

        @Override
        public int size() {
            return which.length;
        }
    }

    /**
     * The activations in order of the prompts' ids, for a metric whose result is not to depend on the order in which they came.
     *
     * @return a view on the same prompts
     */
    public Activations inOrderOfIds() {
        int[] order = IntStream.range(0, prompts.size())
                .boxed()
                .sorted(Comparator.comparing(i -> prompts.get(i).id()))
                .mapToInt(Integer::intValue)
                .toArray();
        return chosen(order);
    }

    /**
     * Which model, prompts and settings these are of.
     *
     * @return facts by key, sorted; unmodifiable
     */
    public Map<String, String> provenance() {
        return Collections.unmodifiableMap(new TreeMap<>(provenance.get()));
    }

    /**
     * Measures these activations.
     *
     * @param metric what to measure
     * @param <R>    the result
     * @return the result
     * @throws ModscanException as the metric throws
     */
    public <R> R measure(Metric<R> metric) {
        Metric.Accumulator<R> accumulator = metric.start();
        accumulator.add(this);
        return accumulator.finish();
    }

    /**
     * Writes a capture file in the safetensors format. A pooled site is one float32 tensor [prompts, …] under its name; a
     * site per token is packed as [all tokens, …]; attention scores and patterns are one tensor a prompt,
     * {@code NAME/INDEX} [heads, query, key]. Beside them lie the int64 tensors {@code input_ids} [all tokens], BOS
     * included, and {@code prompt_offsets} [prompts + 1], where each prompt's tokens begin. The metadata hold the
     * provenance, and the prompts' ids and labels as JSON under {@code modscan.prompts}, and the sites under
     * {@code modscan.sites}.
     *
     * <p>A packed tensor whose site's name could be taken for another tensor's has {@code /site} behind its name; that is one
     * named {@code input_ids}, {@code prompt_offsets} or {@code __metadata__}, or one that ends in {@code /site} or in a slash
     * and digits. Its entry under {@code modscan.sites} tells the name in the file as {@code tensor}. Of prompts of ready
     * tensors {@code input_ids} has -1 at each position, and their entries tell a digest of them, {@code tensors_sha256}.
     *
     * @param file the file, which appears whole or not at all; an existing capture is replaced
     * @throws UncheckedIOException if it cannot be written
     */
    public void save(Path file) {
        CaptureFile.write(
                new Captured(
                        prompts,
                        tokenIds,
                        provenance(),
                        sites.values().stream().map(SiteActivations::reading).toList(),
                        sites.values().stream().map(SiteActivations::rows).toList()),
                file);
    }

    @Override
    public String toString() {
        return "Activations[" + prompts.size() + " prompts, " + sites.keySet() + "]";
    }
}
