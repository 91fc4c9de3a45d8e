package io.modscan.onnx.hub;

import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One model's part of the cache: {@code blobs} holds contents by their ETag, {@code snapshots/COMMIT} the files as links into
 * it, {@code refs} the commit of each branch and tag.
 */
final class ModelCache {

    private static final Logger LOG = LoggerFactory.getLogger(Hub.class);

    /**
     * A file lock holds between processes only; this holds between the threads of one, and keeps those that wait from opening
     * the lock's file: on POSIX systems closing it again would release the lock of the thread that has it.
     */
    private static final Map<Path, ReentrantLock> IN_PROCESS = new ConcurrentHashMap<>();

    private static final String TAG = """
            Signature: 8a477f597d28d172789f06886806bc55
            # What is in this folder can be fetched again, so backups may leave it out.
            """;

    private final Path cache;
    private final String repository;
    private final Path folder;
    private final boolean links;
    private final PlainFolders plain;

    ModelCache(HubSettings settings, String model) {
        this.cache = settings.cache();
        this.repository = "models--" + model.replace("/", "--");
        this.folder = cache.resolve(repository);
        this.links = settings.links();
        this.plain = new PlainFolders(cache);
    }

    Path folder() {
        return folder;
    }

    Path snapshot(String commit) {
        return folder.resolve("snapshots").resolve(commit);
    }

    Path file(String commit, String name) {
        try {
            return snapshot(commit).resolve(name);
        } catch (InvalidPathException e) {
            throw new ModscanException(
                    "'" + HubNames.printable(name) + "' cannot be the name of a file on this system (" + e.getReason()
                            + "); a locale with UTF-8 may help",
                    e);
        }
    }

    Path blob(String etag) {
        return folder.resolve("blobs").resolve(etag);
    }

    /** A name of our own, so that a download by Python at the same time is never mixed with ours. */
    Path partial(String etag) {
        return folder.resolve("blobs").resolve(etag + ".modscan.incomplete");
    }

    /** Opens what has come of a content, or begins it. */
    FileChannel openPartial(String etag) throws IOException {
        return plain.open(partial(etag));
    }

    /** Gives a content that has come its name. */
    void keep(String etag) throws IOException {
        plain.check(folder.resolve("blobs"));
        Files.move(partial(etag), blob(etag), StandardCopyOption.ATOMIC_MOVE);
    }

    /** The names of a snapshot's files that are really there. */
    Set<String> files(String commit) {
        Path snapshot = snapshot(commit);
        Set<String> files = new TreeSet<>();
        try (Stream<Path> paths = Files.walk(snapshot)) {
            paths.filter(Files::isRegularFile)
                    .forEach(file ->
                            files.add(snapshot.relativize(file).toString().replace('\\', '/')));
        } catch (NoSuchFileException e) {
            return Set.of();
        } catch (IOException | UncheckedIOException e) {
            throw new ModscanException(snapshot + ": cannot be read: " + e, e);
        }
        return Collections.unmodifiableSet(files);
    }

    /** The commit that a revision stood for when it was last asked about, if its snapshot is there. */
    @Nullable
    String commit(String revision) {
        String commit;
        try {
            commit = HubNames.isCommit(revision)
                    ? revision
                    : Files.readString(folder.resolve("refs").resolve(revision)).strip();
        } catch (NoSuchFileException e) {
            return null;
        } catch (IOException e) {
            LOG.debug("The ref of {} in {} cannot be read", revision, folder, e);
            return null;
        }
        return HubNames.isCommit(commit) && Files.isDirectory(snapshot(commit)) ? commit : null;
    }

    /** Notes what a revision stands for. A cache that cannot be written to is no less good for that. */
    void note(String revision, String commit) {
        if (revision.equals(commit) || commit.equals(commit(revision))) {
            return;
        }
        Path ref = folder.resolve("refs").resolve(revision);
        try {
            plain.make(Objects.requireNonNull(ref.getParent(), "a ref lies in a folder"));
            if (!Files.isRegularFile(ref, LinkOption.NOFOLLOW_LINKS)) {
                Files.deleteIfExists(ref); // a link, which is not followed
            }
            WholeFile.write(ref, aside -> plain.createNew(aside, commit));
        } catch (ModscanException | IOException | UncheckedIOException e) {
            LOG.warn("{} cannot be noted as {}: {}", revision, commit, e.getMessage());
        }
    }

    void prepare() {
        try {
            plain.make(folder.resolve("blobs"));
            plain.make(folder.resolve("snapshots"));
        } catch (IOException e) {
            throw new ModscanException(
                    folder + ": cannot be made: " + e + "; set HF_HUB_CACHE to a folder that can be written to", e);
        }
        Path tag = cache.resolve("CACHEDIR.TAG");
        try {
            plain.createNew(tag, TAG);
        } catch (IOException e) {
            LOG.debug("{} is there, or cannot be written", tag, e);
        }
    }

    /** Whether a content is there, and of the right size if that is known. */
    boolean has(String etag, long size) {
        try {
            // The hub's own tools keep what models share in one place of the cache, and link to it.
            return Files.isRegularFile(blob(etag))
                    && plain.holds(blob(etag))
                    && (size < 0 || Files.size(blob(etag)) == size);
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Where a content of a snapshot will lie, links followed. Whether links can be made is taken from the files that the
     * snapshot has already.
     */
    Path place(String commit, String name, String etag) {
        Path snapshot = snapshot(commit);
        if (!Files.isDirectory(snapshot)) {
            return links ? blob(etag) : file(commit, name);
        }
        try (Stream<Path> files = Files.list(snapshot)) {
            Path place = links && files.anyMatch(Files::isSymbolicLink) ? blob(etag) : file(commit, name);
            return folder.toRealPath().resolve(folder.relativize(place));
        } catch (IOException | UncheckedIOException e) {
            throw new ModscanException(snapshot + ": cannot be read: " + e, e);
        }
    }

    /** Gives a content its name in a snapshot: as a relative link, or, where there can be none, as the file itself. */
    void link(String commit, String name, String etag, boolean fresh) {
        Path file = file(commit, name);
        Path parent = file.toAbsolutePath().getParent();
        Path blob = blob(etag);
        if (parent == null || Files.isRegularFile(file)) {
            return;
        }
        try {
            plain.make(parent);
            if (links && linked(file, parent.relativize(blob))) {
                return;
            }
            plain.check(parent);
            if (fresh) {
                Files.move(blob, file, StandardCopyOption.ATOMIC_MOVE);
            } else {
                // Fails where something has the name, and follows no link.
                WholeFile.write(file, aside -> Files.copy(blob, aside));
            }
        } catch (IOException | UncheckedIOException e) {
            throw new ModscanException(file + ": cannot be made: " + e.getMessage(), e);
        }
    }

    private static boolean linked(Path file, Path target) {
        try {
            // What is there is a link to a content that is gone.
            Files.deleteIfExists(file);
            Files.createSymbolicLink(file, target);
            return true;
        } catch (UnsupportedOperationException | IOException e) {
            LOG.debug("{} can be no link", file, e);
            // Or it is there by now: Python may have been faster.
            return Files.isRegularFile(file);
        }
    }

    /**
     * Waits until no one else, thread or process, fetches a content. Java's file locks and those of Python's
     * {@code huggingface_hub} do not see one another on Linux, so this keeps off other Java processes only; it is the names of
     * the partial files and the move of a whole one into place that keep Python's and ours apart. So the lock file lies beside
     * Python's and not in its place: Python may delete its own, or take one that is there for a lock that is held.
     */
    Held hold(String etag) throws InterruptedException {
        Path locks = cache.resolve(".locks").resolve(repository);
        Path path = locks.resolve(etag + ".modscan.lock");
        ReentrantLock thread = IN_PROCESS.computeIfAbsent(real(locks).resolve(etag), key -> new ReentrantLock());
        thread.lockInterruptibly();
        FileChannel channel = null;
        boolean held = false;
        try {
            channel = plain.open(path);
            lock(channel, path);
            held = true;
        } catch (FileLockInterruptionException | ClosedByInterruptException e) {
            throw interrupted(e);
        } catch (IOException e) {
            // Some network file systems have no locks. Two processes may then mix their bytes, which the hash tells.
            LOG.warn("{} cannot be locked: {}", path, e.toString());
            held = true;
        } finally {
            if (!held) {
                new Held(thread, channel).close();
            }
        }
        return new Held(thread, channel);
    }

    /** One folder, one path: else two threads that spell the cache's folder differently would not see each other. */
    private Path real(Path locks) {
        try {
            plain.make(locks);
            return locks.toRealPath();
        } catch (IOException e) {
            throw new ModscanException(locks + ": cannot be made: " + e, e);
        }
    }

    private static void lock(FileChannel channel, Path path) throws IOException, InterruptedException {
        while (true) {
            try {
                FileLock lock = channel.tryLock();
                if (lock == null) {
                    LOG.info("Another process fetches what {} stands for; waiting for it", path);
                    lock = channel.lock();
                }
                if (!lock.isValid()) {
                    throw new IOException("the lock is lost");
                }
                return;
            } catch (OverlappingFileLockException e) {
                // Another copy of this class, of another class loader, holds it.
                Thread.sleep(100);
            }
        }
    }

    static InterruptedException interrupted(IOException cause) {
        InterruptedException interrupt = new InterruptedException();
        interrupt.initCause(cause);
        return interrupt;
    }

    /**
     * A content held against others.
     *
     * @param thread  against the threads of this process
     * @param channel against other processes; null if there can be no lock
     */
    record Held(ReentrantLock thread, @Nullable FileChannel channel) implements AutoCloseable {
        @Override
        public void close() {
            try {
                if (channel != null) {
                    channel.close();
                }
            } catch (IOException e) {
                LOG.debug("a lock file cannot be closed", e);
            } finally {
                thread.unlock();
            }
        }
    }
}
