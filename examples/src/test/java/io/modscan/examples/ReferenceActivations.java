package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.SafetensorsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Activations that transformers computed for a padded batch (each folder's {@code reference.safetensors}), to be compared
 * with a capture file, tensor by tensor at every real token.
 */
final class ReferenceActivations {

    /** Largest absolute difference allowed, as a share of the tensor's largest absolute value. */
    static final double TOLERANCE = 2e-4;

    private static final float MASKED = -Float.MAX_VALUE;

    private final SafetensorsFile file;
    private final List<int[]> sequences = new ArrayList<>();
    private final int columns;

    ReferenceActivations(String folder) {
        this.file = SafetensorsFile.open(resource(folder).resolve("reference.safetensors"));
        this.columns = Math.toIntExact(shape("input_ids").get(1));
        LongBuffer ids = file.map("input_ids").asLongBuffer();
        LongBuffer mask = file.map("attention_mask").asLongBuffer();
        for (int row = 0; row < shape("input_ids").get(0); row++) {
            int from = row * columns;
            int length = (int) LongStream.range(from, from + columns)
                    .map(i -> mask.get((int) i))
                    .sum();
            assertThat(mask.get(from))
                    .as("the reference is padded on the right")
                    .isEqualTo(1);
            sequences.add(IntStream.range(from, from + length)
                    .map(i -> Math.toIntExact(ids.get(i)))
                    .toArray());
        }
    }

    static Path resource(String name) {
        try {
            return Path.of(Objects.requireNonNull(ReferenceActivations.class.getResource(name), name)
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private List<Long> shape(String name) {
        return Objects.requireNonNull(file.tensors().get(name), name).shape();
    }

    /** The batch's sequences without their padding. */
    Prompts prompts() {
        List<Prompt> prompts = new ArrayList<>();
        for (int[] ids : sequences) {
            prompts.add(Prompt.ofTokens("row-" + prompts.size(), ids));
        }
        return Prompts.of(prompts);
    }

    /** The same as a file for {@code --ids}. */
    Path writeIds(Path folder) {
        Path target = folder.resolve("ids.jsonl");
        try {
            Files.write(
                    target,
                    sequences.stream()
                            .map(ids -> "{\"id\": \"row-" + sequences.indexOf(ids) + "\", \"ids\": "
                                    + Arrays.toString(ids) + "}")
                            .toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return target;
    }

    Set<String> sites() {
        return file.tensors().keySet().stream()
                .filter(name -> !name.equals("input_ids") && !name.equals("attention_mask"))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** Compares every tensor of the reference, and returns the largest relative difference by site. */
    Map<String, Double> compare(Path captureFile) {
        SafetensorsFile capture = SafetensorsFile.open(captureFile);
        Map<String, Double> differences = new HashMap<>();
        for (String site : sites()) {
            boolean attention = site.endsWith("hook_pattern") || site.endsWith("hook_attn_scores");
            double difference = attention ? compareAttention(site, capture) : comparePacked(site, capture);
            assertThat(difference).as(site).isLessThanOrEqualTo(TOLERANCE);
            differences.put(site, difference);
        }
        return differences;
    }

    private double comparePacked(String site, SafetensorsFile capture) {
        FloatBuffer expected = file.map(site).asFloatBuffer();
        FloatBuffer actual = capture.map(site).asFloatBuffer();
        int width = expected.capacity() / (sequences.size() * columns);
        int tokens = sequences.stream().mapToInt(ids -> ids.length).sum();
        List<Long> packed = new ArrayList<>(shape(site).subList(1, shape(site).size()));
        packed.set(0, (long) tokens);
        assertThat(Objects.requireNonNull(capture.tensors().get(site)).shape())
                .as(site)
                .isEqualTo(packed);
        Difference difference = new Difference();
        int at = 0;
        for (int row = 0; row < sequences.size(); row++) {
            for (int i = 0; i < sequences.get(row).length * width; i++) {
                difference.add(site, expected.get(row * columns * width + i), actual.get(at++));
            }
        }
        return difference.relative();
    }

    private double compareAttention(String site, SafetensorsFile capture) {
        FloatBuffer expected = file.map(site).asFloatBuffer();
        int heads = Math.toIntExact(shape(site).get(1));
        Difference difference = new Difference();
        for (int row = 0; row < sequences.size(); row++) {
            int length = sequences.get(row).length;
            String name = site + "/" + row;
            FloatBuffer actual = capture.map(name).asFloatBuffer();
            assertThat(Objects.requireNonNull(capture.tensors().get(name)).shape())
                    .as(name)
                    .containsExactly((long) heads, (long) length, (long) length);
            int at = 0;
            for (int head = 0; head < heads; head++) {
                for (int query = 0; query < length; query++) {
                    for (int key = 0; key < length; key++) {
                        difference.add(
                                name,
                                expected.get(((row * heads + head) * columns + query) * columns + key),
                                actual.get(at++));
                    }
                }
            }
        }
        return difference.relative();
    }

    private static final class Difference {
        private double largestDifference;
        private double largestValue;

        void add(String site, float expected, float actual) {
            if (Float.isNaN(expected) || expected == MASKED) {
                assertThat(Float.compare(expected, actual)).as(site).isZero();
                return;
            }
            assertThat(actual).as(site).isFinite();
            largestDifference = Math.max(largestDifference, Math.abs((double) expected - actual));
            largestValue = Math.max(largestValue, Math.abs(expected));
        }

        double relative() {
            assertThat(largestValue).isPositive();
            return largestDifference / largestValue;
        }
    }
}
