package io.modscan.metrics.connections;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.model.Weight;
import io.modscan.core.model.Weights;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.Golden;
import io.modscan.metrics.basis.Basis;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every connection of a small network against NumPy. */
class ConnectionsGoldenTest {

    private static final String FILE = "connections.json";
    private static final double TOLERANCE = 2e-6;

    static Stream<Map<String, Object>> cases() {
        return Golden.cases(FILE, "cases");
    }

    private static Weights weights() {
        return Weights.of(Golden.object(Golden.all(FILE).get("weights")).entrySet().stream()
                .map(entry -> {
                    Map<String, Object> weight = Golden.object(entry.getValue());
                    List<Integer> shape = Golden.list(weight.get("shape")).stream()
                            .map(Golden::integer)
                            .toList();
                    return Weight.of(entry.getKey(), shape, Golden.floats(weight.get("values")));
                })
                .toList());
    }

    private static Activations activations() {
        Map<String, Object> all = Golden.object(Golden.all(FILE).get("activations"));
        int prompts = Golden.list(all.values().iterator().next()).size();
        Activations.Builder builder = Activations.builder(Prompts.of(IntStream.range(0, prompts)
                .mapToObj(i -> Prompt.ofTokens("p" + i, i))
                .toList()));
        all.forEach((name, json) -> {
            float[][] rows = Golden.vectors(json);
            List<Axis> axes = name.endsWith("z")
                    ? List.of(Axis.POSITION, Axis.heads(2), Axis.units(rows[0].length / 2))
                    : List.of(Axis.POSITION, Axis.units(rows[0].length));
            builder.site(new Site(name, OptionalInt.of(name.charAt(7) - '0'), axes, false), Pooling.mean(), rows);
        });
        return builder.build();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void connectionsAreThoseOfNumPy(Map<String, Object> golden) {
        Activations activations = activations();
        Connections connections = Connections.of(weights())
                .withoutCoordinates(Golden.list(golden.get("without")).stream()
                        .mapToInt(Golden::integer)
                        .toArray())
                .withThreshold(Golden.number(golden.get("threshold")))
                .withNeighbours(Golden.integer(golden.get("neighbours")));
        if (Boolean.TRUE.equals(golden.get("behind"))) {
            connections = connections.normsBehind();
        }
        if (Boolean.TRUE.equals(golden.get("among"))) {
            connections = connections.among(activations);
        }
        Object kind = golden.get("basis");
        if (kind != null) {
            connections = connections.in(activations.sites().stream()
                    .map(site -> site.measure(Basis.fit(Basis.Kind.valueOf(((String) kind).toUpperCase(Locale.ROOT)))))
                    .toList());
        }
        int compared = 0;
        for (Object json : Golden.list(golden.get("pairs"))) {
            Map<String, Object> pair = Golden.object(json);
            double[][] cosines = Golden.matrix(pair.get("cosine"));
            double[][] strengths = Golden.matrix(pair.get("strength"));
            String suffix = kind == null ? "" : "[" + kind + "]";
            for (int i = 0; i < cosines.length; i++) {
                for (int j = 0; j < cosines[i].length; j++) {
                    Connection actual = connections.between(
                            unit(pair.get("from"), suffix, i, activations),
                            unit(pair.get("to"), suffix, j, activations));
                    assertThat(actual.cosine()).as("%s", actual).isCloseTo(cosines[i][j], within(TOLERANCE));
                    assertThat(actual.strength()).as("%s", actual).isCloseTo(strengths[i][j], within(TOLERANCE));
                    compared++;
                }
            }
        }
        assertThat(compared).isGreaterThan(300);
        assertThat(connections.withShuffles(0).modules().links()).isEqualTo(Golden.integer(golden.get("links")));
    }

    private static Unit unit(@Nullable Object json, String suffix, int index, Activations activations) {
        String site = (String) Objects.requireNonNull(json);
        if (suffix.isEmpty()) {
            return Unit.of(activations.at(site).site(), index);
        }
        return Unit.of(
                new Site(
                        site + suffix,
                        OptionalInt.empty(),
                        List.of(Axis.units(activations.at(site).site().width())),
                        true),
                index);
    }
}
