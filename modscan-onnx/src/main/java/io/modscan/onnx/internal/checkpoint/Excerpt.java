package io.modscan.onnx.internal.checkpoint;

import io.modscan.onnx.hub.HubFile;
import io.modscan.onnx.hub.HubFile.Part;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The few blocks of a hub's file that a reader takes. It is let read again and again: of a block that isn't here yet it is
 * given zeros, and all blocks that it missed are fetched together before the next pass, so that a file with a thousand
 * tensors takes a handful of waits and not a thousand. Only a pass that missed nothing counts.
 */
final class Excerpt {

    /** As much as holds what stands before a tensor in a torch file, and the tensor's sample. */
    private static final int BLOCK = 1 << 12;

    /** Blocks at either end that are fetched at once: there are the header, or the pickle and the zip's directory. */
    private static final int EDGE = 16;

    /** So few blocks that nobody needs take less time than another request. */
    private static final int GAP = 8;

    private static final int PASSES = 16;

    /** Who needs more of a file does better to fetch it. */
    private static final long MOST = Math.min(64L << 20, Runtime.getRuntime().maxMemory() / 16);

    private final HubFile file;
    private final long size;
    private final Map<Long, byte[]> blocks = new TreeMap<>();
    private final TreeSet<Long> missed = new TreeSet<>();

    /**
     * Takes in a file.
     *
     * @param <T> what is made of it
     */
    @FunctionalInterface
    interface Reader<T> {
        T read(SeekableByteChannel channel) throws IOException;
    }

    Excerpt(HubFile file) {
        this.file = file;
        this.size = file.size().orElse(0);
    }

    /**
     * What a reader makes of the file, or what it throws; empty if it needs too much of the file.
     *
     * @param reader reads from the beginning each time that it is called, by what it has read and nothing else
     */
    <T> Optional<T> read(Reader<T> reader) throws IOException {
        long last = (size - 1) / BLOCK;
        for (long i = 0; i < EDGE && size > 0; i++) {
            miss(Math.min(i, last));
            miss(Math.max(last - i, 0));
        }
        for (int pass = 0; pass < PASSES && fetchMissed(); pass++) {
            @Nullable T result = null;
            @Nullable Exception failure = null;
            try {
                result = reader.read(new Bytes());
            } catch (IOException | RuntimeException e) {
                failure = e;
            }
            if (!missed.isEmpty()) {
                continue; // what it read were zeros in part
            }
            if (failure instanceof IOException e) {
                throw e;
            }
            if (failure instanceof RuntimeException e) {
                throw e;
            }
            return Optional.ofNullable(result);
        }
        return Optional.empty();
    }

    /** Bytes that a reader has taken. */
    ByteBuffer bytes(long from, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        new Bytes().position(from).read(bytes);
        return bytes.flip();
    }

    /** Whether a file is as long as this one and has the same bytes where this one has any. */
    boolean isOf(Path whole) {
        try (FileChannel channel = FileChannel.open(whole, StandardOpenOption.READ)) {
            if (Files.size(whole) != size) {
                return false;
            }
            for (Map.Entry<Long, byte[]> block : blocks.entrySet()) {
                ByteBuffer bytes = ByteBuffer.allocate(block.getValue().length);
                while (bytes.hasRemaining() && channel.read(bytes, block.getKey() * BLOCK + bytes.position()) >= 0) {}
                if (!Arrays.equals(bytes.array(), block.getValue())) {
                    return false;
                }
            }
            return true;
        } catch (IOException e) {
            throw new UncheckedIOException(whole + ": cannot be read: " + e, e);
        }
    }

    private void miss(long block) {
        if (!blocks.containsKey(block)) {
            missed.add(block);
        }
    }

    /** Fetches the blocks that were missed; false if they are too many. */
    private boolean fetchMissed() {
        List<Part> parts = new ArrayList<>();
        List<Long> begins = new ArrayList<>();
        long bytes = (long) blocks.size() * BLOCK;
        for (Long next = missed.isEmpty() ? null : missed.first(); next != null; ) {
            long begin = next;
            long end = begin;
            while (next != null && next - end <= GAP) {
                end = next;
                next = missed.higher(next);
            }
            long length = Math.min(size, (end + 1) * BLOCK) - begin * BLOCK;
            bytes += length;
            if (bytes > MOST) {
                return false;
            }
            begins.add(begin);
            parts.add(new Part(begin * BLOCK, (int) length));
        }
        List<byte[]> sent = file.read(parts);
        for (int i = 0; i < sent.size(); i++) {
            byte[] run = sent.get(i);
            for (int at = 0; at < run.length; at += BLOCK) {
                blocks.put(begins.get(i) + at / BLOCK, Arrays.copyOfRange(run, at, Math.min(run.length, at + BLOCK)));
            }
        }
        missed.clear();
        return true;
    }

    /** What a reader reads from. */
    private final class Bytes extends ReadOnlyChannel {

        private long position;

        @Override
        public int read(ByteBuffer target) {
            if (position >= size) {
                return -1;
            }
            int count = (int) Math.min(target.remaining(), size - position);
            for (int left = count; left > 0; ) {
                long block = position / BLOCK;
                int offset = (int) (position % BLOCK);
                int length = Math.min(left, BLOCK - offset);
                byte[] bytes = blocks.get(block);
                if (bytes == null) {
                    miss(block);
                    // What stands behind a tensor's own header is asked for next.
                    miss(Math.min(block + 1, (size - 1) / BLOCK));
                }
                target.put(bytes == null ? new byte[BLOCK] : bytes, offset, length);
                position += length;
                left -= length;
            }
            return count;
        }

        @Override
        public long position() {
            return position;
        }

        @Override
        public SeekableByteChannel position(long to) {
            if (to < 0) {
                throw new IllegalArgumentException("a file has no byte " + to);
            }
            position = to;
            return this;
        }

        @Override
        public long size() {
            return size;
        }
    }
}
