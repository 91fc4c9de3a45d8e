package io.modscan.metrics.effect;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Change;
import io.modscan.core.intervention.Reference;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Runs prompts under many interventions. The untouched run is made once, and its residual streams are kept in a temporary file; each intervention is
 * then run from the stream before its first change on. Those that begin in the same layer share a session and its batches. For one thread.
 */
final class InterventionRuns implements AutoCloseable {

    private final Model model;
    private final Outcome outcome;
    private final UnaryOperator<Probe.Builder> settings;
    /** As they were given. */
    private final Prompts prompts;

    private final Map<String, Integer> places = new HashMap<>();
    private final Map<String, Site> sites;
    private final @Nullable Path folder;
    private final Model late;
    private final @Nullable Reference means;
    /** The same prompts by their token ids. */
    private final List<Prompt> tokenized = new ArrayList<>();

    private final float[][] untouched;

    /**
     * Makes the untouched run.
     *
     * @param changed  all sites that interventions will change
     * @param meansOf  those of them whose means are asked for
     * @param parent   where the temporary file's folder is made, if not where the system has such
     * @param settings of all probes
     */
    InterventionRuns(
            Model model,
            Prompts prompts,
            Outcome outcome,
            Collection<Site> changed,
            Collection<Site> meansOf,
            Optional<Path> parent,
            UnaryOperator<Probe.Builder> settings) {
        this.model = model;
        this.prompts = prompts;
        this.outcome = outcome;
        this.settings = settings;
        this.sites = model.changeable().stream().collect(Collectors.toMap(Site::name, Function.identity()));
        for (Site site : changed) {
            if (!site.equals(sites.get(site.name()))) {
                throw new ModscanException(site + " can't be changed in " + model + "; these can: "
                        + sites.keySet().stream().sorted().limit(12).toList());
            }
        }
        for (Prompt prompt : prompts) {
            places.put(prompt.id(), places.size());
        }
        List<Site> streams = streams(changed);
        boolean ready = false;
        this.folder = streams.isEmpty() ? null : temporary(parent);
        try {
            Path kept = folder;
            if (kept == null) {
                this.late = model;
                this.means = meansOf.isEmpty() ? null : mean(captured(meansOf));
            } else {
                Recording recording = record(streams, meansOf, kept.resolve("streams.safetensors"));
                this.late = model.startingAt(recording);
                this.means =
                        meansOf.isEmpty() ? null : mean(recording.activations().only(meansOf::contains));
            }
            this.untouched = new float[prompts.size()][];
            prompts.forEach(tokenized::add);
            run(List.of(), prompts.stream(), (piece, row) -> {
                Prompt prompt = piece.prompts().get(row);
                int place = place(prompt);
                untouched[place] = outcome.of(piece, row, prompts.get(place));
                if (prompt.tensorsSha256().isEmpty()) {
                    int[] ids = piece.tokenIds(row);
                    tokenized.set(
                            place,
                            prompt.withTokens(ids::clone, piece.tokens(row).spans()));
                }
            });
            ready = true;
        } finally {
            if (!ready) {
                close();
            }
        }
    }

    /** Where runs have to begin for all that is changed and read; none if the model can't begin late, or something lies before. */
    private List<Site> streams(Collection<Site> changed) {
        List<Site> starts = model.starts();
        if (starts.isEmpty()) {
            return starts;
        }
        List<Site> order = model.sites();
        Site last = starts.get(starts.size() - 1);
        Set<Site> needed = new LinkedHashSet<>(Set.of(last));
        List<Site> used = new ArrayList<>(changed);
        for (Selection selection : outcome.reads()) {
            order.stream().filter(selection.selector()::selects).forEach(used::add);
        }
        for (Site site : used) {
            int at = order.indexOf(site);
            Optional<Site> start =
                    starts.stream().filter(each -> order.indexOf(each) <= at).reduce((one, other) -> other);
            if (start.isEmpty()) {
                return List.of();
            }
            needed.add(start.get());
        }
        return starts.stream().filter(needed::contains).toList();
    }

    private static int layer(Site site) {
        return site.layer().orElse(0);
    }

    private static Path temporary(Optional<Path> parent) {
        try {
            String name = "modscan-untouched";
            return parent.isPresent() ? Files.createTempDirectory(parent.get(), name) : Files.createTempDirectory(name);
        } catch (IOException e) {
            throw new UncheckedIOException(
                    parent.map(Path::toString).orElse("the system's temporary folder")
                            + ": no folder can be made there for the untouched run",
                    e);
        }
    }

    /** Streams, and the means of other sites, in one run. */
    private Recording record(List<Site> streams, Collection<Site> pooled, Path file) {
        Probe.Builder builder = settings.apply(Probe.builder(model)).sites(Pooling.none(), exactly(streams));
        List<Site> others =
                pooled.stream().filter(site -> !streams.contains(site)).toList();
        if (!others.isEmpty()) {
            builder.sites(Pooling.mean(), exactly(others));
        }
        try (Probe probe = builder.build()) {
            probe.capture(prompts, file);
        }
        return Recording.open(Stream.of(file, file.resolveSibling(file.getFileName() + ".index.json"))
                .filter(Files::exists)
                .findFirst()
                .orElseThrow());
    }

    private static SiteSelector exactly(Collection<Site> some) {
        Set<Site> wanted = Set.copyOf(some);
        return wanted::contains;
    }

    private Activations captured(Collection<Site> pooled) {
        try (Probe probe = settings.apply(Probe.builder(model))
                .sites(Pooling.mean(), exactly(pooled))
                .build()) {
            return probe.capture(prompts);
        }
    }

    private static Reference mean(Activations activations) {
        return activations.mean("mean of " + activations.prompts().size() + " prompts");
    }

    /** Takes a piece's row. */
    @FunctionalInterface
    private interface Taker {
        void take(Activations piece, int row);
    }

    private void run(Collection<Site> changing, Stream<Prompt> some, Taker taker) {
        Probe.Builder builder = settings.apply(Probe.builder(late));
        for (Selection selection : outcome.reads()) {
            builder.sites(selection.pooling(), selection.selector());
        }
        if (!changing.isEmpty()) {
            builder.changing(exactly(changing));
        }
        try (Probe probe = builder.build();
                Stream<Prompt> open = some) {
            probe.forEach(open, (Activations piece) -> {
                for (int row = 0; row < piece.prompts().size(); row++) {
                    taker.take(piece, row);
                }
            });
        }
    }

    private int place(Prompt prompt) {
        return Objects.requireNonNull(places.get(prompt.untouchedId()), prompt.untouchedId());
    }

    int size() {
        return prompts.size();
    }

    /** The means of the sites for which they were asked. */
    Reference means() {
        return Objects.requireNonNull(means, "nobody asked for means");
    }

    /** The outcome of each prompt, untouched; nothing has moved, where that is what is told. */
    float[] untouchedSizes() {
        float[] sizes = new float[untouched.length];
        if (outcome.sense() != Outcome.Sense.DISTANCE) {
            for (int i = 0; i < sizes.length; i++) {
                sizes[i] = untouched[i][0];
            }
        }
        return sizes;
    }

    /**
     * Runs all prompts under each of some interventions.
     *
     * @param kinds each of a name of its own
     * @param done  is told how many runs were made since it was last told
     * @return the effects, [intervention][prompt]
     */
    float[][] effects(List<Off> kinds, IntConsumer done) {
        float[][] effects = new float[kinds.size()][prompts.size()];
        Map<String, Integer> byName = new HashMap<>();
        // By the layer of the first change: they begin at the same stream.
        SortedMap<Integer, List<Off>> groups = new TreeMap<>();
        Map<Integer, Set<Site>> changed = new HashMap<>();
        for (Off kind : kinds) {
            if (byName.put(kind.name(), byName.size()) != null) {
                throw new ModscanException(
                        "two interventions are called '" + kind.name() + "'; give each a name of its own");
            }
            List<Site> of = kind.of(prompts.get(0)).changes().stream()
                    .map(Change::site)
                    .map(sites::get)
                    .map(Objects::requireNonNull)
                    .toList();
            int first = of.stream().mapToInt(InterventionRuns::layer).min().orElseThrow();
            groups.computeIfAbsent(first, layer -> new ArrayList<>()).add(kind);
            changed.computeIfAbsent(first, layer -> new LinkedHashSet<>()).addAll(of);
        }
        groups.forEach((layer, group) -> run(
                Objects.requireNonNull(changed.get(layer)),
                group.stream()
                        .flatMap(kind -> IntStream.range(0, prompts.size())
                                .mapToObj(place -> tokenized.get(place).under(kind.of(prompts.get(place))))),
                (piece, row) -> {
                    Prompt prompt = piece.prompts().get(row);
                    int place = place(prompt);
                    String name = prompt.intervention().orElseThrow().name();
                    int which = Objects.requireNonNull(byName.get(name), name);
                    float[] values = outcome.of(piece, row, prompts.get(place));
                    effects[which][place] = (float) outcome.effect(untouched[place], values);
                    done.accept(1);
                }));
        return effects;
    }

    @Override
    public void close() {
        if (folder == null) {
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.deleteIfExists(file);
            }
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            // Mapped files can't be deleted everywhere. What is registered last is deleted first.
            File left = folder.toFile();
            left.deleteOnExit();
            File[] files = left.listFiles();
            for (File file : files == null ? new File[0] : files) {
                file.deleteOnExit();
            }
        }
    }
}
