package io.modscan.core.file;

import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Writes files that appear whole or not at all: a file is written aside, under a name that no other writer has, and moved
 * into place when it is complete. Safe for use by many threads and processes; of several that write one target, the last
 * to finish wins.
 */
public final class WholeFile {

    private static final AtomicLong COUNTER = new AtomicLong();

    private WholeFile() {}

    /** Writes a file's content. */
    @FunctionalInterface
    public interface Content {
        /**
         * Writes all of the content.
         *
         * @param aside the file to create, in the target's folder
         * @throws IOException if writing fails
         */
        void writeTo(Path aside) throws IOException;
    }

    /**
     * Sees to it, before the work is done, that a file can be written: makes its folder where there is none.
     *
     * @param target the file to be
     * @throws ModscanException if the target is there and is no plain file, or its folder cannot be made or written to
     */
    public static void prepare(Path target) {
        if (Files.isDirectory(target)) {
            throw new ModscanException(target + ": is a folder; give the name of a file in it");
        }
        if (Files.exists(target) && !Files.isRegularFile(target)) {
            throw new ModscanException(
                    target + ": is a device or the like, which a file would replace; give another name");
        }
        Path folder = folder(target);
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new ModscanException(target + ": its folder cannot be made: " + e, e);
        }
        if (!Files.isWritable(folder)) {
            throw new ModscanException(target + ": its folder cannot be written to");
        }
    }

    /**
     * Writes a file, replacing one that is there.
     *
     * @param target  the file
     * @param content its content; if this throws, whatever it is, the target is left as it was
     * @throws ModscanException      as {@link #prepare} throws
     * @throws UncheckedIOException  if writing fails; then too the target is as it was
     * @throws CancellationException if the thread is interrupted before or meanwhile; then too
     */
    public static void write(Path target, Content content) {
        prepare(target);
        if (Thread.currentThread().isInterrupted()) {
            throw cancelled(target);
        }
        Path aside = folder(target)
                .resolve(target.getFileName() + "." + ProcessHandle.current().pid() + "-" + COUNTER.incrementAndGet()
                        + ".part");
        try {
            content.writeTo(aside);
            Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (ClosedByInterruptException e) {
            throw cancelled(target);
        } catch (IOException e) {
            throw new UncheckedIOException(target + ": cannot be written: " + e, e);
        } catch (UncheckedIOException e) {
            if (e.getCause() instanceof ClosedByInterruptException) {
                throw cancelled(target);
            }
            throw e;
        } finally {
            try {
                Files.deleteIfExists(aside);
            } catch (IOException e) {
                // The file aside is only litter; what went wrong before, if anything did, matters more.
            }
        }
    }

    private static CancellationException cancelled(Path target) {
        return new CancellationException(target + ": is not written; the thread was interrupted");
    }

    private static Path folder(Path target) {
        Path folder = target.toAbsolutePath().getParent();
        if (folder == null) {
            throw new ModscanException(target + ": is no name of a file");
        }
        return folder;
    }
}
