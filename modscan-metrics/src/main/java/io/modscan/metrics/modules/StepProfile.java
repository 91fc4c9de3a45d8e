package io.modscan.metrics.modules;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Where in a prompt a module is active.
 *
 * @param module    the module
 * @param relative  from the beginning of a prompt to its end, in ten parts: token t of n is in part ⌊10 t / n⌋, counted from 0
 * @param beginning at each of the first eight tokens, BOS not counted
 * @param labels    at the tokens of each label, in the labels' natural order; unmodifiable
 */
public record StepProfile(
        UnitModule module, List<StepMean> relative, List<StepMean> beginning, Map<String, StepMean> labels) {

    /**
     * Copies lists and map.
     *
     * @param module    see above
     * @param relative  see above
     * @param beginning see above
     * @param labels    see above
     */
    public StepProfile {
        relative = List.copyOf(relative);
        beginning = List.copyOf(beginning);
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
    }

    /**
     * The part of a prompt in which the module is most active.
     *
     * @return an index into {@link #relative()}; empty if no prompt has a token in any
     */
    public OptionalInt peak() {
        int best = -1;
        for (int part = 0; part < relative.size(); part++) {
            double mean = relative.get(part).mean();
            if (mean > (best < 0 ? Double.NEGATIVE_INFINITY : relative.get(best).mean())) {
                best = part;
            }
        }
        return best < 0 ? OptionalInt.empty() : OptionalInt.of(best);
    }

    /**
     * A line to read, numbers rounded.
     *
     * @return the size, the means from beginning to end, and those of labels
     */
    @Override
    public String toString() {
        List<String> parts = new ArrayList<>();
        relative.forEach(part -> parts.add(String.format(Locale.ROOT, "%+.1f", part.mean())));
        return module.size() + " units, from beginning to end " + String.join(" ", parts)
                + (labels.isEmpty() ? "" : ", at labels " + labels);
    }
}
