package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.core.token.Positions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A probe pools what a source gives that doesn't pool, as a source that does. */
class PoolingTest {

    private static final Prompts PROMPTS = Prompts.of("abcde", "zyx", "hello", "q");
    private static final SiteSelector[] SITES = {
        Sites.z(), Sites.z().magnitude(), Sites.mlpPost(), Sites.glob("hook_embed")
    };

    private static Activations captured(boolean pools, Pooling pooling) {
        FakeModel model = new FakeModel();
        model.pools = pools;
        try (Probe probe = Probe.builder(model).sites(pooling, SITES).build()) {
            Activations activations = probe.capture(PROMPTS);
            assertThat(probe.plan().readings())
                    .allMatch(reading -> reading.pooling().equals(pooling));
            // A source that does not pool is opened for tensors only.
            assertThat(model.sources.get(0).plan().readings().stream().anyMatch(PoolingTest::isMadeOfATensor))
                    .isEqualTo(pools);
            return activations;
        }
    }

    private static boolean isMadeOfATensor(Reading reading) {
        return reading.pooling().isPooled() || reading.site().magnitudeOf().isPresent();
    }

    @ParameterizedTest
    @CsvSource({"NONE, false", "MEAN, false", "MEAN, true", "MAX, false", "MAX, true", "LAST, false", "LAST, true"})
    void asASourceThatPools(Pooling.Kind kind, boolean withoutBos) {
        Pooling pooling = new Pooling(kind, withoutBos ? Positions.withoutBos() : Positions.all());
        Activations expected = captured(true, pooling);
        Activations actual = captured(false, pooling);
        assertThat(actual.sites()).hasSameSizeAs(expected.sites());
        for (SiteActivations site : expected.sites()) {
            for (int prompt = 0; prompt < PROMPTS.size(); prompt++) {
                assertThat(actual.at(site.site()).row(prompt))
                        .as("%s of prompt %d", site, prompt)
                        .isEqualTo(site.row(prompt));
            }
        }
    }

    @Test
    void keepsToTheMemoryLimitWithWhatItHoldsBeside() {
        FakeModel model = new FakeModel();
        model.pools = false;
        long row = 12L * 4 * Float.BYTES; // of hook_embed, for the longest prompt
        try (Probe probe = Probe.builder(model)
                .sites(Pooling.mean(), Sites.glob("hook_embed"))
                .memoryLimit(2 * row)
                .build()) {
            probe.capture(Prompts.of("abcdefghijk", "abcdefghijk", "abcdefghijk", "abcdefghijk"));
        }
        assertThat(model.batches).hasSizeGreaterThan(1);
    }

    @Test
    void aRunThatFailsLeavesTheNextAlone() {
        FakeModel model = new FakeModel();
        model.pools = false;
        model.onRun = batch -> {
            throw new ModscanException("no further");
        };
        try (Probe probe = Probe.builder(model).sites(Pooling.mean(), Sites.z()).build()) {
            assertThatThrownBy(() -> probe.capture(PROMPTS))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("no further");
            model.onRun = batch -> {};
            assertThat(probe.capture(PROMPTS).sites()).hasSize(2);
        }
    }
}
