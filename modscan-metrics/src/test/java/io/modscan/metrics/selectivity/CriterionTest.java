package io.modscan.metrics.selectivity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.PlantedModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CriterionTest {

    private static final Site SITE = PlantedModel.units("site", 1);

    private static UnitSelectivity row(double auroc, double error, double q) {
        return new UnitSelectivity(Unit.of(SITE, 0), "a", 0, 0, 0, 0, auroc, error, q, q, q, q);
    }

    @ParameterizedTest
    @CsvSource({
        "0.05, 0,   0.51,  0,     0.05, true,  false",
        "0.05, 0,   0.49,  0,     0.05, false, true",
        "0.05, 0,   0.5,   0,     0.01, false, false",
        "0.05, 0,   0.9,   0,     0.06, false, false",
        "0.05, 0.2, 0.69,  0,     0.01, false, false",
        "0.05, 0.2, 0.75,  0,     0.01, true,  false",
        "0.05, 0.2, 0.25,  0,     0.01, false, true",
        "0.05, 0.2, 0.25,  0.1,   0.01, false, false",
        "0.05, 0,   0.75,  0.25,  0.01, false, false",
        "0.05, 0,   0.75,  0.125, 0.01, true,  false",
        "1,    0.5, 1,     0,     1,    true,  false",
        "0.05, 0,   NaN,   0,     0.01, false, false",
        "0.05, 0,   0.9,   0,     NaN,  false, false",
    })
    void decides(double q, double effect, double auroc, double error, double rowQ, boolean lit, boolean dark) {
        Criterion criterion = new Criterion(q, effect);
        assertThat(criterion.lightsUp(row(auroc, error, rowQ))).isEqualTo(lit);
        assertThat(criterion.goesDark(row(auroc, error, rowQ))).isEqualTo(dark);
    }

    @Test
    void usually() {
        assertThat(Criterion.standard()).isEqualTo(new Criterion(0.05, 0.3));
        assertThat(Criterion.standard().anyEffect()).isEqualTo(new Criterion(0.05, 0));
        assertThat(Criterion.standard().lightsUp(row(0.8, 0, 0.05))).isTrue();
        assertThat(Criterion.standard().lightsUp(row(0.79, 0, 1e-9))).isFalse();
        assertThat(Criterion.standard().goesDark(row(0.2, 0, 0.05))).isTrue();
        assertThat(Criterion.standard().goesDark(row(0.21, 0, 1e-9))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
    void refusesOtherBounds(double bound) {
        assertThatThrownBy(() -> new Criterion(bound, 0)).hasMessageContaining(bound + " is not");
        assertThatThrownBy(() -> new Criterion(0.05, bound)).hasMessageContaining(bound + " is not");
    }
}
