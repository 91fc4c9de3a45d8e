package io.modscan.metrics;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** A model whose activations are planted: a prompt is one token, and the token's id says which row of a table it gives. */
public final class PlantedModel implements Model {

    private final Map<Site, float[][]> tables = new LinkedHashMap<>();

    public static Site units(String name, int units) {
        return new Site(name, OptionalInt.of(0), List.of(Axis.POSITION, Axis.units(units)), false);
    }

    public static Site heads(String name, int heads, int units) {
        return new Site(name, OptionalInt.of(0), List.of(Axis.POSITION, Axis.heads(heads), Axis.units(units)), false);
    }

    public PlantedModel with(Site site, float[]... rows) {
        tables.put(site, rows);
        return this;
    }

    /** Captures a prompt for each label: p0 with the label {@code topic=}labels[0], and so on. */
    public Activations capture(Pooling pooling, List<String> labels) {
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < labels.size(); i++) {
            prompts.add(Prompt.ofTokens("p" + i, i).withLabel("topic", labels.get(i)));
        }
        try (Probe probe = Probe.builder(this).pooling(pooling).build()) {
            return probe.capture(Prompts.of(prompts));
        }
    }

    public Activations capture(List<String> labels) {
        return capture(Pooling.mean(), labels);
    }

    /** A site "site" with these vectors, one a prompt, captured. */
    public static Activations of(List<String> labels, float[]... vectors) {
        return new PlantedModel()
                .with(units("site", vectors[0].length), vectors)
                .capture(labels);
    }

    @Override
    public List<Site> sites() {
        return List.copyOf(tables.keySet());
    }

    @Override
    public OptionalInt maxTokens() {
        return OptionalInt.of(16);
    }

    @Override
    public OptionalInt vocabularySize() {
        return OptionalInt.of(1_000_000);
    }

    @Override
    public OptionalInt bosTokenId() {
        return OptionalInt.of(vocabularySize().getAsInt() - 1);
    }

    @Override
    public Tokenizer tokenizer() {
        throw new ModscanException("the planted model has no tokenizer");
    }

    @Override
    public Map<String, String> provenance() {
        return Map.of();
    }

    @Override
    public ActivationSource open(CapturePlan plan) {
        return new ActivationSource() {
            @Override
            public CapturePlan plan() {
                return plan;
            }

            @Override
            public void run(TokenBatch batch, List<FloatBuffer> outputs) {
                for (int i = 0; i < outputs.size(); i++) {
                    for (int row = 0; row < batch.rows(); row++) {
                        // One token a prompt: pooled or not, the values are the same.
                        int token = (int) batch.inputIds().get(row);
                        outputs.get(i).put(values(plan.readings().get(i), token));
                    }
                }
            }

            @Override
            public void close() {}
        };
    }

    private float[] values(Reading reading, int token) {
        Site site = reading.site();
        float[][] table = tables.get(site);
        if (table != null) {
            return table[token];
        }
        Map.Entry<Site, float[][]> measured = tables.entrySet().stream()
                .filter(entry -> entry.getKey().name().equals(site.tensorName()))
                .findFirst()
                .orElseThrow();
        float[] vector = measured.getValue()[token];
        int units = measured.getKey().units();
        float[] norms = new float[site.width()];
        for (int i = 0; i < norms.length; i++) {
            double square = 0;
            for (int j = 0; j < units; j++) {
                square += Math.pow(vector[i * units + j], 2);
            }
            norms[i] = (float) Math.sqrt(square);
        }
        return norms;
    }
}
