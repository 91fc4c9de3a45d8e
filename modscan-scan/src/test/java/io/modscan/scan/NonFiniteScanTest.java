package io.modscan.scan;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.NonFinite;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.onnx.opt.OptModel;
import io.modscan.scan.Scan.Part;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What could not be measured never reads as what was not found. */
class NonFiniteScanTest {

    @TempDir
    Path folder;

    /** A model with one row of its embedding NaN, that of the token z, which one prompt of 24 has. */
    private static Path broken(String name) throws URISyntaxException {
        return Path.of(Objects.requireNonNull(NonFiniteScanTest.class.getResource("nan/" + name))
                .toURI());
    }

    private void saysThatNothingWasMeasured(ScanResult result) throws IOException {
        assertThat(result.nonFinite())
                .hasSizeGreaterThanOrEqualTo(8)
                .allMatch(found -> found.prompts() == 1 && found.firstPrompts().equals(List.of("p3")));
        assertThat(result.units().notMeasured(site -> true)).isEqualTo(72);
        assertThat(result.summary())
                .contains("Warning: values are NaN or infinite at", "in 1 prompt: p3")
                .contains("art (12 prompts): no heads measured, of 8; no neurons measured, of 64")
                .contains("neuron not measured: all 64 have values that are NaN or infinite")
                .contains("entropy   not measured")
                .contains("layer 0: 1 of 24 prompts left out")
                .doesNotContain("none lights up", "0 lit");
        assertThat(result.modules().get(0).summary()).contains("not measured, all 72");
        result.writeTo(folder);
        List<String> lines = Files.readAllLines(folder.resolve("units.csv"));
        assertThat(lines.get(0)).endsWith(",non_finite");
        assertThat(lines.subList(1, lines.size())).hasSize(144).allMatch(line -> line.endsWith(",1"));
        assertThat(Files.readAllLines(folder.resolve("heads.csv")).get(1)).endsWith(",1");
        assertThat(folder.resolve("report.html")).content().contains("in 1 prompt: p3");
    }

    @Test
    void aBrokenWeightIsNoFinding() throws Exception {
        OptModel model = OptModel.open(broken("config.json").resolveSibling("."));
        Prompts prompts = Prompts.csv(broken("prompts.csv"));
        saysThatNothingWasMeasured(Scan.of(model).prompts(prompts).run());
        Path file = folder.resolve("acts.safetensors");
        try (Probe probe = Probe.builder(model)
                .sites("hook_z", "mlp.hook_post", "hook_resid_post", "hook_pattern")
                .build()) {
            probe.capture(prompts, file);
        }
        saysThatNothingWasMeasured(Scan.of(Recording.open(file)).run());
        ScanResult rest = Scan.of(model)
                .prompts(Prompts.of(prompts.stream()
                        .filter(prompt -> !prompt.id().equals("p3"))
                        .toList()))
                .without(Part.MODULES, Part.PAGE)
                .run();
        assertThat(rest.nonFinite()).isEmpty();
        assertThat(rest.summary()).doesNotContain("Warning", "measured,").contains("neuron L0N12");
    }

    private static final Site HEADS = new Site(
                    "blocks.0.attn.hook_z",
                    OptionalInt.of(0),
                    List.of(Axis.POSITION, Axis.heads(3), Axis.units(2)),
                    false)
            .magnitude();
    private static final Site NEURONS =
            new Site("blocks.0.mlp.hook_post", OptionalInt.of(0), List.of(Axis.POSITION, Axis.units(4)), false);
    private static final Site LATER =
            new Site("blocks.1.mlp.hook_post", OptionalInt.of(1), List.of(Axis.POSITION, Axis.units(4)), false);

    /** Twenty prompts of two topics; every unit is higher in the second one. */
    private static float[][] rows(int width) {
        Random random = new Random(width);
        float[][] rows = new float[20][width];
        for (int i = 0; i < rows.length; i++) {
            for (int j = 0; j < width; j++) {
                rows[i][j] = (float) random.nextGaussian() + (i % 2) * 3;
            }
        }
        return rows;
    }

    private static ScanResult scan(float[][] heads, float[][] neurons, float[][] later) {
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            prompts.add(Prompt.ofTokens("p" + i, 5, 6).withLabel("topic", i % 2 == 0 ? "a" : "b"));
        }
        return Scan.of(Activations.builder(Prompts.of(prompts))
                        .site(HEADS, Pooling.mean(), heads)
                        .site(NEURONS, Pooling.mean(), neurons)
                        .site(LATER, Pooling.mean(), later)
                        .build())
                .run();
    }

    @Test
    void someUnitsAreCountedBesideTheOthers() {
        float[][] neurons = rows(4);
        neurons[7][2] = Float.NaN;
        neurons[9][2] = Float.NaN;
        ScanResult result = scan(rows(3), neurons, rows(4));
        assertThat(result.nonFinite())
                .singleElement()
                .hasToString("blocks.0.mlp.hook_post: 2 values NaN or infinite, of 1 of 4 units, in 2 prompts: p7, p9");
        assertThat(result.summary())
                .contains("b (10 prompts): heads 3 lit, 0 dark; neurons 7 lit, 0 dark, 1 not measured")
                .contains("of these by a large effect: heads 3 lit, 0 dark; neurons 7 lit, 0 dark, 1 not measured")
                .contains("none of the 7 that were measured lights up")
                .contains("head   none lights up at q <= 0.05");
        assertThat(result.modules().get(0).found().leftOut()).hasSize(1);
    }

    @Test
    void aWholeLayerIsCounted() {
        float[][] later = rows(4);
        Arrays.fill(later[0], Float.NaN);
        ScanResult result = scan(rows(3), rows(4), later);
        assertThat(result.units().notMeasured(Sites.mlpPost())).isEqualTo(4);
        assertThat(result.summary()).contains("neurons 4 lit, 0 dark, 4 not measured");
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void infiniteValuesAreToldToo(float infinite) throws IOException {
        float[][] heads = rows(3);
        heads[4][1] = infinite;
        ScanResult result = scan(heads, rows(4), rows(4));
        assertThat(result.nonFinite()).extracting(NonFinite::site).containsExactly(HEADS);
        assertThat(result.summary()).contains("Warning", "in 1 prompt: p4", "heads 2 lit, 0 dark, 1 not measured");
        result.writeTo(folder);
        assertThat(Files.readAllLines(folder.resolve("units.csv")).stream()
                        .filter(line -> line.endsWith(",1"))
                        .toList())
                .hasSize(2);
    }

    /** Of a prompt of BOS only, pooling leaves no token. A model refuses it; what was captured may have it. */
    @Test
    void aPromptWithoutATokenIsTold() {
        List<Prompt> prompts = new ArrayList<>();
        float[][] heads = new float[8][];
        float[][] neurons = new float[8][];
        Random random = new Random(1);
        for (int i = 0; i < 8; i++) {
            int[] ids = i == 5 ? new int[] {2} : new int[] {2, 10 + i, 20 + i};
            prompts.add(Prompt.ofTokens("p" + i, ids).withLabel("topic", i % 2 == 0 ? "a" : "b"));
            heads[i] = new float[3 * ids.length];
            neurons[i] = new float[4 * ids.length];
            for (int at = 0; at < neurons[i].length; at++) {
                neurons[i][at] = random.nextFloat();
            }
        }
        ScanResult result = Scan.of(Activations.builder(Prompts.of(prompts))
                        .site(HEADS, Pooling.none(), heads)
                        .site(NEURONS, Pooling.none(), neurons)
                        .provenance(Map.of("model.bos_token_id", "2"))
                        .build())
                .run();
        assertThat(result.units().notMeasured(site -> true)).isEqualTo(7);
        assertThat(result.nonFinite())
                .hasSize(2)
                .allMatch(found -> found.firstPrompts().equals(List.of("p5")));
        assertThat(result.summary()).contains("no neurons measured").doesNotContain("none lights up");
    }

    @Test
    void whereAllIsFiniteNothingIsSaid() {
        ScanResult result = scan(rows(3), rows(4), rows(4));
        assertThat(result.nonFinite()).isEmpty();
        assertThat(result.summary()).doesNotContain("Warning", "measured");
    }

    /** What varies by NaN took the place of what varies most. */
    @Test
    void unitsWithoutAVarianceDoNotCrowdOutOthersFromModules() {
        float[][] neurons = rows(4);
        for (int unit = 0; unit < 3; unit++) {
            neurons[0][unit] = unit == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
        }
        ScanResult few = scan(rows(3), neurons, rows(4));
        ScanModules units =
                Scan.of(few.activations()).moduleUnits(4).run().modules().get(0);
        assertThat(units.found().leftOut()).hasSize(11 - 4);
    }
}
