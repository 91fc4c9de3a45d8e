package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.CaptureFile;
import io.modscan.core.internal.recording.Captured;
import io.modscan.core.internal.recording.TokensDigest;
import io.modscan.core.intervention.Reference;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * What a capture returns: for each planned site the values of every prompt, in the caller's order of prompts. It lives on
 * the heap, or is {@linkplain Recording mapped from a file}, which must stay as it is meanwhile; it outlives the probe.
 * Immutable; safe for use by many threads.
 */
public final class Activations {

    private final Prompts prompts;
    private final List<PromptTokens> tokens;
    private final Supplier<Map<String, String>> provenance;
    private final boolean lent;
    private final Map<String, SiteActivations> sites = new LinkedHashMap<>();

    /** What was captured, which (lent) can be read only for a while. */
    Activations(Captured captured, boolean lent) {
        this(
                captured.prompts(),
                captured.tokens(),
                captured::facts,
                lent,
                captured.readings(),
                captured.rows(),
                Collections.nCopies(captured.readings().size(), FittedPrompts.none()));
    }

    /** Puts together a view, or (lent) what can be read only for a while. */
    Activations(
            Prompts prompts,
            List<PromptTokens> tokens,
            Supplier<Map<String, String>> provenance,
            boolean lent,
            List<Reading> readings,
            List<List<FloatBuffer>> rows,
            List<FittedPrompts> fits) {
        this.prompts = prompts;
        this.tokens = tokens;
        this.provenance = provenance;
        this.lent = lent;
        for (int i = 0; i < readings.size(); i++) {
            Reading reading = readings.get(i);
            sites.put(reading.site().name(), new SiteActivations(this, reading, rows.get(i), fits.get(i)));
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
        private List<PromptTokens> tokens;
        private Map<String, String> provenance = Map.of();

        private Builder(Prompts prompts) {
            this.prompts = prompts;
            this.tokens = prompts.stream()
                    .map(prompt -> prompt.tokenIds()
                            .map(ids -> PromptTokens.of(ids, prompt.spans()))
                            .orElseGet(() -> PromptTokens.of(new int[0], List.of())))
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
            return tokens(
                    ids.stream().map(each -> PromptTokens.of(each, List.of())).toList());
        }

        /**
         * Sets the tokens that were run, with their spans, and at which of them sites that keep positions have a vector.
         *
         * @param run for each prompt its tokens
         * @return this
         * @throws IllegalArgumentException if there is not one for each prompt
         */
        public Builder tokens(List<PromptTokens> run) {
            if (run.size() != prompts.size()) {
                throw new IllegalArgumentException(
                        "there are token ids of " + run.size() + " prompts, not of all " + prompts.size());
            }
            this.tokens = List.copyOf(run);
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
         * @throws ModscanException if there is no site, or one was added twice; if sites and tokens disagree on which positions are kept
         */
        public Activations build() {
            boolean keepsAll = tokens.stream().allMatch(PromptTokens::isAllKept);
            for (int i = 0; i < readings.size(); i++) {
                Reading reading = readings.get(i);
                if (reading.isPerToken() && reading.choosesPositions() == keepsAll) {
                    throw new ModscanException(reading.site() + " has vectors at the positions '"
                            + reading.pooling().positions() + "', and the prompts' tokens say that "
                            + (keepsAll ? "all" : "only some")
                            + " are kept; give tokens that say which (PromptTokens.keeping)");
                }
                for (int prompt = 0; !keepsAll && reading.isPerToken() && prompt < tokens.size(); prompt++) {
                    int values = rows.get(i).get(prompt).capacity();
                    if (values != tokens.get(prompt).keptSize() * reading.site().width()) {
                        throw new ModscanException("prompt " + prompt + " has " + values + " values of "
                                + reading.site() + ", and keeps "
                                + tokens.get(prompt).keptSize()
                                + " positions of " + reading.site().width() + " values");
                    }
                }
            }
            Map<String, String> facts = new TreeMap<>(provenance);
            facts.putAll(TokensDigest.of(prompts, tokens));
            return new Activations(
                    new Captured(prompts, tokens, facts, new CapturePlan(readings).readings(), rows), false);
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
     * @return a copy of the ids, BOS included where there was one, unless it was {@linkplain #withoutBos() left out}; -1 at each
     *     position of a prompt of ready tensors; none if they are not known
     */
    public int[] tokenIds(int prompt) {
        return tokens.get(prompt).ids();
    }

    /**
     * The tokens that were run for a prompt: their ids, its spans among them, and at which of them sites that keep positions have a vector.
     *
     * @param prompt the prompt's index
     * @return the tokens, as {@link #tokenIds} tells of their ids
     */
    public PromptTokens tokens(int prompt) {
        return tokens.get(prompt);
    }

    List<PromptTokens> allTokens() {
        return tokens;
    }

    /** Where a choice finds a prompt's tokens. */
    int[] chosen(Positions positions, int prompt) {
        if (positions.isByText()) {
            throw new ModscanException("'" + positions
                    + "' hangs on the texts of tokens, which activations do not hold; let the capture choose them");
        }
        boolean hasBos = positions.isWithoutBos() && beginsWithBos(prompt);
        return positions.of(tokens(prompt), hasBos ? OptionalInt.of(bosTokenId()) : OptionalInt.empty(), id -> "");
    }

    /** The provenance, as it is worked out when first asked for. */
    Supplier<Map<String, String>> facts() {
        return provenance;
    }

    boolean isLent() {
        return lent;
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
        return Views.slice(this, from, to);
    }

    /**
     * The activations of the prompts for which a test holds, such as those with one label.
     *
     * @param test the test
     * @return a view on those prompts, in the same order
     * @throws ModscanException if it holds for none
     */
    public Activations where(Predicate<? super Prompt> test) {
        return Views.where(this, test);
    }

    /** The same prompts at other sites. */
    private Activations of(List<Reading> readings, List<List<FloatBuffer>> rows, List<FittedPrompts> fits) {
        return new Activations(prompts, tokens, provenance, lent, readings, rows, fits);
    }

    /** One site as activations of its own. */
    Activations alone(Reading reading, List<FloatBuffer> rows, FittedPrompts fit) {
        return of(List.of(reading), List.of(rows), List.of(fit));
    }

    /** The same, readable for as long as one likes. */
    Activations kept() {
        if (!lent) {
            return this;
        }
        List<List<FloatBuffer>> copies =
                sites.values().stream().map(SiteActivations::copies).toList();
        return new Activations(prompts, tokens, provenance, false, readings(), copies, fits());
    }

    private List<Reading> readings() {
        return sites.values().stream().map(SiteActivations::reading).toList();
    }

    /** What the coordinates of each site were fitted to. */
    List<FittedPrompts> fits() {
        return sites.values().stream().map(SiteActivations::fittedTo).toList();
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
                .filter(site -> Arrays.stream(selectors).anyMatch(selector -> selector.reads(site.site())))
                .toList();
        if (chosen.isEmpty()) {
            throw new ModscanException(
                    "none of " + Arrays.toString(selectors) + " was captured; captured were " + sites.keySet());
        }
        return of(
                chosen.stream().map(SiteActivations::reading).toList(),
                chosen.stream().map(SiteActivations::rows).toList(),
                chosen.stream().map(SiteActivations::fittedTo).toList());
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
        return of(
                new CapturePlan(seen.stream().map(SiteActivations::reading).toList()).readings(),
                seen.stream().map(SiteActivations::rows).toList(),
                seen.stream().map(SiteActivations::fittedTo).toList());
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
        return Views.pooled(this, pooling);
    }

    /**
     * The id of the token that marks the beginning of a sequence.
     *
     * @return the id that {@link Pooling#withoutBos()} leaves out
     * @throws ModscanException if the provenance does not tell it: the model has no such token, or none is known
     */
    public int bosTokenId() {
        return new Bos(this).tokenId();
    }

    /**
     * Whether it is known if a prompt begins with BOS.
     *
     * @param prompt the prompt's index
     * @return whether {@link #beginsWithBos} tells; if not, it throws
     */
    public boolean knowsBos(int prompt) {
        return new Bos(this).knows(prompt);
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
        return new Bos(this).begins(prompt);
    }

    /**
     * These activations without the BOS token at the beginning of prompts, whose activations are outliers in OPT. For a metric
     * that takes vectors without asking which token they are of: {@code metric.through(Activations::withoutBos)}.
     *
     * <p>Where a prompt begins with BOS, each site that kept positions loses the first, and the token ids lose BOS, so that a
     * position is still an index among them. The provenance tells the digest of these ids and says {@code modscan.bos=left out}:
     * to leave it out again, or to pool without BOS, changes nothing. A prompt of BOS only is left with no position and no token id;
     * its pooled values are NaN, and a file that it is saved to is no {@link Recording}. Sites that were pooled or have no
     * positions stay as they are, and so do the {@linkplain #prompts() prompts}. If no site kept positions, nothing changes.
     *
     * @return a view on the same prompts
     * @throws ModscanException if a site has a value for each pair of positions, as attention scores and patterns have, of which
     *                          none can be taken away; or if a site kept positions and {@link #beginsWithBos} cannot tell
     */
    public Activations withoutBos() {
        return new Bos(this).leftOut();
    }

    /**
     * The activations in order of the prompts' ids, for a metric whose result is not to depend on the order in which they came.
     *
     * @return a view on the same prompts
     */
    public Activations inOrderOfIds() {
        return Views.inOrderOfIds(this);
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
     * The mean of each unit, to be put in its place: what mean ablation needs. Each prompt counts once, with the mean over its positions
     * where they were kept. For the means of a label's prompts take {@link #where} first.
     *
     * @param name says whose means these are, such as {@code "mean of 200 law prompts"}
     * @return the means of all sites with units, bound to this model
     * @throws ModscanException if a mean is not finite, a site was pooled by anything but the mean, or there is no site with units and a tensor of its own
     */
    public Reference mean(String name) {
        return References.mean(this, name);
    }

    /**
     * What a prompt had at each position, to be put in place of another's: what patching needs.
     *
     * @param prompt the prompt's index
     * @return the values of all sites whose positions were kept, named after the prompt and bound to this model
     * @throws IndexOutOfBoundsException if there is no such prompt
     * @throws ModscanException          if a value is not finite, or there is no site with units whose positions were kept
     */
    public Reference reference(int prompt) {
        return References.of(this, prompt);
    }

    /**
     * Where values are NaN or infinite: what is computed from them is not measured. Reads all values once; what is mapped from a
     * file is read from there.
     *
     * @return one entry for each site with such a value, in order of the sites; empty if all are finite
     */
    public List<NonFinite> nonFinite() {
        return measure(NonFinite.count());
    }

    /**
     * Measures these activations.
     *
     * @param metric what to measure
     * @param <R>    the result
     * @return the result
     * @throws ModscanException                           as the metric throws
     * @throws java.util.concurrent.CancellationException if the thread is interrupted; its interrupt status stays set
     */
    public <R> R measure(Metric<R> metric) {
        Metric.Accumulator<R> accumulator = metric.start();
        accumulator.add(this);
        return accumulator.finish();
    }

    /**
     * Writes a capture file in the safetensors format; {@link Recording} tells what lies where in it, and opens it.
     *
     * @param file the file, which appears whole or not at all; an existing capture is replaced
     * @throws UncheckedIOException if it cannot be written
     */
    public void save(Path file) {
        save(file, DType.F32);
    }

    /**
     * Writes a capture file whose values take fewer bytes, as {@link Probe.Builder#storeAs} tells. The values of these activations stay
     * as they are; those of the {@link Recording} are rounded.
     *
     * @param file     the file, as above
     * @param storedAs what values are stored as: {@link DType#F32}, {@link DType#F16} or {@link DType#BF16}
     * @throws IllegalArgumentException if it is another type
     * @throws UncheckedIOException     if it cannot be written
     */
    public void save(Path file, DType storedAs) {
        CaptureFile.write(
                new Captured(
                        prompts,
                        tokens,
                        provenance(),
                        readings(),
                        sites.values().stream().map(SiteActivations::rows).toList()),
                file,
                storedAs);
    }

    @Override
    public String toString() {
        return "Activations[" + prompts.size() + " prompts, " + sites.keySet() + "]";
    }
}
