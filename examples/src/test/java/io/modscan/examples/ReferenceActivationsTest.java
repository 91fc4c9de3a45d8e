package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Probe;
import io.modscan.onnx.OptModel;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What transformers computes, tensor by tensor. */
class ReferenceActivationsTest {

    @TempDir
    Path folder;

    private static OptModel model(String name) {
        return name.equals("demo") ? DemoModel.model() : OptModel.load(ReferenceActivations.resource(name));
    }

    @ParameterizedTest
    @ValueSource(strings = {"demo", "pre_ln", "post_ln_proj"})
    void probeReproducesEveryTensor(String name) {
        ReferenceActivations reference = new ReferenceActivations(name);
        Path file = folder.resolve("capture.safetensors");
        try (Probe probe = Probe.builder(model(name)).build()) {
            probe.capture(reference.prompts()).save(file);
        }
        Map<String, Double> differences = reference.compare(file);
        assertThat(differences.keySet()).isEqualTo(reference.sites());
        System.out.println(
                name + " " + differences.values().stream().max(Double::compare) + " over " + differences.size());
    }
}
