package io.modscan.onnx.internal.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.core.model.LinearAlgebraContract;
import org.junit.jupiter.api.Test;

class OrtProductTest {

    @Test
    void isWhatTheServiceLoaderFinds() {
        assertThat(LinearAlgebra.installed()).isInstanceOf(OrtProduct.class);
    }

    @Test
    void keepsTheContract() {
        LinearAlgebraContract.of(new OrtProduct()).productsOnly().verify();
    }
}
