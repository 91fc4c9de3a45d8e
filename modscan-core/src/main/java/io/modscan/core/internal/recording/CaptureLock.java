package io.modscan.core.internal.recording;

import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Keeps other processes and threads from writing to the same file. The system lifts the lock when the process ends,
 * however it does.
 */
public final class CaptureLock implements AutoCloseable {

    /** A lock is the process's, and closing any channel to its file gives it up; so threads are kept apart here. */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final Path file;
    private final FileChannel channel;

    private CaptureLock(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Takes the lock.
     *
     * @param target the file to be written, in a folder that is there
     * @throws ModscanException     if it is taken
     * @throws UncheckedIOException if the file {@code TARGET.lock} cannot be made
     */
    static CaptureLock take(Path target) {
        Path folder = target.toAbsolutePath().getParent();
        try {
            Path file = (folder == null ? target : folder).toRealPath().resolve(target.getFileName() + ".lock");
            if (HELD.add(file)) {
                CaptureLock lock = null;
                try {
                    lock = takeFrom(file);
                } finally {
                    if (lock == null) {
                        HELD.remove(file);
                    }
                }
                if (lock != null) {
                    return lock;
                }
            }
        } catch (OverlappingFileLockException e) {
            throw taken(target); // by this library, loaded a second time
        } catch (ClosedByInterruptException e) {
            throw new CancellationException(target + ": interrupted before anything was written");
        } catch (IOException e) {
            throw new UncheckedIOException(target + ": cannot be locked: " + e, e);
        }
        throw taken(target);
    }

    private static ModscanException taken(Path target) {
        return new ModscanException(
                target + ": another capture is being written to it; wait until it is done, or give another name");
    }

    private static @Nullable CaptureLock takeFrom(Path file) throws IOException {
        while (true) {
            FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            boolean keep = false;
            try {
                FileLock lock = channel.tryLock();
                if (lock == null) {
                    return null;
                }
                if (isStillAt(file, channel)) {
                    keep = true;
                    return new CaptureLock(file, channel);
                }
            } finally {
                if (!keep) {
                    channel.close();
                }
            }
        }
    }

    /** Whoever held the lock before may have deleted the file between our opening and locking it. */
    private static boolean isStillAt(Path file, FileChannel channel) throws IOException {
        int mark = ThreadLocalRandom.current().nextInt(1, 1 << 16);
        channel.truncate(0);
        channel.write(ByteBuffer.allocate(1), mark);
        try {
            return Files.size(file) == mark + 1;
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    /** Gives the lock up. */
    @Override
    public void close() {
        try {
            try (channel) {
                // Before it is unlocked, so that nobody who has locked the file since loses it.
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be removed: " + e, e);
        } finally {
            HELD.remove(file);
        }
    }
}
