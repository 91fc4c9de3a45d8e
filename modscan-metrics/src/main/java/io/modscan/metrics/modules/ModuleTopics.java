package io.modscan.metrics.modules;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.rank.Hypergeometric;
import io.modscan.metrics.statistics.BenjaminiHochberg;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiPredicate;

/**
 * What a module responds to, named by its members; {@link ModuleMap#topics} tells which members respond.
 *
 * <p>A label names a module if it holds {@linkplain Share#holds() more than chance} <em>and for at least half of the members</em>. A
 * name is read as telling of the module, so that a label which most members don't respond to misleads, however significant: of 900
 * members, 6 % where 3 % are to be expected are beyond chance, and 94 % have nothing to do with the label. Such labels are {@linkplain
 * #shares reported}, with how much more they are than chance, but name nothing.
 *
 * @param module the module
 * @param shares for each label, how many of the members respond to it, beside what chance gives
 * @param topic  the label that names the module: of those that hold more than chance for at least half of the members, that of the largest
 *               share, the first in natural order among equals; empty if there is none
 */
public record ModuleTopics(UnitModule module, SortedMap<String, Share> shares, Optional<String> topic) {

    private static final double FALSE_DISCOVERIES = 0.05;
    private static final double NAMING_SHARE = 0.5;

    /**
     * How many members respond to a label.
     *
     * @param label the label
     * @param share the share of members that do, in [0, 1]
     * @param base  the share of all units of the map that do, in modules or not, without those left out
     * @param p     the probability that of as many units drawn at random from all of them at least as many respond
     *              (hypergeometric). The units of a module are not as good as drawn one by one: they go together, so if one responds
     *              by accident, the others do, too. So p tells that the label is gathered in this module rather than spread over the
     *              units, and not that the module would respond to it over other prompts
     * @param q     p corrected over all modules and labels of the map (Benjamini and Hochberg)
     */
    public record Share(String label, double share, double base, double p, double q) {

        /**
         * How many times more members respond than are to be expected.
         *
         * @return share / base; NaN if no unit of the map responds
         */
        public double lift() {
            return share / base;
        }

        /**
         * Whether the label holds more than chance.
         *
         * @return whether q ≤ 0.05, and the share is above the base
         */
        public boolean holds() {
            return q <= FALSE_DISCOVERIES && share > base;
        }

        /**
         * A line to read, numbers rounded.
         *
         * @return the label and the numbers
         */
        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "%s: %.0f %% of members, %.0f %% of all units, q %s",
                    label,
                    100 * share,
                    100 * base,
                    small(q));
        }
    }

    /**
     * Copies the shares.
     *
     * @param module see above
     * @param shares see above
     * @param topic  see above
     */
    public ModuleTopics {
        shares = Collections.unmodifiableSortedMap(new TreeMap<>(shares));
    }

    /**
     * How many members respond to a label.
     *
     * @param label one of the labels
     * @return their share, beside what chance gives
     * @throws ModscanException if there is no such label; the message lists them
     */
    public Share share(String label) {
        Share share = shares.get(label);
        if (share == null) {
            throw new ModscanException("there is no label '" + label + "'; the labels are " + shares.keySet());
        }
        return share;
    }

    /**
     * How much the label that names the module holds.
     *
     * @return its share, empty without a topic
     */
    public Optional<Share> topicShare() {
        return topic.map(this::share);
    }

    /**
     * The label that most members respond to, of those that hold more than chance, be it for half of the members or for few.
     *
     * @return the largest share of those that {@linkplain Share#holds() hold}, the first in natural order of labels among equals:
     *     that of the topic, where there is one; empty if none holds
     */
    public Optional<Share> strongest() {
        return shares.values().stream()
                .filter(Share::holds)
                .reduce((first, other) -> other.share() > first.share() ? other : first);
    }

    /**
     * A line to read.
     *
     * @return the module's size, and what it responds to
     */
    @Override
    public String toString() {
        return "ModuleTopics[" + module.size() + " units, "
                + strongest()
                        .map(share -> (topic.isPresent() ? "" : "no label, the nearest is ") + share)
                        .orElse("no label")
                + "]";
    }

    static ModuleTopics of(UnitModule module, SortedMap<String, Share> shares) {
        ModuleTopics unnamed = new ModuleTopics(module, shares, Optional.empty());
        return new ModuleTopics(
                module,
                shares,
                unnamed.strongest()
                        .filter(share -> share.share() >= NAMING_SHARE)
                        .map(Share::label));
    }

    /** A q-value to read: what is smaller still says no more. */
    static String small(double q) {
        return q < 1e-9 ? "< 1e-9" : String.format(Locale.ROOT, "%.2g", q);
    }

    /**
     * The topics of all modules.
     *
     * @param outside  the units that are in no module
     * @param responds whether a unit responds to a label
     */
    static List<ModuleTopics> of(
            List<UnitModule> modules, List<Unit> outside, List<String> labels, BiPredicate<Unit, String> responds) {
        int all = outside.size() + modules.stream().mapToInt(UnitModule::size).sum();
        int[][] lit = new int[labels.size()][modules.size()];
        double[] p = new double[labels.size() * modules.size()];
        int[] litOfAll = new int[labels.size()];
        for (int label = 0; label < labels.size(); label++) {
            String name = labels.get(label);
            litOfAll[label] = count(outside, name, responds);
            for (int module = 0; module < modules.size(); module++) {
                lit[label][module] = count(modules.get(module).units(), name, responds);
                litOfAll[label] += lit[label][module];
            }
            for (int module = 0; module < modules.size(); module++) {
                p[label * modules.size() + module] = new Hypergeometric(
                                all, litOfAll[label], modules.get(module).size())
                        .atLeast(lit[label][module]);
            }
        }
        double[] q = BenjaminiHochberg.adjust(p);
        List<ModuleTopics> topics = new ArrayList<>();
        for (int module = 0; module < modules.size(); module++) {
            SortedMap<String, Share> shares = new TreeMap<>();
            for (int label = 0; label < labels.size(); label++) {
                int at = label * modules.size() + module;
                shares.put(
                        labels.get(label),
                        new Share(
                                labels.get(label),
                                (double) lit[label][module]
                                        / modules.get(module).size(),
                                (double) litOfAll[label] / all,
                                p[at],
                                q[at]));
            }
            topics.add(of(modules.get(module), shares));
        }
        return topics;
    }

    private static int count(Collection<Unit> units, String label, BiPredicate<Unit, String> responds) {
        return (int) units.stream().filter(unit -> responds.test(unit, label)).count();
    }
}
