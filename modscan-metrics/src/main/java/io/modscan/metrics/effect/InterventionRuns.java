package io.modscan.metrics.effect;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Change;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
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
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Runs prompts under many interventions. The untouched run is made once, and its residual streams are kept in a temporary file; each intervention is
 * then run from the stream before its first change on. Those that begin in the same layer share a session and its batches. For one thread.
 */
final class InterventionRuns implements AutoCloseable {

    private final Model model;
    private final Model late;
    private final Prompts prompts;
    private final Outcome outcome;
    private final UnaryOperator<Probe.Builder> settings;
    private final @Nullable Path folder;
    private final Map<String, Integer> places = new HashMap<>();
    private final Map<String, Site> sites;
    private final float[][] untouched;

    /**
     * Makes the untouched run.
     *
     * @param changed  the names of all sites that interventions will change
     * @param settings of all probes
     */
    InterventionRuns(
            Model model,
            Prompts prompts,
            Outcome outcome,
            Collection<String> changed,
            UnaryOperator<Probe.Builder> settings) {
        this.model = model;
        this.outcome = outcome;
        this.settings = settings;
        this.sites = model.changeable().stream().collect(Collectors.toMap(Site::name, Function.identity()));
        for (String site : changed) {
            if (!sites.containsKey(site)) {
                throw new ModscanException(site + " can't be changed in " + model + "; these can: "
                        + sites.keySet().stream().sorted().limit(12).toList());
            }
        }
        List<Site> streams = streams(changed);
        boolean ready = false;
        this.folder = streams.isEmpty() ? null : temporary();
        try {
            if (folder == null) {
                this.late = model;
                this.prompts = prompts;
            } else {
                Recording recording = record(streams, prompts, folder.resolve("streams.safetensors"));
                this.late = model.startingAt(recording);
                this.prompts = recording.prompts();
            }
            for (Prompt prompt : this.prompts) {
                places.put(prompt.id(), places.size());
            }
            this.untouched = new float[this.prompts.size()][];
            run(List.of(), this.prompts.stream(), (prompt, values) -> untouched[place(prompt)] = values);
            ready = true;
        } finally {
            if (!ready) {
                close();
            }
        }
    }

    /** Where runs may begin: at the layers of what is changed, and behind the last, where only the head is left to compute. */
    private List<Site> streams(Collection<String> changed) {
        List<Site> starts = model.starts();
        if (starts.isEmpty()) {
            return starts;
        }
        Set<Integer> layers = changed.stream()
                .map(name -> layer(Objects.requireNonNull(sites.get(name))))
                .collect(Collectors.toSet());
        Site last = starts.get(starts.size() - 1);
        int first = layers.stream().mapToInt(Integer::intValue).min().orElse(0);
        // What an outcome reads may lie before: then it is computed from the first on.
        return starts.stream()
                .filter(site -> site.equals(last) || (layers.contains(layer(site)) && layer(site) >= first))
                .toList();
    }

    private static int layer(Site site) {
        return site.layer().orElse(0);
    }

    private static Path temporary() {
        try {
            return Files.createTempDirectory("modscan-untouched");
        } catch (IOException e) {
            throw new UncheckedIOException("no temporary folder can be made for the untouched run", e);
        }
    }

    private Recording record(List<Site> streams, Prompts all, Path file) {
        Probe.Builder builder = settings.apply(Probe.builder(model));
        streams.forEach(site -> builder.sites(Pooling.none(), other -> other.equals(site)));
        try (Probe probe = builder.build()) {
            probe.capture(all, file);
        }
        return Recording.open(Stream.of(file, file.resolveSibling(file.getFileName() + ".index.json"))
                .filter(Files::exists)
                .findFirst()
                .orElseThrow());
    }

    /** Takes the outcome of one prompt. */
    @FunctionalInterface
    private interface Taker {
        void take(Prompt prompt, float[] values);
    }

    private void run(Collection<Site> changing, Stream<Prompt> some, Taker taker) {
        Probe.Builder builder = settings.apply(Probe.builder(late));
        for (Selection selection : outcome.reads()) {
            builder.sites(selection.pooling(), selection.selector());
        }
        Set<Site> allowed = new LinkedHashSet<>(changing);
        if (!allowed.isEmpty()) {
            builder.changing(allowed::contains);
        }
        try (Probe probe = builder.build();
                Stream<Prompt> open = some) {
            probe.forEach(open, (Activations piece) -> {
                for (int i = 0; i < piece.prompts().size(); i++) {
                    taker.take(piece.prompts().get(i), outcome.of(piece, i));
                }
            });
        }
    }

    private int place(Prompt prompt) {
        return Objects.requireNonNull(places.get(prompt.untouchedId()), prompt.untouchedId());
    }

    /** The prompts, by their token ids. */
    Prompts prompts() {
        return prompts;
    }

    /** The outcome of each prompt, untouched. */
    float[][] untouched() {
        return untouched;
    }

    /** What one prompt is run under, of several kinds. */
    interface Kind {
        /** Its name, which no other has. */
        String name();

        /** The intervention of this name for a prompt. */
        Intervention of(Prompt prompt);
    }

    /**
     * Runs all prompts under each of some interventions.
     *
     * @param done is told how many runs were made since it was last told
     * @return the effects, [intervention][prompt]
     */
    float[][] effects(List<? extends Kind> kinds, IntConsumer done) {
        float[][] effects = new float[kinds.size()][prompts.size()];
        Map<String, Integer> byName = new HashMap<>();
        // By the layer of the first change: they begin at the same stream.
        SortedMap<Integer, List<Kind>> groups = new TreeMap<>();
        Map<Integer, Set<Site>> changed = new HashMap<>();
        for (Kind kind : kinds) {
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
                group.stream().flatMap(kind -> prompts.stream().map(prompt -> prompt.under(kind.of(prompt)))),
                (prompt, values) -> {
                    int place = place(prompt);
                    String name = prompt.intervention().orElseThrow().name();
                    int which = Objects.requireNonNull(byName.get(name), name);
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
            // Mapped files can't be deleted everywhere; the system's temporary folder is emptied by the system.
            folder.toFile().deleteOnExit();
        }
    }
}
