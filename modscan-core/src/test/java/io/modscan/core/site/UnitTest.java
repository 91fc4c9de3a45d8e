package io.modscan.core.site;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UnitTest {

    private static final Site Z = site("z", Axis.POSITION, Axis.heads(3), Axis.units(4));
    private static final Site SEEN = site("seen", Axis.heads(2), Axis.units(List.of("SELF", "PREVIOUS")));
    private static final Site NORMS = site("norms", Axis.heads(3));
    private static final Site LOSS = site("loss", Axis.POSITION);
    private static final Site IMAGE = site("image", Axis.units(List.of("red", "green", "blue")), Axis.units(4));

    private static Site site(String name, Axis... axes) {
        return new Site(name, OptionalInt.empty(), List.of(axes), false);
    }

    @Test
    void isFoundByItsIndexAndHasIt() {
        for (Site site : List.of(Z, SEEN, NORMS, LOSS, IMAGE)) {
            for (int i = 0; i < site.width(); i++) {
                assertThat(Unit.of(site, i).inSite()).isEqualTo(i);
            }
        }
        assertThat(Unit.of(Z, 11)).isEqualTo(Unit.of(Z, 2, 3));
        assertThat(Unit.of(NORMS, 2)).isEqualTo(new Unit(NORMS, OptionalInt.of(2), OptionalInt.empty()));
        assertThat(Unit.of(LOSS, 0)).isEqualTo(new Unit(LOSS, OptionalInt.empty(), OptionalInt.empty()));
    }

    @Test
    void isToldInWordsAndByItsNameWhereItHasOne() {
        assertThat(Unit.of(Z, 1, 2)).hasToString("z head 1 unit 2");
        assertThat(Unit.of(SEEN, 1, 1)).hasToString("seen head 1 PREVIOUS");
        assertThat(Unit.of(SEEN, 1, 1).name()).hasValue("PREVIOUS");
        assertThat(Unit.of(NORMS, 2)).hasToString("norms head 2");
        assertThat(Unit.of(NORMS, 2).name()).isEmpty();
        assertThat(Unit.of(LOSS, 0)).hasToString("loss");
        assertThat(Unit.of(IMAGE, 11)).hasToString("image unit 11");
    }

    @Test
    void anAxisIsToldWithItsNames() {
        assertThat(Axis.units(4)).hasToString("Axis[role=UNIT, size=4]");
        assertThat(Axis.units(List.of("a", "b"))).hasToString("Axis[role=UNIT, size=2, names=[a, b]]");
        assertThat(Axis.units(List.of("a", "b"))).isNotEqualTo(Axis.units(2));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Axis(Axis.Role.HEAD, 2, List.of("a", "b")))
                .withMessageContaining("role HEAD");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Axis.units(List.of("a", " ")))
                .withMessageContaining("not blank");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 12})
    void hasAnIndexOfItsSite(int index) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Unit.of(Z, index))
                .withMessage("z has the units 0 to 11 in all, so no unit " + index);
    }

    @Test
    void hasAHeadAndAUnitWhereItsSiteHasThem() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Unit.of(Z, 3, 0))
                .withMessage("z has the heads 0 to 2, so no head 3");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Unit.of(Z, 0, 4))
                .withMessage("z has the units 0 to 3, so no unit 4");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Unit.of(NORMS, 0, 0))
                .withMessage("norms has no units, so no unit 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Unit(Z, OptionalInt.empty(), OptionalInt.of(0)))
                .withMessage("z has the heads 0 to 2, so a head has to be named");
    }
}
