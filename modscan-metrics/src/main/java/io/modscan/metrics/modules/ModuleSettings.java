package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.CommunitySearch;
import java.util.List;
import java.util.OptionalDouble;
import java.util.TreeSet;
import java.util.function.Consumer;

/** How modules are looked for. Never changed but in {@link #with}. */
final class ModuleSettings {

    /** How many links a unit keeps. */
    int neighbours = 20;

    /** The correlation that makes a link, if it was set. */
    OptionalDouble threshold = OptionalDouble.empty();

    /** Whether the size of a correlation counts. */
    boolean absolute;

    /** γ. */
    double resolution = 1;

    /** Others that are looked at, too. */
    List<Double> resolutions = List.of(0.5, 1.0, 2.0, 4.0);

    /** How many searches there are. */
    int starts = 10;

    /** How often the prompts are split in two halves. */
    int splits = 10;

    /** How often values are shuffled. */
    int shuffles = 39;

    /** Of searches, halves and shuffles. */
    long seed;

    /** Is told of each step. */
    Consumer<ModuleProgress> progress = step -> {};

    /** The same with a change. */
    ModuleSettings with(Consumer<ModuleSettings> change) {
        ModuleSettings other = new ModuleSettings();
        other.neighbours = neighbours;
        other.threshold = threshold;
        other.absolute = absolute;
        other.resolution = resolution;
        other.resolutions = resolutions;
        other.starts = starts;
        other.splits = splits;
        other.shuffles = shuffles;
        other.seed = seed;
        other.progress = progress;
        change.accept(other);
        return other;
    }

    /** One for each resolution, in order. */
    List<CommunitySearch> searches() {
        TreeSet<Double> all = new TreeSet<>(resolutions);
        all.add(resolution);
        return all.stream().map(CommunitySearch::new).toList();
    }

    double threshold(Observed observed) {
        return threshold.orElseGet(() -> LinkThreshold.of(observed, absolute));
    }
}
