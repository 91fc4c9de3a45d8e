package io.modscan.metrics.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.basis.Standardised;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Components on the prompts of their fit are uncorrelated by construction: that no module is there would be no finding. */
class CircleTest {

    private static final Site SITE = new Site("site", OptionalInt.of(0), List.of(Axis.units(10)), false);

    private final Metric<ModuleMap> modules =
            Modules.byCoActivation().absolute().withThreshold(0.3).withShuffles(0);

    /** Normal values, which depend on a prompt's number alone. */
    private static Activations made(String id, int from, int to) {
        List<Prompt> prompts = new ArrayList<>();
        List<float[]> rows = new ArrayList<>();
        for (int i = from; i < to; i++) {
            Random random = new Random(i);
            float[] row = new float[10];
            for (int j = 0; j < row.length; j++) {
                row[j] = (float) random.nextGaussian();
            }
            prompts.add(Prompt.of(id + i, "text " + i));
            rows.add(row);
        }
        return Activations.builder(Prompts.of(prompts))
                .site(SITE, Pooling.none(), rows.toArray(float[][]::new))
                .build();
    }

    @ParameterizedTest
    @EnumSource(Basis.Kind.class)
    void promptsOfTheFitAreRefused(Basis.Kind kind) {
        Activations all = made("p", 0, 60);
        Basis basis = all.slice(0, 30).measure(Basis.fit(kind));
        for (Metric<ModuleMap> metric : List.of(
                modules.through(basis),
                modules.through(a -> a.map(site -> basis.apply(site.alone()).onlySite())))) {
            assertThatThrownBy(() -> all.slice(0, 30).measure(metric))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("the coordinates of 'site[" + kind + "]' were fitted to 30 of the 30 prompts")
                    .hasMessageContaining("Basis.heldOut(");
            assertThatThrownBy(() -> all.slice(29, 60).measure(metric))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("fitted to 1 of the 31 prompts");
            assertThat(all.slice(30, 60).measure(metric).leftOut()).isEmpty();
        }
    }

    @Test
    void inPiecesToo() {
        Activations all = made("p", 0, 40);
        Metric.Accumulator<Basis> fit = Basis.centred().start();
        fit.add(all.slice(0, 7));
        Metric.Accumulator<Basis> more = Basis.centred().start();
        more.add(all.slice(7, 8));
        fit.merge(more);
        Basis basis = fit.finish();
        Metric.Accumulator<ModuleMap> measured = modules.through(basis).start();
        measured.add(all.slice(8, 30));
        measured.add(all.slice(6, 8));
        assertThatThrownBy(measured::finish)
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("fitted to 2 of the 24 prompts");
    }

    @Test
    void otherPromptsAndScalesAreNoCircle() {
        Activations all = made("p", 0, 60);
        assertThat(all.measure(modules.through(all.measure(Standardised.fit()))).leftOut())
                .isEmpty();
        // Other texts under the same running numbers are other prompts; so is the same text under another id.
        Basis basis = made("", 0, 40).measure(Basis.centred());
        List<Prompt> renumbered = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            renumbered.add(Prompt.of(Integer.toString(i), "another text " + i));
        }
        Activations others = Activations.builder(Prompts.of(renumbered))
                .site(SITE, Pooling.none(), made("", 100, 120).onlySite().vectors())
                .build();
        assertThat(others.measure(modules.through(basis)).leftOut()).isEmpty();
        assertThatThrownBy(() -> made("", 39, 60).measure(modules.through(basis)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("1 of the 21");
        // Back in raw coordinates nothing is left of the fit.
        assertThat(all.measure(modules.through(a -> basis.back().apply(basis.apply(a))))
                        .leftOut())
                .isEmpty();
    }

    @Test
    void heldOutIsTheWayOut() {
        assertThat(Basis.heldOut(Basis.Kind.CENTRED, made("p", 0, 60))
                        .measure(modules)
                        .leftOut())
                .isEmpty();
    }
}
