package io.modscan.metrics.basis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.Activations;
import io.modscan.core.FittedPrompts;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Half of the prompts in bases of the other half, and what a basis knows of the prompts of its fit. */
class HeldOutTest {

    private static final Site WIDE = new Site("wide", OptionalInt.of(0), List.of(Axis.units(12)), false);
    private static final Site TOKENS =
            new Site("tokens", OptionalInt.of(0), List.of(Axis.POSITION, Axis.units(3)), false);

    private static Activations made(int prompts, boolean turned) {
        Random random = new Random(3);
        List<Prompt> all = new ArrayList<>();
        List<float[]> wide = new ArrayList<>();
        List<float[]> tokens = new ArrayList<>();
        for (int i = 0; i < prompts; i++) {
            all.add(Prompt.of("p" + i, "text " + i).withLabel("topic", i % 3 == 0 ? "a" : "b"));
            wide.add(random(random, 12));
            tokens.add(random(random, 3 * (1 + i % 4)));
        }
        if (turned) {
            Collections.reverse(all);
            Collections.reverse(wide);
            Collections.reverse(tokens);
        }
        return Activations.builder(Prompts.of(all))
                .site(WIDE, Pooling.none(), wide.toArray(float[][]::new))
                .site(TOKENS, Pooling.none(), tokens.toArray(float[][]::new))
                .build();
    }

    private static float[] random(Random random, int length) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static Set<String> ids(Activations activations) {
        return new HashSet<>(activations.prompts().stream().map(Prompt::id).toList());
    }

    @ParameterizedTest
    @EnumSource(Basis.Kind.class)
    void theOneHalfIsGivenInBasesOfTheOther(Basis.Kind kind) {
        Activations all = made(25, false);
        Activations held = Basis.heldOut(kind, all);
        assertThat(held.prompts().size()).isEqualTo(13);
        Set<String> measured = ids(held);
        Activations fitted = all.where(prompt -> !measured.contains(prompt.id()));
        for (Site site : List.of(WIDE, TOKENS)) {
            Basis basis = fitted.at(site).measure(Basis.fit(kind));
            SiteActivations expected = basis.apply(all.where(prompt -> measured.contains(prompt.id()))
                            .at(site)
                            .alone())
                    .onlySite();
            SiteActivations actual = held.at(expected.site());
            for (int i = 0; i < 13; i++) {
                assertThat(actual.row(i)).isEqualTo(expected.row(i));
            }
            assertThat(actual.fittedTo()).isEqualTo(FittedPrompts.of(fitted));
            assertThat(actual.fittedTo().size()).isEqualTo(12);
            assertThat(actual.inFit()).isZero();
        }
    }

    @Test
    void halvesGoByIdsAndSeedOnly() {
        Set<String> measured = ids(Basis.heldOut(Basis.Kind.CENTRED, made(40, false)));
        assertThat(ids(Basis.heldOut(Basis.Kind.CENTRED, made(40, true)))).isEqualTo(measured);
        assertThat(ids(Basis.heldOut(Basis.Kind.CENTRED, made(40, false), 0))).isEqualTo(measured);
        assertThat(ids(Basis.heldOut(Basis.Kind.CENTRED, made(40, false), 1)))
                .hasSize(20)
                .isNotEqualTo(measured);
    }

    @Test
    void partsOfOnesOwn() {
        Activations held = Basis.heldOut(
                Basis.Kind.UNCENTRED, made(20, false), prompt -> prompt.labels().containsValue("a"));
        assertThat(held.prompts().labels("topic")).hasSize(13).containsOnly("b");
        assertThatThrownBy(() -> Basis.heldOut(Basis.Kind.CENTRED, made(20, false), prompt -> true))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("of 20 prompts, 20 are to fit it and 0 to be measured");
        assertThatThrownBy(() -> Basis.heldOut(Basis.Kind.CENTRED, made(20, false), prompt -> false))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("0 are to fit it and 20 to be measured");
        assertThatThrownBy(() -> Basis.heldOut(Basis.Kind.CENTRED, made(1, false)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("of 1 prompts, 0 are to fit it");
        assertThat(Basis.heldOut(Basis.Kind.CENTRED, made(3, false)).prompts().size())
                .isEqualTo(2);
    }

    @Test
    void aConditionThatChangesItsMindHasNoPromptInBothParts() {
        Random random = new Random(1);
        Activations held = Basis.heldOut(Basis.Kind.CENTRED, made(40, false), prompt -> random.nextBoolean());
        SiteActivations site = held.at("wide[centred]");
        assertThat(site.inFit()).isZero();
        assertThat(site.fittedTo().size()).isEqualTo(40 - site.size());
    }

    @Test
    void whereNothingVariesInTheFitThereIsNothingAndWhereNothingWasFiniteNothingIsKnown() {
        Prompts prompts = Prompts.of("a", "b", "c", "d");
        String fit = prompts.get(0).id();
        Activations all = Activations.builder(prompts)
                .site(WIDE, Pooling.none(), new float[12], random(new Random(1), 12), new float[12], new float[12])
                .site(TOKENS, Pooling.none(), new float[] {Float.NaN, 0, 0}, new float[6], new float[3], new float[3])
                .build();
        Activations held =
                Basis.heldOut(Basis.Kind.CENTRED, all, prompt -> prompt.id().equals(fit));
        assertThat(held.at("wide[centred]").vectors()).isEqualTo(new float[][] {{0}, {0}, {0}});
        assertThat(held.at("wide[centred]").fittedTo().size()).isEqualTo(1);
        assertThat(held.at("tokens[centred]").row(0).capacity()).isEqualTo(2);
        assertThat(held.at("tokens[centred]").vector(0, 1)).containsExactly(Float.NaN);
        assertThat(held.nonFinite()).hasSize(1);
    }

    @Test
    void coordinatesKnowWhatTheyWereFittedToWhateverIsMadeOfThem() {
        Activations all = made(12, false);
        Activations even = all.where(prompt -> all.prompts().stream().toList().indexOf(prompt) % 2 == 0);
        Basis basis = even.at(TOKENS).measure(Basis.centred());
        SiteActivations in = basis.apply(all).at(basis.projectedSite());
        assertThat(in.fittedTo()).isEqualTo(FittedPrompts.of(even));
        assertThat(in.inFit()).isEqualTo(6);
        assertThat(basis.apply(all).at(WIDE).fittedTo()).isEqualTo(FittedPrompts.none());
        assertThat(all.at(TOKENS).inFit()).isZero();

        assertThat(in.alone().pooled(Pooling.mean()).onlySite().inFit()).isEqualTo(6);
        assertThat(in.alone().inOrderOfIds().onlySite().inFit()).isEqualTo(6);
        assertThat(in.alone().slice(2, 5).onlySite().inFit()).isEqualTo(2);
        assertThat(in.alone().only(site -> true).onlySite().inFit()).isEqualTo(6);
        assertThat(in.derived(WIDE, Pooling.none(), i -> new float[12]).inFit()).isEqualTo(6);
        Standardised same = in.measure(Standardised.fit());
        assertThat(same.apply(in.alone()).onlySite().inFit()).isEqualTo(6);
        assertThat(in.measure(BrightDimensions.find())
                        .without(1)
                        .apply(in.alone())
                        .onlySite()
                        .inFit())
                .isEqualTo(6);
        // Raw coordinates again are those that they were.
        assertThat(basis.back().apply(in.alone()).onlySite().inFit()).isZero();
        // A basis of a basis was fitted to the prompts of both.
        Activations odd = all.where(prompt -> all.prompts().stream().toList().indexOf(prompt) % 2 == 1);
        Basis second = basis.apply(odd).at(basis.projectedSite()).measure(Basis.zca());
        SiteActivations twice = second.apply(in.alone()).onlySite();
        assertThat(twice.inFit()).isEqualTo(12);
        assertThat(second.back().apply(twice.alone()).onlySite().inFit()).isEqualTo(6);
    }
}
