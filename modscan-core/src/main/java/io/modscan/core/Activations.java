package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a capture returns: for each planned site the values of every prompt, in the caller's order of prompts. It lives on
 * the heap, or is {@linkplain Recording mapped from a file}, which must stay as it is meanwhile; it outlives the probe.
 * Immutable; safe for use by many threads.
 */
public final class Activations {

    private final Prompts prompts;
    private final List<int[]> tokenIds;
    private final Map<String, String> provenance;
    private final Map<String, SiteActivations> sites = new LinkedHashMap<>();

    /**
     * Puts together what was read.
     *
     * @param tokenIds for each prompt its ids; a list that reads them when asked will do
     * @param rows     for each reading, a buffer a prompt with its values from 0 to its capacity; here too a list may make
     *                 them when asked, and it is asked often
     */
    Activations(
            Prompts prompts,
            List<int[]> tokenIds,
            Map<String, String> provenance,
            List<Reading> readings,
            List<List<FloatBuffer>> rows) {
        this.prompts = prompts;
        this.tokenIds = tokenIds;
        this.provenance = Collections.unmodifiableMap(new TreeMap<>(provenance));
        for (int i = 0; i < readings.size(); i++) {
            Reading reading = readings.get(i);
            sites.put(reading.site().name(), new SiteActivations(this, reading, rows.get(i)));
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
     * @return a copy of the ids, BOS included where there was one
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
     * The activations of some of the prompts.
     *
     * @param from the first prompt's index
     * @param to   the index behind the last
     * @return a view on those prompts
     * @throws IndexOutOfBoundsException if the range is not within the prompts
     * @throws ModscanException          if it is empty
     */
    public Activations slice(int from, int to) {
        Prompts some = prompts.slice(from, to);
        List<int[]> ids = tokenIds.subList(from, to);
        Map<String, String> facts = new TreeMap<>(provenance);
        facts.putAll(TokensDigest.of(ids));
        List<Reading> readings = new ArrayList<>();
        List<List<FloatBuffer>> rows = new ArrayList<>();
        for (SiteActivations site : sites.values()) {
            readings.add(site.reading());
            rows.add(site.rows().subList(from, to));
        }
        return new Activations(some, ids, facts, readings, rows);
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
                chosen.stream().map(SiteActivations::reading).toList(),
                chosen.stream().map(SiteActivations::rows).toList());
    }

    /**
     * Which model, prompts and settings these are of.
     *
     * @return facts by key, sorted; unmodifiable
     */
    public Map<String, String> provenance() {
        return provenance;
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
     * provenance, and the prompts' ids and labels as JSON under {@code modscan.prompts}.
     *
     * @param file the file, which appears whole or not at all; an existing one is replaced
     * @throws UncheckedIOException if it cannot be written
     */
    public void save(Path file) {
        CaptureFile.write(this, file);
    }

    @Override
    public String toString() {
        return "Activations[" + prompts.size() + " prompts, " + sites.keySet() + "]";
    }
}
