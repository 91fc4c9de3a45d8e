package io.modscan.core.internal.capture;

import io.modscan.core.internal.recording.Derivation;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Reading;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/**
 * Pools what a source gives that doesn't pool: it is asked for whole tensors, and what a plan makes of them is worked out in
 * Java, means in double precision.
 */
public final class PoolingSource implements ActivationSource {

    private final ActivationSource source;
    private final CapturePlan plan;
    private final OptionalInt bosTokenId;
    private final List<Derivation> derivations;
    /** Memory for the tensors of a batch, to be used again by whoever runs next; what more threads need is let go. */
    private final BlockingQueue<ByteBuffer[]> idle = new ArrayBlockingQueue<>(2);

    private PoolingSource(ActivationSource source, CapturePlan plan, OptionalInt bosTokenId) {
        this.source = source;
        this.plan = plan;
        this.bosTokenId = bosTokenId;
        List<Reading> tensors = source.plan().readings();
        this.derivations = plan.readings().stream()
                .map(reading -> Derivation.of(reading, tensors, "the source"))
                .toList();
    }

    /** Opens a model's source for a plan, and pools for it where it doesn't. */
    public static ActivationSource open(Model model, CapturePlan plan) {
        CapturePlan tensors = plan.unpooled();
        return model.pools() || tensors.equals(plan)
                ? model.open(plan)
                : new PoolingSource(model.open(tensors), plan, model.bosTokenId());
    }

    @Override
    public CapturePlan plan() {
        return plan;
    }

    @Override
    public Map<String, String> provenance() {
        return source.provenance();
    }

    @Override
    public int usualTokens() {
        return source.usualTokens();
    }

    @Override
    public long workingBytes(int rows, int columns) {
        return source.workingBytes(rows, columns) + bytes(rows, columns);
    }

    private long bytes(int rows, int columns) {
        long bytes = 0;
        for (Reading reading : source.plan().readings()) {
            bytes += rows * reading.values(columns) * Float.BYTES;
        }
        return bytes;
    }

    /** Of what the tensors hold, which are filled with NaN where their source does not promise to write them. */
    @Override
    public boolean writesAll() {
        return true;
    }

    @Override
    public void run(TokenBatch batch, List<FloatBuffer> outputs) {
        ActivationSource.checkOutputs(plan, batch, outputs);
        List<Reading> readings = source.plan().readings();
        ByteBuffer[] memory = idle.poll();
        memory = memory == null ? new ByteBuffer[readings.size()] : memory;
        List<FloatBuffer> tensors = new ArrayList<>();
        for (int i = 0; i < memory.length; i++) {
            long bytes = batch.rows() * readings.get(i).values(batch.columns()) * Float.BYTES;
            memory[i] = BatchRunner.atLeast(memory[i], bytes, readings.get(i).site());
            tensors.add(memory[i]
                    .slice(0, (int) bytes)
                    .order(ByteOrder.nativeOrder())
                    .asFloatBuffer());
        }
        if (!source.writesAll()) {
            tensors.forEach(BatchRunner::fillWithNaN);
        }
        source.run(batch, tensors);
        for (int row = 0; row < batch.rows(); row++) {
            int first = batch.first(row);
            int length = batch.length(row);
            boolean hasBos = length > 0
                    && bosTokenId.isPresent()
                    && batch.inputIds().get(row * batch.columns() + first) == bosTokenId.getAsInt();
            Derivation.Tokens tokens = new Derivation.Tokens(batch.columns(), first, length, hasBos);
            for (int i = 0; i < outputs.size(); i++) {
                Derivation derivation = derivations.get(i);
                Reading asked = derivation.asked();
                int start = (int) (row * asked.values(batch.columns(asked)));
                int at = row;
                FloatBuffer tensor = tensors.get(derivation.recorded());
                derivation.write(
                        real(derivation.recorded(), tensor, row, tokens),
                        positions -> batch.chosen(positions, at),
                        tokens,
                        outputs.get(i),
                        start);
            }
        }
        idle.offer(memory);
    }

    /** A row's values without padding. */
    private FloatBuffer real(int reading, FloatBuffer tensor, int row, Derivation.Tokens tokens) {
        Reading of = source.plan().readings().get(reading);
        int stride = (int) of.values(tokens.columns());
        if (of.site().isPairwise()) {
            return square(of, tensor.slice(row * stride, stride), tokens);
        }
        int width = of.site().width();
        return of.isPerToken()
                ? tensor.slice(row * stride + tokens.first() * width, tokens.length() * width)
                : tensor.slice(row * stride, stride);
    }

    private static FloatBuffer square(Reading reading, FloatBuffer row, Derivation.Tokens tokens) {
        int length = tokens.length();
        int columns = tokens.columns();
        int squares = Math.max(1, reading.site().heads());
        FloatBuffer real = FloatBuffer.allocate(squares * length * length);
        for (int square = 0; square < squares; square++) {
            for (int query = 0; query < length; query++) {
                int from = (square * columns + tokens.first() + query) * columns + tokens.first();
                real.put((square * length + query) * length, row, from, length);
            }
        }
        return real;
    }

    @Override
    public void close() {
        source.close();
        idle.clear();
    }
}
