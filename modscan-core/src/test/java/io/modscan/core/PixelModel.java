package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/**
 * A foreign model without tokens: its one input is {@code pixels}, a float a position. Each value that it gives tells its
 * site, pixel and place among the position's values. Its tensors are called what would go wrong in a capture file.
 */
final class PixelModel implements Model {

    static final int MAX_POSITIONS = 9;

    static final Site ENCODED = site("/enc/layer.0/Mul_output_0", Axis.POSITION, Axis.units(2), Axis.units(3));
    static final Site PAIRS = site("a", Axis.QUERY, Axis.KEY);

    static final List<Site> SITES = List.of(
            ENCODED,
            PAIRS,
            site("a/0", Axis.units(2)),
            site("a/0/site", Axis.units(2)),
            site("a/0-2", Axis.POSITION),
            site("input_ids", Axis.POSITION, Axis.units(2)),
            site("input_ids/0", Axis.POSITION),
            site("input_ids/site", Axis.POSITION),
            site("prompt_offsets", Axis.units(1)),
            site("prompt_offsets/0-2", Axis.units(1)),
            site("__metadata__"),
            site("ünï \"q\"\n/7", Axis.heads(2), Axis.units(2)));

    final List<TokenBatch> batches = new CopyOnWriteArrayList<>();
    volatile Consumer<TokenBatch> onRun = batch -> {};
    private final int bosTokenId;

    PixelModel() {
        this(-1);
    }

    PixelModel(int bosTokenId) {
        this.bosTokenId = bosTokenId;
    }

    private static Site site(String name, Axis... axes) {
        return new Site(name, OptionalInt.empty(), List.of(axes), false);
    }

    static Prompt prompt(String id, float... pixels) {
        return Prompt.ofTensors(id, Map.of("pixels", InputTensor.of(pixels, pixels.length)))
                .withLabel("topic", "t" + pixels.length);
    }

    /** What a capture has to give for a sample, mean pooled or not at all. */
    static float[] expected(Reading reading, float... pixels) {
        Site site = reading.site();
        int width = site.width();
        if (site.isPairwise()) {
            float[] all = new float[pixels.length * pixels.length];
            for (int i = 0; i < all.length; i++) {
                all[i] = value(site, pixels[i / pixels.length], i % pixels.length);
            }
            return all;
        }
        int positions = site.hasPositions() ? pixels.length : 1;
        float[] all = new float[positions * width];
        for (int i = 0; i < all.length; i++) {
            all[i] = value(site, pixels[i / width], i % width);
        }
        if (!reading.pooling().isPooled()) {
            return all;
        }
        assertThat(reading.pooling()).isEqualTo(Pooling.mean());
        float[] mean = new float[width];
        for (int i = 0; i < all.length; i++) {
            mean[i % width] += all[i] / positions;
        }
        return mean;
    }

    private static float value(Site site, float pixel, int place) {
        return SITES.indexOf(site) * 1000 + pixel * 16 + place;
    }

    @Override
    public List<Site> sites() {
        return SITES;
    }

    @Override
    public OptionalInt maxTokens() {
        return OptionalInt.of(MAX_POSITIONS);
    }

    @Override
    public OptionalInt vocabularySize() {
        return OptionalInt.empty();
    }

    @Override
    public OptionalInt bosTokenId() {
        return bosTokenId < 0 ? OptionalInt.empty() : OptionalInt.of(bosTokenId);
    }

    @Override
    public int positions(Map<String, InputTensor> inputs) {
        return Math.toIntExact(pixels(inputs).shape().get(0));
    }

    private static InputTensor pixels(Map<String, InputTensor> inputs) {
        InputTensor pixels = inputs.get("pixels");
        if (pixels == null) {
            throw new ModscanException("the input 'pixels' is missing; given are " + inputs.keySet());
        }
        return pixels;
    }

    @Override
    public Tokenizer tokenizer() {
        throw new ModscanException("there is no tokenizer");
    }

    @Override
    public Map<String, String> provenance() {
        return Map.of("model.fingerprint", "pixels");
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
                batches.add(batch);
                onRun.accept(batch);
                ActivationSource.checkOutputs(plan, batch, outputs);
                assertThat(batch.tensors()).hasSize(batch.rows());
                for (int row = 0; row < batch.rows(); row++) {
                    FloatBuffer pixels = pixels(batch.tensors().get(row)).data().asFloatBuffer();
                    for (int column = 0; column < batch.columns(); column++) {
                        boolean real = column < pixels.capacity();
                        int at = row * batch.columns() + column;
                        assertThat(batch.inputIds().get(at)).isEqualTo(real ? -1 : 0);
                        assertThat(batch.attentionMask().get(at)).isEqualTo(real ? 1 : 0);
                    }
                    for (int i = 0; i < outputs.size(); i++) {
                        write(plan.readings().get(i), row, batch.columns(), pixels, outputs.get(i));
                    }
                }
            }

            @Override
            public void close() {}
        };
    }

    private static void write(Reading reading, int row, int columns, FloatBuffer pixels, FloatBuffer output) {
        float[] padded = new float[columns];
        pixels.get(0, padded, 0, pixels.capacity());
        float[] own = new float[pixels.capacity()];
        pixels.get(0, own);
        // Rows of a site that keeps positions are padded behind, which is written, too.
        float[] values = expected(reading, reading.pooling().isPooled() ? own : padded);
        output.put(Math.toIntExact(row * reading.values(columns)), values);
    }
}
