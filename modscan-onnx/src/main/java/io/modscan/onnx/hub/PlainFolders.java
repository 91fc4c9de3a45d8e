package io.modscan.onnx.hub;

import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes within the cache, and nowhere else: no link below the cache's folder is followed to what is written. The cache's
 * own folder, and those above it, may well be links: they are what the user names. Who may change the cache's folders
 * while this runs can still come between a look and a step, since Java has no way to make a folder or a link relative to an
 * open folder; so it is looked again before bytes are written.
 */
final class PlainFolders {

    private static final Logger LOG = LoggerFactory.getLogger(Hub.class);

    private final Path cache;

    PlainFolders(Path cache) {
        this.cache = cache;
    }

    /** Makes a folder of the cache where it isn't there. */
    void make(Path folder) throws IOException {
        Files.createDirectories(cache);
        for (Path at : below(folder)) {
            try {
                Files.createDirectory(at);
            } catch (FileAlreadyExistsException e) {
                mustBeFolder(at);
            }
        }
    }

    /** Checks that a folder of the cache is where its name says. */
    void check(Path folder) throws IOException {
        for (Path at : below(folder)) {
            mustBeFolder(at);
        }
    }

    /** A folder and those above it, from the cache on, which is not among them. */
    private List<Path> below(Path folder) {
        List<Path> folders = new ArrayList<>();
        for (Path at = folder; at != null && !at.equals(cache); at = at.getParent()) {
            folders.add(0, at);
        }
        return folders;
    }

    private void mustBeFolder(Path folder) throws IOException {
        if (Files.isSymbolicLink(folder)) {
            throw new ModscanException(folder + ": is a link to " + Files.readSymbolicLink(folder)
                    + ", and within the hub's cache nothing is written through links; take the link away, or set"
                    + " HF_HUB_CACHE to the cache where the folder itself lies");
        }
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            throw new ModscanException(folder + ": is no folder, so the hub's cache cannot be written to");
        }
    }

    /**
     * Opens a file that only this library writes, to go on with it. What is there under its name and isn't a file of its own,
     * such as a link, is taken away; what it leads to stays as it is.
     */
    FileChannel open(Path file) throws IOException {
        Path folder = folder(file);
        check(folder);
        if (!isOwn(file)) {
            LOG.warn("{} is a link or no plain file; it is taken away, and not followed", file);
            Files.delete(file);
        }
        FileChannel channel;
        try {
            channel = FileChannel.open(
                    file, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS));
        } catch (FileAlreadyExistsException e) {
            channel = FileChannel.open(file, Set.of(StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS));
        }
        try {
            check(folder);
            return channel;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** Whether a file is not there, or a plain one that has no other name. */
    private static boolean isOwn(Path file) throws IOException {
        try {
            BasicFileAttributes facts =
                    Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            return facts.isRegularFile() && names(file) == 1;
        } catch (NoSuchFileException e) {
            return true;
        }
    }

    private static int names(Path file) throws IOException {
        try {
            return (Integer) Files.getAttribute(file, "unix:nlink", LinkOption.NOFOLLOW_LINKS);
        } catch (UnsupportedOperationException | IllegalArgumentException e) {
            return 1; // not a system on which it can be told
        }
    }

    /** Writes a small file unless something has its name. */
    void createNew(Path file, String text) throws IOException {
        check(folder(file));
        Files.writeString(file, text, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    /** Whether a file, links followed, is one of the cache's. */
    boolean holds(Path file) {
        try {
            return file.toRealPath().startsWith(cache.toRealPath());
        } catch (IOException e) {
            return false;
        }
    }

    private static Path folder(Path file) {
        Path folder = file.getParent();
        if (folder == null) {
            throw new UncheckedIOException(new IOException(file + ": lies in no folder"));
        }
        return folder;
    }
}
