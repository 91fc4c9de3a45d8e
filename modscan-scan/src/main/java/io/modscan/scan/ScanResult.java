package io.modscan.scan;

import io.modscan.core.Activations;
import io.modscan.core.NonFinite;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Site;
import io.modscan.metrics.contexts.ContextMap;
import io.modscan.metrics.selectivity.ConsistencyMap;
import io.modscan.metrics.selectivity.ImportanceMap;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.similarity.LabelSeparation;
import io.modscan.report.Report;
import io.modscan.scan.Scan.Part;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Scan} found: its tables as objects, as files, as a page and as text. Immutable; safe for use by many threads.
 */
public final class ScanResult {

    private final Scan scan;
    private final ScanPlan plan;
    private final Measured measured;
    private final Optional<TokenUnits> tokenUnits;
    private final Optional<ScanTokens> tokens;
    private final Map<String, String> provenance;
    private @Nullable List<ScanModules> modules;

    ScanResult(
            Scan scan,
            ScanPlan plan,
            Measured measured,
            Optional<TokenUnits> tokenUnits,
            Optional<ScanTokens> tokens,
            Map<String, String> provenance) {
        this.tokenUnits = tokenUnits;
        this.tokens = tokens;
        this.provenance = Collections.unmodifiableMap(provenance);
        this.scan = scan;
        this.plan = plan;
        this.measured = measured;
    }

    /**
     * The prompts.
     *
     * @return those that were scanned, in their order
     */
    public Prompts prompts() {
        return measured.activations().prompts();
    }

    /**
     * The key of the label.
     *
     * @return by which prompts were told apart
     */
    public String label() {
        return scan.label();
    }

    /**
     * The values that units were measured by.
     *
     * @return for each prompt each head's magnitude [heads] and each neuron's value [units], means over tokens without BOS
     */
    public Activations activations() {
        return measured.activations();
    }

    /**
     * The vectors that prompts were compared by.
     *
     * @return the residual streams [d_model] and each head's z [heads, d_head], means over tokens without BOS, as far as they
     *     were to be had and a part needs them
     */
    public Optional<Activations> vectors() {
        return measured.vectors();
    }

    /**
     * Attention patterns to be looked at.
     *
     * @return those of each label's first prompt; empty without {@link Part#ATTENTION}
     */
    public Optional<Activations> patterns() {
        return measured.patterns();
    }

    /**
     * How each head and neuron responds to each label.
     *
     * @return effects, AUROC, p- and q-values
     */
    public SelectivityMap units() {
        return measured.units();
    }

    /**
     * Whether units respond alike in both halves of the prompts.
     *
     * @return the AUROC of both halves; empty without {@link Part#HALVES}
     */
    public Optional<ConsistencyMap> halves() {
        return measured.halves();
    }

    /**
     * Units' importance over tokens.
     *
     * @return share active, mean absolute value, root mean square and deviation; empty without {@link Part#IMPORTANCE}
     */
    public Optional<ImportanceMap> importance() {
        return measured.importance();
    }

    /**
     * How far apart the labels are in each layer's residual stream.
     *
     * @return for each similarity ({@code cosine}, {@code scaled cosine}, {@code closeness}) the separation at each site, in
     *     order of layers; empty without {@link Part#SEPARATION}
     */
    public Map<String, Map<Site, LabelSeparation>> separation() {
        return measured.separation();
    }

    /**
     * How what heads attend to depends on the label.
     *
     * @return the response of each behaviour of each head; empty without {@link Part#ATTENTION}
     */
    public Optional<SelectivityMap> behaviour() {
        return measured.behaviour();
    }

    /**
     * In which contexts units are strongest.
     *
     * @return the contexts of all heads and neurons, over all prompts; empty if that was left out
     */
    public Optional<ContextMap> contexts() {
        return measured.contexts();
    }

    /** The units of which contexts are written down. */
    TokenUnits tokenUnits() {
        return tokenUnits.orElseThrow();
    }

    /** The texts of tokens. */
    Function<int[], List<String>> pieces() {
        return TokenPieces.of(scan);
    }

    /**
     * What happens inside of prompts.
     *
     * @return what was found, token by token, in {@linkplain Scan#tokenPrompts some of the prompts}; empty if that was left out
     */
    public Optional<ScanTokens> tokens() {
        return tokens;
    }

    /**
     * The modules that units form, and, of at most 500 prompts, those of each site's principal components, which are fitted to one
     * half of each label's prompts and measured on the other. They are looked for
     * when they are first asked for, which may take minutes: time grows with the square of {@link Scan#moduleUnits}.
     *
     * @return what was found in {@code units} and in {@code components}, or in units only where the halves are too few: less than 2
     *     prompts to fit, or less than 3, or of one label, to measure; empty without {@link Part#MODULES}
     */
    public synchronized List<ScanModules> modules() {
        if (modules == null) {
            modules = plan.with(Part.MODULES) ? ScanModules.of(this, scan) : List.of();
        }
        return modules;
    }

    /**
     * What could not be done, though it was not switched off.
     *
     * @return for each such part the reason
     */
    public Map<Part, String> leftOut() {
        return plan.leftOut();
    }

    /**
     * Where values were NaN or infinite. What is computed of them is not measured: rows of {@link #units} have no p, and a label of which
     * nothing is lit may have units that are.
     *
     * @return one entry for each site that was read and has such a value, pooled or as it came; empty if all are finite
     */
    public List<NonFinite> nonFinite() {
        return measured.nonFinite();
    }

    /**
     * What the numbers are of.
     *
     * @return facts about the model, the prompts, the settings and the version, by key
     */
    public Map<String, String> provenance() {
        return provenance;
    }

    /**
     * All of it as a page. {@link #modules} are looked for unless that was done.
     *
     * @return a new report, to which more can be added, and which is yet to be written
     */
    public Report report() {
        return ScanPage.of(this, scan);
    }

    /**
     * The main findings as text, all but the modules, which {@link #moduleSummary} tells.
     *
     * @return lines, each ended
     */
    public String summary() {
        return ScanText.of(this);
    }

    /**
     * The modules as text: those of units, and those of components, or why there are none. {@link #modules} are looked for unless that
     * was done.
     *
     * @return lines, each ended; empty without {@link Part#MODULES}
     */
    public String moduleSummary() {
        List<ScanModules> found = modules();
        String text = found.stream().map(ScanModules::summary).collect(Collectors.joining());
        return found.isEmpty()
                ? text
                : text
                        + ScanModules.noComponents(this)
                                .map(why -> "Modules of principal components: not looked for, " + why + "\n\n")
                                .orElse("");
    }

    /**
     * Writes {@code units.csv}, {@code sites.csv}, {@code heads.csv}, {@code provenance.json}, {@code heads.png},
     * {@code modules.csv}, {@code modularity.csv}, {@code resolutions.csv} and {@code report.html}, as far as their parts are there, in this order and
     * each whole or not at all. Modules are looked for after the tables of units are written. Those files that an earlier scan
     * left and this one has not are removed.
     *
     * @param folder where to; it is made where there is none, and existing files are replaced
     * @return the paths of what was written
     * @throws ModscanException     if no file can be written there
     * @throws UncheckedIOException if writing fails
     */
    public List<Path> writeTo(Path folder) {
        return new ScanFiles(folder, scan.progress()).write(this, plan);
    }
}
