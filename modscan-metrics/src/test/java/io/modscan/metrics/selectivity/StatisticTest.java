package io.modscan.metrics.selectivity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.MetricContract;
import io.modscan.metrics.PlantedModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StatisticTest {

    private static final Metric<UnitValues> SHIFT =
            Selectivity.by("topic").statistic("shift", (in, out) -> in[in.length / 2] - (double) out[out.length / 2]);

    /** More units than a block of them holds, at two sites. */
    private static Activations random() {
        Random random = new Random(3);
        List<String> labels = new ArrayList<>();
        float[][] first = new float[23][700];
        float[][] second = new float[23][6];
        for (int i = 0; i < first.length; i++) {
            labels.add("abc".substring(i % 3, i % 3 + 1));
            for (float[] row : List.of(first[i], second[i])) {
                for (int unit = 0; unit < row.length; unit++) {
                    row[unit] = (float) random.nextGaussian();
                }
            }
        }
        return new PlantedModel()
                .with(PlantedModel.units("wide", 700), first)
                .with(PlantedModel.heads("heads", 2, 3), second)
                .capture(labels);
    }

    @Test
    void keepsTheContract() {
        MetricContract.of(SHIFT, random())
                .comparing((a, b) -> a.rows().toList().equals(b.rows().toList()))
                .verify();
    }

    @Test
    void isHandedEachUnitsValues() {
        Activations all = random();
        UnitValues maxima = all.measure(
                Selectivity.by("topic").statistic("range", (in, out) -> in[in.length - 1] - (double) out[0]));
        assertThat(maxima.name()).isEqualTo("range");
        assertThat(maxima.size()).isEqualTo(706 * 3);
        maxima.rows().forEach(row -> {
            double most = Double.NEGATIVE_INFINITY;
            double least = Double.POSITIVE_INFINITY;
            int unit = row.unit().head().orElse(0) * 3 + row.unit().unit().orElseThrow();
            for (int prompt = 0; prompt < 23; prompt++) {
                double value = all.at(row.unit().site()).vector(prompt)[unit];
                if (all.prompts().labels("topic").get(prompt).equals(row.label())) {
                    most = Math.max(most, value);
                } else {
                    least = Math.min(least, value);
                }
            }
            assertThat(row.value()).isEqualTo(most - least);
        });
        UnitValue best = maxima.top("b", 1).get(0);
        assertThat(maxima.count("b", row -> row.value() > best.value())).isZero();
        assertThat(best).asString().startsWith(best.unit().site().name()).endsWith(", b: " + best.value());
    }

    @Test
    void passesExceptionsOn() {
        Metric<UnitValues> failing = Selectivity.by("topic").statistic("failing", (in, out) -> {
            throw new IllegalStateException("no such thing");
        });
        assertThatThrownBy(() -> random().measure(failing))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("no such thing");
    }

    @Test
    void nanComesLastAndTopPassesItOver() {
        UnitValues largest = PlantedModel.of(
                        List.of("a", "a", "b"), new float[] {Float.NaN, 1}, new float[] {1, 2}, new float[] {1, 3})
                .measure(Selectivity.by("topic").statistic("largest", (in, out) -> in[in.length - 1]));
        assertThat(largest.rows().map(UnitValue::value)).containsExactly(Double.NaN, 1.0, 2.0, 3.0);
        assertThat(largest.top("a", 5))
                .singleElement()
                .satisfies(row -> assertThat(row.unit().unit()).hasValue(1));
        assertThatThrownBy(() -> largest.top("a", -1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> largest.top("x", 1)).hasMessageContaining("[a, b]");
    }
}
