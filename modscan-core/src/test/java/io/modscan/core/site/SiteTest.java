package io.modscan.core.site;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.modscan.core.token.Positions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class SiteTest {

    private static final Site Z = new Site(
            "blocks.5.attn.hook_z", OptionalInt.of(5), List.of(Axis.POSITION, Axis.heads(3), Axis.units(4)), false);
    private static final Site PATTERN = new Site(
            "blocks.5.attn.hook_pattern", OptionalInt.of(5), List.of(Axis.heads(3), Axis.QUERY, Axis.KEY), false);
    private static final Site LOSS = new Site("loss", OptionalInt.empty(), List.of(Axis.POSITION), false);

    @Test
    void knowsHeadsUnitsAndWidth() {
        assertThat(List.of(Z.heads(), Z.units(), Z.width())).containsExactly(3, 4, 12);
        assertThat(List.of(PATTERN.heads(), PATTERN.units(), PATTERN.width())).containsExactly(3, 0, 3);
        assertThat(List.of(LOSS.heads(), LOSS.units(), LOSS.width())).containsExactly(0, 0, 1);
    }

    @Test
    void attentionHasNoAxisToPoolOver() {
        assertThat(Z.hasPositions()).isTrue();
        assertThat(LOSS.hasPositions()).isTrue();
        assertThat(PATTERN.hasPositions()).isFalse();
    }

    @Test
    void theHookIsTheLastPartOfTheName() {
        assertThat(Z.hook()).isEqualTo("hook_z");
        assertThat(LOSS.hook()).isEqualTo("loss");
    }

    @Test
    void slashesDivideTheNameTooAsInForeignModels() {
        assertThat(new Site("/enc/layer.0/self/MatMul_1_output_0", OptionalInt.of(0), List.of(), false).hook())
                .isEqualTo("MatMul_1_output_0");
        assertThat(new Site("/enc/Add.1", OptionalInt.of(0), List.of(), false).hook())
                .isEqualTo("1");
    }

    @Test
    void unitsMayHaveSeveralAxes() {
        List<Axis> axes = List.of(Axis.POSITION, Axis.units(12), Axis.units(32));
        Site site = new Site("MatMul", OptionalInt.empty(), axes, false);
        assertThat(site.axes()).isEqualTo(axes);
        assertThat(List.of(site.heads(), site.units(), site.width())).containsExactly(0, 384, 384);
        assertThat(site.magnitude().axes()).containsExactly(Axis.POSITION);
        Site image =
                new Site("Conv", OptionalInt.empty(), List.of(Axis.units(3), Axis.units(224), Axis.units(224)), false);
        assertThat(image.units()).isEqualTo(3 * 224 * 224);
        assertThat(image.magnitude().axes()).isEmpty();
    }

    @Test
    void noOtherAxisComesTwiceOrBehindUnits() {
        for (List<Axis> axes : List.of(
                List.of(Axis.POSITION, Axis.POSITION),
                List.of(Axis.heads(2), Axis.heads(2)),
                List.of(Axis.units(2), Axis.POSITION),
                List.of(Axis.units(2), Axis.heads(2), Axis.units(2)))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new Site("odd", OptionalInt.empty(), axes, false))
                    .withMessageContainingAll("odd", "in this order");
        }
    }

    @Test
    void moreUnitsThanCanBeCountedAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        new Site("huge", OptionalInt.empty(), List.of(Axis.units(1 << 16), Axis.units(1 << 15)), false))
                .withMessageContainingAll("huge", "more than 2147483647 units");
    }

    @Test
    void aMagnitudeLosesTheAxisOfUnits() {
        Site magnitude = Z.magnitude();
        assertThat(magnitude)
                .isEqualTo(new Site(
                        "blocks.5.attn.hook_z.magnitude",
                        OptionalInt.of(5),
                        List.of(Axis.POSITION, Axis.heads(3)),
                        true,
                        Optional.of(Z),
                        Optional.empty(),
                        Optional.empty()));
        assertThat(magnitude.magnitudeOf()).contains(Z);
        assertThat(magnitude.tensorName()).isEqualTo(Z.name());
        assertThat(Z.magnitudeOf()).isEmpty();
        assertThat(Z.tensorName()).isEqualTo(Z.name());
    }

    @Test
    void whatHasNoUnitsHasNoMagnitude() {
        assertThatIllegalArgumentException().isThrownBy(PATTERN::magnitude).withMessageContaining(PATTERN.name());
        assertThatIllegalArgumentException().isThrownBy(LOSS::magnitude).withMessageContaining("loss");
        assertThatIllegalArgumentException().isThrownBy(() -> Z.magnitude().magnitude());
    }

    @Test
    void changingTheGivenAxesChangesNothing() {
        List<Axis> axes = new ArrayList<>(List.of(Axis.POSITION));
        Site site = new Site("s", OptionalInt.empty(), axes, false);
        axes.add(Axis.units(3));
        assertThat(site).isEqualTo(new Site("s", OptionalInt.empty(), List.of(Axis.POSITION), false));
    }

    static List<List<Axis>> readableAxes() {
        return List.of(
                List.of(),
                List.of(Axis.units(4)),
                List.of(Axis.heads(3), Axis.units(4)),
                List.of(Axis.POSITION),
                List.of(Axis.POSITION, Axis.heads(3)),
                List.of(Axis.POSITION, Axis.heads(3), Axis.units(4)),
                List.of(Axis.QUERY, Axis.KEY),
                List.of(Axis.heads(3), Axis.QUERY, Axis.KEY));
    }

    @ParameterizedTest
    @MethodSource("readableAxes")
    void axesInTheirOrderAreTaken(List<Axis> axes) {
        assertThat(new Site("s", OptionalInt.empty(), axes, false).axes()).isEqualTo(axes);
    }

    static List<List<Axis>> unreadableAxes() {
        return List.of(
                List.of(Axis.heads(3), Axis.POSITION, Axis.units(4)),
                List.of(Axis.units(4), Axis.POSITION),
                List.of(Axis.POSITION, Axis.units(4), Axis.heads(3)),
                List.of(Axis.POSITION, Axis.POSITION),
                List.of(Axis.heads(3), Axis.heads(3)),
                List.of(Axis.QUERY),
                List.of(Axis.KEY),
                List.of(Axis.heads(3), Axis.KEY),
                List.of(Axis.KEY, Axis.QUERY),
                List.of(Axis.QUERY, Axis.KEY, Axis.heads(3)),
                List.of(Axis.QUERY, Axis.KEY, Axis.units(4)),
                List.of(Axis.POSITION, Axis.QUERY, Axis.KEY));
    }

    @ParameterizedTest
    @MethodSource("unreadableAxes")
    void axesInAnotherOrderAreRefused(List<Axis> axes) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Site("odd", OptionalInt.empty(), axes, false))
                .withMessageContainingAll("odd", axes.get(0).role().name(), "in this order");
    }

    @ParameterizedTest
    @CsvSource({"HEAD, 0", "HEAD, -1", "UNIT, 0", "UNIT, -2147483648", "POSITION, 1", "QUERY, 3", "KEY, -1"})
    void anAxisOfImpossibleSizeIsRefused(Axis.Role role, int size) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Axis(role, size, List.of()))
                .withMessageContainingAll(role.name(), Integer.toString(size));
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void everyPoolingCanLeaveBosOut(Pooling.Kind kind) {
        Pooling pooling = new Pooling(kind, Positions.all());
        assertThat(pooling.isPooled()).isTrue();
        assertThat(pooling.withoutBos()).isEqualTo(new Pooling(kind, Positions.withoutBos()));
    }

    @Test
    void withoutPoolingSomePositionsMayBeKept() {
        assertThat(Pooling.none().withoutBos().isPooled()).isFalse();
        assertThat(Pooling.none().over(Positions.last(3))).hasToString("none over last:3");
        assertThat(Pooling.mean().over(Positions.withoutBos()))
                .isEqualTo(Pooling.mean().withoutBos());
    }

    @Test
    void theFactoriesCountBosIn() {
        assertThat(List.of(Pooling.none(), Pooling.last(), Pooling.mean(), Pooling.max()))
                .extracting(Pooling::kind)
                .containsExactly(Pooling.Kind.NONE, Pooling.Kind.LAST, Pooling.Kind.MEAN, Pooling.Kind.MAX);
        assertThat(Pooling.mean().positions().isWithoutBos()).isFalse();
    }
}
