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
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * A file of any size, mapped in windows, each when something in it is first asked for. A mapping holds less than 2 GiB;
 * windows begin 1 GiB apart and overlap, so whatever takes no more than 1 GiB lies in one of them, wherever it begins.
 * What takes more is mapped alone. Nothing is kept open; mappings go with the last view on them. Safe for use by many
 * threads.
 */
public final class MappedWindows {

    static final long STRIDE = 1L << 30;

    private static final long LENGTH = Integer.MAX_VALUE;

    /** What tells that a file is still the one that was opened. */
    private record Identity(
            long size, FileTime modified, @Nullable Object key) {
        static Identity of(Path file) {
            try {
                BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
                return new Identity(attributes.size(), attributes.lastModifiedTime(), attributes.fileKey());
            } catch (IOException e) {
                throw new UncheckedIOException(file + ": cannot be read: " + e, e);
            }
        }
    }

    private final Path file;
    private final Identity identity;
    private final AtomicReferenceArray<@Nullable ByteBuffer> windows;

    /** Takes the file as it is now; nothing is mapped yet. */
    public MappedWindows(Path file) {
        this.file = file;
        this.identity = Identity.of(file);
        this.windows = new AtomicReferenceArray<>(Math.toIntExact((identity.size() + STRIDE - 1) / STRIDE));
    }

    /**
     * A part of the file.
     *
     * @param offset from the file's beginning
     * @param length in bytes; the part lies within the file
     * @return a read-only little-endian view
     * @throws ModscanException     if the file is another than it was
     * @throws UncheckedIOException if it cannot be read
     * @throws CancellationException if the thread is interrupted before this part was ever mapped
     */
    public ByteBuffer view(long offset, int length) {
        Objects.checkFromIndexSize(offset, (long) length, identity.size());
        if (length > STRIDE) {
            return map(offset, length);
        }
        int index = (int) (offset / STRIDE);
        ByteBuffer window = windows.get(index);
        if (window == null) {
            window = firstView(index);
        }
        return window.slice((int) (offset % STRIDE), length).order(ByteOrder.LITTLE_ENDIAN);
    }

    private synchronized ByteBuffer firstView(int index) {
        ByteBuffer window = windows.get(index);
        if (window == null) {
            long begin = index * STRIDE;
            window = map(begin, Math.min(LENGTH, identity.size() - begin));
            windows.set(index, window);
        }
        return window;
    }

    private ByteBuffer map(long offset, long length) {
        // The name may belong to a newer file by now, whose values lie elsewhere.
        if (!Identity.of(file).equals(identity)) {
            throw new ModscanException(file + ": has been replaced or changed since it was opened; open it again");
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, offset, length).order(ByteOrder.LITTLE_ENDIAN);
        } catch (ClosedByInterruptException e) {
            throw new CancellationException(file + ": interrupted while it was mapped");
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be mapped: " + e, e);
        }
    }
}
