package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.SiteActivations;
import io.modscan.core.intervention.Change;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Reference;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.intervention.UnitSet;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import java.net.URISyntaxException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What transformers computes where hooks change what runs through it; tools/intervention_golden.py made it. */
class InterventionGoldenTest {

    /** Of the largest absolute value that an outcome has in a prompt. */
    private static final double TOLERANCE = 1e-5;

    /** A divergence is the sum of differences between logarithms, so that its rounding is one of these, however small it is itself. */
    private static final double LEAST_KL = 1;

    private static final String LOG_PROBS = "log_probs[5,17,33]";

    @TempDir
    private Path folder;

    /** A checkpoint with the lines of its prompts and what they came to. */
    private record Golden(OptModel model, Path folder, Prompts prompts, SafetensorsFile values) {

        static Golden of(String name) {
            Path folder = resources().resolve(name);
            return new Golden(
                    OptModel.open(OptReferencesTest.references().resolve(name)),
                    folder,
                    Prompts.jsonl(folder.resolve("prompts.jsonl")),
                    SafetensorsFile.open(folder.resolve("golden.safetensors")));
        }

        private static Path resources() {
            try {
                return Path.of(Objects.requireNonNull(InterventionGoldenTest.class.getResource("interventions"))
                        .toURI());
            } catch (URISyntaxException e) {
                throw new IllegalStateException(e);
            }
        }

        Prompts untouched() {
            return prompts.filter(prompt -> prompt.intervention().isEmpty());
        }

        Collection<Intervention> interventions() {
            return prompts.stream()
                    .flatMap(prompt -> prompt.intervention().stream())
                    .toList();
        }

        String lastStream() {
            return "blocks." + lastLayer() + ".hook_resid_post";
        }

        int lastLayer() {
            return model.sites().stream()
                    .mapToInt(site -> site.layer().orElse(0))
                    .max()
                    .orElseThrow();
        }

        int indexOf(String id) {
            return IntStream.range(0, prompts.size())
                    .filter(i -> prompts.get(i).id().equals(id))
                    .findFirst()
                    .orElseThrow();
        }

        /** What a line came to: all positions, or where pooled the last one or the mean. */
        float[] expected(Reading reading, int line) {
            String tensor = reading.site().name();
            FloatBuffer all = values.map(tensor).asFloatBuffer();
            // The logits are there at the last position only.
            boolean last = tensor.equals("logits");
            int rows = last ? 1 : length(line);
            int before =
                    last ? line : IntStream.range(0, line).map(this::length).sum();
            float[] own = new float[rows * reading.site().width()];
            all.get(before * reading.site().width(), own);
            if (!reading.pooling().equals(Pooling.mean())) {
                return own;
            }
            double mean = IntStream.range(0, own.length)
                    .mapToDouble(i -> own[i])
                    .filter(value -> !Double.isNaN(value))
                    .average()
                    .orElseThrow();
            return new float[] {(float) mean};
        }

        int length(int line) {
            return ids(line).length;
        }

        int[] ids(int line) {
            return prompts.get(line).tokenIds().orElseThrow();
        }

        void compare(Reading reading, int line, float... actual) {
            float[] expected = expected(reading, line);
            String what = reading + " of " + prompts.get(line);
            assertThat(actual).as(what).hasSameSizeAs(expected);
            double largest = reading.site().name().equals("kl") ? LEAST_KL : 0;
            double difference = 0;
            for (int i = 0; i < expected.length; i++) {
                assertThat(Float.isNaN(actual[i])).as(what).isEqualTo(Float.isNaN(expected[i]));
                if (!Float.isNaN(expected[i])) {
                    assertThat(actual[i]).as(what).isFinite();
                    largest = Math.max(largest, Math.abs(expected[i]));
                    difference = Math.max(difference, Math.abs((double) expected[i] - actual[i]));
                }
            }
            assertThat(difference).as(what).isLessThanOrEqualTo(TOLERANCE * largest);
        }

        void compare(Activations actual, List<Integer> lines) {
            Set<String> sites =
                    actual.sites().stream().map(site -> site.site().name()).collect(Collectors.toSet());
            assertThat(sites).isEqualTo(values.tensors().keySet());
            for (SiteActivations site : actual.sites()) {
                for (int i = 0; i < lines.size(); i++) {
                    compare(site.reading(), lines.get(i), Runs.array(site.row(i)));
                }
            }
        }
    }

    /** The untouched prompts' residual streams, from the given ones on to the last. */
    private Recording stream(Golden golden, String... from) {
        Path file = folder.resolve("stream.safetensors");
        try (Probe probe = Probe.builder(golden.model())
                .sites(from)
                .sites(golden.lastStream())
                .build()) {
            probe.capture(golden.untouched(), file);
        }
        return Recording.open(file);
    }

    private static Probe.Builder outcomes(Golden golden, OptModel model) {
        return Probe.builder(model)
                .sites(Pooling.last(), Sites.logits())
                .sites(Pooling.mean(), Sites.loss())
                .sites(golden.lastStream(), LOG_PROBS, "kl");
    }

    @ParameterizedTest
    @ValueSource(strings = {"pre_norm", "post_norm_projected_half", "galactica_sharded_bin", "no_bias_decoder_prefix"})
    void everyOutcomeIsAsInTransformers(String name) {
        Golden golden = Golden.of(name);
        assertThat(golden.interventions()).hasSize(64);
        Set<String> kinds = golden.interventions().stream()
                .flatMap(intervention -> intervention.changes().stream())
                .map(change -> change.site().replaceFirst("blocks\\.\\d+\\.", ""))
                .collect(Collectors.toSet());
        assertThat(golden.model().changeable())
                .allSatisfy(site -> assertThat(kinds).contains(site.name().replaceFirst("blocks\\.\\d+\\.", "")));
        OptModel model = golden.model().startingAt(stream(golden, "blocks.0.hook_resid_pre"));
        try (Probe probe = outcomes(golden, model)
                .changing(golden.interventions())
                .tokenBudget(100)
                .build()) {
            golden.compare(
                    probe.capture(golden.prompts()),
                    IntStream.range(0, golden.prompts().size()).boxed().toList());
        }
    }

    /** Of each network only what lies behind the change is computed, and no more of it can be changed than needed. */
    @ParameterizedTest
    @ValueSource(strings = {"pre_norm", "post_norm_projected_half", "galactica_sharded_bin", "no_bias_decoder_prefix"})
    void eachByItselfIsTheSame(String name) {
        Golden golden = Golden.of(name);
        OptModel model = golden.model().startingAt(stream(golden, "blocks.*.hook_resid_pre"));
        for (int line = 0; line < golden.prompts().size(); line++) {
            Prompt prompt = golden.prompts().get(line);
            try (Probe probe = outcomes(golden, model)
                    .changing(prompt.intervention().stream().toList())
                    .build()) {
                golden.compare(probe.capture(Prompts.of(List.of(prompt))), List.of(line));
            }
        }
    }

    /** All lines in one batch, whose rows are under interventions of their own or none. */
    @ParameterizedTest
    @ValueSource(strings = {"pre_norm", "post_norm_projected_half", "galactica_sharded_bin", "no_bias_decoder_prefix"})
    void paddingOnEitherSideIsTheSame(String name) {
        Golden golden = Golden.of(name);
        OptModel model = golden.model();
        Set<String> changed = golden.interventions().stream()
                .flatMap(intervention -> intervention.changes().stream())
                .map(Change::site)
                .collect(Collectors.toSet());
        CapturePlan plan = Runs.plan(model, Pooling.none(), "loss", golden.lastStream(), LOG_PROBS)
                .changing(model.changeable().stream()
                        .filter(site -> changed.contains(site.name()))
                        .toList());
        int[][] rows = IntStream.range(0, golden.prompts().size())
                .mapToObj(golden::ids)
                .toArray(int[][]::new);
        int columns = Arrays.stream(rows).mapToInt(row -> row.length).max().orElseThrow();
        List<Optional<Intervention>> interventions =
                golden.prompts().stream().map(Prompt::intervention).toList();
        try (ActivationSource source = model.open(plan)) {
            for (Padding padding : Padding.values()) {
                TokenBatch bare = Runs.batch(padding, columns, rows);
                TokenBatch batch = new TokenBatch(
                        rows.length, columns, bare.inputIds(), bare.attentionMask(), List.of(), interventions);
                Map<String, float[]> values = Runs.run(source, batch);
                for (Reading reading : plan.readings()) {
                    Site site = reading.site();
                    for (int row = 0; row < rows.length; row++) {
                        float[] all = Runs.get(values, site.name());
                        golden.compare(reading, row, Runs.unpad(site, all, padding, columns, row, rows[row].length));
                    }
                }
            }
        }
    }

    /** The files of means and of prompts' values, as captures of the library's own give them. */
    @ParameterizedTest
    @ValueSource(strings = {"pre_norm", "post_norm_projected_half", "galactica_sharded_bin", "no_bias_decoder_prefix"})
    void referencesAreThoseOfCaptures(String name) {
        Golden golden = Golden.of(name);
        Reference means = Reference.open(golden.folder().resolve("means.safetensors"));
        try (Probe probe = Probe.builder(golden.model())
                .sites(means.sites().toArray(String[]::new))
                .build()) {
            Prompts prompts = golden.untouched();
            Activations activations = probe.capture(prompts);
            assertClose(activations.mean("means"), means, 1);
            for (String id : List.of("d", "e", "f")) {
                assertClose(
                        activations.reference(golden.indexOf(id)),
                        Reference.open(golden.folder().resolve("prompt_" + id + ".safetensors")),
                        golden.length(golden.indexOf(id)));
            }
        }
    }

    private static void assertClose(Reference actual, Reference expected, int positions) {
        assertThat(actual.sites()).isEqualTo(expected.sites());
        for (String site : expected.sites()) {
            for (int position = 0; position < positions; position++) {
                float[] values = expected.at(site, position);
                float[] own = actual.at(site, position);
                assertThat(own).hasSameSizeAs(values);
                double largest = IntStream.range(0, values.length)
                        .mapToDouble(i -> Math.abs(values[i]))
                        .max()
                        .orElseThrow();
                for (int i = 0; i < values.length; i++) {
                    assertThat(Math.abs(own[i] - values[i]))
                            .as("%s at %d", site, position)
                            .isLessThanOrEqualTo((float) (TOLERANCE * largest));
                }
            }
        }
    }

    /** A value of one position put into another, by the library alone. */
    @Test
    void aMovedPositionIsAsInTransformers() {
        Golden golden = Golden.of("pre_norm");
        String site = "blocks.0.hook_resid_post";
        Reference other;
        try (Probe probe = Probe.builder(golden.model()).sites(site).build()) {
            Prompt d = golden.prompts().get(golden.indexOf("d"));
            other = probe.capture(Prompts.of(List.of(d))).reference(0);
        }
        Intervention moved = Intervention.of(
                "position 5 of d to 2",
                Change.of(site, UnitSet.all(), Replacement.values(other.moved(List.of(5), List.of(2))))
                        .at(2));
        Prompt prompt = golden.prompts().get(golden.indexOf("a")).under(moved);
        OptModel model = golden.model().startingAt(stream(golden, "blocks.0.hook_resid_pre"));
        try (Probe probe = outcomes(golden, model).changing(moved).build()) {
            golden.compare(probe.capture(Prompts.of(List.of(prompt))), List.of(golden.indexOf(prompt.id())));
        }
    }
}
