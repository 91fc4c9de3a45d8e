package io.modscan.core.site;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.CapturePlan.Selection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class CapturePlanTest {

    /** Two layers, in the order in which a network would compute them. */
    private static final List<Site> MODEL = model();

    private static List<Site> model() {
        List<Site> sites = new ArrayList<>();
        List<Axis> stream = List.of(Axis.POSITION, Axis.units(6));
        List<Axis> heads = List.of(Axis.POSITION, Axis.heads(3), Axis.units(2));
        List<Axis> attention = List.of(Axis.heads(3), Axis.QUERY, Axis.KEY);
        sites.add(new Site("hook_embed", OptionalInt.empty(), stream, false));
        for (int i = 0; i < 2; i++) {
            String block = "blocks." + i + ".";
            OptionalInt layer = OptionalInt.of(i);
            sites.add(new Site(block + "hook_resid_pre", layer, stream, false));
            sites.add(new Site(block + "attn.hook_q", layer, heads, false));
            sites.add(new Site(block + "attn.hook_pattern", layer, attention, false));
            sites.add(new Site(block + "attn.hook_z", layer, heads, false));
            sites.add(new Site(
                    block + "attn.hook_result", layer, List.of(Axis.POSITION, Axis.heads(3), Axis.units(6)), true));
            sites.add(new Site(block + "mlp.hook_post", layer, List.of(Axis.POSITION, Axis.units(8)), false));
        }
        sites.add(new Site("logits", OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(50)), false));
        sites.add(new Site("loss", OptionalInt.empty(), List.of(Axis.POSITION), false));
        return List.copyOf(sites);
    }

    private static CapturePlan plan(Pooling pooling, SiteSelector... selectors) {
        return CapturePlan.of(
                MODEL,
                Arrays.stream(selectors)
                        .map(selector -> new Selection(selector, pooling))
                        .toList());
    }

    private static List<String> names(SiteSelector... selectors) {
        return names(Pooling.none(), selectors);
    }

    private static List<String> names(Pooling pooling, SiteSelector... selectors) {
        return plan(pooling, selectors).readings().stream()
                .map(reading -> reading.site().name())
                .toList();
    }

    private static void refused(Pooling pooling, SiteSelector selector, String... parts) {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> plan(pooling, selector))
                .withMessageContainingAll(parts);
    }

    @Nested
    class Globs {

        @Test
        void aFullNameSelectsThatSite() {
            assertThat(names(Sites.glob("blocks.1.attn.hook_z"))).containsExactly("blocks.1.attn.hook_z");
        }

        @Test
        void theLastPartAloneSelectsItInEveryLayer() {
            assertThat(names(Sites.glob("hook_z"))).containsExactly("blocks.0.attn.hook_z", "blocks.1.attn.hook_z");
        }

        @Test
        void aGlobMayBeginAtAnyPartOfTheName() {
            assertThat(names(Sites.glob("mlp.hook_post"))).hasSize(2);
            assertThat(names(Sites.glob("1.attn.hook_z"))).containsExactly("blocks.1.attn.hook_z");
        }

        @Test
        void aGlobBeginsAtNoOtherPlaceThanAPart() {
            refused(Pooling.none(), Sites.glob("post"), "no site matches 'post'");
            refused(Pooling.none(), Sites.glob("ttn.hook_z"), "no site matches");
        }

        @Test
        void aStarStandsForAnyCharactersDotsIncluded() {
            assertThat(names(Sites.glob("blocks.*.hook_post")))
                    .containsExactly("blocks.0.mlp.hook_post", "blocks.1.mlp.hook_post");
        }

        @Test
        void aQuestionMarkStandsForOneCharacter() {
            assertThat(names(Sites.glob("blocks.1.attn.hook_?")))
                    .containsExactly("blocks.1.attn.hook_q", "blocks.1.attn.hook_z");
        }

        @Test
        void aDotStandsForItself() {
            refused(Pooling.none(), Sites.glob("blocks.1.attn.hook.z"), "no site matches");
        }

        @Test
        void charactersOfRegularExpressionsStandForThemselves() {
            refused(Pooling.none(), Sites.glob("blocks.[01].(attn|mlp).\\Ehook_z$"), "no site matches");
        }

        @Test
        void theNamesOfSitesMayBeAny() {
            Site odd = new Site("/model/layer.0/Add_(1)", OptionalInt.empty(), List.of(Axis.POSITION), false);
            assertThat(CapturePlan.of(
                                    List.of(odd),
                                    List.of(new Selection(Sites.glob("/model/layer.0/Add_(1)"), Pooling.none())))
                            .readings())
                    .containsExactly(new Reading(odd, Pooling.none()));
        }
    }

    @Nested
    class Catalogue {

        @Test
        void slashesDivideNamesAsDotsDo() {
            List<Site> foreign = Stream.of(
                            "/enc/layer.0/self/MatMul_output_0",
                            "/enc/layer.1/self/MatMul_output_0",
                            "/enc/MyMatMul_output_0")
                    .map(name -> new Site(name, OptionalInt.empty(), List.of(Axis.units(2)), true))
                    .toList();
            assertThat(CapturePlan.of(foreign, List.of(new Selection(Sites.glob("MatMul_output_0"), Pooling.none())))
                            .readings())
                    .extracting(reading -> reading.site().name())
                    .containsExactly("/enc/layer.0/self/MatMul_output_0", "/enc/layer.1/self/MatMul_output_0");
            assertThat(CapturePlan.of(
                                    foreign,
                                    List.of(new Selection(Sites.glob("1/self/MatMul_output_0"), Pooling.none())))
                            .readings())
                    .extracting(reading -> reading.site().name())
                    .containsExactly("/enc/layer.1/self/MatMul_output_0");
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() ->
                            CapturePlan.of(foreign, List.of(new Selection(Sites.glob("*output_0"), Pooling.none()))))
                    .withMessageContaining("on demand");
        }

        @Test
        void aTensorCalledLikeMagnitudesIsMeantByItsName() {
            Site vectors = new Site("x", OptionalInt.empty(), List.of(Axis.units(2)), false);
            Site tensor = new Site("x.magnitude", OptionalInt.empty(), List.of(), false);
            assertThat(CapturePlan.of(
                                    List.of(vectors, tensor),
                                    List.of(new Selection(Sites.glob("x.magnitude"), Pooling.none())))
                            .readings())
                    .extracting(Reading::site)
                    .containsExactly(tensor);
        }

        @Test
        void typedSelectorsAreOfEveryLayer() {
            assertThat(names(Sites.z(), Sites.mlpPost()))
                    .containsExactly(
                            "blocks.0.attn.hook_z",
                            "blocks.0.mlp.hook_post",
                            "blocks.1.attn.hook_z",
                            "blocks.1.mlp.hook_post");
        }

        @Test
        void readingsComeInOrderOfTheModel() {
            assertThat(names(Sites.loss(), Sites.logits(), Sites.residPre(), Sites.embed()))
                    .containsExactly(
                            "hook_embed", "blocks.0.hook_resid_pre", "blocks.1.hook_resid_pre", "logits", "loss");
        }

        @Test
        void everyTypedSelectorTellsWhatItSelects() {
            assertThat(List.of(
                            Sites.q(),
                            Sites.k(),
                            Sites.v(),
                            Sites.attnScores(),
                            Sites.pattern(),
                            Sites.result(),
                            Sites.attnOut(),
                            Sites.mlpPre(),
                            Sites.mlpOut(),
                            Sites.residMid(),
                            Sites.residPost()))
                    .extracting(Object::toString)
                    .containsExactly(
                            "blocks.*.attn.hook_q",
                            "blocks.*.attn.hook_k",
                            "blocks.*.attn.hook_v",
                            "blocks.*.attn.hook_attn_scores",
                            "blocks.*.attn.hook_pattern",
                            "blocks.*.attn.hook_result",
                            "blocks.*.hook_attn_out",
                            "blocks.*.mlp.hook_pre",
                            "blocks.*.hook_mlp_out",
                            "blocks.*.hook_resid_mid",
                            "blocks.*.hook_resid_post");
        }

        @Test
        void inLayersKeepsThoseLayers() {
            assertThat(names(Sites.all().inLayers(1)))
                    .isNotEmpty()
                    .allSatisfy(name -> assertThat(name).startsWith("blocks.1."));
            assertThat(names(Sites.z().inLayers(0, 1))).hasSize(2);
        }

        @Test
        void changingTheArrayOfLayersChangesNothing() {
            int[] layers = {1};
            SiteSelector selector = Sites.z().inLayers(layers);
            layers[0] = 0;
            assertThat(names(selector)).containsExactly("blocks.1.attn.hook_z");
        }

        @Test
        void aLambdaIsASelectorThatSweeps() {
            assertThat(names(site -> site.heads() > 0 && site.layer().equals(OptionalInt.of(0))))
                    .containsExactly("blocks.0.attn.hook_q", "blocks.0.attn.hook_pattern", "blocks.0.attn.hook_z");
        }

        @Test
        void aSiteSelectedTwiceTheSameWayIsReadOnce() {
            assertThat(names(Sites.z(), Sites.glob("hook_z"))).hasSize(2);
        }
    }

    @Nested
    class Sweeping {

        @Test
        void leavesOutSitesOnDemandAndMagnitudes() {
            assertThat(names(Sites.all()))
                    .hasSize(MODEL.size() - 2)
                    .noneMatch(name -> name.endsWith("hook_result") || name.endsWith("magnitude"));
        }

        @Test
        void keepsAttentionWhereNothingIsPooled() {
            assertThat(names(Sites.all())).contains("blocks.0.attn.hook_pattern");
        }

        @Test
        void leavesOutAttentionUnderPooling() {
            assertThat(names(Pooling.mean(), Sites.all()))
                    .contains("blocks.0.attn.hook_z", "loss")
                    .noneMatch(name -> name.endsWith("hook_pattern"));
        }

        @Test
        void tellsWhichSitesAWildcardPassedOverWhenNoneIsLeft() {
            refused(Pooling.none(), Sites.glob("*_result"), "'*_result'", "blocks.0.attn.hook_result", "full name");
            refused(Pooling.max(), Sites.glob("*pattern"), "blocks.0.attn.hook_pattern", "no single axis");
        }
    }

    @Nested
    class Naming {

        @Test
        void bringsInASiteOnDemand() {
            assertThat(names(Sites.result().inLayers(1))).containsExactly("blocks.1.attn.hook_result");
            assertThat(names(Sites.glob("hook_result"))).hasSize(2);
        }

        @Test
        void attentionUnderPoolingIsAnError() {
            refused(Pooling.mean(), Sites.pattern(), "blocks.0.attn.hook_pattern", "Pooling.none()");
        }
    }

    @Nested
    class Magnitudes {

        @Test
        void areOfWhatTheSelectorSelects() {
            CapturePlan plan = plan(Pooling.mean(), Sites.z().magnitude());
            assertThat(plan.readings())
                    .extracting(Reading::site)
                    .containsExactly(MODEL.get(4).magnitude(), MODEL.get(10).magnitude());
            assertThat(plan.readings().get(0).values(9)).isEqualTo(3);
        }

        @Test
        void combineWithLayersInEitherOrder() {
            assertThat(names(Sites.z().magnitude().inLayers(1)))
                    .isEqualTo(names(Sites.z().inLayers(1).magnitude()))
                    .containsExactly("blocks.1.attn.hook_z.magnitude");
        }

        @Test
        void ofASweepLeaveOutWhatTheSweepLeavesOut() {
            assertThat(names(Sites.all().magnitude()))
                    .contains("blocks.0.attn.hook_z.magnitude", "hook_embed.magnitude")
                    .doesNotContain("blocks.0.attn.hook_result.magnitude");
            assertThat(names(Sites.result().magnitude())).hasSize(2);
        }

        @Test
        void ofASiteOnDemandHaveToBeSpelled() {
            assertThat(names(Sites.glob("*.magnitude")))
                    .contains("blocks.0.attn.hook_z.magnitude")
                    .doesNotContain("blocks.0.attn.hook_result.magnitude");
            assertThat(names(Sites.glob("hook_result.magnitude"))).hasSize(2);
        }

        @Test
        void canBeNamed() {
            assertThat(names(Sites.glob("blocks.*.attn.hook_z.magnitude"))).hasSize(2);
        }

        @Test
        void comeRightBehindTheirSite() {
            assertThat(names(Sites.z().magnitude(), Sites.z(), Sites.mlpPost()).subList(0, 3))
                    .containsExactly(
                            "blocks.0.attn.hook_z", "blocks.0.attn.hook_z.magnitude", "blocks.0.mlp.hook_post");
        }

        @Test
        void mayBePooledOtherwiseThanTheirSite() {
            CapturePlan plan = CapturePlan.of(
                    MODEL,
                    List.of(
                            new Selection(Sites.z(), Pooling.none()),
                            new Selection(Sites.z().magnitude(), Pooling.max())));
            assertThat(plan.readings())
                    .extracting(Reading::pooling)
                    .containsExactly(Pooling.none(), Pooling.max(), Pooling.none(), Pooling.max());
        }

        @Test
        void ofLossDoNotExist() {
            refused(Pooling.none(), Sites.loss().magnitude(), "magnitude of loss");
        }

        @Test
        void ofMagnitudesDoNotExist() {
            refused(Pooling.none(), Sites.z().magnitude().magnitude(), "magnitude of magnitude of");
        }
    }

    @Nested
    class Mistakes {

        @Test
        void aGlobThatMatchesNothingListsNearNames() {
            refused(
                    Pooling.none(),
                    Sites.glob("blocks.*.attn.hook_zz"),
                    "'blocks.*.attn.hook_zz'",
                    "blocks.0.attn.hook_z");
        }

        @Test
        void nearNamesAreFoundForALastPartAlone() {
            refused(Pooling.none(), Sites.glob("hook_zz"), "[blocks.0.attn.hook_z,");
            refused(Pooling.none(), Sites.glob("hook_psot"), "[blocks.0.mlp.hook_post,");
            refused(Pooling.none(), Sites.glob("logit"), "[logits,");
        }

        @Test
        void nearNamesAreFoundForALayerThatIsNotThere() {
            refused(Pooling.none(), Sites.glob("blocks.7.attn.hook_z"), "[blocks.0.attn.hook_z,", "in layers 0 to 1");
            refused(
                    Pooling.none(),
                    Sites.z().inLayers(7),
                    "in layers [7]",
                    "[blocks.0.attn.hook_z,",
                    "in layers 0 to 1");
        }

        @Test
        void aLambdaIsNotCalledByItsClass() {
            refused(Pooling.none(), site -> false, "no site matches the given selector");
        }

        @Test
        void anEmptyGlobMatchesNothing() {
            refused(Pooling.none(), Sites.glob(""), "no site matches ''");
        }

        @Test
        void theSecondSelectorIsCheckedToo() {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> plan(Pooling.none(), Sites.z(), Sites.glob("nonsense")))
                    .withMessageContaining("'nonsense'");
        }

        @Test
        void twoPoolingsOfOneSiteAreNamed() {
            List<Selection> both =
                    List.of(new Selection(Sites.z(), Pooling.mean()), new Selection(Sites.z(), Pooling.last()));
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> CapturePlan.of(MODEL, both))
                    .withMessageContainingAll("blocks.0.attn.hook_z", "mean", "last");
        }

        @Test
        void aPlanOfNothingIsRefused() {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> new CapturePlan(List.of()))
                    .withMessageContaining("at least one");
            assertThatExceptionOfType(ModscanException.class).isThrownBy(() -> CapturePlan.of(MODEL, List.of()));
        }

        @Test
        void aPlanWithASiteTwiceIsRefused() {
            Site site = MODEL.get(0);
            List<Reading> twice = List.of(new Reading(site, Pooling.none()), new Reading(site, Pooling.max()));
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> new CapturePlan(twice))
                    .withMessageContainingAll("hook_embed", "twice");
        }
    }

    @Nested
    class Values {

        private long values(int site, Pooling pooling) {
            return new Reading(MODEL.get(site), pooling).values(7);
        }

        @Test
        void countAPrompt() {
            assertThat(values(0, Pooling.none())).isEqualTo(7 * 6);
            assertThat(values(2, Pooling.none())).isEqualTo(7 * 3 * 2);
            assertThat(values(3, Pooling.none())).isEqualTo(3 * 7 * 7);
            assertThat(values(MODEL.size() - 1, Pooling.none())).isEqualTo(7);
        }

        @Test
        void countAPooledPrompt() {
            assertThat(values(0, Pooling.last())).isEqualTo(6);
            assertThat(values(2, Pooling.mean())).isEqualTo(3 * 2);
            assertThat(values(MODEL.size() - 1, Pooling.max())).isEqualTo(1);
        }

        @Test
        void countBeyondThirtyTwoBits() {
            assertThat(new Reading(MODEL.get(3), Pooling.none()).values(100_000))
                    .isEqualTo(30_000_000_000L);
        }

        @Test
        void refuseToOverflow() {
            Site huge = new Site(
                    "huge", OptionalInt.empty(), List.of(Axis.heads(Integer.MAX_VALUE), Axis.QUERY, Axis.KEY), false);
            Reading reading = new Reading(huge, Pooling.none());
            assertThatExceptionOfType(ArithmeticException.class).isThrownBy(() -> reading.values(Integer.MAX_VALUE));
        }
    }
}
