package io.modscan.core;

import io.modscan.core.intervention.Change;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.intervention.UnitSet;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** That part of a model's contract which is about interventions: it tries one site of each kind. */
final class ChangesContract {

    private final Model model;
    private final Prompts sample;
    private final double tolerance;

    ChangesContract(Model model, Prompts sample, double tolerance) {
        this.model = model;
        this.sample = sample;
        this.tolerance = tolerance;
    }

    void verify() {
        List<Site> changeable = model.changeable();
        ModelContract.check(model.sites().containsAll(changeable), "changeable() lists sites that sites() doesn't");
        ModelContract.check(changeable.equals(model.changeable()), "changeable() gives other sites when asked again");
        Map<String, Site> kinds = new LinkedHashMap<>();
        changeable.forEach(site -> kinds.put(site.hook(), site));
        kinds.values().forEach(this::tryAt);
    }

    private void tryAt(Site site) {
        Intervention same = Intervention.of("same", Change.of(site.name(), UnitSet.all(), Replacement.factor(1)));
        Intervention zero = Intervention.of("zero", Change.of(site.name(), UnitSet.all(), Replacement.zero()));
        Activations plain = capture(site, sample, List.of());
        List<Prompt> mixed = new ArrayList<>();
        for (Prompt prompt : sample) {
            mixed.add(prompt);
            mixed.add(prompt.under(same));
            mixed.add(prompt.under(zero));
        }
        Activations changed = capture(site, Prompts.of(mixed), List.of(same, zero));
        for (int i = 0; i < sample.size(); i++) {
            String prompt = "prompt " + i;
            compare(site, plain, i, changed, 3 * i, prompt + " beside others that are changed");
            compare(site, plain, i, changed, 3 * i + 1, prompt + " multiplied by 1");
            FloatBuffer values = changed.at(site).row(3 * i + 2);
            for (int at = 0; at < values.remaining(); at++) {
                ModelContract.check(
                        values.get(values.position() + at) == 0,
                        site + " is " + values.get(values.position() + at) + " for " + prompt
                                + " where it was set to 0; a source has to give keep · value + fill of SiteChange");
            }
        }
    }

    private Activations capture(Site site, Prompts prompts, List<Intervention> interventions) {
        try (Probe probe = Probe.builder(model)
                .sites(Pooling.none(), site::equals)
                .changing(interventions)
                .build()) {
            return probe.capture(prompts);
        }
    }

    private void compare(Site site, Activations plain, int one, Activations changed, int other, String how) {
        FloatBuffer expected = plain.at(site).row(one);
        FloatBuffer actual = changed.at(site).row(other);
        double largest = 0;
        for (int i = 0; i < expected.remaining(); i++) {
            double value = Math.abs(expected.get(expected.position() + i));
            largest = Double.isFinite(value) ? Math.max(largest, value) : largest;
        }
        for (int i = 0; i < expected.remaining(); i++) {
            double apart = (double) expected.get(expected.position() + i) - actual.get(actual.position() + i);
            ModelContract.check(
                    !(Math.abs(apart) > tolerance * largest),
                    site + " of " + how + " is another value than that of the untouched run, at " + i);
        }
    }
}
