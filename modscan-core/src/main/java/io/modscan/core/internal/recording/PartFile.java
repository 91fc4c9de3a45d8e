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
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A capture file under work: {@code NAME.part}, laid out as the finished file, with eight bytes a step behind it that
 * tell which steps are done (what a link gives of a batch), and the checksums of what they gave; and behind these what links have handed
 * on of the batches under way, so that none has to go through the links before again. What a killed process has left is
 * taken up again; of that nothing is trusted that does not have its checksum, so a machine may lose its power, too.
 *
 * <p>It is written to rather than mapped: on a full disk a mapped file ends the process.
 */
public final class PartFile implements AutoCloseable {

    /** In the upper half of a step's eight bytes; the checksum is in the lower. */
    private static final long DONE = 1L << 32;

    private static final int VERIFIED_AT_ONCE = 1 << 20;

    /**
     * After so many bytes the system is made to write them to the disk, which else would all be left to the end; meanwhile as many more may be
     * written.
     */
    private static final long FORCED_AT_ONCE = 1 << 27;

    private final Path part;
    private final Path target;
    private final CaptureLayout layout;
    private final Steps steps;
    private final Rounding rounding;
    private final FileChannel channel;
    private final CRC32C checksum = new CRC32C();
    private final ByteBuffer verified = ByteBuffer.allocateDirect(VERIFIED_AT_ONCE);
    private long unforced;
    /** What the disk is doing, beside which more is written. */
    private CompletableFuture<Void> forcing = CompletableFuture.completedFuture(null);
    /** Whether all steps were done when it was taken up, and it lacked its name only. */
    private boolean complete;
    /** Whether there is work in it that another call can go on from. */
    private boolean worthKeeping;

    private @Nullable Object key;

    private PartFile(
            Path part, Path target, CaptureLayout layout, Steps steps, Rounding rounding, FileChannel channel) {
        this.part = part;
        this.target = target;
        this.layout = layout;
        this.steps = steps;
        this.rounding = rounding;
        this.channel = channel;
    }

    /** The name under which a file is written. */
    public static Path of(Path target) {
        return target.resolveSibling(target.getFileName() + ".part");
    }

    /**
     * Begins a file, or takes up what was left of it.
     *
     * @param rounding to the type that the layout is of
     * @throws ModscanException if what was left is of another capture
     */
    public static PartFile open(Path target, CaptureLayout layout, Steps steps, Rounding rounding) {
        Path part = of(target);
        try {
            FileChannel channel = FileChannel.open(
                    part,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.READ,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.SPARSE);
            PartFile file = new PartFile(part, target, layout, steps, rounding, channel);
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
            throw failed(part, e, "");
        }
    }

    private void begin() throws IOException {
        key = Files.readAttributes(part, BasicFileAttributes.class).fileKey();
        ByteBuffer header = layout.header();
        ByteBuffer found = headOf(channel, header.remaining());
        worthKeeping = channel.size() >= Long.BYTES && found.getLong(0) != 0;
        if (!worthKeeping) {
            channel.truncate(0);
            CaptureLayout.writeFully(channel, ByteBuffer.allocate(1), size() - 1);
            writeHeader(header);
        } else if (found.equals(header)) {
            complete = channel.size() == layout.size();
            bringToSize();
        } else if (layout.isTornHeader(found)) {
            // The steps that are done have their checksums.
            bringToSize();
            writeHeader(header);
        } else {
            throw new ModscanException(part + ": is the beginning of another capture ("
                    + layout.otherThan(headOf(channel, layout.headBytes()))
                    + "); finish that one with the call that began it, delete the file, or give"
                    + " another name");
        }
        if (!complete) {
            layout.writeTokens(channel); // again where a part was left: they have no checksum
        }
    }

    private void bringToSize() throws IOException {
        if (!complete && channel.size() < size()) {
            CaptureLayout.writeFully(channel, ByteBuffer.allocate(1), size() - 1);
        }
        channel.truncate(complete ? layout.size() : size());
    }

    private void writeHeader(ByteBuffer header) throws IOException {
        CaptureLayout.writeFully(channel, header.slice(Long.BYTES, header.remaining() - Long.BYTES), Long.BYTES);
        // Last: a header without its length counts for nothing.
        CaptureLayout.writeFully(channel, header.slice(0, Long.BYTES), 0);
    }

    /** The first bytes of a file, as many as there are. */
    static ByteBuffer headOf(FileChannel channel, int length) throws IOException {
        ByteBuffer head = ByteBuffer.allocate(length);
        read(channel, head, 0);
        return head.flip();
    }

    private long size() {
        return place(steps.handsOn() ? 2 * steps.windowBatches() : 0);
    }

    /** Where one of the places for what is handed on begins: what it is of, its checksum, its bytes. */
    private long place(int index) {
        return layout.size() + (long) steps.count() * Long.BYTES + index * (2L * Long.BYTES + steps.stream());
    }

    /** Two places a batch, so that what one link is given stays until what it hands on is there. */
    private long place(int link, int batch) {
        return place(2 * (batch % steps.windowBatches()) + link % 2);
    }

    /** Reads as much as there is. */
    private static void read(FileChannel channel, ByteBuffer into, long position) throws IOException {
        long at = position;
        while (into.hasRemaining()) {
            int count = channel.read(into, at);
            if (count < 0) {
                return;
            }
            at += count;
        }
    }

    /** Whether what a link gives of a batch is in, whole and right. */
    public boolean has(int link, int batch) {
        try {
            if (complete) {
                return true;
            }
            long found = entry(steps.index(link, batch));
            return found != 0 && found == checksum(link, steps.batches().get(batch));
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private long entry(int step) throws IOException {
        ByteBuffer entry = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        read(channel, entry, layout.size() + (long) step * Long.BYTES);
        return entry.getLong(0);
    }

    private long checksum(int link, int... prompts) throws IOException {
        CRC32C crc = new CRC32C();
        for (int reading : steps.links().get(link)) {
            for (int prompt : prompts) {
                long position = layout.position(reading, prompt);
                update(crc, position, position + layout.bytes(reading, prompt));
            }
        }
        return DONE | crc.getValue();
    }

    private void update(CRC32C crc, long from, long end) throws IOException {
        long position = from;
        while (position < end) {
            verified.clear().limit((int) Math.min(end - position, verified.capacity()));
            read(channel, verified, position);
            position += verified.limit();
            crc.update(verified.flip());
        }
    }

    /** Whether what a link has handed on of a batch is in, whole and right. */
    public boolean hasHandedOn(int link, int batch, long bytes) {
        try {
            ByteBuffer found = ByteBuffer.allocate(2 * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            long place = place(link, batch);
            read(channel, found, place);
            if (found.getLong(0) != DONE + steps.index(link, batch)) {
                return false;
            }
            CRC32C crc = new CRC32C();
            update(crc, place + found.capacity(), place + found.capacity() + bytes);
            return found.getLong(Long.BYTES) == crc.getValue();
        } catch (IOException e) {
            throw failed(e);
        }
    }

    /** Puts what a link hands on where the next finds it, and another run. */
    public void writeHandedOn(int link, int batch, ByteBuffer values) {
        CRC32C crc = new CRC32C();
        crc.update(values.duplicate());
        ByteBuffer head = ByteBuffer.allocate(2 * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        head.putLong(0, DONE + steps.index(link, batch)).putLong(Long.BYTES, crc.getValue());
        try {
            long place = place(link, batch);
            // Not to be forced to the disk: it is of use for a while only, and has its checksum.
            CaptureLayout.writeFully(channel, values, place + head.capacity());
            CaptureLayout.writeFully(channel, head, place);
        } catch (IOException e) {
            throw failed(e);
        }
    }

    /** Reads what a link has handed on of a batch. */
    public void takeHandedOn(int link, int batch, ByteBuffer into) {
        try {
            read(channel, into, place(link, batch) + 2L * Long.BYTES);
            if (into.hasRemaining()) {
                throw changed();
            }
        } catch (IOException e) {
            throw failed(e);
        }
    }

    /** Puts a row in its place. */
    public void write(int reading, int prompt, ByteBuffer values) {
        ByteBuffer floats = values.duplicate().order(values.order());
        long position = layout.position(reading, prompt);
        try {
            while (floats.hasRemaining()) {
                ByteBuffer stored = rounding.next(floats);
                checksum.update(stored.duplicate());
                int bytes = stored.remaining();
                unforced += bytes;
                CaptureLayout.writeFully(channel, stored, position);
                position += bytes;
            }
            rounding.rowDone(reading, layout.id(prompt), values.asFloatBuffer());
        } catch (IOException e) {
            throw failed(e);
        }
    }

    /** Notes that all that a link gives of a batch was written. */
    public void done(int link, int batch) {
        ByteBuffer entry = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        entry.putLong(0, DONE | checksum.getValue());
        checksum.reset();
        try {
            checkUntouched();
            CaptureLayout.writeFully(channel, entry, layout.size() + (long) steps.index(link, batch) * Long.BYTES);
            worthKeeping = true;
            if (unforced >= FORCED_AT_ONCE) {
                awaitDisk();
                forcing = CompletableFuture.runAsync(this::force, PartFile::onThreadOfItsOwn);
                unforced = 0;
            }
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private void force() {
        try {
            channel.force(false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One that nobody interrupts, which would close the file. */
    private static void onThreadOfItsOwn(Runnable work) {
        Thread thread = new Thread(work, "modscan-disk");
        thread.setDaemon(true);
        thread.start();
    }

    private void awaitDisk() throws IOException {
        try {
            forcing.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof UncheckedIOException failure) {
                throw failure.getCause();
            }
            throw e;
        }
    }

    /** Whoever cuts the file short takes what was written from it, which is zeros when it grows again. */
    private void checkUntouched() throws IOException {
        if (channel.size() != (complete ? layout.size() : size())
                || !Files.exists(part)
                || !Objects.equals(
                        key,
                        Files.readAttributes(part, BasicFileAttributes.class).fileKey())) {
            throw changed();
        }
    }

    private ModscanException changed() throws IOException {
        if (!complete && channel.size() == layout.size()) {
            bringToSize(); // of this size it would be taken for a complete one
        }
        return new ModscanException(
                part + ": was cut short, replaced or deleted by somebody else while it was written, so"
                        + " there is no " + target.getFileName() + (Files.exists(part) ? kept(part) : ""));
    }

    /**
     * Gives the file its name.
     *
     * @throws ModscanException if it isn't what was written, since somebody else has changed it
     */
    public void finish() {
        try {
            awaitDisk();
            channel.force(true);
            checkUntouched();
            ByteBuffer header = layout.header();
            boolean whole = headOf(channel, header.remaining()).equals(header);
            for (int step = 0; !complete && step < steps.count(); step++) {
                whole &= entry(step) != 0;
            }
            if (!whole) {
                throw changed();
            }
            layout.writeTokens(channel); // which have neither a checksum nor an entry
            channel.truncate(layout.size());
            channel.force(true);
            Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private RuntimeException failed(IOException e) {
        return failed(part, e, worthKeeping ? kept(part) : "");
    }

    private static RuntimeException failed(Path part, IOException e, String kept) {
        if (e instanceof ClosedByInterruptException) {
            return new CancellationException("interrupted while writing");
        }
        return new UncheckedIOException(part + ": cannot be read or written: " + e + kept, e);
    }

    private static String kept(Path part) {
        return "; what was done is kept in " + part + ", and the same call goes on from it";
    }

    /** The same failure, with what becomes of the work so far, unless it is of a kind that tells more. */
    public ModscanException keeping(ModscanException e) {
        boolean told = String.valueOf(e.getMessage()).endsWith(kept(part));
        return worthKeeping && Files.exists(part) && !told && e.getClass().equals(ModscanException.class)
                ? new ModscanException(e.getMessage() + kept(part), e)
                : e;
    }

    /** The same cancellation, with what becomes of the work so far, if there is any. */
    public static CancellationException keeping(Path target, CancellationException e) {
        if (!Files.exists(of(target))) {
            return e;
        }
        CancellationException keeping = new CancellationException(e.getMessage() + kept(of(target)));
        keeping.initCause(e);
        return keeping;
    }

    /** Leaves nothing behind in which there is no work: it would only be in the way of a call that is put right. */
    @Override
    public void close() {
        try {
            forcing.handle((done, failure) -> true).join(); // What it failed at was told of, or counts for nothing.
            channel.close();
            if (!worthKeeping) {
                Files.deleteIfExists(part);
            }
        } catch (IOException e) {
            throw failed(e);
        }
    }
}
