package io.modscan.report;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Unit;
import io.modscan.metrics.modules.BorderUnit;
import io.modscan.metrics.modules.HalvesAgreement;
import io.modscan.metrics.modules.Member;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.ModuleTopics;
import io.modscan.metrics.modules.ResolutionStep;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** The numbers behind modules: their members' correlations, in order, and what each responds to. */
final class ModulePictures {

    private static final int MOST_UNITS = 160;
    private static final int MOST_OF_A_MODULE = 24;
    private static final int MOST_MODULES = 2_000;

    /** Of a module, or of the border. */
    private static final int MOST_MEMBERS = 2_000;

    /** Of all modules of a map together. */
    private static final int MOST_MEMBERS_IN_ALL = 40_000;

    private ModulePictures() {}

    static Map<String, Object> write(
            String of,
            ModuleMap found,
            List<ModuleTopics> topics,
            Activations values,
            String array,
            PageNumbers numbers) {
        List<Map<String, Object>> names = new ArrayList<>();
        List<float[]> rows = new ArrayList<>();
        List<Map<String, Object>> modules = new ArrayList<>();
        int[] onBorder = new int[found.modules().size()];
        found.border().forEach(unit -> unit.nearest().ifPresent(module -> onBorder[module]++));
        for (int i = 0; i < Math.min(MOST_MODULES, topics.size()); i++) {
            ModuleTopics module = topics.get(i);
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("module", i);
            facts.put("size", module.module().size());
            facts.put("border", onBorder[i]);
            facts.put("correlation", Json.number(module.module().correlation()));
            facts.put("stability", Json.number(module.module().stability()));
            facts.put("p", Json.number(module.module().p()));
            facts.put("topic", module.topic().orElse(""));
            facts.put("share", number(module, ModuleTopics.Share::share));
            facts.put("base", number(module, ModuleTopics.Share::base));
            facts.put("q", number(module, ModuleTopics.Share::q));
            modules.add(facts);
            List<Unit> members = module.module().units();
            int most = Math.min(MOST_OF_A_MODULE, MOST_UNITS - rows.size());
            for (int j = 0; j < Math.min(most, members.size()); j++) {
                // Evenly among the members, which are in order of sites.
                Unit unit = members.get((int) ((long) j * members.size() / Math.min(most, members.size())));
                names.add(Map.of("name", SiteFamily.unit(unit), "module", i));
                rows.add(standardised(values.at(unit.site()), unit.inSite()));
            }
        }
        numbers.bytes(array, correlations(rows));
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("of", of);
        facts.put("about", fit(values) + about(found));
        facts.put("agreement", agreement(found));
        facts.put("resolution", found.resolution());
        facts.put(
                "resolutions",
                found.resolutions().stream().map(ModulePictures::resolution).toList());
        facts.put("members", members(found, modules.size()));
        facts.put("units", names);
        facts.put("modules", modules);
        facts.put("found", topics.size());
        return facts;
    }

    /** A number of the label that names a module, null where none does. */
    private static @Nullable Object number(ModuleTopics module, ToDoubleFunction<ModuleTopics.Share> which) {
        return module.topicShare()
                .map(share -> Json.number(which.applyAsDouble(share)))
                .orElse(null);
    }

    /** On which prompts coordinates were measured that were fitted to others. */
    private static String fit(Activations values) {
        int fitted = values.sites().stream()
                .mapToInt(site -> site.fittedTo().size())
                .max()
                .orElse(0);
        return fitted == 0
                ? ""
                : "Fitted to " + fitted + " prompts and measured on "
                        + values.prompts().size() + " others: ";
    }

    static String about(ModuleMap found) {
        int within = found.modules().stream().mapToInt(module -> module.size()).sum();
        return String.format(
                Locale.ROOT,
                "%d units in %d modules, %d on the border (in none for certain), %d alone, %d left out; linked"
                        + " from a correlation of %.2f on; modularity %.3f, in shuffled values %.3f (%s).",
                within,
                found.modules().size(),
                found.border().size(),
                found.singletons().size(),
                found.leftOut().size(),
                found.threshold(),
                found.modularity().observed(),
                found.modularity().mean(),
                found.shuffles() == 0
                        ? "not shuffled"
                        : String.format(
                                Locale.ROOT,
                                "p %.3f; the least that %d shuffles can give is %.3f",
                                found.modularity().p(),
                                found.shuffles(),
                                found.leastP()));
    }

    /** How far halves of the prompts agree, beside what planted modules give; empty without halves. */
    static String agreement(ModuleMap found) {
        HalvesAgreement halves = found.halves();
        return halves.splits() == 0
                ? ""
                : String.format(
                        Locale.ROOT,
                        "Searched by themselves, halves of the prompts agree by an adjusted Rand index of %s (%s to %s over %d splits)%s.",
                        rounded(halves.mean()),
                        rounded(halves.least()),
                        rounded(halves.most()),
                        halves.splits(),
                        Double.isNaN(halves.planted())
                                ? ""
                                : "; those of planted modules of the same strength by " + rounded(halves.planted()));
    }

    private static String rounded(double number) {
        return Double.isNaN(number) ? "an unknown amount" : String.format(Locale.ROOT, "%.2f", number);
    }

    private static Map<String, Object> resolution(ResolutionStep step) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("resolution", step.resolution());
        facts.put("modules", step.modules());
        facts.put("largest", step.largest());
        facts.put("modularity", Json.number(step.modularity()));
        facts.put("halves", Json.number(step.halves()));
        return facts;
    }

    /** Of the first modules, and then of the border, who is in it, the surest first. */
    static List<Map<String, Object>> members(ModuleMap found, int modules) {
        List<Map<String, Object>> groups = new ArrayList<>();
        int room = MOST_MEMBERS_IN_ALL;
        for (int i = 0; i < modules; i++) {
            List<Member> surest = surest(found.modules().get(i).members(), member -> member, room);
            groups.add(group(Integer.toString(i), found.modules().get(i).size(), surest));
            room -= surest.size();
        }
        List<BorderUnit> border = surest(found.border(), BorderUnit::member, room);
        Map<String, Object> group = group(
                "",
                found.border().size(),
                border.stream().map(BorderUnit::member).toList());
        group.put(
                "nearest",
                border.stream()
                        .map(unit -> unit.nearest().isPresent()
                                ? (Integer) unit.nearest().getAsInt()
                                : null)
                        .toList());
        groups.add(group);
        return groups;
    }

    private static <T> List<T> surest(List<T> units, Function<T, Member> as, int room) {
        return units.stream()
                .sorted(Comparator.comparingDouble((T unit) -> -as.apply(unit).certainty())
                        .thenComparingDouble(unit -> -as.apply(unit).stability()))
                .limit(Math.min(MOST_MEMBERS, room))
                .toList();
    }

    private static Map<String, Object> group(String module, int size, List<Member> members) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("module", module);
        facts.put("size", size);
        facts.put(
                "units",
                members.stream().map(Member::unit).map(SiteFamily::unit).toList());
        facts.put("certainty", Json.numbers(members.stream().mapToDouble(Member::certainty)));
        facts.put("stability", Json.numbers(members.stream().mapToDouble(Member::stability)));
        return facts;
    }

    /** A unit's values over prompts, of mean 0 and length 1; zeros where they don't vary. */
    private static float[] standardised(SiteActivations site, int unit) {
        double[] own = new double[site.size()];
        double mean = 0;
        for (int prompt = 0; prompt < own.length; prompt++) {
            own[prompt] = site.row(prompt).get(unit);
            mean += own[prompt] / own.length;
        }
        double squares = 0;
        for (double value : own) {
            squares += (value - mean) * (value - mean);
        }
        float[] standardised = new float[own.length];
        for (int prompt = 0; prompt < own.length; prompt++) {
            standardised[prompt] = (float) (squares > 0 ? (own[prompt] - mean) / Math.sqrt(squares) : 0);
        }
        return standardised;
    }

    private static byte[] correlations(List<float[]> rows) {
        byte[] all = new byte[rows.size() * rows.size()];
        for (int i = 0; i < rows.size(); i++) {
            for (int j = 0; j < rows.size(); j++) {
                double sum = 0;
                for (int prompt = 0; prompt < rows.get(i).length; prompt++) {
                    sum += (double) rows.get(i)[prompt] * rows.get(j)[prompt];
                }
                all[i * rows.size() + j] = (byte) Math.round(Byte.MAX_VALUE * Math.max(-1, Math.min(1, sum)));
            }
        }
        return all;
    }
}
