package io.modscan.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.basis.BrightDimensions;
import io.modscan.metrics.basis.Standardised;
import io.modscan.metrics.connections.ParallelUnits;
import io.modscan.metrics.contexts.TopContexts;
import io.modscan.metrics.modules.Modules;
import io.modscan.metrics.modules.Steps;
import io.modscan.metrics.selectivity.Consistency;
import io.modscan.metrics.selectivity.Importance;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.similarity.Closeness;
import io.modscan.metrics.similarity.Cosine;
import io.modscan.metrics.similarity.LinearCka;
import io.modscan.metrics.similarity.ScaledCosine;
import io.modscan.metrics.similarity.Separation;
import io.modscan.metrics.similarity.Similarity;
import io.modscan.metrics.subspace.Subspace;
import io.modscan.metrics.subspace.SubspaceOverlap;
import io.modscan.metrics.tokens.TokenLabels;
import io.modscan.metrics.tokens.TokenSelectivity;
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class MetricsTest {

    private static final Activations ACTIVATIONS = activations();

    private static Activations activations() {
        Random random = new Random(5);
        float[][] vectors = new float[24][3];
        for (float[] vector : vectors) {
            for (int i = 0; i < vector.length; i++) {
                vector[i] = (float) (1 + random.nextGaussian() * (i + 1));
            }
        }
        List<String> labels = IntStream.range(0, vectors.length)
                .mapToObj(i -> i % 2 == 0 ? "a" : "b")
                .toList();
        return PlantedModel.of(labels, vectors);
    }

    /** For the metrics of tokens. */
    private static final Activations TOKENS = tokens();

    private static Activations tokens() {
        List<Prompt> prompts = new ArrayList<>();
        float[][] rows = new float[12][18];
        for (int i = 0; i < rows.length; i++) {
            prompts.add(Prompt.ofTokens("p" + i, 1, 2, i % 3, 1, 2, i % 3));
            for (int value = 0; value < rows[i].length; value++) {
                rows[i][value] = (float) Math.sin(i * 18 + value);
            }
        }
        return Activations.builder(Prompts.of(prompts))
                .site(PlantedModel.units("site", 3), Pooling.none(), rows)
                .build();
    }

    static Stream<Arguments> catalogue() {
        return Stream.of(
                of("selectivity", Metrics.selectivity("topic"), Selectivity.by("topic")),
                of("consistency", Metrics.consistency("topic"), Consistency.by("topic")),
                of("importance", Metrics.importance("topic"), Importance.by("topic")),
                of(
                        "tokenSelectivity",
                        Metrics.tokenSelectivity(TokenLabels.position(2)),
                        TokenSelectivity.by(TokenLabels.position(2))),
                of("modules", Metrics.modules(), Modules.byCoActivation()),
                of("topContexts", Metrics.topContexts(2), TopContexts.of(2)),
                of("steps", Metrics.steps(), Steps.find()),
                of("parallelUnits", Metrics.parallelUnits(), ParallelUnits.find()),
                of("cosine", Metrics.cosine(), Cosine.pairwise()),
                of("scaledCosine", Metrics.scaledCosine(), ScaledCosine.pairwise()),
                of("closeness", Metrics.closeness(), Closeness.pairwise()),
                of(
                        "similarity",
                        Metrics.similarity("first", (a, b) -> a[0] * b[0]),
                        Similarity.pairwise("first", (a, b) -> a[0] * b[0])),
                of("cosineBetweenLabels", Metrics.cosineBetweenLabels("topic"), Cosine.betweenLabels("topic")),
                of(
                        "scaledCosineBetweenLabels",
                        Metrics.scaledCosineBetweenLabels("topic"),
                        ScaledCosine.betweenLabels("topic")),
                of("closenessBetweenLabels", Metrics.closenessBetweenLabels("topic"), Closeness.betweenLabels("topic")),
                of("separation", Metrics.separation("topic"), Separation.by("topic")),
                of(
                        "separation",
                        Metrics.separation("topic", Metrics.closeness()),
                        Separation.by("topic", Closeness.pairwise())),
                of("subspaceOverlap", Metrics.subspaceOverlap("topic", 2), SubspaceOverlap.by("topic", 2)),
                of("labelSubspace", Metrics.labelSubspace("topic"), Subspace.ofLabelMeans("topic")),
                of("linearCka", Metrics.linearCka(), LinearCka.pairwise()),
                of("subspace", Metrics.subspace(2), Subspace.leading(2)),
                of("uncentredSubspace", Metrics.uncentredSubspace(2), Subspace.leadingUncentred(2)),
                of("pca", Metrics.pca(), Basis.centred()),
                of("uncentredBasis", Metrics.uncentredBasis(), Basis.uncentred()),
                of("whitening", Metrics.whitening(), Basis.whitened()),
                of("zca", Metrics.zca(), Basis.zca()),
                of("standardised", Metrics.standardised(), Standardised.fit()),
                of("brightDimensions", Metrics.brightDimensions(), BrightDimensions.find()));
    }

    private static Arguments of(String name, Metric<?> metric, Metric<?> same) {
        return Arguments.of(name, metric, same);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("catalogue")
    void whatTheCatalogueNamesIsWhatTheClassMeasures(String name, Metric<?> metric, Metric<?> same) {
        boolean ofTokens =
                metric instanceof TokenSelectivity || metric instanceof TopContexts || metric instanceof Steps;
        Activations activations = ofTokens ? TOKENS : ACTIVATIONS;
        assertThat((Object) activations.measure(metric))
                .usingRecursiveComparison()
                .withEqualsForType(Double::equals, Double.class)
                .isEqualTo(activations.measure(same));
    }

    @Test
    void everyMethodIsTried() {
        Set<String> tried =
                catalogue().map(arguments -> (String) arguments.get()[0]).collect(Collectors.toSet());
        assertThat(Arrays.stream(Metrics.class.getDeclaredMethods())
                        .filter(method -> Modifier.isPublic(method.getModifiers()))
                        .map(Method::getName))
                .allMatch(tried::contains);
    }

    @Test
    void everyClassWithAMetricIsInTheCatalogue() throws IOException, URISyntaxException {
        Path classes = Path.of(Metrics.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        try (Stream<Path> files = Files.walk(classes)) {
            List<String> withMetrics = files.map(
                            file -> classes.relativize(file).toString())
                    .filter(file -> file.endsWith(".class")
                            && !file.contains("$")
                            && !file.contains("internal")
                            && !file.contains("-info"))
                    .map(file -> load(file.substring(0, file.length() - 6)
                            .replace('/', '.')
                            .replace('\\', '.')))
                    .filter(one -> one != Metrics.class && Modifier.isPublic(one.getModifiers()))
                    .filter(one -> Arrays.stream(one.getDeclaredMethods())
                            .anyMatch(method -> Modifier.isPublic(method.getModifiers())
                                    && Modifier.isStatic(method.getModifiers())
                                    && Metric.class.isAssignableFrom(method.getReturnType())))
                    .map(Class::getSimpleName)
                    .toList();
            assertThat(withMetrics)
                    .containsExactlyInAnyOrder(
                            "Selectivity",
                            "Consistency",
                            "TopContexts",
                            "Importance",
                            "TokenSelectivity",
                            "Modules",
                            "Steps",
                            "ParallelUnits",
                            "Cosine",
                            "ScaledCosine",
                            "Closeness",
                            "Similarity",
                            "Separation",
                            "SubspaceOverlap",
                            "Subspace",
                            "LinearCka",
                            "Basis",
                            "Standardised",
                            "BrightDimensions");
        }
    }

    private static Class<?> load(String name) {
        try {
            return Class.forName(name);
        } catch (ClassNotFoundException e) {
            throw new AssertionError(name, e);
        }
    }
}
