package io.modscan.core.internal.recording;

import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Aim;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Reading;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;

/** Gives the recorded values of the prompts whose token ids it is given. Nothing is native; safe for use by many threads. */
public final class RecordingSource implements ActivationSource {

    private final String name;
    private final CapturePlan plan;
    private final RecordedShards shards;
    private final TokenIndex index;
    private final OptionalInt bosTokenId;
    private final List<Derivation> derivations;
    private volatile boolean closed;

    /**
     * Works out how each reading comes about.
     *
     * @param name what the recording is called in messages
     * @throws ModscanException if one can't
     */
    public RecordingSource(
            String name, CapturePlan plan, RecordedShards shards, TokenIndex index, OptionalInt bosTokenId) {
        this.name = name;
        this.plan = plan;
        this.shards = shards;
        this.index = index;
        this.bosTokenId = bosTokenId;
        this.derivations = plan.readings().stream()
                .map(reading -> Derivation.of(reading, shards.readings(), name))
                .toList();
    }

    @Override
    public CapturePlan plan() {
        return plan;
    }

    @Override
    public boolean writesAll() {
        return true;
    }

    @Override
    public void run(TokenBatch batch, List<FloatBuffer> outputs) {
        if (closed) {
            throw new IllegalStateException("the source is closed");
        }
        if (!batch.tensors().isEmpty()) {
            throw new ModscanException(name + ": a recording knows prompts by their token ids, not by ready tensors");
        }
        ActivationSource.checkOutputs(plan, batch, outputs);
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("interrupted at a batch of " + batch.rows() + " prompts");
        }
        for (int row = 0; row < batch.rows(); row++) {
            LongBuffer inputs = batch.inputIds().slice(row * batch.columns(), batch.columns());
            int first = batch.first(row);
            int length = batch.length(row);
            LongBuffer ids = inputs.slice(first, length);
            TokenIndex.Run run = new TokenIndex.Run(
                    batch.intervention(row),
                    plan.objective().isPresent() ? Optional.of(batch.aim(row)) : Optional.empty());
            int at = row;
            int prompt = length == 0 ? -1 : index.find(ids, run, found -> isChosenAlike(found, batch, at));
            if (prompt < 0) {
                throw unknown(ids, row, batch.intervention(row), run.aim().orElse(Aim.NONE));
            }
            Derivation.Tokens tokens = new Derivation.Tokens(
                    batch.columns(), first, length, bosTokenId.isPresent() && ids.get(0) == bosTokenId.getAsInt());
            for (int i = 0; i < outputs.size(); i++) {
                Derivation derivation = derivations.get(i);
                Reading asked = derivation.asked();
                long start = row * asked.values(batch.columns(asked));
                derivation.write(
                        shards.row(derivation.recorded(), prompt),
                        positions -> batch.chosen(positions, at),
                        tokens,
                        outputs.get(i),
                        (int) start);
            }
        }
    }

    /** Whether what was recorded at some positions only was recorded at those that are chosen now: prompts of the same ids may have other spans. */
    private boolean isChosenAlike(int prompt, TokenBatch batch, int row) {
        for (Derivation derivation : derivations) {
            Reading recorded = shards.readings().get(derivation.recorded());
            Positions positions = recorded.pooling().positions();
            if (!recorded.choosesPositions() || (recorded.pooling().isPooled() && positions.isByText())) {
                continue;
            }
            PromptTokens tokens = shards.tokens(prompt);
            int[] there = recorded.isPerToken() ? tokens.kept() : positions.of(tokens, bosTokenId, id -> "");
            if (!Arrays.equals(there, batch.chosen(positions, row))) {
                return false;
            }
        }
        return true;
    }

    private ModscanException unknown(LongBuffer ids, int row, Optional<Intervention> under, Aim aim) {
        long[] some = new long[Math.min(8, ids.capacity())];
        ids.get(0, some);
        return new ModscanException(
                name + ": row " + row + " of the batch, " + ids.capacity() + " tokens that begin with "
                        + Arrays.toString(some)
                        + under.map(intervention -> ", under '" + intervention.name() + "'")
                                .orElse("")
                        + aim.toward()
                                .map(intervention -> ", toward '" + intervention.name() + "'")
                                .orElse("")
                        + (aim.tokens().isEmpty() ? "" : ", of the logits of " + aim.tokens()) + ", is none of the "
                        + shards.size()
                        + " recorded prompts, and only these can be captured from a recording: take Recording.prompts(), or the"
                        + " model itself");
    }

    @Override
    public void close() {
        closed = true;
    }
}
