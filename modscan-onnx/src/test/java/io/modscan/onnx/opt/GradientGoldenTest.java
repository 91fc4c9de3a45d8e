package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.SiteActivations;
import io.modscan.core.intervention.Change;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Reference;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.intervention.UnitSet;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Aim;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import java.net.URISyntaxException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What torch's autograd gives as gradients at every site of transformers' OPT; tools/gradient_golden.py made it. */
class GradientGoldenTest {

    /** Of the largest absolute value that a tensor has in a prompt. */
    private static final double TOLERANCE = 1e-5;

    /** That of queries is a sum over keys that nearly cancels: torch's own in single precision is 2.1e-5 off. */
    private static final double TOLERANCE_OF_QUERIES = 1e-4;

    /** What one objective gives, all gradients or attributions towards one thing. */
    private record Case(String objective, String toward) {

        /** Before the names of its tensors. */
        String prefix() {
            return objective + "/" + (toward.isEmpty() ? "" : toward + "/");
        }

        boolean isLoss() {
            return objective.startsWith("loss");
        }
    }

    /** A checkpoint with the lines of its prompts and what they came to. */
    private record Golden(OptModel model, Prompts prompts, SafetensorsFile values, Path references) {

        static Golden of(String name) {
            Path folder = resources("gradients").resolve(name);
            return new Golden(
                    OptModel.open(OptReferencesTest.references().resolve(name)),
                    Prompts.jsonl(folder.resolve("prompts.jsonl")),
                    SafetensorsFile.open(folder.resolve("golden.safetensors")),
                    resources("interventions").resolve(name));
        }

        private static Path resources(String folder) {
            try {
                return Path.of(Objects.requireNonNull(GradientGoldenTest.class.getResource(folder))
                        .toURI());
            } catch (URISyntaxException e) {
                throw new IllegalStateException(e);
            }
        }

        /** By the names that the file has for them. */
        Map<String, Objective> objectives() {
            FloatBuffer stored = values.map("direction").asFloatBuffer();
            float[] direction = new float[stored.remaining()];
            stored.get(direction);
            boolean several =
                    model.sites().stream().anyMatch(site -> site.layer().orElse(0) == 1);
            return Map.of(
                    "loss", Objective.loss(),
                    "loss at 2 and -1", Objective.loss().at(2, -1),
                    "logit 5 - 17", Objective.logitDifference(5, 17),
                    "log prob 33 everywhere", Objective.logProb(33).everywhere(),
                    "direction",
                            Objective.direction(
                                    several ? "blocks.1.hook_resid_post" : "blocks.0.hook_resid_mid", direction));
        }

        Objective objective(Case of) {
            return Objects.requireNonNull(objectives().get(of.objective()), of.objective());
        }

        List<Case> cases() {
            return objectives().keySet().stream()
                    .flatMap(objective ->
                            Stream.of("", "zero", "mean", "other").map(toward -> new Case(objective, toward)))
                    .filter(of -> !sites(of).isEmpty())
                    .toList();
        }

        /** The sites that the file has tensors of. */
        List<String> sites(Case of) {
            return values.tensors().keySet().stream()
                    .filter(name -> name.startsWith(of.prefix()))
                    .map(name -> name.substring(of.prefix().length()))
                    .filter(name -> name.indexOf('/') < 0)
                    .toList();
        }

        List<Prompt> prompts(Case of) {
            return prompts.stream()
                    .filter(prompt -> of.objective().equals("loss")
                            || prompt.intervention().isEmpty())
                    .filter(prompt -> !of.isLoss() || ids(prompt).length > 1)
                    .map(prompt -> toward(of, prompt).map(prompt::toward).orElse(prompt))
                    .toList();
        }

        /** Everything that can be replaced, of all layers; or zero. */
        private Optional<Intervention> toward(Case of, Prompt prompt) {
            if (of.toward().isEmpty() || of.toward().equals("zero")) {
                return Optional.empty();
            }
            String other = Map.of("a", "d", "b", "e", "c", "f").getOrDefault(prompt.untouchedId(), "");
            Reference reference = Reference.open(references.resolve(
                    of.toward().equals("mean") ? "means.safetensors" : "prompt_" + other + ".safetensors"));
            return Optional.of(Intervention.of(
                    of.toward(),
                    sites(of).stream()
                            .map(name -> name.substring(0, name.lastIndexOf('.')))
                            .map(site -> Change.of(site, UnitSet.all(), Replacement.values(reference)))
                            .toList()));
        }

        /** The numbers of one of the prompts of a case. */
        float[] expected(Case of, Site site, int line) {
            List<Prompt> lines = prompts(of);
            int before = lines.subList(0, line).stream()
                    .mapToInt(prompt -> size(site, prompt))
                    .sum();
            float[] own = new float[size(site, lines.get(line))];
            FloatBuffer all = values.map(of.prefix() + site.name()).asFloatBuffer();
            assertThat(all.remaining())
                    .isEqualTo(lines.stream()
                            .mapToInt(prompt -> size(site, prompt))
                            .sum());
            all.get(before, own);
            return own;
        }

        private static int size(Site site, Prompt prompt) {
            int length = ids(prompt).length;
            return site.width() * (site.hasPositions() ? length : length * length);
        }

        static int[] ids(Prompt prompt) {
            return prompt.tokenIds().orElseThrow();
        }

        private static float[] sums(float[] all, Site site) {
            float[] sums = new float[site.width()];
            for (int i = 0; i < all.length; i++) {
                sums[i % sums.length] += all[i];
            }
            return sums;
        }

        void compare(Case of, Reading reading, int line, float... actual) {
            float[] all = expected(of, reading.site(), line);
            float[] expected = reading.pooling().equals(Pooling.sum()) ? sums(all, reading.site()) : all;
            String what = of + ", " + reading + " of " + prompts(of).get(line);
            assertThat(actual).as(what).hasSameSizeAs(expected);
            double largest = 0;
            for (float value : all) {
                largest = Math.max(largest, Math.abs(value));
            }
            double difference = 0;
            for (int i = 0; i < expected.length; i++) {
                assertThat(actual[i]).as(what).isFinite();
                difference = Math.max(difference, Math.abs((double) expected[i] - actual[i]));
            }
            double tolerance = reading.site().forward().hook().equals("hook_q") ? TOLERANCE_OF_QUERIES : TOLERANCE;
            assertThat(difference).as(what).isLessThanOrEqualTo(tolerance * largest);
        }

        void compare(Case of, Activations actual, List<Integer> lines) {
            for (SiteActivations site : actual.sites()) {
                for (int i = 0; i < lines.size(); i++) {
                    compare(of, site.reading(), lines.get(i), Runs.array(site.row(i)));
                }
            }
        }
    }

    private static Probe probe(Golden golden, Case of, List<Prompt> prompts, Pooling pooling) {
        List<String> sites = golden.sites(of).stream()
                .filter(site -> !(pooling.isPooled() && site.matches(".*hook_(pattern|attn_scores)\\..*")))
                .toList();
        return Probe.builder(golden.model())
                .sites(sites.toArray(String[]::new))
                .pooling(pooling)
                .objective(golden.objective(of))
                .changing(interventions(prompts))
                .build();
    }

    private static List<Intervention> interventions(List<Prompt> prompts) {
        return prompts.stream()
                .flatMap(prompt -> prompt.intervention().stream())
                .toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"pre_norm", "post_norm_projected_half", "galactica_sharded_bin", "no_bias_decoder_prefix"})
    void everyGradientIsAsInTorch(String name) {
        Golden golden = Golden.of(name);
        assertThat(golden.cases()).hasSize(12);
        assertThat(golden.model().differentiable().stream()
                        .map(site -> site.gradient().name()))
                .containsExactlyInAnyOrderElementsOf(golden.sites(new Case("loss", "")));
        for (Case of : golden.cases()) {
            for (Pooling pooling : List.of(Pooling.none(), Pooling.sum())) {
                List<Prompt> prompts = golden.prompts(of);
                try (Probe probe = probe(golden, of, prompts, pooling)) {
                    golden.compare(
                            of,
                            probe.capture(Prompts.of(prompts)),
                            IntStream.range(0, prompts.size()).boxed().toList());
                }
            }
        }
    }

    /** No more can be changed than each prompt changes. */
    @ParameterizedTest
    @ValueSource(strings = {"pre_norm", "post_norm_projected_half", "galactica_sharded_bin", "no_bias_decoder_prefix"})
    void eachByItselfIsTheSame(String name) {
        Golden golden = Golden.of(name);
        for (Case of : golden.cases()) {
            List<Prompt> prompts = golden.prompts(of);
            for (int line = 0; line < prompts.size(); line++) {
                List<Prompt> own = List.of(prompts.get(line));
                try (Probe probe = probe(golden, of, own, Pooling.none())) {
                    golden.compare(of, probe.capture(Prompts.of(own)), List.of(line));
                }
            }
        }
    }

    /**
     * All lines in one batch, whose rows are under interventions of their own or none, and a last row of one token, which has no loss and
     * must not spoil the others.
     */
    @ParameterizedTest
    @ValueSource(strings = {"pre_norm", "post_norm_projected_half", "galactica_sharded_bin", "no_bias_decoder_prefix"})
    void paddingOnEitherSideIsTheSame(String name) {
        Golden golden = Golden.of(name);
        Prompt single = golden.prompts().stream()
                .filter(prompt -> Golden.ids(prompt).length == 1)
                .findFirst()
                .orElseThrow();
        for (Case of : golden.cases()) {
            List<Prompt> prompts = Stream.concat(golden.prompts(of).stream(), Stream.of(single))
                    .toList();
            int[][] rows = prompts.stream().map(Golden::ids).toArray(int[][]::new);
            int columns = Arrays.stream(rows).mapToInt(row -> row.length).max().orElseThrow();
            CapturePlan plan = plan(golden, of, prompts);
            try (ActivationSource source = golden.model().open(plan)) {
                for (Padding padding : Padding.values()) {
                    Map<String, float[]> values = Runs.run(source, batch(golden.objective(of), prompts, padding));
                    for (Reading reading : plan.readings()) {
                        float[] all = Runs.get(values, reading.site().name());
                        for (int row = 0; row < rows.length; row++) {
                            float[] own = Runs.unpad(reading.site(), all, padding, columns, row, rows[row].length);
                            if (row < rows.length - 1) {
                                golden.compare(of, reading, row, own);
                            } else if (of.isLoss()) {
                                assertHasNone(reading, own);
                            }
                        }
                    }
                }
            }
        }
    }

    /** A neuron that a ReLU holds at zero lets nothing through, not even what is no number. */
    private static void assertHasNone(Reading reading, float... values) {
        boolean held = reading.site().forward().hook().equals("hook_pre");
        for (float value : values) {
            assertThat(Float.isNaN(value) || (held && value == 0))
                    .as("%s of one token: %s", reading, value)
                    .isTrue();
        }
    }

    private static TokenBatch batch(Objective objective, List<Prompt> prompts, Padding padding) {
        int[][] rows = prompts.stream().map(Golden::ids).toArray(int[][]::new);
        int columns = Arrays.stream(rows).mapToInt(row -> row.length).max().orElseThrow();
        TokenBatch bare = Runs.batch(padding, columns, rows);
        return new TokenBatch(
                bare.rows(),
                columns,
                bare.inputIds(),
                bare.attentionMask(),
                List.of(),
                prompts.stream().map(Prompt::intervention).toList(),
                prompts.stream().map(prompt -> Aim.of(prompt, objective)).toList(),
                List.of());
    }

    private static CapturePlan plan(Golden golden, Case of, List<Prompt> prompts) {
        List<Reading> readings = new ArrayList<>();
        for (String name : golden.sites(of)) {
            Site site = Runs.site(golden.model(), name.substring(0, name.lastIndexOf('.')));
            readings.add(new Reading(of.toward().isEmpty() ? site.gradient() : site.attribution(), Pooling.none()));
        }
        Set<String> changed = interventions(prompts).stream()
                .flatMap(intervention -> intervention.changes().stream())
                .map(Change::site)
                .collect(Collectors.toSet());
        List<Site> changing = golden.model().changeable().stream()
                .filter(site -> changed.contains(site.name()))
                .toList();
        return new CapturePlan(readings, changing, Optional.of(golden.objective(of)));
    }
}
