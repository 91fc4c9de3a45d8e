package io.modscan.core.internal.recording;

import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.zip.CRC32C;

/**
 * A capture file under work: {@code NAME.part}, laid out as the finished file, with eight bytes a batch behind it that
 * tell which batches are in, and their checksums. What a killed process has left is taken up again; of that nothing is
 * trusted that does not have its checksum, so a machine may lose its power, too.
 *
 * <p>It is written to rather than mapped: on a full disk a mapped file ends the process.
 */
public final class PartFile implements AutoCloseable {

    /** In the upper half of a batch's eight bytes; the checksum is in the lower. */
    private static final long DONE = 1L << 32;

    private static final int VERIFIED_AT_ONCE = 1 << 20;

    /** After so many bytes the system is made to write them to the disk, which else would all be left to the end. */
    private static final long FORCED_AT_ONCE = 1 << 27;

    private final Path part;
    private final Path target;
    private final CaptureLayout layout;
    private final int readings;
    private final List<int[]> batches;
    private final FileChannel channel;
    private final CRC32C checksum = new CRC32C();
    private final ByteBuffer verified = ByteBuffer.allocateDirect(VERIFIED_AT_ONCE);
    private long unforced;

    private PartFile(
            Path part, Path target, CaptureLayout layout, int readings, List<int[]> batches, FileChannel channel) {
        this.part = part;
        this.target = target;
        this.layout = layout;
        this.readings = readings;
        this.batches = batches;
        this.channel = channel;
    }

    /** The name under which a file is written. */
    public static Path of(Path target) {
        return target.resolveSibling(target.getFileName() + ".part");
    }

    /**
     * Begins a file, or takes up what was left of it.
     *
     * @param batches the prompts of each batch
     * @throws ModscanException if what was left is of another capture
     */
    public static PartFile open(Path target, CaptureLayout layout, int readings, List<int[]> batches) {
        Path part = of(target);
        try {
            FileChannel channel = FileChannel.open(
                    part,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.READ,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.SPARSE);
            PartFile file = new PartFile(part, target, layout, readings, batches, channel);
            boolean ready = false;
            try {
                file.begin();
                ready = true;
            } finally {
                if (!ready) {
                    channel.close();
                }
            }
            return file;
        } catch (IOException e) {
            throw failed(part, e);
        }
    }

    private void begin() throws IOException {
        ByteBuffer header = layout.header();
        ByteBuffer found = ByteBuffer.allocate(header.remaining());
        read(found, 0);
        if (channel.size() < Long.BYTES || found.getLong(0) == 0) {
            channel.truncate(0);
            CaptureLayout.writeFully(channel, ByteBuffer.allocate(1), size() - 1);
            CaptureLayout.writeFully(channel, header.slice(Long.BYTES, header.remaining() - Long.BYTES), Long.BYTES);
            // Last: a header without its length counts for nothing.
            CaptureLayout.writeFully(channel, header.slice(0, Long.BYTES), 0);
        } else if (!found.flip().equals(header)) {
            throw new ModscanException(
                    part + ": is the beginning of another capture (of other prompts, sites, settings,"
                            + " weights or versions); finish that one with the call that began it, delete the file, or give"
                            + " another name");
        }
        if (channel.size() != layout.size()) {
            layout.writeTokens(channel); // again where a part was left: they have no checksum
        }
    }

    private long size() {
        return layout.size() + (long) batches.size() * Long.BYTES;
    }

    /** Reads as much as there is. */
    private void read(ByteBuffer into, long position) throws IOException {
        long at = position;
        while (into.hasRemaining()) {
            int count = channel.read(into, at);
            if (count < 0) {
                return;
            }
            at += count;
        }
    }

    /** Whether a batch is in, whole and right. */
    public boolean has(int batch) {
        try {
            if (channel.size() == layout.size()) {
                return true; // finished but for the move
            }
            ByteBuffer entry = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            read(entry, layout.size() + (long) batch * Long.BYTES);
            long found = entry.getLong(0);
            return found != 0 && found == checksum(batches.get(batch));
        } catch (IOException e) {
            throw failed(part, e);
        }
    }

    private long checksum(int... prompts) throws IOException {
        CRC32C crc = new CRC32C();
        for (int reading = 0; reading < readings; reading++) {
            for (int prompt : prompts) {
                long position = layout.position(reading, prompt);
                long end = position + layout.bytes(reading, prompt);
                while (position < end) {
                    verified.clear().limit((int) Math.min(end - position, verified.capacity()));
                    read(verified, position);
                    position += verified.limit();
                    crc.update(verified.flip());
                }
            }
        }
        return DONE | crc.getValue();
    }

    /** Puts a row in its place. */
    public void write(int reading, int prompt, ByteBuffer values) {
        try {
            checksum.update(values.duplicate());
            unforced += values.remaining();
            CaptureLayout.writeFully(channel, values, layout.position(reading, prompt));
        } catch (IOException e) {
            throw failed(part, e);
        }
    }

    /** Notes that all rows of a batch were written. */
    public void done(int batch) {
        ByteBuffer entry = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        entry.putLong(0, DONE | checksum.getValue());
        checksum.reset();
        try {
            CaptureLayout.writeFully(channel, entry, layout.size() + (long) batch * Long.BYTES);
            if (unforced >= FORCED_AT_ONCE) {
                channel.force(false);
                unforced = 0;
            }
        } catch (IOException e) {
            throw failed(part, e);
        }
    }

    /** Gives the file its name. */
    public void finish() {
        try {
            channel.force(true);
            channel.truncate(layout.size());
            channel.force(true);
            Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw failed(part, e);
        }
    }

    private static RuntimeException failed(Path part, IOException e) {
        if (e instanceof ClosedByInterruptException) {
            return new CancellationException("interrupted while writing");
        }
        return new UncheckedIOException(part + ": cannot be read or written: " + e + kept(part), e);
    }

    private static String kept(Path part) {
        return "; what was done is kept in " + part + ", and the same call goes on from it";
    }

    /** The same failure, with what becomes of the work so far, unless it is of a kind that tells more. */
    public ModscanException keeping(ModscanException e) {
        return e.getClass().equals(ModscanException.class) ? new ModscanException(e.getMessage() + kept(part), e) : e;
    }

    /** The same cancellation, with what becomes of the work so far. */
    public static CancellationException keeping(Path target, CancellationException e) {
        CancellationException keeping = new CancellationException(e.getMessage() + kept(of(target)));
        keeping.initCause(e);
        return keeping;
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw failed(part, e);
        }
    }
}
