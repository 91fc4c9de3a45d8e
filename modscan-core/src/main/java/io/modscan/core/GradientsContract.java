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
import io.modscan.core.site.Sites;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** That part of a model's contract which is about gradients: of each kind of vectors it tries the first site and the last. */
final class GradientsContract {

    /** How far a site is scaled up and down. */
    private static final double STEP = 0.01;

    /** What a kink within a step may do to a slope, of the sum of its parts' sizes. */
    private static final double KINKS = 0.1;

    private final Model model;
    private final Prompts sample;
    private final double tolerance;

    GradientsContract(Model model, Prompts sample, double tolerance) {
        this.model = model;
        this.sample = sample;
        this.tolerance = tolerance;
    }

    void verify() {
        List<Site> differentiable = model.differentiable();
        ModelContract.check(
                model.sites().containsAll(differentiable), "differentiable() lists sites that sites() doesn't");
        ModelContract.check(
                differentiable.equals(model.differentiable()), "differentiable() gives other sites when asked again");
        Map<String, Site> kinds = new LinkedHashMap<>();
        List<Site> vectors = differentiable.stream()
                .filter(site -> site.hasPositions() && site.units() > 0)
                .toList();
        // What is wrong in some layers only shows in the first, behind which all others lie, or in the last.
        vectors.forEach(site -> kinds.put("last " + site.hook(), site));
        vectors.forEach(site -> kinds.putIfAbsent("first " + site.hook(), site));
        kinds.values().stream().distinct().forEach(this::tryAt);
    }

    private void tryAt(Site site) {
        Intervention same = Intervention.of("same", Change.of(site.name(), UnitSet.all(), Replacement.factor(1)));
        Intervention half = Intervention.of("half", Change.of(site.name(), UnitSet.all(), Replacement.factor(0.5f)));
        List<Prompt> mixed = new ArrayList<>();
        for (Prompt prompt : sample) {
            mixed.add(prompt);
            mixed.add(prompt.withId(prompt.id() + "@same").toward(same));
            mixed.add(prompt.withId(prompt.id() + "@half").toward(half));
        }
        try (Probe probe = Probe.builder(model)
                .sites(
                        Sites.glob(site.name()),
                        Sites.glob(site.gradient().name()),
                        Sites.glob(site.attribution().name()))
                .build()) {
            Activations alone = probe.capture(Prompts.of(List.of(sample.get(0))));
            Activations together = probe.capture(Prompts.of(mixed));
            compare(site.gradient(), alone, together);
            for (int prompt = 0; prompt < sample.size(); prompt++) {
                compare(site, together, 3 * prompt, 0);
                compare(site, together, 3 * prompt + 1, 1);
                compare(site, together, 3 * prompt + 2, 0.5);
            }
            checkFinite(site.gradient(), together);
            checkFinite(site.attribution(), together);
            checkSlopes(site, together);
        }
    }

    /** All but those of single tokens, which have no loss. */
    private static void checkFinite(Site site, Activations found) {
        for (int row = 0; row < found.prompts().size(); row++) {
            FloatBuffer values = found.at(site).row(row);
            boolean single = found.tokenIds(row).length == 1;
            for (int i = 0; i < values.remaining() && !single; i++) {
                ModelContract.check(
                        Float.isFinite(values.get(values.position() + i)),
                        site + " of prompt " + row / 3 + " is " + values.get(values.position() + i) + " at " + i);
            }
        }
    }

    /** The first prompt's values, alone and in company. */
    private void compare(Site gradient, Activations alone, Activations together) {
        FloatBuffer one = alone.at(gradient).row(0);
        FloatBuffer other = together.at(gradient).row(0);
        double largest = 0;
        for (int i = 0; i < one.remaining(); i++) {
            double value = Math.abs(one.get(one.position() + i));
            largest = Double.isFinite(value) ? Math.max(largest, value) : largest;
        }
        for (int i = 0; i < one.remaining(); i++) {
            double apart = (double) one.get(one.position() + i) - other.get(other.position() + i);
            ModelContract.check(
                    !(Math.abs(apart) > tolerance * largest),
                    gradient + " of prompt 0 is another value in company than alone, at " + i);
        }
    }

    /** That attributions are (factor − 1) · value · gradient, each head's summed over its units. */
    private void compare(Site site, Activations found, int row, double factor) {
        FloatBuffer values = found.at(site).row(row);
        FloatBuffer gradients = found.at(site.gradient()).row(row);
        FloatBuffer attributions = found.at(site.attribution()).row(row);
        int perHead = site.heads() > 0 ? site.units() : 1;
        for (int i = 0; i < attributions.remaining(); i++) {
            double sum = 0;
            double size = 0;
            for (int unit = i * perHead; unit < (i + 1) * perHead; unit++) {
                double part = (factor - 1)
                        * values.get(values.position() + unit)
                        * gradients.get(gradients.position() + unit);
                sum += part;
                size += Math.abs(part);
            }
            double told = attributions.get(attributions.position() + i);
            ModelContract.check(
                    !(Math.abs(told - sum) > tolerance * size + Float.MIN_NORMAL),
                    site.attribution() + " of prompt " + row / 3 + " is " + told + " at " + i + " where values are "
                            + (factor == 1 ? "to stay as they are" : "to be multiplied with " + factor)
                            + ", and (replacement − value) · gradient is " + sum);
        }
    }

    /** That the gradient tells what becomes of the loss where the whole site is scaled, if the model can do both. */
    private void checkSlopes(Site site, Activations found) {
        boolean hasLoss = model.sites().stream().anyMatch(each -> each.name().equals("loss"));
        if (!hasLoss || !model.changeable().contains(site)) {
            return;
        }
        Intervention[] steps = new Intervention[2];
        for (int i = 0; i < steps.length; i++) {
            float factor = (float) (i == 0 ? 1 + STEP : 1 - STEP);
            steps[i] = Intervention.of(
                    "times " + factor, Change.of(site.name(), UnitSet.all(), Replacement.factor(factor)));
        }
        try (Probe probe = Probe.builder(model)
                .sites(Pooling.mean(), Sites.loss())
                .changing(steps)
                .build()) {
            Activations losses = probe.capture(sample.under(steps));
            for (int prompt = 0; prompt < sample.size(); prompt++) {
                double above = loss(losses, prompt);
                double below = loss(losses, sample.size() + prompt);
                FloatBuffer values = found.at(site).row(3 * prompt);
                FloatBuffer gradients = found.at(site.gradient()).row(3 * prompt);
                double told = 0;
                double size = 0;
                for (int i = 0; i < values.remaining(); i++) {
                    double part = (double) values.get(values.position() + i) * gradients.get(gradients.position() + i);
                    told += part;
                    size += Math.abs(part);
                }
                double seen = (above - below) / (2 * STEP);
                // Losses are float32, whose rounding the step divides.
                double rounding = 1e-6 * Math.max(1, Math.abs(above)) / STEP;
                ModelContract.check(
                        !(Math.abs(told - seen) > KINKS * size + rounding),
                        site.gradient() + " says that the loss of prompt " + prompt + " would rise by " + told
                                + " for each time that the site grows by its own size, and it rises by " + seen);
            }
        }
    }

    private static double loss(Activations losses, int row) {
        FloatBuffer value = losses.at("loss").row(row);
        return value.get(value.position());
    }
}
