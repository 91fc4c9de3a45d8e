package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OrtEnvironment;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.onnx.foreign.OnnxSites.Recipe;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random graphs of all of ONNX Runtime's operators: what is run together is what it is alone. {@code -Dmodscan.graphs=100000}
 * tries more of them, {@code -Dmodscan.graphs.seed=7} others.
 */
class RandomGraphsTest {

    private static final double TOLERANCE = 2e-5;
    private static final int[][] ROWS = {{1, 2, 3, 4, 5, 6, 8}, {9, 10}, {3, 11, 12, 13}};

    @TempDir
    private Path folder;

    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final List<String> wrong = new ArrayList<>();
    private final Map<String, Integer> ran = new TreeMap<>();
    private final Map<String, Integer> together = new TreeMap<>();
    private int refused;
    private int failed;
    private int tensors;

    @Test
    void aloneIsAsInCompany() throws Exception {
        int count = Integer.getInteger("modscan.graphs", 320);
        long seed = Long.getLong("modscan.graphs.seed", 1);
        List<String> names = List.copyOf(RandomGraph.MAKERS.keySet());
        for (int i = 0; i < count && wrong.size() < 20; i++) {
            Random random = new Random(seed * 1_000_003 + i);
            RandomGraph graph = new RandomGraph(random, i % 2 == 0);
            // Each in turn, with others before or behind.
            String due = names.get((i / 2) % names.size());
            int length = 1 + random.nextInt(4);
            int place = random.nextInt(length);
            for (int step = 0; step < length; step++) {
                String name = step == place ? due : names.get(random.nextInt(names.size()));
                boolean added = false;
                for (int attempt = 0; attempt < (step == place ? 6 : 2) && !added; attempt++) {
                    added = graph.add(name, environment);
                }
            }
            if (graph.operators.isEmpty()) {
                refused++;
            } else {
                check(i, graph);
            }
        }
        System.out.println(count + " graphs, " + refused + " refused, " + failed + " failed with other lengths, "
                + tensors + " tensors run together; by operator ran " + ran + " of which together " + together);
        assertThat(wrong).isEmpty();
        assertThat(tensors).isGreaterThan(count);
        TreeSet<String> never = new TreeSet<>(names);
        never.removeAll(ran.keySet());
        assertThat(never).as("operators that never ran").hasSizeLessThan(count < 3000 ? names.size() / 5 : 3);
        assertThat(together.size()).as("operators that were run together").isGreaterThan(names.size() / 3);
    }

    private void check(int number, RandomGraph graph) throws Exception {
        Path file = folder.resolve("model.onnx");
        graph.graph().write(file);
        OnnxFile read = OnnxFile.read(file);
        OnnxInputs inputs = OnnxInputs.of(read, OnnxInputs.Said.nothing());
        Map<String, Recipe> recipes;
        try {
            recipes = new OnnxSites(
                            read,
                            inputs,
                            OnnxShapes.infer(read, inputs, RuntimeOptions.cpu(), Optional.empty()),
                            (tensor, layer) -> OptionalInt.empty())
                    .recipes();
        } catch (ModscanException e) {
            refused++; // which takes these sizes, and no others
            return;
        }
        graph.operators.forEach(name -> ran.merge(name, 1, Integer::sum));
        List<Site> sites = recipes.values().stream()
                .filter(recipe -> recipe.alone().isEmpty())
                .map(Recipe::site)
                .toList();
        if (sites.size() > (graph.text ? 7 : 2)) {
            graph.operators.forEach(name -> together.merge(name, 1, Integer::sum));
        }
        tensors += sites.size();
        CapturePlan plan = new CapturePlan(
                sites.stream().map(site -> new Reading(site, Pooling.none())).toList());
        OnnxPlan cut = new OnnxPlan(read, inputs, plan, recipes, false);
        assertThat(cut.alone()).isFalse();
        try (ActivationSource source =
                new OnnxSource(plan, cut, inputs, read, OptionalInt.empty(), RuntimeOptions.cpu(), any -> {})) {
            if (graph.text) {
                text(number, graph, source, sites);
            } else {
                ready(number, graph, source, sites);
            }
        } catch (ModscanException e) {
            failed++; // which takes no other lengths, and says so
        } catch (RuntimeException e) {
            wrong.add("graph " + number + ": " + e + "\n" + graph);
        }
    }

    private void text(int number, RandomGraph graph, ActivationSource source, List<Site> sites) {
        Map<String, float[]> company = Runs.run(source, Runs.batch(Runs.Padding.RIGHT, 7, ROWS));
        for (int row = 0; row < ROWS.length; row++) {
            int length = ROWS[row].length;
            Map<String, float[]> alone = Runs.run(source, Runs.batch(Runs.Padding.RIGHT, length, ROWS[row]));
            for (Site site : sites) {
                float[] all = Runs.get(company, site.name());
                float[] own = site.hasPositions() || site.isPairwise()
                        ? Runs.unpad(site, all, Runs.Padding.RIGHT, 7, row, length)
                        : ofRow(all, row);
                compare(number, graph, site.name(), row, own, Runs.get(alone, site.name()));
            }
        }
    }

    private static float[] ofRow(float[] all, int row) {
        int width = all.length / ROWS.length;
        return Arrays.copyOfRange(all, row * width, (row + 1) * width);
    }

    private void ready(int number, RandomGraph graph, ActivationSource source, List<Site> sites) {
        Random random = new Random(5);
        List<Map<String, InputTensor>> samples = new ArrayList<>();
        for (int row = 0; row < ROWS.length; row++) {
            samples.add(Map.of(
                    "x", InputTensor.of(RandomGraph.dyadic(random, 4), 4),
                    "z", InputTensor.of(RandomGraph.dyadic(random, 24), 6, 4)));
        }
        Map<String, float[]> company = Runs.run(source, batch(samples));
        for (int row = 0; row < ROWS.length; row++) {
            Map<String, float[]> alone = Runs.run(source, batch(List.of(samples.get(row))));
            for (Site site : sites) {
                float[] own = ofRow(Runs.get(company, site.name()), row);
                compare(number, graph, site.name(), row, own, Runs.get(alone, site.name()));
            }
        }
    }

    private static TokenBatch batch(List<Map<String, InputTensor>> samples) {
        return TokenBatch.padRight(
                samples.stream().map(any -> new int[1]).toList(),
                Runs.longs(2 * samples.size()),
                samples,
                List.of(),
                List.of(),
                List.of());
    }

    private void compare(int number, RandomGraph graph, String site, int row, float[] company, float[] alone) {
        double largest = 1e-6;
        for (float value : alone) {
            largest = Float.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest;
        }
        boolean same = company.length == alone.length;
        String where = "";
        for (int i = 0; i < alone.length && same; i++) {
            same = Float.compare(company[i], alone[i]) == 0
                    || (Float.isNaN(company[i]) && Float.isNaN(alone[i]))
                    || Math.abs((double) company[i] - alone[i]) <= TOLERANCE * largest;
            where = company[i] + " and " + alone[i];
        }
        if (!same) {
            wrong.add("graph " + number + ", '" + site + "' of row " + row + ": " + where + " of " + largest + "\n"
                    + graph);
        }
    }
}
