package io.modscan.metrics.internal.linear;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.core.model.LinearAlgebraContract;
import org.junit.jupiter.api.Test;

class EjmlAlgebraTest {

    @Test
    void isWhatTheServiceLoaderFindsWithoutAFasterOne() {
        assertThat(LinearAlgebra.installed()).isInstanceOf(EjmlAlgebra.class);
    }

    @Test
    void keepsTheContract() {
        LinearAlgebraContract.of(new EjmlAlgebra()).verify();
    }
}
