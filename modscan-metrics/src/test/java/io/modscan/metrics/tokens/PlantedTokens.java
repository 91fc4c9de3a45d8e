package io.modscan.metrics.tokens;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.token.PromptTokens;
import io.modscan.core.token.Span;
import io.modscan.metrics.PlantedModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;

/**
 * Prompts of which it is known what each unit responds to. The label {@code subject} stands early more often (the k-th token is chosen with a
 * weight of 1/k), on three tokens of each prompt of the topic a and on one of each of b, but for a fifth of these, which have none.
 * Prompts of b are twice as long. The label {@code other} stands on two neighbouring tokens anywhere, and nothing responds to it.
 *
 * <p>To all but sparse units each prompt adds a normal number of deviation 1 that its tokens share, and a token is like the one before
 * it with a correlation of 0.5.
 */
final class PlantedTokens {

    static final int PROMPTS = 120;

    /** What a unit responds to. */
    enum Kind {
        /** The subject, by 0.7 SD. */
        LABEL(20),
        /** The same of a unit that is zero at 95 % of the other tokens, and at a fourth of the label's. */
        SPARSE_LABEL(10),
        /** Early tokens: 2 SD at the first, less behind, exp(−position/3). */
        POSITION(40),
        /** The same of a unit that is zero at 95 % of late tokens. */
        SPARSE_POSITION(20),
        /** The topic a, by 2 SD. */
        TOPIC(40),
        /** The prompt's length: 0.1 SD a token. */
        LENGTH(40),
        /** Nothing. */
        NOISE(40),
        /** Nothing, zero at 95 % of tokens. */
        SPARSE_NOISE(40);

        private final int units;

        Kind(int units) {
            this.units = units;
        }

        boolean responds() {
            return this == LABEL || this == SPARSE_LABEL;
        }
    }

    static final List<Kind> KINDS = kinds();

    static final Site SITE = PlantedModel.units("blocks.0.mlp.hook_post", KINDS.size());

    private final Random random;
    private final List<Prompt> prompts = new ArrayList<>();
    private final List<PromptTokens> tokens = new ArrayList<>();
    private final List<float[]> rows = new ArrayList<>();

    PlantedTokens(long seed) {
        this.random = new Random(1000 + seed);
        for (int prompt = 0; prompt < PROMPTS; prompt++) {
            boolean first = prompt % 2 == 0;
            int length = (first ? 10 : 20) + random.nextInt(11);
            TreeSet<Integer> subject = new TreeSet<>();
            int wanted = first ? 3 : prompt % 5 == 0 ? 0 : 1;
            while (subject.size() < wanted) {
                subject.add(early(length));
            }
            List<Span> spans = new ArrayList<>();
            subject.forEach(at -> spans.add(new Span("subject", at, at + 1)));
            int other = random.nextInt(length - 1);
            spans.add(new Span("other", other, other + 2));
            prompts.add(Prompt.ofTokens("p" + prompt, new int[length]).withLabel("topic", first ? "a" : "b"));
            tokens.add(PromptTokens.of(new int[length], spans));
            rows.add(values(length, first, subject));
        }
    }

    private static List<Kind> kinds() {
        List<Kind> kinds = new ArrayList<>();
        for (Kind kind : Kind.values()) {
            for (int unit = 0; unit < kind.units; unit++) {
                kinds.add(kind);
            }
        }
        return List.copyOf(kinds);
    }

    private int early(int length) {
        double all = 0;
        for (int at = 0; at < length; at++) {
            all += 1.0 / (at + 1);
        }
        double left = random.nextDouble() * all;
        int at = 0;
        while (at < length - 1 && (left -= 1.0 / (at + 1)) > 0) {
            at++;
        }
        return at;
    }

    private float[] values(int length, boolean first, Set<Integer> subject) {
        float[] values = new float[length * KINDS.size()];
        for (int unit = 0; unit < KINDS.size(); unit++) {
            Kind kind = KINDS.get(unit);
            double ofPrompt = random.nextGaussian()
                    + (kind == Kind.TOPIC && first ? 2 : 0)
                    + (kind == Kind.LENGTH ? 0.1 * length : 0);
            double before = random.nextGaussian();
            for (int at = 0; at < length; at++) {
                double fresh = random.nextGaussian();
                before = at == 0 ? before : 0.5 * before + Math.sqrt(0.75) * fresh;
                boolean is = subject.contains(at);
                values[at * KINDS.size() + unit] = (float)
                        switch (kind) {
                            case LABEL -> ofPrompt + before + (is ? 0.7 : 0);
                            case POSITION -> ofPrompt + before + 2 * Math.exp(-at / 3.0);
                            case TOPIC, LENGTH, NOISE -> ofPrompt + before;
                            // Φ(1.645) = 0.95, Φ(0.674) = 0.75
                            case SPARSE_LABEL -> Math.max(0, fresh - 1.645 + (is ? 1.645 + 0.674 : 0));
                            case SPARSE_POSITION -> Math.max(0, fresh - 1.645 + 2 * Math.exp(-at / 3.0));
                            case SPARSE_NOISE -> Math.max(0, fresh - 1.645);
                        };
            }
        }
        return values;
    }

    Activations activations() {
        return activations(tokens);
    }

    /** The same values with each label on as many tokens, anywhere in its prompt. */
    Activations permuted() {
        List<PromptTokens> permuted = new ArrayList<>();
        for (PromptTokens one : tokens) {
            List<Span> spans = new ArrayList<>();
            for (String label : List.of("subject", "other")) {
                TreeSet<Integer> at = new TreeSet<>();
                while (at.size() < one.positions(label).length) {
                    at.add(random.nextInt(one.size()));
                }
                at.forEach(token -> spans.add(new Span(label, token, token + 1)));
            }
            permuted.add(PromptTokens.of(one.ids(), spans));
        }
        return activations(permuted);
    }

    private Activations activations(List<PromptTokens> labelled) {
        return Activations.builder(Prompts.of(prompts))
                .tokens(labelled)
                .site(SITE, Pooling.none(), rows.toArray(float[][]::new))
                .provenance(Map.of())
                .build();
    }

    /** All values of a unit, prompt by prompt, and of each whether its token is a subject: what a test sees that knows no prompts. */
    float[] allValues(int unit) {
        float[] all = new float[tokens.stream().mapToInt(PromptTokens::size).sum()];
        int to = 0;
        for (float[] row : rows) {
            for (int at = unit; at < row.length; at += KINDS.size()) {
                all[to++] = row[at];
            }
        }
        return all;
    }

    /** For each prompt that has a label's tokens and others the difference of a unit's means: what one would hand to a test of pairs. */
    double[] differences(int unit, String label) {
        List<Double> differences = new ArrayList<>();
        for (int prompt = 0; prompt < PROMPTS; prompt++) {
            PromptTokens one = tokens.get(prompt);
            double[] sums = new double[2];
            int[] counts = new int[2];
            for (int at = 0; at < one.size(); at++) {
                int token = at;
                int side = Arrays.stream(one.positions(label)).anyMatch(has -> has == token) ? 1 : 0;
                sums[side] += rows.get(prompt)[at * KINDS.size() + unit];
                counts[side]++;
            }
            if (counts[0] > 0 && counts[1] > 0) {
                differences.add(sums[1] / counts[1] - sums[0] / counts[0]);
            }
        }
        return differences.stream().mapToDouble(Double::doubleValue).toArray();
    }

    boolean[] allLabels(String label) {
        boolean[] all = new boolean[tokens.stream().mapToInt(PromptTokens::size).sum()];
        int first = 0;
        for (PromptTokens one : tokens) {
            for (int at : one.positions(label)) {
                all[first + at] = true;
            }
            first += one.size();
        }
        return all;
    }
}
