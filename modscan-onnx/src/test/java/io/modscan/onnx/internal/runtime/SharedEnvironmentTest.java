package io.modscan.onnx.internal.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OrtEnvironment;
import org.junit.jupiter.api.Test;

class SharedEnvironmentTest {

    /** It hangs on what ONNX Runtime calls its own: a newer one may call it otherwise, and then this says so. */
    @Test
    void itIsKept() {
        assertThat(SharedEnvironment.isKept()).isTrue();
    }

    @Test
    void itIsTheOneEnvironment() {
        assertThat(SharedEnvironment.get()).isSameAs(OrtEnvironment.getEnvironment());
    }
}
