package io.modscan.core.internal.capture;

import io.modscan.core.internal.capture.Batching.Batch;
import io.modscan.core.model.Link;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What the batches of a window are between two links: in memory as far as that is allowed, and beyond it in a temporary file,
 * which is gone when this is closed. It is written to rather than mapped: on a full disk a mapped file ends the process.
 */
final class KeptStreams implements Handover, AutoCloseable {

    private static final long IN_MEMORY = -1;

    private final List<Link> links;
    private final long most;
    /** For the first batches of a window; used again for the next one. */
    private final List<ByteBuffer> memory = new ArrayList<>();

    /** Where the others lie in the file. */
    private long[] places = {};

    private @Nullable Path path;
    private @Nullable FileChannel file;

    /** @param most bytes in memory */
    KeptStreams(List<Link> links, long most) {
        this.links = links;
        this.most = most;
    }

    /** Bytes of memory for a window. */
    long bytes(List<Batch> batches) {
        return Math.min(
                most, batches.stream().mapToLong(batch -> largest(links, batch)).sum());
    }

    /** The most that any link hands on of a batch. */
    static long largest(List<Link> links, Batch batch) {
        return IntStream.range(0, links.size())
                .mapToLong(link -> BatchRunner.handedOn(links, link, batch))
                .max()
                .orElse(0);
    }

    /** Begins a window; what is kept of the one before is let go. */
    void begin(List<Batch> batches) {
        places = new long[batches.size()];
        long room = most;
        long end = 0;
        for (int i = 0; i < places.length; i++) {
            long bytes = largest(links, batches.get(i));
            room -= bytes; // Once it is used up, all others lie in the file.
            if (room >= 0) {
                places[i] = IN_MEMORY;
                reserve(i, bytes);
            } else {
                places[i] = end;
                end += bytes;
            }
        }
    }

    private void reserve(int batch, long bytes) {
        if (batch == memory.size()) {
            memory.add(ByteBuffer.allocateDirect(0));
        }
        memory.set(batch, BatchRunner.atLeast(memory.get(batch), bytes, "the residual stream"));
    }

    @Override
    public void keep(int link, int batch, ByteBuffer values) {
        if (places[batch] == IN_MEMORY) {
            memory.get(batch).put(0, values, 0, values.remaining());
            return;
        }
        try {
            FileChannel channel = channel();
            ByteBuffer rest = values.duplicate();
            for (long at = places[batch]; rest.hasRemaining(); ) {
                at += channel.write(rest, at);
            }
        } catch (IOException e) {
            throw failed(e);
        }
    }

    @Override
    public void give(int link, int batch, ByteBuffer into) {
        if (places[batch] == IN_MEMORY) {
            into.put(0, memory.get(batch), 0, into.remaining());
            return;
        }
        try {
            FileChannel channel = channel();
            for (long at = places[batch]; into.hasRemaining(); ) {
                int count = channel.read(into, at);
                if (count < 0) {
                    throw new IOException("it was cut short by somebody else");
                }
                at += count;
            }
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private FileChannel channel() throws IOException {
        if (file == null) {
            path = Files.createTempFile("modscan-", ".stream");
            file = FileChannel.open(
                    path, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.DELETE_ON_CLOSE);
        }
        return file;
    }

    private RuntimeException failed(IOException e) {
        if (e instanceof ClosedByInterruptException) {
            return new CancellationException("interrupted between two links");
        }
        return new UncheckedIOException(
                (path == null ? "a temporary file" : path.toString())
                        + ": the residual stream cannot be kept there: " + e + "; it needs room in java.io.tmpdir, "
                        + System.getProperty("java.io.tmpdir") + ", or a higher memoryLimit",
                e);
    }

    @Override
    public void close() {
        try {
            if (file != null) {
                file.close();
            }
        } catch (IOException e) {
            throw failed(e);
        }
    }
}
