package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.model.TokenizedText;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.token.Positions;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * A model without arithmetic: each value tells its site, token id, head, position and unit (or, for attention, key), so
 * that one that lands in the wrong place is seen. What it writes at padding is NaN.
 */
public final class FakeModel implements Model {

    static final int BOS = 2;
    static final int MAX_TOKENS = 12;
    static final int VOCABULARY = 100;
    static final int HEADS = 3;

    static final Site EMBED = site("hook_embed", Axis.POSITION, Axis.units(4));
    static final Site Z = site("blocks.0.attn.hook_z", Axis.POSITION, Axis.heads(HEADS), Axis.units(2));
    static final Site PATTERN = site("blocks.0.attn.hook_pattern", Axis.heads(HEADS), Axis.QUERY, Axis.KEY);
    static final Site POST = site("blocks.0.mlp.hook_post", Axis.POSITION, Axis.units(5));
    static final Site Z1 = site("blocks.1.attn.hook_z", Axis.POSITION, Axis.heads(HEADS), Axis.units(2));
    static final Site MAP = site("blocks.1.map", Axis.QUERY, Axis.KEY);
    static final Site POOLER = site("pooler", Axis.heads(HEADS), Axis.units(4));
    static final Site LOSS = site("loss", Axis.POSITION);

    private static final List<Site> SITES = List.of(EMBED, Z, PATTERN, POST, Z1, MAP, POOLER, LOSS);

    /** The sizes of the batches that were run, in order. */
    final List<Batch> batches = new CopyOnWriteArrayList<>();

    /** Called with each batch before it is run, by the thread that runs it. */
    volatile Consumer<TokenBatch> onRun = batch -> {};

    /** What each token is said to take while it is run. */
    volatile long workingBytesAToken;

    /** Whether it pools itself, or lets the probe do so. */
    volatile boolean pools = true;

    /** Whether its means are wrong, as if a prompt's first token came twice. */
    volatile boolean poolsBosTwice;

    /** Whether it takes the first tokens, whichever were chosen. */
    volatile boolean ignoresChoice;

    /** How often each source that was opened was closed. */
    final List<Source> sources = new CopyOnWriteArrayList<>();

    private final List<Site> sites;
    private final boolean hasTokenizer;

    public FakeModel() {
        this(SITES, true);
    }

    public FakeModel(List<Site> sites, boolean hasTokenizer) {
        this.sites = sites;
        this.hasTokenizer = hasTokenizer;
    }

    record Batch(int rows, int columns) {}

    private static Site site(String name, Axis... axes) {
        OptionalInt layer = name.startsWith("blocks.")
                ? OptionalInt.of(name.charAt("blocks.".length()) - '0')
                : OptionalInt.empty();
        return new Site(name, layer, List.of(axes), false);
    }

    /** What a capture has to give for a prompt of these ids: the reading's axes, unpadded, the last varying fastest. */
    static float[] expected(Site site, Pooling pooling, int... ids) {
        List<float[]> positions = positions(site, ids);
        if (pooling.isPooled()) {
            return pool(pooling, positions, ids);
        }
        int length = positions.get(0).length;
        float[] all = new float[positions.size() * length];
        for (int i = 0; i < positions.size(); i++) {
            System.arraycopy(positions.get(i), 0, all, i * length, length);
        }
        return all;
    }

    /** Head by head where there are heads; for attention one array for each head and query, of all keys. */
    private static List<float[]> positions(Site site, int... ids) {
        List<float[]> result = new ArrayList<>();
        if (site.equals(POOLER)) {
            result.add(values(site, 0, ids));
        } else if (site.hasPositions()) {
            for (int position = 0; position < ids.length; position++) {
                result.add(
                        site.magnitudeOf().isPresent() ? magnitudes(site, position, ids) : values(site, position, ids));
            }
        } else {
            for (int head = 0; head < Math.max(1, site.heads()); head++) {
                for (int query = 0; query < ids.length; query++) {
                    float[] keys = new float[ids.length];
                    for (int key = 0; key < ids.length; key++) {
                        keys[key] = value(site, ids[query], head, query, key);
                    }
                    result.add(keys);
                }
            }
        }
        return result;
    }

    private static float[] values(Site site, int position, int... ids) {
        int units = Math.max(1, site.units());
        float[] values = new float[site.width()];
        int index = SITES.indexOf(site);
        for (int i = 0; i < values.length; i++) {
            values[i] = value(index, ids[position], i / units, position, i % units);
        }
        return values;
    }

    private static float[] magnitudes(Site site, int position, int... ids) {
        Site tensor = SITES.stream()
                .filter(other -> other.name().equals(site.tensorName()))
                .findFirst()
                .orElseThrow();
        float[] values = values(tensor, position, ids);
        float[] norms = new float[Math.max(1, site.heads())];
        for (int head = 0; head < norms.length; head++) {
            double squares = 0;
            for (int unit = 0; unit < tensor.units(); unit++) {
                squares += Math.pow(values[head * tensor.units() + unit], 2);
            }
            norms[head] = (float) Math.sqrt(squares);
        }
        return norms;
    }

    /** Below 2^24, so exact. */
    static float value(Site site, int token, int head, int position, int last) {
        return value(SITES.indexOf(site), token, head, position, last);
    }

    private static float value(int index, int token, int head, int position, int last) {
        return ((((float) index * VOCABULARY + token) * 4 + head) * 16 + position) * 16 + last;
    }

    private static float[] pool(Pooling pooling, List<float[]> all, int... ids) {
        List<float[]> positions =
                pooling.positions().isWithoutBos() && ids[0] == BOS ? all.subList(1, all.size()) : all;
        float[] result = new float[positions.get(0).length];
        for (int i = 0; i < result.length; i++) {
            int unit = i;
            double[] values = positions.stream().mapToDouble(v -> v[unit]).toArray();
            result[i] = (float)
                    switch (pooling.kind()) {
                        case LAST -> values[values.length - 1];
                        case MEAN -> Arrays.stream(values).average().orElseThrow();
                        case SUM -> Arrays.stream(values).sum();
                        case MAX -> Arrays.stream(values).max().orElseThrow();
                        case NONE -> throw new IllegalArgumentException("nothing to pool");
                    };
        }
        return result;
    }

    @Override
    public List<Site> sites() {
        return sites;
    }

    @Override
    public OptionalInt maxTokens() {
        return OptionalInt.of(MAX_TOKENS);
    }

    @Override
    public OptionalInt vocabularySize() {
        return OptionalInt.of(VOCABULARY);
    }

    @Override
    public OptionalInt bosTokenId() {
        return OptionalInt.of(BOS);
    }

    @Override
    public Tokenizer tokenizer() {
        if (!hasTokenizer) {
            throw new ModscanException("the fake came without a tokenizer");
        }
        return new LetterTokenizer();
    }

    @Override
    public Map<String, String> provenance() {
        return Map.of("model.fingerprint", "fake");
    }

    @Override
    public boolean pools() {
        return pools;
    }

    @Override
    public Source open(CapturePlan plan) {
        Source source = new Source(plan);
        sources.add(source);
        return source;
    }

    /** BOS in front, then an id for each letter: 10 for 'a'. */
    private static final class LetterTokenizer implements Tokenizer {
        @Override
        public int[] encode(String text) {
            return IntStream.concat(IntStream.of(BOS), text.chars().map(c -> c - 'a' + 10))
                    .toArray();
        }

        @Override
        public TokenizedText tokenize(String text) {
            int[] ids = encode(text);
            int[] starts =
                    IntStream.range(0, ids.length).map(i -> Math.max(0, i - 1)).toArray();
            int[] ends = IntStream.range(0, ids.length).toArray();
            return new TokenizedText(text, ids, starts, ends);
        }

        @Override
        public String decode(int... ids) {
            StringBuilder text = new StringBuilder();
            for (int id : ids) {
                text.append(id == BOS ? "<s>" : Character.toString(id - 10 + 'a'));
            }
            return text.toString();
        }
    }

    /** Writes the values of a batch, after it has checked that it was given what the contract says. */
    public final class Source implements ActivationSource {
        private final CapturePlan plan;
        private volatile boolean closed;

        private Source(CapturePlan plan) {
            this.plan = plan;
        }

        @Override
        public CapturePlan plan() {
            return plan;
        }

        boolean isClosed() {
            return closed;
        }

        @Override
        public long workingBytes(int rows, int columns) {
            return workingBytesAToken * rows * columns;
        }

        @Override
        public void run(TokenBatch batch, List<FloatBuffer> outputs) {
            if (closed) {
                throw new IllegalStateException("the source is closed");
            }
            if (Thread.currentThread().isInterrupted()) {
                throw new CancellationException("interrupted");
            }
            onRun.accept(batch);
            batches.add(new Batch(batch.rows(), batch.columns()));
            assertThat(outputs).hasSameSizeAs(plan.readings());
            for (int i = 0; i < outputs.size(); i++) {
                Reading reading = plan.readings().get(i);
                FloatBuffer output = outputs.get(i);
                assertThat(output.isDirect()).isTrue();
                assertThat(output.order()).isEqualTo(ByteOrder.nativeOrder());
                assertThat((long) output.capacity()).isEqualTo(batch.rows() * reading.values(batch.columns(reading)));
                for (int at = 0; at < output.capacity(); at++) {
                    output.put(at, Float.NaN);
                }
                for (int row = 0; row < batch.rows(); row++) {
                    write(reading, batch, row, output);
                }
            }
        }

        private void write(Reading reading, TokenBatch batch, int row, FloatBuffer output) {
            int[] ids = ids(batch, row);
            int columns = batch.columns();
            int start = (int) (row * reading.values(batch.columns(reading)));
            if (reading.pooling().isPooled()) {
                int[] pooled = poolsBosTwice
                        ? IntStream.concat(IntStream.of(BOS), IntStream.of(ids)).toArray()
                        : ids;
                if (reading.choosesPositions()) {
                    List<float[]> all = positions(reading.site(), ids);
                    List<float[]> chosen = Arrays.stream(
                                    chosen(batch, reading.pooling().positions(), row))
                            .mapToObj(all::get)
                            .toList();
                    output.put(start, pool(reading.pooling().over(Positions.all()), chosen, ids));
                    return;
                }
                output.put(start, expected(reading.site(), reading.pooling(), pooled));
                return;
            }
            List<float[]> positions = positions(reading.site(), ids);
            if (reading.choosesPositions()) {
                int[] kept = chosen(batch, reading.pooling().positions(), row);
                for (int i = 0; i < kept.length; i++) {
                    output.put(start + i * reading.site().width(), positions.get(kept[i]));
                }
                return;
            }
            for (int i = 0; i < positions.size(); i++) {
                boolean pairs = reading.site().isPairwise();
                int first = pairs || reading.isPerToken() ? batch.first(row) : 0;
                int padded = first + (pairs ? i / ids.length * columns + i % ids.length : i);
                int stride = pairs ? columns : reading.site().width();
                output.put(start + padded * stride + (pairs ? first : 0), positions.get(i));
            }
        }

        private int[] chosen(TokenBatch batch, Positions positions, int row) {
            int[] chosen = batch.chosen(positions, row);
            return ignoresChoice ? IntStream.range(0, chosen.length).toArray() : chosen;
        }

        private int[] ids(TokenBatch batch, int row) {
            LongBuffer inputs = batch.inputIds().slice(row * batch.columns(), batch.columns());
            LongBuffer mask = batch.attentionMask().slice(row * batch.columns(), batch.columns());
            return IntStream.range(0, batch.columns())
                    .filter(column -> mask.get(column) == 1)
                    .map(column -> (int) inputs.get(column))
                    .toArray();
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
