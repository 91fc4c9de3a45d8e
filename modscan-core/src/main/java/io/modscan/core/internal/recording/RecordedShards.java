package io.modscan.core.internal.recording;

import io.modscan.core.intervention.Intervention;
import io.modscan.core.model.Aim;
import io.modscan.core.site.Reading;
import io.modscan.core.token.PromptTokens;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.RandomAccess;

/** The files of a capture as one. Safe for use by many threads. */
public final class RecordedShards {

    private final List<RecordedShard> shards;
    private final int[] firsts;
    private final int size;
    private final DecodedRows decoded = new DecodedRows();

    /** Joins shards that follow each other from prompt 0 on and have the same readings. */
    public RecordedShards(List<RecordedShard> shards) {
        this.shards = List.copyOf(shards);
        this.firsts = shards.stream().mapToInt(RecordedShard::from).toArray();
        RecordedShard last = shards.get(shards.size() - 1);
        this.size = last.from() + last.size();
    }

    public List<Reading> readings() {
        return shards.get(0).readings();
    }

    /** The number of prompts. */
    int size() {
        return size;
    }

    private RecordedShard of(int prompt) {
        Objects.checkIndex(prompt, size);
        int found = Arrays.binarySearch(firsts, prompt);
        return shards.get(found >= 0 ? found : -found - 2);
    }

    boolean isOfTensors(int prompt) {
        return of(prompt).isOfTensors(prompt);
    }

    Aim aim(int prompt) {
        return of(prompt).aim(prompt);
    }

    Optional<Intervention> intervention(int prompt) {
        return of(prompt).intervention(prompt);
    }

    LongBuffer rawTokenIds(int prompt) {
        return of(prompt).rawTokenIds(prompt);
    }

    FloatBuffer row(int reading, int prompt) {
        RecordedShard shard = of(prompt);
        return shard.isRounded(reading)
                ? decoded.get(reading, prompt, () -> shard.row(reading, prompt))
                : shard.row(reading, prompt);
    }

    PromptTokens tokens(int prompt) {
        return of(prompt).tokens(prompt);
    }

    /** The prompts' tokens, each read when it is asked for. */
    public List<PromptTokens> tokens() {
        return new ReadTokens();
    }

    /** The prompts' values of a reading, each a view that is made when it is asked for. */
    public List<FloatBuffer> rows(int reading) {
        return new RecordedRows() {
            @Override
            public FloatBuffer get(int prompt) {
                return row(reading, prompt);
            }

            @Override
            public void read(int prompt, int at, float[] into) {
                of(prompt).read(reading, prompt, at, into);
            }

            @Override
            public int length(int prompt) {
                return of(prompt).values(reading, prompt);
            }

            @Override
            public int size() {
                return size;
            }
        };
    }

    private final class ReadTokens extends AbstractList<PromptTokens> implements RandomAccess {
        @Override
        public PromptTokens get(int prompt) {
            return of(prompt).tokens(prompt);
        }

        @Override
        public int size() {
            return size;
        }
    }
}
