package io.modscan.report;

import io.modscan.metrics.modules.StepMap;
import io.modscan.metrics.modules.StepMean;
import io.modscan.metrics.modules.StepProfile;
import io.modscan.metrics.modules.UnitModule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/** The numbers behind steps: which units act together within prompts, and where. */
final class StepPictures {

    private static final int MOST_MODULES = 500;

    /** Labels of tokens of which a module's activity is told. */
    private static final int MOST_LABELS = 40;

    private StepPictures() {}

    static Map<String, Object> write(StepMap found) {
        List<StepProfile> profiles =
                found.profiles().stream().limit(MOST_MODULES).toList();
        List<String> all = profiles.stream()
                .flatMap(profile -> profile.labels().keySet().stream())
                .distinct()
                .sorted()
                .toList();
        List<String> labels = all.stream().limit(MOST_LABELS).toList();
        List<Map<String, Object>> modules = new ArrayList<>();
        for (StepProfile profile : profiles) {
            UnitModule module = profile.module();
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("module", modules.size());
            facts.put("size", module.size());
            facts.put("correlation", Json.number(module.correlation()));
            facts.put("stability", Json.number(module.stability()));
            facts.put("p", Json.number(module.p()));
            facts.put("lasts", module.lasts());
            facts.put(
                    "peak",
                    profile.peak().isPresent() ? (Integer) profile.peak().getAsInt() : null);
            facts.put("relative", means(profile.relative()));
            facts.put("beginning", means(profile.beginning()));
            facts.put(
                    "labels",
                    means(labels.stream()
                            .map(label -> profile.labels().getOrDefault(label, new StepMean(Double.NaN, Double.NaN, 0)))
                            .toList()));
            modules.add(facts);
        }
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("of", "steps");
        facts.put("file", "steps.csv");
        facts.put("about", about(found));
        facts.put("agreement", ModulePictures.agreement(found.map()));
        facts.put("modules", modules);
        facts.put("found", found.profiles().size());
        facts.put("labels", labels);
        facts.put("ofLabels", all.size());
        facts.put("members", ModulePictures.members(found.map(), modules.size()));
        return facts;
    }

    private static String about(StepMap found) {
        return String.format(
                Locale.ROOT,
                "Looked at were %d tokens of %d prompts; there were %d of %d. What is usual at a position was %s. %s",
                found.tokens(),
                found.prompts(),
                found.seenTokens(),
                found.seenPrompts(),
                found.withPositions() ? "left in" : "taken out",
                ModulePictures.about(found.map()));
    }

    private static Map<String, Object> means(List<StepMean> means) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("mean", rounded(means, StepMean::mean));
        facts.put("error", rounded(means, StepMean::standardError));
        facts.put("prompts", means.stream().map(StepMean::prompts).toList());
        return facts;
    }

    /** To a thousandth of a standard deviation. */
    private static Object rounded(List<StepMean> means, Function<StepMean, Double> which) {
        return Json.numbers(means.stream().mapToDouble(mean -> Math.rint(which.apply(mean) * 1000) / 1000));
    }
}
